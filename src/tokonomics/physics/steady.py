"""The steady continuous batch: N sequences always running, finished ones replaced at once.

Each output token of the batch brings `input/output` prompt tokens with it, so a step of N sequences carries on
average P = N * input/output prompt tokens. They come in whole prompts (or chunks of the step budget), so a share
of the steps is long and the rest short; the mean step weighs the two.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tokonomics.physics.step import Floats, StepModel, step_time


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestShape:
    """What the physics must know of the requests: token counts as means over requests.

    `input_tokens` are those that are really prefilled (prefix-cache hits taken out); `context_tokens` is the mean
    context of a running sequence, which long outputs dominate: E[output*(input + output/2)] / E[output].
    """

    input_tokens: float
    output_tokens: float
    context_tokens: float
    step_budget_tokens: float = 8192.0

    @property
    def chunk_tokens(self) -> float:
        """Prompt tokens that arrive together in one step."""
        return min(self.input_tokens, self.step_budget_tokens)


@dataclass(frozen=True, kw_only=True, slots=True)
class SteadyBatch:
    """A steady batch; arrays of the broadcast shape of deployments and batch sizes.

    `prefill_frac` is the share of time that prompts add. `short_step_s` is a step without a prompt chunk,
    `long_step_s` one with it.
    """

    batch_sequences: Floats
    mean_step_s: Floats
    short_step_s: Floats
    long_step_s: Floats
    prefill_step_frac: Floats
    prefill_frac: Floats
    output_tokens_per_s: Floats
    requests_per_s: Floats


def steady_batch(model: StepModel, batch: ArrayLike, shape: RequestShape) -> SteadyBatch:
    """Rates of N = `batch` sequences kept running (broadcast against the deployments in `model`)."""
    n = np.asarray(batch, dtype=float)
    prompt_per_step = n * shape.input_tokens / shape.output_tokens
    chunk = shape.chunk_tokens
    share = np.minimum(prompt_per_step / chunk, 1.0) if chunk > 0 else np.zeros_like(n)
    in_long_step = np.maximum(prompt_per_step, chunk)
    short = step_time(model, n, shape.context_tokens).total_s
    long = step_time(model, n, shape.context_tokens, in_long_step, shape.input_tokens / 2.0).total_s
    mean = (1.0 - share) * short + share * long
    return SteadyBatch(
        batch_sequences=np.broadcast_to(n, mean.shape),
        mean_step_s=mean,
        short_step_s=short,
        long_step_s=long,
        prefill_step_frac=np.broadcast_to(share, mean.shape),
        prefill_frac=1.0 - short / mean,
        output_tokens_per_s=n / mean,
        requests_per_s=n / (mean * shape.output_tokens),
    )

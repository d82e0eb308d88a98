"""What a replica is asked, as arrays over cases, and the answer in the quantities that publications report."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokonomics.physics.step import Floats, StepModel, step_time


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """Cases of one mode; every array has shape (cases,).

    `num_sequences` are in flight on a replica, or in its batch; `num_held` is how many its memory and limits hold.
    `num_requests` is the length of the whole run on a replica, infinite when not stated. The last floats are the
    `ServingConstants` of the engines. `mixed_lengths` says that answers differ in length, as those of people do.
    """

    input_tokens: Floats
    output_tokens: Floats
    depth_tokens: Floats
    step_budget_tokens: Floats
    num_sequences: Floats
    num_held: Floats
    num_requests: Floats
    offered_requests_per_s: Floats
    limit_s: Floats
    request_overhead_s: Floats
    token_overhead_s: Floats
    num_admission_steps: Floats
    decode_only: NDArray[np.bool_]
    mixed_lengths: NDArray[np.bool_]

    @property
    def context_tokens(self) -> Floats:
        """Mean context of a running sequence of the usual lengths."""
        return self.depth_tokens + self.input_tokens + self.output_tokens / 2.0

    @property
    def total_tokens(self) -> Floats:
        """Tokens of a request that a replica computes: its prompt and its answer."""
        return self.input_tokens + self.output_tokens

    @property
    def front_end_s(self) -> Floats:
        """Time of a request outside the steps, before its first token."""
        return self.request_overhead_s + self.token_overhead_s * self.input_tokens

    @property
    def chunk_tokens(self) -> Floats:
        """Prompt tokens of one request that go into one step."""
        return np.minimum(self.input_tokens, self.step_budget_tokens)


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """What one replica does, arrays of shape (cases,); NaN where the mode does not say."""

    output_tokens_per_s: Floats
    prefill_tokens_per_s: Floats
    tpot_s: Floats
    ttft_s: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A steady batch: steps with and without a prompt chunk, and the share of steps that carry one."""

    short_s: Floats
    long_s: Floats
    long_frac: Floats

    @property
    def mean_s(self) -> Floats:
        """The mean step."""
        return self.short_s + self.long_frac * (self.long_s - self.short_s)


def running(model: StepModel, load: Load, batch: ArrayLike) -> Running:
    """Steps of `batch` sequences that are replaced as they finish: each output token brings input/output prompt tokens.

    They come in whole prompts or chunks of the budget, so some steps are long and the others short.
    """
    n = np.asarray(batch, dtype=float)
    prompt_per_step = n * load.input_tokens / np.maximum(load.output_tokens, 1.0)
    chunk = np.maximum(load.chunk_tokens, 1e-9)
    return Running(
        short_s=step_time(model, n, load.context_tokens).total_s,
        long_s=step_time(
            model, n, load.context_tokens, np.maximum(prompt_per_step, chunk), load.input_tokens / 2.0
        ).total_s,
        long_frac=np.minimum(prompt_per_step / chunk, 1.0),
    )


def most_decoding(load: Load) -> Floats:
    """Sequences that decode at once, at most, when every step is as full of tokens as its budget allows.

    N of them and the prompts of those that take their places are N x (1 + input/output) tokens a step; the others in
    the batch wait for their prompts.
    """
    return np.asarray(load.step_budget_tokens * load.output_tokens / np.maximum(load.total_tokens, 1e-9))


def num_prompt_steps(load: Load, num_prompts: ArrayLike) -> Floats:
    """Steps that hold `num_prompts` prompts together, each as full as the budget allows."""
    tokens = load.input_tokens * np.asarray(num_prompts, dtype=float)
    return np.asarray(np.maximum(np.ceil(tokens / load.step_budget_tokens - 1e-9), 1.0))


def prompt_s(model: StepModel, load: Load, num_prompts: ArrayLike = 1.0, beside: ArrayLike = 0.0) -> Floats:
    """Time to prefill `num_prompts` prompts together, in chunks of the budget, beside `beside` decoding sequences.

    Over pipeline stages a chunk passes one stage after the other and the next chunk follows one stage behind: n chunks
    over s stages take n + s - 1 stage times. A step of `step_time` is shared by the stages, hence s times the chunk.
    """
    tokens = load.input_tokens * np.asarray(num_prompts, dtype=float)
    num_chunks = num_prompt_steps(load, num_prompts)
    stages = model.num_stages
    earlier = load.depth_tokens + load.input_tokens / 2.0
    passage = step_time(model, beside, load.context_tokens, stages * tokens / num_chunks, earlier)
    return np.asarray((num_chunks + stages - 1.0) / stages * passage.total_s)

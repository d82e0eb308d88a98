"""Latency of one replica at an offered rate: a closed-form estimate that a simulation can later replace.

A replica at rate r runs N sequences, where r = N / (output * mean_step(N)): Little's law on the steady batch.
N fluctuates like a Poisson count, so percentiles are read at N + z*sqrt(N). Prompts queue for the prefill work of
the engine as for a single server (Kingman's formula). Before all that comes the front end. See
`docs/model-cards/latency.md`.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from tokonomics.physics.steady import RequestShape, SteadyBatch, steady_batch
from tokonomics.physics.step import Floats, StepModel, step_time

_ROUNDING_ROOM = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class LatencyEstimate:
    """Latency at one percentile, arrays over deployments and batches.

    `ttft_s` is infinite where prompts arrive faster than they can be prefilled. `batch_sequences` is the batch that the
    percentile sees; a batch above what memory holds queues, which the caller must rule out.
    """

    ttft_s: Floats
    itl_s: Floats
    e2e_s: Floats
    batch_sequences: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptSpread:
    """What the latency percentiles must know beyond the means of `RequestShape`.

    `input_tokens` is the prompt length at the percentile asked for, `output_tokens` the output length there,
    `input_cv` the coefficient of variation of prompt lengths and `arrival_cv` that of the gaps between arrivals.
    `median_output_tokens` is over how many gaps a typical request averages the prompts it has to sit out.
    """

    input_tokens: float
    output_tokens: float
    input_cv: float
    arrival_cv: float
    median_output_tokens: float


def batch_at_percentile(mean_batch: ArrayLike, percentile: float | None) -> Floats:
    """Batch that is exceeded a share 1 - percentile/100 of the time when the mean is `mean_batch`.

    None asks for the mean itself.

    >>> float(batch_at_percentile(100.0, None)), round(float(batch_at_percentile(100.0, 95.0)), 1)
    (100.0, 116.4)
    """
    mean = np.asarray(mean_batch, dtype=float)
    if percentile is None:
        return mean
    z = NormalDist().inv_cdf(percentile / 100.0)
    return np.asarray(np.maximum(mean + z * np.sqrt(mean), 1.0))


def latency_estimate(
    model: StepModel,
    mean_batch: ArrayLike,
    shape: RequestShape,
    spread: PromptSpread,
    percentile: float | None,
) -> LatencyEstimate:
    """Estimate latency of replicas whose mean batch is `mean_batch`, at `percentile` (None: the mean)."""
    steady = steady_batch(model, mean_batch, shape)
    batch = batch_at_percentile(steady.batch_sequences, percentile)
    busy = steady_batch(model, batch, shape)
    own_prefill_s = _own_prefill_s(model, batch, shape, spread.input_tokens)
    wait_s = _queue_wait_s(steady, shape, spread, percentile)
    outside_s = _outside_s(model, steady.batch_sequences, busy.short_step_s, spread, percentile)
    ttft_s = outside_s + busy.mean_step_s * _residual_share(percentile) + wait_s + own_prefill_s
    return LatencyEstimate(
        ttft_s=ttft_s,
        itl_s=busy.mean_step_s + _prompt_jitter_s(steady, spread, percentile),
        e2e_s=ttft_s + np.maximum(spread.output_tokens - 1.0, 0.0) * steady.mean_step_s,
        batch_sequences=batch,
    )


def _prompt_jitter_s(steady: SteadyBatch, spread: PromptSpread, percentile: float | None) -> Floats:
    """How much longer the mean gap of an unlucky request is, because more prompts than usual ran beside it.

    A request of n tokens sits out a Poisson number of long steps, share x n on average, each longer than a short one
    by the work of a prompt, whose length varies too: the mean gap has variance share x (long - short)^2 (1+cv^2) / n.
    """
    if percentile is None:
        return np.zeros_like(steady.mean_step_s)
    z = NormalDist().inv_cdf(percentile / 100.0)
    extra_s = steady.long_step_s - steady.short_step_s
    per_gap = steady.prefill_step_frac * (1.0 + spread.input_cv**2) / max(spread.median_output_tokens, 1.0)
    return np.asarray(z * extra_s * np.sqrt(per_gap))


def _outside_s(
    model: StepModel, mean_batch: Floats, step_s: Floats, spread: PromptSpread, percentile: float | None
) -> Floats:
    """Time outside the steps: the front end, and the steps for which an engine that is not idle lets a request wait.

    It is idle a share exp(-N) of the time, the empty state of a Poisson count; the percentile is of the arrivals.
    """
    idle_frac = np.exp(-mean_batch)
    busy_frac = 1.0 - idle_frac if percentile is None else idle_frac < percentile / 100.0
    front_end_s = model.request_overhead_s + model.token_overhead_s * spread.input_tokens
    return np.asarray(front_end_s + model.num_admission_steps * busy_frac * step_s)


def _residual_share(percentile: float | None) -> float:
    """Share of the running step that an arrival still has to wait for, uniform between none and all."""
    return 0.5 if percentile is None else percentile / 100.0


def _own_prefill_s(model: StepModel, batch: Floats, shape: RequestShape, input_tokens: float) -> Floats:
    """Time from the start of a prompt's first chunk to its first token, beside `batch` decoding sequences."""
    num_steps = max(np.ceil(input_tokens / shape.step_budget_tokens), 1.0)
    step = step_time(model, batch, shape.context_tokens, input_tokens / num_steps, input_tokens / 2.0)
    return np.asarray(num_steps * step.total_s)


def _queue_wait_s(steady: SteadyBatch, shape: RequestShape, spread: PromptSpread, percentile: float | None) -> Floats:
    """Wait for the prompts ahead: G/G/1 by Kingman, with the exponential tail of a busy queue.

    The server's work is what a prompt adds to the running steps: long_step - short_step for a mean prompt, more
    in proportion for prompts of several chunks.
    """
    chunks = shape.input_tokens / shape.chunk_tokens if shape.chunk_tokens > 0 else 0.0
    service_s = (steady.long_step_s - steady.short_step_s) * chunks
    load = np.minimum(steady.requests_per_s * service_s, 1.0 + _ROUNDING_ROOM)
    variability = (spread.arrival_cv**2 + spread.input_cv**2) / 2.0
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_wait = np.where(load < 1.0, load / (1.0 - load) * service_s * variability, np.inf)
        if percentile is None:
            return np.where(load > 0.0, mean_wait, 0.0)
        tail = 1.0 - percentile / 100.0
        stretched = mean_wait / load * np.log(np.maximum(load, tail) / tail)
    return np.where(load > tail, stretched, 0.0)

"""One running replica under a steady load: how fast it is at a batch, and why a larger one is refused."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokonomics.economics.serving.steady_load import SteadyLoad
from tokonomics.errors import InputError
from tokonomics.physics.capacity import MemoryBox, memory_box
from tokonomics.physics.deployment import Deployment
from tokonomics.physics.latency import latency_estimate
from tokonomics.physics.steady import SteadyBatch, steady_batch
from tokonomics.physics.step import Floats, StepModel, step_model, step_time
from tokonomics.units import GB


@dataclass(frozen=True, kw_only=True, slots=True)
class Replica:
    """A deployment under a load, with the coefficients of its step, its memory and the largest batch that it holds.

    The coefficients and the memory may be changed by what the deployment does not know of, such as unfused attention
    or a draft model.
    """

    deployment: Deployment
    load: SteadyLoad
    step: StepModel
    box: MemoryBox
    max_batch: int

    @property
    def batches(self) -> Floats:
        """Every batch that the replica can hold, from 1."""
        return np.arange(1.0, self.max_batch + 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchRates:
    """A replica at several batches, as arrays of one shape.

    `mean_itl_s` is the mean gap between the tokens of a sequence, prompts of the others included, so that batch =
    throughput x gap. `prefill_frac` is the share of time that prompts take. `longest_step_s` is a step with a prompt.
    """

    batch_sequences: Floats
    output_tokens_per_s: Floats
    mean_itl_s: Floats
    longest_step_s: Floats
    prefill_frac: Floats
    binds: NDArray[np.str_]


def replica_of(dep: Deployment, load: SteadyLoad) -> Replica:
    """The replica that `dep` is by itself; `max_batch` is 0 where not even the longest sequence fits alone.

    Raises: MissingFact for a rate or a memory size that the catalogue lacks.
    """
    box = memory_box(dep)
    return Replica(deployment=dep, load=load, step=step_model(dep), box=box, max_batch=largest_batch(box, load))


def largest_batch(box: MemoryBox, load: SteadyLoad) -> int:
    """Sequences of the mean context that fit together, 0 where the longest does not fit alone."""
    return box.max_batch(load.shape.context_tokens) if box.max_batch(load.longest_tokens) >= 1 else 0


def batch_rates(replica: Replica, batch: ArrayLike) -> BatchRates:
    """Rates of `replica` at each `batch`, whether memory holds it or not: the caller refuses what it does not."""
    shape = replica.load.shape
    steady = steady_batch(replica.step, batch, shape)
    per_step = steady.batch_sequences * shape.input_tokens / shape.output_tokens
    time = step_time(replica.step, steady.batch_sequences, shape.context_tokens, per_step, shape.input_tokens / 2.0)
    return BatchRates(
        batch_sequences=steady.batch_sequences,
        output_tokens_per_s=steady.output_tokens_per_s,
        mean_itl_s=steady.mean_step_s,
        longest_step_s=steady.long_step_s,
        prefill_frac=steady.prefill_frac,
        binds=np.asarray(time.binds),
    )


def itl_at_s(replica: Replica, batch: ArrayLike, percentile: float | None) -> Floats:
    """Gap between tokens at `percentile` over requests (None: the mean) when `batch` run on average.

    The number running fluctuates like a Poisson count, but never above what memory holds: the rest queues, which
    shows in the time to the first token and not here.
    """
    load, mean = replica.load, np.asarray(batch, dtype=float)
    estimate = latency_estimate(replica.step, mean, load.shape, load.spread_at(percentile), percentile)
    ceiling = np.maximum(float(replica.max_batch), mean)
    held = np.minimum(estimate.batch_sequences, ceiling)
    return np.asarray(estimate.itl_s - _gap_s(replica, estimate.batch_sequences) + _gap_s(replica, held))


def metric_at_s(replica: Replica, batch: ArrayLike, metric: str, percentile: float | None) -> Floats:
    """The latency called `metric` (`itl`, `ttft` or `e2e`) at `percentile` when `batch` run on average.

    Raises: InputError for `ttft` and `e2e` of a load without prompts, which has neither.
    """
    if metric == "itl":
        return itl_at_s(replica, batch, percentile)
    load = replica.load
    if load.is_decode_only:
        raise InputError(f"{metric} needs prompts; give --in and --out instead of --ctx, or limit itl")
    estimate = latency_estimate(replica.step, batch, load.shape, load.spread_at(percentile), percentile)
    return {"ttft": estimate.ttft_s, "e2e": estimate.e2e_s}[metric]


def refusal(replica: Replica, batch: int) -> str:
    """Why `batch` sequences do not run, as a sentence of advice; empty where they do."""
    if batch <= replica.max_batch:
        return ""
    box, load = replica.box, replica.load
    if not box.fits:
        need, usable = box.weight_bytes + box.activation_bytes, box.usable_bytes
        return f"weights+activations={need / GB:.1f} GB a GPU; usable={usable / GB:.1f} GB; use more GPUs or fewer bits"
    if replica.max_batch >= box.max_sequences:
        return f"the engine runs at most {box.max_sequences:,} sequences"
    context = load.longest_tokens if replica.max_batch == 0 else load.shape.context_tokens
    need = batch * float(box.kv.sequence_bytes(context))
    return (
        f"KV of {batch:,} x {context:,.0f} tokens={need / GB:.1f} GB a GPU; room={box.kv_room_bytes / GB:.1f} GB;"
        f" at most {replica.max_batch:,} run, or contexts of {box.max_context_tokens(batch):,} tokens"
    )


def _gap_s(replica: Replica, batch: Floats) -> Floats:
    steady: SteadyBatch = steady_batch(replica.step, batch, replica.load.shape)
    return steady.mean_step_s

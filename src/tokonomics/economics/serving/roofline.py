"""The bound that no serving engine can pass: every byte at the full bandwidth, every FLOP at the full rate, overlapped.

    step >= max(bytes / bandwidth, FLOP / rate, link bytes / link rate)

It is stricter than the engine called "roofline", whose GEMM blends memory and compute time and adds attention: that
one estimates an ideal machine, this one refuses what cannot be.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.model import Model
from tokonomics.errors import MissingFact
from tokonomics.physics.constants import ideal_constants
from tokonomics.physics.deployment import Deployment, deployment
from tokonomics.physics.formats import compute_rate_flop_per_s, weight_formats
from tokonomics.physics.step import Floats, StepModel, step_model, step_time

BOUNDS = ("bandwidth", "compute", "communication")
_BISECTIONS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class RooflineBound:
    """The least time of a step and the most tokens it can yield; arrays of one broadcast shape."""

    batch_sequences: Floats
    memory_s: Floats
    compute_s: Floats
    link_s: Floats

    @property
    def step_s(self) -> Floats:
        """The least time of a step: the longest of the three, were they perfectly overlapped."""
        return np.asarray(np.maximum(np.maximum(self.memory_s, self.compute_s), self.link_s))

    @property
    def output_tokens_per_s(self) -> Floats:
        """One token a sequence and step."""
        return np.asarray(self.batch_sequences / self.step_s)

    @property
    def binds(self) -> NDArray[np.str_]:
        """What sets the bound: one of `BOUNDS`."""
        times = np.stack([self.memory_s, self.compute_s, self.link_s])
        names: NDArray[np.str_] = np.asarray(BOUNDS)[np.argmax(times, axis=0)]
        return names


@dataclass(frozen=True, kw_only=True, slots=True)
class Ridge:
    """The rows of a matrix product from which arithmetic takes longer than reading the weights, on the ideal machine.

    A decoding sequence is one row, a prompt token too. `computes_as` is the rate the format multiplies at;
    `raises_compute` says whether that is above the 16-bit rate, so that fewer bits buy arithmetic and not only bytes.
    """

    precision: str
    computes_as: str
    raises_compute: bool
    num_rows: float


def ideal_step_model(dep: Deployment) -> StepModel:
    """The coefficients of `dep` without any inefficiency or overhead."""
    return step_model(replace(dep, constants=ideal_constants()))


def roofline_bound(
    dep: Deployment,
    batch: ArrayLike,
    context_tokens: ArrayLike,
    *,
    prompt_tokens: ArrayLike = 0.0,
    prompt_context_tokens: ArrayLike = 0.0,
    fewest_experts: bool = False,
) -> RooflineBound:
    """Bound a step of `batch` sequences at mean context `context_tokens`, beside `prompt_tokens` a step on average.

    Prompts add arithmetic only: their bytes could all be read by steps that run anyway. Experts are read as often as
    independent routing expects; `fewest_experts` reads only those of one token, which no routing can undercut.
    Pipeline stages are held to be perfectly busy.

    Source: the audit of the article, section 3: 3,068 tok/s at batch 64 and context 1,536 for Llama 70B AWQ.
    """
    ideal = replace(ideal_step_model(dep), num_stages=np.asarray(1.0))
    rows = np.asarray(batch, dtype=float)
    read = step_time(ideal, np.minimum(rows, 1.0) if fewest_experts else rows, 0.0).weight_read_s
    work = step_time(ideal, rows, 0.0, prompt_tokens, prompt_context_tokens)
    compute = work.gemm_compute_s + work.prefill_attention_s + rows * _attention_flop_s(ideal, context_tokens)
    memory, compute, link = np.broadcast_arrays(
        read + rows * _kv_read_s(ideal, context_tokens), compute, work.communication_s
    )
    return RooflineBound(
        batch_sequences=np.broadcast_to(rows, memory.shape), memory_s=memory, compute_s=compute, link_s=link
    )


def _kv_read_s(m: StepModel, context_tokens: ArrayLike) -> Floats:
    """Time to read the cache of one sequence."""
    context = np.asarray(context_tokens, dtype=float)
    window = np.minimum(context, m.window_tokens)
    read = context * m.kv_bytes_per_token + window * m.window_bytes_per_token + m.state_bytes
    return np.asarray(read / m.kv_bytes_per_s)


def _attention_flop_s(m: StepModel, context_tokens: ArrayLike) -> Floats:
    return np.asarray(np.asarray(context_tokens, dtype=float) * m.decode_flop_per_token / m.attention_flop_per_s)


def ridge(dep: Deployment) -> Ridge:
    """The ridge of `dep`: weights and arithmetic of the GEMMs only, attention left out.

    Source: the audit, sections 2 and 3: 295 rows for 16-bit weights and 80 for 4-bit ones on an H100, not 128.
    """
    dtype, rate = compute_rate_flop_per_s(dep.accelerator, dep.precision)
    return Ridge(
        precision=dep.precision.id,
        computes_as=dtype,
        raises_compute=rate > dep.accelerator.dense_flop_per_s.get("bf16", rate),
        num_rows=_ridge_rows(replace(ideal_step_model(dep), num_stages=np.asarray(1.0))),
    )


def ridges(model: Model, part: Accelerator, *, num_gpus: int = 1) -> tuple[Ridge, ...]:
    """The ridge of every weight format that `part` has a rate for, fewest rows first."""
    found = []
    for precision in weight_formats():
        try:
            found.append(ridge(deployment(model, part, precision=precision, tensor_parallel=num_gpus)))
        except MissingFact:
            continue
    return tuple(sorted(found, key=lambda one: (one.num_rows, one.precision)))


def _ridge_rows(m: StepModel) -> float:
    """Where reading meets arithmetic: once, because further rows touch ever fewer new experts."""

    def excess_s(rows: float) -> float:
        time = step_time(m, rows, 0.0)
        return float(time.weight_read_s - time.gemm_compute_s)

    low, high = 1e-6, 1.0
    while excess_s(high) > 0:
        low, high = high, high * 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess_s(middle) > 0 else (low, middle)
    return high

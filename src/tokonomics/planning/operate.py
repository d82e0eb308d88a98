"""The operating point of every deployment: how many requests a second one replica carries within the SLO."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.model import Model
from tokonomics.economics.quoting.candidates import Candidates, Search, candidates, default_precisions
from tokonomics.economics.quoting.demand import Demand
from tokonomics.economics.quoting.fleet_size import running_sequences, size_fleets
from tokonomics.errors import MissingFact
from tokonomics.physics.capacity import memory_box
from tokonomics.physics.constants import IDEAL_ENGINE
from tokonomics.physics.deployment import Deployment, deployment
from tokonomics.physics.formats import weight_formats
from tokonomics.physics.step import StepModel
from tokonomics.physics.uncertainty import step_spread
from tokonomics.planning.engine_hardware import runs_on

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_CACHE_FORMATS = ("bf16", "fp8")
_SAME_BITS = frozenset({"fp32", "fp16", "gguf-q8_0", "gguf-q4_k_m", "gguf-q4_0", "int4", "fp4"})
"""Formats that stand for the same bits as another, or that no serving engine for many users runs."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Operated:
    """Deployments that fit, with what one replica carries; arrays of shape (n,).

    can_meet: whether any load at all meets the SLO; capacity_requests_per_s: the most that does (else the most that
    memory holds).  batch_sequences: the mean batch at that rate.
    """

    deployments: tuple[Deployment, ...]
    step: StepModel
    max_batch_sequences: Floats
    can_meet: Flags
    capacity_requests_per_s: Floats
    batch_sequences: Floats
    left_out: tuple[str, ...]


def operate(
    models: Sequence[Model], parts: Sequence[Accelerator], demand: Demand, searches: Sequence[Search]
) -> Operated | None:
    """Enumerate and size the deployments of all `searches`, one for each engine; None where nothing fits."""
    each = [
        candidates(models, [part for part in parts if runs_on(search.engine, part)], demand, search)
        for search in searches
    ]
    found = [one for one in each if one.step is not None]
    if not found:
        return None
    sizes = [_sized(one, demand) for one in found]
    return Operated(
        deployments=tuple(dep for one in found for dep in one.deployments),
        step=_joined([one.step for one in found if one.step is not None]),
        max_batch_sequences=np.concatenate([one.max_batch_sequences for one in found]),
        can_meet=np.concatenate([meets for meets, _, _ in sizes]),
        capacity_requests_per_s=np.concatenate([capacity for _, capacity, _ in sizes]),
        batch_sequences=np.concatenate([batch for _, _, batch in sizes]),
        left_out=tuple(dict.fromkeys(words for one in found for words in one.left_out)),
    )


def rate_sd_log(dep: Deployment, step: StepModel, demand: Demand, batch_sequences: float) -> float:
    """Standard deviation of the logarithm of the rate of `dep`, whose coefficients `step` holds in shape (1,)."""
    shape = demand.shape
    per_step = batch_sequences * shape.input_tokens / shape.output_tokens
    spread = step_spread([dep], step, batch_sequences, shape.context_tokens, per_step, shape.input_tokens / 2)
    return float(spread.rate_sd_log[0])


def num_layouts_set_aside(
    models: Sequence[Model], parts: Sequence[Accelerator], demand: Demand, search: Search
) -> dict[tuple[str, int], int]:
    """How many layouts fit in formats that do not compete, by part and number of accelerators.

    These are weights below 8 bits and quantised caches, which change the answers measurably, so that they compete only
    where someone asks for them by name.
    """
    longest = float((demand.traffic.input_tokens + demand.traffic.output_tokens).max())
    counts: dict[tuple[str, int], int] = {}
    for model, part in product(models, parts):
        for dep in _set_aside(model, part, search):
            try:
                fits = memory_box(dep).max_batch(longest) >= 1
            except MissingFact:
                continue
            if fits:
                counts[part.id, dep.num_gpus] = counts.get((part.id, dep.num_gpus), 0) + 1
    return counts


def _set_aside(model: Model, part: Accelerator, search: Search) -> Iterator[Deployment]:
    competing = search.precisions or default_precisions(model, part)
    caches = (search.kv_format,) if search.kv_format else _CACHE_FORMATS
    ideal = replace(search, engine=IDEAL_ENGINE)
    for precision, cache in product(weight_formats(), caches):
        if precision in _SAME_BITS or not _can_multiply(part, precision):
            continue
        if precision in competing and cache == (search.kv_format or _CACHE_FORMATS[0]):
            continue
        for tensor, stages, with_experts in ideal.layouts(model, part):
            yield deployment(
                model,
                part,
                precision=precision,
                kv_format=cache,
                engine=IDEAL_ENGINE,
                tensor_parallel=tensor,
                pipeline_parallel=stages,
                expert_parallel=with_experts,
            )


def _can_multiply(part: Accelerator, precision: str) -> bool:
    fmt = weight_formats()[precision]
    return fmt.compute in part.dense_flop_per_s or fmt.fallback_compute in part.dense_flop_per_s


def _sized(found: Candidates, demand: Demand) -> tuple[Flags, Floats, Floats]:
    assert found.step is not None
    sizes = size_fleets(found.step, found.max_batch_sequences, demand)
    capacity = sizes.capacity_requests_per_s
    return sizes.can_meet, capacity, running_sequences(found.step, found.max_batch_sequences, demand, capacity)


def _joined(models: Sequence[StepModel]) -> StepModel:
    names = StepModel.__dataclass_fields__
    return StepModel(**{name: np.concatenate([getattr(one, name) for one in models]) for name in names})

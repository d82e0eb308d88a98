"""Every deployment worth timing: model x precision x accelerator x number of accelerators, as arrays."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.model import Model
from tokonomics.economics.quoting.demand import Demand
from tokonomics.errors import MissingFact
from tokonomics.physics.capacity import memory_box, require_fit
from tokonomics.physics.deployment import Deployment, deployment
from tokonomics.physics.evidence import Evidence
from tokonomics.physics.step import StepModel, stack_step_models, step_model

DEFAULT_GPUS_PER_REPLICA = (1, 2, 4, 8)
_SIXTEEN_BIT = frozenset({"bf16", "fp16", "fp32"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidates:
    """Deployments that fit, with their step coefficients (arrays of shape (n,)) and largest batch.

    `left_out` holds a sentence for each accelerator or deployment that could not be considered, and why.
    """

    deployments: tuple[Deployment, ...]
    step: StepModel | None
    max_batch_sequences: NDArray[np.float64]
    left_out: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """What to search over. Empty precisions mean the model's native one and fp8 where the part multiplies it.

    `gpus_per_replica` are degrees of tensor parallelism, each tried with each of `pipeline_parallel`; `most_gpus`
    bounds their product by part. With `with_experts` a mixture of experts is also tried with whole experts on each
    rank. `evidence` is what own measurements say of some groups.
    """

    precisions: tuple[str, ...] = ()
    gpus_per_replica: tuple[int, ...] = DEFAULT_GPUS_PER_REPLICA
    pipeline_parallel: tuple[int, ...] = (1,)
    most_gpus: Mapping[str, int] = field(default_factory=dict)
    with_experts: bool = False
    kv_format: str | None = None
    engine: str = "vllm"
    evidence: tuple[Evidence, ...] = ()

    def layouts(self, model: Model, part: Accelerator) -> Iterator[tuple[int, int, bool]]:
        """Tensor parallelism, pipeline stages and whether experts stay whole, of each layout of `model` on `part`."""
        for tensor, stages in product(self.gpus_per_replica, self.pipeline_parallel):
            num_gpus = tensor * stages
            if num_gpus > self.most_gpus.get(part.id, num_gpus) or stages > model.num_layers:
                continue
            if num_gpus == 1 or part.link_bytes_per_s is not None:
                yield tensor, stages, False
                if self.with_experts and model.is_moe and tensor > 1:
                    yield tensor, stages, True


def candidates(
    models: Sequence[Model], accelerators: Iterable[Accelerator], demand: Demand, search: Search
) -> Candidates:
    """Enumerate what fits. The longest request of the traffic must fit alone, or nothing is promised."""
    longest = float((demand.traffic.input_tokens + demand.traffic.output_tokens).max())
    kept: list[tuple[Deployment, StepModel, int]] = []
    left_out: list[str] = []
    parts = tuple(accelerators)
    for model in models:
        for part in parts:
            try:
                kept.extend(_fitting(model, part, demand, search, longest))
            except MissingFact as gap:
                left_out.extend(gap.violations)
    return Candidates(
        deployments=tuple(one for one, _, _ in kept),
        step=stack_step_models([step for _, step, _ in kept]) if kept else None,
        max_batch_sequences=np.array([batch for _, _, batch in kept], dtype=float),
        left_out=tuple(left_out),
    )


def _fitting(
    model: Model, part: Accelerator, demand: Demand, search: Search, longest: float
) -> Iterator[tuple[Deployment, StepModel, int]]:
    for dep in deployments_of(model, part, search):
        box = memory_box(dep)
        if box.max_batch(longest) >= 1:
            yield dep, step_model(dep), box.max_batch(demand.shape.context_tokens)


def deployments_of(model: Model, part: Accelerator, search: Search) -> Iterator[Deployment]:
    """All layouts and precisions of `model` on `part` that `search` allows, whether they fit or not."""
    for precision in search.precisions or default_precisions(model, part):
        for tensor, stages, with_experts in search.layouts(model, part):
            yield deployment(
                model,
                part,
                precision=precision,
                kv_format=search.kv_format,
                engine=search.engine,
                tensor_parallel=tensor,
                pipeline_parallel=stages,
                expert_parallel=with_experts,
                evidence=search.evidence,
            )


def default_precisions(model: Model, part: Accelerator) -> tuple[str, ...]:
    """The native precision, and fp8 for 16-bit models where the part has fp8 units.

    Four-bit weights change the answers of a model measurably, so they are considered only when asked for.
    """
    if model.native_format in _SIXTEEN_BIT and "fp8" in part.dense_flop_per_s:
        return (model.native_format, "fp8")
    return (model.native_format,)


def explain_no_fit(models: Sequence[Model], parts: Sequence[Accelerator], demand: Demand, search: Search) -> None:
    """Raise Infeasible for the deployment that comes nearest to fitting: the largest one."""
    longest = float((demand.traffic.input_tokens + demand.traffic.output_tokens).max())
    layouts = [dep for model in models for part in parts for dep in deployments_of(model, part, search)]
    roomiest = max(layouts, key=lambda dep: memory_box(dep).kv_room_bytes)
    require_fit(roomiest, context_tokens=longest)

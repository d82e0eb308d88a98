"""The measured points of a scenario as cases: where each was taken, and under which load."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.load import Catalog
from tokonomics.catalog.model import Model
from tokonomics.errors import InputError, TokonomicsError, raise_all
from tokonomics.measure.case import Case, Replica
from tokonomics.measure.corpus import Measurement
from tokonomics.measure.note import read_note
from tokonomics.measure.runs import run_shape
from tokonomics.physics.capacity import memory_box, require_fit
from tokonomics.physics.deployment import Deployment, deployment
from tokonomics.physics.fit import Layouts, smallest_fit
from tokonomics.physics.step import step_model
from tokonomics.units import MS
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_measured import Measured

T = TypeVar("T", int, str)


@dataclass(frozen=True, kw_only=True, slots=True)
class UsualLengths:
    """Mean tokens of a request of the traffic: the prompt, the part of it that a cache holds, and the answer."""

    input_tokens: float
    cached_tokens: float
    output_tokens: float


def own_cases(scenario: Scenario, catalog: Catalog, usual: Callable[[], UsualLengths]) -> list[Case]:
    """The cases of the points of `scenario`, in their order; `usual` is asked where a point states no lengths.

    Raises InputError with all that is wrong: what a point leaves open though the scenario names several or none, what
    it names though the scenario does not consider it, and layouts that do not fit.
    """
    problems: list[str] = []
    cases: list[Case] = []
    for place, point in enumerate(scenario.measured):
        try:
            cases.append(_case(scenario, catalog, point, usual))
        except TokonomicsError as error:
            problems += [f"measured[{place}]: {violation}" for violation in error.violations]
    raise_all(problems, InputError)
    return cases


def _case(scenario: Scenario, catalog: Catalog, point: Measured, usual: Callable[[], UsualLengths]) -> Case:
    lengths = _lengths(point, usual)
    dep = _deployment(scenario, catalog, point, lengths)
    measurement, note = (
        _measurement(point, dep, lengths),
        replace(read_note(""), depth_tokens=round(lengths.cached_tokens)),
    )
    return Case(
        measurement=measurement,
        note=note,
        run=run_shape(measurement, note),
        replica=Replica(deployment=dep, step_model=step_model(dep), box=memory_box(dep)),
        num_replicas=1,
        input_tokens=lengths.input_tokens - lengths.cached_tokens,
        output_tokens=lengths.output_tokens,
        num_sequences=point.concurrency,
    )


def _lengths(point: Measured, usual: Callable[[], UsualLengths]) -> UsualLengths:
    """Lengths of the point; a stated prompt has no cached part."""
    if point.input_tokens is None:
        known = usual()
        return replace(known, output_tokens=point.output_tokens or known.output_tokens)
    output_tokens = point.output_tokens or usual().output_tokens
    return UsualLengths(input_tokens=point.input_tokens, cached_tokens=0.0, output_tokens=output_tokens)


def _deployment(scenario: Scenario, catalog: Catalog, point: Measured, lengths: UsualLengths) -> Deployment:
    names = [name for name in scenario.models if "/" not in name or not _is_api(catalog, name)]
    model = catalog.model(_the_one("model", point.model, names, "MODEL"))
    part = catalog.accelerator(_the_one("gpu", point.gpu, scenario.gpus, "--gpu"))
    raise_all(list(_idle(scenario, catalog, point, model, part, names)), InputError)
    layouts = Layouts(
        gpus_per_replica=tuple(_at_most_one("num_gpus", point.num_gpus, scenario.num_gpus)) or (1, 2, 4, 8),
        precision=next(iter(_at_most_one("precision", point.precision, scenario.precisions)), None),
        kv_format=scenario.kv_format,
        engine=scenario.engine,
    )
    if len(layouts.gpus_per_replica) > 1:
        longest = lengths.input_tokens + lengths.output_tokens
        return smallest_fit(model, part, layouts, context_tokens=longest).deployment
    dep = deployment(
        model,
        part,
        precision=layouts.precision,
        kv_format=layouts.kv_format,
        engine=layouts.engine,
        tensor_parallel=layouts.gpus_per_replica[0],
    )
    require_fit(dep)
    return dep


def _is_api(catalog: Catalog, name: str) -> bool:
    return any(price.name == name for price in catalog.api_prices)


def _the_one(key: str, stated: str | None, known: Sequence[str], flag: str) -> str:
    """What the point states, else the one that the scenario names."""
    if stated is not None:
        return stated
    if len(known) == 1:
        return known[0]
    named = f"the scenario names {', '.join(known)}" if known else "the scenario names none"
    raise InputError(f"{key} is not stated and {named}; add {key}=NAME to the point, or name one with {flag}")


def _at_most_one(key: str, stated: T | None, known: Sequence[T]) -> Sequence[T]:
    """What the point states, else the one that the scenario names; nothing where it names none."""
    if stated is not None:
        return (stated,)
    if len(known) > 1:
        named = ", ".join(map(str, known))
        raise InputError(f"{key} is not stated and the scenario names {named}; add {key}= to the point")
    return known


def _idle(
    scenario: Scenario, catalog: Catalog, point: Measured, model: Model, part: Accelerator, names: Sequence[str]
) -> list[str]:
    """What the point speaks of though the scenario does not consider it, so that it would say nothing."""
    models, parts = {catalog.model(name).id for name in names}, {catalog.accelerator(name).id for name in scenario.gpus}
    problems = []
    if model.id not in models:
        problems.append(
            f"model={model.id} is not in the scenario, which prices {', '.join(names)}; leave the point out"
        )
    if parts and part.id not in parts:
        problems.append(
            f"gpu={part.id} is not in the scenario, which considers {', '.join(sorted(parts))}; add it with --gpu"
        )
    if point.engine not in (None, scenario.engine):
        problems.append(f"engine={point.engine} differs from {scenario.engine} of the scenario; set --engine")
    return problems


def _measurement(point: Measured, dep: Deployment, lengths: UsualLengths) -> Measurement:
    return Measurement(
        line=0,
        source_id="own",
        model=dep.model.id,
        weight_dtype=dep.precision.id,
        kv_dtype="",
        gpu=dep.accelerator.id,
        engine=dep.constants.engine,
        engine_version="",
        mode="concurrency" if point.concurrency else "rate",
        dataset="",
        note="",
        num_gpus=dep.num_gpus,
        tp=dep.num_gpus,
        pp=None,
        ep=None,
        num_in_flight=point.concurrency,
        num_static=None,
        input_tokens=lengths.input_tokens,
        output_tokens=lengths.output_tokens,
        offered_requests_per_s=point.requests_per_s,
        output_tokens_per_s=point.output_tokens_per_s,
        prefill_tokens_per_s=None,
        ttft_s=None if point.ttft_ms is None else point.ttft_ms * MS,
        tpot_s=None if point.tpot_ms is None else point.tpot_ms * MS,
    )

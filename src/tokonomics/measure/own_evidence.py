"""From a user's measured points to the evidence that shifts the constants: by group, checked, in any order the same."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tokonomics.errors import InputError, raise_all
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.case import Case
from tokonomics.measure.intervals import Predicted, predicted_cases
from tokonomics.measure.posterior import posterior
from tokonomics.measure.predict import METRICS
from tokonomics.physics.calibration import Calibration, Values
from tokonomics.physics.deployment import Deployment
from tokonomics.physics.evidence import Effect, Evidence
from tokonomics.units import MS

_MOST_MISS_LOG: Final = 1.5
"""A factor of 4.5: a larger miss is some other failure, such as a wrong layout, and teaches nothing about constants."""
_ROOM_RATIO: Final = 1.02
"""What a clock and a rounded figure may be off at the roofline."""
_IDEAL_LINK: Final = 50.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stated:
    """How a metric is stated: its key, its unit in base units, and whether more is better."""

    key: str
    unit_ratio: float
    more_is_faster: bool


_STATED: Final = {
    "output_tokens_per_s": _Stated(key="output_tokens_per_s", unit_ratio=1.0, more_is_faster=True),
    "tpot_s": _Stated(key="tpot_ms", unit_ratio=MS, more_is_faster=False),
    "ttft_s": _Stated(key="ttft_ms", unit_ratio=MS, more_is_faster=False),
}


def own_evidence(cases: Sequence[Case], fit: Calibration) -> tuple[Evidence, ...]:
    """What the measured `cases` say of each of their groups, in the order of the groups' names.

    Raises InputError naming every point that cannot be right: faster than the roofline, or more than 4.5 times off.
    """
    if not cases:
        return ()
    raise_all(list(_absurd(cases, fit)), InputError)
    groups: dict[tuple[str, str, str], list[Case]] = {}
    for case in sorted(cases, key=_order):
        groups.setdefault(_group(case.replica.deployment), []).append(case)
    return tuple(_evidence(group, groups[group], fit) for group in sorted(groups))


def _group(dep: Deployment) -> tuple[str, str, str]:
    return (dep.model.id, dep.accelerator.id, dep.constants.engine)


def _order(case: Case) -> tuple[float | str, ...]:
    """A place that does not depend on the order in which the points were given, to the last digit of the sums."""
    row, load = case.measurement, case.num_sequences or 0.0
    rates = (row.offered_requests_per_s or 0.0, *(getattr(row, name) or 0.0 for name in METRICS))
    return (case.replica.deployment.name, load, *rates, case.input_tokens, case.output_tokens, case.note.depth_tokens)


def _evidence(group: tuple[str, str, str], cases: Sequence[Case], fit: Calibration) -> Evidence:
    found = posterior(cases, fit)
    model, accelerator, engine = group
    told = Evidence(
        model=model,
        accelerator=accelerator,
        engine=engine,
        num_points=len(cases),
        layouts=tuple(sorted({case.replica.deployment.name for case in cases})),
        levels=found.levels,
        shift_link=found.shift,
        known_frac=found.known_frac,
    )
    before, after = predicted_cases(cases, fit), predicted_cases([_with(case, told) for case in cases], fit)
    return replace(told, effects=tuple(_effects(Problem(cases).measured_log, before, after)))


def _with(case: Case, told: Evidence) -> Case:
    dep = case.replica.deployment
    return replace(case, replica=replace(case.replica, deployment=replace(dep, evidence=told.at(dep.layout))))


def _effects(measured_log: Values, before: Predicted, after: Predicted) -> Iterator[Effect]:
    """What became of each measured metric, on average over the points that have it."""
    for column, metric in enumerate(METRICS):
        rows = np.isfinite(measured_log[:, column])
        if rows.any():
            change = float(np.mean((after.value_log - before.value_log)[rows, column]))
            yield Effect(
                metric=metric,
                change_ratio=math.exp(change),
                sd_before_log=float(np.mean(before.sd_log[rows, column])),
                sd_after_log=float(np.mean(after.sd_log[rows, column])),
            )


def _absurd(cases: Sequence[Case], fit: Calibration) -> Iterator[str]:
    """A sentence for each measured value that the physics rules out, or that is too far off to be of this layout."""
    problem = Problem(cases)
    values = np.array([fit.values_link(one) for one in problem.features])[problem.deployments]
    predicted = problem.predicted_log(values, fit)
    ideal = np.array([_IDEAL_LINK if name.endswith("efficiency_frac") else -_IDEAL_LINK for name in fit.constants])
    bound = problem.predicted_log(np.broadcast_to(ideal, values.shape), fit)
    for place, case in enumerate(cases):
        for column, metric in enumerate(METRICS):
            point = (problem.measured_log[place, column], predicted[place, column], bound[place, column])
            if math.isfinite(point[0]):
                yield from _problems(f"measured[{place}]", case.replica.deployment, _STATED[metric], *point)


def _problems(
    name: str, dep: Deployment, stated: _Stated, measured_log: float, predicted_log: float, bound_log: float
) -> Iterator[str]:
    value, expected, bound = (math.exp(log) / stated.unit_ratio for log in (measured_log, predicted_log, bound_log))
    sign = 1.0 if stated.more_is_faster else -1.0
    where = f"{dep.model.id} on {dep.name}"
    advice = "check the unit, the lengths, num_gpus and precision of the point"
    if sign * (measured_log - bound_log) > math.log(_ROOM_RATIO):
        yield (
            f"{name}: {stated.key}={value:.4g} is faster than the roofline of {where} allows;"
            f" limit={bound:.4g}; {advice}, and leave out points with speculative decoding"
        )
    elif abs(measured_log - predicted_log) > _MOST_MISS_LOG:
        times = math.exp(abs(measured_log - predicted_log))
        yield (
            f"{name}: {stated.key}={value:.4g} is {times:.3g} times off the {expected:.4g} predicted of {where};"
            f" limit={math.exp(_MOST_MISS_LOG):.2g} times; {advice}"
        )

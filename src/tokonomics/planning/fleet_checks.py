"""What a fleet problem must satisfy before it is solved; every violation is named by its place."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tokonomics.errors import InputError, raise_all
from tokonomics.planning.fleet_problem import ApiChoice, FleetChoice, FleetProblem, Way
from tokonomics.units import HOURS_PER_MONTH

_MOST = 1e12
_MOST_COUNT = 1_000_000
_MOST_CHOICES = 200_000
_MOST_BUCKETS = 10_000
_MOST_NAMED = 20
_PRICES = ("committed_usd_per_hour", "on_demand_usd_per_hour", "spot_usd_per_hour")


def check_problem(problem: FleetProblem) -> None:
    """Raise InputError with all that is wrong with `problem`; beyond twenty violations, with their number."""
    problems = _load_problems(problem)
    num_classes = np.shape(problem.demand_requests_per_s)[-1] if np.ndim(problem.demand_requests_per_s) == 2 else 0
    problems += _limit_problems(problem)
    problems += [line for one in problem.choices for line in _choice_problems(one, num_classes)]
    problems += [line for one in problem.apis for line in _api_problems(one, num_classes)]
    problems += [line for one in problem.ways for line in _way_problems(one)]
    problems += _name_problems(problem)
    if len(problems) > _MOST_NAMED:
        problems = [*problems[:_MOST_NAMED], f"{len(problems) - _MOST_NAMED} more like these; correct these first"]
    raise_all(problems, InputError)


def _load_problems(problem: FleetProblem) -> list[str]:
    hours, demand = np.shape(problem.hours), np.shape(problem.demand_requests_per_s)
    if (
        len(hours) != 1
        or len(demand) != 2
        or not 0 < hours[0] <= _MOST_BUCKETS
        or demand[0] != hours[0]
        or not demand[1]
    ):
        shapes = f"hours has shape {hours}, demand_requests_per_s {demand}"
        return [
            f"{shapes}; limit=(num_buckets,) and (num_buckets, num_classes), 1 to {_MOST_BUCKETS} buckets; reshape them"
        ]
    problems = _array_problems("hours", problem.hours) + _array_problems(
        "demand_requests_per_s", problem.demand_requests_per_s
    )
    total = float(np.sum(problem.hours))
    if not problems and total > HOURS_PER_MONTH * (1 + 1e-9):
        problems.append(f"hours add up to {total:g} h; limit={HOURS_PER_MONTH:g} h a month; scale them to a month")
    return problems


def _limit_problems(problem: FleetProblem) -> list[str]:
    return [
        *_range("min_quality_frac", problem.min_quality_frac, 0, 1),
        *_range("budget_usd_per_month", problem.budget_usd_per_month, 0, _MOST),
        *_range("min_availability_frac", problem.min_availability_frac, 0, 1),
        *_range("max_gap_frac", problem.max_gap_frac, 0, 1),
        *_range("time_limit_s", problem.time_limit_s, 0.001, 1e6),
    ]


def _choice_problems(one: FleetChoice, num_classes: int) -> list[str]:
    problems = _shaped(f"{one.name}: requests_per_s", one.requests_per_s, num_classes)
    for name in _PRICES:
        problems += _range(f"{one.name}: {name}", getattr(one, name), 0, _MOST)
    problems += _range(f"{one.name}: spot_availability_frac", one.spot_availability_frac, 0, 1)
    problems += _count(f"{one.name}: replicas_per_bundle", one.replicas_per_bundle, 1)
    problems += _count(f"{one.name}: num_spare_replicas", one.num_spare_replicas, 0)
    return problems + (_count(f"{one.name}: max_replicas", one.max_replicas, 0) if one.max_replicas is not None else [])


def _api_problems(one: ApiChoice, num_classes: int) -> list[str]:
    problems = _shaped(f"{one.name}: usd_per_request", one.usd_per_request, num_classes, can_be_inf=True)
    return problems + _range(f"{one.name}: max_requests_per_s", one.max_requests_per_s, 0, _MOST)


def _way_problems(one: Way) -> list[str]:
    problems = _range(f"{one.name}: quality_frac", one.quality_frac, 0, 1)
    if not one.calls:
        problems.append(f"{one.name}: calls is empty; limit=1 tier or more; name what it calls")
    for tier, per_request in one.calls:
        problems += _range(f"{one.name}: calls of {tier} per request", per_request, 0, 1e3)
    if one.calls and not any(per_request > 0 for _, per_request in one.calls):
        problems.append(f"{one.name}: calls nothing; limit=above 0 calls of a tier; give the calls per request")
    return problems


def _name_problems(problem: FleetProblem) -> list[str]:
    problems = []
    if len(problem.choices) > _MOST_CHOICES:
        problems.append(f"{len(problem.choices)} choices; limit={_MOST_CHOICES}; leave out regions or precisions")
    if not problem.ways:
        problems.append("ways is empty; limit=1 way or more; add one for each tier")
    backends: list[FleetChoice | ApiChoice] = [*problem.choices, *problem.apis]
    for kind, names in (("backend", [one.name for one in backends]), ("way", [one.name for one in problem.ways])):
        problems += [f"two {kind}s are called {name!r}; limit=one of a name; rename one" for name in _repeated(names)]
    tiers = {one.tier or one.name for one in backends}
    chosen = {one.name for one in problem.choices}
    for limit in problem.gpu_limits:
        problems += _count(f"{limit.name}: max_gpus", limit.max_gpus, 0)
        problems += [
            f"{limit.name}: limits {name!r}, which is no choice; name one of the choices"
            for name, _ in limit.choices
            if name not in chosen
        ]
    for way in problem.ways:
        for tier, _ in way.calls:
            if tier not in tiers:
                problems.append(f"{way.name}: calls {tier!r}, which no backend serves; add a backend of this tier")
    return problems


def _repeated(names: Sequence[str]) -> Iterable[str]:
    seen: set[str] = set()
    return dict.fromkeys(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _shaped(name: str, values: ArrayLike, num_classes: int, *, can_be_inf: bool = False) -> list[str]:
    if np.shape(values) != (num_classes,):
        return [f"{name} has shape {np.shape(values)}; limit=({num_classes},), one for each class; reshape it"]
    return _array_problems(name, values, can_be_inf=can_be_inf)


def _array_problems(name: str, values: ArrayLike, *, can_be_inf: bool = False) -> list[str]:
    """Each wrong element by its place: NaN, negative, or above any real figure."""
    array = np.asarray(values, dtype=float)
    right = (array >= 0) & ((array <= _MOST) | (np.isinf(array) & can_be_inf))
    if right.all():
        return []
    return [
        f"{name}[{', '.join(map(str, place))}]={array[tuple(place)]:g}; limit=0 to {_MOST:g}; give a finite number"
        for place in np.argwhere(~right)
    ]


def _range(name: str, value: float | None, least: float, most: float) -> list[str]:
    if value is None or least <= value <= most:
        return []
    return [f"{name}={value:g}; limit={least:g} to {most:g}; give a number in that range"]


def _count(name: str, value: int, least: int) -> list[str]:
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and least <= value <= _MOST_COUNT:
        return []
    return [f"{name}={value!r}; limit=whole, {least} to {_MOST_COUNT}; give a whole number in that range"]

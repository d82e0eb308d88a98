"""The plan: what to have, what to do with each request, and what that is expected to cost; all that a gateway needs.

A planner writes it as a file (see plan_file), the gateway runs it, and the ledger's figures are judged against it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any, Final

from tokonomics.errors import raise_all
from tokonomics.policy._checks import choice_problems, count_problems, number_problems, text_problems
from tokonomics.policy._kinds import item_problems, items_of, kind_problems, num_items
from tokonomics.policy.backend import ApiBackend, FleetBackend
from tokonomics.policy.record import Policy

PLAN_SCHEMA: Final = "tokonomics/plan/1"

_TEXTS: Final = ("family", "catalogue_digest", "catalogue_snapshot", "tokonomics_version")
_LISTS: Final[Mapping[str, type[object]]] = {"fleets": FleetBackend, "apis": ApiBackend, "reasons": str}
_MOST_USD: Final = 1e15


@dataclass(frozen=True, kw_only=True, slots=True)
class CostRange:
    """An expected figure of money and its 10-90 % range; None where the range is not known."""

    expected_usd: float
    p10_usd: float | None = None
    p90_usd: float | None = None

    def __post_init__(self) -> None:
        values = {"p10_usd": self.p10_usd, "expected_usd": self.expected_usd, "p90_usd": self.p90_usd}
        given = {name: value for name, value in values.items() if value is not None}
        problems = [
            problem
            for name, value in {**given, "expected_usd": self.expected_usd}.items()
            for problem in number_problems(name, value, least=0, most=_MOST_USD, unit="USD")
        ]
        raise_all(problems or _order_problems(given))


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What the plan is expected to cost and to keep; latencies are None where nobody knows them.

    month: USD of a month of 730 hours.  allocation, usage: USD per million tokens, input and output together, of
    all that is paid, and of the work alone.  is_replayed: the latencies come from a replay of the traffic.
    slo_probability: chance that the limits hold, given how sure the speeds are.  api_frac: share of requests that go
    to hosted models.  cheapest_probability: chance that no other family of plans is cheaper.
    """

    month: CostRange = field(metadata={"of": CostRange})
    allocation: CostRange = field(metadata={"of": CostRange})
    usage: CostRange = field(metadata={"of": CostRange})
    num_gpus: int
    api_frac: float
    is_replayed: bool
    ttft_p95_s: float | None = None
    itl_p95_s: float | None = None
    e2e_p95_s: float | None = None
    slo_probability: float | None = None
    cheapest_probability: float | None = None
    gap_frac: float | None = None

    def __post_init__(self) -> None:
        raise_all(_expected_problems(self))


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedTraffic:
    """The traffic that the plan was made for; `source` says where it came from."""

    name: str
    requests_per_s: float
    peak_requests_per_s: float
    mean_input_tokens: float
    mean_output_tokens: float
    arrival_cv: float = 1.0
    cached_input_frac: float = 0.0
    source: str = ""

    def __post_init__(self) -> None:
        raise_all(_traffic_problems(self))


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Backends, what sends requests to them, what is expected, and all that was asked and known.

    `family` is the kind of plan, such as hybrid. `slo` is the text of the limits, "" without any. `scenario` is what
    was asked, in plain keys and values. The same scenario, catalogue digest, seed and version give the same plan again.
    `reasons` say what was changed after a replay, and why.
    """

    family: str
    policy: Policy = field(metadata={"of": Policy})
    expected: Expected = field(metadata={"of": Expected})
    traffic: PlannedTraffic = field(metadata={"of": PlannedTraffic})
    fleets: tuple[FleetBackend, ...] = field(default=(), metadata={"of": FleetBackend, "many": True})
    apis: tuple[ApiBackend, ...] = field(default=(), metadata={"of": ApiBackend, "many": True})
    slo: str = ""
    reasons: tuple[str, ...] = ()
    planned_on: date
    catalogue_snapshot: str
    catalogue_digest: str
    seed: int
    tokonomics_version: str
    scenario: Mapping[str, Any] = field(default_factory=dict)
    schema: str = PLAN_SCHEMA

    def __post_init__(self) -> None:
        raise_all(_plan_problems(self))

    @property
    def backends(self) -> Mapping[str, FleetBackend | ApiBackend]:
        """Every backend by its name, fleets first."""
        fleets = {one.name: one for one in self.fleets}
        return {**fleets, **{one.name: one for one in self.apis}}


_PARTS: Final[Mapping[str, type[object]]] = {"policy": Policy, "expected": Expected, "traffic": PlannedTraffic}


def _order_problems(ends_usd: Mapping[str, float]) -> list[str]:
    """Violations where a range does not hold what is expected, but for the rounding of its ends."""
    values = list(ends_usd.values())
    if all(low <= high * (1.0 + 1e-9) for low, high in pairwise(values)):
        return []
    said = ", ".join(f"{name}={value:g}" for name, value in ends_usd.items())
    return [f"{said}; limit=in rising order; write the plan again with `tok plan`"]


def _expected_problems(expected: Expected) -> list[str]:
    problems = count_problems("num_gpus", expected.num_gpus, least=0, most=10**7, unit="accelerators")
    problems += number_problems("api_frac", expected.api_frac, least=0, most=1, unit="of 1")
    problems += kind_problems("is_replayed", expected.is_replayed, bool, "true or false")
    for name in ("month", "allocation", "usage"):
        problems += kind_problems(name, getattr(expected, name), CostRange, "keys with values")
    for name in ("slo_probability", "cheapest_probability", "gap_frac"):
        if getattr(expected, name) is not None:
            problems += number_problems(name, getattr(expected, name), least=0, most=1, unit="of 1")
    for name in ("ttft_p95_s", "itl_p95_s", "e2e_p95_s"):
        if getattr(expected, name) is not None:
            problems += number_problems(name, getattr(expected, name), least=0, most=1e9, unit="s")
    return problems


def _traffic_problems(traffic: PlannedTraffic) -> list[str]:
    problems = text_problems("name", traffic.name) + kind_problems("source", traffic.source, str, "text")
    for name, unit in (
        ("requests_per_s", "requests/s"), ("peak_requests_per_s", "requests/s"), ("mean_input_tokens", "tokens"),
        ("mean_output_tokens", "tokens"),
    ):  # fmt: skip
        problems += number_problems(name, getattr(traffic, name), least=0, most=1e9, unit=unit, above=True)
    problems += number_problems("arrival_cv", traffic.arrival_cv, least=0, most=1e4, unit="x the mean")
    return problems + number_problems("cached_input_frac", traffic.cached_input_frac, least=0, most=1, unit="of 1")


def _plan_problems(plan: Plan) -> list[str]:
    problems = choice_problems("schema", plan.schema, (PLAN_SCHEMA,))
    problems += [one for name in _TEXTS for one in text_problems(name, getattr(plan, name))]
    problems += count_problems("seed", plan.seed, least=0, most=2**63 - 1, unit="")
    problems += kind_problems("planned_on", plan.planned_on, date, "a date such as 2026-11-23")
    problems += kind_problems("slo", plan.slo, str, "text such as 'ttft_p95=1s'")
    problems += kind_problems("scenario", plan.scenario, Mapping, "keys with values")
    for name, kind in _PARTS.items():
        problems += kind_problems(name, getattr(plan, name), kind, "keys with values")
    for name, kind in _LISTS.items():
        problems += item_problems(name, getattr(plan, name), kind)
    return problems + _name_problems(plan)


def _name_problems(plan: Plan) -> list[str]:
    """What the policy names must be there, and no name may mean two things."""
    fleets, apis = items_of(plan.fleets, FleetBackend), items_of(plan.apis, ApiBackend)
    if len(fleets) + len(apis) < num_items(plan.fleets) + num_items(plan.apis):  # said already
        return []
    names = [*(one.name for one in fleets), *(one.name for one in apis)]
    problems = [] if names else ["fleets and apis are both empty; limit=one backend or more; add one"]
    problems += [f"backends name {one!r} twice; limit=once; rename one" for one in sorted(_doubles(names))]
    return problems + _policy_problems(plan.policy, names, [one.name for one in apis])


def _policy_problems(policy: object, names: Sequence[str], hosted: Sequence[str]) -> list[str]:
    if not isinstance(policy, Policy):
        return []
    problems = []
    overflow, cascade = policy.overflow, policy.cascade
    if overflow and overflow.backend not in hosted:
        problems.append(f"policy.overflow.backend={overflow.backend!r}; limit=one of {_listed(hosted)}; add the api")
    for tier in cascade.tiers if cascade else ():
        if tier.backend not in names:
            problems.append(f"policy.cascade names {tier.backend!r}; limit=one of {_listed(names)}; add the backend")
    return problems


def _doubles(names: Sequence[str]) -> set[str]:
    return {one for one in names if names.count(one) > 1}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(sorted(names)) or "none"

"""From a scenario to a replay of its traffic on its fleet: the one function behind the command."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np

from tokonomics.catalog.load import Catalog, load_catalog
from tokonomics.errors import InputError
from tokonomics.simulation.demand import Demand, demand_of, require_sessions
from tokonomics.simulation.deploy import Deployed, deploy, engine_options, fleet_spec, require_requests_fit
from tokonomics.simulation.escalation import (
    Escalation,
    escalated_hours,
    escalated_latency,
    escalated_money,
    escalation_of,
)
from tokonomics.simulation.fleet import FleetResult, Watch, simulate_fleet
from tokonomics.simulation.fleet_price import FleetPrice, fleet_price
from tokonomics.simulation.fleet_spec import FleetSpec, ReplicaSpec
from tokonomics.simulation.hours import HourCost, cost_by_hour
from tokonomics.simulation.money import Money, account_money, overflow_bill
from tokonomics.simulation.requests import Requests, requests_from_trace
from tokonomics.simulation.spot_life import stressed_life_hours
from tokonomics.simulation.summary import RequestLatency, Summary, is_good, request_latency, summarise
from tokonomics.simulation.timeline import Timeline, timeline
from tokonomics.simulation.utilisation import Utilisation, utilisation
from tokonomics.simulation.weekly import capacity_plan, replicas_at
from tokonomics.simulation.work import Work, work_of
from tokonomics.workload.resample import bootstrapped_trace
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_simulation import DEFAULT_SIMULATION, SimulationSpec, plan_lines
from tokonomics.workload.slo import Slo, parse_slo
from tokonomics.workload.trace import Trace

_BLOCKS_PER_TRACE = 20
"""Blocks that a trace is cut into to be drawn again: long enough to hold its bursts, many enough to vary."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Case:
    """Everything that a replay needs, checked: the scenario, the trace, the deployment and the fleet."""

    scenario: Scenario
    today: date
    catalog: Catalog
    demand: Demand
    deployed: Deployed
    fleet: FleetSpec
    price: FleetPrice

    @property
    def spec(self) -> SimulationSpec:
        """The block `simulation`, with its defaults where the scenario has none."""
        return self.scenario.simulation or DEFAULT_SIMULATION

    @property
    def slo(self) -> Slo:
        """The limits on latency; none where the scenario states none."""
        return parse_slo(self.scenario.slo) if self.scenario.slo else Slo(limits=())

    @property
    def start_at(self) -> datetime:
        """Simulated time of the first arrival."""
        stated = self.spec.start_at
        if stated is None:
            return datetime.combine(self.today, time(), UTC)
        given = datetime.fromisoformat(stated)
        return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Replay:
    """One replay and its numbers. `kernel_wall_s` is how long the kernel took, the one thing a seed does not fix.

    num_asked: requests of the load; `is_partial` where the run ended before all of them had arrived.
    escalation: the second tier, where there is one; latencies and money have it in them, `result` is of the fleet.
    """

    requests: Requests
    result: FleetResult
    latency: RequestLatency
    summary: Summary
    money: Money
    hours: tuple[HourCost, ...]
    timeline: Timeline
    work: Work
    utilisation: Utilisation
    kernel_wall_s: float
    num_asked: int
    escalation: Escalation | None = None

    @property
    def is_partial(self) -> bool:
        """Whether the run ended before all requests had arrived."""
        return self.requests.num_requests < self.num_asked


def build_case(scenario: Scenario, *, today: date | None = None, catalog: Catalog | None = None) -> Case:
    """Read the traffic and the facts of `scenario`, and check that they fit together.

    Raises InputError, UnknownName, Infeasible and MissingFact with every violation that was found.
    """
    facts = catalog or _facts(scenario)
    day = scenario.today or today or facts.day
    spec = scenario.simulation or DEFAULT_SIMULATION
    demand = demand_of(scenario, np.random.default_rng(spec.seed), span_s=spec.span_s)
    trace = demand.trace
    outputs = np.minimum(trace.output_tokens, spec.max_output_tokens or np.inf)
    deployed = deploy(
        facts,
        scenario,
        longest_tokens=float((trace.input_tokens + outputs).max()),
        mean_context_tokens=float((trace.input_tokens + outputs / 2.0).mean()),
    )
    options = engine_options(
        deployed, spec, cached_input_frac=demand.cached_input_frac, hashed=trace.block_hashes is not None
    )
    fleet = _as_planned(_expecting(fleet_spec(deployed, options, spec), demand), demand, spec)
    require_sessions(fleet, trace)
    for hosted in filter(None, (spec.overflow, spec.escalate_to)):
        facts.api_price(hosted, at=day)
    if spec.escalate_to is not None and demand.windows is not None:
        raise InputError("--escalate-to beside a replay too long to hold; cut it with --span-s")
    return Case(
        scenario=scenario,
        today=day,
        catalog=facts,
        demand=demand,
        deployed=deployed,
        fleet=fleet,
        price=fleet_price(facts, scenario, deployed.deployment, num_replicas=_num_replicas(spec), today=day),
    )


def replay(case: Case, *, clock: Callable[[], float], watch: Watch | None = None, replication: int = 0) -> Replay:
    """Replay the traffic of `case`; replication 0 as it is, every other with the trace drawn again in blocks.

    Args:      clock: seconds, for `kernel_wall_s` alone.  watch: is told of the progress, and may end the run.
    """
    trace = replicated_trace(case, replication)
    spec = case.spec
    requests = requests_from_trace(trace, rate_ratio=spec.rate_ratio, num_repeats=spec.num_repeats)
    if trace.client_ids is not None:
        requests = replace(requests, class_index=np.tile(trace.client_ids.astype(np.int64), spec.num_repeats))
    require_requests_fit(case.fleet.replicas[0].options, requests, name=trace.name)
    begin_s = clock()
    result = simulate_fleet(requests, case.fleet, rng=np.random.default_rng([spec.seed, replication]), watch=watch)
    wall_s = clock() - begin_s
    one = _judged(case, _first(requests, result.status.size), result, wall_s, requests.num_requests)
    return _escalated(case, one, np.random.default_rng([spec.seed, replication, 2]))


def replicated_trace(case: Case, replication: int) -> Trace:
    """The trace itself, or for replication 1 on another like it, made of its own blocks."""
    trace = case.demand.trace
    if replication == 0 or trace.arrivals_s is None or trace.arrivals_s[-1] <= 0.0:
        return trace
    rng = np.random.default_rng([case.spec.seed, replication, 1])
    return bootstrapped_trace(trace, rng, block_s=float(trace.arrivals_s[-1]) / _BLOCKS_PER_TRACE)


def _judged(case: Case, requests: Requests, result: FleetResult, wall_s: float, num_asked: int) -> Replay:
    spec, work = case.spec, work_of(requests, result)
    used = utilisation_of(case, work)
    latency = request_latency(requests, result, api_ttft_s=spec.api_ttft_s, api_itl_s=spec.api_itl_s)
    bill = None
    if spec.overflow is not None:
        bill = overflow_bill(
            case.catalog, spec.overflow, requests, result, start_at=case.start_at, cached_frac=_api_cached_frac(case)
        )
    money = account_money(
        requests,
        result,
        is_good(latency, result, case.slo),
        gpus_per_replica=case.deployed.deployment.num_gpus,
        price=case.price,
        used_frac=used.used_frac,
        bill=bill,
    )
    return Replay(
        requests=requests,
        result=result,
        latency=latency,
        summary=summarise(requests, result, latency, case.slo),
        money=money,
        hours=cost_by_hour(
            requests,
            result,
            money.gpu_time,
            fleet_usd=money.fleet_usd,
            bill=bill,
            start_at=case.start_at,
            is_fixed=spec.is_fixed_fleet,
        ),
        timeline=timeline(requests, result),
        work=work,
        utilisation=used,
        kernel_wall_s=wall_s,
        num_asked=num_asked,
    )


def utilisation_of(case: Case, work: Work) -> Utilisation:
    """How full the fleet of `case` was that did `work`."""
    cap = case.spec.max_output_tokens
    return utilisation(work, case.demand.trace, case.deployed, case.slo, max_output_tokens=cap)


def _escalated(case: Case, one: Replay, rng: np.random.Generator) -> Replay:
    """The replay with its second tier, where the scenario names one."""
    spec, requests, result = case.spec, one.requests, one.result
    found = escalation_of(
        requests, result, case.fleet, spec, case.catalog,
        start_at=case.start_at, cached_frac=_api_cached_frac(case), rng=rng,
    )  # fmt: skip
    if found is None:
        return one
    latency = escalated_latency(requests, found, api_itl_s=spec.api_itl_s)
    return replace(
        one,
        escalation=found,
        latency=latency,
        summary=summarise(requests, result, latency, case.slo),
        money=escalated_money(one.money, requests, result, is_good(latency, result, case.slo), found),
        hours=escalated_hours(one.hours, requests, found, start_s=result.start_s, start_at=case.start_at),
    )


def _api_cached_frac(case: Case) -> float:
    """Share of a prompt that the API reads from its cache: as much as ours would."""
    return case.demand.cached_input_frac


def _expecting(fleet: FleetSpec, demand: Demand) -> FleetSpec:
    """The fleet; its router reckons with the mean output of a sample where not all requests are at hand."""
    if demand.windows is None:
        return fleet
    return replace(fleet, expected_output_tokens=float(demand.trace.output_tokens.mean()))


def _as_planned(fleet: FleetSpec, demand: Demand, spec: SimulationSpec) -> FleetSpec:
    """The fleet; where a plan is replayed, its schedule is of the week, in which the replay begins somewhere."""
    arrivals_s = demand.trace.arrivals_s
    if not spec.as_planned or arrivals_s is None:
        return fleet
    hours = {int(hour): num for hour, num in plan_lines(spec.capacity_plan)}
    span_s = float(arrivals_s[-1])
    return replace(fleet, replicas=tuple(_on_the_clock(one, hours, demand.begin_s, span_s) for one in fleet.replicas))


def _on_the_clock(one: ReplicaSpec, hours: dict[int, int], begin_s: float, span_s: float) -> ReplicaSpec:
    life_hours = one.mean_spot_life_hours
    most = max([one.num_replicas, *hours.values()])
    if life_hours is not None:
        life_hours = stressed_life_hours(life_hours, num_replicas=most, span_s=span_s)
    return replace(
        one,
        num_replicas=replicas_at(hours, begin_s) if hours else one.num_replicas,
        capacity_plan=capacity_plan(hours, begin_s=begin_s, span_s=span_s),
        mean_spot_life_hours=life_hours,
    )


def _num_replicas(spec: SimulationSpec) -> int:
    """Replicas whose boxes are rented: those of the start, of both pools."""
    return spec.num_replicas + (spec.num_prefill_replicas or 0)


def _first(requests: Requests, num: int) -> Requests:
    """The first `num` requests."""
    if num == requests.num_requests:
        return requests
    cut = {
        one.name: value[:num]
        for one in fields(requests)
        if one.name != "block_hashes" and (value := getattr(requests, one.name)) is not None
    }
    return Requests(**cut)


def _facts(scenario: Scenario) -> Catalog:
    overrides = Path(scenario.price_overrides) if scenario.price_overrides else None
    return load_catalog(snapshot=scenario.snapshot, overrides=overrides)

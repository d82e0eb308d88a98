"""What a plan is asked, checked: the scenario, the facts of its day, the demand and what may serve it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from tokonomics.catalog.load import Catalog, load_catalog
from tokonomics.catalog.model import Model
from tokonomics.economics.quoting.candidates import DEFAULT_GPUS_PER_REPLICA, Search
from tokonomics.economics.quoting.demand import Demand, demand_of
from tokonomics.errors import Infeasible
from tokonomics.planning.buckets import Buckets, buckets_of
from tokonomics.planning.hosted import is_endpoint
from tokonomics.planning.names import require_known_names
from tokonomics.simulation.demand import planned_traffic
from tokonomics.simulation.proof_traffic import ProofTraffic, with_shape
from tokonomics.workload.resolve import traffic_of
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_plan import PlanSpec, plan_defaults
from tokonomics.workload.scenario_simulation import DEFAULT_SIMULATION, SimulationSpec
from tokonomics.workload.slo import Slo, parse_slo

DEFAULT_ENGINES: Final = ("vllm", "sglang", "trtllm")
PIPELINE_STAGES: Final = (1, 2, 4)
_RESPONSE_TIME_S: Final = 10.0
"""What users who wait for an answer are taken to wait: it only sets their rate."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Question:
    """A scenario with its facts and its demand, in the forms that formulas, optimiser and simulator take."""

    scenario: Scenario
    today: date
    catalog: Catalog
    models: tuple[Model, ...]
    demand: Demand
    buckets: Buckets
    traffic: ProofTraffic

    @property
    def spec(self) -> PlanSpec:
        """The block `plan`, with its defaults where the scenario has none."""
        return self.scenario.plan or plan_defaults()

    @property
    def simulation(self) -> SimulationSpec:
        """The block `simulation`, with its defaults where the scenario has none."""
        return self.scenario.simulation or DEFAULT_SIMULATION

    @property
    def slo(self) -> Slo:
        """The limits on latency."""
        return self.demand.slo


def question(scenario: Scenario, *, today: date | None, catalog: Catalog | None) -> Question:
    """Read the traffic and look up every name. Raises InputError, UnknownName and Infeasible with all violations."""
    facts = catalog or _facts(scenario)
    day = scenario.today or today or facts.day
    require_known_names(facts, scenario, at=day)
    stated = traffic_of(
        scenario.traffic, response_time_s=_RESPONSE_TIME_S, cached_input_frac=scenario.cached_input_frac
    )
    traffic = with_shape(stated)
    slo = parse_slo(scenario.slo) if scenario.slo else Slo(limits=())
    return Question(
        scenario=scenario,
        today=day,
        catalog=facts,
        models=_models(facts, scenario),
        demand=demand_of(traffic, slo),
        buckets=buckets_of(traffic),
        traffic=planned_traffic(scenario, traffic),
    )


def searches(asked: Question, most_gpus: dict[str, int]) -> tuple[Search, ...]:
    """One search for each engine; layouts are bounded by the largest box of each accelerator for sale."""
    scenario = asked.scenario
    stated = () if scenario.engine == "vllm" else (scenario.engine,)
    engines = asked.spec.engines or stated or DEFAULT_ENGINES
    return tuple(
        Search(
            precisions=scenario.precisions,
            gpus_per_replica=scenario.num_gpus or DEFAULT_GPUS_PER_REPLICA,
            pipeline_parallel=(1,) if scenario.num_gpus else PIPELINE_STAGES,
            most_gpus=most_gpus,
            with_experts=True,
            kv_format=scenario.kv_format,
            engine=engine,
        )
        for engine in engines
    )


def _models(catalog: Catalog, scenario: Scenario) -> tuple[Model, ...]:
    """The open weights of the plan whose licence is acceptable. Raises Infeasible where that leaves nothing."""
    licences = scenario.plan.licences if scenario.plan else ()
    found = [catalog.model(name) for name in scenario.models if not is_endpoint(catalog, name)]
    kept = [one for one in found if not licences or one.licence in licences]
    if found and not kept and not scenario.apis:
        raise Infeasible(_no_licence(found, licences))
    return tuple({one.id: one for one in kept}.values())


def _no_licence(found: Sequence[Model], licences: Sequence[str]) -> str:
    held = ", ".join(f"{one.id} {one.licence or 'unknown'}" for one in found)
    return f"plan.licences={', '.join(licences)} admits no model of the plan ({held}); add a licence, or another model"


def _facts(scenario: Scenario) -> Catalog:
    overrides = Path(scenario.price_overrides) if scenario.price_overrides else None
    return load_catalog(snapshot=scenario.snapshot, overrides=overrides)

"""Asking a scenario for its outcome: by pricing it, by replaying its traffic, or by planning for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Final, Literal

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.quoting.ask import ask
from tokonomics.errors import InputError
from tokonomics.planning._row import Row
from tokonomics.planning.outcome import Outcome
from tokonomics.planning.outcome_document import Pick, option_outcome
from tokonomics.planning.outcome_plan import plan_outcome
from tokonomics.planning.price_age import price_level
from tokonomics.planning.switching import Ask
from tokonomics.workload.scenario import Scenario

Way = Literal["quote", "simulation", "plan"]
WAYS: Final[tuple[Way, ...]] = ("quote", "simulation", "plan")


def asking(way: Way, *, today: date, clock: Callable[[], float], pick: Pick = "best") -> Ask:
    """How scenarios are asked: priced, replayed, or planned; `clock` counts seconds, for a replay's own wall time."""
    if way == "plan":
        return planned_outcome(today=today)
    if way == "simulation":
        return simulation_outcome(today=today, clock=clock)
    return quote_outcome(today=today, pick=pick)


def remembered(question: Ask) -> Ask:
    """`question` asked once of each scenario: the same scenario stands at both ends of a path."""
    known: dict[str, Outcome] = {}

    def answer(scenario: Scenario) -> Outcome:
        key = scenario.model_dump_json()
        if key not in known:
            known[key] = question(scenario)
        return known[key]

    return answer


def quote_outcome(*, today: date, pick: Pick = "best") -> Ask:
    """Asks as `tok quote` does, and takes the best option that `pick` admits."""

    def answer(scenario: Scenario) -> Outcome:
        options = ask(scenario, today=today).quote.options
        chosen = next((one for one in options if pick in ("best", one.kind)), None)
        if chosen is None:
            raise InputError(f"no option of kind {pick} serves this; choose another with --of")
        return option_outcome(Row(chosen.to_dict(), chosen.name))

    return answer


def pinned(scenario: Scenario, *, today: date) -> Scenario:
    """`scenario` with its date and its catalogue stated, as a result echoes it, so that the two can be compared."""
    snapshot = scenario.snapshot or load_catalog().snapshot
    return scenario.model_copy(update={"today": scenario.today or today, "snapshot": snapshot})


def planned_outcome(*, today: date) -> Ask:
    """Asks as `tok plan` does, and takes the recommended family."""
    from tokonomics.planning.ask import plan  # numba and the solver load only where a plan is made
    from tokonomics.planning.plan_record import plan_record

    def answer(scenario: Scenario) -> Outcome:
        planned = plan(scenario, today=today)
        found = plan_outcome(plan_record(planned, planned.best))
        return replace(found, quality_frac=planned.best.draft.quality_frac)

    return answer


def simulation_outcome(*, today: date, clock: Callable[[], float]) -> Ask:
    """Asks as `tok simulate` does; `clock` counts seconds, for the kernel's own wall time alone."""
    from tokonomics.simulation.ask import build_case, replay  # numba loads only where traffic is replayed
    from tokonomics.simulation.figures import figures
    from tokonomics.units import SECONDS_PER_MONTH

    def answer(scenario: Scenario) -> Outcome:
        case = build_case(scenario, today=today)
        one = replay(case, clock=clock)
        found, span_s = figures(one), one.summary.span_s
        usd = found["usd"]
        return Outcome(
            option=case.deployed.deployment.name,
            usd_per_month=usd / span_s * SECONDS_PER_MONTH if usd is not None and span_s else None,
            allocation_usd_per_mtok=found["blended_allocation_usd_per_mtok"],
            usage_usd_per_mtok=found["blended_usage_usd_per_mtok"],
            ttft_p95_s=found["ttft_p95_s"],
            itl_p95_s=found["itl_p95_s"],
            e2e_p95_s=found["e2e_p95_s"],
            freshness=price_level(
                case.price.as_of, purchase=case.price.purchase, today=case.today, status=case.price.status
            ),
        )

    return answer

"""Plans of many scenarios: each a run that any process or cluster can make, with the same answer everywhere."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from tokonomics.errors import Infeasible, TokonomicsError
from tokonomics.planning.ask import plan
from tokonomics.planning.plan_record import plan_record
from tokonomics.policy.plan import Plan
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_plan import PlanSpec

NOT_SWEPT: Final = ("engines", "families", "quality", "cascades", "licences", "no_spot", "no_api")
SWEPT: Final = (
    *(name for name in PlanSpec.model_fields if name not in NOT_SWEPT), "seed", "span_s", "api_ttft_s", "api_itl_s"
)  # fmt: skip
"""Keys of the blocks `plan` and `simulation` that hold a number and that a plan heeds, beside rate and num_gpus."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanRun:
    """One plan to make, at prices of `today`."""

    scenario: Scenario
    today: date


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanMade:
    """The recommended plan of a run, or why it has none; families: all that have a plan, the best first.

    is_infeasible: the question was right, but nothing can serve it.
    """

    plan: Plan | None
    families: tuple[str, ...] = ()
    quality_frac: float | None = None
    problem: str = ""
    is_infeasible: bool = False


def make_plan(run: PlanRun) -> PlanMade:
    """Plan once; what a user could mend becomes the problem of the result."""
    try:
        planned = plan(run.scenario, today=run.today)
    except TokonomicsError as error:
        is_infeasible = isinstance(error, Infeasible)
        return PlanMade(plan=None, problem="; ".join(error.violations), is_infeasible=is_infeasible)
    best = planned.best
    return PlanMade(
        plan=plan_record(planned, best),
        families=tuple(one.name for one in planned.plans),
        quality_frac=best.draft.quality_frac,
    )

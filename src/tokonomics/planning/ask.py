"""From a scenario to its plans: the passes, one after the other, each a function of what stood before."""

from dataclasses import dataclass
from datetime import date

from tokonomics.catalog.load import Catalog
from tokonomics.errors import Infeasible, UnknownName
from tokonomics.planning.chances import Chances, Contender, Odds, chances
from tokonomics.planning.crossing import Crossing, crossing
from tokonomics.planning.deciding import Swing, swings
from tokonomics.planning.endurance import endurance
from tokonomics.planning.question import Question, question
from tokonomics.planning.race import FamilyPlan, main_sd_log, race, runner
from tokonomics.planning.refusal import require_some_meet
from tokonomics.planning.search import Searched, search
from tokonomics.workload.scenario import Scenario


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Planned:
    """All plans of a question, cheapest first, those that miss a limit last; `absent` says why others are not there.

    crossing: where machines of one's own begin to be cheaper than the hosted model; None without both.
    """

    searched: Searched
    plans: tuple[FamilyPlan, ...]
    absent: tuple[str, ...]
    contenders: tuple[Contender, ...]
    chances: Chances
    swings: tuple[Swing, ...]
    crossing: Crossing | None

    @property
    def asked(self) -> Question:
        """What was asked."""
        return self.searched.asked

    @property
    def best(self) -> FamilyPlan:
        """The cheapest plan that is known to keep the limits, else the cheapest that may."""
        return self.plans[0]

    @property
    def gap_frac(self) -> float:
        """The largest gap of any family: how much cheaper, as a share, an unfound plan of it may be."""
        return max(one.draft.gap_frac for one in self.plans)

    def family(self, name: str) -> FamilyPlan:
        """The plan of the family called `name`. Raises UnknownName where it has none."""
        found = next((one for one in self.plans if name in (one.name, one.draft.family.title)), None)
        if found is None:
            raise UnknownName("family", name, [one.name for one in self.plans])
        return found

    def odds_of(self, one: FamilyPlan) -> Odds:
        """What the draws say of a plan."""
        return self.chances.odds[self.chances.names.index(one.name)]


def plan(scenario: Scenario, *, today: date | None = None, catalog: Catalog | None = None) -> Planned:
    """Search, solve, prove and weigh.

    Raises InputError, UnknownName and MissingFact with every violation; Infeasible where nothing can serve, or no plan
    keeps the limits.
    """
    searched = search(question(scenario, today=today, catalog=catalog))
    plans, absent = race(searched)
    _require_one_kept(searched, plans)
    asked = searched.asked
    contenders = tuple(contender(one, searched) for one in plans)
    found = chances(
        contenders,
        growth_frac=asked.spec.monthly_growth_frac,
        num_draws=asked.spec.num_draws,
        seed=asked.simulation.seed,
    )
    kept = tuple(one.name for one in plans if not one.fails and one.is_known == plans[0].is_known)
    return Planned(
        searched=searched,
        plans=plans,
        absent=absent,
        contenders=contenders,
        chances=found,
        swings=swings(found, contenders, best=plans[0].name, kept=kept, growth_frac=asked.spec.monthly_growth_frac),
        crossing=crossing(searched),
    )


def contender(one: FamilyPlan, searched: Searched) -> Contender:
    """A plan for the draws: how sure its speed is, and how much slower its machines may be, by replays."""
    proven = one.proven
    if proven is None:
        return Contender(name=one.name, draft=one.draft, endurance=None, rate_sd_log=0.0, is_kept=not one.fails)
    asked = searched.asked
    held = None
    if asked.slo.limits:
        most = proven.proof.most_hosted_frac
        held = endurance(lambda ratio: runner(asked, ratio, most)(proven.draft, proven.overflow), proven.proof)
    return Contender(
        name=one.name,
        draft=one.draft,
        endurance=held,
        rate_sd_log=main_sd_log(one.draft, searched),
        is_kept=proven.is_kept and not one.unsure,
        num_spare_replicas=asked.scenario.num_spare_replicas,
    )


def _require_one_kept(searched: Searched, plans: tuple[FamilyPlan, ...]) -> None:
    """Raise Infeasible where every plan misses a limit, or nobody knows of any whether it keeps them."""
    asked, best = searched.asked, plans[0]
    if asked.slo.limits and not best.is_known:
        require_some_meet(asked, searched.operated)
    if best.fails:
        missed = [f"{one.draft.family.title}: {'; '.join(one.fails)}" for one in plans]
        raise Infeasible(*missed, _relaxation(plans))


def _relaxation(plans: tuple[FamilyPlan, ...]) -> str:
    """The least that would have to give: the budget where a plan breaks nothing else, else a quota, else the limit."""
    over = [one for one in plans if len(one.fails) == 1 and one.fails[0].startswith("budget")]
    if over:
        least = min(over, key=lambda one: one.draft.usd_per_month)
        needed = int(least.draft.usd_per_month) + 1
        return (
            f"the budget binds; the cheapest relaxation is --budget-usd-per-month {needed} ({least.draft.family.title})"
        )
    bound = [words for one in plans if one.proven for words in one.proven.reasons if words.startswith("max_gpus")]
    if bound:
        return f"{bound[0].partition(':')[0]}; the cheapest relaxation is a larger --max-gpus"
    return "no repair kept the limits that are named; loosen the first, or allow other accelerators or a hosted model"

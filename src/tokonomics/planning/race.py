"""Every family's best plan: solved, replayed, repaired."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import exp
from statistics import NormalDist
from typing import Final

import numpy as np

from tokonomics.errors import Infeasible
from tokonomics.planning.cascade_proof import has_own_first_tier, is_cascade
from tokonomics.planning.draft import Draft, draft
from tokonomics.planning.families import FAMILIES, Backing, Family, StopRule, backings, pose, ways_of
from tokonomics.planning.fleet_problem import Way
from tokonomics.planning.operate import rate_sd_log
from tokonomics.planning.other_hours import hour_of_week, other_hours
from tokonomics.planning.proof import Proof, Setup, overflow_policy, prove
from tokonomics.planning.question import Question
from tokonomics.planning.refusal import quota_binds
from tokonomics.planning.repair import Prove, Proven, repaired, trimmed
from tokonomics.planning.search import Searched
from tokonomics.planning.solve import solve_fleet
from tokonomics.planning.unknown_latency import hosted_frac, is_known, most_hosted_frac, stated_s
from tokonomics.policy.overflow import OverflowPolicy
from tokonomics.simulation.proof_traffic import ProofTraffic
from tokonomics.simulation.spot_life import spot_life
from tokonomics.workload.slo import Slo

TRIM_MARGIN_RATIO: Final = 1.1
"""A fleet is made smaller only where it also keeps the limits with every step a tenth longer."""
_MOST_LESSONS: Final = 2
_LESSON_FRAC: Final = 0.01
"""How much more capacity a replay must have asked for, before the optimiser is told and asked again."""
_ABSENT: Final = {
    "all_api": "no hosted model serves this; name one with --api",
    "self_hosted": "nothing for rent can serve this",
    "hybrid": "needs machines for rent and a hosted model",
    "cascade": "no cascade was measured; give plan.cascades, as `tok cascade` finds them",
    "spot_heavy": "nobody sells spot that can serve this",
    "on_premises": "no hardware of one's own was given; add --owned",
    "committed": "no offer lists a price for a term",
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FamilyPlan:
    """The best plan of a family: `proven` where it was replayed, else `draft` is all that is known.

    unsure: limits that are missed at the speed at which they must hold for the chance that is asked for.
    is_known: whether it keeps the limits is known: endpoints of unstated latency answer no request, or so few that they
    lie beyond every percentile that is limited.  freer: the same family without that bound, where it costs less.
    """

    draft: Draft
    proven: Proven | None
    stated_misses: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    is_known: bool = True
    freer: Draft | None = None
    budget_usd_per_month: float | None = None

    @property
    def name(self) -> str:
        """The family."""
        return self.draft.family.name

    @property
    def fails(self) -> tuple[str, ...]:
        """The limits that its replay missed, or that the stated latency of its endpoint misses; and the budget."""
        late = self.proven.proof.misses if self.proven else self.stated_misses
        budget, cost = self.budget_usd_per_month, self.draft.usd_per_month
        over = budget is not None and cost > budget
        return (
            *late,
            *(self.unsure if not late else ()),
            *([f"budget {cost:,.0f} USD a month > {budget:,.0f} USD a month"] if over else []),
        )


def race(searched: Searched) -> tuple[tuple[FamilyPlan, ...], tuple[str, ...]]:
    """The plan of each family, the best first (see `_rank`); and why others have none.

    Raises: Infeasible where no family has a plan.
    """
    wanted = searched.asked.spec.families
    plans: list[FamilyPlan] = []
    absent: list[str] = []
    for family in FAMILIES:
        if not wanted or family.name in wanted:
            made = family_plan(family, searched)
            if isinstance(made, str):
                absent.append(f"{family.title}: {made}")
            else:
                plans.append(made)
    if not plans:
        is_quota = any("max_gpus" in words for words in absent)
        binding = quota_binds(searched.asked, searched.market) if is_quota else None
        raise Infeasible(*([binding] if binding else absent))
    spec = searched.asked.spec
    limited = [replace(one, budget_usd_per_month=spec.budget_usd_per_month) for one in plans]
    return tuple(sorted(limited, key=lambda one: _rank(one, searched.asked.slo))), tuple(absent)


def family_plan(family: Family, searched: Searched) -> FamilyPlan | str:
    """The plan of a family, or the reason why there is none.

    A mix whose endpoints would answer more than anybody can judge is sought again, with no more sent to them than that.
    """
    found, most = _cheapest_plan(family, searched), most_hosted_frac(searched.asked)
    may_bound = family.is_mix and 0.0 < most < 1.0
    if not may_bound or (isinstance(found, FamilyPlan) and found.is_known):
        return found
    bounded = replace(searched, market=replace(searched.market, most_hosted_frac=most))
    sought = _cheapest_plan(family, bounded)
    if isinstance(found, str):
        return sought if isinstance(sought, FamilyPlan) else found
    rank = partial(_rank, slo=searched.asked.slo)
    enlarged = proven_plan(found.draft, bounded)
    best = min((one for one in (sought, enlarged, found) if isinstance(one, FamilyPlan)), key=rank)
    is_freer = not found.fails and found.draft.usd_per_month < best.draft.usd_per_month
    return replace(best, freer=found.draft if is_freer else None)


def _cheapest_plan(family: Family, searched: Searched) -> FamilyPlan | str:
    """The plan of a family with what the market allows, or the reason why there is none."""
    best = _best_draft(family, searched)
    if isinstance(best, str):
        return best
    if not best.purchases or (is_cascade(best) and not has_own_first_tier(best)):
        return _unproven(best, searched.asked)
    found = proven_plan(best, searched)
    known = searched
    for _ in range(_MOST_LESSONS):
        if found.draft.capacity_requests_per_s <= best.capacity_requests_per_s * (1.0 + _LESSON_FRAC):
            break
        known = _taught(best, found.draft, known)
        other = _best_draft(family, known)
        if isinstance(other, str) or not other.purchases:
            break
        best, tried = other, proven_plan(other, known)
        if (bool(tried.fails), tried.draft.usd_per_month) < (bool(found.fails), found.draft.usd_per_month):
            found = tried
    return found


def _best_draft(family: Family, searched: Searched) -> Draft | str:
    """The cheapest draft that is of the family, or the reason why there is none."""
    refusals: list[str] = []
    made = list(_drafts(family, searched, refusals))
    if not made:
        return _absence(family, searched, refusals)
    good = [one for one in made if not _against(one)]
    return min(good, key=_usd_per_month) if good else _against(min(made, key=_usd_per_month))


def _taught(planned: Draft, needed: Draft, searched: Searched) -> Searched:
    """The market after a replay that needed more machines than the formula: those that were bought carry less."""
    ratio = planned.capacity_requests_per_s / needed.capacity_requests_per_s
    bought = {one.item.index for one in planned.purchases}
    items = tuple(
        replace(one, requests_per_s=one.requests_per_s * ratio) if one.index in bought else one
        for one in searched.market.items
    )
    return replace(searched, market=replace(searched.market, items=items))


def _absence(family: Family, searched: Searched, refusals: Sequence[str]) -> str:
    """Why a family has no draft: what the optimiser could not keep, else what it lacks."""
    if refusals:
        return "; ".join(dict.fromkeys(refusals))
    if searched.asked.spec.no_api and family.name in ("all_api", "hybrid"):
        return "no hosted model may be called; leave --no-api out"
    return _ABSENT[family.name]


def _drafts(family: Family, searched: Searched, refusals: list[str]) -> Iterator[Draft]:
    """The cheapest draft of a family by each way, however its tiers are served; why others have none: `refusals`."""
    for way in ways_of(family, searched.market, min_quality_frac=searched.asked.spec.min_quality_frac):
        for backing in backings(way):
            try:
                made = _draft(family, way, backing, searched)
            except Infeasible as error:  # a quota that the load does not fit into; another way may
                refusals += error.violations
                continue
            if made is not None:
                yield made


def _draft(family: Family, way: Way, backing: Backing, searched: Searched) -> Draft | None:
    """The cheapest draft of a family that goes by `way`; None where nothing is for sale for it.

    Raises:    Infeasible where no fleet keeps the quotas.
    """
    asked = searched.asked
    stop = StopRule(max_gap_frac=asked.spec.max_gap_frac)
    posed = pose(family, way, backing, searched.market, asked.buckets, stop)
    return None if posed is None else draft(posed, solve_fleet(posed.problem), asked.buckets)


def _usd_per_month(one: Draft) -> float:
    return one.usd_per_month


def proven_plan(made: Draft, searched: Searched) -> FamilyPlan:
    """Replay `made`, repaired until its limits hold and trimmed of what it does not need.

    Where a chance of the limits is asked for, they must hold at the speed that is exceeded with that chance.
    """
    asked, most = searched.asked, searched.market.most_hosted_frac
    ratio = slow_ratio(made, searched)
    threshold = partial(_threshold, made, asked)
    proven = repaired(made, runner(asked, ratio, most), threshold, max_gpus=asked.spec.max_gpus)
    may_trim = not made.has_spares and not asked.scenario.num_spare_replicas and bool(asked.slo.limits)
    if proven.is_kept and may_trim:
        smaller = trimmed(proven, runner(asked, ratio, most), runner(asked, max(TRIM_MARGIN_RATIO, ratio), most))
        hides = is_known(asked, hosted_frac(proven)) and not is_known(asked, hosted_frac(smaller))
        proven = proven if hides else smaller
    unsure = () if ratio == 1.0 else tuple(f"{miss}, {ratio:.0%} of the steps' length" for miss in proven.proof.misses)
    if ratio != 1.0:
        proof = runner(asked, 1.0, most)(proven.draft, proven.overflow)
        as_modelled = proven.draft.with_api_frac(proven.draft.month_api_frac(proof.api_frac))
        proven = replace(proven, proof=proof, draft=as_modelled)
    known = is_known(asked, hosted_frac(proven))
    return FamilyPlan(draft=proven.draft, proven=proven, unsure=unsure, is_known=known)


def slow_ratio(made: Draft, searched: Searched) -> float:
    """How much longer than modelled the steps of `made` are in all but the share of cases that may miss a limit."""
    chance = searched.asked.spec.min_slo_probability
    if chance is None or not searched.asked.slo.limits:
        return 1.0
    return exp(main_sd_log(made, searched) * NormalDist().inv_cdf(chance))


def main_sd_log(made: Draft, searched: Searched) -> float:
    """Spread of the speed of the machines that carry most, as a standard deviation of its logarithm."""
    assert searched.operated is not None
    main = max(made.purchases, key=lambda bought: bought.item.requests_per_s * bought.most_replicas).item
    step = searched.operated.step.pick(np.array([main.index]))
    batch = float(searched.operated.batch_sequences[main.index])
    return rate_sd_log(main.deployment, step, searched.asked.demand, batch)


def runner(asked: Question, slower_ratio: float, most_hosted_frac: float = 1.0) -> Prove:
    """A replay of the question's own traffic, with every step `slower_ratio` times as long.

    Machines that run only in other hours are replayed in the busiest of these. Where more than `most_hosted_frac` of
    the requests overflow, that is missed too.
    """
    setup = Setup(
        slo=asked.slo, spec=asked.simulation, life=spot_life(asked.simulation), most_hosted_frac=most_hosted_frac
    )
    seed = asked.simulation.seed

    def replayed(made: Draft, overflow: OverflowPolicy | None, traffic: ProofTraffic) -> Proof:
        return prove(made, traffic, setup, seed=seed, overflow=overflow, slower_ratio=slower_ratio)

    def run(made: Draft, overflow: OverflowPolicy | None) -> Proof:
        unseen = other_hours(made, asked.demand.traffic, asked.traffic, seed=seed)
        others = {hour_of_week(one): replayed(made, overflow, one) for one in unseen}
        return replace(replayed(made, overflow, asked.traffic), others=others)

    return run


def _against(made: Draft) -> str:
    """Why a draft is none of its family's: the optimiser found it cheapest to do without what makes the family."""
    family = made.family
    if family.name == "hybrid" and not (made.purchases and made.api):
        return "the cheapest mix is no mix: " + ("only the hosted model" if made.api else "only machines")
    used = {one.item.sale.purchase for one in made.purchases}
    if family.needs and not used & set(family.needs):
        return "the cheapest plan that may use it does not"
    return ""


def _unproven(made: Draft, asked: Question) -> FamilyPlan:
    """A plan of endpoints alone: its latency is as stated, or nobody knows it, as that of two calls in a row."""
    if is_cascade(made):
        return FamilyPlan(draft=made, proven=None, is_known=not asked.slo.limits)
    misses = tuple(
        f"{limit.name} {value:.3g} s as stated > {limit.limit_s:g} s"
        for limit in asked.slo.limits
        if (value := stated_s(limit, asked)) is not None and value > limit.limit_s
    )
    return FamilyPlan(draft=made, proven=None, stated_misses=misses, is_known=is_known(asked, 1.0))


def _threshold(made: Draft, asked: Question, ratio: float) -> OverflowPolicy | None:
    if made.api is None or is_cascade(made):
        return None
    return overflow_policy(made.api.name, asked.slo, ratio)


def _rank(one: FamilyPlan, slo: Slo) -> tuple[bool, bool, float, str]:
    """What keeps the limits, then what nobody knows to keep them, then what misses one; the cheapest first."""
    return (bool(one.fails), bool(slo.limits) and not one.is_known, one.draft.usd_per_month, one.name)

"""The recommendation in words: what to have, what it costs and keeps, and what would change the answer."""

from collections.abc import Iterator

from tokonomics.planning.ask import Planned
from tokonomics.planning.costs import plan_cost
from tokonomics.planning.crossing import months_until
from tokonomics.planning.draft import Draft, Purchase
from tokonomics.planning.race import FamilyPlan

_SURE_FRAC = 0.05
"""A chance of not being cheapest below which nobody needs to measure first."""
_SURE_SLO_FRAC = 0.9
"""A chance of keeping the limits below which the paragraph says how to have a better one."""


def recommendation(planned: Planned) -> str:
    """One paragraph: the cheapest plan that keeps the limits, its cost, its proof, and the runner-up."""
    return " ".join([_what(planned.best), _cost(planned), _proof(planned), *_against(planned)])


def changes(planned: Planned) -> Iterator[str]:
    """What would change the answer, the most telling first."""
    yield from _measuring(planned)
    yield from _crossing(planned)
    yield from _rivals(planned)
    if planned.asked.spec.min_quality_frac is None and len(planned.asked.models) > 1:
        names = ", ".join(one.id for one in planned.asked.models)
        yield f"a limit on quality: without one any of {names} may answer; give --quality and --min-quality-frac"


def purchase_words(bought: Purchase) -> str:
    """What is bought: replicas of a deployment from a seller, in one way."""
    item = bought.item
    dep, sale = item.deployment, item.sale
    few, many = int(bought.num_replicas.min()), bought.most_replicas
    count = f"{many}" if few == many else f"{few} to {many}"
    layout = f"{dep.num_gpus} x {dep.accelerator.id}"
    place = f" in {sale.offer.region}" if sale.offer.region else ""
    how = sale.purchase.replace("_", " ")
    seller = "of one's own" if sale.is_owned else f"from {sale.offer.provider}{place}, {how}"
    return f"{count} x ({layout}) with {dep.model.id} {dep.precision.id} on {dep.constants.engine}, {seller}"


def _what(best: FamilyPlan) -> str:
    made = best.draft
    bought = " and ".join(purchase_words(one) for one in made.purchases)
    called = " and ".join(one.hosted.name for one in made.calls)
    if len(made.way.calls) > 1:
        (first, _), (following, _) = made.way.calls
        machines = f"Run {bought}" if bought else f"Use {called}"
        beside = f", at {called}" if bought and called else ""
        return f"{machines}; ask {first} first, and {following} where it is not sure{beside}."
    if not made.purchases:
        return f"Send everything to {called}."
    if not made.calls:
        return f"Run {bought}."
    return f"Run {bought}, and send what exceeds it, {made.api_frac:.1%} by cost, to {called}."


def _cost(planned: Planned) -> str:
    cost, odds = plan_cost(planned.best.draft, planned.asked.demand), planned.odds_of(planned.best)
    low, high = cost.usd_per_month * odds.low_ratio, cost.usd_per_month * odds.high_ratio
    span = "" if odds.low_ratio == odds.high_ratio == 1.0 else f" (80 % between {_usd(low)} and {_usd(high)})"
    per_mtok = f"{cost.allocation_usd_per_mtok:.3g} allocated, {cost.usage_usd_per_mtok:.3g} used"
    return f"It costs {_usd(cost.usd_per_month)} USD a month{span}, {per_mtok} per M tokens."


def _usd(value_usd: float) -> str:
    """An amount in whole USD, and a small one in three digits, so that no bill is said to be 0."""
    return f"{value_usd:,.0f}" if value_usd >= 100.0 else f"{value_usd:.3g}"


def _proof(planned: Planned) -> str:
    best, slo = planned.best, planned.asked.slo
    if best.proven is None:
        if slo.limits and best.is_known:
            return f"It keeps {slo} where its endpoints are as fast as you state."
        limits = f"whether it keeps {slo}" if slo.limits else "its latency"
        return f"Its endpoints publish no latency: measure {limits} before you rely on it."
    kept = [
        f"{one.limit.name} {one.measured_s:.3g} s" for one in best.proven.proof.checks if one.measured_s is not None
    ]
    chance = planned.odds_of(best).slo_probability
    whom = " for what is not sent away" if best.draft.calls else ""
    said = f"The replay of {planned.asked.traffic.window} gave {', '.join(kept)}{whom}" if kept else "It was replayed"
    end = f"; the limits hold with a chance of {chance:.0%}." if chance is not None else "."
    others = best.proven.proof.others
    also = (
        f" Machines of other hours were replayed in hour {', '.join(map(str, others))} of the week." if others else ""
    )
    return said + end + also


def _against(planned: Planned) -> Iterator[str]:
    best = planned.best
    rival = next((one for one in planned.plans[1:] if not one.fails and one.is_known == best.is_known), None)
    if rival is not None and best.draft.usd_per_month > 0:
        more = rival.draft.usd_per_month / best.draft.usd_per_month - 1.0
        yield f"Next is {rival.draft.family.title}, at {_usd(rival.draft.usd_per_month)} USD, {more:.0%} more."
    yield from _surer(planned)
    unknown = [one.draft for one in planned.plans if not one.is_known and not one.fails]
    unknown += [one.freer for one in planned.plans if one.freer is not None]
    other = min(unknown, key=lambda one: one.usd_per_month, default=None)
    if best.is_known and other is not None and other.usd_per_month < best.draft.usd_per_month:
        less = 1.0 - other.usd_per_month / best.draft.usd_per_month
        yield (
            f"Cheaper by {less:.0%} is {other.family.title}{_sent_away(other)}, at {_usd(other.usd_per_month)} USD, but"
            " nobody publishes its latency: measure it, and state it with --api-ttft-s and --api-itl-s."
        )


def _sent_away(mix: Draft) -> str:
    """Of a mix, how much it sends to its endpoint."""
    return f" with {mix.api_frac:.1%} sent away" if mix.purchases else ""


def _surer(planned: Planned) -> Iterator[str]:
    """The cheapest plan that keeps the limits almost surely, where the best one may well not."""
    chance = planned.odds_of(planned.best).slo_probability
    if chance is None or chance >= _SURE_SLO_FRAC:
        return
    for one in planned.plans[1:]:
        other = planned.odds_of(one).slo_probability
        if not one.fails and other is not None and other >= _SURE_SLO_FRAC:
            more = one.draft.usd_per_month / planned.best.draft.usd_per_month - 1.0
            yield f"To keep them with a chance of {other:.0%}, choose {one.draft.family.title}, for {more:.0%} more."
            return
    yield f"--min-slo-probability {_SURE_SLO_FRAC:g} plans for more certainty."


def _measuring(planned: Planned) -> Iterator[str]:
    worth = [one for one in planned.swings if one.knowing_usd_per_month > 0.0]
    chance = planned.odds_of(planned.best).cheapest_probability
    if worth and chance < 1.0 - _SURE_FRAC:
        first = worth[0]
        yield f"measure the {first.name}: to know it is worth {_usd(first.knowing_usd_per_month)} USD a month"
    for one in planned.swings:
        if one.can_change_answer:
            end = "low" if one.low_margin_usd_per_month < 0.0 else "high"
            yield f"the {one.name}: at the {end} end of its range another plan is cheaper"


def _crossing(planned: Planned) -> Iterator[str]:
    met, traffic = planned.crossing, planned.asked.demand.traffic
    if met is None:
        return
    side = "above" if traffic.requests_per_s >= met.requests_per_s else "below"
    yield (
        f"the load: from {met.requests_per_s:.3g} requests/s on, {met.item.deployment.name} costs less than"
        f" {met.hosted.name}; yours is {side} it"
    )
    growth = planned.asked.spec.monthly_growth_frac
    months = months_until(met.requests_per_s, traffic.requests_per_s, growth) if growth else None
    if months:
        yield f"the growth: at {growth:.1%} a month your load reaches it in {months} months"


def _rivals(planned: Planned) -> Iterator[str]:
    for one in planned.plans[1:]:
        if one.fails:
            yield f"a looser limit: {one.draft.family.title} misses {'; '.join(one.fails)}"

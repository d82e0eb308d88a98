"""Plans as people read them: the recommendation, the families side by side, and what would change the answer."""

from collections.abc import Iterator, Sequence

from tokonomics.economics.figures.explanation import Explanation
from tokonomics.planning.ask import Planned
from tokonomics.planning.costs import plan_cost
from tokonomics.planning.race import FamilyPlan
from tokonomics.planning.recommend import changes, purchase_words, recommendation
from tokonomics.report.explained import explained_table
from tokonomics.report.numbers import percent, significant
from tokonomics.report.plan_charts import plan_charts
from tokonomics.report.view import Cell, Column, Table, View

_FAMILIES = (
    Column(title="family", key="name"),
    Column(title="USD/month", key="usd_per_month", style="number", digits=4),
    Column(title="10-90 %", key="usd_per_month_range", unit="USD/month", priority=5),
    Column(title="USD/M", key="usd_per_mtok_blended_allocation", unit="alloc", style="number"),
    Column(title="USD/M", key="usd_per_mtok_blended_usage", unit="usage", style="number", priority=1),
    Column(title="GPUs", key="num_gpus", style="count"),
    Column(title="TTFT p95", key="ttft_p95_s", style="duration"),
    Column(title="ITL p95", key="itl_p95_s", style="duration"),
    Column(title="SLO", key="slo_probability", unit="chance", style="percent", missing="unknown"),
    Column(title="cheapest", key="cheapest_probability", unit="chance", style="percent"),
    Column(title="set-up", key="effort", priority=9),
)
_BOUGHT = (Column(title="family", key="name"), Column(title="what it is", key="content"))
_SWINGS = (
    Column(title="what is not sure", key="name"),
    Column(title="USD/month", key="low_usd_per_month", unit="low end", style="number", digits=4),
    Column(title="USD/month", key="high_usd_per_month", unit="high end", style="number", digits=4),
    Column(title="worth", key="knowing_usd_per_month", unit="USD/month", style="number", digits=3),
)
_NUM_SWINGS = 6


def plan_view(planned: Planned, *, explanations: Sequence[Explanation] = ()) -> View:
    """Lay out plans; `explanations` follow the families."""
    tables = [
        Table(columns=_FAMILIES, rows=[_row(planned, one) for one in planned.plans]),
        *map(explained_table, explanations),
        Table(title="What each family is", columns=_BOUGHT, rows=[_content(one) for one in planned.plans]),
    ]
    if planned.swings:
        rows = [
            (one.name, one.low_usd_per_month, one.high_usd_per_month, one.knowing_usd_per_month)
            for one in planned.swings[:_NUM_SWINGS]
            if one.moves_usd_per_month > 0.0
        ]
        title = "What the recommended plan costs where an input is low or high, and what it is worth to know it"
        tables.append(Table(title=title, columns=_SWINGS, rows=rows))
    return View(
        headline=(_asked(planned), f"PLAN  {recommendation(planned)}"),
        tables=tuple(tables),
        charts=tuple(plan_charts(planned)),
        notes=tuple(_notes(planned)),
    )


def _asked(planned: Planned) -> str:
    traffic, slo = planned.asked.demand.traffic, planned.asked.slo
    return (
        f"{traffic.name}: {significant(traffic.requests_per_s)} requests/s"
        f" (peak {significant(traffic.peak_requests_per_s)}), {traffic.mean_input_tokens:,.0f} tokens in,"
        f" {traffic.mean_output_tokens:,.0f} out; " + (f"SLO {slo}" if slo.limits else "no SLO")
    )


def _row(planned: Planned, one: FamilyPlan) -> tuple[Cell, ...]:
    cost, odds = plan_cost(one.draft, planned.asked.demand), planned.odds_of(one)
    summary = one.proven.proof.summary if one.proven else None
    low, high = cost.usd_per_month * odds.low_ratio, cost.usd_per_month * odds.high_ratio
    return (
        one.draft.family.title + (" (misses)" if one.fails else ""),
        cost.usd_per_month,
        significant(low) if odds.low_ratio == odds.high_ratio else f"{significant(low)} to {significant(high)}",
        cost.allocation_usd_per_mtok,
        cost.usage_usd_per_mtok,
        one.draft.num_gpus,
        summary.ttft.p95_s if summary and summary.ttft else None,
        summary.itl.p95_s if summary and summary.itl else None,
        odds.slo_probability,
        odds.cheapest_probability,
        one.draft.family.effort,
    )


def _content(one: FamilyPlan) -> tuple[Cell, ...]:
    bought = [purchase_words(each) for each in one.draft.purchases]
    called = [f"{percent(min(call.calls_ratio, 1.0))} to {call.hosted.name}" for call in one.draft.calls]
    return (one.draft.family.title, "; ".join([*bought, *called]))


def _notes(planned: Planned) -> Iterator[str]:
    searched, asked = planned.searched, planned.asked
    yield from (f"changes the answer: {words}" for words in changes(planned))
    for one in planned.plans:
        if one.proven:
            yield from (f"{one.draft.family.title}: {words}" for words in one.proven.reasons)
            yield from (
                f"{one.draft.family.title}: machines of other hours were replayed in hour {hour} of the week too"
                for hour in one.proven.proof.others
            )
    yield from (f"not there: {words}" for words in planned.absent)
    yield (
        f"{searched.num_candidates:,} candidates; {searched.num_set_aside:,} set aside (weights below 8 bits or a"
        f" quantised cache compete only when named), {searched.found.num_meeting:,} can meet the limits,"
        f" {len(searched.found.items)} are beaten by no other; gap at most {percent(planned.gap_frac)}"
    )
    yield f"replayed: {asked.traffic.window}; load: {asked.buckets.source}"
    yield (
        "speeds are modelled, not measured (docs/accuracy.md); the chances hold that against the same"
        f" {asked.spec.num_draws:,} draws for all; an endpoint's latency is not published"
    )
    yield f"catalogue {asked.catalog.snapshot} {asked.catalog.digest[:12]}; seed {asked.simulation.seed}"

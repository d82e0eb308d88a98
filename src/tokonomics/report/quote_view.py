"""A quote as people read it: the answer, the ranking, cost against load, and what the figures rest on."""

from collections.abc import Iterator, Sequence

from tokonomics.economics.figures.explanation import Explanation
from tokonomics.economics.quoting.evidence_words import evidence_sentence
from tokonomics.economics.quoting.options import Option, Range
from tokonomics.economics.quoting.quote import Quote
from tokonomics.report.chart import Chart, Series
from tokonomics.report.explained import explained_table
from tokonomics.report.numbers import duration, percent, significant
from tokonomics.report.view import Cell, Column, Table, View

DEFAULT_ROWS = 12
_STALE_MARK = " †"
_OLD = ("stale", "unknown")

_COLUMNS = (
    Column(title="option", key="name"),
    Column(title="USD/M", key="usd_per_mtok_blended_allocation", unit="alloc", style="number"),
    Column(title="USD/M", key="usd_per_mtok_blended_usage", unit="usage", style="number", priority=1),
    Column(title="10-90 %", key="usd_per_mtok_blended_allocation_range", unit="alloc"),
    Column(title="USD/M in", key="usd_per_mtok_input_allocation", unit="alloc", style="number", priority=5),
    Column(title="USD/M out", key="usd_per_mtok_output_allocation", unit="alloc", style="number", priority=4),
    Column(title="USD/month", key="usd_per_month", style="number", digits=4),
    Column(title="GPUs", key="num_gpus", style="count", priority=6),
    Column(title="util", key="utilisation_frac", style="percent", priority=3),
    Column(title="TTFT p95", key="ttft_p95_s", style="duration", priority=2),
    Column(title="ITL p95", key="itl_p95_s", style="duration", priority=2),
    Column(title="SLO", key="meets_slo"),
    Column(title="binds", key="binds", priority=7),
    Column(title="price of", key="price_as_of", priority=8),
)


def quote_view(quote: Quote, *, num_rows: int = DEFAULT_ROWS, explanations: Sequence[Explanation] = ()) -> View:
    """Lay out a quote; `explanations` follow the ranking."""
    shown = _most_telling(quote.options, num_rows)
    return View(
        headline=tuple(_headline(quote)),
        tables=(
            Table(columns=_COLUMNS, rows=[_row(quote, option) for option in shown]),
            *map(explained_table, explanations),
        ),
        charts=tuple(_charts(quote)),
        notes=tuple(_notes(quote, len(shown))),
    )


def _most_telling(options: Sequence[Option], num_rows: int) -> Sequence[Option]:
    """The first rows, and the best API and the best self-hosted option wherever they rank."""
    head = list(options[:num_rows])
    for kind in ("self_host", "api"):
        best = next((one for one in options if one.kind == kind), None)
        if best is not None and best not in head:
            head.append(best)
    return head


def _headline(quote: Quote) -> Iterator[str]:
    traffic, best = quote.demand.traffic, quote.best
    yield (
        f"{traffic.name}: {significant(traffic.requests_per_s)} requests/s"
        f" (peak {significant(traffic.peak_requests_per_s)}), "
        f"{traffic.mean_input_tokens:,.0f} tokens in, {traffic.mean_output_tokens:,.0f} out"
        + (f"; SLO {quote.demand.slo}" if quote.demand.slo.limits else "; no SLO")
    )
    yield f"CHEAPEST  {_sentence(best)}"
    rival = quote.best_api if best.kind == "self_host" else quote.best_self_host
    if rival is not None and rival is not best:
        yield f"AGAINST   {_sentence(rival)}{_ratio(best, rival)}"
    yield from (f"MEASURED  {evidence_sentence(one)}" for one in quote.evidence)


def _sentence(option: Option) -> str:
    if option.usd_per_mtok is None:
        return f"{option.name}: unpriced"
    both = option.usd_per_mtok
    text = f"{option.name}: {significant(both.allocation.blended_usd_per_mtok)} USD per M tokens"
    if option.operation is not None and option.allocation_range is not None:
        shown = _range(option.allocation_range)
        text += f", 80 % between {shown.replace(' to ', ' and ')}" if " to " in shown else ", 80 % at the same"
    if option.operation is not None:
        run, latency_s = option.operation, option.latency_s
        text += (
            f" (allocation), {significant(both.usage.blended_usd_per_mtok)} (usage), {percent(run.utilisation_frac)}"
            f" used, TTFT p95 {duration(latency_s['ttft_p95'])}, ITL p95 {duration(latency_s['itl_p95'])}"
        )
    missed = f"; misses {', '.join(option.fails)}" if option.fails else ""
    return f"{text}, {significant(option.usd_per_month or 0.0, 4)} USD a month{missed}"


def _range(found: Range | None) -> str:
    """A range of USD per M tokens; one number where its ends look alike."""
    if found is None:
        return "unpriced"
    low, high = significant(found.p10_usd), significant(found.p90_usd)
    return low if low == high else f"{low} to {high}"


def _ratio(best: Option, rival: Option) -> str:
    if not best.usd_per_month or not rival.usd_per_month:
        return ""
    return f"; {significant(rival.usd_per_month / best.usd_per_month)} times the cost"


def _row(quote: Quote, option: Option) -> tuple[Cell, ...]:
    both, run = option.usd_per_mtok, option.operation
    return (
        quote.short_name(option) + (_STALE_MARK if option.is_priced and option.freshness in _OLD else ""),
        both.allocation.blended_usd_per_mtok if both else "unpriced",
        both.usage.blended_usd_per_mtok if both else "unpriced",
        _range(option.allocation_range),
        both.allocation.input_usd_per_mtok if both else "unpriced",
        both.allocation.output_usd_per_mtok if both else "unpriced",
        option.usd_per_month if both else "unpriced",
        option.num_gpus if run else None,
        run.utilisation_frac if run else None,
        option.latency_s.get("ttft_p95"),
        option.latency_s.get("itl_p95"),
        _verdict(quote, option),
        run.binds if run else "price",
        option.price.as_of or "unknown",
    )


def _verdict(quote: Quote, option: Option) -> str:
    if not quote.demand.slo.limits:
        return "none"
    verdict = {True: "meets", False: "misses", None: "unknown"}[option.meets_slo]
    return verdict if option.slo_probability is None else f"{verdict} {percent(option.slo_probability)}"


def _charts(quote: Quote) -> Iterator[Chart]:
    if not quote.curves:
        return
    yield Chart(
        title="Cost against load",
        x_label="requests/s",
        y_label="USD per M tokens (blended, allocation)",
        series=[
            Series(name=curve.name, xs=curve.requests_per_s.tolist(), ys=curve.blended_usd_per_mtok.tolist())
            for curve in quote.curves
        ],
        marks=[(curve.own_requests_per_s, curve.own_blended_usd_per_mtok) for curve in quote.curves],
    )


def _notes(quote: Quote, num_shown: int) -> Iterator[str]:
    if num_shown < len(quote.options):
        yield f"{num_shown} of {len(quote.options)} options shown; --top N shows more, --json all"
    yield f"traffic: {quote.demand.traffic.source}"
    yield (
        "latency and throughput are modelled, not measured: the ranges hold 80 %, the share behind the SLO is the"
        " chance that it holds (docs/accuracy.md); API latency is not published"
    )
    if quote.left_out:
        parts = dict.fromkeys(sentence.split()[0] for sentence in quote.left_out)
        yield f"left out for want of a fact: {', '.join(parts)} (--json says which)"
    num_old = sum(option.is_priced and option.freshness in _OLD for option in quote.options)
    if num_old:
        counted = f"{num_old} of {len(quote.options)}"
        yield f"† marks a price that is stale or undated ({counted}); `tok catalog update` renews them"
    oldest = quote.oldest_price_as_of or "unknown date"
    yield f"prices as of {oldest} (oldest used); catalogue {quote.snapshot} {quote.catalog_digest[:12]}"

"""A cascade or a router on real queries, as people read it: each level beside its rivals, and the curves."""

from collections.abc import Iterator
from dataclasses import asdict
from math import isfinite
from typing import Any

from tokonomics.economics.figures.explanation import Explanation, Term
from tokonomics.economics.quality.routing_answer import CurveOf, RoutingAnswer, Way
from tokonomics.report.chart import Chart, Series
from tokonomics.report.explained import explained_table
from tokonomics.report.numbers import percent, significant
from tokonomics.report.view import Column, Table, View

_THOUSAND = 1000.0
_ALIKE = 5e-4  # savings below it read 0 %
_WAY_COLUMNS = (
    Column(title="of best", key="of_best_frac", style="percent"),
    Column(title="way"),
    Column(title="models", priority=1),
    Column(title="quality", key="quality_frac", style="number", digits=4),
    Column(title="price", key="way_usd_per_1k_requests", unit="USD/1k", style="number", missing="unreachable"),
    Column(title="saves", key="saving_frac", unit="of best", style="percent"),
    Column(title="level met", key="is_met"),
)
_SINGLE_COLUMNS = (
    Column(title="model"),
    Column(title="price", key="single_usd_per_1k_requests", unit="USD/1k", style="number"),
    Column(title="quality", key="quality_frac", style="number", digits=4),
    Column(title="on the hull", key="is_on_hull"),
)
_AREA_COLUMNS = (
    Column(title="curve"),
    Column(title="mean quality", key="area_frac", style="number", digits=4),
    Column(title="from", key="low_usd_per_1k_requests", unit="USD/1k", style="number"),
    Column(title="to", key="high_usd_per_1k_requests", unit="USD/1k", style="number"),
)


def routing_dict(answer: RoutingAnswer) -> dict[str, Any]:
    """The body of the document; an infinite threshold (escalate all) is null."""
    names = ("routed_by", "best", "num_tuned", "num_judged", "auroc_frac", "notes")
    return {
        "method": answer.kind,
        **{name: getattr(answer, name) for name in names},
        "thresholds_frac": [one if isfinite(one) else None for one in answer.thresholds_frac],
        "credits_frac": answer.credits_frac,
        "ways": [asdict(way) for way in answer.ways],
        "singles": [asdict(one) for one in answer.singles],
        "curves": [_curve_dict(one) for one in answer.curves],
    }


def routing_view(answer: RoutingAnswer, *, explained: bool = False) -> View:
    """Lay out the answer; `explained` adds how the price of the first level was made."""
    tables = [_ways(answer), _areas(answer), _singles(answer)]
    if explained:
        tables.append(explained_table(explain_routing(answer)))
    return View(headline=tuple(_headline(answer)), tables=tables, charts=(_chart(answer),), notes=tuple(_notes(answer)))


def explain_routing(answer: RoutingAnswer) -> Explanation:
    """Where the price of the first level comes from."""
    way = _chosen(answer)[0]
    source = "judged half"
    terms = [
        Term("num_tuned", answer.num_tuned, "queries", "measured", "tuned half"),
        Term("num_judged", answer.num_judged, "queries", "measured", source),
        Term("of_best_frac", way.of_best_frac, "share", "assumed", "as stated, or 95 %"),
        Term("quality_frac", way.quality_frac, "share", "measured", source),
    ]
    if answer.thresholds_frac:
        terms.append(Term("threshold_frac", answer.thresholds_frac[0], "confidence", "measured", "tuned half"))
    formula = (
        "mean of the weak cost, plus the strong cost where confidence < threshold"
        if answer.kind == "cascade"
        else "mean cost of the model with the largest (predicted quality - price of a dollar x cost)"
    )
    return Explanation(
        number="way_usd_per_request",
        option=answer.kind,
        value=way.way_usd_per_request or 0.0,
        unit="USD a request",
        formula=formula,
        terms=tuple(terms),
    )


def _headline(answer: RoutingAnswer) -> Iterator[str]:
    yield (
        f"A {answer.kind} by {answer.routed_by}: chosen on {answer.num_tuned:,} queries, judged on"
        f" {answer.num_judged:,} others; the best single model is {answer.best}"
    )
    for way, substitute, credit in zip(_chosen(answer), _of(answer, "substitution"), answer.credits_frac):
        yield f"AT {percent(way.of_best_frac):>6}    {_sentence(way, substitute, credit)}"


def _sentence(way: Way, substitute: Way, credit: float | None) -> str:
    reached = "reached" if way.is_met else "missed"
    text = f"{_thousand(way)} USD per 1,000 requests at quality {significant(way.quality_frac)} ({reached}), "
    against = f"{substitute.models} alone ({_thousand(substitute)} at {significant(substitute.quality_frac)})"
    if credit is None:
        return f"{text}beside {against}"
    if abs(credit) < _ALIKE:
        return f"{text}as much as {against}"
    return f"{text}{percent(abs(credit))} {'less' if credit > 0 else 'more'} than {against}"


def _thousand(way: Way) -> str:
    return significant((way.way_usd_per_request or 0.0) * _THOUSAND)


def _chosen(answer: RoutingAnswer) -> list[Way]:
    return _of(answer, answer.kind)


def _of(answer: RoutingAnswer, name: str) -> list[Way]:
    return [way for way in answer.ways if way.way == name]


def _ways(answer: RoutingAnswer) -> Table:
    rows = [
        (
            way.of_best_frac,
            way.way,
            way.models,
            way.quality_frac,
            None if way.way_usd_per_request is None else way.way_usd_per_request * _THOUSAND,
            way.saving_frac,
            way.is_met,
        )
        for way in answer.ways
    ]
    return Table(columns=_WAY_COLUMNS, rows=rows)


def _singles(answer: RoutingAnswer) -> Table:
    rows = [
        (one.name, one.single_usd_per_request * _THOUSAND, one.quality_frac, one.is_on_hull) for one in answer.singles
    ]
    return Table(title="Single models on the judged half", columns=_SINGLE_COLUMNS, rows=rows)


def _areas(answer: RoutingAnswer) -> Table:
    rows = [
        (
            one.name,
            one.area_frac,
            float(one.hull.cost_usd[0]) * _THOUSAND,
            float(one.hull.cost_usd[-1]) * _THOUSAND,
        )
        for one in answer.curves
    ]
    return Table(title="Mean quality under the hull, over the costs that all share", columns=_AREA_COLUMNS, rows=rows)


def _chart(answer: RoutingAnswer) -> Chart:
    marks = [((way.way_usd_per_request or 0.0) * _THOUSAND, way.quality_frac) for way in _chosen(answer)]
    series = [
        Series(name=one.name, xs=(one.hull.cost_usd * _THOUSAND).tolist(), ys=one.hull.quality_frac.tolist())
        for one in answer.curves
    ]
    return Chart(
        title="Quality against cost, on the judged half",
        x_label="USD per 1,000 requests",
        y_label="mean score",
        series=series,
        marks=marks,
        mark_label=f"the {answer.kind}, as tuned",
        log_y=False,
    )


def _notes(answer: RoutingAnswer) -> Iterator[str]:
    yield "mixing and perfection stand at the quality that was reached; mixing may use any of the single models"
    if answer.auroc_frac is not None:
        yield f"the confidence separates right from wrong with AUROC {significant(answer.auroc_frac)}; 0.5 is a coin"
    if any(not isfinite(one) for one in answer.thresholds_frac):
        yield "at one level no threshold was enough on the tuned half, so everything is escalated"
    if not all(way.is_met for way in _chosen(answer)):
        yield "a level was missed on queries that were not tuned on: choose a higher one, or more data"
    yield from answer.notes


def _curve_dict(one: CurveOf) -> dict[str, Any]:
    return {
        "name": one.name,
        "area_frac": one.area_frac,
        "cost_usd": one.hull.cost_usd.tolist(),
        "quality_frac": one.hull.quality_frac.tolist(),
    }

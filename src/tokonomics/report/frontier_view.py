"""A frontier as people see it: the batch to run at, the sweep, the limits, the bands, and throughput over latency."""

from collections.abc import Iterator, Sequence

import numpy as np

from tokonomics.economics.figures.ranges import ends_of
from tokonomics.economics.serving.frontier import Sweep, SweepPoint
from tokonomics.economics.serving.frontier_ask import FrontierAnswer, SweepAnswer
from tokonomics.economics.serving.frontier_explain import explain_point
from tokonomics.economics.serving.operating_points import OperatingPoint
from tokonomics.economics.serving.replica import itl_at_s
from tokonomics.economics.serving.replica_spread import replica_spread
from tokonomics.report.chart import Chart, Series
from tokonomics.report.explained import explained_table
from tokonomics.report.facts import UNPRICED, Facts
from tokonomics.report.frontier_tables import frontier_tables
from tokonomics.report.numbers import duration, percent, significant
from tokonomics.report.ranges import range_clause
from tokonomics.report.view import View
from tokonomics.units import MS

_CHART_POINTS = 48


def frontier_view(answer: FrontierAnswer, facts: Facts, *, explained: bool = False) -> View:
    """Lay out the answer; `explained` adds the formulas of each sweet spot, or of the limit asked for."""
    tables = list(frontier_tables(answer))
    if explained:
        for one in answer.answers:
            tables += [explained_table(told) for told in explain_point(one.sweep, chosen_point(one), one.price)]
    return View(
        headline=tuple(_headline(answer)),
        tables=tables,
        charts=(frontier_chart(answer),),
        notes=tuple(_notes(answer, facts)),
    )


def frontier_chart(answer: FrontierAnswer) -> Chart:
    """Throughput over latency of one deployment; cost over latency of several, or throughput a GPU without prices."""
    sweeps = [one.sweep for one in answer.answers]
    tail = f"p{sweeps[0].tail_percentile:g}"
    if len(sweeps) == 1:
        y_label, scale = "output tokens/s", "replica"
    elif all(one.replica_usd_per_hour for one in sweeps):
        y_label, scale = "USD per M tokens, blended", "cost"
    else:
        y_label, scale = "output tokens/s a GPU", "gpu"
    lines = [_line(one, scale) for one in sweeps]
    return Chart(
        title=f"{sweeps[0].deployment.model.id}: {answer.load.name}",
        x_label=f"ms per token, {tail}",
        y_label=y_label,
        series=[line for line, _ in lines],
        marks=[mark for _, mark in lines],
        mark_label="sweet spot",
    )


def chosen_point(one: SweepAnswer) -> SweepPoint:
    """The point that is explained: of the first limit that runs, which is the user's own where one was stated."""
    return next(told.point for told in one.operating_points if told.point is not None)


def _line(one: Sweep, scale: str) -> tuple[Series, tuple[float, float]]:
    """The line of a sweep, and its sweet spot on it."""
    last = one.replica.max_batch
    picked = np.unique(np.rint(np.geomspace(1, last, min(last, _CHART_POINTS)))).astype(int)
    picked = np.union1d(picked, [one.sweet_spot.batch])
    xs = itl_at_s(one.replica, picked.astype(float), one.tail_percentile) / MS
    rates = one.dense.output_tokens_per_s[picked - 1]
    if scale == "cost":
        load = one.replica.load
        tokens = 1.0 + load.total_input_tokens / load.shape.output_tokens
        ys = (one.replica_usd_per_hour or 0.0) / (rates * tokens * 3600.0) * 1e6
    else:
        ys = rates if scale == "replica" else rates / one.num_gpus
    spot = int(np.flatnonzero(picked == one.sweet_spot.batch)[0])
    return Series(name=one.name, xs=xs.tolist(), ys=ys.tolist()), (float(xs[spot]), float(ys[spot]))


def _headline(answer: FrontierAnswer) -> Iterator[str]:
    for one in answer.answers:
        swept, dep = one.sweep, one.sweep.deployment
        yield f"{dep.model.id} on {swept.name}, {dep.constants.engine}; {answer.load.name}; {_price(one)}"
        yield f"SWEET SPOT  {_spot(swept)}"
        yield f"LIMIT       {_limit(swept)}"
        premium = _premium(one.operating_points)
        if premium:
            yield f"PREMIUM     {premium}"
    if answer.checked is not None:
        checked = answer.checked
        yield (
            f"CHECKED     {significant(checked.figure.tokens_per_s or 0.0, 4)} tok/s is"
            f" {percent(checked.bound_frac)} of the roofline of {significant(checked.bound_tokens_per_s, 4)} tok/s"
        )


def _price(one: SweepAnswer) -> str:
    hourly = one.price.replica_usd_per_hour
    return UNPRICED if hourly is None else f"{significant(hourly)} USD a replica-hour"


def _spot(swept: Sweep) -> str:
    spot = swept.sweet_spot
    rate = float(swept.dense.output_tokens_per_s[spot.batch - 1])
    gap_s = float(swept.dense.mean_itl_s[spot.batch - 1])
    ends = ends_of(rate, float(replica_spread(swept.replica, spot.batch).rate_sd_log[0]))
    there = f"batch {spot.batch:,}, {significant(rate, 4)} tok/s{range_clause(ends)}, {duration(gap_s)} a token"
    if spot.is_last:
        return f"{there}: the largest that runs; every batch still pays"
    return (
        f"{there}: {percent(spot.throughput_frac)} of the throughput of batch {swept.replica.max_batch:,} at"
        f" {percent(spot.latency_frac)} of its latency"
    )


def _limit(swept: Sweep) -> str:
    """The largest batch, what ends the sweep there, and what bound before."""
    fading = swept.diminishing_batch
    returns = f"; diminishing returns from {fading:,}" if fading is not None else ""
    return f"batch {swept.replica.max_batch:,}: {swept.changes[-1].binds} binds; before it {_order(swept)}{returns}"


def _order(swept: Sweep) -> str:
    return ", then ".join(f"{change.binds} from {change.batch:,}" for change in swept.changes[:-1]) or "nothing else"


def _premium(points: Sequence[OperatingPoint]) -> str:
    quick = points[0]
    if quick.premium_ratio is None:
        return f"{quick.name} cannot be met: {quick.reason}"
    if quick.premium_ratio <= 1.0:
        return f"{quick.name} costs nothing: the largest batch keeps it"
    ratio = significant(quick.premium_ratio)
    return f"{quick.name}: batch {quick.batch:,}, {ratio} times the cost of a token at the largest batch"


def _notes(answer: FrontierAnswer, facts: Facts) -> Iterator[str]:
    for one in answer.answers:
        where = f"{one.sweep.name}, " if len(answer.answers) > 1 else ""
        yield from (f"{where}batch {gone.batch:,} refused: {gone.reason}" for gone in one.sweep.refused)
        if one.price.reason:
            yield f"{where}unpriced: {one.price.reason}"
        elif one.price.term:
            yield f"{where}price: {significant(float(one.price.term.value))} USD a GPU-hour, {one.price.term.source}"
        yield from _demand_notes(one, where)
    yield from (f"left out: {reason}" for reason in answer.left_out)
    tail = answer.answers[0].sweep.tail_percentile
    yield from _beyond(answer)
    yield (
        f'tail is p{tail:g}; latency and throughput are modelled, not measured: the ranges hold 80 %, "keeps it" is the'
        " chance that the limit holds (docs/accuracy.md); the roofline is a bound"
    )
    dates = [one.price.as_of for one in answer.answers if one.price.as_of]
    yield from facts.notes(dates, "on_demand")


def _beyond(answer: FrontierAnswer) -> Iterator[str]:
    model = answer.answers[0].sweep.deployment.model
    most = model.max_context_tokens
    if most is not None and answer.load.longest_tokens > most:
        yield f"sequences of {answer.load.longest_tokens:,.0f} tokens are longer than the {most:,} of {model.id}"


def _demand_notes(one: SweepAnswer, where: str) -> Iterator[str]:
    pressure, shared = one.pressure, one.shared
    if pressure is not None:
        yield (
            f"{where}{pressure.num_concurrent:,} at once: {pressure.num_waiting:,} wait; as a mean, somebody waits"
            f" {percent(pressure.queue_frac)} of the time and {significant(pressure.mean_waiting_requests)} on average"
        )
    if shared is not None:
        verdict = "one fleet at the quick point serves both" if shared.is_shared_better else "two fleets cost less"
        saving = range_clause(one.shared_ranges["saving_usd_per_hour"])
        yield (
            f"{where}{verdict}: {shared.num_shared_replicas} replicas shared, {shared.num_interactive_replicas} +"
            f" {shared.num_batch_replicas} apart; apart saves {significant(shared.saving_usd_per_hour)} USD/h{saving}"
        )

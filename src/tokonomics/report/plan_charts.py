"""The charts of a plan: cost against load, how long the load is how high, and what latency and quality cost."""

from collections.abc import Iterator

import numpy as np

from tokonomics.planning.ask import Planned
from tokonomics.planning.curves import load_costs, load_duration
from tokonomics.planning.tradeoff import Frontier, Tradeoff, frontier
from tokonomics.report.chart import Chart, Series
from tokonomics.report.numbers import duration, percent
from tokonomics.units import MS


def plan_charts(planned: Planned) -> Iterator[Chart]:
    """Cost against load where two families can be compared, and the load-duration curve where the load moves."""
    costs = load_costs(planned)
    best, traffic = planned.best.draft, planned.asked.demand.traffic
    if len(costs) > 1:
        yield Chart(
            title="Cost against load, each with what it uses in its plan",
            x_label="mean requests/s",
            y_label="USD a month",
            series=[
                Series(name=one.name, xs=one.requests_per_s.tolist(), ys=one.usd_per_month.tolist()) for one in costs
            ],
            marks=[(traffic.requests_per_s, best.usd_per_month)],
            mark_label="the recommended plan",
        )
    if planned.asked.buckets.hours.size > 1:
        yield _duration_chart(planned)
    tradeoff = frontier(planned)
    if tradeoff.lines:
        yield frontier_chart(tradeoff)


def frontier_chart(found: Frontier) -> Chart:
    """A falling staircase for each model; endpoints at their stated latency, else a line across, for it is unknown."""
    ends_s = [value for one in found.lines for value in (one.latency_s[0], one.latency_s[-1])]
    longest_s = max([*ends_s, *([found.plan_point[0]] if found.plan_point else [])])
    series = [_stairs(one, longest_s) for one in found.lines]
    if found.hosted_usd_per_month is not None:
        stated_s, usd = found.hosted_latency_s, found.hosted_usd_per_month
        words = "its latency is not published" if stated_s is None else f"{duration(stated_s)} as stated"
        xs_s = [min(ends_s), longest_s] if stated_s is None else [stated_s]
        name = f"{found.hosted_name}, {words}"
        series.append(Series(name=name, xs=[value / MS for value in xs_s], ys=[usd] * len(xs_s)))
    return Chart(
        title="Cost, latency and quality, machines of one kind at a time",
        x_label=f"{found.limit.name}, ms",
        y_label="USD a month",
        series=series,
        marks=[(found.plan_point[0] / MS, found.plan_point[1])] if found.plan_point else [],
        mark_label="the recommended plan, as replayed",
    )


def _stairs(one: Tradeoff, until_s: float) -> Series:
    """Each cost holds until a longer latency buys a lower one."""
    xs_s = np.append(np.repeat(one.latency_s, 2)[1:], until_s)
    quality = "quality not given" if one.quality_frac is None else f"quality {percent(one.quality_frac)}"
    return Series(name=f"{one.name}, {quality}", xs=(xs_s / MS).tolist(), ys=np.repeat(one.usd_per_month, 2).tolist())


def _duration_chart(planned: Planned) -> Chart:
    found = load_duration(planned)
    shares = found.exceeded_frac.tolist()
    series = [Series(name="the load", xs=shares, ys=found.requests_per_s.tolist())]
    if found.capacity_requests_per_s > 0.0:
        level = found.capacity_requests_per_s
        series.append(Series(name="what the machines carry within the SLO", xs=[0.0, 1.0], ys=[level, level]))
    return Chart(
        title="How long the load is how high",
        x_label="share of the time",
        y_label="requests/s",
        series=series,
        log_x=False,
        log_y=False,
    )

"""The charts of a plan: cost against load, and how long the load is how high."""

from collections.abc import Iterator

from tokonomics.planning.ask import Planned
from tokonomics.planning.curves import load_costs, load_duration
from tokonomics.report.chart import Chart, Series


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

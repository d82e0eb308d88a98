"""A sweep of simulations: a row a point, for people and for programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from tokonomics.report.chart import Chart, Series
from tokonomics.report.facts import UNPRICED, Facts
from tokonomics.report.simulate_dict import case_dict
from tokonomics.report.view import Column, Table, View
from tokonomics.simulation.ask import Case
from tokonomics.simulation.many import Outcome
from tokonomics.simulation.sweep import Point
from tokonomics.workload.scenario import Scenario

_COLUMNS = (
    Column(title="TTFT p95", key="ttft_p95_s", style="duration"),
    Column(title="ITL p95", key="itl_p95_s", style="duration", priority=2),
    Column(title="E2E p95", key="e2e_p95_s", style="duration", priority=4),
    Column(title="goodput", key="goodput_frac", style="percent"),
    Column(title="used", key="utilisation_frac", style="percent", priority=1),
    Column(title="overflow", key="overflow_frac", style="percent", priority=3),
    Column(title="GPU-hours", key="gpu_hours", style="number", priority=5),
    Column(title="USD/M", key="blended_allocation_usd_per_mtok", unit="alloc", style="number", missing=UNPRICED),
    Column(title="USD/M out", key="output_allocation_usd_per_mtok", unit="alloc", style="number", missing=UNPRICED),
)


def sweep_dict(
    case: Case, asked: Scenario, points: Sequence[Point], outcomes: Sequence[Outcome | None], *, is_partial: bool
) -> dict[str, Any]:
    """The body of the document: the scenario as asked, and a row a point."""
    told = case_dict(case)
    echoed = asked.model_copy(update={"today": case.today, "snapshot": case.catalog.snapshot})
    return {
        **{key: told[key] for key in ("catalog_digest", "catalog_snapshot", "today")},
        "scenario": echoed.to_dict(),
        "seed": case.spec.seed,
        "is_partial": is_partial,
        "points": [_point_dict(point, outcome) for point, outcome in zip(points, outcomes, strict=True)],
    }


def sweep_view(case: Case, points: Sequence[Point], outcomes: Sequence[Outcome | None], facts: Facts) -> View:
    """A table of the points; those without figures say why in the notes."""
    keys = [key for key, _ in points[0].values]
    rows = [
        (*(value for _, value in point.values), *_cells(outcome))
        for point, outcome in zip(points, outcomes, strict=True)
    ]
    columns = (*(Column(title=key, style="text") for key in keys), *_COLUMNS)
    dep = case.deployed.deployment
    made = sum(outcome is not None for outcome in outcomes)
    part = "" if made == len(points) else f"PARTIAL: {made} of {len(points)} points; "
    return View(
        headline=(f"{part}{dep.model.id} on {dep.accelerator.id}, {dep.constants.engine}: {' x '.join(keys)}",),
        tables=(Table(columns=columns, rows=rows),),
        charts=tuple(_charts(points, outcomes)),
        notes=tuple(_notes(case, points, outcomes, facts)),
    )


def _cells(outcome: Outcome | None) -> tuple[float | None, ...]:
    found = outcome.figures if outcome else None
    return tuple(None if found is None else found[column.key] for column in _COLUMNS)


def _charts(points: Sequence[Point], outcomes: Sequence[Outcome | None]) -> Iterator[Chart]:
    """Cost over the first key, a line for each value of the others."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for point, outcome in zip(points, outcomes, strict=True):
        usd = outcome.figures["blended_allocation_usd_per_mtok"] if outcome and outcome.figures else None
        name = ", ".join(f"{key}={value:g}" for key, value in point.values[1:]) or "USD per M tokens"
        if usd is not None:
            lines.setdefault(name, []).append((float(point.values[0][1]), usd))
    if lines and max(map(len, lines.values())) > 1:
        yield Chart(
            title="cost over the sweep",
            x_label=points[0].values[0][0],
            y_label="USD per M tokens, blended, allocated",
            series=[
                Series(name=name, xs=[x for x, _ in sorted(line)], ys=[y for _, y in sorted(line)])
                for name, line in list(lines.items())[:8]
            ],
        )


def _notes(case: Case, points: Sequence[Point], outcomes: Sequence[Outcome | None], facts: Facts) -> Iterator[str]:
    for point, outcome in zip(points, outcomes, strict=True):
        if outcome is not None and outcome.problem:
            yield f"{', '.join(f'{key}={value:g}' for key, value in point.values)}: {outcome.problem}"
    yield f"times are modelled, not measured; seed {case.spec.seed}; a point simulated alone has the range of its cost"
    yield from facts.notes([case.price.as_of] if case.price.as_of else [], "on_demand")


def _point_dict(point: Point, outcome: Outcome | None) -> dict[str, Any]:
    return {
        "values": dict(point.values),
        "figures": dict(outcome.figures) if outcome and outcome.figures else None,
        "problem": outcome.problem if outcome else "not run",
    }

"""Plans over a sweep: a row a point, for people and for programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from tokonomics.planning.many_plans import PlanMade
from tokonomics.policy.plan import Plan
from tokonomics.report.chart import Chart, Series
from tokonomics.report.view import Cell, Column, Table, View
from tokonomics.simulation.sweep import Point
from tokonomics.workload.scenario import Scenario

_COLUMNS = (
    Column(title="best", key="family", missing="none"),
    Column(title="USD/month", key="usd_per_month", style="number", digits=4),
    Column(title="USD/M", key="usd_per_mtok_blended_allocation", unit="alloc", style="number"),
    Column(title="GPUs", key="num_gpus", style="count", priority=1),
    Column(title="TTFT p95", key="ttft_p95_s", style="duration"),
    Column(title="ITL p95", key="itl_p95_s", style="duration"),
    Column(title="SLO", key="slo_probability", unit="chance", style="percent", missing="unknown", priority=2),
    Column(title="cheapest", key="cheapest_probability", unit="chance", style="percent", priority=3),
    Column(title="gap", key="gap_frac", style="percent", priority=4),
)


def plan_sweep_dict(
    asked: Scenario, points: Sequence[Point], results: Sequence[PlanMade | None], *, is_partial: bool
) -> dict[str, Any]:
    """The body of the document: the scenario as asked, and a row a point."""
    return {
        "scenario": asked.to_dict(),
        "is_partial": is_partial,
        "points": [_point_dict(point, made) for point, made in zip(points, results, strict=True)],
    }


def plan_sweep_view(points: Sequence[Point], results: Sequence[PlanMade | None]) -> View:
    """A table of the recommended plans; points without one say why in the notes."""
    keys = [key for key, _ in points[0].values]
    pairs = list(zip(points, results, strict=True))
    num_made = sum(made is not None for made in results)
    part = "" if num_made == len(points) else f"PARTIAL: {num_made} of {len(points)} points; "
    return View(
        headline=(f"{part}the recommended plan at each {' x '.join(keys)}",),
        tables=(
            Table(
                columns=(*(Column(title=key, style="text") for key in keys), *_COLUMNS),
                rows=[(*(value for _, value in point.values), *_cells(made)) for point, made in pairs],
            ),
        ),
        charts=tuple(_charts(pairs)),
        notes=tuple(_notes(pairs)),
    )


def _cells(made: PlanMade | None) -> tuple[Cell, ...]:
    found = made.plan if made else None
    return tuple(None if found is None else _figures(found)[column.key] for column in _COLUMNS)


def _figures(found: Plan) -> dict[str, Any]:
    expected = found.expected
    return {
        "family": found.family.replace("_", " "),
        "usd_per_month": expected.month.expected_usd,
        "usd_per_mtok_blended_allocation": expected.allocation.expected_usd,
        **{column.key: getattr(expected, column.key) for column in _COLUMNS[3:]},
    }


def _charts(pairs: Sequence[tuple[Point, PlanMade | None]]) -> Iterator[Chart]:
    """Cost over the first key, a line for each value of the others."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for point, made in pairs:
        if made is not None and made.plan is not None:
            name = ", ".join(f"{key}={value:g}" for key, value in point.values[1:]) or "USD a month"
            lines.setdefault(name, []).append((float(point.values[0][1]), made.plan.expected.month.expected_usd))
    if lines and max(map(len, lines.values())) > 1:
        yield Chart(
            title="cost of the recommended plan over the sweep",
            x_label=pairs[0][0].values[0][0],
            y_label="USD a month",
            series=[
                Series(name=name, xs=[x for x, _ in sorted(line)], ys=[y for _, y in sorted(line)])
                for name, line in list(lines.items())[:8]
            ],
        )


def _notes(pairs: Sequence[tuple[Point, PlanMade | None]]) -> Iterator[str]:
    for point, made in pairs:
        if made is not None and made.problem:
            yield f"{_at(point)}: {made.problem}"
        elif made is not None and made.plan is not None:
            names = [f"{one.num_replicas} x {one.name}" for one in made.plan.fleets]
            yield f"{_at(point)}: {'; '.join([*names, *(one.name for one in made.plan.apis)])}"
    yield "speeds are modelled, not measured (docs/accuracy.md); a point planned alone has its families and ranges"


def _at(point: Point) -> str:
    return ", ".join(f"{key}={value:g}" for key, value in point.values)


def _point_dict(point: Point, made: PlanMade | None) -> dict[str, Any]:
    found = made.plan if made else None
    return {
        "values": dict(point.values),
        "recommended": found.family if found else None,
        "figures": None if found is None else {k: v for k, v in _figures(found).items() if k != "family"},
        "families": list(made.families) if made else [],
        "quality_frac": made.quality_frac if made else None,
        "fleets": [{"name": one.name, "num_replicas": one.num_replicas} for one in found.fleets] if found else [],
        "apis": [one.name for one in found.apis] if found else [],
        "catalog_digest": found.catalogue_digest if found else None,
        "problem": made.problem if made else "not run",
    }

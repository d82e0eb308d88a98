"""A comparison as people read it: what it costs now, what changed, and which input did it."""

from collections.abc import Iterator, Mapping
from typing import Final

from tokonomics.economics.figures.explanation import Explanation, Term
from tokonomics.planning.diff import Diff
from tokonomics.planning.outcome import FIGURES, changes, is_same
from tokonomics.planning.switching import Path, Step
from tokonomics.report.explained import explained_table
from tokonomics.report.numbers import percent, significant
from tokonomics.report.view import Cell, Column, Table, View

LABELS: Final[Mapping[str, str]] = {
    "usd_per_month": "USD a month",
    "allocation_usd_per_mtok": "USD per M tokens, allocation",
    "usage_usd_per_mtok": "USD per M tokens, usage",
    "ttft_p95_s": "TTFT p95, s",
    "itl_p95_s": "ITL p95, s",
    "e2e_p95_s": "E2E p95, s",
    "slo_probability": "chance that the SLO holds",
    "quality_frac": "quality",
    "num_gpus": "GPUs",
}
"""The figures in words, each with its unit."""

_COLUMNS = (
    Column(title="figure"),
    Column(title="before", style="number", digits=4, missing="unknown"),
    Column(title="after", style="number", digits=4, missing="unknown"),
    Column(title="change", style="number", digits=4, missing="unknown"),
    Column(title="change", key="change_frac", unit="of it", style="percent"),
)
_STEPS = (
    Column(title="input switched", key="inputs"),
    Column(title="from", key="before", priority=1),
    Column(title="to", key="after"),
    Column(title="USD/month", key="usd_per_month", unit="change", style="number", digits=4, missing="unknown"),
    Column(title="alone", key="alone_usd_per_month", unit="USD/month", style="number", digits=4),
    Column(title="USD/M", key="allocation_usd_per_mtok", unit="change", style="number", missing="unknown", priority=2),
    Column(title="TTFT p95", key="ttft_p95_s", unit="change", style="duration", missing="unknown", priority=3),
    Column(title="ITL p95", key="itl_p95_s", unit="change", style="duration", missing="unknown", priority=3),
    Column(title="SLO", key="slo_probability", unit="change", style="percent", missing="unknown", priority=4),
    Column(title="option then", key="option", priority=5),
)
_TOLD = ("usd_per_month", "allocation_usd_per_mtok", "ttft_p95_s", "itl_p95_s", "slo_probability")


def diff_view(diff: Diff, *, explained: bool = False) -> View:
    """Lay out a comparison; `explained` adds how the change of a month's cost adds up."""
    tables = [figures_table(diff)]
    if diff.path is not None and diff.path.steps:
        tables.append(_steps_table(diff, diff.path))
    if explained:
        tables += [explained_table(one) for one in explanations(diff)]
    return View(headline=tuple(_headline(diff)), tables=tuple(tables), notes=tuple(_notes(diff)))


def figures_table(diff: Diff) -> Table:
    """One row a figure that either side knows."""
    old, new, rise = diff.old.figures(), diff.new.figures(), diff.changes()
    known = [name for name in FIGURES if old[name] is not None or new[name] is not None]
    rows = [
        (LABELS[name], *(_cell(name, one[name]) for one in (old, new, rise)), _share(rise[name], old[name]))
        for name in known
    ]
    return Table(columns=_COLUMNS, rows=rows)


def explanations(diff: Diff) -> tuple[Explanation, ...]:
    """How the change of a month's cost adds up, where a path attributes it."""
    total, path, residual = diff.changes()["usd_per_month"], diff.path, diff.residuals()["usd_per_month"]
    if total is None or path is None or residual is None:
        return ()
    rises = [(", ".join(step.keys), rise["usd_per_month"]) for step, rise in zip(path.steps, diff.steps(), strict=True)]
    terms = [
        Term(name, value, "USD a month", "modelled", f"asked again with it switched, {place + 1} of {len(rises)}")
        for place, (name, value) in enumerate(rises)
        if value is not None
    ]
    terms.append(Term("residual", residual, "USD a month", "modelled", "stated change less that of the path"))
    found = Explanation(
        number="change of usd_per_month",
        option=f"{diff.before.name} to {diff.after.name}",
        value=total,
        unit="USD a month",
        formula="the steps in their order + residual",
        terms=tuple(terms),
    )
    return (found,)


def money_sentence(diff: Diff) -> str:
    """The change of a month's cost in a sentence."""
    before, after = diff.old.usd_per_month, diff.new.usd_per_month
    if before is None or after is None:
        return f"{_usd(before)} before, {_usd(after)} after"
    rise = after - before
    share = f" ({_signed_percent(rise / before)})" if before else ""
    return f"{significant(before, 4)} to {significant(after, 4)} USD a month: {_signed(rise)}{share}"


def _headline(diff: Diff) -> Iterator[str]:
    if is_same(diff.old, diff.new):
        yield f"SAME    {diff.before.name} and {diff.after.name}: {diff.new.option}, {_usd(diff.new.usd_per_month)}"
        return
    yield f"COST    {money_sentence(diff)}"
    old, new = diff.old.option, diff.new.option
    yield f"OPTION  stays {new}" if old == new else f"OPTION  {old} before; {new} after"
    cause = _cause(diff)
    if cause:
        yield f"CAUSE   {cause}"


def _cause(diff: Diff) -> str:
    """The step that moved a month's cost most."""
    if diff.path is None:
        return ""
    moved = [
        (step, rise["usd_per_month"])
        for step, rise in zip(diff.path.steps, diff.steps(), strict=True)
        if rise["usd_per_month"]
    ]
    if not moved:
        return ""
    step, rise = max(moved, key=lambda one: abs(one[1] or 0.0))
    return f"{', '.join(step.keys)}: {_signed(rise or 0.0)} USD a month ({step.before} to {step.after})"


def _steps_table(diff: Diff, path: Path) -> Table:
    rows: list[tuple[Cell, ...]] = [
        _step_row(path, step, rise) for step, rise in zip(path.steps, diff.steps(), strict=True)
    ]
    residual = diff.residuals()
    rows.append(("residual", "", "", residual["usd_per_month"], None, *(residual[name] for name in _TOLD[1:]), ""))
    return Table(title="Which input did it: switched one after another", columns=_STEPS, rows=rows)


def _step_row(path: Path, step: Step, rise: Mapping[str, float | None]) -> tuple[Cell, ...]:
    alone = changes(path.start, step.alone)["usd_per_month"] if step.alone else None
    told = [rise[name] for name in _TOLD]
    return (", ".join(step.keys), step.before, step.after, told[0], alone, *told[1:], step.outcome.option)


def _notes(diff: Diff) -> Iterator[str]:
    yield from diff.notes
    if diff.path is None or not diff.path.steps:
        return
    yield "order: that of the scenario's keys; --order puts others first; 'alone' switches one input at the start"
    together = diff.interactions()["usd_per_month"]
    if together and len(diff.path.steps) > 1:
        yield f"what the inputs do only together: {_signed(together)} USD a month"
    yield "residual: the stated change less that of the path; 0 unless prices or code differ too"


def _cell(name: str, value: float | None) -> Cell:
    """A count without decimals."""
    return f"{value:,.0f}" if value is not None and name.startswith("num_") else value


def _share(rise: float | None, before: float | None) -> float | None:
    return None if rise is None or not before else rise / before


def _usd(value: float | None) -> str:
    return "unpriced" if value is None else f"{significant(value, 4)} USD a month"


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{significant(value, 4)}"


def _signed_percent(share_frac: float) -> str:
    return f"{'+' if share_frac > 0 else ''}{percent(share_frac)}"

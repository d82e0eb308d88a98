"""A decision as people read it: the strategy with its figures, all strategies, the bands, and what to do next."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tokonomics.economics.build_or_buy.decide import Decision, Priced, steps_of
from tokonomics.economics.figures.explanation import Explanation, Term
from tokonomics.economics.figures.inputs import Inputs, input_sentences
from tokonomics.report.explained import explained_table, inputs_dict
from tokonomics.report.numbers import percent, significant
from tokonomics.report.view import Column, Table, View

_STRATEGIES = (
    Column(title="strategy"),
    Column(title="USD/M", key="usd_per_mtok", unit="at this volume", style="number"),
    Column(title="USD/month", key="usd_per_month", style="number", digits=4),
    Column(title="beats API", key="wins_from_tokens_per_day", unit="from tokens/day", style="number", missing="-"),
    Column(title="quality", key="quality_frac", style="percent", missing="unknown", priority=2),
    Column(title="set-up", key="setup_effort", priority=3),
    Column(title="upkeep", key="ongoing_effort", priority=4),
    Column(title="article", key="article_range", unit="USD/M", priority=5),
    Column(title="best for", priority=6),
    Column(title="excluded"),
)
_BANDS = (
    Column(title="from", key="low_tokens_per_day", unit="tokens/day", style="number"),
    Column(title="to", key="high_tokens_per_day", unit="tokens/day", style="number"),
    Column(title="cheapest"),
)
_STEPS = (
    Column(title="item"),
    Column(title="range", priority=1),
    Column(title="advice"),
)
_TITLES = {3: "Step 3: optimise, in this order", 4: "Step 4: monitor", 5: "Step 5: plan for change"}


def decide_dict(decision: Decision, inputs: Inputs) -> dict[str, Any]:
    """The body of the document."""
    return {
        "recommended": decision.chosen.row.strategy,
        "volume_tokens_per_day": decision.asked.volume_tokens_per_day,
        "quality": decision.asked.quality,
        "strategies": [_strategy_dict(one) for one in decision.strategies],
        "bands": [asdict(band) for band in decision.bands],
        "steps": [dict(row) for row in decision.steps],
        "inputs": inputs_dict(inputs),
        "explanation": _explained(decision, inputs).to_dict(),
    }


def decide_view(decision: Decision, inputs: Inputs, *, explained: bool) -> View:
    """Lay out the five steps."""
    bands = [(band.low_tokens_per_day, band.high_tokens_per_day, band.name) for band in decision.bands]
    tables = [
        Table(columns=_STRATEGIES, rows=[_row(one) for one in decision.strategies]),
        Table(title="Step 1: cheapest admitted strategy by volume", columns=_BANDS, rows=bands),
    ]
    for step, title in _TITLES.items():
        rows = [(row["item"], row["range"], row["advice"]) for row in steps_of(decision, step)]
        tables.append(Table(title=title, columns=_STEPS, rows=rows))
    if explained:
        tables.append(explained_table(_explained(decision, inputs)))
    return View(headline=tuple(_headline(decision)), tables=tables, notes=tuple(_notes(inputs)))


def _headline(decision: Decision) -> Iterator[str]:
    asked, chosen = decision.asked, decision.chosen
    rivals = [one for one in decision.strategies if not one.excluded and one is not chosen]
    yield (
        f"{significant(asked.volume_tokens_per_day / 1e6)} M tokens/day, quality {asked.quality}: choose"
        f" {chosen.row.strategy}, {significant(chosen.month.blended_usd_per_mtok or 0.0)} USD per M tokens,"
        f" {significant(chosen.month.total_usd_per_month, 4)} USD a month"
    )
    if rivals:
        second = min(rivals, key=lambda one: one.month.total_usd_per_month)
        more = second.month.total_usd_per_month / chosen.month.total_usd_per_month
        yield f"next is {second.row.strategy} at {significant(more)} times the cost"
    if chosen.month.utilisation_frac is not None:
        count = chosen.month.num_replicas
        noun = "accelerator" if count == 1 else "accelerators"
        yield f"{count} {noun}, {percent(chosen.month.utilisation_frac)} used"


def _row(one: Priced) -> tuple[str | float | None, ...]:
    row = one.row
    return (
        row.strategy,
        one.month.blended_usd_per_mtok,
        one.month.total_usd_per_month,
        one.wins_from_tokens_per_day,
        one.quality_frac,
        row.setup_effort,
        row.ongoing_effort,
        f"{row.low_usd_per_mtok:g}-{row.high_usd_per_mtok:g}",
        row.best_for,
        one.excluded,
    )


def _notes(inputs: Inputs) -> Iterator[str]:
    yield from input_sentences(inputs)
    yield "quality is the article's, relative to the 70B, and depends on the task: measure yours"
    yield "a cascade is charged every tier tried and one accelerator a tier; its quality is the most its shares allow"


def _explained(decision: Decision, inputs: Inputs) -> Explanation:
    chosen = decision.chosen
    return Explanation(
        number="usd_per_month",
        option=chosen.row.strategy,
        value=chosen.month.total_usd_per_month,
        unit="USD a month",
        formula="fixed + tokens x USD per token + replicas x USD per replica",
        terms=(
            Term("fixed", chosen.month.fixed_usd_per_month, "USD a month", "assumed", "ops_usd_per_month"),
            Term("usage", chosen.month.usage_usd_per_month, "USD a month", "modelled", "volume x price per token"),
            Term("replicas", chosen.month.replicas_usd_per_month, "USD a month", "modelled", "whole accelerators"),
            *inputs.values(),
        ),
    )


def _strategy_dict(one: Priced) -> dict[str, Any]:
    return {
        **asdict(one.row),
        "month": asdict(one.month),
        "quality_frac": one.quality_frac,
        "wins_from_tokens_per_day": one.wins_from_tokens_per_day,
        "excluded": one.excluded,
    }

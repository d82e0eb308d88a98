"""A cascade as people read it: what it costs, what one cheaper model costs, what each tier adds, and the floors."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tokonomics.economics.figures.inputs import input_sentences
from tokonomics.economics.quality.cascade_ask import CascadeTold, explain_cascade
from tokonomics.report.bars import Bar, Bars
from tokonomics.report.explained import explained_table, inputs_dict
from tokonomics.report.numbers import percent, significant
from tokonomics.report.view import Column, Table, View

_RIVAL_COLUMNS = (
    Column(title="way"),
    Column(title="kind", priority=2),
    Column(title="price", key="rival_usd_per_mtok", unit="USD/M", style="number", digits=4),
    Column(title="quality", key="quality_frac", style="percent", missing="unmeasured"),
    Column(title="reaches the bar", key="is_adequate"),
    Column(title="physics", key="standing", priority=1),
)
_TIER_COLUMNS = (
    Column(title="tier"),
    Column(title="price", key="tier_usd_per_mtok", unit="USD/M", style="number"),
    Column(title="answers", key="answered_frac", style="percent"),
    Column(title="tries", key="attempted_frac", style="percent"),
    Column(title="tokens tried", key="attempted_tokens_frac", style="percent", priority=1),
    Column(title="model", key="model_usd_per_mtok", unit="USD/M", style="number"),
    Column(title="verifier", key="verifier_usd_per_mtok", unit="USD/M", style="number", priority=2),
    Column(title="floor", key="floor_usd_per_month", unit="USD/month", style="number", digits=4, priority=3),
)
_MONTH_COLUMNS = (
    Column(title="tokens/month", key="volume_tokens_per_month", style="number"),
    Column(title="cascade", key="cascade_usd_per_month", unit="USD/month", style="number", digits=4),
    Column(title="of it idle", key="idle_floor_usd", unit="USD", style="number", digits=4),
    Column(title="cascade", key="month_usd_per_mtok", unit="USD/M", style="number"),
    Column(title="single"),
    Column(title="single", key="single_usd_per_month", unit="USD/month", style="number", digits=4),
    Column(title="cheaper", key="winner"),
)


def cascade_dict(told: CascadeTold) -> dict[str, Any]:
    """The body of the document."""
    return {
        "inputs": inputs_dict(told.inputs),
        "tiers": [asdict(tier) for tier in told.tiers],
        "cost": asdict(told.cost),
        "quality": asdict(told.quality) if told.quality else None,
        "bar_frac": told.bar_frac,
        "skill_needed_frac": told.skill_needed_frac,
        "verdict": asdict(told.verdict) if told.verdict else None,
        "singles": [asdict(one) for one in told.singles],
        "months": [
            {
                **asdict(row.cascade),
                **{name: getattr(row, name) for name in ("single", "single_usd_per_month", "winner")},
            }
            for row in told.months
        ],
        "explanation": explain_cascade(told).to_dict(),
    }


def cascade_view(told: CascadeTold, *, explained: bool = False) -> View:
    """Lay out the answer; `explained` adds the formula with its terms."""
    tables = [_rivals(told)] if told.verdict else []
    tables.append(_tiers(told))
    if told.months:
        tables.append(_months(told))
    if explained:
        tables.append(explained_table(explain_cascade(told)))
    return View(
        headline=tuple(_headline(told)),
        tables=tables,
        charts=(_bars(told),) if told.verdict else (),
        notes=_notes(told),
    )


def _headline(told: CascadeTold) -> Iterator[str]:
    cost, last = told.cost, told.tiers[-1].name
    yield (
        f"CASCADE      {_usd(cost.cascade_usd_per_mtok)} USD per M tokens, every tier tried is paid;"
        f" {significant(cost.best_tier_ratio)} times cheaper than {last} alone"
    )
    yield f"ROUTER       {_usd(cost.router_usd_per_mtok)}, which pays one tier and has to choose it beforehand"
    if told.quality is None:
        yield "QUALITY      unknown: give every tier a quality=, and the cascade is set against single models"
        return
    quality = told.quality
    yield (
        f"QUALITY      {percent(quality.blended_frac)} at routing skill {significant(quality.routing_frac, 2)};"
        f" {percent(quality.random_frac)} at random, at most {percent(quality.perfect_frac)}"
    )
    yield f"SUBSTITUTE   {_substitute(told)}"


def _substitute(told: CascadeTold) -> str:
    verdict, bar = told.verdict, percent(told.bar_frac or 0.0)
    if verdict is None or verdict.substitute is None:
        return f"no single model reaches {bar}"
    one = verdict.substitute
    doubt = told.standing_of(one.name)
    name = f"{one.name} ({doubt} at its stated rate)" if doubt else one.name
    text = f"{name} alone reaches {bar} for {_usd(one.rival_usd_per_mtok)}"
    if verdict.credit_frac is None:
        return f"{text}; the cascade does not reach it"
    cascade = _against(told.cost.cascade_usd_per_mtok, one.rival_usd_per_mtok)
    router = _against(told.cost.router_usd_per_mtok, one.rival_usd_per_mtok)
    return f"{text}; the cascade costs {cascade}, the router {router}"


def _against(usd: float, rival_usd: float) -> str:
    saved = 1.0 - usd / rival_usd
    return f"{percent(abs(saved))} {'less' if saved >= 0 else 'more'}"


def _rivals(told: CascadeTold) -> Table:
    assert told.verdict is not None  # the caller asks only where there is one
    rows = [
        (
            rival.name,
            "single" if rival.kind == "api" else rival.kind,
            rival.rival_usd_per_mtok,
            rival.quality_frac,
            rival in told.verdict.adequate,
            told.standing_of(rival.name),
        )
        for rival in told.verdict.rivals
    ]
    return Table(columns=_RIVAL_COLUMNS, rows=rows)


def _tiers(told: CascadeTold) -> Table:
    rows = [
        (
            tier.name,
            tier.tier_usd_per_mtok,
            line.answered_frac,
            line.attempted_frac,
            line.attempted_tokens_frac,
            line.model_usd_per_mtok,
            line.verifier_usd_per_mtok,
            tier.floor_usd_per_month,
        )
        for tier, line in zip(told.tiers, told.cost.tiers)
    ]
    return Table(title="Tiers", columns=_TIER_COLUMNS, rows=rows)


def _months(told: CascadeTold) -> Table:
    rows = [
        (
            row.cascade.volume_tokens_per_month,
            row.cascade.cascade_usd_per_month,
            row.cascade.idle_floor_usd,
            row.cascade.month_usd_per_mtok,
            row.single,
            row.single_usd_per_month,
            row.winner,
        )
        for row in told.months
    ]
    return Table(title="A month, with what stays deployed", columns=_MONTH_COLUMNS, rows=rows)


def _bars(told: CascadeTold) -> Bars:
    assert told.verdict is not None  # the caller asks only where there is one
    dearest = max(rival.rival_usd_per_mtok for rival in told.verdict.rivals) or 1.0
    bars = [
        Bar(label=rival.name, share_frac=rival.rival_usd_per_mtok / dearest, text=_bar_text(rival))
        for rival in told.verdict.rivals
    ]
    return Bars(title="USD per M tokens, and the quality that is kept", bars=bars)


def _bar_text(rival: Any) -> str:
    quality = "unmeasured" if rival.quality_frac is None else percent(rival.quality_frac)
    return f"{_usd(rival.rival_usd_per_mtok)}, {quality}"


def _notes(told: CascadeTold) -> tuple[str, ...]:
    notes = []
    if told.is_article:
        notes.append(
            "tiers, shares and qualities: the article s7, 2025-Q1 (assumed), each on one accelerator that stays on"
        )
        if any(one.standing == "impossible" for one in told.students):
            notes.append("impossible: physics excludes the rate that the article states for this row; see `tok fit`")
    if told.skill_needed_frac is None and told.quality is not None:
        notes.append("no routing skill reaches the bar with these shares; let the last tier answer more")
    if told.quality is not None:
        notes.append("quality takes ability as nested: what a tier answers well, every later tier does too")
    notes.append("a share is of requests; give length= where hard requests are longer than easy ones")
    return (*notes, *input_sentences(told.inputs))


def _usd(value: float) -> str:
    return significant(value)

"""Owning against renting as people read it: the hour that is used, what it is made of, and every rent beside it."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tokonomics.economics.figures.inputs import input_sentences
from tokonomics.economics.hardware.on_prem_case import CURVE_UTILISATIONS, NOT_COUNTED, OnPremAnswer, explain_on_prem
from tokonomics.report.bars import Bar, Bars
from tokonomics.report.chart import Chart, Series
from tokonomics.report.explained import explained_table, inputs_dict
from tokonomics.report.facts import Facts
from tokonomics.report.numbers import percent, significant
from tokonomics.report.view import Cell, Column, Table, View

_RENT_COLUMNS = (
    Column(title="way"),
    Column(title="bought"),
    Column(title="USD/h", key="usd_per_hour", style="number"),
    Column(title="over owning", key="over_own_ratio", unit="times", style="number"),
    Column(title="owning pays", key="worthwhile_utilisation_frac", unit="above", style="percent", missing="never"),
    Column(title="price of", key="price_as_of", priority=1),
)
_TERM_COLUMNS = (
    Column(title="part"),
    Column(title="USD", key="part_usd", unit="over the years", style="number", digits=5),
    Column(title="share", key="share_frac", style="percent"),
)
_PARTS = {
    "purchase and host": "upfront_usd",
    "interest": "capital_usd",
    "resale": "resale_usd",
    "electricity": "electricity_usd",
    "hosting": "hosting_usd",
    "staff": "staff_usd",
}
_TOP_BARS = 12


def onprem_dict(answer: OnPremAnswer) -> dict[str, Any]:
    """The body of the document."""
    return {
        "inputs": inputs_dict(answer.inputs),
        "cost": asdict(answer.cost),
        "curve": [
            {"utilisation_frac": share, "effective_usd_per_hour": point.effective_usd_per_hour}
            for share, point in zip(CURVE_UTILISATIONS, answer.curve, strict=True)
        ],
        "rents": [asdict(rent) for rent in answer.rents],
        "reservations": [{"provider": name, **asdict(saving)} for name, saving in answer.reservations],
        "tornado": [
            {"name": bar.name, "inputs": list(bar.inputs), "outcomes_usd_per_hour": list(bar.outcomes)}
            for bar in answer.tornado.bars
        ],
        "explanation": explain_on_prem(answer).to_dict(),
    }


def onprem_view(answer: OnPremAnswer, facts: Facts, *, num_rows: int, explained: bool = False) -> View:
    """Lay out the answer; `num_rows` rents are shown."""
    tables = [_rents(answer, num_rows), _parts(answer)]
    if explained:
        tables.append(explained_table(explain_on_prem(answer)))
    return View(
        headline=tuple(_headline(answer)),
        tables=tables,
        charts=(_models(answer, num_rows), _curve(answer), _swings(answer)),
        notes=tuple(_notes(answer, facts, num_rows)),
    )


def _headline(answer: OnPremAnswer) -> Iterator[str]:
    cost, machine = answer.cost, answer.machine
    yield (
        f"OWNED    {significant(cost.effective_usd_per_hour)} USD per used hour at {percent(machine.utilisation_frac)}"
        f" used ({significant(cost.owned_usd_per_hour)} per hour of the calendar);"
        f" {significant(cost.total_usd, 5)} USD over {machine.horizon_years:g} years"
    )
    rent = answer.cheapest_on_demand
    if rent is not None:
        share = rent.worthwhile_utilisation_frac
        pays = "owning never beats it" if share is None else f"owning beats it above {percent(share)} used"
        yield f"RENTED   {significant(rent.rent_usd_per_hour)} USD/h, {rent.name}, the cheapest on demand; {pays}"


def _name(name: str, purchase: str) -> str:
    return f"{name} {purchase.replace('_', '-')}"


def _rents(answer: OnPremAnswer, num_rows: int) -> Table:
    own = answer.cost.effective_usd_per_hour
    rows: list[tuple[Cell, ...]] = [
        (one.name, one.purchase, one.rent_usd_per_hour, one.over_own_ratio, one.worthwhile_utilisation_frac, one.as_of)
        for one in answer.rents[:num_rows]
    ]
    place = sum(one.rent_usd_per_hour < own for one in answer.rents[:num_rows])
    rows.insert(place, ("owned", "", own, 1.0, "-", ""))
    return Table(columns=_RENT_COLUMNS, rows=rows)


def _parts(answer: OnPremAnswer) -> Table:
    total = answer.cost.total_usd
    rows = []
    for part, field in _PARTS.items():
        usd = getattr(answer.cost, field) * (-1.0 if field == "resale_usd" else 1.0)
        if usd:
            rows.append((part, usd, usd / total))
    return Table(title="What it is made of", columns=_TERM_COLUMNS, rows=[*rows, ("total", total, 1.0)])


def _models(answer: OnPremAnswer, num_rows: int) -> Bars:
    """Every deployment model beside the others, USD per hour."""
    shown = [(_name(one.name, one.purchase), one.rent_usd_per_hour) for one in answer.rents[: min(num_rows, _TOP_BARS)]]
    rows = sorted([*shown, ("owned", answer.cost.effective_usd_per_hour)], key=lambda row: row[1])
    widest = max(rate for _, rate in rows)
    bars = [Bar(label=name, share_frac=rate / widest, text=f"{significant(rate)} USD/h") for name, rate in rows]
    return Bars(title="USD per accelerator-hour by deployment model", bars=bars)


def _curve(answer: OnPremAnswer) -> Chart:
    cost = answer.cost
    own = Series(name="owned", xs=CURVE_UTILISATIONS, ys=[point.effective_usd_per_hour for point in answer.curve])
    rents = [
        Series(
            name=_name(one.name, one.purchase),
            xs=CURVE_UTILISATIONS,
            ys=[one.rent_usd_per_hour] * len(CURVE_UTILISATIONS),
        )
        for one in (answer.cheapest_on_demand,)
        if one is not None
    ]
    return Chart(
        title="An hour that is used, by utilisation",
        x_label="share of the hours used",
        y_label="USD per used hour",
        series=[own, *rents],
        marks=[(answer.machine.utilisation_frac, cost.effective_usd_per_hour)],
        mark_label="your utilisation",
        log_x=False,
    )


def _swings(answer: OnPremAnswer) -> Bars:
    widest = max((bar.swing_ratio for bar in answer.tornado.bars), default=0.0)
    bars = [
        Bar(
            label=bar.name,
            share_frac=bar.swing_ratio / widest if widest else 0.0,
            text=" to ".join(significant(one or 0.0) for one in bar.outcomes),
        )
        for bar in answer.tornado.bars
    ]
    share = percent(answer.swing_frac)
    return Bars(title=f"What moves the USD per used hour, {share} down and up", bars=bars)


def _notes(answer: OnPremAnswer, facts: Facts, num_rows: int) -> Iterator[str]:
    cost, machine = answer.cost, answer.machine
    yield (
        f"{significant(cost.upfront_usd, 5)} USD are paid before the first token; a successor chip lowers what a sale"
        f" brings (counted: {percent(machine.resale_frac)} of the price); running it takes people"
    )
    missing = [name for name, term in answer.inputs.items() if term.source == NOT_COUNTED]
    if missing:
        yield f"not counted: {', '.join(missing)}; each has a flag of its name"
    yield "rent is paid by the hour: its hours off cost nothing only if you stop the machine"
    if any(rent.purchase == "spot" for rent in answer.rents):
        yield "spot is the middle of its range, and can be taken away"
    for name, saving in answer.reservations:
        yield (
            f"a year reserved at {name} saves {percent(saving.saving_frac)} and pays above"
            f" {percent(saving.worthwhile_use_frac)} used; it binds while prices and chips move on"
        )
    if len(answer.rents) > num_rows:
        yield f"{num_rows} of {len(answer.rents)} rents shown; --top N shows more, --json all"
    yield from input_sentences({name: term for name, term in answer.inputs.items() if term.source != NOT_COUNTED})
    if any(rent.as_of for rent in answer.rents):
        yield from facts.notes([rent.as_of for rent in answer.rents], "on_demand")

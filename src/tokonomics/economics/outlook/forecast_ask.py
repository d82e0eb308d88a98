"""From dated prices to a forecast: the path of a price, the volume and spending along it, and what hardware may add."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.load import Catalog
from tokonomics.economics.figures.explanation import Explanation, Term
from tokonomics.economics.figures.inputs import AS_STATED, assumed_term, stated_term
from tokonomics.economics.outlook.decline import MIN_POINTS_FOR_INTERVAL, Compound, Decline, compound
from tokonomics.economics.outlook.elasticity import (
    DemandPoint,
    Elasticity,
    SpendPoint,
    forecast_spend,
    measure_elasticity,
)
from tokonomics.economics.outlook.generations import Generation, compare_generations
from tokonomics.economics.outlook.price_path import DAYS_PER_YEAR, PathPoint, PriceRow, fit_path, price_path
from tokonomics.economics.outlook.projection import article_projection
from tokonomics.economics.outlook.use_cases import anchor_ratios, open_use_cases
from tokonomics.errors import InputError, MissingFact
from tokonomics.units import MTOK

# Fewer dates than give an interval, or dates closer together than this, say nothing about years to come.
_MIN_FIT_SPAN_DAYS: Final = 365
ARTICLE: Final = "article s8, 2025-Q1"
_UNDATED: Final = date.min
_MONTHS_PER_YEAR: Final = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastQuestion:
    """What the user says: endpoints and dated prices of one's own, numbers by name, a first accelerator and others.

    `demand` pairs a price with the volume bought at it; `factors` multiply the yield beside those of the hardware.
    """

    stated: Mapping[str, float | None]
    apis: tuple[str, ...] = ()
    prices: tuple[PriceRow, ...] = ()
    demand: tuple[DemandPoint, ...] = ()
    generations: tuple[str, ...] = ()
    factors: Mapping[str, float]
    num_months: int
    step_months: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """One price over time: its dated rows, points on the days that matter, and a fine line for a chart.

    `spends` belong to `points`, None before today. `decline` is None where the rows are too few or too close.
    """

    name: str
    rows: tuple[PriceRow, ...]
    points: tuple[PathPoint, ...]
    line: tuple[PathPoint, ...]
    spends: tuple[SpendPoint | None, ...]
    decline: Decline | None
    as_of: str

    def open_at(self, index: int) -> tuple[str, ...]:
        """The kinds of use that the price of a point makes affordable."""
        return open_use_cases(self.points[index].point_usd_per_mtok)


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastTold:
    """The answer; `elasticity` is None where the exponent is stated, the rest is empty where it was not asked for."""

    forecasts: tuple[Forecast, ...]
    elasticity: Elasticity | None
    inputs: Mapping[str, Term]
    generations: tuple[Generation, ...]
    factors: Compound | None
    anchors: Mapping[str, float]
    today: date


def ask_forecast(catalog: Catalog, question: ForecastQuestion, *, today: date) -> ForecastTold:
    """Answer a question about prices to come.

    Raises: InputError, UnknownName for an endpoint or accelerator, MissingFact for a price or a bandwidth.
    """
    if today.year + question.num_months // _MONTHS_PER_YEAR + 1 > date.max.year:
        raise InputError(f"{question.num_months} months from {today} is beyond the calendar; choose an earlier --today")
    stated = question.stated
    share = stated.get("input_frac")
    terms = {
        "input_frac": assumed_term("reference", "input_frac") if share is None else stated_term("input_frac", share)
    }
    exponent, measured = _elasticity(question)
    terms["elasticity_exponent"] = exponent
    volume = stated.get("volume_tokens_per_month")
    if volume is not None:
        terms["volume_tokens_per_month"] = stated_term("volume_tokens_per_month", volume)
    series = _series(catalog, question, float(terms["input_frac"].value), today)
    if not question.apis:
        del terms["input_frac"]
    try:
        forecasts = tuple(_forecast(*one, question, float(exponent.value), today) for one in series)
    except OverflowError:
        raise InputError(
            "the prices scatter too widely to look that far; shorten --months or --elasticity-exponent"
        ) from None
    base = next(one.point_usd_per_mtok for one in forecasts[0].points if one.on >= today)
    tokens = stated.get("request_tokens")
    return ForecastTold(
        forecasts=forecasts,
        elasticity=measured,
        inputs=terms,
        generations=compare_generations(catalog, question.generations, question.factors, base_usd_per_mtok=base),
        factors=compound(question.factors) if question.factors else None,
        anchors=anchor_ratios(tokens / MTOK * forecasts[0].points[-1].point_usd_per_mtok) if tokens else {},
        today=today,
    )


def explain_forecast(told: ForecastTold) -> Explanation:
    """The last price of the first path, with the rows and the decline that it rests on."""
    one = told.forecasts[0]
    last = one.points[-1]
    rows = [
        Term(f"price from {row.on.isoformat() if row.on > _UNDATED else 'the beginning'}", row.row_usd_per_mtok,
             "USD per M tokens", "assumed" if row.source in (ARTICLE, AS_STATED) else "list", row.source)
        for row in one.rows
    ]  # fmt: skip
    fitted = []
    if one.decline and last.basis == "fitted":
        years = (last.on - max(told.today, one.rows[-1].on)).days / DAYS_PER_YEAR
        fitted = [Term("yearly_factor", one.decline.yearly_factor, "times", "modelled", last.source)]
        fitted.append(Term("span_years", years, "years", "assumed", AS_STATED))
    return Explanation(
        number="point_usd_per_mtok",
        option=f"{one.name} on {last.on.isoformat()} ({last.basis})",
        value=last.point_usd_per_mtok,
        unit="USD per M tokens",
        formula="the row in force / yearly factor ^ years beyond what is known; volume = (price ratio) ^ -elasticity",
        terms=(*rows, *fitted, *told.inputs.values()),
    )


def _elasticity(question: ForecastQuestion) -> tuple[Term, Elasticity | None]:
    """The exponent: as stated, else measured on stated demand, else on the article's table."""
    stated, name = question.stated.get("elasticity_exponent"), "elasticity_exponent"
    if stated is not None:
        return Term(name, stated, "", "assumed", AS_STATED), None
    article = [
        DemandPoint(demand_usd_per_mtok=row.stated_usd_per_mtok, volume_ratio=row.volume_ratio)
        for row in article_projection()
    ]
    found = measure_elasticity(question.demand or article)
    source = "fitted to --demand" if question.demand else ARTICLE
    return Term(name, found.overall_exponent, "", "modelled" if question.demand else "assumed", source), found


def _series(
    catalog: Catalog, question: ForecastQuestion, share: float, today: date
) -> list[tuple[str, tuple[PriceRow, ...], str]]:
    """Name, rows and date of each price: endpoints, else one's own rows, else those of the article up to today."""
    own = question.prices
    if question.apis:
        return [
            _api_rows(catalog, name, own if len(question.apis) == 1 else (), share, today) for name in question.apis
        ]
    if own:
        return [("prices as stated", own, "")]
    rows = [
        PriceRow(on=date(row.year, 1, 1), row_usd_per_mtok=row.stated_usd_per_mtok, source=ARTICLE)
        for row in article_projection()
        if date(row.year, 1, 1) <= today
    ]
    if not rows:
        raise MissingFact(f"the article's prices begin in {article_projection()[0].year}; give --api or --price")
    return [("the source article's 70B", tuple(rows), "")]


def _api_rows(
    catalog: Catalog, api: str, own: Sequence[PriceRow], share: float, today: date
) -> tuple[str, tuple[PriceRow, ...], str]:
    """Every dated price of an endpoint, blended; the one without a date is known on the day it was read."""
    current = catalog.api_price(api, at=today)
    name, book = current.name, catalog.price_book
    starts = sorted({row.effective_from or _UNDATED for row in book.history(name)})
    rows = {row.on: row for row in own}
    for start in starts:
        found = book.price(name, start)
        if found is not None:
            on = _read_on(found, today) if found is current or found == current else start
            rows[on] = PriceRow(on=on, row_usd_per_mtok=_blended(found, share), source=_source(found))
    if own:
        rows.pop(_UNDATED, None)
    return name, tuple(rows[on] for on in sorted(rows)), current.as_of


def _read_on(price: ApiPrice, today: date) -> date:
    """From when a price is known to hold: its start, else the day on which it was read."""
    if price.effective_from is not None:
        return price.effective_from
    try:
        return min(date.fromisoformat(price.as_of), today)
    except ValueError:
        return today


def _blended(price: ApiPrice, share: float) -> float:
    card = price.rates()
    if card.input_usd_per_mtok is None or card.output_usd_per_mtok is None:
        raise MissingFact(f"{price.name} has no list price for input or output; give your own with --price")
    return share * float(card.input_usd_per_mtok) + (1.0 - share) * float(card.output_usd_per_mtok)


def _source(price: ApiPrice) -> str:
    return f"{price.name}; {price.source}, as of {price.as_of or 'unknown date'}"


def _forecast(
    name: str, rows: tuple[PriceRow, ...], as_of: str, question: ForecastQuestion, exponent: float, today: date
) -> Forecast:
    """One path over the dated rows, today, and the steps of the horizon."""
    dated = [row for row in rows if row.on > _UNDATED]
    decline = fit_path(dated) if _is_fittable(dated) else None
    steps = range(0, question.num_months + 1, question.step_months)
    end = _add_months(today, question.num_months)
    days = {*(row.on for row in dated if row.on <= end), *(_add_months(today, step) for step in steps), end}
    points = price_path(rows, sorted(days), today=today, decline=decline)
    first = min((row.on for row in dated), default=today)
    num_fine = max(1, (end - min(first, today)).days // 15)
    fine = sorted({min(first, today) + timedelta(days=15 * step) for step in range(num_fine)} | {end})
    ahead = [point.point_usd_per_mtok for point in points if point.on >= today]
    base = question.stated.get("volume_tokens_per_month") or MTOK
    spends = forecast_spend(ahead, elasticity=exponent, base_tokens_per_month=base)
    return Forecast(
        name=name,
        rows=rows,
        points=points,
        line=price_path(rows, [day for day in fine if day >= rows[0].on], today=today, decline=decline),
        spends=(*[None] * (len(points) - len(ahead)), *spends),
        decline=decline,
        as_of=as_of,
    )


def _is_fittable(rows: Sequence[PriceRow]) -> bool:
    """Whether rows have enough dates, far enough apart, and no price of 0."""
    if len({row.on for row in rows}) < MIN_POINTS_FOR_INTERVAL or any(row.row_usd_per_mtok <= 0 for row in rows):
        return False
    return (max(row.on for row in rows) - min(row.on for row in rows)).days >= _MIN_FIT_SPAN_DAYS


def _add_months(day: date, num_months: int) -> date:
    """The same day of a later month, or the last that it has."""
    year, month = divmod(day.year * _MONTHS_PER_YEAR + day.month - 1 + num_months, _MONTHS_PER_YEAR)
    following = date(year + (month == _MONTHS_PER_YEAR - 1), (month + 1) % _MONTHS_PER_YEAR + 1, 1)
    return date(year, month + 1, min(day.day, (following - timedelta(days=1)).day))

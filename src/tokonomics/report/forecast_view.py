"""A forecast as people read it: the path of prices with its standing, spending along it, hardware, and terms."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Any, Final

from tokonomics.economics.figures.inputs import AS_STATED, input_sentences
from tokonomics.economics.hardware.commit_ask import CommitTold
from tokonomics.economics.hardware.commitment import TermCost
from tokonomics.economics.outlook.forecast_ask import ARTICLE, Forecast, ForecastTold, explain_forecast
from tokonomics.economics.outlook.generations import Generation
from tokonomics.economics.outlook.price_path import DAYS_PER_YEAR, PathPoint
from tokonomics.report.chart import Chart, Series
from tokonomics.report.explained import explained_table, inputs_dict
from tokonomics.report.facts import Facts
from tokonomics.report.numbers import percent, significant
from tokonomics.report.view import Cell, Column, Table, View

_FITTED: Final = "fitted"
_COLUMNS = (
    Column(title="price of", key="name", priority=3),
    Column(title="date"),
    Column(title="USD/M", key="usd_per_mtok", style="number"),
    Column(title="low", key="low_usd_per_mtok", unit="USD/M", style="number"),
    Column(title="high", key="high_usd_per_mtok", unit="USD/M", style="number"),
    Column(title="standing"),
    Column(title="volume", key="volume_ratio", unit="times today", style="number"),
    Column(title="spending", key="spend_ratio", unit="times today", style="number"),
    Column(title="spending", key="spend_usd_per_month", unit="USD/month", style="number", digits=4),
    Column(title="uses open", key="num_open_uses", style="count", priority=2),
)
_GENERATION_COLUMNS = (
    Column(title="generation"),
    Column(title="launch", key="launch_year", missing="unknown"),
    Column(title="bandwidth", key="bandwidth_factor", unit="times", style="number"),
    Column(title="all", key="total_factor", unit="times", style="number"),
    Column(title="hour", key="hour_price_ratio", unit="price, times", style="number", missing="unpriced"),
    Column(title="USD/M", key="projected_usd_per_mtok", style="number", missing="unpriced"),
    Column(title="USD/M", key="steady_hour_usd_per_mtok", unit="same hour", style="number"),
)
_TERM_COLUMNS = (
    Column(title="term"),
    Column(title="saves", key="discount_frac", style="percent"),
    Column(title="committed", key="num_committed_gpus", unit="GPUs", style="count"),
    Column(title="expected", key="expected_usd", unit="USD", style="number", digits=4),
    Column(title="worst regret", key="max_regret_usd", unit="USD", style="number", digits=4),
    Column(title="regrets", key="regrets"),
)


def forecast_dict(told: ForecastTold, commit: CommitTold | None) -> dict[str, Any]:
    """The body of the document: every path with its points, elasticity, hardware and terms."""
    return {
        "inputs": {**inputs_dict(told.inputs), **(inputs_dict(commit.inputs) if commit else {})},
        "forecasts": [_forecast_dict(one) for one in told.forecasts],
        "elasticity": asdict(told.elasticity) if told.elasticity else None,
        "generations": [_generation_dict(one) for one in told.generations],
        "factors": asdict(told.factors) if told.factors else None,
        "anchors": dict(told.anchors),
        "commitment": _commit_dict(commit) if commit else None,
        "explanation": explain_forecast(told).to_dict(),
    }


def forecast_view(told: ForecastTold, commit: CommitTold | None, facts: Facts, *, explained: bool = False) -> View:
    """Lay out the answer; `explained` adds the formula with its terms."""
    rows = [row for one in told.forecasts for row in _rows(one)]
    tables = [Table(columns=_COLUMNS, rows=rows)]
    if told.generations:
        tables.append(
            Table(title="Hardware", columns=_GENERATION_COLUMNS, rows=[_generation(g) for g in told.generations])
        )
    if commit:
        names = "; ".join(future.name for future in commit.futures)
        title = f"Terms; regrets in USD by future: {names}"
        tables.append(Table(title=title, columns=_TERM_COLUMNS, rows=[_term(one) for one in commit.advice.costs]))
    if explained:
        tables.append(explained_table(explain_forecast(told)))
    return View(
        headline=tuple(_headline(told, commit)),
        tables=tables,
        charts=(_chart(told),),
        notes=tuple(_notes(told, commit, facts)),
    )


def _headline(told: ForecastTold, commit: CommitTold | None) -> Iterator[str]:
    if commit:
        best, safest = commit.advice.costs[0], commit.advice.safest.name
        regret = significant(best.max_regret_usd, 4)
        yield f"COMMIT     {best.term.name} is cheapest in expectation; worst regret {regret} USD; safest: {safest}"
    for one in told.forecasts:
        yield _path_sentence(one, told.today)
    yield from _spend_sentences(told)
    if told.factors:
        shares = ", ".join(f"{name} {percent(part)}" for name, part in told.factors.shares if part is not None)
        yield f"FACTORS    {significant(told.factors.total_factor)} times together: {shares or 'they cancel'}"
    for name, ratio in told.anchors.items():
        yield f"REQUEST    {significant(ratio)} times the price of a {name} at the end"


def _path_sentence(one: Forecast, today: date) -> str:
    now = next(point for point in one.points if point.on >= today)
    last = one.points[-1]
    band = ""
    if last.low_usd_per_mtok is not None and last.high_usd_per_mtok is not None:
        band = f" ({significant(last.low_usd_per_mtok)} to {significant(last.high_usd_per_mtok)})"
    figures = f"{significant(now.point_usd_per_mtok)} USD per M today, {significant(last.point_usd_per_mtok)}{band}"
    return f"PRICE      {one.name}: {figures} on {last.on}, {_standing(last)}{_decline_words(one)}"


def _decline_words(one: Forecast) -> str:
    if one.decline is None:
        return ""
    fall = significant(one.decline.two_yearly_factor)
    low, high = one.decline.low_yearly_factor, one.decline.high_yearly_factor
    span = f" ({significant(low**2)} to {significant(high**2)})" if low is not None and high is not None else ""
    return f"; falls {fall} times{span} in two years"


def _spend_sentences(told: ForecastTold) -> Iterator[str]:
    exponent = float(told.inputs["elasticity_exponent"].value)
    words = f"elasticity {significant(exponent)}"
    yield f"VOLUME     grows {significant(2.0**exponent)} times when the price halves ({words})"
    first = told.forecasts[0]
    base, last = next(spend for spend in first.spends if spend is not None), first.spends[-1]
    if last is not None and abs(last.spend_ratio - 1.0) > 1e-9:
        way = "RISES" if last.spend_ratio > 1.0 else "falls"
        price = significant(last.spend_usd_per_mtok / base.spend_usd_per_mtok)
        volume = significant(last.volume_tokens_per_month / base.volume_tokens_per_month)
        yield f"SPENDING   {way} to {significant(last.spend_ratio)} times: price {price} times, volume {volume} times"


def _rows(one: Forecast) -> Iterator[tuple[Cell, ...]]:
    base = next(spend for spend in one.spends if spend is not None)
    for index, (point, spend) in enumerate(zip(one.points, one.spends)):
        yield (
            one.name,
            point.on,
            point.point_usd_per_mtok,
            point.low_usd_per_mtok,
            point.high_usd_per_mtok,
            _standing(point),
            spend.volume_tokens_per_month / base.volume_tokens_per_month if spend else None,
            spend.spend_ratio if spend else None,
            spend.spend_usd_per_month if spend else None,
            len(one.open_at(index)),
        )


def _standing(point: PathPoint) -> str:
    """How a price is known: a figure of the user or of the article is no list price."""
    if point.basis == _FITTED or point.source not in (ARTICLE, AS_STATED):
        return point.basis
    return "assumed" if point.source == ARTICLE else AS_STATED


def _generation(one: Generation) -> tuple[Cell, ...]:
    priced = one.hour_price_ratio is not None
    return (
        one.name,
        str(one.launch_year) if one.launch_year else None,
        one.bandwidth_factor,
        one.total_factor,
        one.hour_price_ratio,
        one.cost.projected_usd_per_mtok if priced else None,
        one.cost.steady_hour_usd_per_mtok,
    )


def _term(one: TermCost) -> tuple[Cell, ...]:
    regrets = "; ".join(significant(regret, 3) for regret in one.regrets_usd)
    discount = one.term.discount_frac
    return (one.term.name, discount, one.num_committed_gpus, one.expected_usd, one.max_regret_usd, regrets)


def _chart(told: ForecastTold) -> Chart:
    """Every path; a single one with the band of its fit."""
    series = []
    for one in told.forecasts:
        xs = [_years(point.on, told.today) for point in one.line]
        series.append(Series(name=one.name, xs=xs, ys=[point.point_usd_per_mtok for point in one.line]))
        if one.decline and len(told.forecasts) == 1:
            nan = float("nan")
            lows = [nan if point.low_usd_per_mtok is None else point.low_usd_per_mtok for point in one.line]
            highs = [nan if point.high_usd_per_mtok is None else point.high_usd_per_mtok for point in one.line]
            series += [Series(name="low", xs=xs, ys=lows), Series(name="high", xs=xs, ys=highs)]
    first = told.forecasts[0]
    now = next(point for point in first.points if point.on >= told.today)
    return Chart(
        title="Price paths",
        x_label="years from today",
        y_label="USD per M tokens",
        series=series,
        marks=[(_years(now.on, told.today), now.point_usd_per_mtok)],
        mark_label="today",
        log_x=False,
    )


def _years(day: date, today: date) -> float:
    """Years from today, negative in the past."""
    return (day - today).days / DAYS_PER_YEAR


def _notes(told: ForecastTold, commit: CommitTold | None, facts: Facts) -> Iterator[str]:
    for one in told.forecasts:
        if one.decline is None:
            yield f"{one.name}: its dated prices are too few or too close to fit a decline; the last one stays"
    if any(point.basis == _FITTED for one in told.forecasts for point in one.points):
        yield "low and high are the 95 % interval of the fitted decline alone; a new model or a price war is outside it"
    if any(one.spends[-1] is not None and "volume_tokens_per_month" not in told.inputs for one in told.forecasts):
        yield "spending in USD is per M tokens of today's volume; give --volume-tokens-per-month for your own"
    if told.generations:
        yield "bandwidth bounds decoding only; factors that save the same bytes do not multiply"
    if any(one.hour_price_ratio is None for one in told.generations):
        yield "an unpriced hour cannot be projected; the last column holds if it costs as much as the first one's"
    yield from input_sentences(told.inputs)
    if commit:
        yield from input_sentences(commit.inputs)
        if "spot" not in commit.unpriced and "spot_rework_frac" not in commit.inputs:
            yield "spot counts no work lost to interruptions; give --spot-rework-frac"
        if commit.unpriced:
            yield f"no price of {', '.join(commit.unpriced)}; give --spot-, --quarter- or --year-discount-frac"
    as_ofs = [one.as_of for one in told.forecasts if one.as_of]
    if as_ofs:
        yield from facts.notes(as_ofs, "api_price")


def _forecast_dict(one: Forecast) -> dict[str, Any]:
    points = [
        {
            **asdict(point),
            "standing": _standing(point),
            "spend": asdict(spend) if spend else None,
            "open_uses": list(one.open_at(index)),
        }
        for index, (point, spend) in enumerate(zip(one.points, one.spends))
    ]
    rows = [{**asdict(row), "on": None if row.on == date.min else row.on} for row in one.rows]
    return {
        "name": one.name,
        "rows": rows,
        "decline": asdict(one.decline) if one.decline else None,
        "points": points,
    }


def _generation_dict(one: Generation) -> dict[str, Any]:
    names = ("name", "launch_year", "bandwidth_factor", "total_factor", "hour_price_ratio")
    projected = one.cost.projected_usd_per_mtok if one.hour_price_ratio is not None else None
    steady = one.cost.steady_hour_usd_per_mtok
    return {
        **{name: getattr(one, name) for name in names},
        "projected_usd_per_mtok": projected,
        "steady_hour_usd_per_mtok": steady,
    }


def _commit_dict(commit: CommitTold) -> dict[str, Any]:
    return {
        "cheapest": commit.advice.cheapest.name,
        "safest": commit.advice.safest.name,
        "futures": [{"name": one.name, "probability_frac": one.probability_frac} for one in commit.futures],
        "terms": [asdict(one) for one in commit.advice.costs],
        "unpriced": list(commit.unpriced),
    }

"""What a price will be on a day: the dated rows first, the changes already announced next, and only then a fit.

A fitted price starts from the last row that is known and carries an interval; it is never presented as a
fact.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.outlook.decline import Decline, fit_decline
from tokonomics.errors import InputError, MissingFact

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceRow:
    """A price and the day from which it is in force; a row after today is an announced change."""

    on: date
    row_usd_per_mtok: float
    source: str = ""

    def __post_init__(self) -> None:
        Checks().non_negative(row_usd_per_mtok=self.row_usd_per_mtok).done()


@dataclass(frozen=True, kw_only=True, slots=True)
class PathPoint:
    """A price on a day, with its standing.

    `basis` is `listed` (a dated row up to today), `scheduled` (a change announced for a later day) or
    `fitted`. `low_usd_per_mtok` and `high_usd_per_mtok` are None unless fitted with an interval.
    """

    on: date
    point_usd_per_mtok: float
    low_usd_per_mtok: float | None
    high_usd_per_mtok: float | None
    basis: str
    source: str


def price_path(
    rows: Sequence[PriceRow], days: Sequence[date], *, today: date, decline: Decline | None = None
) -> tuple[PathPoint, ...]:
    """The price on each of `days`.

    Up to today, and up to the last announced change, the row in force holds. Beyond, the price declines from
    the later of the two under `decline`; without one it stays, still `listed` or `scheduled`, as no more is
    known.

    Raises: MissingFact for a day before the first row; InputError for no rows or two rows of one day.
    """
    ordered = _ordered(rows)
    return tuple(_point(ordered, day, today, decline) for day in days)


def fit_path(rows: Sequence[PriceRow], *, confidence_frac: float = 0.95) -> Decline:
    """The decline of the dated rows themselves.

    Raises: InputError for fewer than two dates, or a price of 0.
    """
    ordered = _ordered(rows)
    years = [each.on.toordinal() / DAYS_PER_YEAR for each in ordered]
    return fit_decline(years, [each.row_usd_per_mtok for each in ordered], confidence_frac=confidence_frac)


def _ordered(rows: Sequence[PriceRow]) -> list[PriceRow]:
    if not rows:
        raise InputError("no dated price; give at least one row")
    ordered = sorted(rows, key=lambda row: row.on)
    doubles = sorted({a.on.isoformat() for a, b in pairwise(ordered) if a.on == b.on})
    if doubles:
        raise InputError(f"two prices from the same day: {', '.join(doubles)}; keep one")
    return ordered


def _point(rows: Sequence[PriceRow], day: date, today: date, decline: Decline | None) -> PathPoint:
    if day < rows[0].on:
        raise MissingFact(f"no price before {rows[0].on.isoformat()}; asked for {day.isoformat()}; add an earlier row")
    row = next(row for row in reversed(rows) if row.on <= day)
    known_until = max(today, rows[-1].on)
    if decline is not None and day > known_until:
        return _fitted(row, day, known_until, decline)
    return PathPoint(
        on=day,
        point_usd_per_mtok=row.row_usd_per_mtok,
        low_usd_per_mtok=None,
        high_usd_per_mtok=None,
        basis="scheduled" if row.on > today else "listed",
        source=row.source,
    )


def _fitted(row: PriceRow, day: date, start: date, decline: Decline) -> PathPoint:
    years = (day - start).days / DAYS_PER_YEAR

    def after(factor: float | None) -> float | None:
        return None if factor is None else row.row_usd_per_mtok / math.pow(factor, years)

    return PathPoint(
        on=day,
        point_usd_per_mtok=row.row_usd_per_mtok / math.pow(decline.yearly_factor, years),
        low_usd_per_mtok=after(decline.high_yearly_factor),
        high_usd_per_mtok=after(decline.low_yearly_factor),
        basis="fitted",
        source=f"decline of {decline.num_points} prices from {start.isoformat()}",
    )

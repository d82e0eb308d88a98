"""Freshness: how old a price is, judged by cut-offs per kind, from dates as incomplete as sources give them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources

from tokonomics.catalog.tables import read_rows
from tokonomics.errors import InputError, raise_all

_AS_OF = re.compile(r"(\d{4})(?:-(?:(\d{2})(?:-(\d{2}))?|Q([1-4])|H([12])))?(?:\s|$)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Freshness:
    """Age of a fact in whole days, and what that means: fresh, aging, stale, or unknown (which ranks worst)."""

    as_of: str
    age_days: int | None
    level: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CutOff:
    """Ages of one kind of fact, in days: fresh below the first, stale from the second; None: it does not age."""

    kind: str
    fresh_below_days: int | None
    stale_from_days: int | None


def earliest_date(as_of: str) -> date | None:
    """The earliest day that a date as given can mean; None when it names no year.

    >>> [str(earliest_date(one)) for one in ("2026-02", "2026", "2025-H2", "2025-Q2", "2026 (undated copy)", "")]
    ['2026-02-01', '2026-01-01', '2025-07-01', '2025-04-01', '2026-01-01', 'None']
    """
    match = _AS_OF.match(as_of.strip())
    if not match:
        return None
    year, month, day, quarter, half = (int(part) if part else None for part in match.groups())
    if quarter:
        month = 3 * quarter - 2
    if half:
        month = 6 * half - 5
    try:
        return date(year or 0, month or 1, day or 1)
    except ValueError:
        return None


def freshness_of(as_of: str, *, kind: str, today: date) -> Freshness:
    """Judge a date against the cut-offs of `kind`; a date that is missing or lies ahead of `today` is unknown.

    >>> freshness_of("2026-11-10", kind="api_price", today=date(2026, 11, 23)).level
    'fresh'
    >>> freshness_of("2026 (undated copy)", kind="on_demand", today=date(2026, 11, 23)).level
    'stale'
    """
    cut = _cut_off(kind)
    day = earliest_date(as_of)
    # One day of slack: a source in a time zone ahead of the reader may carry tomorrow's date.
    if day is None or (today - day).days < -1:
        return Freshness(as_of=as_of, age_days=None, level="unknown")
    age = max((today - day).days, 0)
    return Freshness(as_of=as_of, age_days=age, level=_level(age, cut))


def oldest_date(as_ofs: Sequence[str]) -> str:
    """The worst of several dates as given: "unknown" if one names no year or there is none, else the earliest.

    >>> oldest_date(["2026-11-10", "2026 (undated copy)", "2026-03"])
    '2026 (undated copy)'
    >>> oldest_date(["2026-11-10", ""])
    'unknown'
    """
    dated = [(earliest_date(one), one) for one in as_ofs]
    known = [(day, one) for day, one in dated if day is not None]
    if not known or len(known) < len(dated):
        return "unknown"
    return min(known)[1]


def oldest_price_date(as_ofs: Iterable[str]) -> date | None:
    """The earliest day that any of `as_ofs` can mean; None when one of them, or all, names no year."""
    return earliest_date(oldest_date(tuple(as_ofs)))


def _level(age_days: int, cut: CutOff) -> str:
    if cut.fresh_below_days is None or cut.stale_from_days is None or age_days < cut.fresh_below_days:
        return "fresh"
    return "aging" if age_days < cut.stale_from_days else "stale"


def _cut_off(kind: str) -> CutOff:
    cuts = cut_offs()
    if kind not in cuts:
        raise InputError(f"freshness kind={kind!r} is not known; choose one of {', '.join(cuts)}")
    return cuts[kind]


@lru_cache(maxsize=1)
def cut_offs() -> Mapping[str, CutOff]:
    """The cut-offs by kind, from data/freshness.csv."""
    text = resources.files("tokonomics.catalog").joinpath("data/freshness.csv").read_text("utf-8")
    problems: list[str] = []
    columns = ("kind", "fresh_below_days", "stale_from_days", "why")
    rows = read_rows(text, where="freshness.csv", columns=columns, problems=problems)
    cuts = {
        row.text("kind"): CutOff(
            kind=row.text("kind", required=True),
            fresh_below_days=row.count("fresh_below_days"),
            stale_from_days=row.count("stale_from_days"),
        )
        for row in rows
    }
    raise_all(problems)
    return cuts

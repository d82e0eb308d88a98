"""The defaults of the money functions: dated rows with a source, never numbers in code."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from tokonomics.errors import UnknownName

ASSUMED, LISTED = "assumed", "list"


@dataclass(frozen=True, kw_only=True, slots=True)
class Assumption:
    """One default: `name` carries its unit, `value` is None where nobody published a figure.

    `span` is the range its source gives, where it gives one. `status` is `list` (a published price or
    specification) or `assumed` (the source states it without evidence).
    """

    topic: str
    name: str
    value: float | None
    span: tuple[float, float] | None
    as_of: str
    source: str
    status: str
    notes: str


def assumptions(topic: str) -> Mapping[str, Assumption]:
    """Every default of a topic, by name.

    Raises: UnknownName with the nearest topics.

    >>> assumptions("on_prem")["purchase_usd"].value
    30000.0
    """
    rows = _assumptions()
    known = sorted({row.topic for row in rows})
    if topic not in known:
        raise UnknownName("topic", topic, known)
    return {row.name: row for row in rows if row.topic == topic}


def assumed_values(topic: str) -> dict[str, float]:
    """The defaults of a topic that have a value, as arguments for its record.

    >>> assumed_values("on_prem")["device_watts"]
    700.0
    """
    return {name: row.value for name, row in assumptions(topic).items() if row.value is not None}


@lru_cache(maxsize=16)
def read_table(table: str) -> tuple[Mapping[str, str], ...]:
    """The rows of `data/<table>.csv` of this package, each as a mapping of column to text."""
    path = files("tokonomics") / "economics" / "data" / f"{table}.csv"
    return tuple(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def number_or_none(text: str) -> float | None:
    """A cell as a number; an empty cell is not known, so None and never 0."""
    return float(text) if text else None


def read_assumptions(table: str) -> tuple[Assumption, ...]:
    """Every row of `data/<table>.csv`, in its order."""
    return tuple(_parse(row) for row in read_table(table))


@lru_cache(maxsize=1)
def _assumptions() -> tuple[Assumption, ...]:
    return read_assumptions("assumptions")


def _parse(row: Mapping[str, str]) -> Assumption:
    low, high = number_or_none(row["low"]), number_or_none(row["high"])
    return Assumption(
        topic=row["topic"],
        name=row["name"],
        value=number_or_none(row["value"]),
        span=None if low is None or high is None else (low, high),
        as_of=row["as_of"],
        source=row["source"],
        status=row["status"],
        notes=row["notes"],
    )

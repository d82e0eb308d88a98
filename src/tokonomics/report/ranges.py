"""How a 10-90 % range is written: in the cells of tables, and in documents."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from tokonomics.economics.figures.cost_per_token import TokenCost
from tokonomics.economics.figures.ranges import OpenEnds, cost_ends, ends_dict
from tokonomics.report.numbers import significant
from tokonomics.report.view import Table

RANGE_TITLE: Final = "10-90 %"
NEVER: Final = "never"


def range_text(ends: OpenEnds | None, *, digits: int = 3, unit_ratio: float = 1.0, endless: str = NEVER) -> str | None:
    """Both ends in words, in units of `unit_ratio`; one number where they look alike, None without a range.

    `endless` stands for an upper end that does not exist.

    >>> range_text((1.2345, 2.0)), range_text((5.0, 5.001)), range_text((4e6, None), unit_ratio=1e6), range_text(None)
    ('1.23 to 2.00', '5.00', '4.00 to never', None)
    """
    if ends is None:
        return None
    low, high = _words(ends, digits, unit_ratio, endless)
    return low if low == high else f"{low} to {high}"


def range_clause(ends: OpenEnds | None, *, digits: int = 3, unit_ratio: float = 1.0, endless: str = NEVER) -> str:
    """The range as a clause after the figure; empty where there is none, or the ends look alike.

    >>> f"5.00 USD{range_clause((4.0, 6.0))}", range_clause((5.0, 5.0))
    ('5.00 USD, 80 % between 4.00 and 6.00', '')
    """
    if ends is None:
        return ""
    low, high = _words(ends, digits, unit_ratio, endless)
    return "" if low == high else f", 80 % between {low} and {high}"


def drop_empty(table: Table, *keys: str) -> Table:
    """The table without those of the columns `keys` in which nothing stands."""
    kept = [
        i
        for i, column in enumerate(table.columns)
        if column.key not in keys or any(row[i] is not None for row in table.rows)
    ]
    columns = tuple(table.columns[i] for i in kept)
    return replace(table, columns=columns, rows=[[row[i] for i in kept] for row in table.rows])


def ranges_dict(ends_of: Mapping[str, OpenEnds | None]) -> dict[str, Any]:
    """Several ranges by the names of their figures."""
    return {name: ends_dict(ends) for name, ends in ends_of.items()}


def cost_range_dict(cost: TokenCost | None, sd_log: float) -> dict[str, Any] | None:
    """The range of each part of what a token costs; None where unpriced."""
    found = cost_ends(cost, sd_log)
    return None if found is None else ranges_dict(found)


def _words(ends: OpenEnds, digits: int, unit_ratio: float, endless: str) -> tuple[str, str]:
    low, high = ends
    last = endless if high is None else significant(high / unit_ratio, digits)
    return significant(low / unit_ratio, digits), last

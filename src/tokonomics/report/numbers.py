"""How values are written for people: base units come in, the units people read go out."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from math import floor, isfinite, log10
from typing import Final

from tokonomics.report.view import Cell, Column
from tokonomics.units import GB, MS


def significant(value: float, digits: int = 3) -> str:
    """Write `value` with `digits` significant digits, thousands separated, never in powers of ten.

    >>> [significant(v) for v in (0.01234, 0.5, 1.3856, 99.96, 1234.6, 0)]
    ['0.0123', '0.500', '1.39', '100', '1,230', '0']
    """
    if value == 0 or not isfinite(value):
        return f"{value:g}"
    exponent = floor(log10(abs(value)))
    rounded = round(value, digits - 1 - exponent)
    if abs(rounded) >= 10.0 ** (exponent + 1):  # 99.96 became 100.0: one digit more before the point
        exponent += 1
    return f"{rounded:,.{max(digits - 1 - exponent, 0)}f}"


def duration(value_s: float) -> str:
    """Write seconds as people say them.

    >>> [duration(v) for v in (0.00042, 0.0463, 1.5, 90.0)]
    ['0.420 ms', '46.3 ms', '1.50 s', '90.0 s']
    """
    return f"{significant(value_s / MS)} ms" if 0 < abs(value_s) < 1 else f"{significant(value_s)} s"


def percent(share_frac: float) -> str:
    """Write a share of 1 as percent.

    >>> [percent(v) for v in (0.0312, 0.42, 1.0)]
    ['3.1 %', '42 %', '100 %']
    """
    digits = 1 if 0 < abs(share_frac) < 0.0995 else 0
    return f"{100 * share_frac:.{digits}f} %"


def cell_text(value: Cell, column: Column) -> str:
    """Write one cell as its column asks; words such as `unpriced` pass as they are.

    >>> cell_text(1.3856, Column(title="blended", style="number")), cell_text(None, Column(title="x"))
    ('1.39', '-')
    """
    if value is None or value == "":
        return column.missing
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value
    return _WRITERS[column.style](value, column.digits)


_WRITERS: Final[dict[str, Callable[[int | float | Decimal, int], str]]] = {
    "text": lambda value, _: f"{value}",
    "count": lambda value, _: f"{value:,.0f}",
    "number": lambda value, digits: significant(float(value), digits),
    "percent": lambda value, _: percent(float(value)),
    "duration": lambda value, _: duration(float(value)),
    "gb": lambda value, digits: significant(float(value) / GB, digits),
}

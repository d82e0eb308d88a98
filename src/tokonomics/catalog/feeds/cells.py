"""Reading other people's CSV: tolerant of columns, strict about sizes and numbers."""

import csv
import math
from collections.abc import Iterator, Mapping
from io import StringIO

from tokonomics.errors import TokonomicsError

MAX_FEED_ROWS = 500_000


def feed_rows(data: bytes, *, where: str, needed: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    """Rows of a CSV file by column name; TokonomicsError when a needed column is missing: the format has changed."""
    reader = csv.DictReader(StringIO(data.decode("utf-8", "replace")))
    missing = [column for column in needed if column not in (reader.fieldnames or ())]
    if missing:
        raise TokonomicsError(f"{where} has no column {', '.join(missing)}; its format has changed; report this")
    for number, row in enumerate(reader):
        if number >= MAX_FEED_ROWS:
            raise TokonomicsError(f"{where} has more than {MAX_FEED_ROWS} rows; it is not the file that was expected")
        yield {name: (cell or "").strip() for name, cell in row.items() if name and not isinstance(cell, list)}


def feed_number(text: str) -> float | None:
    """A number of a feed; None when empty, not a number or not finite. Zero and below pass: validators judge them.

    >>> feed_number("2.95"), feed_number(""), feed_number("nan"), feed_number("-1")
    (2.95, None, None, -1.0)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def feed_count(text: str) -> int | None:
    """A whole number of a feed, which may be written 8 or 8.0; None when it is neither, or zero.

    >>> feed_count("8.0"), feed_count("0.5"), feed_count("")
    (8, None, None)
    """
    value = feed_number(text)
    return int(value) if value and value == int(value) and value > 0 else None

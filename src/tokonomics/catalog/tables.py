"""Tables of facts: CSV text to typed cells, with every wrong cell named at once.

A cell is empty when the fact is not known; an empty cell reads as None (or "" for text), never as zero.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from io import StringIO

from tokonomics.errors import InputError

MAX_TABLE_BYTES = 32_000_000
MAX_CELL_CHARS = 20_000
# At most 18 digits before the dot and a small exponent: no price or rate is longer, and none overflows a float.
_PLAIN_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{0,18})?([eE][+-]?[0-9]{1,2})?")


@dataclass(kw_only=True, slots=True)
class Row:
    """One row of a table: text cells, where they lie, and the list that collects what is wrong with them."""

    where: str
    cells: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def fail(self, column: str, advice: str) -> None:
        """Note that the cell of `column` is wrong, with advice."""
        self.problems.append(f"{self.where}: {column}={self.cells.get(column, '')!r} {advice}")

    def text(self, column: str, *, required: bool = False) -> str:
        """The cell without outer blanks; "" when empty, which `required` forbids."""
        value = self.cells.get(column, "").strip()
        if required and not value:
            self.fail(column, "is empty; every row needs it")
        return value

    def money(self, column: str) -> Decimal | None:
        """The cell as an exact decimal, not negative; None when empty."""
        text = self.text(column)
        if not text:
            return None
        if not _PLAIN_NUMBER.fullmatch(text):
            self.fail(column, "is not a number of 0 or more; write digits with a dot, or leave it empty")
            return None
        return Decimal(text)

    def number(self, column: str) -> float | None:
        """The cell as a float above zero; None when empty. A zero is refused: unknown is empty."""
        value = self.money(column)
        if value == 0:
            self.fail(column, "is zero; leave an unknown value empty")
        return float(value) if value else None

    def count(self, column: str) -> int | None:
        """The cell as a whole number of 0 or more; None when empty."""
        text = self.text(column)
        if text and not (text.isascii() and text.isdecimal()):
            self.fail(column, "is not a whole number")
            return None
        return int(text) if text else None

    def day(self, column: str) -> date | None:
        """The cell as a date, YYYY-MM-DD; None when empty."""
        text = self.text(column)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self.fail(column, "is not a date; write YYYY-MM-DD")
            return None

    def clock(self, column: str) -> time | None:
        """The cell as a time of day in UTC, HH:MM; None when empty."""
        text = self.text(column)
        try:
            return time.fromisoformat(text) if text else None
        except ValueError:
            self.fail(column, "is not a time of day; write HH:MM in UTC")
            return None

    def choice(self, column: str, allowed: Sequence[str], *, default: str = "") -> str:
        """The cell, which must be one of `allowed`; `default` when empty."""
        value = self.text(column) or default
        if value not in allowed:
            self.fail(column, f"is not one of {', '.join(allowed)}")
        return value


def read_rows(text: str, *, where: str, columns: Sequence[str], problems: list[str]) -> list[Row]:
    """Rows of CSV `text` whose header lies within `columns`; InputError names unknown columns."""
    if len(text) > MAX_TABLE_BYTES:
        raise InputError(f"{where}: {len(text)} characters; limit={MAX_TABLE_BYTES}; split the file")
    reader = csv.reader(StringIO(text), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, where=where, columns=columns)
        lines = ((f"{where}:{reader.line_num}", line) for line in reader if any(cell.strip() for cell in line))
        return [Row(where=place, cells=_cells(header, line, place), problems=problems) for place, line in lines]
    except csv.Error as error:
        place = f"{where}:{reader.line_num}"
        raise InputError(f"{place}: not readable as CSV ({error}); quote cells that hold commas") from None


def write_rows(rows: Iterable[Mapping[str, str]], columns: Sequence[str]) -> str:
    """CSV text of `rows` with Unix line ends; a missing cell is written empty."""
    out = StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", restval="", extrasaction="raise")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _check_header(header: Sequence[str], *, where: str, columns: Sequence[str]) -> None:
    if not header:
        raise InputError(f"{where}: the file is empty; it needs a header row with {', '.join(columns[:4])}, ...")
    unknown = [name for name in header if name not in columns]
    twice = sorted({name for name in header if header.count(name) > 1})
    if unknown or twice:
        raise InputError(
            *(f"{where}: unknown column {name!r}; known columns: {', '.join(columns)}" for name in unknown),
            *(f"{where}: column {name!r} appears twice; keep one" for name in twice),
        )


def _cells(header: Sequence[str], line: Sequence[str], place: str) -> dict[str, str]:
    if len(line) > len(header):
        raise InputError(f"{place}: {len(line)} cells under {len(header)} columns; quote cells that hold commas")
    long = next((name for name, cell in zip(header, line) if len(cell) > MAX_CELL_CHARS), None)
    if long is not None:
        raise InputError(f"{place}: {long} holds more than {MAX_CELL_CHARS} characters; shorten it")
    return dict(zip(header, line))

"""What a reader found in a file, before anything was checked: columns of numbers, and where they stood."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.errors import InputError
from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.prefix import BlockHashes

MAX_PROBLEMS: Final = 20
MAX_ROWS: Final = 100_000_000

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(slots=True)
class RawColumn:
    """Numbers of one column, shape (rows,), NaN where the cell is no number; `texts` keeps the first of those.

    name: what to call the column to a person, such as "column 2 (ContextTokens)".
    """

    name: str
    value: FloatArray
    texts: dict[int, str] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class RawTrace:
    """Rows of a file: `places` holds the line (or row) number of each, from 1.

    broken: rows that could not be taken apart, with the sentence why ("" beyond the first few).
    ignored: rows that the format itself marks as no request (a note says so).
    session_ids: of which session each row is, NO_SESSION for none; None where the file has no such column.
    """

    format: str
    unit: str
    places: IntArray
    arrivals: RawColumn | None
    inputs: RawColumn
    outputs: RawColumn
    broken: dict[int, str] = field(default_factory=dict)
    ignored: BoolArray | None = None
    block_hashes: BlockHashes | None = None
    session_ids: IntArray | None = None
    notes: tuple[str, ...] = ()


def check_num_rows(name: str, num_rows: int, what: str = "rows") -> None:
    """Raise InputError when the file `name` holds more rows than memory should."""
    if num_rows > MAX_ROWS:
        raise InputError(f"{name}: {num_rows} {what} or more; limit={MAX_ROWS}; cut the trace into parts")


class NumberColumn:
    """Collects one column chunk by chunk; a cell that is no number becomes NaN and its text is kept."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._chunks: list[FloatArray] = []
        self._texts: dict[int, str] = {}
        self._num_rows = 0

    def extend(self, cells: Sequence[str]) -> None:
        """Add the cells of the next rows."""
        try:
            values = np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
        except (ValueError, OverflowError):
            values = np.array([self._number(row, cell) for row, cell in enumerate(cells)])
        self.extend_values(values)

    def extend_values(self, values: FloatArray) -> None:
        """Add the numbers of the next rows."""
        self._chunks.append(values)
        self._num_rows += values.size

    def keep_text(self, row: int, text: str) -> None:
        """Keep the text of a cell, `row` counted within the chunk that is added next."""
        if len(self._texts) < MAX_PROBLEMS:
            self._texts[self._num_rows + row] = text

    def column(self) -> RawColumn:
        """All that was added."""
        return RawColumn(self._name, np.concatenate([np.empty(0), *self._chunks]), self._texts)

    def _number(self, row: int, cell: str) -> float:
        try:
            return float(cell)
        except (ValueError, OverflowError):
            self.keep_text(row, cell)
            return np.nan

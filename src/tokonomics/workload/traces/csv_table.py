"""Columns of numbers out of a CSV trace. A trace needs no quotes, so a line is a row and a comma ends a cell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tokonomics.workload.traces.raw import (
    MAX_PROBLEMS,
    IntArray,
    NumberColumn,
    RawTrace,
    check_num_rows,
)
from tokonomics.workload.traces.sessions import SESSION_COLUMN, SessionNumbers
from tokonomics.workload.traces.text import TextChunk, text_chunks

ReadCells = Callable[[NumberColumn, Sequence[str]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvLayout:
    """Which columns of a CSV format hold what, by name in any case; `arrival` is None for lengths only.

    `read_arrivals` turns cells of the arrival column into seconds. A file may do without `session`.
    """

    format: str
    arrival: str | None
    input: str
    output: str
    read_arrivals: ReadCells = NumberColumn.extend
    session: str = SESSION_COLUMN

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a file of this format must have."""
        return (*([] if self.arrival is None else [self.arrival]), self.input, self.output)


def cells_of(line: str) -> list[str]:
    """The cells of one line, without outer blanks and quotes.

    >>> cells_of('"TIMESTAMP", ContextTokens')
    ['TIMESTAMP', 'ContextTokens']
    """
    return [cell.strip().strip('"') for cell in line.split(",")]


def read_csv(path: Path, layout: CsvLayout, header: Sequence[str]) -> RawTrace:
    """Read the columns of `layout` from a file whose first line that is not blank holds `header`."""
    names = [name.lower() for name in header]
    readers = _Readers(layout, names)
    places: list[IntArray] = []
    broken: dict[int, str] = {}
    num_rows, header_is_next = 0, True
    for chunk in text_chunks(path):
        numbers, lines = _filled(chunk)
        if header_is_next and lines:
            numbers, lines, header_is_next = numbers[1:], lines[1:], False
        places.append(numbers)
        readers.read(_equal_rows(lines, len(names), num_rows, broken))
        num_rows += len(lines)
        check_num_rows(path.name, num_rows)
    return RawTrace(
        format=layout.format,
        unit="line",
        places=np.concatenate([np.empty(0, dtype=np.int64), *places]),
        arrivals=None if readers.arrivals is None else readers.arrivals.column(),
        inputs=readers.inputs.column(),
        outputs=readers.outputs.column(),
        session_ids=None if readers.sessions is None else readers.sessions.ids,
        broken=broken,
    )


class _Readers:
    """The collectors of a layout's columns, fed with rows."""

    def __init__(self, layout: CsvLayout, names: list[str]) -> None:
        self._layout = layout
        self._places = [names.index(column.lower()) for column in layout.columns]
        labels = [f"column {names.index(one.lower()) + 1} ({one})" for one in layout.columns]
        *arrival, self.inputs, self.outputs = [NumberColumn(label) for label in labels]
        self.arrivals = arrival[0] if arrival else None
        self._session = names.index(layout.session.lower()) if layout.session.lower() in names else -1
        self.sessions = None if self._session < 0 else SessionNumbers()

    def read(self, rows: list[list[str]]) -> None:
        """Add `rows` to the collectors."""
        *arrival, input_place, output_place = self._places
        if self.arrivals is not None:
            self._layout.read_arrivals(self.arrivals, [row[arrival[0]] for row in rows])
        self.inputs.extend([row[input_place] for row in rows])
        self.outputs.extend([row[output_place] for row in rows])
        if self.sessions is not None:
            self.sessions.extend(row[self._session] for row in rows)


def _filled(chunk: TextChunk) -> tuple[IntArray, list[str]]:
    """Lines of the chunk that are not blank, and their numbers."""
    numbers = np.arange(chunk.first_line, chunk.first_line + len(chunk.lines))
    if all(chunk.lines):
        return numbers, chunk.lines
    is_filled = [bool(line.strip()) for line in chunk.lines]
    return numbers[is_filled], [line for line, filled in zip(chunk.lines, is_filled) if filled]


def _equal_rows(lines: list[str], num_cells: int, first_row: int, broken: dict[int, str]) -> list[list[str]]:
    """Rows of exactly `num_cells`; one with more or fewer is noted as broken and stands empty."""
    has_quotes = any('"' in line for line in lines)
    rows = [cells_of(line) if has_quotes else line.split(",") for line in lines]
    if set(map(len, rows)) <= {num_cells}:
        return rows
    empty = [""] * num_cells
    for place, row in enumerate(rows):
        if len(row) != num_cells:
            is_told = len(broken) < MAX_PROBLEMS
            broken[first_row + place] = f"{len(row)} cells; the header has {num_cells}" if is_told else ""
            rows[place] = empty
    return rows

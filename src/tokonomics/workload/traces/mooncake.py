"""Mooncake and Qwen-Bailian traces: JSON lines of timestamp, input_length, output_length, hash_ids and sessions.

Sources: kvcache-ai/Mooncake (Apache-2.0): timestamps in ms, rounded down to 3 s; a hash id per 512 tokens.
alibaba-edu/qwen-bailian-usagetraces-anon (Apache-2.0), known by its chat_id: timestamps in s, 16 tokens an id; each
request names itself and its parent_chat_id, the turn before it (-1 for the first). Mooncake names no sessions; the key
session_id is ours.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tokonomics.units import MS
from tokonomics.workload.prefix import BlockHashes
from tokonomics.workload.traces.blocks import block_hashes
from tokonomics.workload.traces.raw import (
    MAX_PROBLEMS,
    IntArray,
    NumberColumn,
    RawColumn,
    RawTrace,
    check_num_rows,
)
from tokonomics.workload.traces.sessions import SESSION_COLUMN, chained_sessions, named_sessions
from tokonomics.workload.traces.text import text_chunks

COLUMNS: Final = ("timestamp", "input_length", "output_length")


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """One source's habits: the unit of its clock, the tokens behind one hash id, the keys that tell sessions."""

    format: str
    tick_s: float
    tokens_per_block: int
    session_keys: tuple[str, ...]
    read_sessions: Callable[..., IntArray]


MOONCAKE: Final = Dialect(
    format="mooncake-jsonl",
    tick_s=MS,
    tokens_per_block=512,
    session_keys=(SESSION_COLUMN,),
    read_sessions=named_sessions,
)
BAILIAN: Final = Dialect(
    format="bailian-jsonl",
    tick_s=1.0,
    tokens_per_block=16,
    session_keys=("chat_id", "parent_chat_id"),
    read_sessions=chained_sessions,
)


def read_mooncake(path: Path, dialect: Dialect) -> RawTrace:
    """Read JSON lines; a line that is no object with these keys is noted as broken."""
    rows = _Rows(dialect)
    for chunk in text_chunks(path):
        for number, line in enumerate(chunk.lines, chunk.first_line):
            if line.strip():
                rows.add(number, line)
        check_num_rows(path.name, rows.num_ids, "hash ids")
    arrivals, inputs, outputs = rows.columns()
    arrivals.value = arrivals.value * dialect.tick_s
    blocks, notes = rows.blocks(inputs)
    return RawTrace(
        format=dialect.format,
        unit="line",
        places=np.array(rows.places, dtype=np.int64),
        arrivals=arrivals,
        inputs=inputs,
        outputs=outputs,
        broken=rows.broken,
        block_hashes=blocks,
        session_ids=rows.sessions(),
        notes=notes,
    )


class _Rows:
    """Numbers and block ids of the lines so far; ids are renumbered from 0, so that text ids do as well."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.places: list[int] = []
        self.broken: dict[int, str] = {}
        self._cells: dict[str, list[str]] = {key: [] for key in COLUMNS}
        self._names: dict[str, list[str]] = {key: [] for key in dialect.session_keys}
        self._ids: list[int] = []
        self._sizes: list[int] = []
        self._numbers: dict[Any, int] = {}

    def add(self, place: int, line: str) -> None:
        """Add one line."""
        row = self._parsed(line)
        for key, cells in self._cells.items():
            cells.append(_as_cell(row.get(key)))
        for key, names in self._names.items():
            names.append(self._name(key, row.get(key)))
        ids = self._renumbered(row.get("hash_ids") or [])
        self._ids += ids
        self._sizes.append(len(ids))
        self.places.append(place)

    @property
    def num_ids(self) -> int:
        """Block ids so far."""
        return len(self._ids)

    def columns(self) -> tuple[RawColumn, ...]:
        """Arrivals in ticks, input lengths, output lengths."""
        columns = [NumberColumn(f"key {key}") for key in COLUMNS]
        for column, cells in zip(columns, self._cells.values()):
            column.extend(cells)
        return tuple(column.column() for column in columns)

    def blocks(self, inputs: RawColumn) -> tuple[BlockHashes | None, tuple[str, ...]]:
        """Block ids in rows, None when no line had any; and notes on them."""
        ids, sizes = np.array(self._ids, dtype=np.int64), np.array(self._sizes, dtype=np.int64)
        return block_hashes(ids, sizes, inputs.value, assumed_tokens=self._dialect.tokens_per_block)

    def sessions(self) -> IntArray:
        """The session of each line."""
        return self._dialect.read_sessions(*self._names.values())

    def _name(self, key: str, value: object) -> str:
        if isinstance(value, bool | list | dict):
            self._break(f"{key} is no text or number")
            return ""
        return _as_cell(value)

    def _renumbered(self, ids: object) -> list[int]:
        try:
            if isinstance(ids, list):
                return [self._numbers.setdefault(one, len(self._numbers)) for one in ids]
        except TypeError:
            pass
        self._break("hash_ids is no list of ids")
        return []

    def _parsed(self, line: str) -> Mapping[str, Any]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            return self._break("is no JSON")
        return row if isinstance(row, dict) else self._break("is no JSON object")

    def _break(self, why: str) -> Mapping[str, Any]:
        self.broken[len(self.places)] = why if len(self.broken) < MAX_PROBLEMS else ""
        return {}


def _as_cell(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return repr(value) if is_number else json.dumps(value)[:80]

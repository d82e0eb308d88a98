"""Parquet traces: arrival_s, input_tokens, output_tokens, perhaps block_hashes and session_id; or lengths only.

duckdb is imported on first use, because it is slow to import and most questions need no Parquet.
"""

import glob
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from tokonomics.errors import InputError, raise_all
from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.prefix import BlockHashes
from tokonomics.workload.traces.blocks import block_hashes
from tokonomics.workload.traces.raw import IntArray, RawColumn, RawTrace, check_num_rows
from tokonomics.workload.traces.sessions import SESSION_COLUMN, named_sessions

DEFAULT_BLOCK_TOKENS: Final = 512

T = TypeVar("T")

_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_INTEGER: Final = r"U?(TINY|SMALL|BIG)?INT(EGER)?"
_NUMBER: Final = rf"{_INTEGER}|U?HUGEINT|FLOAT|DOUBLE|DECIMAL\(.*\)"


class ParquetFile:
    """One Parquet file: its columns by lower-case name. Every failure to read it is an InputError."""

    def __init__(self, path: Path) -> None:
        import duckdb  # takes 0.1 s, and only Parquet needs it

        self.path = path
        # a damaged name or length comes out of duckdb as one of the other three
        self._errors = (duckdb.Error, RuntimeError, ValueError, MemoryError)
        self._db = duckdb.connect(config=_CONFIG)
        types, num_rows = self._guarded(self._opened)
        self.types: dict[str, str] = types
        self.num_rows: int = num_rows
        check_num_rows(path.name, num_rows)

    def require(self, *columns: str) -> None:
        """Raise InputError when one of `columns` is not there."""
        raise_all([f"{self.path.name} lacks column {one}; add it" for one in columns if one not in self.types])

    def numbers(self, *columns: str) -> list[FloatArray]:
        """Columns as floats, shape (rows,) each, NaN where there is no value."""
        self.require(*columns)
        wrong = [one for one in columns if not _is_number(self.types[one])]
        raise_all([f"{self.path.name}: column {one} is {self.types[one]}; write numbers" for one in wrong])
        found = self._columns({one: f"{_quoted(one)}::double" for one in columns})
        return [_filled(found[one], np.nan) for one in columns]

    def texts_of(self, column: str) -> list[str]:
        """A column as text, one entry a row."""
        return [str(one) for one in self._columns({column: f"{_quoted(column)}::varchar"})[column]]

    def lists(self, column: str) -> tuple[IntArray, IntArray]:
        """A column of lists of whole numbers: all entries in order, and how many each row has."""
        kind = self.types[column]
        if not re.fullmatch(rf"({_INTEGER})\[\]", kind):
            raise InputError(f"{self.path.name}: column {column} is {kind}; write lists of integers")
        quoted = _quoted(column)
        sizes = self._columns({"n": f"coalesce(len({quoted}), 0)::bigint"})["n"]
        check_num_rows(self.path.name, int(sizes.sum()), "block ids")
        ids = _filled(self._columns({"id": f"unnest({quoted})"})["id"], 0)
        return ids.astype(np.int64), sizes

    def names(self, column: str) -> list[str]:
        """A column of names or numbers as text, one entry a row, empty where there is none."""
        kind, quoted = self.types[column], _quoted(column)
        if not (_is_number(kind) or kind in ("VARCHAR", "UUID")):
            raise InputError(f"{self.path.name}: column {column} is {kind}; write text or whole numbers")
        known = f"nullif({quoted}, 'nan')" if kind in ("FLOAT", "DOUBLE") else quoted
        found: list[str] = self._columns({column: f"coalesce({known}::varchar, '')"})[column].tolist()
        return found

    def _opened(self) -> tuple[dict[str, str], int]:
        self._table = self._db.read_parquet(glob.escape(str(self.path.resolve())))
        types = {name.lower(): str(kind) for name, kind in zip(self._table.columns, self._table.types)}
        return types, len(self._table)

    def _columns(self, expressions: Mapping[str, str]) -> Mapping[str, Any]:
        wanted = ", ".join(f"{what} as {_quoted(name)}" for name, what in expressions.items())
        found: Mapping[str, Any] = self._guarded(lambda: self._table.project(wanted).fetchnumpy())
        return found

    def _guarded(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except self._errors as error:
            said = (
                (str(error) or type(error).__name__).splitlines()[0].replace(str(self.path.resolve()), self.path.name)
            )
            raise InputError(f"{self.path.name} is not readable as Parquet ({said}); write it again") from None


def read_parquet(file: ParquetFile) -> RawTrace:
    """Read requests with or without arrivals and block ids."""
    names = [name for name in ("arrival_s", "input_tokens", "output_tokens") if name in file.types]
    places = [list(file.types).index(name) + 1 for name in names]
    values = file.numbers(*names)
    *arrivals, inputs, outputs = [
        RawColumn(f"column {place} ({name})", column) for place, name, column in zip(places, names, values)
    ]
    blocks, notes = _blocks(file, inputs.value)
    return RawTrace(
        format="parquet" if arrivals else "parquet lengths",
        unit="row",
        places=np.arange(1, file.num_rows + 1),
        arrivals=arrivals[0] if arrivals else None,
        inputs=inputs,
        outputs=outputs,
        block_hashes=blocks,
        session_ids=named_sessions(file.names(SESSION_COLUMN)) if SESSION_COLUMN in file.types else None,
        notes=notes,
    )


def _blocks(file: ParquetFile, input_tokens: FloatArray) -> tuple[BlockHashes | None, tuple[str, ...]]:
    if "block_hashes" not in file.types:
        return None, ()
    ids, sizes = file.lists("block_hashes")
    return block_hashes(ids, sizes, input_tokens, assumed_tokens=DEFAULT_BLOCK_TOKENS)


def _filled(column: Any, value: float) -> Any:
    return column.filled(value) if isinstance(column, np.ma.MaskedArray) else column


def _is_number(kind: str) -> bool:
    return re.fullmatch(_NUMBER, kind) is not None


def _quoted(column: str) -> str:
    doubled = column.replace('"', '""')
    return f'"{doubled}"'

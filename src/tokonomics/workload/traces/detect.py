"""Which format a file is in, told from its content and never from its name."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tokonomics.errors import InputError
from tokonomics.workload.traces.csv_table import cells_of
from tokonomics.workload.traces.text import text_chunks

MAX_FILE_BYTES: Final = 4 << 30

_PARQUET_MAGIC: Final = b"PAR1"
_PACKED: Final = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
}
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Format:
    """A trace format: its name, its kind of file ("csv", "jsonl", "parquet"), the columns or keys it needs."""

    name: str
    kind: str
    columns: tuple[str, ...]


def content_kind(path: Path) -> str:
    """Return "parquet", "jsonl" or "csv" from the first bytes of `path`.

    Raises:    InputError when the file is missing, no file, empty, too large, packed, cut off or no text.
               OSError when the system refuses to read it.
    """
    if not path.exists():
        raise InputError(f"no file {path}; check the path")
    if not path.is_file():
        raise InputError(f"{path} is {'a folder' if path.is_dir() else 'no plain file'}; name one trace file")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise InputError(f"{path.name}: {size} bytes; limit={MAX_FILE_BYTES} bytes; cut the trace into parts")
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(size - 4, 0))
        return _kind(path, head, tail=file.read(4))


def csv_header(path: Path) -> list[str]:
    """Cells of the first line that is not blank."""
    return cells_of(_first_line(path))


def first_object_keys(path: Path) -> list[str]:
    """Keys of the JSON object on the first line that is not blank."""
    try:
        first = json.loads(_first_line(path))
    except (ValueError, RecursionError):
        raise InputError(f"{path.name}: the first line is no JSON object; write one request on a line") from None
    return list(first)


def detect_format(path: Path, kind: str, columns: Sequence[str], formats: Sequence[Format]) -> Format:
    """The first of `formats` of this kind whose columns are all among `columns`, in any case.

    Raises:    InputError that lists what each known format would have needed.
    """
    present = {column.lower() for column in columns}
    candidates = [one for one in formats if one.kind == kind]
    found = next((one for one in candidates if present >= {name.lower() for name in one.columns}), None)
    if found is not None:
        return found
    known = ", or ".join(f"{','.join(one.columns)} ({one.name})" for one in candidates)
    has = ",".join(columns)[:200] or "nothing"
    hint = _separator_hint(columns) if kind == "csv" else ""
    raise InputError(f"{path.name} is of no known format: it has {has!r}{hint}; expected {known}")


def _kind(path: Path, head: bytes, tail: bytes) -> str:
    packed = next((name for magic, name in _PACKED.items() if head.startswith(magic)), None)
    if packed:
        raise InputError(f"{path.name} is packed with {packed}; unpack it first")
    if head.startswith(_PARQUET_MAGIC):
        if tail != _PARQUET_MAGIC or len(head) < 12:
            raise InputError(f"{path.name} is a Parquet file that was cut off; copy it again")
        return "parquet"
    if head.startswith(_UTF16):
        raise InputError(f"{path.name} is UTF-16 text; save it as UTF-8")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise InputError(f"{path.name} is empty; give a trace with at least one request")
    if text.startswith(b"["):
        raise InputError(f"{path.name} is one JSON array; write one JSON object on a line")
    return "jsonl" if text.startswith(b"{") else "csv"


def _first_line(path: Path) -> str:
    lines = (line for chunk in text_chunks(path) for line in chunk.lines if line.strip())
    return next(lines, "")


def _separator_hint(columns: Sequence[str]) -> str:
    is_one_cell = len(columns) == 1 and any(mark in columns[0] for mark in ";\t|")
    return ", whose cells no comma separates" if is_one_cell else ""

"""Lines of a text file in chunks, with their numbers; refuses what is no text."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tokonomics.errors import InputError

CHUNK_BYTES: Final = 1 << 20
MAX_LINE_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class TextChunk:
    """Some lines, without their ends; `first_line` is the number of the first, from 1."""

    first_line: int
    lines: list[str]


def text_chunks(path: Path) -> Iterator[TextChunk]:
    """The lines of `path` (UTF-8, with or without BOM; LF or CRLF), about a megabyte at a time.

    Raises:    InputError on bytes that are no UTF-8, and on a line longer than 16 MiB.
    """
    first_line, rest = 1, b""
    with path.open("rb") as file:
        while block := file.read(CHUNK_BYTES):
            whole, newline, rest = (rest + block).rpartition(b"\n")
            if newline:
                chunk = _decoded(path, first_line, whole)
                yield chunk
                first_line += len(chunk.lines)
            elif len(rest) > MAX_LINE_BYTES:
                limit = f"limit={MAX_LINE_BYTES} bytes"
                raise InputError(f"{path.name} line {first_line}: too long; {limit}; put one request on a line")
    if rest:
        yield _decoded(path, first_line, rest)


def _decoded(path: Path, first_line: int, content: bytes) -> TextChunk:
    if first_line == 1:
        content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = first_line + content.count(b"\n", 0, error.start)
        byte = f"byte 0x{content[error.start]:02x}"
        raise InputError(f"{path.name} line {line}: {byte} is no UTF-8; save the file as UTF-8") from None
    return TextChunk(first_line, [line.removesuffix("\r") for line in text.split("\n")])

"""Text files of strangers: bounded in size, UTF-8, and a sentence of advice where they are not."""

from pathlib import Path

from tokonomics.errors import InputError


def bounded_text(path: Path, *, most_bytes: int, advice: str) -> str:
    """The text of the file `path`; `advice` ends the sentence about one of more than `most_bytes`.

    A byte order mark is left out, and lines end as on Unix. No more than the bound is ever read, whatever the file
    says of its size.
    Raises: InputError when the file cannot be read, is too large, or is no UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from None
    if len(content) > most_bytes:
        raise InputError(f"{path} is larger than {most_bytes:,} bytes; {advice}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 at byte {error.start}; save it as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")

"""How every command writes: shared options, and `emit`. Data goes to stdout, everything else to stderr."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import click

from tokonomics.errors import InputError
from tokonomics.report.json import Document
from tokonomics.report.render import FORMAT_OF_SUFFIX, FORMATS, Format, render
from tokonomics.report.view import View

F = TypeVar("F", bound=Callable[..., Any])

# Where nobody watches, a page is as wide as a code block that people paste into an issue.
_UNWATCHED_WIDTH: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputOptions:
    """What the user asked of the output; `verbosity` is -1 with -q, 0, or the number of -v."""

    fmt: Format = "table"
    path: Path | None = None
    verbosity: int = 0


def output_options(command: F) -> F:
    """Add -f/--format, --json, -o/--output, -q and -v; the command receives `output: OutputOptions`."""

    @wraps(command)
    def with_output(*args: Any, **kwargs: Any) -> Any:
        chosen = {name: kwargs.pop(name) for name in ("fmt", "as_json", "path", "quiet", "verbose")}
        return command(*args, output=_options(**chosen), **kwargs)

    decorators = (
        click.option("-f", "--format", "fmt", type=click.Choice(FORMATS), help="Shape of the output  [table]."),
        click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
        click.option(
            "-o",
            "--output",
            "path",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Write to FILE, whose suffix (.json .csv .md .txt) implies the format.",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Print no remarks on stderr."),
        click.option("-v", "--verbose", count=True, help="Print more remarks on stderr."),
    )
    result: Any = with_output
    for decorator in reversed(decorators):
        result = decorator(result)
    return result  # type: ignore[no-any-return]  # a decorated function keeps its kind


def emit(document: Document, view: View, options: OutputOptions) -> None:
    """Write a result where and how `options` say. Raises InputError when the file cannot be written."""
    if options.path is not None:
        text = render(view, document, options.fmt, width=_UNWATCHED_WIDTH)
        try:
            options.path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {options.path}: {error.strerror}; choose another --output") from None
        remark(f"wrote {options.path}", options)
    else:
        text = render(
            view,
            document,
            options.fmt,
            width=page_width(),
            color=use_color(sys.stdout),
            unicode=speaks_utf8(sys.stdout),
        )
        sys.stdout.write(text)
    if options.fmt == "csv" and len(view.tables) > 1:
        remark(f"csv holds the first of {len(view.tables)} tables; --format json holds everything", options)


def remark(text: str, options: OutputOptions, *, level: int = 0) -> None:
    """Print `text` on stderr unless the user asked for less; level 1 needs -v, level 2 -vv."""
    if options.verbosity >= level:
        print(f"tok: {text}", file=sys.stderr)


def page_width() -> int:
    """Columns of the terminal, or of COLUMNS, or 100 where nobody watches."""
    return max(shutil.get_terminal_size((_UNWATCHED_WIDTH, 24)).columns, 20)


def use_color(stream: IO[str]) -> bool:
    """Whether to style text on `stream`: NO_COLOR forbids, else FORCE_COLOR asks, else a terminal decides."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def speaks_utf8(stream: IO[str]) -> bool:
    """Whether `stream` can show dots and boxes."""
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"


def _options(fmt: Format | None, as_json: bool, path: Path | None, quiet: bool, verbose: int) -> OutputOptions:
    if as_json and fmt not in (None, "json"):
        raise InputError(f"--json contradicts --format {fmt}; keep one of them")
    if quiet and verbose:
        raise InputError("--quiet contradicts --verbose; keep one of them")
    asked: Format | None = "json" if as_json else fmt
    return OutputOptions(fmt=asked or _implied(path), path=path, verbosity=-1 if quiet else verbose)


def _implied(path: Path | None) -> Format:
    if path is None:
        return "table"
    fmt = FORMAT_OF_SUFFIX.get(path.suffix.lower())
    if fmt is None:
        known = " ".join(FORMAT_OF_SUFFIX)
        raise InputError(f"cannot tell a format from --output {path}; end it in one of {known}, or add --format")
    return fmt

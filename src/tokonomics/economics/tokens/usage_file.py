"""A usage file: counts of output tokens by what became of them, one row a request, a day or whatever was counted."""

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from tokonomics.economics.tokens.useful_tokens import DELIVERED, WASTE_CLASSES
from tokonomics.errors import InputError, raise_all
from tokonomics.files import bounded_text

MAX_FILE_BYTES = 512 * 1024 * 1024
MOST_PROBLEMS = 20
_COLUMNS = {f"{name}_tokens": name for name in (DELIVERED, *WASTE_CLASSES)}


def read_usage(path: Path) -> dict[str, float]:
    """Sum each column of a CSV of token counts: delivered_tokens, and any of the classes of waste.

    Columns: `delivered_tokens` is needed; reasoning_tokens, rejected_draft_tokens, retried_tokens,
    discarded_by_escalation_tokens and cancelled_tokens are optional; other columns are left alone. An empty cell is
    no tokens of that class. Raises InputError with file, line and column of up to 20 bad cells.
    """
    text = bounded_text(path, most_bytes=MAX_FILE_BYTES, advice="sum it up by day first")
    reader = csv.DictReader(text.splitlines())
    known = [name for name in reader.fieldnames or () if name in _COLUMNS]
    if f"{DELIVERED}_tokens" not in known:
        raise InputError(f"{path.name} has no column {DELIVERED}_tokens; known columns: {', '.join(_COLUMNS)}")
    totals = dict.fromkeys((_COLUMNS[name] for name in known), 0.0)
    problems: list[str] = []
    for line, row in enumerate(reader, start=2):
        for name, count in _counts(row, known, f"{path.name} line {line}", problems):
            totals[_COLUMNS[name]] += count
    hidden = len(problems) - MOST_PROBLEMS
    raise_all([*problems[:MOST_PROBLEMS], *([f"and {hidden} more bad cells"] if hidden > 0 else [])])
    return totals


def _counts(
    row: Mapping[str, str | None], known: list[str], where: str, problems: list[str]
) -> Iterator[tuple[str, float]]:
    for name in known:
        text = (row[name] or "").strip()
        try:
            count = float(text) if text else 0.0
        except ValueError:
            count = math.nan
        if not 0.0 <= count < math.inf:
            problems.append(f"{where}, {name}: {text!r} is no count of tokens; write 0 or more")
        yield name, count

"""What a student keeps of its teacher's quality, per task, from one scored evaluation of both.

retention = mean student score / mean teacher score, on the same items; its interval comes from the spread of
(student - retention x teacher) over the items, so that an item that is hard for both does not widen it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tokonomics.catalog.tables import MAX_TABLE_BYTES, read_rows
from tokonomics.economics.figures._student import t_quantile
from tokonomics.errors import InputError, raise_all
from tokonomics.files import bounded_text

COLUMNS: Final = ("task", "student_score", "teacher_score")
CONFIDENCE_FRAC: Final = 0.95
_MOST_PROBLEMS: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """One task: items scored, what is kept, and the 95 % interval (None for a single item)."""

    task: str
    num_items: int
    student_mean_frac: float
    teacher_mean_frac: float
    kept_frac: float | None
    low_frac: float | None
    high_frac: float | None


def retention(scores: Mapping[str, Sequence[tuple[float, float]]]) -> tuple[Retention, ...]:
    """What is kept per task of `scores`: pairs of student and teacher score, one an item.

    `kept_frac` is None where the teacher scores nothing.

    >>> (sql,) = retention({"sql": [(0.9, 1.0), (0.9, 1.0), (1.0, 1.0), (0.8, 1.0)]})
    >>> round(sql.kept_frac, 3), sql.num_items
    (0.9, 4)
    """
    return tuple(_one(task, pairs) for task, pairs in scores.items())


def read_scores(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Read a CSV of an evaluation, one item a row: task, student_score and teacher_score, both 0 to 1.

    Raises: InputError with every wrong cell, up to 20.
    """
    text = bounded_text(path, most_bytes=MAX_TABLE_BYTES, advice="give a sample of the items")
    problems: list[str] = []
    found: dict[str, list[tuple[float, float]]] = {}
    for row in read_rows(text, where=path.name, columns=COLUMNS, problems=problems):
        pair = [row.money(name) for name in COLUMNS[1:]]
        for name, value in zip(COLUMNS[1:], pair, strict=True):
            if value is None or value > 1:
                row.fail(name, "must be a score from 0 to 1; divide by the maximum")
        student, teacher = (float(value or 0) for value in pair)
        found.setdefault(row.text("task", required=True), []).append((student, teacher))
    raise_all(problems[:_MOST_PROBLEMS])
    if not found:
        raise InputError(f"{path.name} has no rows; give one item a row")
    return found


def _one(task: str, pairs: Sequence[tuple[float, float]]) -> Retention:
    count = len(pairs)
    student, teacher = (sum(column) / count for column in zip(*pairs, strict=True))
    kept = student / teacher if teacher > 0 else None
    margin = None if kept is None or count < 2 else _margin(pairs, kept, teacher)
    return Retention(
        task=task,
        num_items=count,
        student_mean_frac=student,
        teacher_mean_frac=teacher,
        kept_frac=kept,
        low_frac=None if kept is None or margin is None else kept - margin,
        high_frac=None if kept is None or margin is None else kept + margin,
    )


def _margin(pairs: Sequence[tuple[float, float]], kept: float, teacher_mean: float) -> float:
    """Half the width of the interval of a ratio of paired means."""
    count = len(pairs)
    spread = sum((student - kept * teacher) ** 2 for student, teacher in pairs) / (count - 1)
    return t_quantile(CONFIDENCE_FRAC, count - 1) * math.sqrt(spread / count) / teacher_mean

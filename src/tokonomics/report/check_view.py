"""A check as people and programs read it: every limit with what was found."""

from collections.abc import Iterator, Sequence
from typing import Any

from tokonomics.planning.limits import Limits
from tokonomics.planning.outcome import Outcome
from tokonomics.planning.subject import Subject
from tokonomics.planning.verdicts import Verdict
from tokonomics.report.diff_dict import side_dict
from tokonomics.report.numbers import significant
from tokonomics.report.view import Column, Table, View

_COLUMNS = (
    Column(title="limit", key="name"),
    Column(title="set to", key="limit"),
    Column(title="found", key="value"),
    Column(title="verdict"),
    Column(title="made of", priority=1),
)


def check_dict(
    limits: Limits, verdicts: Sequence[Verdict], result: tuple[Subject, Outcome], base: tuple[Subject, Outcome] | None
) -> dict[str, Any]:
    """The body of the document."""
    return {
        "result": side_dict(*result),
        "base": None if base is None else side_dict(*base),
        "limits": limits.model_dump(exclude_none=True),
        "passed": all(one.is_kept for one in verdicts),
        "verdicts": [_verdict_dict(one) for one in verdicts],
    }


def check_view(verdicts: Sequence[Verdict], result: tuple[Subject, Outcome]) -> View:
    """One row a limit, under the verdict on all."""
    rows = [
        (one.name, _shown(one.limit), _shown(one.value), "kept" if one.is_kept else "BROKEN", _made_of(one))
        for one in verdicts
    ]
    return View(headline=tuple(_headline(verdicts, *result)), tables=(Table(columns=_COLUMNS, rows=rows),))


def _verdict_dict(one: Verdict) -> dict[str, Any]:
    return {
        "name": one.name,
        "limit": one.limit,
        "value": one.value,
        "is_kept": one.is_kept,
        "made_of": dict(one.made_of),
        "sentence": one.sentence,
    }


def _headline(verdicts: Sequence[Verdict], subject: Subject, outcome: Outcome) -> Iterator[str]:
    broken = [one.name for one in verdicts if not one.is_kept]
    if broken:
        yield f"BROKEN  {len(broken)} of {len(verdicts)} limits: {', '.join(broken)}"
    else:
        yield f"KEPT    {len(verdicts)} of {len(verdicts)} limits"
    yield f"RESULT  {subject.name}: {outcome.option}"


def _shown(value: float | str | None) -> str:
    return "unknown" if value is None else value if isinstance(value, str) else significant(value, 4)


def _made_of(one: Verdict) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in one.made_of.items())

"""A comment on a pull request, in Markdown, from result documents: the verdict first, then figures, then causes.

The documents can come from a stranger's branch. All words of theirs stand in code spans, in which nobody is called by
name and no HTML is read; all numbers are read as numbers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from tokonomics.errors import InputError
from tokonomics.planning._row import Row
from tokonomics.planning.limits import LIMIT_NAMES
from tokonomics.planning.outcome import FIGURES, Outcome, changes, is_same
from tokonomics.planning.outcome_document import outcome_before, outcome_of
from tokonomics.report.diff_view import LABELS
from tokonomics.report.numbers import percent, significant

_MOST_CHARACTERS: Final = 120
_MOST_ROWS: Final = 50


def code(text: str) -> str:
    r"""Words of a stranger as a code span that also holds in a table.

    >>> code("a `b` | @c\n<img>")
    "`a 'b' \\| @c <img>`"
    """
    plain = "".join(character if character.isprintable() else " " for character in text)
    short = plain if len(plain) <= _MOST_CHARACTERS else f"{plain[: _MOST_CHARACTERS - 3]}..."
    safe = short.replace("`", "'").replace("\\", "/").replace("|", "\\|").strip()
    return f"`{safe or '-'}`"


def comment_text(documents: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The comment on (name, document) pairs: checks first, then comparisons, then single results.

    Raises:    InputError for a document of another kind, and with every cell that is wrong.
    """
    ranked = sorted(documents, key=lambda one: _RANKS.get(str(one[1].get("kind")), len(_RANKS)))
    parts = [part for name, document in ranked for part in _section(name, document)]
    return "\n\n".join(
        ["### Cost of this change", *parts, "<sub>written by `tok comment`; modelled, not billed</sub>\n"]
    )


def has_news(documents: Sequence[tuple[str, Mapping[str, Any]]]) -> bool:
    """Whether anything changed: a comparison of equal outcomes and a check that holds say nothing new."""
    return any(_is_news(name, document) for name, document in documents)


def _is_news(name: str, document: Mapping[str, Any]) -> bool:
    if document.get("kind") == "check":
        return document.get("passed") is not True
    before = outcome_before(document, where=name)
    return before is None or not is_same(before, outcome_of(document, where=name))


def _section(name: str, document: Mapping[str, Any]) -> Iterator[str]:
    kind = str(document.get("kind"))
    write = _SECTIONS.get(kind)
    if write is None:
        raise InputError(f"{name} is a {kind[:40]}; limit=one of {', '.join(_SECTIONS)}; name such a document")
    yield from write(name, document)


def _check_section(name: str, document: Mapping[str, Any]) -> Iterator[str]:
    row = Row(document, name)
    verdicts = [_verdict(one) for one in row.rows("verdicts")[:_MOST_ROWS]]
    row.done()
    if not verdicts:
        raise InputError(f"{name} has no verdicts; limit=1 or more; write the check again with `tok check -o {name}`")
    broken = [one for one, is_kept, _ in verdicts if not is_kept]
    if broken:
        yield f"**BROKEN: {len(broken)} of {len(verdicts)} limits** ({', '.join(broken)})"
    else:
        yield f"**KEPT: {len(verdicts)} of {len(verdicts)} limits**"
    yield _table(("limit", "set to", "found", "verdict"), [cells for _, _, cells in verdicts])


def _verdict(row: Row) -> tuple[str, bool, Sequence[str]]:
    name = row.text("name")
    if name not in LIMIT_NAMES:
        raise InputError(
            f"{row.where}.name={name[:60]!r}; limit=one of {', '.join(LIMIT_NAMES)}; write the check again"
        )
    is_kept = row.values.get("is_kept") is True
    cells = (f"`{name}`", _value(row, "limit"), _value(row, "value"), "kept" if is_kept else "**BROKEN**")
    return name, is_kept, cells


def _value(row: Row, name: str) -> str:
    value = row.values.get(name)
    if isinstance(value, str):
        return code(value)
    number = row.number(name)
    return "unknown" if number is None else significant(number, 4)


def _diff_section(name: str, document: Mapping[str, Any]) -> Iterator[str]:
    before, after = outcome_before(document, where=name), outcome_of(document, where=name)
    assert before is not None
    rise = changes(before, after)
    yield f"**{_change(before.usd_per_month, after.usd_per_month)}**"
    yield _option_line(before, after)
    old, new = before.figures(), after.figures()
    known = [one for one in FIGURES if old[one] is not None or new[one] is not None]
    rows = [(LABELS[one], _figure(one, old[one]), _figure(one, new[one]), _rise(one, rise[one])) for one in known]
    yield _table(("figure", "before", "after", "change"), rows)
    yield from _causes(Row(document, name).row("attribution"))


def _causes(path: Row) -> Iterator[str]:
    """The steps of the path, folded away."""
    steps = path.rows("steps")[:_MOST_ROWS]
    rows = [_cause(step) for step in steps]
    residual = path.row("residuals").number("usd_per_month")
    path.done()
    if steps:
        rows.append(("residual", "", "", _signed(residual)))
        table = _table(("input, switched one after another", "from", "to", "USD a month"), rows)
        yield f"<details><summary>Which input did it</summary>\n\n{table}\n\n</details>"


def _cause(step: Row) -> Sequence[str]:
    inputs = step.values.get("inputs")
    names = [str(one) for one in inputs] if isinstance(inputs, list) else []
    rise = step.row("changes").number("usd_per_month")
    return code(", ".join(names)), code(step.text("before")), code(step.text("after")), _signed(rise)


def _result_section(name: str, document: Mapping[str, Any]) -> Iterator[str]:
    found = outcome_of(document, where=name)
    yield f"**{_number(found.usd_per_month)} USD a month** by {code(found.option)}"
    rows = [(LABELS[one], _figure(one, value)) for one, value in found.figures().items() if value is not None]
    yield _table(("figure", code(name)), rows)


def _change(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return f"{_number(before)} to {_number(after)} USD a month"
    share = f" ({_sign(after - before)}{percent((after - before) / before)})" if before else ""
    if before == after:
        return f"No change: {_number(after)} USD a month"
    return f"{_signed(after - before)} USD a month{share}: {_number(before)} to {_number(after)}"


def _option_line(before: Outcome, after: Outcome) -> str:
    if before.option == after.option:
        return f"by {code(after.option)}, as before"
    return f"by {code(after.option)}; before by {code(before.option)}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _figure(name: str, value: float | None) -> str:
    return f"{value:,.0f}" if value is not None and name.startswith("num_") else _number(value)


def _rise(name: str, value: float | None) -> str:
    return f"{_sign(value)}{value:,.0f}" if value is not None and name.startswith("num_") else _signed(value)


def _number(value: float | None) -> str:
    return "unknown" if value is None else significant(value, 4)


def _signed(value: float | None) -> str:
    return "unknown" if value is None else f"{_sign(value)}{significant(value, 4)}"


def _sign(value: float) -> str:
    return "+" if value > 0 else ""


_Section = Callable[[str, Mapping[str, Any]], Iterator[str]]
_SECTIONS: Final[Mapping[str, _Section]] = {
    "check": _check_section,
    "diff": _diff_section,
    "quote": _result_section,
    "simulation": _result_section,
    "plan": _result_section,
}
_RANKS: Final = {kind: rank for rank, kind in enumerate(_SECTIONS)}

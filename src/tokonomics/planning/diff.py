"""Two subjects compared: what each costs and keeps, what changed, and which input did it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from math import isclose

from tokonomics.errors import InputError, TokonomicsError
from tokonomics.planning.ask_outcome import pinned
from tokonomics.planning.inputs_changed import changed_keys, in_order, inputs_of
from tokonomics.planning.outcome import FIGURES, Outcome, changes
from tokonomics.planning.subject import Subject
from tokonomics.planning.switching import Ask, Path, walk


@dataclass(frozen=True, kw_only=True, slots=True)
class Diff:
    """`before` against `after`, both with an outcome; `path` attributes the change, None where it cannot be."""

    before: Subject
    after: Subject
    path: Path | None
    notes: tuple[str, ...] = ()

    @property
    def old(self) -> Outcome:
        """The outcome of `before`."""
        return _known(self.before)

    @property
    def new(self) -> Outcome:
        """The outcome of `after`."""
        return _known(self.after)

    def changes(self) -> dict[str, float | None]:
        """What each figure rose by."""
        return changes(self.old, self.new)

    def steps(self) -> tuple[dict[str, float | None], ...]:
        """What each figure rose by at each step of the path."""
        outcomes = [] if self.path is None else [self.path.start, *(step.outcome for step in self.path.steps)]
        return tuple(changes(one, two) for one, two in pairwise(outcomes))

    def residuals(self) -> dict[str, float | None]:
        """The change that no step explains: 0 between scenarios; between documents, that of other prices or code."""
        if self.path is None:
            return dict.fromkeys(FIGURES)
        asked, stated = changes(self.path.start, self.path.end), self.changes()
        return {name: _less(stated[name], asked[name]) for name in FIGURES}

    def interactions(self) -> dict[str, float | None]:
        """The change of the whole path less that of every input alone: what the inputs do only together."""
        if self.path is None:
            return dict.fromkeys(FIGURES)
        whole = changes(self.path.start, self.path.end)
        alone = [changes(self.path.start, step.alone) if step.alone else {} for step in self.path.steps]
        return {name: _less(whole[name], _sum([one.get(name) for one in alone])) for name in FIGURES}


def compare(
    before: Subject, after: Subject, ask: Ask, *, today: date, first: Sequence[str] = (), is_attributed: bool = True
) -> Diff:
    """Compare two subjects; scenarios are asked by `ask`, which is also what attributes the change to the inputs.

    Args:      first: inputs to switch before the others.  is_attributed: whether to ask which input did it.
    Raises:    InputError where the kinds cannot be compared; what `ask` raises at the two ends.
    """
    _check_kinds(before, after)
    old, new = (_asked(one, ask, today) for one in (before, after))
    notes = [*_fact_notes(old, new)]
    path, reason = _path(old, new, ask, first) if is_attributed else (None, "")
    if reason:
        notes.append(f"which input did it is not known: {reason}")
    return Diff(before=old, after=new, path=path, notes=tuple(notes))


def _check_kinds(before: Subject, after: Subject) -> None:
    kinds = {before.kind, after.kind} - {"scenario"}
    if "diff" in kinds:
        raise InputError("a comparison cannot be compared; name the two results that it compares")
    if len(kinds) > 1:
        raise InputError(f"a {before.kind} cannot be compared with a {after.kind}; name two of one kind")


def _asked(subject: Subject, ask: Ask, today: date) -> Subject:
    """The subject with an outcome and, where it was asked now, with the date and the catalogue of the answer."""
    if subject.outcome is not None:
        return subject
    assert subject.scenario is not None
    scenario = pinned(subject.scenario, today=today)
    return replace(subject, scenario=scenario, outcome=ask(scenario))


def _path(before: Subject, after: Subject, ask: Ask, first: Sequence[str]) -> tuple[Path | None, str]:
    """The path from one to the other, or why there is none."""
    for one in (before, after):
        if one.scenario is None:
            return None, f"{one.name}: {one.unasked}"
    assert before.scenario is not None
    assert after.scenario is not None
    in_order(changed_keys(inputs_of(before.scenario), inputs_of(after.scenario)), first)
    try:
        return walk(before.scenario, after.scenario, ask, first=first), ""
    except TokonomicsError as error:
        return None, str(error)


def _fact_notes(before: Subject, after: Subject) -> Iterator[str]:
    for name in sorted({*before.facts, *after.facts}):
        old, new = before.facts.get(name, "unknown"), after.facts.get(name, "unknown")
        if before.facts and after.facts and old != new:
            yield f"{name} differs: {old[:12]} and {new[:12]}"


def _known(subject: Subject) -> Outcome:
    assert subject.outcome is not None
    return subject.outcome


def _less(whole: float | None, part: float | None) -> float | None:
    """The difference; 0 where it is no more than the rounding of sums."""
    if whole is None or part is None:
        return None
    return 0.0 if isclose(whole, part, rel_tol=1e-9, abs_tol=1e-12) else whole - part


def _sum(parts: Sequence[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None

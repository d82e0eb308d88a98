"""Every error a user can meet, as a tree; the exit code of the command is a property of the branch.

    TokonomicsError            1  something failed
    ├── InputError             2  a value given by the user is wrong
    │   └── UnknownName        2  a name that is in no catalogue; carries the nearest names
    ├── LimitViolated          3  a policy, SLO or budget is not met
    ├── Infeasible             4  no deployment can do what was asked
    └── MissingFact            5  the catalogue lacks a fact, or holds it too old, under --strict

A message is one sentence of advice without a final full stop: what is wrong, with name, value and unit; the
limit; what to try. An error carries every violation that was found, not only the first.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher

_LISTED_KINDS = ("gpu", "model", "price")
"""Kinds of names that a command lists; advice names no command that does not exist."""


class TokonomicsError(Exception):
    """Base of every error that is the user's to read; `violations` lists all that was found."""

    exit_code = 1

    def __init__(self, *violations: str) -> None:
        self.violations: tuple[str, ...] = violations
        super().__init__("; ".join(violations))


class InputError(TokonomicsError):
    """A value given by the user is wrong."""

    exit_code = 2


class UnknownName(InputError):
    """A name that no catalogue knows; `nearest` holds up to three that look like it."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        self.nearest: tuple[str, ...] = nearest_names(name, known)
        hint = f"nearest: {', '.join(self.nearest)}" if self.nearest else "nothing is near"
        listing = f"; list them with `tok {kind}s list`" if kind in _LISTED_KINDS else ""
        super().__init__(f"unknown {kind}: {name!r}; {hint}{listing}")


class LimitViolated(TokonomicsError):
    """A policy, SLO or budget is not met."""

    exit_code = 3


class Infeasible(TokonomicsError):
    """No deployment can do what was asked; the message says what would make it possible."""

    exit_code = 4


class MissingFact(TokonomicsError):
    """The catalogue lacks a fact that the answer needs, or holds it too old."""

    exit_code = 5


def nearest_names(name: str, known: Sequence[str], *, num_names: int = 3) -> tuple[str, ...]:
    """Return the `num_names` known names that look most like `name`, best first: those it begins, then holds.

    >>> nearest_names("h10", ["a10", "h100-sxm", "h20", "h100-pcie"])
    ('h100-sxm', 'h100-pcie', 'a10')
    """
    wanted = name.lower()

    def unlikeness(known_name: str) -> tuple[bool, bool, float]:
        lowered = known_name.lower()
        likeness = SequenceMatcher(None, wanted, lowered).ratio()
        return (not lowered.startswith(wanted), wanted not in lowered, -likeness)

    return tuple(sorted(dict.fromkeys(known), key=unlikeness)[:num_names])


def raise_all(violations: Sequence[str], error: type[TokonomicsError] = InputError) -> None:
    """Raise one `error` that carries all `violations`; do nothing when there are none."""
    if violations:
        raise error(*violations)

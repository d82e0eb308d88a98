"""JSON of strangers, read cell by cell with every mistake collected."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from tokonomics.errors import raise_all
from tokonomics.workload.json_file import read_json_object

MAX_JSON_BYTES: Final = 4_000_000
MOST_PROBLEMS = 20
MAX_TEXT_CHARACTERS = 400
_LARGEST = 1e18


@dataclass(frozen=True, slots=True)
class Cells:
    """One object of the file, `where` it stands, and the list that its mistakes are added to.

    A wrong cell is told and read as a harmless value; `raise_problems` ends the reading before one is used.
    """

    values: Mapping[str, Any]
    where: str
    problems: list[str] = field(default_factory=list)

    def text(self, name: str, *, required: bool = True) -> str:
        """A string of at most 400 characters; "" when it may be left out and is, or is null."""
        value = self.values.get(name)
        if isinstance(value, str) and len(value) <= MAX_TEXT_CHARACTERS and (value or not required):
            return value
        if value is not None or required:
            self._wrong(name, f"a text of 1 to {MAX_TEXT_CHARACTERS} characters")
        return ""

    def choice(self, name: str, known: Sequence[str]) -> str:
        """One of `known`."""
        value = self.values.get(name)
        if value in known:
            return str(value)
        self._wrong(name, f"one of {', '.join(known)}")
        return known[0]

    def count(self, name: str) -> int:
        """A whole number from 1 on."""
        value = self.values.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST:
            return value
        self._wrong(name, "a whole number from 1 on")
        return 1

    def amount_or_none(self, name: str) -> int | float | None:
        """A number above 0, or None where it is left out or null."""
        return None if self.values.get(name) is None else self.amount(name)

    def amount(self, name: str, *, at_least: float | None = None) -> int | float:
        """A finite number as JSON has it, above 0 or from `at_least` on, in the unit that `name` ends in."""
        value = self.values.get(name)
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        fits = number > 0.0 if at_least is None else number >= at_least
        if fits and number <= _LARGEST:
            return number
        self._wrong(name, "a number above 0" if at_least is None else f"a number from {at_least:g} on")
        return 1.0

    def day(self, name: str) -> date:
        """A date as YYYY-MM-DD."""
        value = self.values.get(name)
        try:
            return date.fromisoformat(value if isinstance(value, str) else "")
        except ValueError:
            self._wrong(name, "a date as YYYY-MM-DD")
            return date.min

    def rows(self, name: str, *, most: int) -> tuple["Cells", ...]:
        """The objects of a list of at most `most`; none where the list is left out."""
        value = self.values.get(name, [])
        if not isinstance(value, list) or len(value) > most or not all(isinstance(one, dict) for one in value):
            self._wrong(name, f"a list of at most {most:,} objects")
            return ()
        return tuple(Cells(one, f"{self.where} {name}[{number}]", self.problems) for number, one in enumerate(value))

    def texts(self, name: str, *, most: int) -> tuple[str, ...]:
        """The strings of a list of at most `most`; none where the list is left out."""
        value = self.values.get(name, [])
        fits = isinstance(value, list) and len(value) <= most
        if not fits or not all(isinstance(one, str) and len(one) <= MAX_TEXT_CHARACTERS for one in value):
            self._wrong(name, f"a list of at most {most:,} texts of up to {MAX_TEXT_CHARACTERS} characters")
            return ()
        return tuple(value)

    def _wrong(self, name: str, wanted: str) -> None:
        if name in self.values:
            self.problems.append(f"{self.where} {name}={_short(self.values[name])} must be {wanted}")
        else:
            self.problems.append(f"{self.where} lacks {name}, {wanted}")


def cells_of(path: Path) -> Cells:
    """The object that a JSON file of a measurement holds; InputError when there is none."""
    return Cells(read_json_object(path, most_bytes=MAX_JSON_BYTES, advice="measure again"), path.name)


def raise_problems(problems: Sequence[str]) -> None:
    """Raise one InputError with the first 20 problems and the number of the others; nothing when there are none."""
    hidden = len(problems) - MOST_PROBLEMS
    raise_all([*problems[:MOST_PROBLEMS], *([f"and {hidden} more wrong cells"] if hidden > 0 else [])])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."

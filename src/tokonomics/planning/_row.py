"""Cells of a result document, which anybody can have written: each is checked as it is read, each mistake is kept."""

from collections.abc import Mapping
from typing import Any, Final

from tokonomics.errors import raise_all

_LARGEST: Final = 1e18
_MOST_CHARACTERS: Final = 400


class Row:
    """One object of a document at `where`; `done` raises every mistake that its cells had."""

    def __init__(self, values: object, where: str, problems: list[str] | None = None) -> None:
        self.where = where
        self.problems: list[str] = [] if problems is None else problems
        if not isinstance(values, Mapping):
            self._wrong("", values, "an object")
        self.values: Mapping[str, Any] = values if isinstance(values, Mapping) else {}

    def number(self, name: str) -> float | None:
        """A finite number, or None where it is left out or null."""
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST:
            return float(value)
        self._wrong(f".{name}", value, "a finite number or null")
        return None

    def amount(self, name: str, *, most: float = _LARGEST) -> float | None:
        """A number from 0 to `most`, or None where it is left out or null."""
        value = self.number(name)
        if value is None or 0.0 <= value <= most:
            return value
        self._wrong(f".{name}", value, f"0 to {most:g}")
        return None

    def text(self, name: str) -> str:
        """A short text, "" where it is left out or null."""
        value = self.values.get(name)
        if value is None:
            return ""
        if isinstance(value, str) and len(value) <= _MOST_CHARACTERS:
            return value
        self._wrong(f".{name}", value, f"text of at most {_MOST_CHARACTERS} characters")
        return ""

    def row(self, name: str) -> "Row":
        """The object called `name`, an empty one where it is left out or null."""
        return Row(self.values.get(name) or {}, f"{self.where}.{name}", self.problems)

    def rows(self, name: str) -> list["Row"]:
        """The objects of the list called `name`."""
        value = self.values.get(name, [])
        if not isinstance(value, list):
            self._wrong(f".{name}", value, "a list")
            return []
        return [Row(one, f"{self.where}.{name}[{number}]", self.problems) for number, one in enumerate(value)]

    def done(self) -> None:
        """Raise InputError with all mistakes of this document, twenty at most."""
        raise_all(self.problems[:20])

    def _wrong(self, name: str, value: object, wanted: str) -> None:
        self.problems.append(f"{self.where}{name}={value!r:.60}; limit={wanted}; write the document again")

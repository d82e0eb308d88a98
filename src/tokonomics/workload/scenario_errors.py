"""Sentences for what is wrong in a scenario, with the line and column where the file says it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from tokonomics.errors import nearest_names

Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where the keys of a file stand: `lines` maps a path of keys to (line, column), both from 1.

    `elsewhere` holds paths whose values did not come from the file, such as those of flags.
    """

    file: str = ""
    lines: Mapping[Path, tuple[int, int]] = field(default_factory=dict)
    elsewhere: frozenset[Path] = frozenset()

    def of(self, path: Path) -> str:
        """Say `file:line:column: ` of the nearest key at or above `path`; nothing where it is not in a file."""
        line, column = self.at(path)
        if line:
            return f"{self.file}:{line}:{column}: "
        return f"{self.file}: " if self.file and not self._is_elsewhere(path) else ""

    def at(self, path: Path) -> tuple[int, int]:
        """Line and column of the nearest key at or above `path`; (0, 0) where none is known."""
        if self._is_elsewhere(path):
            return (0, 0)
        return next((self.lines[one] for one in _upwards(path) if one in self.lines), (0, 0))

    def _is_elsewhere(self, path: Path) -> bool:
        return any(one in self.elsewhere for one in _upwards(path))


def _upwards(path: Path) -> Iterator[Path]:
    """The path and all above it, the longest first."""
    return (path[:length] for length in range(len(path), -1, -1))


def placed(sentence: str, path: Path, places: Places) -> str:
    """Put the place of `path` before `sentence`."""
    return f"{places.of(path)}{sentence}"


def sentences(error: ValidationError, known: Mapping[str, Sequence[str]], places: Places) -> Iterator[str]:
    """Say each violation of `error` in a sentence; `known` are the keys of each block, to name the nearest."""
    for one in sorted(error.errors(include_url=False), key=lambda one: places.at(tuple(one["loc"]))):
        path = tuple(one["loc"])
        for sentence in _sentence(one, path, known).split("\n"):
            yield placed(sentence, path, places)


def key_name(path: Path) -> str:
    """Write a path as people do.

    >>> key_name(("owned", 0, "gpu"))
    'owned[0].gpu'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "scenario"


def _sentence(one: Any, path: Path, known: Mapping[str, Sequence[str]]) -> str:
    kind, context = one["type"], one.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(path, known)
    if kind == "missing":
        return f"{key_name(path)} is missing; add it"
    if kind == "value_error" and path == ("traffic",):
        return str(context["error"])  # a sentence about the combination, complete as it is
    if kind in _LIMITS:
        return f"{key_name(path)}={_short(one['input'])}; limit={_LIMITS[kind](context)}"
    return f"{key_name(path)}={_short(one['input'])} is wrong; {_expectation(one)}"


def _unknown_key(path: Path, known: Mapping[str, Sequence[str]]) -> str:
    block = str(path[0]) if len(path) > 1 else ""
    near = ", ".join(nearest_names(str(path[-1]), known.get(block, ())))
    return f"unknown key {key_name(path)!r}; nearest: {near}"


def _expectation(one: Any) -> str:
    kind = one["type"]
    if kind == "value_error":
        return str(one["ctx"]["error"])
    if kind in _EXPECTED:
        return f"give {_EXPECTED[kind]}"
    message = str(one["msg"]).removeprefix("Input should be ").rstrip(".")
    return f"give {message}" if message != str(one["msg"]) else message.lower()


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_LIMITS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "greater_than": lambda context: f"above {context['gt']:g}",
    "greater_than_equal": lambda context: f"at least {context['ge']:g}",
    "less_than_equal": lambda context: f"at most {context['le']:g}",
    "finite_number": lambda _: "a finite number",
    "too_short": lambda context: f"at least {context['min_length']}",
    "too_long": lambda context: f"at most {context['max_length']}",
    "string_too_short": lambda context: f"at least {context['min_length']} characters",
    "string_too_long": lambda context: f"at most {context['max_length']} characters",
}
_EXPECTED: Final[Mapping[str, str]] = {
    "tuple_type": "a list",
    "float_type": "a number",
    "int_type": "a whole number",
    "string_type": "text",
    "bool_type": "true or false",
    "model_type": "a block of keys",
    "date_type": "a date such as 2026-11-23",
}

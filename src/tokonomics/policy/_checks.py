"""Violations of the values of a policy, as sentences; an absent value (None) is for the caller to judge."""

import sys
from collections.abc import Sequence

from tokonomics.errors import nearest_names

MAX_TEXT = 200


def number_problems(
    name: str, value: object, *, least: float, most: float, unit: str, above: bool = False
) -> list[str]:
    """Violations unless `value` is a finite number in [least, most]; in (least, most] when `above`.

    >>> number_problems("stick_s", -1.0, least=0, most=60, unit="s")
    ['stick_s=-1.0 s; limit=0 to 60 s; give a number in that range']
    """
    if is_number(value) and least <= value <= most and not (above and value == least):  # type: ignore[operator]
        return []
    lower = f"above {least:g}" if above else f"{least:g}"
    return [f"{name}={value!r:.60} {unit}; limit={lower} to {most:g} {unit}; give a number in that range"]


def count_problems(name: str, value: object, *, least: int, most: int, unit: str) -> list[str]:
    """Violations unless `value` is a whole number (an int, no truth value) in [least, most]."""
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return []
    return [f"{name}={value!r:.60} {unit}; limit=whole, {least} to {most} {unit}; give a whole number in that range"]


def text_problems(name: str, value: object) -> list[str]:
    """Violations unless `value` is a printable text of 1 to 200 characters."""
    if isinstance(value, str) and 0 < len(value) <= MAX_TEXT and value.isprintable() and value.strip():
        return []
    return [f"{name}={value!r:.60}; limit=1 to {MAX_TEXT} printable characters; give a name"]


def choice_problems(name: str, value: object, known: Sequence[str]) -> list[str]:
    """Violations unless `value` is one of `known`; the nearest is named."""
    if isinstance(value, str) and value in known:
        return []
    near = nearest_names(value, known, num_names=1)[0] if isinstance(value, str) else known[0]
    return [f"{name}={value!r:.60}; limit=one of {', '.join(known)}; try {near}"]


def is_number(value: object) -> bool:
    """Whether `value` is a finite int or float, that a float can hold; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max

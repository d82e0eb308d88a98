"""Records to plain mappings and back: what a plan file holds. Reading collects every violation before it raises.

A field that holds other records names their class in its metadata: `field(metadata={"of": Tier, "many": True})`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Final, TypeVar

from tokonomics.errors import InputError, nearest_names, raise_all

T = TypeVar("T")

MAX_ITEMS: Final = 1000


class Unread:
    """Stands for a value that a mapping lacked, or that was itself found wrong, while the rest is still checked."""

    def __init__(self, word: str) -> None:
        self._word = word

    def __repr__(self) -> str:
        return self._word


ABSENT: Final = Unread("missing")
BROKEN: Final = Unread("wrong")


def to_plain(record: Any) -> Any:
    """Mappings, lists, texts and numbers equal to `record`; fields at None are left out."""
    if is_dataclass(record):
        held = {one.name: to_plain(getattr(record, one.name)) for one in fields(record)}
        return {name: value for name, value in held.items() if value is not None}
    return [to_plain(one) for one in record] if isinstance(record, tuple) else record


def from_plain(cls: type[T], given: object, where: str) -> T:
    """The record of class `cls` in the mapping `given`, which stands at `where`.

    Raises:    InputError with all violations: unknown and missing keys, wrong types, values out of bounds.
    """
    problems: list[str] = []
    record = _record(cls, given, where, problems)
    raise_all(problems)
    assert isinstance(record, cls)
    return record


def _record(cls: type[T], given: object, where: str, problems: list[str]) -> T | Unread:
    if not isinstance(given, Mapping):
        problems.append(f"{where}={given!r:.60}; limit=keys with values; write a mapping")
        return BROKEN
    known = {one.name: one for one in fields(cls)}  # type: ignore[arg-type]  # only dataclasses are read
    problems += [_unknown_key(where, str(key), list(known)) for key in given if key not in known]
    values = {name: _value(one, given, f"{where}.{name}", problems) for name, one in known.items()}
    try:
        return cls(**{name: value for name, value in values.items() if value is not MISSING})
    except InputError as error:
        problems += [f"{where}.{one}" for one in error.violations]
        return BROKEN


def _value(one: Field[Any], given: Mapping[Any, Any], where: str, problems: list[str]) -> Any:
    """The value of a field; MISSING lets the record's own default stand."""
    if one.name not in given:
        has_default = one.default is not MISSING or one.default_factory is not MISSING
        return MISSING if has_default else ABSENT
    value, cls = given[one.name], one.metadata.get("of")
    if isinstance(value, list | tuple):
        return _items(cls, value, where, problems)
    if cls is None or value is None:
        return value
    if one.metadata.get("many"):
        problems.append(f"{where}={value!r:.60}; limit=a list; write its entries as a list")
        return BROKEN
    return _record(cls, value, where, problems)


def _items(cls: type[Any] | None, given: Sequence[Any], where: str, problems: list[str]) -> tuple[Any, ...]:
    if len(given) > MAX_ITEMS:
        problems.append(f"{where} has {len(given)} entries; limit={MAX_ITEMS}; shorten the list")
    kept = given[:MAX_ITEMS]
    if cls is None:
        return tuple(kept)
    return tuple(_record(cls, one, f"{where}[{index}]", problems) for index, one in enumerate(kept))


def _unknown_key(where: str, key: str, known: list[str]) -> str:
    nearest = ", ".join(nearest_names(key, known))
    return f"{where} has the unknown key {key[:60]!r}; limit=the keys of this record; nearest: {nearest}"

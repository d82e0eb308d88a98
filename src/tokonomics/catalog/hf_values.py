"""Values of a Hugging Face configuration, read with suspicion: what is missing or absurd is noted, not raised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MAX_VALUE: Final = 100_000_000
_SHOWN_CHARS = 60


@dataclass(kw_only=True, slots=True)
class ConfigValues:
    """One section of a configuration; `missing` and `problems` collect what is wrong with the keys that were asked."""

    values: Mapping[str, Any]
    missing: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def has(self, key: str) -> bool:
        """Whether `key` is there and not null."""
        return self.values.get(key) is not None

    def count(self, key: str, default: int | None = None, *, high: int = MAX_VALUE) -> int:
        """The whole number under `key`, from 1 to `high`; `default` where it is absent or null.

        Absent without a default is noted as missing, and 1 stands in for it.
        """
        value = self.values.get(key)
        if value is None:
            if default is None:
                self.missing.append(key)
            return 1 if default is None else default
        if type(value) is int and 1 <= value <= high:
            return value
        self.fail(key, f"is not a whole number from 1 to {high}")
        return 1

    def number_or_zero(self, key: str) -> int:
        """As `count`, but the value may be 0, and is when absent: parts that a model may lack."""
        is_zero = self.values.get(key) == 0 and type(self.values.get(key)) is int
        return 0 if is_zero else self.count(key, 0)

    def flag(self, key: str, default: bool = False) -> bool:
        """The boolean under `key`; `default` where it is absent or null."""
        value = self.values.get(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.fail(key, "is not true or false")
        return default

    def words(self, key: str) -> Sequence[str] | None:
        """The list of words under `key`; None where it is absent or null."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return value
        self.fail(key, "is not a list of words")
        return None

    def numbers(self, key: str) -> frozenset[int]:
        """The set of whole numbers in the list under `key`; empty where it is absent or null."""
        value = self.values.get(key) or []
        if isinstance(value, list) and all(type(one) is int for one in value):
            return frozenset(value)
        self.fail(key, "is not a list of whole numbers")
        return frozenset()

    def fail(self, key: str, advice: str) -> None:
        """Note that the value of `key` is wrong, with advice."""
        self.problems.append(f"{key}={repr(self.values.get(key))[:_SHOWN_CHARS]} {advice}")

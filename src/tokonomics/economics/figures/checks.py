"""One way to check numbers given by a user: every violation is collected, then raised together."""

import math
from collections.abc import Callable, Mapping
from typing import Final, Self, SupportsFloat

from tokonomics.errors import raise_all

# No price, volume or duration of this field lies outside; inside it no product here can overflow or vanish.
LARGEST: Final = 1e18
SMALLEST: Final = 1e-15

Rule = Callable[[float], bool]


class Checks:
    """A growing list of violations; every rule names the value, and `None` (not given) passes.

    >>> Checks().positive(price_usd=0.0).fraction(share_frac=1.5).violations
    ['price_usd=0; must be above 0', 'share_frac=1.5; must lie between 0 and 1']
    """

    def __init__(self) -> None:
        self.violations: list[str] = []

    def positive(self, **values: float | None) -> Self:
        """Every value is a finite number above 0."""
        return self._each(values, lambda value: value >= SMALLEST, "must be above 0")

    def non_negative(self, **values: float | None) -> Self:
        """Every value is a finite number, 0 or more."""
        return self._each(values, lambda value: value >= 0, "must be 0 or more")

    def fraction(self, **values: float | None) -> Self:
        """Every value lies between 0 and 1, both included."""
        return self._each(values, lambda value: 0 <= value <= 1, "must lie between 0 and 1")

    def share(self, **values: float | None) -> Self:
        """Every value lies above 0 and is at most 1: a share that something is divided by."""
        return self._each(values, lambda value: SMALLEST <= value <= 1, "must lie above 0 and at most 1")

    def at_least(self, limit: float, **values: float | None) -> Self:
        """Every value is a finite number, `limit` or more."""
        return self._each(values, lambda value: value >= limit, f"must be {limit:g} or more")

    def count(self, minimum: int, **values: int | None) -> Self:
        """Every value is a whole number, `minimum` or more."""
        advice = f"must be a whole number, {minimum} or more"
        return self._each(values, lambda value: value == int(value) and value >= minimum, advice)

    def that(self, holds: bool, violation: str) -> Self:
        """Note `violation`, a sentence of advice, unless it `holds`."""
        if not holds:
            self.violations.append(violation)
        return self

    def done(self) -> None:
        """Raise one InputError with all violations; do nothing when there are none."""
        raise_all(self.violations)

    def _each(self, values: Mapping[str, float | None], rule: Rule, advice: str) -> Self:
        for name, value in values.items():
            if value is not None:
                self._one(name, value, rule, advice)
        return self

    def _one(self, name: str, value: object, rule: Rule, advice: str) -> None:
        number = _as_number(value)
        if number is None:
            self.violations.append(f"{name}={value!r}; must be a number")
        elif not math.isfinite(number):
            self.violations.append(f"{name}={number:g}; must be a finite number")
        elif abs(number) > LARGEST:
            self.violations.append(f"{name}={number:g}; must be at most {LARGEST:g}, which no real figure exceeds")
        elif not rule(number):
            self.violations.append(f"{name}={number:g}; {advice}")


def _as_number(value: object) -> float | None:
    """The value as a float, or None where it is no number (a truth value is none)."""
    if isinstance(value, bool) or not isinstance(value, float | int | SupportsFloat):  # the protocol is slow: last
        return None
    return float(value)

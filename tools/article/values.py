"""Values of claims as data: what a cell states, what a call returned, and the verdict that follows from both."""

import math
import re
from collections.abc import Callable
from typing import Final, NamedTuple

Range = tuple[float, float]
Inputs = dict[str, float | str | tuple[float | str, ...]]

OK, ROUNDING, WRONG, UNSUPPORTED, IMPOSSIBLE = "ok", "rounding", "wrong", "unsupported", "impossible"
VERDICTS: Final = (OK, ROUNDING, WRONG, IMPOSSIBLE, UNSUPPORTED)
ROUNDING_FRAC: Final = 0.05  # further off than this is not rounding
_EXACT_FRAC: Final = 0.005  # nearer than this is right, whatever the digits
_SLACK_FRAC: Final = 0.02  # a range stated in two digits is no sharper
_NUMBER: Final = r"[+-]?\d+(?:\.\d+)?(?:e-?\d+)?"


class Bound(NamedTuple):
    """The most a configuration can yield, tokens/s, and whether it fits in memory at all."""

    tokens_per_s: float
    fits: bool


Value = float | str | Range | Bound


def stated_value(text: str) -> Value:
    """A stated cell as a number, a range (`3-4`) or, where it is neither, the text itself.

    >>> stated_value("30-40"), stated_value("+276.5"), stated_value("API")
    ((30.0, 40.0), 276.5, 'API')
    """
    if re.fullmatch(_NUMBER, text):
        return float(text)
    ends = re.fullmatch(rf"({_NUMBER})-({_NUMBER})", text)
    return (float(ends[1]), float(ends[2])) if ends else text


def read_inputs(text: str) -> Inputs:
    """`key=value` pairs parted by blanks; a value with commas is a tuple, and numbers are numbers.

    >>> read_inputs("part=h100-sxm rates=34,78 watts=7e3")
    {'part': 'h100-sxm', 'rates': (34.0, 78.0), 'watts': 7000.0}
    """
    pairs = (pair.split("=", 1) for pair in text.split())
    return {key: tuple(map(_scalar, value.split(","))) if "," in value else _scalar(value) for key, value in pairs}


def verdict(stated: str, computed: Value) -> str:
    """What a computed value makes of a stated one: `ok`, `rounding`, `wrong` or, beyond a bound, `impossible`.

    >>> verdict("2.78", 2.7778), verdict("1.01", 1.017), verdict("3", 36.3), verdict("95", Bound(88.9, fits=True))
    ('ok', 'rounding', 'wrong', 'impossible')
    """
    claimed = stated_value(stated)
    if isinstance(computed, Bound):
        assert isinstance(claimed, float)
        return OK if computed.fits and claimed <= computed.tokens_per_s else IMPOSSIBLE
    if isinstance(claimed, tuple) and isinstance(computed, float | tuple):
        return OK if _inside(claimed, computed) else WRONG
    if isinstance(claimed, float) and isinstance(computed, float):
        return _of_numbers(stated, claimed, computed)
    if isinstance(claimed, str) and isinstance(computed, str):
        return OK if claimed.casefold() == computed.casefold() else WRONG
    raise TypeError(f"{stated!r} and {computed!r} are of different kinds; give the claim a ruling")


def shown(value: Value | None) -> str:
    """A value as the page prints it: five significant digits at most, large numbers with thousands parted.

    >>> shown(20.34313), shown(36839.6), shown((0.4550, 0.7860)), shown(Bound(24.1, fits=False)), shown(None)
    ('20.343', '36,840', '0.455-0.786', '24.1, does not fit', '')
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, Bound):
        return f"{_digits(value.tokens_per_s)}{'' if value.fits else ', does not fit'}"
    return "-".join(_digits(end) for end in value) if isinstance(value, tuple) else _digits(value)


def rounds_to(text: str, value: float, *, least_frac: float = 0.0) -> bool:
    """Whether `value` is the number `text` within half of its last printed digit, or `least_frac` of it."""
    mantissa, _, exponent = text.lstrip("+").partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return abs(value - float(text)) <= max(0.5 * unit * (1 + 1e-9), least_frac * abs(float(text)))


def _of_numbers(text: str, claimed: float, computed: float) -> str:
    if computed == 0:
        return OK if claimed == 0 else WRONG
    off = abs(claimed - computed) / abs(computed)
    if off <= _EXACT_FRAC or (rounds_to(text, computed) and off <= 2 * ROUNDING_FRAC):
        return OK
    return ROUNDING if off <= ROUNDING_FRAC else WRONG


def _inside(claimed: Range, computed: float | Range) -> bool:
    low, high = computed if isinstance(computed, tuple) else (computed, computed)
    return claimed[0] * (1 - _SLACK_FRAC) <= low and high <= claimed[1] * (1 + _SLACK_FRAC)


def _scalar(text: str) -> float | str:
    return float(text) if re.fullmatch(_NUMBER, text) else text


def _digits(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = max(0, 4 - math.floor(math.log10(abs(value))))
    written = f"{value:,.{places}f}" if abs(value) >= 1e-4 else f"{value:.4g}"
    return written.rstrip("0").rstrip(".") if "." in written and "e" not in written else written


Call = Callable[..., Value]

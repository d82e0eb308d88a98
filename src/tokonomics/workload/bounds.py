"""The bounds of believable numbers, and the sentences for those outside them.

Each check returns a list of violations, empty when all is well, so that a caller can raise them all at once.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_TOKENS_PER_REQUEST: Final = 1e8
MAX_REQUESTS_PER_S: Final = 1e9


def positive_problems(name: str, value: float, unit: str, *, most: float = math.inf) -> list[str]:
    """Violations unless `value` is a finite number above zero and at most `most`."""
    if _is_number(value) and math.isfinite(value) and 0.0 < value <= most:
        return []
    upper = f" and at most {most:.0e}" if math.isfinite(most) else ""
    return [f"{name}={value} {unit}; limit=finite and above 0{upper}; give the measured or expected value"]


def range_problems(name: str, value: float, least: float, most: float, advice: str) -> list[str]:
    """Violations unless `value` lies in [least, most]."""
    if _is_number(value) and least <= value <= most:
        return []
    return [f"{name}={value}; limit={least:g} to {most:g}; {advice}"]


def length_problems(name: str, tokens: NDArray[np.float64]) -> list[str]:
    """Violations unless every length is finite, at least 1 token and at most 1e8 tokens."""
    if not tokens.size:
        return [f"{name} is empty; give one number, or one length per request"]
    bad = tokens[~((tokens >= 1.0) & (tokens <= MAX_TOKENS_PER_REQUEST))]
    if not bad.size:
        return []
    limit = f"limit=1 to {MAX_TOKENS_PER_REQUEST:.0e} tokens a request"
    return [f"{name}={bad[0]:g} tokens; {limit}; check the unit (tokens of ONE request, not a total)"]


def as_lengths(tokens: ArrayLike) -> NDArray[np.float64]:
    """One number or a sequence of lengths as a float vector; a value that is no number becomes NaN."""
    try:
        return np.atleast_1d(np.asarray(tokens, dtype=np.float64)).ravel()
    except (TypeError, ValueError, OverflowError):
        return np.array([np.nan])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)

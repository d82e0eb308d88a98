"""Arrivals whose gaps are drawn one by one from one distribution: Poisson, Gamma or Weibull, of a given CV."""

import math
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from tokonomics.errors import raise_all
from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.bounds import MAX_REQUESTS_PER_S, positive_problems, range_problems
from tokonomics.workload.copies import checked_num_requests

GapFamily = Literal["poisson", "gamma", "weibull"]

GAP_FAMILIES: Final = ("poisson", "gamma", "weibull")
MAX_CV: Final = 100.0

_LEAST_CV: Final = 1e-3
_NUM_BEFORE: Final = 4096


def family_problems(family: str, cv: float) -> list[str]:
    """Violations of a distribution of gaps: an unknown family, a CV out of bounds, a Poisson CV that is not 1."""
    problems = range_problems("cv", cv, 0.0, MAX_CV, "0 is a clock, 1 is Poisson, above 1 is bursty")
    if family not in GAP_FAMILIES:
        problems.append(f"family={family!r}; limit=one of {', '.join(GAP_FAMILIES)}; try gamma")
    if family == "poisson" and cv != 1.0:
        problems.append(f"cv={cv} with family=poisson; limit=1; choose gamma or weibull")
    return problems


def weibull_exponent(cv: ArrayLike) -> FloatArray:
    """The shape k of a Weibull distribution with this coefficient of variation, within 1e-6 relative.

    1 + cv^2 = gamma(1 + 2/k) / gamma(1 + 1/k)^2, inverted on a table; a CV outside 0.006 to 2e14 takes its edge.

    >>> weibull_exponent([1.0, 2.236068]).round(4).tolist()
    [1.0, 0.5]
    """
    logs_cv, logs_k = _weibull_table()
    return np.asarray(np.exp(np.interp(np.log(np.maximum(cv, 1e-9)), logs_cv, logs_k)))


def unit_gaps_s(rng: np.random.Generator, num_gaps: int, *, cv: float, family: GapFamily) -> FloatArray:
    """Independent gaps with a mean of 1 s and coefficient of variation `cv`, shape (num_gaps,)."""
    if cv < _LEAST_CV:
        return np.ones(num_gaps)
    if family == "poisson" or cv == 1.0:
        return rng.standard_exponential(num_gaps)
    if family == "gamma":
        return np.asarray(rng.standard_gamma(cv**-2.0, num_gaps) * cv**2.0)
    exponent = float(weibull_exponent(cv))
    return np.asarray(rng.standard_exponential(num_gaps) ** (1.0 / exponent) / math.gamma(1.0 + 1.0 / exponent))


def renewal_arrivals_s(
    rng: np.random.Generator, *, requests_per_s: float, span_s: float, cv: float = 1.0, family: GapFamily = "gamma"
) -> FloatArray:
    """Sorted arrivals in [0, span_s) of a renewal process that has been running for long.

    Its first gap is one that time 0 falls into, so the rate is the same from the start on.
    Raises:    InputError with every argument that is out of bounds, or more requests than memory holds.
    """
    raise_all(
        positive_problems("requests_per_s", requests_per_s, "requests/s", most=MAX_REQUESTS_PER_S)
        + positive_problems("span_s", span_s, "s")
        + family_problems(family, cv)
    )
    num_mean = requests_per_s * span_s
    checked_num_requests(num_mean)
    return np.asarray(unit_arrivals_s(rng, num_mean, cv=cv, family=family) / requests_per_s)


def unit_arrivals_s(rng: np.random.Generator, until_s: float, *, cv: float, family: GapFamily) -> FloatArray:
    """Sorted arrivals in [0, until_s) at 1 request/s; see renewal_arrivals_s."""
    parts = [np.array([_first_s(rng, cv, family)])]
    while (reached_s := float(parts[-1][-1])) < until_s:
        left_s = until_s - reached_s
        gaps_s = unit_gaps_s(rng, int(left_s + 3.0 * cv * math.sqrt(left_s)) + 16, cv=cv, family=family)
        parts.append(reached_s + np.cumsum(gaps_s))
    arrivals_s = np.concatenate(parts)
    return arrivals_s[: np.searchsorted(arrivals_s, until_s)]


def _first_s(rng: np.random.Generator, cv: float, family: GapFamily) -> float:
    """Time to the first arrival as seen at a random time: a share of a gap drawn in proportion to its length."""
    gaps_s = unit_gaps_s(rng, _NUM_BEFORE, cv=cv, family=family)
    ends_s = np.cumsum(gaps_s)
    held = min(int(np.searchsorted(ends_s, rng.random() * ends_s[-1])), _NUM_BEFORE - 1)
    return float(rng.random() * gaps_s[held])


@cache
def _weibull_table() -> tuple[FloatArray, FloatArray]:
    """Ascending log CV, and the log of the shape that has it."""
    logs_k = np.linspace(math.log(200.0), math.log(0.02), 20001)
    logs_cv = [0.5 * math.log(math.expm1(math.lgamma(1 + 2 / k) - 2 * math.lgamma(1 + 1 / k))) for k in np.exp(logs_k)]
    return np.array(logs_cv), logs_k

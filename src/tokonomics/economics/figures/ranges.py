"""The 10-90 % range of a figure that follows from a modelled rate.

A rate is log-normal about its estimate, so what is in proportion to it, or to its inverse, has its ends a factor apart.
What is solved for, such as a break-even, is solved again over the rates between their p10 and p90: these are 80 % of
them, so the least and the most that come out hold 80 % at least, and just that where the figure only falls or rises.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, TypeAlias

from tokonomics.economics.figures.cost_per_token import TokenCost
from tokonomics.economics.figures.explanation import Term, short_number
from tokonomics.physics.uncertainty import Z90

Ends: TypeAlias = tuple[float, float]
"""The p10 and the p90 of a figure, in its unit."""
OpenEnds: TypeAlias = tuple[float, float | None]
"""Ends of which the upper may be None: there is no such figure at the slow end of the rates."""

SOURCE: Final = "spread of the fitted constants and of single measurements; docs/model-cards/calibration.md"
_NUM_RATES: Final = 33


def ends_of(median: float, sd_log: float) -> Ends:
    """The p10 and p90 of a log-normal figure with this median; both are the median where nothing is uncertain.

    >>> low, high = ends_of(100.0, 0.2)
    >>> round(low, 1), round(high, 1), ends_of(100.0, 0.0)
    (77.4, 129.2, (100.0, 100.0))
    """
    ratio = math.exp(Z90 * sd_log)
    return median / ratio, median * ratio


def ends_dict(ends: OpenEnds | None) -> dict[str, float | None] | None:
    """Both ends as a block of a document; None where the figure has no range."""
    return None if ends is None else {"p10": ends[0], "p90": ends[1]}


def cost_ends(cost: TokenCost | None, sd_log: float) -> dict[str, Ends] | None:
    """The ends of each part of what a token costs where the rate is this sure; None where unpriced."""
    if cost is None:
        return None
    parts = ("input_usd_per_mtok", "output_usd_per_mtok", "blended_usd_per_mtok")
    return {part: ends_of(getattr(cost, part), sd_log) for part in parts}


def central_rates(sd_log: float) -> tuple[float, ...]:
    """Rates over their median, evenly from the p10 to the p90 by logarithm, the median among them; slowest first."""
    middle = (_NUM_RATES - 1) // 2
    return tuple(math.exp(Z90 * sd_log * (i - middle) / middle) for i in range(_NUM_RATES))


def hull(values: Iterable[float | None], *, is_endless: bool = False) -> OpenEnds | None:
    """The least and the most of those of `values` that are known; None where none is.

    Where the figure `is_endless`, one that is not known lies beyond all others, and the most is None.

    >>> hull([3.0, 1.0, None]), hull([3.0, 1.0, None], is_endless=True), hull([None])
    ((1.0, 3.0), (1.0, None), None)
    """
    found = tuple(values)
    known = [value for value in found if value is not None]
    if not known:
        return None
    return min(known), None if is_endless and len(known) < len(found) else max(known)


def solved_ends(
    solve: Callable[[float], Mapping[str, float | None]], sd_log: float, *, endless: Collection[str] = ()
) -> dict[str, OpenEnds | None]:
    """The ends of every figure that `solve` finds for a rate, given as a multiple of its median.

    Those named `endless` are never reached where they are None; others are then left out of account.

    >>> {name: (round(ends[0], 2), round(ends[1], 2)) for name, ends in
    ...  solved_ends(lambda ratio: {"cost_usd": 10.0 / ratio}, 0.2).items()}
    {'cost_usd': (7.74, 12.92)}
    """
    rows = [solve(ratio) for ratio in central_rates(sd_log)]
    return {name: hull((row[name] for row in rows), is_endless=name in endless) for name in rows[0]}


def range_term(name: str, median: float, sd_log: float, unit: str) -> Term:
    """The range of a modelled figure as a term of an explanation.

    >>> range_term("throughput", 100.0, 0.2, "tokens/s").value
    '77.4 to 129'
    """
    return Term(f"{name}, 10-90 %", range_words(ends_of(median, sd_log)), unit, "modelled", SOURCE)


def range_words(ends: Ends) -> str:
    """Both ends to three digits, in words."""
    return " to ".join(short_number(_three_digits(end)) for end in ends)


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")

"""How sure build or buy is where the physics gave the rate: break-evens and months over its p10 to p90."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import NormalDist
from typing import Final, TypeAlias

from tokonomics.economics.build_or_buy.break_even import BreakEven, BuildOrBuy, break_even, build_or_buy
from tokonomics.economics.build_or_buy.cost_curve import CostCurve
from tokonomics.economics.figures.ranges import OpenEnds, solved_ends

Ranges: TypeAlias = Mapping[str, OpenEnds | None]
"""Ranges by the names of figures; an upper end of None is a volume that is never reached."""

_OF_A_POINT: Final = (
    "volume_tokens_per_day", "secure_tokens_per_day", "num_replicas", "utilisation_frac", "total_usd_per_month",
    "replica_margin_usd_per_month",
)  # fmt: skip
_ENDLESS: Final = ("volume_tokens_per_day", "secure_tokens_per_day")
_OF_A_ROW: Final = ("build_usd_per_month", "num_replicas", "utilisation_frac")
_MOST_DEVIATIONS: Final = 8.0
_TIE_FRAC: Final = 1e-9
_NUM_HALVINGS: Final = 50
_NORMAL: Final = NormalDist()


def faster(curve: CostCurve, ratio: float) -> CostCurve:
    """The curve of the same hours when a replica does `ratio` times as much.

    >>> own = CostCurve(name="own", replica_usd_per_month=1800, replica_tokens_per_day=1e6)
    >>> faster(own, 2.0).replica_tokens_per_day
    2000000.0
    """
    capacity = curve.replica_tokens_per_day
    return replace(
        curve,
        usd_per_mtok=curve.usd_per_mtok / ratio,
        replica_tokens_per_day=None if capacity is None else capacity * ratio,
    )


def point_ranges(point: BreakEven, sd_log: float) -> Ranges:
    """The ranges of a break-even, solved again at each rate; the volume at its p10 needs the rate at its p90."""

    def solve(ratio: float) -> dict[str, float | None]:
        found = break_even(faster(point.build, ratio), point.buy)
        return {name: getattr(found, name) for name in _OF_A_POINT}

    return solved_ends(solve, sd_log, endless=_ENDLESS)


def row_ranges(row: BuildOrBuy, build: CostCurve, buy: CostCurve, sd_log: float) -> Ranges:
    """The ranges of what building costs, needs and uses at the volume of `row`."""

    def solve(ratio: float) -> dict[str, float | None]:
        (found,) = build_or_buy(faster(build, ratio), buy, [row.volume_tokens_per_day])
        return {name: getattr(found, name) for name in _OF_A_ROW}

    return solved_ends(solve, sd_log)


def winner_probability(row: BuildOrBuy, build: CostCurve, buy: CostCurve, sd_log: float) -> float | None:
    """The chance that the winner of `row` costs less, by what the rate of a replica may be; None for a tie."""
    if row.saving_usd_per_month <= _TIE_FRAC * row.buy_usd_per_month:
        return None

    def build_wins(deviations: float) -> bool:
        own = faster(build, math.exp(deviations * sd_log))
        (found,) = build_or_buy(own, buy, [row.volume_tokens_per_day])
        return found.build_usd_per_month < found.buy_usd_per_month

    chance = 1.0 - _NORMAL.cdf(_threshold(build_wins))
    return chance if row.winner == build.name else 1.0 - chance


def _threshold(holds: Callable[[float], bool]) -> float:
    """The number of deviations from which `holds` is true and stays so; infinite where it is always or never."""
    low, high = -_MOST_DEVIATIONS, _MOST_DEVIATIONS
    if holds(low):
        return -math.inf
    if not holds(high):
        return math.inf
    for _ in range(_NUM_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high

"""Bands of a batch sweep by how much more of it pays, derived from its elasticity.

Elasticity is d ln(throughput) / d ln(batch): 1 where a doubled batch doubles the throughput for nothing, 0 where it
buys none. The names of the bands follow from it by thresholds in `data/stack_assumptions.csv`, never from the batch
itself: they mean the same for every model and accelerator.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.serving.stack_assumptions import assumed_figures

FREE_LUNCH, GOOD_SCALING, SLOWING, PLATEAU = "free lunch", "good scaling", "slowing", "plateau"
_BY_THRESHOLD = (
    (FREE_LUNCH, "free_lunch_exponent"),
    (GOOD_SCALING, "good_scaling_exponent"),
    (SLOWING, "slowing_exponent"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """Batches over which more of them pays alike. `throughput_exponent` is the elasticity from end to end."""

    name: str
    low_batch: int
    high_batch: int
    throughput_exponent: float


def regime_name(throughput_exponent: float, thresholds: Mapping[str, float] | None = None) -> str:
    """The band that an elasticity belongs to.

    >>> regime_name(0.95), regime_name(0.2)
    ('free lunch', 'plateau')
    """
    limits = thresholds or assumed_figures("regimes")
    return next((name for name, limit in _BY_THRESHOLD if throughput_exponent >= limits[limit]), PLATEAU)


def regime_bands(
    batches: Sequence[float], tokens_per_s: Sequence[float], thresholds: Mapping[str, float] | None = None
) -> tuple[Band, ...]:
    """Merge neighbouring intervals of a sweep whose elasticity has the same name; a mixture may have one name twice.

    Raises: InputError where batches do not rise, or a rate is not above 0.

    >>> rates = [34, 128, 480, 880, 1520, 2100, 2450]   # the article, section 5
    >>> [(band.name, band.low_batch, band.high_batch) for band in regime_bands([1, 4, 16, 32, 64, 128, 256], rates)]
    [('free lunch', 1, 16), ('good scaling', 16, 64), ('slowing', 64, 128), ('plateau', 128, 256)]
    """
    checks = Checks().that(len(batches) == len(tokens_per_s), "batches and rates differ in number; give one each")
    checks.that(all(a < b for a, b in pairwise(batches)), "batches must rise; sort them and keep each once")
    checks.positive(**{f"tokens_per_s at batch {batch:g}": rate for batch, rate in zip(batches, tokens_per_s)}).done()
    thresholds = thresholds or assumed_figures("regimes")
    points = list(zip(batches, tokens_per_s, strict=True))
    spans = [(low, high, regime_name(_exponent(low, high), thresholds)) for low, high in pairwise(points)]
    return tuple(_band(name, list(run)) for name, run in groupby(spans, key=lambda span: span[2]))


def diminishing_batch(bands: Sequence[Band]) -> int | None:
    """The batch from which more buys next to nothing: where the last band begins, if it is a plateau; else None."""
    return bands[-1].low_batch if bands and bands[-1].name == PLATEAU else None


def _exponent(low: tuple[float, float], high: tuple[float, float]) -> float:
    return math.log(high[1] / low[1]) / math.log(high[0] / low[0])


def _band(name: str, spans: list[tuple[tuple[float, float], tuple[float, float], str]]) -> Band:
    low, high = spans[0][0], spans[-1][1]
    return Band(name=name, low_batch=round(low[0]), high_batch=round(high[0]), throughput_exponent=_exponent(low, high))

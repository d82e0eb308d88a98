"""Samples of lengths without a random generator: quantiles of a distribution, paired by a fixed shuffle.

The same preset gives the same sample on every machine, and its mean is the mean that was asked for.
"""

import math
from statistics import NormalDist
from typing import Final

import numpy as np

from tokonomics.errors import InputError
from tokonomics.workload.arrivals import FloatArray

NUM_LENGTHS: Final = 2048

_STEPS = (
    0.5 * (math.sqrt(5.0) - 1.0),
    math.sqrt(2.0) - 1.0,
    math.sqrt(3.0) - 1.0,
    math.sqrt(7.0) - 2.0,
    math.sqrt(11.0) - 3.0,
)
_NUM_BISECTIONS = 40
_SIGMAS = [0.1 * i for i in range(41)]


def skewed_tokens(
    mean_tokens: float, median_tokens: float | None, most_tokens: float = math.inf, num: int = NUM_LENGTHS
) -> FloatArray:
    """Ascending lognormal lengths with this mean and median, in whole tokens from 1 to `most_tokens`.

    sigma solves mean(clip(median x exp(sigma z), 1, most)) = mean over the sample itself, near to
    sqrt(2 ln(mean / median)). A mean below the median takes the mirror image under `most_tokens`, which such a
    shape needs. Without a median every length is the mean: shape (1,).
    Raises:    InputError when no such shape exists.

    >>> skewed_tokens(200.0, 120.0).mean().round()
    np.float64(200.0)
    """
    if median_tokens is None:
        return np.array([mean_tokens])
    if mean_tokens >= median_tokens:
        return _rising(mean_tokens, median_tokens, most_tokens, num)
    if not math.isfinite(most_tokens):
        raise InputError(
            f"mean={mean_tokens:g} tokens; limit=the median of {median_tokens:g} or more; "
            "give the maximum length for a shape with a tail towards short requests"
        )
    mirrored = _rising(most_tokens - mean_tokens, most_tokens - median_tokens, most_tokens - 1.0, num)
    return most_tokens - mirrored[::-1]


def histogram_tokens(low: FloatArray, high: FloatArray, weight: FloatArray, num: int = NUM_LENGTHS) -> FloatArray:
    """Ascending whole lengths spread over the bins [low, high) in proportion to their weights.

    >>> histogram_tokens(np.array([1.0, 4.0]), np.array([2.0, 8.0]), np.array([1.0, 1.0]), num=8).tolist()
    [1.0, 1.0, 1.0, 1.0, 4.0, 5.0, 6.0, 7.0]
    """
    order = np.argsort(low, kind="stable")
    ends = np.cumsum(weight[order])
    targets = (np.arange(num) + 0.5) / num * ends[-1]
    held = np.minimum(np.searchsorted(ends, targets), ends.size - 1)
    bins = order[held]
    within = 1.0 - (ends[held] - targets) / weight[bins]
    widths = high[bins] - low[bins]
    return np.asarray(np.floor(low[bins] + np.clip(within, 0.0, 1.0 - 1e-9) * widths))


def shuffled(sample: FloatArray, stream: int) -> FloatArray:
    """`sample` in a fixed order that is uncorrelated between streams 0 to 4 (ranks of a Kronecker sequence)."""
    keys = np.modf(np.arange(1, sample.size + 1) * _STEPS[stream])[0]
    return sample[np.argsort(np.argsort(keys))]


def _rising(mean: float, median: float, most: float, num: int) -> FloatArray:
    """Lognormal lengths clipped to [1, most]; the smallest sigma of the grid that reaches the mean is refined."""
    normal = NormalDist()
    z = np.array([normal.inv_cdf((i + 0.5) / num) for i in range(num)])

    def lengths(sigma: float) -> FloatArray:
        return np.asarray(np.clip(np.rint(median * np.exp(sigma * z)), 1.0, most))

    high = next((sigma for sigma in _SIGMAS if lengths(sigma).mean() >= mean), None)
    if high is None:
        shape = f"mean={mean:g} and median={median:g} tokens under a maximum of {most:g}"
        raise InputError(f"{shape} fit no lognormal; limit=sigma of {_SIGMAS[-1]:g}; raise the maximum")
    low = max(high - _SIGMAS[1], 0.0)
    for _ in range(_NUM_BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if lengths(middle).mean() < mean else (low, middle)
    return lengths(high)

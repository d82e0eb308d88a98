"""The percentile of a sample for commands that start fast: NumPy's own loads its masked arrays first, 20 ms."""

import math

import numpy as np
from numpy.typing import NDArray


def percentile_value(sample: NDArray[np.float64], percentile: float) -> float:
    """The `percentile` (0 to 100) of `sample`, between neighbours by a straight line; that of NumPy, to the bit.

    In the unit of the sample, which needs one value at least and no NaN.

    >>> percentile_value(np.array([4.0, 1.0, 2.0]), 75.0)
    3.0
    """
    place = (percentile / 100.0) * (sample.size - 1)
    below = math.floor(place)
    above, part = min(below + 1, sample.size - 1), place - below
    ordered = np.partition(sample, (below, above))
    low, high = float(ordered[below]), float(ordered[above])
    step = high - low
    return high - step * (1.0 - part) if part >= 0.5 else low + step * part

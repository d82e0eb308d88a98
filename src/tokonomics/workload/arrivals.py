"""When requests arrive: rates over windows, the peak, and how bursty the gaps are. All times in seconds."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

PEAK_WINDOW_S: Final = 60.0
MAX_SPAN_S: Final = 10 * 365 * 86400.0
_QUANTISED_FRAC = 0.5


def mean_rate_requests_per_s(arrivals_s: FloatArray) -> float | None:
    """Requests per second between the first and the last of the sorted arrivals; None when no time passes.

    n requests bound n - 1 gaps, so this is one over the mean gap.

    >>> mean_rate_requests_per_s(np.array([0.0, 1.0, 2.0]))
    1.0
    """
    span_s = float(arrivals_s[-1] - arrivals_s[0]) if arrivals_s.size else 0.0
    return (arrivals_s.size - 1) / span_s if span_s > 0.0 else None


def window_rates_requests_per_s(arrivals_s: FloatArray, window_s: float = PEAK_WINDOW_S) -> FloatArray:
    """Rate in every whole window from the first arrival on; the incomplete last window is left out.

    Returns:   requests/s, shape (windows,); empty when the arrivals span less than one window.

    >>> window_rates_requests_per_s(np.array([0.0, 1.0, 59.0, 60.0, 130.0])).tolist()
    [0.05, 0.016666666666666666]
    """
    if not arrivals_s.size:
        return np.empty(0)
    since_s = arrivals_s - arrivals_s[0]
    num_windows = int(since_s[-1] // window_s)
    if num_windows == 0:
        return np.empty(0)
    counts = np.bincount((since_s // window_s).astype(np.int64), minlength=num_windows)[:num_windows]
    return np.asarray(counts / window_s, dtype=np.float64)


def gap_cv(arrivals_s: FloatArray) -> float | None:
    """Coefficient of variation of the gaps between sorted arrivals: 0 like a clock, 1 like Poisson.

    None with fewer than two gaps, or when no time passes.

    >>> gap_cv(np.array([0.0, 1.0, 2.0, 3.0]))
    0.0
    """
    gaps_s = np.diff(arrivals_s)
    if gaps_s.size < 2 or gaps_s.sum() <= 0.0:
        return None
    return float(gaps_s.std() / gaps_s.mean())


def are_quantised(arrivals_s: FloatArray) -> bool:
    """Whether most gaps are exactly zero, as under a rounded clock: the gaps then say nothing of burstiness."""
    return zero_gap_frac(arrivals_s) > _QUANTISED_FRAC


def zero_gap_frac(arrivals_s: FloatArray) -> float:
    """Share of gaps that are exactly zero: high where the source rounds its clock.

    >>> zero_gap_frac(np.array([0.0, 0.0, 0.0, 3.0, 3.0]))
    0.75
    """
    gaps_s = np.diff(arrivals_s)
    return float(np.mean(gaps_s == 0.0)) if gaps_s.size else 0.0

"""The load-duration curve: for how much of the time demand exceeds a level.

Demand is sampled in tokens per second over windows, of equal length unless weights say otherwise. What a
capacity c serves is the mean of min(demand, c); what it leaves over is the mean of max(demand - c, 0).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokonomics.economics.figures.checks import Checks
from tokonomics.errors import InputError
from tokonomics.units import SECONDS_PER_DAY

MAX_SAMPLES = 50_000_000
HOURS_PER_DAY = 24.0

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LoadDuration:
    """Demand sorted from low to high, with the share of time each level lasts; both of shape (samples,).

    `time_below_frac` and `work_below_tokens_per_s` are sums from the low end, of shape (samples + 1,).
    """

    demand_tokens_per_s: Array
    weight_frac: Array
    time_below_frac: Array = field(repr=False)
    work_below_tokens_per_s: Array = field(repr=False)

    @property
    def mean_tokens_per_s(self) -> float:
        """Mean demand."""
        return float(self.work_below_tokens_per_s[-1])

    @property
    def peak_tokens_per_s(self) -> float:
        """The largest demand of any window."""
        return float(self.demand_tokens_per_s[-1])


@dataclass(frozen=True, kw_only=True, slots=True)
class CapacitySplit:
    """What a capacity serves and what it leaves over.

    `exceeded_frac` is the share of time in which demand exceeds it; `utilisation_frac` is None for no
    capacity.
    """

    capacity_tokens_per_s: float
    served_tokens_per_s: float
    overflow_tokens_per_s: float
    served_frac: float
    overflow_frac: float
    utilisation_frac: float | None
    exceeded_frac: float


def load_duration(demand_tokens_per_s: ArrayLike, *, weights: ArrayLike | None = None) -> LoadDuration:
    """Sort sampled demand (tokens/s, shape (samples,)) into a load-duration curve.

    Raises: InputError for no samples, too many, a negative or non-finite one, or demand that is zero
    throughout.

    >>> load_duration([1.0, 3.0]).mean_tokens_per_s
    2.0
    """
    demand = _as_vector("demand_tokens_per_s", demand_tokens_per_s)
    shares = np.ones_like(demand) if weights is None else _as_vector("weights", weights)
    if shares.shape != demand.shape or not shares.sum() > 0:
        raise InputError(f"weights have {shares.size} entries for {demand.size} samples, or sum to 0; give one each")
    shares = shares / shares.sum()
    if not demand @ shares > 0:
        raise InputError("demand_tokens_per_s is 0 throughout; give at least one window with traffic")
    order = np.argsort(demand, kind="stable")
    demand, shares = demand[order], shares[order]
    return LoadDuration(
        demand_tokens_per_s=demand,
        weight_frac=shares,
        time_below_frac=_running_sum(shares),
        work_below_tokens_per_s=_running_sum(shares * demand),
    )


def steady_and_peak(*, steady_tokens_per_day: float, peak_tokens_per_day: float, peak_hours: float) -> LoadDuration:
    """Two levels: a steady rate, and a peak rate for `peak_hours` of every day. Both are rates, not day totals."""
    checks = Checks().non_negative(steady_tokens_per_day=steady_tokens_per_day, peak_hours=peak_hours)
    checks.positive(peak_tokens_per_day=peak_tokens_per_day)
    checks.that(not peak_hours > HOURS_PER_DAY, f"peak_hours={peak_hours:g}; a day has 24")
    checks.that(
        not peak_tokens_per_day < steady_tokens_per_day,
        f"peak_tokens_per_day={peak_tokens_per_day:g} is below steady_tokens_per_day; swap them",
    ).done()
    rates = np.array([steady_tokens_per_day, peak_tokens_per_day]) / SECONDS_PER_DAY
    return load_duration(rates, weights=[HOURS_PER_DAY - peak_hours, peak_hours])


def capacity_split(load: LoadDuration, *, capacity_tokens_per_s: float) -> CapacitySplit:
    """What a capacity serves of the load, what overflows, and how busy it is."""
    Checks().non_negative(capacity_tokens_per_s=capacity_tokens_per_s).done()
    below = int(np.searchsorted(load.demand_tokens_per_s, capacity_tokens_per_s, side="right"))
    exceeded = max(0.0, 1.0 - float(load.time_below_frac[below])) if below < load.demand_tokens_per_s.size else 0.0
    mean = load.mean_tokens_per_s
    served = min(mean, float(load.work_below_tokens_per_s[below]) + capacity_tokens_per_s * exceeded)
    return CapacitySplit(
        capacity_tokens_per_s=capacity_tokens_per_s,
        served_tokens_per_s=served,
        overflow_tokens_per_s=mean - served,
        served_frac=served / mean,
        overflow_frac=1.0 - served / mean,
        utilisation_frac=served / capacity_tokens_per_s if capacity_tokens_per_s else None,
        exceeded_frac=exceeded,
    )


def exceeded_level_tokens_per_s(load: LoadDuration, *, exceeded_frac: float) -> float:
    """The smallest level that demand exceeds for at most `exceeded_frac` of the time; 0 where that is always so."""
    Checks().fraction(exceeded_frac=exceeded_frac).done()
    if 1.0 - float(load.time_below_frac[np.searchsorted(load.demand_tokens_per_s, 0.0, side="right")]) <= exceeded_frac:
        return 0.0
    index = int(np.searchsorted(load.time_below_frac[1:], 1.0 - exceeded_frac - 1e-12))
    return float(load.demand_tokens_per_s[min(index, load.demand_tokens_per_s.size - 1)])


def capacity_for_share_tokens_per_s(load: LoadDuration, *, served_frac: float) -> float:
    """The capacity that serves `served_frac` of all tokens in-house, by inversion of the curve."""
    Checks().fraction(served_frac=served_frac).done()
    levels = np.concatenate(([0.0], load.demand_tokens_per_s))
    time_left = 1.0 - load.time_below_frac
    served = load.work_below_tokens_per_s + levels * time_left
    return float(np.interp(served_frac * load.mean_tokens_per_s, served, levels))


def _as_vector(name: str, values: ArrayLike) -> Array:
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1 or not 0 < vector.size <= MAX_SAMPLES:
        raise InputError(f"{name} has shape {vector.shape}; give 1 to {MAX_SAMPLES:,} samples in one row")
    if not np.all(np.isfinite(vector)) or vector.min() < 0:
        raise InputError(f"{name} holds a negative or non-finite sample; remove or repair it")
    return vector


def _running_sum(values: Array) -> Array:
    return np.concatenate(([0.0], np.cumsum(values)))

"""The load of a month in buckets: hours of the week where the record is long enough to know them, else levels of load.

Replicas can follow the hours of a week. They cannot follow minutes, so under levels a fleet stands as it is, and only a
hosted model takes what exceeds it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.simulation.proof_traffic import follows_hours
from tokonomics.units import HOURS_PER_MONTH, HOURS_PER_WEEK, SECONDS_PER_HOUR
from tokonomics.workload.traffic import Traffic

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NUM_LEVELS: Final = 12
_HOURS_PER_DAY: Final = 24


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Buckets:
    """Buckets of load, from the quietest to the busiest; arrays of shape (buckets,).

    hours: of a month of 730.  requests_per_s: the rate to size for, that of the busiest window of the bucket's hours or
    windows.  mean_requests_per_s: what is asked on average.  bucket_of_hour: (168,) index of the bucket of each hour of
    the week, None where buckets are levels that no fleet can follow.  source: how they were made.
    """

    hours: Floats
    requests_per_s: Floats
    mean_requests_per_s: Floats
    bucket_of_hour: Ints | None
    source: str

    @property
    def can_follow(self) -> bool:
        """Whether replicas can come and go with the buckets."""
        return self.bucket_of_hour is not None

    @property
    def sizing_ratio(self) -> float:
        """Requests of a month that are asked, over those that the sizing rates would ask."""
        return float((self.hours @ self.mean_requests_per_s) / (self.hours @ self.requests_per_s))


def buckets_of(traffic: Traffic) -> Buckets:
    """The buckets of `traffic`; its mean rate is kept exactly, and so is its peak."""
    series, window_s = traffic.rate_series_requests_per_s, traffic.window_s
    if series is None or window_s is None or series.size < 2:
        return _one_bucket(traffic)
    if follows_hours(traffic):
        return _weekly(traffic, series, window_s)
    return _levels(traffic, series)


def _one_bucket(traffic: Traffic) -> Buckets:
    return Buckets(
        hours=np.array([HOURS_PER_MONTH]),
        requests_per_s=np.array([traffic.peak_requests_per_s]),
        mean_requests_per_s=np.array([traffic.requests_per_s]),
        bucket_of_hour=None,
        source="the mean and the peak rate are all that is known, so the fleet stands for the peak",
    )


def _levels(traffic: Traffic, series: Floats) -> Buckets:
    """Windows sorted by rate, in groups of equal number; the busiest stands alone, so that the peak is kept."""
    ordered = np.sort(series)
    groups = [*np.array_split(ordered[:-1], min(NUM_LEVELS - 1, ordered.size - 1)), ordered[-1:]]
    share = np.array([one.size for one in groups]) / ordered.size
    mean = np.array([one.mean() for one in groups])
    mean *= traffic.requests_per_s / float(share @ mean)
    sizing = mean.copy()
    sizing[-1] = max(traffic.peak_requests_per_s, float(sizing.max()))
    return Buckets(
        hours=share * HOURS_PER_MONTH,
        requests_per_s=sizing,
        mean_requests_per_s=mean,
        bucket_of_hour=None,
        source=f"{len(groups)} levels of {series.size} windows of {traffic.window_s:g} s; no fleet can follow them",
    )


def _weekly(traffic: Traffic, series: Floats, window_s: float) -> Buckets:
    """Hours of the week (of the day, in a record shorter than a week) grouped by the busiest window of each."""
    hour = (np.arange(series.size) * window_s // SECONDS_PER_HOUR).astype(np.int64)
    period = HOURS_PER_WEEK if hour[-1] + 1 >= HOURS_PER_WEEK else _HOURS_PER_DAY
    slot = hour % period
    peak, total, count = np.zeros(period), np.zeros(period), np.zeros(period)
    np.maximum.at(peak, slot, series)
    np.add.at(total, slot, series)
    np.add.at(count, slot, 1.0)
    mean = total / np.maximum(count, 1.0)
    groups = np.array_split(np.argsort(peak, kind="stable"), min(NUM_LEVELS, period))
    bucket = np.empty(period, dtype=np.int64)
    for index, members in enumerate(groups):
        bucket[members] = index
    share = np.array([one.size for one in groups]) / period
    means = np.array([mean[one].mean() for one in groups])
    scale = traffic.requests_per_s / float(share @ means)
    sizing = np.maximum([peak[one].max() for one in groups], means * scale)
    sizing[-1] = max(sizing[-1], traffic.peak_requests_per_s)
    return Buckets(
        hours=share * HOURS_PER_MONTH,
        requests_per_s=sizing,
        mean_requests_per_s=means * scale,
        bucket_of_hour=np.resize(bucket, HOURS_PER_WEEK),
        source=f"{period} hours of the {'week' if period == HOURS_PER_WEEK else 'day'} in {len(groups)} groups by their"
        f" busiest {window_s:g} s; the record is taken to begin on Monday at 00:00",
    )

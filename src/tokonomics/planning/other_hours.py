"""The hours in which machines run that the busiest stretch never saw, such as a fleet for the night: replayed too."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tokonomics.planning.draft import Draft, Purchase
from tokonomics.planning.unplayed import played_hours, unplayed
from tokonomics.simulation.proof_traffic import ProofTraffic, follows_hours, made_traffic
from tokonomics.units import HOURS_PER_WEEK, SECONDS_PER_HOUR
from tokonomics.workload.traffic import Traffic

Floats = NDArray[np.float64]


def other_hours(draft: Draft, traffic: Traffic, played: ProofTraffic, *, seed: int) -> tuple[ProofTraffic, ...]:
    """An hour for each purchase that `played` never saw: the busiest of those that it runs in, its requests made up.

    An hour that serves several is replayed once. None where fleets stand as they are.
    """
    missing = list(unplayed(draft, played))
    found: list[ProofTraffic] = []
    while missing and follows_hours(traffic):
        hour = _busiest_hour(traffic, _runs_in(missing[0], draft))
        if hour is None:
            break
        found.append(_hour(traffic, hour, np.random.default_rng([seed, hour])))
        missing = [one for one in missing if not _runs_in(one, draft)[played_hours(found[-1])].any()]
    return tuple(found)


def hour_of_week(traffic: ProofTraffic) -> int:
    """The hour of the week in which `traffic` begins, Monday at 00:00 being 0."""
    return int(traffic.begin_s // SECONDS_PER_HOUR) % HOURS_PER_WEEK


def _runs_in(purchase: Purchase, draft: Draft) -> NDArray[np.bool_]:
    """Whether replicas run in each hour of the week, shape (168,)."""
    assert draft.buckets.bucket_of_hour is not None
    return np.asarray(purchase.num_replicas[draft.buckets.bucket_of_hour] > 0)


def _busiest_hour(traffic: Traffic, runs: NDArray[np.bool_]) -> int | None:
    """The hour of the record with most requests, of the hours of the week that `runs` says; None where none has any."""
    rates = _hourly(traffic)
    asked = np.where(np.resize(runs, rates.size), rates, 0.0)
    return int(np.argmax(asked)) if asked.any() else None


def _hourly(traffic: Traffic) -> Floats:
    """Mean rate of each hour of the record, requests/s."""
    series, window_s = _series(traffic)
    hour = (np.arange(series.size) * window_s // SECONDS_PER_HOUR).astype(np.int64)
    return np.asarray(np.bincount(hour, weights=series) / np.bincount(hour))


def _hour(traffic: Traffic, hour: int, rng: np.random.Generator) -> ProofTraffic:
    series, window_s = _series(traffic)
    begin_s = hour * SECONDS_PER_HOUR
    kept = series[int(begin_s // window_s) : int((begin_s + SECONDS_PER_HOUR) // window_s)]
    mean = float(kept.mean())
    stretch = replace(
        traffic,
        requests_per_s=mean,
        peak_requests_per_s=max(float(kept.max()), mean),
        rate_series_requests_per_s=kept,
    )
    made = made_traffic(stretch, rng, span_s=SECONDS_PER_HOUR)
    return replace(made, begin_s=begin_s + made.begin_s)


def _series(traffic: Traffic) -> tuple[Floats, float]:
    assert traffic.rate_series_requests_per_s is not None
    assert traffic.window_s is not None
    return traffic.rate_series_requests_per_s, traffic.window_s

"""What a replay covers: long enough at any rate, and honest about what runs only in other hours."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from tokonomics.planning.buckets import Buckets
from tokonomics.planning.other_hours import hour_of_week, other_hours
from tokonomics.planning.unplayed import played_hours, unplayed
from tokonomics.simulation.proof_traffic import made_traffic, recorded_traffic
from tokonomics.workload.trace import Trace
from tokonomics.workload.traffic import traffic_from_rate

HOUR_S = 3600.0


@dataclass(frozen=True)
class Item:
    name: str


@dataclass(frozen=True)
class Bought:
    item: Item
    num_replicas: np.ndarray


@dataclass(frozen=True)
class Drafted:
    buckets: Buckets
    purchases: tuple = ()


@dataclass(frozen=True)
class Arrived:
    arrival_s: np.ndarray


@dataclass(frozen=True)
class Played:
    begin_s: float
    requests: Arrived = field(default_factory=lambda: Arrived(np.array([0.0, 2.5 * HOUR_S])))


def buckets(bucket_of_hour):
    return Buckets(
        hours=np.array([365.0, 365.0]),
        requests_per_s=np.array([1.0, 9.0]),
        mean_requests_per_s=np.array([1.0, 9.0]),
        bucket_of_hour=bucket_of_hour,
        source="made",
    )


DAY = np.resize(np.where(np.arange(24) < 8, 0, 1), 168)
"""Nights of eight hours are bucket 0, the rest bucket 1."""
NIGHT, ALWAYS = Bought(Item("night"), np.array([2, 0])), Bought(Item("always"), np.array([1, 3]))


class TestUnplayed:
    def test_a_night_fleet_is_named_where_only_a_day_was_replayed(self):
        draft = Drafted(buckets(DAY), (NIGHT, ALWAYS))
        assert unplayed(draft, Played(begin_s=10 * HOUR_S)) == (NIGHT,)

    def test_a_stretch_that_reaches_the_night_saw_it(self):
        draft = Drafted(buckets(DAY), (NIGHT, ALWAYS))
        assert unplayed(draft, Played(begin_s=22 * HOUR_S)) == ()

    def test_a_fleet_that_stands_is_always_seen(self):
        assert unplayed(Drafted(buckets(None), (NIGHT,)), Played(begin_s=0.0)) == ()

    def test_the_hours_of_a_stretch_go_round_the_week(self):
        assert played_hours(Played(begin_s=167 * HOUR_S)).tolist() == [0, 1, 167]

    def test_more_than_a_week_is_every_hour(self):
        long = Played(begin_s=0.0, requests=Arrived(np.array([0.0, 500 * HOUR_S])))
        assert played_hours(long).size == 168


def weekly(days=7):
    """Nights at 2 requests/s, whose busiest hour is the third of the second day, and days at 20."""
    series = np.where(np.arange(24 * days) % 24 < 8, 2.0, 20.0)
    series[26] = 3.0
    base = traffic_from_rate(float(series.mean()), 100, 20)
    return replace(base, peak_requests_per_s=20.0, rate_series_requests_per_s=series, window_s=HOUR_S)


class TestOtherHours:
    def test_the_busiest_hour_of_a_night_fleet_is_replayed(self):
        draft, day = Drafted(buckets(DAY), (NIGHT, ALWAYS)), Played(begin_s=10 * HOUR_S)
        (found,) = other_hours(draft, weekly(), day, seed=0)
        assert hour_of_week(found) == 26
        assert found.requests.num_requests == pytest.approx(3.0 * 3600, rel=0.1)
        assert found.requests.arrival_s[-1] <= HOUR_S
        assert unplayed(draft, found) == ()

    def test_nothing_is_replayed_twice(self):
        draft, day = Drafted(buckets(DAY), (NIGHT, ALWAYS)), Played(begin_s=22 * HOUR_S)
        assert other_hours(draft, weekly(), day, seed=0) == ()
        assert other_hours(Drafted(buckets(None), (NIGHT,)), weekly(), day, seed=0) == ()

    def test_two_fleets_of_one_hour_share_it_and_the_seed_fixes_it(self):
        twin = Bought(Item("twin"), np.array([1, 0]))
        draft, day = Drafted(buckets(DAY), (NIGHT, twin)), Played(begin_s=10 * HOUR_S)
        (one,), (again,) = (other_hours(draft, weekly(2), day, seed=5) for _ in range(2))
        assert np.array_equal(one.requests.arrival_s, again.requests.arrival_s)

    def test_a_night_without_requests_has_nothing_to_replay(self):
        series = np.where(np.arange(48) % 24 < 8, 0.0, 20.0)
        calm = replace(weekly(2), rate_series_requests_per_s=series)
        assert other_hours(Drafted(buckets(DAY), (NIGHT,)), calm, Played(begin_s=10 * HOUR_S), seed=0) == ()


class TestSpan:
    @pytest.mark.parametrize(("rate", "least_s"), [(1.0, 3600.0), (50.0, 2400.0), (5000.0, 59.0)])
    def test_made_requests_last_a_minute_at_any_rate(self, rate, least_s):
        made = made_traffic(traffic_from_rate(rate, 100, 20), np.random.default_rng(0))
        assert made.requests.arrival_s[-1] >= least_s * 0.97

    def test_a_busy_record_is_cut_to_a_minute_and_a_calm_one_to_a_number(self):
        for rate, expected in ((5000.0, 300_000), (100.0, 120_000)):
            num = 400_000
            trace = Trace(
                name="made",
                format="csv",
                arrivals_s=np.arange(num) / rate,
                input_tokens=np.full(num, 10.0),
                output_tokens=np.full(num, 2.0),
            )
            found = recorded_traffic(trace, cached_input_frac=0.0)
            assert found.requests.num_requests == pytest.approx(expected, rel=1e-3)
            assert f"{found.requests.num_requests:,}" in found.window

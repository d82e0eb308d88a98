"""Buckets keep the mean and the peak of a load, and cover the month."""

from dataclasses import replace

import numpy as np
import pytest

from tokonomics.planning.buckets import NUM_LEVELS, buckets_of
from tokonomics.simulation.proof_traffic import MOST_AT_ALL, MOST_REQUESTS, made_traffic, recorded_traffic, with_shape
from tokonomics.units import HOURS_PER_MONTH, HOURS_PER_WEEK
from tokonomics.workload.trace import Trace
from tokonomics.workload.traffic import traffic_from_rate

FLAT = traffic_from_rate(10.0, 1000.0, 200.0)
RNG = np.random.default_rng(3)


def with_series(series, window_s):
    series = np.asarray(series, dtype=float)
    return replace(
        FLAT,
        requests_per_s=float(series.mean()),
        peak_requests_per_s=float(series.max()),
        rate_series_requests_per_s=series,
        window_s=window_s,
    )


def daily(num_hours, window_s=600.0):
    hours = np.arange(num_hours * 3600 / window_s) * window_s / 3600
    return with_series(10.0 + 8.0 * np.sin(2 * np.pi * hours / 24.0) + RNG.random(hours.size), window_s)


@pytest.mark.parametrize(
    "traffic",
    [FLAT, replace(FLAT, peak_requests_per_s=25.0), with_series(RNG.random(58) + 1, 60.0), daily(48), daily(400)],
)
def test_mean_peak_and_hours_are_kept(traffic):
    found = buckets_of(traffic)
    assert found.hours.sum() == pytest.approx(HOURS_PER_MONTH)
    assert found.hours @ found.mean_requests_per_s / HOURS_PER_MONTH == pytest.approx(traffic.requests_per_s)
    assert found.requests_per_s.max() == pytest.approx(traffic.peak_requests_per_s)
    assert np.all(found.requests_per_s >= found.mean_requests_per_s * (1 - 1e-9))
    assert np.all(np.diff(found.requests_per_s) >= -1e-9)
    assert 0.0 < found.sizing_ratio <= 1.0 + 1e-12


def test_minutes_are_levels_that_no_fleet_follows():
    found = buckets_of(with_series(RNG.random(58) + 1, 60.0))
    assert not found.can_follow
    assert found.hours.size == NUM_LEVELS
    assert found.hours[-1] == pytest.approx(HOURS_PER_MONTH / 58)


def test_a_day_or_a_week_is_followed_by_the_hour():
    day, week = buckets_of(daily(48)), buckets_of(daily(24 * 14))
    assert day.can_follow
    assert week.can_follow
    assert day.bucket_of_hour.shape == (HOURS_PER_WEEK,)
    assert np.array_equal(day.bucket_of_hour[:24], day.bucket_of_hour[24:48])
    quiet, busy = week.bucket_of_hour[18], week.bucket_of_hour[6]
    assert week.requests_per_s[quiet] < week.requests_per_s[busy]


def test_a_peak_without_a_record_gets_a_tenth_of_an_hour():
    shaped = with_shape(replace(FLAT, peak_requests_per_s=25.0))
    series = shaped.rate_series_requests_per_s
    assert series.mean() == pytest.approx(10.0)
    assert (series == 25.0).mean() == pytest.approx(0.1)
    assert with_shape(FLAT) is FLAT


def test_a_peak_far_above_the_mean_still_keeps_the_mean():
    series = with_shape(replace(FLAT, peak_requests_per_s=200.0)).rate_series_requests_per_s
    assert series.min() >= 0.0
    assert series.mean() == pytest.approx(10.0, rel=0.5)


def test_a_short_record_is_played_again_and_a_long_one_cut_to_its_busiest_stretch():
    arrivals_s = np.sort(RNG.random(500) * 100.0)
    short = Trace(
        name="t", format="x", input_tokens=np.full(500, 10.0), output_tokens=np.full(500, 5.0), arrivals_s=arrivals_s
    )
    found = recorded_traffic(short, cached_input_frac=0.0)
    assert found.requests.arrival_s[-1] >= 800.0
    assert "played" in found.window
    num = MOST_REQUESTS + 50_000
    gaps_s = np.where(np.arange(num) < 40_000, 0.2, 0.1)
    tokens = np.full(num, 10.0)
    long = Trace(name="t", format="x", input_tokens=tokens, output_tokens=tokens, arrivals_s=np.cumsum(gaps_s) - 0.2)
    cut = recorded_traffic(long, cached_input_frac=0.0)
    assert cut.requests.num_requests == MOST_REQUESTS
    assert cut.begin_s >= 39_999 * 0.2 - 0.3
    assert cut.requests.arrival_s[-1] == pytest.approx(0.1 * (MOST_REQUESTS - 1))


def test_what_is_made_up_is_the_busiest_stretch():
    traffic = daily(48).scaled_to(1.0)
    made = made_traffic(traffic, np.random.default_rng(0))
    rate = made.requests.num_requests / 21600.0
    assert rate == pytest.approx(np.sort(traffic.rate_series_requests_per_s)[-36:].mean(), rel=0.1)
    assert made.begin_s / 3600 % 24 == pytest.approx(3.0, abs=1.5)


def test_what_is_made_up_is_bounded_at_any_rate():
    for rate, most in ((0.001, MOST_REQUESTS), (1.0, MOST_REQUESTS), (1e4, MOST_AT_ALL), (1e5, MOST_AT_ALL)):
        made = made_traffic(replace(FLAT, requests_per_s=rate, peak_requests_per_s=rate), np.random.default_rng(0))
        assert 1 <= made.requests.num_requests <= 1.1 * most

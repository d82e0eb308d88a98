"""Laws of a plan's parts, on drawn inputs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.errors import InputError
from tokonomics.planning.buckets import buckets_of
from tokonomics.policy.backend import FleetBackend, ReplicaHour, replicas_at
from tokonomics.policy.plan_file import parse_plan, plan_from_mapping
from tokonomics.simulation.proof_traffic import MOST_REQUESTS, made_traffic, with_shape
from tokonomics.units import HOURS_PER_MONTH
from tokonomics.workload.traffic import traffic_from_rate

RATES = st.lists(st.floats(0.01, 1000.0), min_size=2, max_size=400)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["schema", "family", "policy", "expected", "traffic", "fleets", "apis", "slo", "reasons", "planned_on",
     "catalogue_snapshot", "catalogue_digest", "seed", "tokonomics_version", "scenario", "name", "route", "overflow"]
)  # fmt: skip


def traffic_of(series, window_s):
    series = np.array(series)
    flat = traffic_from_rate(1.0, 100.0, 20.0)
    mean, peak = float(series.mean()), float(max(series.max(), series.mean()))
    return replace(
        flat, requests_per_s=mean, peak_requests_per_s=peak, rate_series_requests_per_s=series, window_s=window_s
    )


@given(RATES, st.sampled_from([60.0, 600.0, 3600.0]))
def test_buckets_keep_the_month_the_mean_and_the_peak(series, window_s):
    traffic = traffic_of(series, window_s)
    found = buckets_of(traffic)
    assert found.hours.sum() == pytest.approx(HOURS_PER_MONTH)
    assert found.hours @ found.mean_requests_per_s == pytest.approx(HOURS_PER_MONTH * traffic.requests_per_s)
    assert found.requests_per_s.max() >= traffic.peak_requests_per_s * (1 - 1e-9)
    assert np.all(found.requests_per_s >= found.mean_requests_per_s * (1 - 1e-9))
    assert found.can_follow == (len(series) * window_s >= 86400.0)


@given(st.floats(0.01, 1e4), st.floats(1.0, 100.0))
def test_a_shape_keeps_the_peak_and_never_goes_below_nothing(mean, ratio):
    shaped = with_shape(traffic_from_rate(mean, 100.0, 20.0, peak_ratio=ratio))
    series = shaped.rate_series_requests_per_s
    if series is not None:
        assert series.max() == pytest.approx(mean * ratio)
        assert series.min() >= 0.0
        assert series.mean() == pytest.approx(mean, rel=1.0)
        assert ratio > 25 or series.mean() == pytest.approx(mean)


@settings(max_examples=25)
@given(RATES, st.sampled_from([60.0, 600.0]), st.integers(0, 3))
def test_what_is_made_up_is_bounded_and_sorted(series, window_s, seed):
    made = made_traffic(traffic_of(series, window_s), np.random.default_rng(seed))
    assert 1 <= made.requests.num_requests <= 1.2 * MOST_REQUESTS
    assert np.all(np.diff(made.requests.arrival_s) >= 0.0)
    assert 0.0 <= made.begin_s <= len(series) * window_s


@given(st.dictionaries(KEYS, PLAIN, max_size=8) | PLAIN)
def test_whatever_is_given_is_a_plan_or_refused_in_sentences(given_keys):
    with pytest.raises(InputError) as caught:
        plan_from_mapping(given_keys)
    assert all(caught.value.violations)


@given(st.text(max_size=200))
def test_any_text_is_a_plan_or_refused(text):
    with pytest.raises(InputError):
        parse_plan(text, "p.yaml")


@given(st.dictionaries(st.integers(0, 167), st.integers(0, 50), min_size=1, max_size=20), st.integers(0, 400))
def test_a_schedule_says_one_number_for_every_hour(hours, hour):
    entries = tuple(ReplicaHour(hour_of_week=one, num_replicas=hours[one]) for one in sorted(hours))
    fleet = FleetBackend(
        name="f", model="m", precision="fp8", engine="vllm", accelerator="a", provider="p", purchase="spot",
        num_replicas=max(hours.values()), usd_per_gpu_hour=1.0, hours=entries,
    )  # fmt: skip
    begun = [one for one in sorted(hours) if one <= hour % 168]
    assert replicas_at(fleet, hour, 0.0) == hours[begun[-1] if begun else max(hours)]

import numpy as np
import pytest

from tokonomics.workload.arrivals import (
    are_quantised,
    gap_cv,
    mean_rate_requests_per_s,
    window_rates_requests_per_s,
    zero_gap_frac,
)


def test_the_mean_rate_is_one_over_the_mean_gap():
    assert mean_rate_requests_per_s(np.array([0.0, 0.5, 1.0, 1.5])) == 2.0


@pytest.mark.parametrize("arrivals_s", [[], [7.0], [3.0, 3.0]])
def test_no_time_no_rate(arrivals_s):
    assert mean_rate_requests_per_s(np.array(arrivals_s)) is None
    assert gap_cv(np.array(arrivals_s)) is None


def test_whole_windows_only_counted_from_the_first_arrival():
    arrivals_s = np.array([100.0, 100.5, 159.9, 160.0, 219.0, 220.0, 221.0])
    assert (window_rates_requests_per_s(arrivals_s) * 60).tolist() == [3.0, 2.0]


def test_an_empty_window_is_a_zero():
    assert (window_rates_requests_per_s(np.array([0.0, 190.0])) * 60).tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("arrivals_s", [[], [1.0], [0.0, 59.999]])
def test_less_than_a_window_has_no_series(arrivals_s):
    assert window_rates_requests_per_s(np.array(arrivals_s)).size == 0


def test_poisson_has_a_cv_of_one():
    gaps = np.random.default_rng(7).exponential(size=50_000)
    assert gap_cv(np.cumsum(gaps)) == pytest.approx(1.0, abs=0.02)


def test_a_rounded_clock_is_recognised():
    times = np.sort(np.random.default_rng(7).uniform(0.0, 1000.0, 3000))
    rounded = np.floor(times / 3.0) * 3.0
    assert not are_quantised(times)
    assert are_quantised(rounded)
    assert zero_gap_frac(rounded) == pytest.approx(1 - 1000 / 3 / 3000, abs=0.01)
    assert zero_gap_frac(np.array([1.0])) == 0.0

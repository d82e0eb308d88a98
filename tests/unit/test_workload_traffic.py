import math

import numpy as np
import pytest

from tokonomics.errors import InputError
from tokonomics.units import SECONDS_PER_MONTH
from tokonomics.workload.traffic import (
    Traffic,
    traffic_from_rate,
    traffic_from_tokens_per_month,
    traffic_from_users,
)


def test_single_lengths_are_constants_and_source_says_so():
    traffic = traffic_from_rate(4.0, 1000, 250)
    assert traffic.input_tokens.tolist() == [1000.0]
    assert traffic.output_tokens.tolist() == [250.0]
    assert "every request has these lengths" in traffic.source
    assert (traffic.arrival_cv, traffic.peak_requests_per_s, traffic.peak_ratio) == (1.0, 4.0, 1.0)


def test_a_sample_of_lengths_is_kept_in_pairs():
    traffic = traffic_from_rate(1.0, [10, 30], np.array([1, 3]))
    assert (traffic.mean_input_tokens, traffic.mean_output_tokens) == (20.0, 2.0)
    with pytest.raises(InputError, match="pair them"):
        traffic_from_rate(1.0, [10, 30], [1, 2, 3])


def test_monthly_volumes_use_730_hours():
    traffic = traffic_from_rate(2.0, 600, 400)
    assert traffic.requests_per_month == 2.0 * 730 * 3600
    assert traffic.tokens_per_month == pytest.approx(2.0 * 730 * 3600 * 1000)


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf, -math.inf, 1e10, "3", None, True])
def test_a_rate_must_be_a_finite_number_above_zero(rate):
    with pytest.raises(InputError, match=r"requests_per_s=.*limit=finite and above 0"):
        traffic_from_rate(rate, 100, 50)


@pytest.mark.parametrize("tokens", [0, -5, math.nan, math.inf, 1e12, 10**400, "many", None, [], [5, 0]])
def test_lengths_must_be_believable(tokens):
    with pytest.raises(InputError, match="input_tokens"):
        traffic_from_rate(1.0, tokens, 50)
    with pytest.raises(InputError, match="output_tokens"):
        traffic_from_rate(1.0, 50, tokens)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("peak_ratio", 0.5),
        ("peak_ratio", math.nan),
        ("arrival_cv", -0.1),
        ("arrival_cv", math.inf),
        ("cached_input_frac", 37.4),
        ("cached_input_frac", -0.1),
        ("reasoning_frac", 1.1),
        ("reasoning_frac", math.nan),
    ],
)
def test_shares_and_ratios_have_bounds(argument, value):
    with pytest.raises(InputError, match=argument):
        traffic_from_rate(1.0, 100, 50, **{argument: value})


def test_all_violations_at_once():
    with pytest.raises(InputError) as caught:
        traffic_from_rate(0, 0, 1e12, peak_ratio=0, arrival_cv=-1, cached_input_frac=2, reasoning_frac=-2)
    assert len(caught.value.violations) == 7


def test_users_who_wait():
    traffic = traffic_from_users(1000, 55.0, 500, 200, response_time_s=5.0, peak_ratio=2.0, arrival_cv=0.5)
    assert traffic.requests_per_s == pytest.approx(1000 / 60)
    assert traffic.peak_ratio == pytest.approx(2.0)
    assert traffic.arrival_cv == 0.5
    assert "think 55 s and wait 5 s (estimate)" in traffic.source


def test_users_need_not_think():
    assert traffic_from_users(4, 0.0, 5, 5, response_time_s=2.0).requests_per_s == 2.0


def test_wrong_users_are_all_named():
    with pytest.raises(InputError) as caught:
        traffic_from_users(0, -1.0, 500, 200, response_time_s=0.0)
    said = " | ".join(caught.value.violations)
    assert len(caught.value.violations) == 3
    assert "num_users=0" in said
    assert "think_time_s=-1" in said
    assert "response_time_s=0" in said


def test_a_month_of_tokens_with_both_lengths():
    traffic = traffic_from_tokens_per_month(1e9, input_tokens=750, output_tokens=250)
    assert traffic.requests_per_s == pytest.approx(1e6 / SECONDS_PER_MONTH)
    assert traffic.tokens_per_month == pytest.approx(1e9)


def test_a_month_of_tokens_with_one_length_and_a_share():
    by_output = traffic_from_tokens_per_month(1e9, output_tokens=250, input_frac=0.75)
    by_input = traffic_from_tokens_per_month(1e9, input_tokens=750, input_frac=0.75)
    assert by_output.mean_input_tokens == pytest.approx(750)
    assert by_input.mean_output_tokens == pytest.approx(250)
    assert by_output.requests_per_s == pytest.approx(by_input.requests_per_s)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"input_tokens": 5},
        {"input_frac": 0.5},
        {"input_tokens": 5, "output_tokens": 5, "input_frac": 0.5},
    ],
)
def test_a_month_needs_exactly_two_of_three(given):
    with pytest.raises(InputError, match="exactly two"):
        traffic_from_tokens_per_month(1e9, **given)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 75, math.nan])
def test_an_input_share_lies_inside_zero_and_one(share):
    with pytest.raises(InputError, match="input_frac="):
        traffic_from_tokens_per_month(1e9, input_tokens=100, input_frac=share)


@pytest.mark.parametrize("tokens", [0, -1, math.nan, math.inf])
def test_a_month_has_tokens(tokens):
    with pytest.raises(InputError, match="tokens_per_month="):
        traffic_from_tokens_per_month(tokens, input_tokens=100, output_tokens=10)


def test_a_month_with_absurd_lengths():
    with pytest.raises(InputError) as caught:
        traffic_from_tokens_per_month(1e9, input_tokens=1e12, output_tokens=0)
    assert len(caught.value.violations) == 2
    with pytest.raises(InputError, match="input_tokens"):  # follows from the share
        traffic_from_tokens_per_month(1e15, output_tokens=1e6, input_frac=0.9999)


def _traced() -> Traffic:
    return Traffic(
        name="t",
        requests_per_s=1.0,
        peak_requests_per_s=3.0,
        input_tokens=np.array([5.0, 6.0, 7.0]),
        output_tokens=np.array([1.0, 2.0, 3.0]),
        source="a test",
        peak_window_s=60.0,
        rate_series_requests_per_s=np.array([0.5, 3.0, 0.0]),
        window_s=60.0,
        arrivals_s=np.array([0.0, 1.0, 2.0]),
    )


def test_scaling_multiplies_rates_and_divides_gaps():
    scaled = _traced().scaled_to(4.0)
    assert (scaled.requests_per_s, scaled.peak_requests_per_s, scaled.peak_ratio) == (4.0, 12.0, 3.0)
    assert scaled.rate_series_requests_per_s.tolist() == [2.0, 12.0, 0.0]
    assert scaled.arrivals_s.tolist() == [0.0, 0.25, 0.5]
    assert scaled.window_s == 60.0
    assert scaled.input_tokens is _traced().input_tokens or scaled.mean_input_tokens == 6.0
    assert scaled.source == "a test; scaled from 1 to 4 requests/s"


@pytest.mark.parametrize("rate", [0.0, -2.0, math.nan, math.inf])
def test_scaling_needs_a_rate(rate):
    with pytest.raises(InputError, match="requests_per_s="):
        _traced().scaled_to(rate)


def test_the_record_refuses_a_peak_below_the_mean():
    with pytest.raises(InputError, match=r"peak_requests_per_s=1\.0.*raise the peak"):
        Traffic(
            name="t",
            requests_per_s=2.0,
            peak_requests_per_s=1.0,
            input_tokens=np.array([5.0]),
            output_tokens=np.array([5.0]),
            source="",
        )


def test_the_record_is_frozen():
    with pytest.raises(AttributeError):
        _traced().requests_per_s = 5.0  # type: ignore[misc]

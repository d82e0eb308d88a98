"""Laws of the fit of matrix products: it inverts the form, in any units, in any order, and never crashes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.measure.device.gemm_fit import GemmFit, fit_gemm, gemm_times_s
from tokonomics.measure.device.record import GemmPoint

ROWS = (1, 4, 16, 64, 128, 256, 384, 512, 1024, 4096)
SIDE = 8192


def point(num_rows: int, time_s: float) -> GemmPoint:
    return GemmPoint(
        dtype="bf16",
        num_rows=num_rows,
        num_in_features=SIDE,
        num_out_features=SIDE,
        weight_bytes=2.0 * SIDE * SIDE,
        time_s=time_s,
        time_log_sd_ratio=0.0,
    )


def points(logs: list[float], bandwidth: float, rate: float, scale: float = 1.0) -> list[GemmPoint]:
    table = np.array([(2.0 * SIDE * SIDE / bandwidth, 2.0 * SIDE * SIDE / rate, rows) for rows in ROWS])
    return [point(rows, time_s * scale) for rows, time_s in zip(ROWS, gemm_times_s(np.array(logs), table), strict=True)]


def fit(found: list[GemmPoint], bandwidth: float = 3e12, rate: float = 9e14) -> GemmFit:
    result = fit_gemm(found, bandwidth_bytes_per_s=bandwidth, rate_flop_per_s=rate)
    assert result is not None
    return result


@settings(max_examples=50)
@given(memory=st.floats(0.3, 1.0), compute=st.floats(0.3, 1.0), floor=st.floats(8.0, 200.0))
def test_the_fit_inverts_the_form(memory: float, compute: float, floor: float):
    logs = [math.log(memory), math.log(compute), math.log(floor)]
    assert fit(points(logs, 3e12, 9e14)).logs == pytest.approx(logs, abs=0.01)


@settings(max_examples=30)
@given(scale=st.floats(0.1, 10.0))
def test_a_device_slower_by_a_factor_is_less_efficient_by_it(scale: float):
    logs = [math.log(0.8), math.log(0.6), math.log(48.0)]
    plain, slower = fit(points(logs, 3e12, 9e14)), fit(points(logs, 3e12, 9e14, scale))
    assert [one - math.log(scale) for one in plain.logs[:2]] == pytest.approx(list(slower.logs[:2]), abs=0.01)
    assert plain.logs[2] == pytest.approx(slower.logs[2], abs=0.01)


@settings(max_examples=30)
@given(order=st.permutations(range(len(ROWS))), seed=st.integers(0, 100))
def test_the_order_of_points_means_nothing(order: list[int], seed: int):
    noise = np.random.default_rng(seed).normal(0.0, 0.03, len(ROWS))
    exact = points([math.log(0.8), math.log(0.6), math.log(48.0)], 3e12, 9e14)
    found = [point(one.num_rows, one.time_s * math.exp(noise[n])) for n, one in enumerate(exact)]
    shuffled = [found[number] for number in order]
    assert fit(shuffled).logs == pytest.approx(fit(found).logs, abs=1e-3)


@settings(max_examples=100)
@given(times=st.lists(st.floats(1e-12, 1e12), min_size=6, max_size=12), rows=st.integers(1, 10**12))
def test_any_times_give_finite_figures(times: list[float], rows: int):
    found = fit([point(rows if number % 2 else number + 1, time_s) for number, time_s in enumerate(times)])
    assert np.all(np.isfinite([*found.logs, *found.log_sds]))
    assert min(found.log_sds) >= 0.0

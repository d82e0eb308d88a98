"""Replays against the world: the open-loop runs of arXiv 2606.11690, as USD per million output tokens."""

from pathlib import Path

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.measure.corpus import read_corpus
from tokonomics.measure.offered_rate import RatePoint, penalty_curves, rate_points
from tokonomics.measure.predict import predict_corpus

SOURCE = "patil-2606.11690"


@pytest.fixture(scope="module")
def points(shared_dir: Path) -> tuple[RatePoint, ...]:
    corpus = read_corpus(shared_dir / "data" / "measurements" / "measurements.csv")
    rows = [row for row in corpus if row.source_id == SOURCE and row.mode == "rate"]
    return rate_points(predict_corpus(rows, load_catalog()), source_id=SOURCE, input_tokens=512, output_tokens=256)


def off(points, value) -> float:
    return float(np.median([abs(value(one) - 1.0) for one in points]))


def latency(metric: str):
    return lambda one: getattr(one.prediction, metric) / getattr(one.prediction.measurement, metric)


def test_the_published_extremes_are_those_of_the_paper(points):
    """0.21 to 15.25 USD per million output tokens, and the runs of the later corpus a little below."""
    costs = [one.measured_usd_per_mtok for one in points]
    assert max(costs) == pytest.approx(15.25, abs=0.005)
    early = [one.measured_usd_per_mtok for one in points if not one.prediction.measurement.dataset]
    assert min(early) == pytest.approx(0.21, abs=0.005)


def test_cost_per_output_token_is_within_20_percent_median(points):
    assert len(points) > 80
    assert off(points, lambda one: one.usd_per_mtok / one.measured_usd_per_mtok) < 0.12
    for engine, most in (("vllm", 0.06), ("sglang", 0.20)):
        mine = [one for one in points if one.prediction.measurement.engine == engine]
        assert off(mine, lambda one: one.usd_per_mtok / one.measured_usd_per_mtok) < most, engine


@pytest.mark.parametrize("rate", [1.0, 5.0, 10.0, 25.0, 50.0])
def test_cost_is_within_20_percent_median_at_each_rate_below_saturation(points, rate):
    here = [one for one in points if one.offered_requests_per_s == rate]
    assert len(here) > 10
    assert off(here, lambda one: one.usd_per_mtok / one.measured_usd_per_mtok) < 0.20


def test_latencies_are_as_far_off_as_the_page_says(points):
    """No bar was set for them; these hold what was reached."""
    vllm = [one for one in points if one.prediction.measurement.engine == "vllm"]
    assert off(vllm, latency("ttft_s")) < 0.36
    assert off(vllm, latency("tpot_s")) < 0.16
    assert off(points, latency("ttft_s")) < 0.60
    assert off(points, latency("tpot_s")) < 0.30


def test_the_penalty_of_low_load_is_reproduced(points):
    """Within 25 % median over all rates but the cheapest, and at 1 request/s within 35 % for nearly every system."""
    early = [one for one in points if not one.prediction.measurement.dataset]
    curves = penalty_curves(early)
    assert len(curves) == 12
    ratios = [
        predicted / measured
        for curve in curves
        for measured, predicted in zip(curve.measured_ratio, curve.predicted_ratio, strict=True)
        if measured > 1.0
    ]
    assert float(np.median(np.abs(np.array(ratios) - 1.0))) < 0.25
    idle = {curve.system: curve.predicted_ratio[0] / curve.measured_ratio[0] - 1.0 for curve in curves}
    assert sum(abs(one) < 0.35 for system, one in idle.items() if system.startswith("vllm")) >= 5
    assert all(curve.measured_ratio[0] > 4.0 for curve in curves)

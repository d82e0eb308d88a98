"""The frontier of cost, latency and quality: against brute force, against the shortlist, and as a chart."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokonomics.planning.ask import plan
from tokonomics.planning.buckets import Buckets
from tokonomics.planning.tradeoff import _bundle_hours, _envelope, frontier
from tokonomics.report.plan_charts import frontier_chart
from tokonomics.units import HOURS_PER_MONTH
from tokonomics.workload.scenario import Scenario

QUALITY = [
    {"model": "llama-3.1-8b", "quality_frac": 0.7},
    {"model": "llama-3.1-8b", "precision": "fp8", "quality_frac": 0.68},
]


def made(**keys):
    raw = {
        "models": ["llama-3.1-8b", "qwen3-8b"],
        "gpus": ["h100-sxm", "l40s"],
        "slo": "ttft_p95=1s,itl_p95=50ms",
        "traffic": {"input_tokens": 900, "output_tokens": 200, "requests_per_s": 40},
        "simulation": {"span_s": 60.0, **keys.pop("simulation", {})},
        "plan": {"engines": ["vllm"], "num_draws": 20, "no_spot": True, "quality": QUALITY},
        **keys,
    }
    raw = {key: value for key, value in raw.items() if value is not None}
    return plan(Scenario.from_dict(raw), today=date(2026, 11, 23))


@pytest.fixture(scope="module")
def planned():
    return made()


@pytest.fixture(scope="module")
def found(planned):
    return frontier(planned)


points = st.lists(st.tuples(st.floats(0.1, 10.0), st.floats(1.0, 100.0)), min_size=1, max_size=12)


@given(points)
def test_the_envelope_holds_what_no_other_beats(pairs):
    xs, ys = _envelope(*map(np.array, zip(*pairs, strict=True)))
    beaten = [(x, y) for x, y in pairs if any(a <= x and b <= y and (a, b) != (x, y) for a, b in pairs)]
    assert set(zip(xs.tolist(), ys.tolist(), strict=True)) == set(pairs) - set(beaten)
    assert (np.diff(xs) > 0).all()
    assert (np.diff(ys) < 0).all()


def test_what_carries_nothing_is_no_point():
    assert [one.size for one in _envelope(np.array([1.0, 2.0]), np.array([np.inf, np.inf]))] == [0, 0]


@given(
    st.lists(st.floats(0.1, 50.0), min_size=1, max_size=5), st.floats(0.5, 20.0), st.integers(0, 2), st.integers(1, 8)
)
def test_bundle_hours_are_counted_one_by_one(loads, rate, spares, per_bundle):
    loads = np.sort(loads)
    hours = np.full(loads.size, HOURS_PER_MONTH / loads.size)
    buckets = Buckets(
        hours=hours,
        requests_per_s=loads,
        mean_requests_per_s=loads,
        bucket_of_hour=np.zeros(168, dtype=np.int64),
        source="",
    )
    bundles = [-(-(-int(-(load / rate - 1e-9) // 1) + spares) // per_bundle) for load in loads]
    by_hour = _bundle_hours(buckets, np.array([rate]), spares, per_bundle, True)
    assert by_hour == pytest.approx([sum(b * h for b, h in zip(bundles, hours, strict=True))])
    standing = _bundle_hours(replace(buckets, bucket_of_hour=None), np.array([rate]), spares, per_bundle, True)
    assert standing == pytest.approx([max(bundles) * HOURS_PER_MONTH])
    assert _bundle_hours(buckets, np.array([rate]), spares, per_bundle, False) == pytest.approx(standing)


def test_a_line_for_each_quality_the_best_first(found):
    graded = [(one.name, one.quality_frac) for one in found.lines]
    assert graded[:2] == [("llama-3.1-8b", 0.7), ("llama-3.1-8b:fp8", 0.68)]
    assert graded[2:] == [("qwen3-8b", None)]
    for one in found.lines:
        assert (np.diff(one.latency_s) > 0).all()
        assert (np.diff(one.usd_per_month) < 0).all()


def test_no_unbeaten_fleet_lies_below_its_line(planned, found):
    """The shortlist sizes by another search of the batch: the line is a grid of batches, so it may be a step later."""
    assert found.limit.name == "itl_p95"
    best = np.min([_at(one, found.limit.limit_s * 1.1) for one in found.lines])
    peak = planned.asked.demand.peak_requests_per_s
    for one in planned.searched.market.items:
        bundles = np.ceil(peak / one.requests_per_s / one.replicas_per_bundle - 1e-9)
        assert best <= bundles * one.bundle_usd_per_hour * HOURS_PER_MONTH + 1e-6


def _at(line, limit_s):
    within = line.usd_per_month[line.latency_s <= limit_s]
    return within[-1] if within.size else np.inf


def test_a_shorter_other_limit_is_never_cheaper(planned, found):
    tight = frontier(made(slo="ttft_p95=200ms,itl_p95=50ms"))
    for loose, strict in zip(found.lines, tight.lines, strict=True):
        for latency_s in (0.01, 0.02, 0.05):
            assert _at(strict, latency_s) >= _at(loose, latency_s)


def test_the_plan_stands_where_its_replay_put_it(planned, found):
    proven = planned.best.proven
    assert found.plan_point == (proven.proof.summary.itl.p95_s, planned.best.draft.usd_per_month)
    assert frontier_chart(found).marks == [(found.plan_point[0] * 1e3, found.plan_point[1])]


def test_an_endpoint_lies_at_its_stated_latency_else_across(found):
    across = frontier_chart(found).series[-1]
    assert across.name.endswith("its latency is not published")
    assert len(across.xs) == 2
    stated = frontier(made(simulation={"api_itl_s": 0.02, "api_ttft_s": 0.4}))
    (x,), (y,) = frontier_chart(stated).series[-1].xs, frontier_chart(stated).series[-1].ys
    assert (x, y) == (pytest.approx(20.0), found.hosted_usd_per_month)


def test_without_limits_the_time_between_tokens_is_drawn():
    free = made(slo=None)
    assert frontier(free).limit.name == "itl_p95"
    other = frontier(made(slo="e2e_p95=20s"))
    assert other.limit.name == "e2e_p95"
    assert other.lines


def test_endpoints_alone_have_no_frontier():
    hosted = made(models=["openai/gpt-4o-mini"], gpus=None, slo=None)
    assert frontier(hosted).lines == ()

"""The laws of ranges: whatever the curves and the spread, a range holds its centre, nests, and follows the rate."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.build_or_buy.break_even import break_even, build_or_buy
from tokonomics.economics.build_or_buy.build_ranges import faster, point_ranges, winner_probability
from tokonomics.economics.build_or_buy.cost_curve import CostCurve, api_curve
from tokonomics.economics.figures.ranges import ends_of
from tokonomics.economics.serving.frontier import sweep
from tokonomics.economics.serving.steady_load import request_load
from tokonomics.physics.deployment import deployment

FACTS = load_catalog()
NARROW_TO_WIDE = st.tuples(st.floats(0.0, 0.5), st.floats(0.0, 0.5)).map(sorted)
VOLUMES = ("volume_tokens_per_day", "secure_tokens_per_day")

owned = st.builds(
    CostCurve,
    name=st.just("own"),
    fixed_usd_per_month=st.floats(0, 50_000),
    replica_usd_per_month=st.floats(100, 50_000),
    replica_tokens_per_day=st.floats(1e6, 1e10),
    num_spare_replicas=st.integers(0, 2),
    peak_ratio=st.floats(1, 5),
)
hosted = st.floats(0.01, 50).map(lambda usd: api_curve("api", usd_per_mtok=usd))


def top(ends) -> float:
    return math.inf if ends is None or ends[1] is None else ends[1]


def low(ends) -> float:
    return math.inf if ends is None else ends[0]


def at_least(more: float, less: float) -> bool:
    return more >= less * (1 - 1e-9)


@settings(max_examples=60)
@given(owned, hosted, NARROW_TO_WIDE)
def test_break_even_ranges_hold_their_centre_and_nest(build, buy, spreads):
    point = break_even(build, buy)
    narrow, wide = (point_ranges(point, sd) for sd in spreads)
    for name in VOLUMES:
        centre = getattr(point, name)
        for ends in (narrow[name], wide[name]):
            assert at_least(math.inf if centre is None else centre, low(ends))
            assert at_least(top(ends), math.inf if centre is None else centre)
        assert at_least(low(narrow[name]), low(wide[name]))
        assert at_least(top(wide[name]), top(narrow[name]))


@settings(max_examples=60)
@given(owned, hosted, st.floats(0.5, 2.0), st.floats(1.0, 2.0))
def test_a_faster_replica_never_breaks_even_later(build, buy, ratio, more):
    slow, quick = (break_even(faster(build, by), buy) for by in (ratio, ratio * more))
    for name in VOLUMES:
        later, sooner = (math.inf if getattr(one, name) is None else getattr(one, name) for one in (slow, quick))
        assert at_least(later, sooner)


@settings(max_examples=60)
@given(owned, hosted, st.floats(1e4, 1e11), NARROW_TO_WIDE)
def test_a_winner_is_more_likely_than_not_and_less_so_when_less_is_known(build, buy, volume, spreads):
    (row,) = build_or_buy(build, buy, [volume])
    sure, vague = (winner_probability(row, build, buy, sd) for sd in spreads)
    if sure is not None and vague is not None:
        assert sure >= vague - 1e-9
        assert vague >= 0.5 - 1e-6


@settings(max_examples=60)
@given(st.floats(1e-6, 1e12), NARROW_TO_WIDE)
def test_ends_hold_the_median_and_nest(median, spreads):
    (inner_low, inner_high), (outer_low, outer_high) = (ends_of(median, sd) for sd in spreads)
    assert outer_low <= inner_low <= median * (1 + 1e-12)
    assert median * (1 - 1e-12) <= inner_high <= outer_high
    assert ends_of(median, 0.0) == (median, median)


@settings(max_examples=15)
@given(
    st.sampled_from(["llama-3.1-8b", "llama-3-70b", "qwen3-30b-a3b", "deepseek-v3"]),
    st.sampled_from(["h200-sxm", "b200-sxm", "mi300x"]),
    st.floats(16, 8000),
    st.floats(16, 4000),
)
def test_every_modelled_point_has_a_spread_of_a_sane_size(model, part, inputs, outputs):
    dep = deployment(FACTS.model(model), FACTS.accelerator(part), precision="fp8", tensor_parallel=8)
    for point in sweep(dep, request_load(inputs, outputs), batches=[1, 8]).points:
        assert 0.01 < point.rate_sd_log < 2.0
        assert 0.01 < point.itl_sd_log < 2.0
        assert pytest.approx(point.output_tokens_per_s) == math.sqrt(
            math.prod(ends_of(point.output_tokens_per_s, point.rate_sd_log))
        )

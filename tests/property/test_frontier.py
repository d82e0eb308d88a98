"""The laws of the sweep and of the stack: whatever the model, the part and the load, these hold."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.optimisation.speculative import Speculation, accepted_tokens, latency_factor, speculate
from tokonomics.economics.optimisation.stack import INFEASIBLE, KEPT, stack
from tokonomics.economics.optimisation.stack_outcome import Pricing
from tokonomics.economics.optimisation.stack_steps import Served
from tokonomics.economics.serving.dominance import dominated
from tokonomics.economics.serving.frontier import sweep
from tokonomics.economics.serving.kv_pressure import kv_pressure
from tokonomics.economics.serving.operating_points import UNLIMITED, operating_point, shared_fleet
from tokonomics.economics.serving.regimes import regime_bands
from tokonomics.economics.serving.replica import batch_rates, itl_at_s, replica_of
from tokonomics.economics.serving.roofline import ridge, roofline_bound
from tokonomics.economics.serving.steady_load import decode_only, request_load
from tokonomics.economics.serving.sweet_spot import sweet_spot
from tokonomics.economics.serving.user_figures import UserFigure, check_figure
from tokonomics.errors import Infeasible, InputError
from tokonomics.physics.capacity import memory_box
from tokonomics.physics.deployment import deployment
from tokonomics.workload.slo import Slo, SloLimit

FACTS = load_catalog()
MODELS = ["llama-3-70b", "llama-3.1-8b", "qwen3-30b-a3b", "deepseek-v3", "gemma-3-27b", "gpt-oss-120b"]
PARTS = ["h100-sxm", "a100-sxm-80", "l40s", "b200-sxm", "mi300x"]
FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])

contexts = st.floats(1, 50_000)
batches = st.floats(1, 2000)
prices = st.floats(0.01, 100)
percentiles = st.floats(50, 99.9)


@st.composite
def deployments(draw, engines=("vllm", "roofline", "sglang")):
    return deployment(
        FACTS.model(draw(st.sampled_from(MODELS))),
        FACTS.accelerator(draw(st.sampled_from(PARTS))),
        precision=draw(st.sampled_from(["bf16", "fp8", "int4-awq"])),
        engine=draw(st.sampled_from(engines)),
        tensor_parallel=draw(st.sampled_from([1, 4, 8])),
    )


@st.composite
def loads(draw):
    if draw(st.booleans()):
        return decode_only(draw(contexts))
    lengths = st.floats(1, 8000)
    return request_load(draw(lengths), draw(lengths), cached_input_frac=draw(st.floats(0, 0.95)))


@st.composite
def sweeps(draw):
    dep, load = draw(deployments()), draw(loads())
    assume(replica_of(dep, load).max_batch >= 1)
    return sweep(dep, load, replica_usd_per_hour=draw(prices), tail_percentile=draw(percentiles))


@given(deployments(), contexts, batches, st.floats(0, 4000))
@FEW
def test_no_engine_passes_the_bound(dep, context, batch, prompts):
    bound = roofline_bound(dep, batch, context, prompt_tokens=prompts)
    ideal = roofline_bound(dep, batch, context)
    assert float(bound.output_tokens_per_s) <= float(ideal.output_tokens_per_s) * (1 + 1e-9)
    replica = replica_of(dep, decode_only(context))
    real = batch_rates(replica, batch)
    assert float(real.output_tokens_per_s) <= float(ideal.output_tokens_per_s) * (1 + 1e-9)


@given(deployments(), contexts, batches, st.floats(1, 4))
@FEW
def test_the_bound_rises_with_the_batch_and_falls_with_the_context(dep, context, batch, factor):
    one = roofline_bound(dep, batch, context)
    assert float(roofline_bound(dep, batch * factor, context).output_tokens_per_s) >= float(one.output_tokens_per_s) * (
        1 - 1e-9
    )
    assert float(roofline_bound(dep, batch, context * factor).output_tokens_per_s) <= float(one.output_tokens_per_s) * (
        1 + 1e-9
    )


@given(deployments())
@FEW
def test_at_the_ridge_reading_takes_as_long_as_arithmetic(dep):
    one = replace(dep, tensor_parallel=1)
    rows = ridge(one).num_rows
    bound = roofline_bound(one, rows, 0)
    assert float(bound.memory_s) >= float(bound.compute_s) * (1 - 1e-6)  # a linear layer's state is read as well
    assert float(roofline_bound(one, rows * 1.01, 0).compute_s) > float(bound.compute_s)


@given(sweeps())
@FEW
def test_points_keep_the_laws(swept):
    for point in swept.points:
        assert point.output_tokens_per_s * point.mean_itl_s == pytest.approx(point.batch)
        assert point.tail_itl_s >= point.mean_itl_s * (1 - 1e-9)
        assert point.output_tokens_per_s <= point.bound_tokens_per_s * (1 + 1e-9)
        assert 0 < point.kv_use_frac <= 1 or point.kv_use_frac == 0
        assert point.cost.blended_usd_per_mtok > 0
    for low, high in pairwise(swept.points):
        assert high.output_tokens_per_s >= low.output_tokens_per_s * (1 - 1e-9)
        assert high.mean_itl_s >= low.mean_itl_s * (1 - 1e-9)
        assert high.cost.blended_usd_per_mtok <= low.cost.blended_usd_per_mtok * (1 + 1e-9)
    assert_only_what_runs_is_a_number(swept)
    assert_bands_cover_the_sweep_once(swept)


def assert_only_what_runs_is_a_number(swept):
    assert all(point.batch <= swept.replica.max_batch for point in swept.points)
    assert all(gone.batch > swept.replica.max_batch and gone.reason for gone in swept.refused)
    assert swept.dense.batch_sequences.size == swept.replica.max_batch


def assert_bands_cover_the_sweep_once(swept):
    if swept.replica.max_batch == 1:
        assert swept.bands == ()
        return
    assert (swept.bands[0].low_batch, swept.bands[-1].high_batch) == (1, swept.replica.max_batch)
    for low, high in pairwise(swept.bands):
        assert low.high_batch == high.low_batch
        assert low.name != high.name


@given(sweeps(), st.floats(1.01, 10))
@settings(FEW, max_examples=15)
def test_cost_is_linear_in_the_price(swept, factor):
    again = sweep(
        swept.deployment,
        swept.replica.load,
        replica_usd_per_hour=swept.replica_usd_per_hour * factor,
        tail_percentile=swept.tail_percentile,
    )
    for one, dear in zip(swept.points, again.points, strict=True):
        assert dear.cost.blended_usd_per_mtok == pytest.approx(factor * one.cost.blended_usd_per_mtok)
        assert dear.output_tokens_per_s == one.output_tokens_per_s


@given(sweeps(), st.floats(0.001, 1.0), st.one_of(st.just("mean"), percentiles))
@FEW
def test_an_operating_point_is_the_edge_of_its_limit(swept, limit_s, percentile):
    slo = Slo(limits=(SloLimit(metric="itl", percentile=percentile, limit_s=limit_s),))
    told, free = operating_point(swept, slo), operating_point(swept, UNLIMITED)
    asked = None if percentile == "mean" else percentile
    gaps = itl_at_s(swept.replica, swept.replica.batches, asked)
    if told.batch is None:
        assert gaps[0] > limit_s
        return
    assert (gaps[: told.batch] <= limit_s).all()
    assert told.batch == swept.replica.max_batch or gaps[told.batch] > limit_s
    assert told.batch <= free.batch
    assert told.premium_ratio >= 1 - 1e-9
    dearer = told.point.cost.blended_usd_per_mtok / free.point.cost.blended_usd_per_mtok
    assert told.premium_ratio == pytest.approx(dearer)


@given(sweeps(), st.floats(0.001, 0.5), st.floats(1, 3))
@settings(FEW, max_examples=20)
def test_a_looser_limit_never_costs_more(swept, limit_s, factor):
    def batch(limit):
        slo = Slo(limits=(SloLimit(metric="itl", percentile=99.0, limit_s=limit),))
        return operating_point(swept, slo).batch or 0

    assert batch(limit_s * factor) >= batch(limit_s)


@given(st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)), min_size=1, max_size=20))
def test_dominance_against_its_definition(pairs):
    expected = tuple(
        any(other != one and other[0] <= one[0] and other[1] <= one[1] for other in pairs) for one in pairs
    )
    assert dominated(pairs) == expected
    assert not all(dominated(pairs))


@given(st.floats(1e-4, 0.1), st.floats(1e-6, 1e-2), st.integers(2, 600))
def test_the_sweet_spot_of_a_linear_step(fixed_s, each_s, most):
    numbers = list(range(1, most + 1))
    steps = [fixed_s + each_s * batch for batch in numbers]
    rates = [batch / step for batch, step in zip(numbers, steps, strict=True)]
    spot = sweet_spot(numbers, rates, steps)
    expected = min(max(fixed_s / each_s, 1), most)
    assert abs(spot.batch - expected) <= 1
    exponents = [band.throughput_exponent for band in regime_bands(numbers, rates)]
    assert exponents == sorted(exponents, reverse=True)


@given(deployments(("roofline",)), st.floats(1, 500), contexts, st.floats(1.001, 10))
@FEW
def test_a_figure_above_the_bound_is_always_refused_and_below_never(dep, batch, context, factor):
    bound = float(roofline_bound(dep, batch, context, fewest_experts=True).output_tokens_per_s)

    def check(rate):
        figure = UserFigure(num_sequences=batch, output_tokens_per_s=rate, context_tokens=context)
        return check_figure(dep, figure)

    with pytest.raises((InputError, Infeasible)):
        check(bound * factor)
    each, room = float(memory_box(dep).kv.sequence_bytes(context)), memory_box(dep).kv_room_bytes
    if batch * each <= room:
        assert check(bound / factor).bound_frac == pytest.approx(1 / factor)


@given(st.floats(0, 1), st.integers(1, 16), st.floats(0, 2))
def test_the_law_of_speculation(acceptance, num_draft, cost):
    tokens = accepted_tokens(acceptance, num_draft)
    assert 1 <= tokens <= num_draft + 1
    assert accepted_tokens(acceptance, num_draft + 1) >= tokens
    spec = Speculation(num_draft_tokens=num_draft, acceptance_frac=acceptance, draft_cost_ratio=cost)
    assert latency_factor(spec) == pytest.approx(tokens / (1 + num_draft * cost))


@given(deployments(), loads(), st.floats(1, 500), st.floats(0, 1), st.integers(1, 8), st.floats(0, 0.5))
@FEW
def test_speculation_never_passes_the_law_of_latency(dep, load, batch, acceptance, num_draft, cost):
    spec = Speculation(num_draft_tokens=num_draft, acceptance_frac=acceptance, draft_cost_ratio=cost)
    factor = float(speculate(replica_of(dep, load), batch, spec).throughput_factor)
    assert 0 < factor <= max(latency_factor(spec), 1) * (1 + 1e-9)


@given(deployments(), loads(), st.integers(1, 3000))
@FEW
def test_pressure_is_a_share_and_a_count(dep, load, concurrent):
    told = kv_pressure(replica_of(dep, load), num_concurrent=concurrent)
    assert 0 <= told.queue_frac <= 1
    assert told.mean_waiting_requests >= max(concurrent - told.max_batch, 0) * (1 - 1e-6) - 1e-6
    assert (told.reason == "") == (told.num_waiting == 0)


@given(
    st.sampled_from(MODELS),
    st.sampled_from(PARTS),
    st.sampled_from([1, 2, 8]),
    st.floats(16, 8000),
    st.floats(16, 4000),
    st.fixed_dictionaries(
        {
            "cached_input_frac": st.floats(0, 0.95),
            "contiguous_kv_used_frac": st.floats(0.1, 1),
            "acceptance_frac": st.floats(0, 1),
            "draft_cost_ratio": st.floats(0, 0.5),
            "num_chunk_tokens": st.integers(64, 8192),
        }
    ),
)
@settings(max_examples=30, deadline=None)
def test_the_stack_is_consistent(model, part, num_gpus, inputs, outputs, stated):
    served = Served(
        model=FACTS.model(model),
        accelerator=FACTS.accelerator(part),
        input_tokens=inputs,
        output_tokens=outputs,
        num_gpus=num_gpus,
    )
    told = stack(served, Pricing(replica_usd_per_hour=2.0), stated=stated)
    for row in told.rows:
        assert (row.outcome is None) == (row.status == INFEASIBLE) == bool(row.reason)
        if row.outcome:
            out = row.outcome
            assert out.batch <= out.replica.max_batch
            assert out.output_tokens_per_s * out.mean_itl_s == pytest.approx(out.batch)
            assert out.tail_itl_s >= out.mean_itl_s * (1 - 1e-9)
            assert out.longest_step_s >= out.mean_itl_s * (1 - 1e-9) or out.accepted_tokens > 1
    kept = [row for row in told.rows if row.status == KEPT]
    rates = [row.outcome.output_tokens_per_s for row in kept]
    assert all(high >= low * (1 - 1e-6) for low, high in pairwise(rates))
    if kept:
        assert told.total_factor == pytest.approx(rates[-1] / rates[0])
        costs = [row.outcome.cost.blended_usd_per_mtok for row in kept]
        assert costs[0] / costs[-1] == pytest.approx(told.total_factor)
        shares = [row.log_frac for row in kept]
        assert None in shares or math.fsum(shares) == pytest.approx(1)


@given(st.floats(0, 1e5), st.floats(0, 1e5), st.floats(10, 5000), st.floats(1, 4), prices)
def test_two_fleets_are_never_more_than_one_replica_worse(interactive, batch, quick, factor, price):
    told = shared_fleet(
        interactive_tokens_per_s=interactive,
        batch_tokens_per_s=batch,
        quick_tokens_per_s=quick,
        slow_tokens_per_s=quick * factor,
        replica_usd_per_hour=price,
    )
    assert told.apart_usd_per_hour <= told.shared_usd_per_hour + price * (1 + 1e-9)
    assert told.is_shared_better == (told.saving_usd_per_hour <= 0)
    assert np.isclose(told.saving_usd_per_hour, told.shared_usd_per_hour - told.apart_usd_per_hour)

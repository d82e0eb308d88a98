"""The laws of the step time: whatever the deployment, these hold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokonomics.catalog.load import load_catalog
from tokonomics.physics.capacity import memory_box
from tokonomics.physics.deployment import deployment
from tokonomics.physics.formats import weight_format
from tokonomics.physics.kv_cache import kv_bytes
from tokonomics.physics.steady import RequestShape, steady_batch
from tokonomics.physics.step import prefill_time_s, stack_step_models, step_model, step_time
from tokonomics.physics.weights import weight_bytes

MODELS = [
    "llama-3.3-70b",
    "llama-3.1-8b",
    "qwen3-30b-a3b",
    "deepseek-v3",
    "gemma-3-27b",
    "qwen3-next-80b-a3b",
    "gpt-oss-120b",
]
PARTS = ["h100-sxm", "a100-sxm-80", "l40s", "b200-sxm", "mi300x", "rtx4090"]

models = st.sampled_from(MODELS)
parts = st.sampled_from(PARTS)
batches = st.floats(1, 2000)
contexts = st.floats(1, 200_000)
widths = st.sampled_from([1, 2, 4, 8])


def dep(model, part, tp=1, engine="vllm", **more):
    catalog = load_catalog()
    return deployment(catalog.model(model), catalog.accelerator(part), tensor_parallel=tp, engine=engine, **more)


@given(models, parts, widths, batches, contexts)
def test_batch_over_latency_is_throughput(model, part, tp, batch, context):
    shape = RequestShape(input_tokens=context, output_tokens=200.0, context_tokens=context)
    steady = steady_batch(step_model(dep(model, part, tp)), batch, shape)
    assert steady.output_tokens_per_s * steady.mean_step_s == pytest.approx(batch)
    assert steady.requests_per_s * 200.0 == pytest.approx(float(steady.output_tokens_per_s))


@given(models, parts, widths, batches, contexts, st.floats(0, 8192))
def test_nothing_is_faster_than_its_roofline(model, part, tp, batch, context, prefill):
    """Bytes over bandwidth and FLOP over the peak rate bound every step from below."""
    one = dep(model, part, tp)
    real = step_time(step_model(one), batch, context, prefill, context)
    peak_flop_per_s = max(
        one.accelerator.dense_flop_per_s[key]
        for key in ("bf16", one.precision.compute)
        if key in one.accelerator.dense_flop_per_s
    )
    bandwidth = one.accelerator.memory_bandwidth_bytes_per_s
    read_bytes = weight_bytes(one.model, one.precision).dense_bytes / tp + batch * float(
        kv_bytes(one).sequence_bytes(context)
    )
    flop = step_model(one).gemm_flop_per_token * (batch + prefill)
    assert float(real.total_s) >= read_bytes / bandwidth * (1 - 1e-9)
    assert float(real.total_s) >= flop / peak_flop_per_s * (1 - 1e-9)


@given(models, parts, widths, batches, contexts, st.floats(0, 8192))
def test_engine_is_never_faster_than_the_ideal_machine(model, part, tp, batch, context, prefill):
    ideal = step_time(step_model(dep(model, part, tp, engine="roofline")), batch, context, prefill, context)
    real = step_time(step_model(dep(model, part, tp)), batch, context, prefill, context)
    assert float(real.total_s) >= float(ideal.total_s)


@given(models, parts, widths, batches, contexts, st.floats(1.0, 4.0))
def test_more_bandwidth_never_hurts(model, part, tp, batch, context, factor):
    slow = dep(model, part, tp)
    faster_part = replace(
        slow.accelerator, memory_bandwidth_bytes_per_s=slow.accelerator.memory_bandwidth_bytes_per_s * factor
    )
    fast = replace(slow, accelerator=faster_part)
    times = [float(step_time(step_model(one), batch, context, 512.0, context).total_s) for one in (slow, fast)]
    assert times[1] <= times[0] * (1 + 1e-12)


@given(models)
def test_fewer_bits_never_need_more_bytes(model):
    record = load_catalog().model(model)
    sizes = [weight_bytes(record, weight_format(name)).resident_bytes for name in ("int4-awq", "int8", "bf16", "fp32")]
    assert sizes == sorted(sizes)
    reads = [weight_bytes(record, weight_format(name)).dense_bytes for name in ("int4-awq", "int8", "bf16", "fp32")]
    assert reads == sorted(reads)


@given(models, parts, batches, contexts, st.floats(1, 50_000))
def test_rate_falls_as_context_grows(model, part, batch, context, longer):
    step = step_model(dep(model, part))
    times = step_time(step, batch, [context, context + longer]).total_s
    assert times[1] >= times[0]


@given(models, parts, widths, contexts, batches, st.floats(0.1, 500))
def test_more_rows_never_make_a_step_shorter(model, part, tp, context, batch, more):
    step = step_model(dep(model, part, tp))
    times = step_time(step, [batch, batch + more], context, 100.0, context).total_s
    assert times[1] >= times[0]


@given(models, parts, st.floats(1, 100_000), st.floats(1, 50_000))
def test_prefill_time_grows_with_the_prompt(model, part, tokens, more):
    step = step_model(dep(model, part))
    times = prefill_time_s(step, [tokens, tokens + more], step_budget_tokens=8192.0)
    assert times[1] >= times[0] * 0.999  # a chunk boundary may move the split by a rounding


@given(st.sampled_from(MODELS), widths, st.sampled_from(["bf16", "fp8"]))
def test_kv_cache_halves_in_fp8_and_never_grows_with_tp(model, tp, kv):
    one, wide = dep(model, "h100-sxm", 1, kv_format=kv), dep(model, "h100-sxm", tp, kv_format=kv)
    assert kv_bytes(wide).full_bytes_per_token <= kv_bytes(one).full_bytes_per_token
    half = dep(model, "h100-sxm", 1, kv_format="fp8")
    assert kv_bytes(half).full_bytes_per_token * 2 == pytest.approx(
        kv_bytes(dep(model, "h100-sxm")).full_bytes_per_token
    )


@given(models, widths, st.integers(1, 256))
def test_max_context_is_the_edge_of_max_batch(model, tp, num_sequences):
    box = memory_box(dep(model, "b200-sxm", tp))
    context = box.max_context_tokens(num_sequences)
    if context == 0:
        assert box.max_batch(1.0) < num_sequences
    else:
        assert box.max_batch(context) >= num_sequences
        assert context == 2**31 or box.max_batch(context + 1) < num_sequences


def test_arrays_of_deployments_equal_one_at_a_time():
    deps = [dep(model, part) for model in MODELS for part in PARTS]
    stacked = stack_step_models([step_model(one) for one in deps]).column()
    grid = step_time(stacked, np.array([1.0, 17.0, 300.0]), 2000.0, 64.0, 500.0).total_s
    assert grid.shape == (len(deps), 3)
    for row, one in zip(grid, deps, strict=True):
        alone = step_time(step_model(one), np.array([1.0, 17.0, 300.0]), 2000.0, 64.0, 500.0).total_s
        assert row == pytest.approx(alone, rel=1e-12)


def test_terms_add_up_and_the_largest_binds():
    step = step_time(step_model(dep("llama-3.3-70b", "h100-sxm", 4)), [1, 4096], 100.0)
    assert list(step.binds) == ["bandwidth", "compute"]
    total = step.gemm_s + step.decode_attention_s + step.prefill_attention_s + step.communication_s + step.overhead_s
    assert total == pytest.approx(step.total_s)


def test_pipeline_stages_cost_no_bandwidth_time_at_one_sequence():
    """One sequence passes all stages in turn, so it reads all weights once, however many stages there are."""
    one = step_time(step_model(dep("llama-3.1-8b", "h100-sxm", engine="roofline")), 1, 1000.0)
    two = step_time(
        step_model(replace(dep("llama-3.1-8b", "h100-sxm", engine="roofline"), pipeline_parallel=2)), 2, 1000.0
    )
    assert float(two.weight_read_s) == pytest.approx(float(one.weight_read_s))

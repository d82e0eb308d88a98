"""The roofline bound and the ridge."""

from dataclasses import replace

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.serving.roofline import BOUNDS, ideal_step_model, ridge, ridges, roofline_bound
from tokonomics.errors import MissingFact
from tokonomics.physics.deployment import deployment
from tokonomics.physics.step import step_time

FACTS = load_catalog()


def dep(model="llama-3.1-8b", part="h100-sxm", **more):
    return deployment(FACTS.model(model), FACTS.accelerator(part), **more)


def test_a_step_reads_weights_and_caches_at_full_bandwidth():
    one = dep(precision="bf16")
    bound = roofline_bound(one, 8, 1000)
    model = one.model
    read = 2 * (model.params.active - model.params.embedding) + 8 * 1000 * 2 * model.kv.full_elements_per_token
    assert float(bound.memory_s) == pytest.approx(read / 3.35e12)
    assert float(bound.output_tokens_per_s) == pytest.approx(8 * 3.35e12 / read)
    assert bound.binds == "bandwidth"


def test_without_a_cache_a_large_batch_is_bound_by_arithmetic():
    one = dep(precision="bf16")
    bound = roofline_bound(one, 4096, 0)
    flop = 2 * (one.model.params.active - one.model.params.embedding)
    assert bound.binds == "compute"
    assert float(bound.output_tokens_per_s) == pytest.approx(989.4e12 / flop)


def test_prompts_add_arithmetic_and_no_bytes():
    plain, busy = (
        roofline_bound(dep(), 8, 1000, prompt_tokens=tokens, prompt_context_tokens=500) for tokens in (0, 512)
    )
    assert float(busy.memory_s) == float(plain.memory_s)
    assert float(busy.compute_s) > float(plain.compute_s)
    assert busy.binds == "compute"


def test_arrays_are_points():
    many = roofline_bound(dep(), [1, 16, 256], 1024)
    each = [float(roofline_bound(dep(), batch, 1024).output_tokens_per_s) for batch in (1, 16, 256)]
    assert many.output_tokens_per_s.tolist() == pytest.approx(each)
    assert many.batch_sequences.tolist() == [1, 16, 256]
    assert set(many.binds.tolist()) <= set(BOUNDS)


def test_a_link_can_bind():
    one = dep("llama-3.3-70b", tensor_parallel=8)
    slow = replace(one, accelerator=replace(one.accelerator, link_bytes_per_s=1e8))
    assert roofline_bound(slow, 64, 100).binds == "communication"
    assert float(roofline_bound(slow, 64, 100).output_tokens_per_s) < float(
        roofline_bound(one, 64, 100).output_tokens_per_s
    )


def test_the_fewest_experts_are_those_of_one_token():
    one = dep("qwen3-30b-a3b")
    expected, fewest = (roofline_bound(one, 64, 0, fewest_experts=few) for few in (False, True))
    assert float(fewest.memory_s) < float(expected.memory_s)
    alone = roofline_bound(one, 1, 0)
    assert float(fewest.memory_s) == pytest.approx(float(alone.memory_s))
    dense = [roofline_bound(dep(), 64, 0, fewest_experts=few) for few in (False, True)]
    assert float(dense[0].memory_s) == float(dense[1].memory_s)


def test_the_bound_is_below_the_ideal_engine():
    """The engine called roofline blends and adds; the bound overlaps perfectly."""
    one = dep(engine="roofline")
    step = step_time(ideal_step_model(one), np.array([1.0, 64.0, 512.0]), 1024.0)
    bound = roofline_bound(one, [1, 64, 512], 1024)
    ratio = bound.step_s / step.total_s
    assert (ratio <= 1).all()
    assert (ratio > 0.5).all(), "adding three terms cannot be more than the sum of them away"


def test_pipeline_stages_share_the_work():
    """Two stages that are never idle are held to be worth two accelerators."""
    one, two = dep(precision="bf16"), dep(precision="bf16", pipeline_parallel=2)
    rates = [float(roofline_bound(each, 64, 1024).output_tokens_per_s) for each in (one, two)]
    assert rates[1] == pytest.approx(2 * rates[0], rel=0.01)


def test_ridge_is_rate_times_bytes_over_twice_the_bandwidth():
    found = ridge(dep(precision="bf16"))
    assert found.num_rows == pytest.approx(989.4e12 * 2 / (2 * 3.35e12))
    assert (found.computes_as, found.raises_compute) == ("bf16", False)


def test_fp8_keeps_its_ridge_because_both_double():
    found = ridge(dep(precision="fp8"))
    assert found.raises_compute
    assert found.num_rows == pytest.approx(295 * (1978.9 / 989.4) / 2, rel=0.08)  # the head stays in 16 bit


def test_weight_only_formats_lower_the_ridge():
    rows = {one.precision: one.num_rows for one in ridges(FACTS.model("llama-3.1-8b"), FACTS.accelerator("h100-sxm"))}
    assert rows["int4-awq"] < rows["gguf-q8_0"] < rows["bf16"]


def test_fp4_raises_the_ridge_only_where_there_are_units():
    model = FACTS.model("llama-3.3-70b")
    hopper, blackwell = (
        {one.precision: one for one in ridges(model, FACTS.accelerator(part))} for part in ("h100-sxm", "b200-sxm")
    )
    assert not hopper["nvfp4"].raises_compute
    assert blackwell["nvfp4"].raises_compute
    assert blackwell["nvfp4"].num_rows > 3 * hopper["nvfp4"].num_rows


def test_a_mixture_needs_many_more_rows():
    mixture = ridge(dep("deepseek-v3", "h200-sxm", precision="fp8"))
    dense = ridge(dep("llama-3.3-70b", "h200-sxm", precision="fp8"))
    assert mixture.num_rows > 10 * dense.num_rows


def test_formats_without_a_rate_are_left_out():
    part = FACTS.accelerator("h100-sxm")
    bare = replace(part, dense_flop_per_s={"fp32": 1e13})
    assert [one.precision for one in ridges(FACTS.model("llama-3.1-8b"), bare)] == ["fp32"]
    with pytest.raises(MissingFact, match="no bf16 rate"):
        ridge(deployment(FACTS.model("llama-3.1-8b"), bare, precision="bf16"))


def test_a_part_without_bandwidth_has_no_bound():
    part = replace(FACTS.accelerator("h100-sxm"), memory_bandwidth_bytes_per_s=None)
    with pytest.raises(MissingFact, match="memory bandwidth"):
        roofline_bound(deployment(FACTS.model("llama-3.1-8b"), part), 1, 1)

"""Capacity and bytes against figures worked out by hand or published."""

import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.errors import Infeasible, InputError, MissingFact, UnknownName
from tokonomics.physics.capacity import memory_box, require_fit
from tokonomics.physics.deployment import deployment
from tokonomics.physics.formats import compute_rate_flop_per_s, kv_element_bytes, weight_format
from tokonomics.physics.kv_cache import kv_bytes, num_kv_shards
from tokonomics.physics.step import prefill_time_s, step_model, step_time
from tokonomics.physics.weights import weight_bytes
from tokonomics.units import GB


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


def ideal(catalog, model="llama-3-70b", part="h100-sxm", **more):
    return deployment(catalog.model(model), catalog.accelerator(part), engine="roofline", **more)


def test_llama_70b_in_awq_weighs_what_the_audit_computed(catalog):
    weights = weight_bytes(catalog.model("llama-3-70b"), weight_format("int4-awq"))
    assert weights.resident_bytes / GB == pytest.approx(39.8, abs=0.05)
    assert weights.dense_bytes / GB == pytest.approx(37.7, abs=0.05)


def test_llama_70b_in_16_bit_does_not_fit_one_h100(catalog):
    with pytest.raises(
        Infeasible, match=r"llama-3-70b in bf16 does not fit.*141\.\d GB.*usable=72\.0 GB.*at least 2 GPUs"
    ):
        require_fit(ideal(catalog))
    assert memory_box(ideal(catalog)).max_batch(1.0) == 0


def test_smallest_fitting_count_really_fits(catalog):
    assert memory_box(ideal(catalog, tensor_parallel=2)).fits
    assert not memory_box(ideal(catalog)).fits


@pytest.mark.parametrize(
    ("batch", "context"), [(1, 98_000), (4, 24_000), (16, 6_100), (32, 3_100), (64, 1_537), (128, 768), (256, 384)]
)
def test_longest_context_by_batch_as_in_the_audit(catalog, batch, context):
    """The audit prints two digits, cut and not rounded."""
    box = memory_box(ideal(catalog, precision="int4-awq"))
    assert box.max_context_tokens(batch) == pytest.approx(context, rel=0.03)


def test_fp8_kv_doubles_the_context(catalog):
    box = memory_box(ideal(catalog, precision="int4-awq", kv_format="fp8"))
    assert box.max_context_tokens(128) == pytest.approx(1537, rel=0.01)


@pytest.mark.parametrize(
    ("batch", "context", "published"),
    [
        (1, 1000, 88),
        (4, 1500, 338),
        (16, 1000, 1246),
        (32, 2000, 1813),
        (64, 1500, 3068),
        (128, 1000, 5319),
        (256, 2000, 4094),
    ],
)
def test_decode_roofline_as_in_the_audit(catalog, batch, context, published):
    """Bytes over bandwidth, the audit's table for AWQ; the kilo-contexts of its columns are 1024 each."""
    step = step_time(step_model(ideal(catalog, precision="int4-awq")), batch, context * 1.024)
    assert batch / float(step.weight_read_s + step.decode_attention_s) == pytest.approx(published, rel=0.012)


def test_prefill_rate_of_the_article(catalog):
    """989 TFLOPS over 2 x 70e9 is 7,064 tokens/s; the exact model is within 3 % of it at short prompts."""
    assert 989e12 / (2 * 70e9) == pytest.approx(7064, abs=1)
    seconds = prefill_time_s(step_model(ideal(catalog, tensor_parallel=1)), 2048.0, step_budget_tokens=8192.0)
    assert 2048 / float(seconds) == pytest.approx(7064, rel=0.03)


def test_latent_cache_is_replicated_unless_attention_is_data_parallel(catalog):
    model, part = catalog.model("deepseek-v3"), catalog.accelerator("h200-sxm")
    assert num_kv_shards(deployment(model, part, tensor_parallel=8)) == 1
    assert num_kv_shards(deployment(model, part, tensor_parallel=8, attention_data_parallel=True)) == 8
    assert kv_bytes(deployment(model, part, tensor_parallel=8)).full_bytes_per_token == 70_272


def test_heads_are_replicated_beyond_their_number(catalog):
    model, part = catalog.model("qwen3-30b-a3b"), catalog.accelerator("h100-sxm")
    shares = [num_kv_shards(deployment(model, part, tensor_parallel=tp)) for tp in (1, 2, 4, 8)]
    assert shares == [1, 2, 4, 4]


def test_sliding_window_stops_growing(catalog):
    kv = kv_bytes(ideal(catalog, "gemma-3-27b"))
    assert (kv.full_bytes_per_token, kv.window_bytes_per_token, kv.window_tokens) == (81_920, 425_984, 1024)
    assert float(kv.sequence_bytes(10_000)) == 10_000 * 81_920 + 1024 * 425_984


def test_experts_alone_are_quantised_in_mxfp4(catalog):
    weights = weight_bytes(catalog.model("gpt-oss-120b"), weight_format("mxfp4"))
    assert weights.resident_bytes / GB == pytest.approx(65.3, rel=0.03)  # the published checkpoint is about 65 GB


def test_formats_fall_back_where_the_part_has_no_units(catalog):
    assert compute_rate_flop_per_s(catalog.accelerator("a100-sxm-80"), weight_format("fp8"))[0] == "bf16"
    assert compute_rate_flop_per_s(catalog.accelerator("h100-sxm"), weight_format("fp8"))[0] == "fp8"
    assert compute_rate_flop_per_s(catalog.accelerator("h100-sxm"), weight_format("nvfp4"))[0] == "bf16"
    assert compute_rate_flop_per_s(catalog.accelerator("b300-sxm"), weight_format("int8"))[0] == "bf16"


def test_missing_facts_are_errors_and_not_guesses(catalog):
    model = catalog.model("llama-3.1-8b")
    with pytest.raises(MissingFact, match="h100-nvl has no memory bandwidth"):
        step_model(deployment(model, catalog.accelerator("h100-nvl")))
    with pytest.raises(MissingFact, match="epyc-genoa has no memory size"):
        memory_box(deployment(model, catalog.accelerator("epyc-genoa")))
    with pytest.raises(MissingFact, match="mi355x has no link rate"):
        step_model(deployment(model, catalog.accelerator("mi355x"), tensor_parallel=2))


def test_names_and_counts_are_checked(catalog):
    model, part = catalog.model("llama-3.1-8b"), catalog.accelerator("h100-sxm")
    with pytest.raises(UnknownName, match="int4-awq"):
        deployment(model, part, precision="int4-awk")
    with pytest.raises(UnknownName):
        kv_element_bytes("fp7")
    with pytest.raises(UnknownName):
        deployment(model, part, engine="vlm")
    with pytest.raises(InputError, match=r"tensor_parallel=0.*pipeline_parallel=99 exceeds the 32 layers"):
        deployment(model, part, tensor_parallel=0, pipeline_parallel=99)


def test_data_parallel_attention_holds_a_copy_of_attention_on_every_rank(catalog):
    model, part = catalog.model("deepseek-v3"), catalog.accelerator("h200-sxm")
    plain = deployment(model, part, tensor_parallel=8)
    copied = deployment(model, part, tensor_parallel=8, attention_data_parallel=True)
    extra = memory_box(copied).weight_bytes - memory_box(plain).weight_bytes
    assert extra == pytest.approx(model.params.attention * 7 / 8)
    assert memory_box(copied).max_batch(4096) > memory_box(plain).max_batch(4096)


def test_expert_parallelism_sends_less_and_suffers_imbalance(catalog):
    model, part = catalog.model("mixtral-8x7b"), catalog.accelerator("h100-sxm")
    sliced, whole = (step_model(deployment(model, part, tensor_parallel=8, expert_parallel=ep)) for ep in (False, True))
    assert whole.link_bytes_per_token < sliced.link_bytes_per_token
    spread = deployment(model, part, tensor_parallel=8, expert_parallel=True).constants.expert_imbalance_ratio
    assert 1.0 < spread < 1.5
    assert whole.expert_bytes == pytest.approx(spread * float(sliced.expert_bytes))
    with pytest.raises(InputError, match="expert_parallel needs a mixture of experts; llama-3.1-8b is dense"):
        deployment(catalog.model("llama-3.1-8b"), part, expert_parallel=True)

"""The audit's roofline table: Llama-3-70B on one H100 SXM, recomputed from the public rates. Figures are the audit's."""

import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.optimisation.cross_test import cross_test
from tokonomics.economics.optimisation.quantisation import format_change, format_gains
from tokonomics.economics.optimisation.stack import INFEASIBLE, stack
from tokonomics.economics.optimisation.stack_steps import Served
from tokonomics.economics.serving.decode_formulas import (
    compute_use_frac,
    prefill_tokens_per_s,
    running_sequences,
    small_batch,
)
from tokonomics.economics.serving.frontier import sweep
from tokonomics.economics.serving.operating_points import operating_point, premium_ratio
from tokonomics.economics.serving.regimes import regime_bands
from tokonomics.economics.serving.replica import refusal, replica_of
from tokonomics.economics.serving.roofline import ridge, roofline_bound
from tokonomics.economics.serving.steady_load import decode_only
from tokonomics.economics.serving.sweet_spot import sweet_spot
from tokonomics.economics.serving.user_figures import UserFigure, check_figure
from tokonomics.errors import Infeasible, InputError
from tokonomics.physics.capacity import memory_box
from tokonomics.physics.deployment import deployment
from tokonomics.units import GB
from tokonomics.workload.slo import parse_slo

BATCHES = (1, 4, 16, 32, 64, 128, 256)
# batch: AWQ bound at 1k, 1.5k and 2k context; longest context that fits; FP16 bound at 1k (tok/s)
TABLE = {
    1: ((88, 88, 87), 98_373, 24),
    4: ((344, 338, 332), 24_593, 95),
    16: ((1246, 1172, 1107), 6_148, 371),
    32: ((2215, 1994, 1813), 3_074, 716),
    64: ((3625, 3068, 2660), 1_537, 1336),
    128: ((5319, 4200, 3470), 768, 2357),
    256: ((6941, 5150, 4094), 384, 3813),
}
# The article, section 5: batch, tok/s, mean ms/token, p99 ms/token
ARTICLE = ((1, 34, 29, 31), (4, 128, 31, 35), (16, 480, 33, 42), (32, 880, 36, 52), (64, 1520, 42, 68),
           (128, 2100, 61, 95), (256, 2450, 104, 180))  # fmt: skip


def h100(precision, engine="roofline", num_gpus=1):
    facts = load_catalog()
    return deployment(
        facts.model("llama-3-70b"),
        facts.accelerator("h100-sxm"),
        precision=precision,
        engine=engine,
        tensor_parallel=num_gpus,
    )


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(("column", "context"), [(0, 1024), (1, 1536), (2, 2048)])
def test_awq_bounds(batch, column, context):
    bound = roofline_bound(h100("int4-awq"), batch, context)
    assert float(bound.output_tokens_per_s) == pytest.approx(TABLE[batch][0][column], abs=1.0)


@pytest.mark.parametrize("batch", BATCHES)
def test_fp16_bounds(batch):
    bound = roofline_bound(h100("fp16"), batch, 1024)
    audit = TABLE[batch][2]
    if batch <= 64:
        assert float(bound.output_tokens_per_s) == pytest.approx(audit, abs=1.0)
    else:  # the audit divides the bytes of the whole model at large batches; within half a percent
        assert float(bound.output_tokens_per_s) == pytest.approx(audit, rel=5e-3)


@pytest.mark.parametrize("batch", BATCHES)
def test_longest_context_that_fits(batch):
    found = memory_box(h100("int4-awq")).max_context_tokens(batch)
    assert found == pytest.approx(TABLE[batch][1], rel=1e-3)


def test_every_row_is_bound_by_memory_and_compute_ties_only_at_256():
    bound = roofline_bound(h100("int4-awq"), list(BATCHES), 1024)
    assert set(bound.binds.tolist()) == {"bandwidth"}
    ties = bound.compute_s / bound.memory_s
    assert ties[:-1].max() < 0.8
    assert ties[-1] == pytest.approx(1.0, abs=0.01)


def test_fp16_is_refused():
    box = memory_box(h100("fp16"))
    assert box.weight_bytes / GB == pytest.approx(141.1, abs=0.05)
    with pytest.raises(Infeasible, match=r"fp16 does not fit: .*=141\.\d GB a GPU"):
        sweep(h100("fp16"), decode_only(1024))
    assert memory_box(h100("fp16", num_gpus=2)).max_batch(1024) < 64
    assert memory_box(h100("fp16", num_gpus=4)).max_batch(1024) >= 64


def test_two_gpus_leave_8850_tokens_to_fp16():
    box = memory_box(h100("fp16", num_gpus=2))
    assert box.kv_room_bytes / box.kv.full_bytes_per_token == pytest.approx(
        8850, abs=30
    )  # the audit rounds the weights to 141.1 GB, which is 22 tokens


def test_awq_sizes():
    box = memory_box(h100("int4-awq"))
    assert box.weight_bytes / GB == pytest.approx(39.8, abs=0.05)
    change = format_change(h100("fp16").model, h100("fp16").accelerator, "fp16", "int4-awq")
    assert change.size_ratio == pytest.approx(0.282, abs=5e-4)
    assert change.bits_ratio == 4
    assert change.compute_ratio == 1, "hopper has no 4-bit units"


def test_batch_128_is_refused_for_kv():
    swept = sweep(h100("int4-awq"), decode_only(1536), batches=BATCHES)
    assert [point.batch for point in swept.points] == [1, 4, 16, 32, 64]
    assert [gone.batch for gone in swept.refused] == [128, 256]
    assert "KV of 128 x 1,536 tokens=64.4 GB a GPU; room=32.2 GB" in swept.refused[0].reason
    assert "contexts of 768 tokens" in swept.refused[0].reason
    assert swept.replica.max_batch == 64
    assert swept.points[-1].binds == "capacity"
    bounds = [point.bound_tokens_per_s for point in swept.points]
    assert bounds == pytest.approx([TABLE[batch][0][1] for batch in BATCHES[:5]], abs=1.0)


def test_batch_128_fits_with_an_8_bit_cache():
    facts = load_catalog()
    dep = deployment(
        facts.model("llama-3-70b"),
        facts.accelerator("h100-sxm"),
        precision="int4-awq",
        kv_format="fp8",
        engine="roofline",
    )
    assert memory_box(dep).max_context_tokens(128) == pytest.approx(1537, abs=1)
    assert memory_box(dep).max_context_tokens(256) == pytest.approx(768, abs=1)


def test_no_engine_passes_the_bound():
    for engine in ("roofline", "vllm", "trtllm", "sglang"):
        swept = sweep(h100("int4-awq", engine), decode_only(1536))
        assert all(point.output_tokens_per_s <= point.bound_tokens_per_s for point in swept.points)


@pytest.mark.parametrize(("precision", "num_rows"), [("fp16", 295), ("int4-awq", 80)])
def test_ridge(precision, num_rows):
    found = ridge(h100(precision))
    assert found.num_rows == pytest.approx(num_rows, abs=0.5)
    assert not found.raises_compute


def test_the_ridge_of_128_rows_is_an_a100s():
    facts = load_catalog()
    a100 = deployment(facts.model("llama-3-70b"), facts.accelerator("a100-sxm-80"), precision="bf16")
    assert ridge(a100).num_rows == pytest.approx(153, abs=1)


@pytest.mark.parametrize(
    ("batch", "rate", "share"),
    [(1, 34, 0.39), (1, 78, 0.89), (4, 128, 0.38), (16, 480, 0.41), (16, 680, 0.58), (32, 880, 0.44), (64, 1850, 0.60),
     (64, 2400, 0.78), (64, 2800, 0.91)],
)  # fmt: skip
def test_stated_rates_as_shares_of_the_bound(batch, rate, share):
    figure = UserFigure(num_sequences=batch, output_tokens_per_s=rate, context_tokens=1536)
    assert check_figure(h100("int4-awq"), figure).bound_frac == pytest.approx(share, abs=0.006)


def test_95_tokens_per_s_is_impossible():
    with pytest.raises(InputError, match=r"tok_s=95 is above the roofline .* limit=88\.9\d tok/s"):
        check_figure(h100("int4-awq"), UserFigure(num_sequences=1, output_tokens_per_s=95))


def test_34_tokens_per_s_in_fp16_neither_fits_nor_runs():
    with pytest.raises(Infeasible) as refused:
        check_figure(h100("fp16"), UserFigure(num_sequences=1, output_tokens_per_s=34))
    misfit, above = refused.value.violations
    assert "does not fit" in misfit
    assert "141.1 GB" in misfit
    assert "limit=24.1 tok/s" in above


def test_1520_in_fp16_is_the_roofline_without_a_cache():
    assert 64 * 3.35e12 / memory_box(h100("fp16")).weight_bytes == pytest.approx(1519, abs=1)
    bound = roofline_bound(h100("fp16"), 64, 1024)
    assert float(bound.output_tokens_per_s) < 1520


@pytest.mark.parametrize(("rate", "batch", "ms"), [(row[1], row[0], row[2]) for row in ARTICLE])
def test_the_articles_rows_keep_the_identity(rate, batch, ms):
    assert running_sequences(output_tokens_per_s=rate, itl_s=ms / 1000) == pytest.approx(batch, rel=0.02)


def test_the_cache_weighs_as_much_as_the_weights_at_batch_75():
    box = memory_box(h100("int4-awq"))
    told = small_batch(
        num_sequences=64,
        bandwidth_bytes_per_s=3.35e12,
        weights_bytes=37.67e9,
        kv_bytes_per_token=box.kv.full_bytes_per_token,
        context_tokens=1536,
    )
    assert told.parity_sequences == pytest.approx(75, abs=0.5)
    bound = roofline_bound(h100("int4-awq"), [1, 64], 1536)
    assert bound.step_s[1] / bound.step_s[0] == pytest.approx(1.83, abs=0.01)


def test_prefill_peak():
    assert prefill_tokens_per_s(peak_flop_per_s=989e12, num_params=70e9) == pytest.approx(7064.29, abs=0.01)
    shares = [
        compute_use_frac(prompt_tokens_per_s=rate, peak_flop_per_s=989e12, num_params=70e9) for rate in (4e3, 5e3)
    ]
    assert shares == pytest.approx([0.566, 0.708], abs=5e-4)


def test_int4_gains_3_7_times_at_batch_1_and_less_at_64():
    one, last = format_gains(
        h100("fp16").model,
        h100("fp16").accelerator,
        "fp16",
        "int4-awq",
        batches=(1, 64),
        context_tokens=0,
        engine="roofline",
    )
    assert one.bound_ratio == pytest.approx(3.69, abs=0.005)
    assert last.bound_ratio <= one.bound_ratio


def test_16_bit_at_64_beats_4_bit_at_4_but_needs_four_gpus():
    facts = load_catalog()
    told = cross_test(facts.model("llama-3-70b"), facts.accelerator("h100-sxm"), decode_only(1024), engine="roofline")
    assert told.first.deployment.num_gpus == 4
    assert told.first.gpu_bound_tokens_per_s == pytest.approx(1336, abs=1)
    assert told.second.gpu_bound_tokens_per_s == pytest.approx(344, abs=1)
    assert told.bound_ratio == pytest.approx(3.88, abs=0.01)
    assert told.cheaper is told.first


def test_the_articles_own_table_gives_the_articles_own_labels():
    batches, rates = [row[0] for row in ARTICLE], [row[1] for row in ARTICLE]
    bands = [(band.name, band.low_batch, band.high_batch) for band in regime_bands(batches, rates)]
    assert bands == [("free lunch", 1, 16), ("good scaling", 16, 64), ("slowing", 64, 128), ("plateau", 128, 256)]
    spot = sweet_spot(batches, rates, [row[2] / 1000 for row in ARTICLE])
    assert spot.batch == 64
    assert spot.throughput_frac == pytest.approx(0.62, abs=0.005), "the article says 80 to 90 %"
    assert spot.latency_frac == pytest.approx(0.40, abs=0.005)


def test_the_stack_shows_what_does_not_fit():
    facts = load_catalog()
    told = stack(
        Served(
            model=facts.model("llama-3-70b"),
            accelerator=facts.accelerator("h100-sxm"),
            input_tokens=1024,
            output_tokens=1024,
            engine="roofline",
        )
    )
    rows = {row.name: row for row in told.rows}
    naive = rows["bf16 weights, batch 1, naive"]
    assert naive.status == INFEASIBLE
    assert naive.outcome is None
    assert "141." in naive.reason
    assert rows["continuous batching, 64"].status == INFEASIBLE
    assert rows["int4-awq weights"].outcome.output_tokens_per_s < 88
    assert rows["FlashAttention"].step_factor < 1.01, "the article has 1.22 at batch 1"
    assert told.largest_lever.lever == "batching"


def test_an_slo_on_the_mean_and_on_the_99th_percentile_are_not_the_same_batch():
    swept = sweep(h100("int4-awq", "vllm"), decode_only(1536), replica_usd_per_hour=2.49)
    mean, tail = (operating_point(swept, parse_slo(slo)) for slo in ("itl_mean=30ms", "itl_p99=30ms"))
    assert tail.batch < mean.batch
    assert premium_ratio(tail, mean) > 1


def test_refusal_names_the_batch_that_runs():
    replica = replica_of(h100("int4-awq"), decode_only(1536))
    assert "at most 64 run" in refusal(replica, 65)
    assert refusal(replica, 64) == ""

"""The optimisation waterfall: what is kept, aside and infeasible, and who is credited with what."""

import math
from dataclasses import replace

import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.optimisation.cross_test import cross_test
from tokonomics.economics.optimisation.quantisation import format_change, format_gains
from tokonomics.economics.optimisation.stack import ASIDE, INFEASIBLE, KEPT, stack
from tokonomics.economics.optimisation.stack_outcome import Pricing
from tokonomics.economics.optimisation.stack_steps import STEPS, Served, Setup, serve
from tokonomics.economics.optimisation.unfused_attention import score_traffic, with_scores
from tokonomics.economics.serving.frontier import sweep
from tokonomics.economics.serving.operating_points import operating_point
from tokonomics.economics.serving.replica import replica_of
from tokonomics.economics.serving.stack_assumptions import assumed_figures
from tokonomics.economics.serving.steady_load import decode_only, request_load
from tokonomics.errors import InputError, MissingFact, UnknownName
from tokonomics.physics.capacity import memory_box
from tokonomics.physics.deployment import deployment
from tokonomics.physics.step import step_model, step_time
from tokonomics.workload.slo import parse_slo

FACTS = load_catalog()
VALUES = assumed_figures()


def served(model="llama-3-70b", part="h100-sxm", input_tokens=1024, output_tokens=1024, **more):
    return Served(
        model=FACTS.model(model),
        accelerator=FACTS.accelerator(part),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        **more,
    )


def climb(pricing=None, stated=None, **more):
    return stack(served(**more), pricing or Pricing(replica_usd_per_hour=2.49), stated=stated)


def row(told, lever):
    return next(one for one in reversed(told.rows) if one.lever == lever)


ONE = climb()
FOUR = climb(num_gpus=4)
SMALL = climb(model="llama-3.1-8b")


class TestWaterfall:
    def test_the_rows_are_the_list(self):
        assert len(ONE.rows) == len(STEPS) + 1
        assert [one.lever for one in ONE.rows] == ["baseline", *(step.lever for step in STEPS)]
        assert ONE.rows[1].name == "int4-awq weights"
        assert ONE.rows[-1].name == "fp8 KV cache"

    def test_what_does_not_fit_has_no_numbers(self):
        naive = ONE.rows[0]
        assert naive.status == INFEASIBLE
        assert naive.outcome is naive.step_factor is naive.cumulative_factor is naive.log_frac is None
        assert "use more GPUs or fewer bits" in naive.reason

    def test_more_gpus_give_the_naive_baseline_a_number(self):
        assert FOUR.rows[0].status == KEPT
        assert FOUR.rows[0].cumulative_factor == 1
        assert FOUR.rows[0].outcome.batch == 1

    @pytest.mark.parametrize("told", [ONE, FOUR, SMALL])
    def test_factors_multiply_to_the_whole(self, told):
        kept = told.kept
        assert math.prod(one.step_factor for one in kept) == pytest.approx(told.total_factor)
        rates = [one.outcome.output_tokens_per_s for one in kept]
        assert told.total_factor == pytest.approx(rates[-1] / rates[0])
        assert [one.cumulative_factor for one in kept] == pytest.approx([rate / rates[0] for rate in rates])
        assert rates == sorted(rates)

    @pytest.mark.parametrize("told", [ONE, FOUR, SMALL])
    def test_shares_add_up_and_levers_multiply(self, told):
        assert sum(one.log_frac for one in told.kept) == pytest.approx(1)
        assert sum(gain.log_frac for gain in told.levers) == pytest.approx(1)
        assert math.prod(gain.lever_factor for gain in told.levers) == pytest.approx(told.total_factor)
        assert told.levers[0] is told.largest_lever
        assert told.largest_lever.lever == "batching"

    def test_factors_of_throughput_are_factors_of_cost(self):
        first, last = FOUR.kept[0].outcome.cost, FOUR.kept[-1].outcome.cost
        assert first.blended_usd_per_mtok / last.blended_usd_per_mtok == pytest.approx(FOUR.total_factor)

    def test_a_step_that_loses_stands_aside_and_the_next_does_without(self):
        told = climb(stated={"acceptance_frac": 0.0})
        aside = row(told, "speculation")
        assert aside.status == ASIDE
        assert aside.step_factor < 1
        assert aside.cumulative_factor is aside.log_frac is None
        assert row(told, "KV quantisation").setup.speculation is None
        assert "speculation" not in [gain.lever for gain in told.levers]

    def test_a_step_that_helps_stays(self):
        told = climb(model="llama-3.1-8b", stated={"draft_cost_ratio": 0.01})
        assert row(told, "speculation").status == KEPT
        assert row(told, "KV quantisation").setup.speculation is not None

    def test_an_infeasible_batch_is_not_carried(self):
        """64 do not fit in one piece; the next row takes what fits, so that paging is not credited with batching."""
        rows = {one.name: one for one in ONE.rows}
        assert rows["continuous batching, 64"].status == INFEASIBLE
        assert "38% of the memory for a cache in one piece holds tokens" in rows["continuous batching, 64"].reason
        fitting = rows["as many as fit in one piece"]
        assert 16 < fitting.outcome.batch < 64
        assert fitting.outcome.batch == fitting.outcome.replica.max_batch
        paged = rows["paged KV cache"]
        assert paged.step_factor == pytest.approx(
            paged.outcome.output_tokens_per_s / fitting.outcome.output_tokens_per_s
        )

    def test_nothing_fits(self):
        told = climb(part="rtx4090")
        assert {one.status for one in told.rows} == {INFEASIBLE}
        assert (told.total_factor, told.levers, told.largest_lever, told.kept) == (None, (), None, ())

    def test_without_a_price_there_are_rates_and_no_costs(self):
        told = climb(Pricing())
        assert all(one.outcome.cost is None for one in told.kept)
        assert told.total_factor == pytest.approx(ONE.total_factor)

    @pytest.mark.parametrize("model", ["qwen3-next-80b-a3b", "gemma-3-27b", "gpt-oss-120b", "deepseek-v3"])
    def test_every_shape_of_model_climbs(self, model):
        told = climb(model=model, part="b200-sxm", num_gpus=8)
        assert told.total_factor > 1
        assert all(math.isfinite(one.outcome.output_tokens_per_s) for one in told.kept)


class TestSlo:
    LIMIT = parse_slo("itl_p99=30ms")

    def test_batches_stay_within_the_limit_where_one_can(self):
        told = climb(Pricing(slo=self.LIMIT), model="llama-3.1-8b", input_tokens=4000, output_tokens=300)
        for one in told.kept:
            assert one.outcome.fails == ()
        assert row(told, "paging").outcome.batch < row(climb(model="llama-3.1-8b"), "paging").outcome.batch

    def test_a_limit_that_no_batch_keeps_is_said_on_the_row(self):
        told = climb(Pricing(slo=parse_slo("itl_p99=1ms")))
        assert {one.outcome.batch for one in told.kept} == {1}
        assert all(one.outcome.fails[0].startswith("itl_p99=") for one in told.kept)

    def test_a_fixed_batch_gives_way_to_the_limit(self):
        """16 would miss it, so fewer run, and the row keeps the limit."""
        told = climb(Pricing(slo=parse_slo("itl_p99=25ms")), engine="roofline", input_tokens=2048, output_tokens=256)
        sixteen = next(one for one in told.rows if one.name == "continuous batching, 16")
        assert 1 < sixteen.outcome.batch < 16
        assert sixteen.outcome.fails == ()

    def test_speculation_buys_a_larger_batch_within_a_limit(self):
        """The indirect saving: the same limit on latency at a lower cost of a token."""
        slo = Pricing(replica_usd_per_hour=2.49, slo=parse_slo("itl_p99=12ms"))
        load = {"model": "llama-3.1-8b", "input_tokens": 256, "output_tokens": 1024}
        before, after = (row(climb(slo, **load), lever) for lever in ("chunked prefill", "speculation"))
        assert after.status == KEPT
        assert after.outcome.batch > before.outcome.batch
        assert after.outcome.cost.blended_usd_per_mtok < before.outcome.cost.blended_usd_per_mtok

    def test_only_the_gap_between_tokens_is_judged(self):
        with pytest.raises(InputError, match="judged by itl only"):
            climb(Pricing(slo=parse_slo("ttft_p95=1s")))


class TestSteps:
    def test_paging_wastes_half_a_block(self):
        paged = serve(served(engine="roofline"), Setup(precision="int4-awq", is_fused=True, is_paged=True), VALUES)
        box = memory_box(deployment(FACTS.model("llama-3-70b"), FACTS.accelerator("h100-sxm"), precision="int4-awq",
                                    engine="roofline"))  # fmt: skip
        assert paged.max_batch == box.max_batch(1536 + 8) == 63

    def test_contiguous_caches_use_the_share_that_was_measured(self):
        setup = Setup(precision="int4-awq", is_fused=True)
        paged = serve(served(engine="roofline"), replace(setup, is_paged=True), VALUES)
        for share in (0.2, 0.5):
            held = serve(served(engine="roofline"), setup, {**VALUES, "contiguous_kv_used_frac": share}).max_batch
            assert held == pytest.approx(share * paged.max_batch, abs=1.1)

    def test_a_lone_sequence_wastes_nothing(self):
        long = served(input_tokens=60_000, output_tokens=1000, engine="roofline")
        assert serve(long, Setup(precision="int4-awq", is_fused=True), VALUES).max_batch == 1

    def test_a_cached_prefix_is_not_prefilled_but_held(self):
        setup = Setup(precision="int4-awq", is_fused=True, is_paged=True)
        plain, cached = (serve(served(), replace(setup, cached_input_frac=share), VALUES) for share in (0.0, 0.5))
        assert cached.load.shape.input_tokens == plain.load.shape.input_tokens / 2
        assert cached.max_batch == plain.max_batch

    def test_chunks_shorten_the_longest_step(self):
        chunked = row(climb(input_tokens=4096), "chunked prefill")
        whole = row(climb(input_tokens=4096), "prefix cache")
        assert chunked.outcome.longest_step_s < whole.outcome.longest_step_s / 2

    def test_a_budget_that_starves_caps_the_batch(self):
        setup = Setup(precision="int4-awq", is_fused=True, is_paged=True, chunk_tokens=512)
        long = served("llama-3.1-8b", input_tokens=4000, output_tokens=300)
        assert serve(long, setup, VALUES).max_batch == int(512 / (1 + 4000 / 300)) == 35

    def test_a_draft_takes_room_for_weights_and_cache(self):
        told = climb()
        before, after = row(told, "chunked prefill").outcome, row(told, "speculation").outcome
        assert after.replica.box.weight_bytes == pytest.approx(1.057 * before.replica.box.weight_bytes)
        assert after.replica.max_batch < before.replica.max_batch

    def test_an_8_bit_cache_holds_twice_as_many(self):
        told = climb(stated={"acceptance_frac": 0.0}, engine="roofline")
        before, after = row(told, "chunked prefill").outcome, row(told, "KV quantisation").outcome
        assert after.replica.max_batch == pytest.approx(2 * before.replica.max_batch, abs=1)

    def test_the_end_of_the_stack_is_near_the_frontier(self):
        """Paged, fused and otherwise plain, a setup is the deployment that `tok frontier` sweeps."""
        paged = row(climb(engine="roofline"), "paging").outcome
        dep = deployment(
            FACTS.model("llama-3-70b"), FACTS.accelerator("h100-sxm"), precision="int4-awq", engine="roofline"
        )
        swept = sweep(dep, request_load(1024, 1024), batches=(paged.batch,))
        assert paged.output_tokens_per_s == pytest.approx(swept.points[0].output_tokens_per_s)
        assert operating_point(swept, parse_slo("itl_p99=1s")).batch == paged.batch + 1


class TestUnfusedAttention:
    def test_scores_are_heads_times_context(self):
        dep = deployment(FACTS.model("llama-3-70b"), FACTS.accelerator("h100-sxm"))
        traffic = score_traffic(dep, 1000, num_score_passes=4, num_live_score_matrices=2)
        assert traffic.full_bytes_per_token == 80 * 64 * 2 * 4
        assert traffic.window_bytes_per_token == 0
        assert traffic.alive_bytes == 2 * 64 * 2 * 1000**2

    def test_shards_share_them(self):
        one, two = (
            score_traffic(
                deployment(FACTS.model("llama-3-70b"), FACTS.accelerator("h100-sxm"), tensor_parallel=tp),
                1000,
                num_score_passes=4,
                num_live_score_matrices=2,
            )
            for tp in (1, 2)
        )
        assert two.full_bytes_per_token == one.full_bytes_per_token / 2
        assert two.alive_bytes == one.alive_bytes / 2

    def test_windows_have_their_own(self):
        dep = deployment(FACTS.model("gemma-3-27b"), FACTS.accelerator("h100-sxm"))
        traffic = score_traffic(dep, 1000, num_score_passes=4, num_live_score_matrices=2)
        kv = dep.model.kv
        assert (
            traffic.window_bytes_per_token / traffic.full_bytes_per_token == kv.num_window_layers / kv.num_full_layers
        )

    def test_the_direct_gain_grows_with_context(self):
        """1.0 times at a thousand tokens, where the article has 1.2; more where scores are the traffic."""
        dep = deployment(FACTS.model("llama-3-70b"), FACTS.accelerator("h100-sxm"), precision="int4-awq")
        step = step_model(dep)
        gains = []
        for context in (1024, 16_384, 65_536):
            traffic = score_traffic(dep, 1024, num_score_passes=4, num_live_score_matrices=2)
            naive, fused = (float(step_time(one, 1, context).total_s) for one in (with_scores(step, traffic), step))
            gains.append(naive / fused)
        assert gains == sorted(gains)
        assert gains[0] < 1.005
        assert 1.02 < gains[-1] < 1.125

    def test_prompts_gain_more_and_free_memory(self):
        long = climb(input_tokens=8192, output_tokens=256)
        fused = row(long, "attention")
        assert fused.step_factor > 1.02
        naive = row(long, "quantisation").outcome.replica.box
        freed = naive.activation_bytes - fused.outcome.replica.box.activation_bytes
        assert freed == pytest.approx(2 * 64 * 2 * 8192**2)

    def test_its_memory_can_be_what_makes_a_prompt_fit(self):
        long = climb(input_tokens=30_000, output_tokens=512)
        assert row(long, "quantisation").status == INFEASIBLE
        assert row(long, "attention").status == KEPT


class TestFormats:
    def test_bits_promise_more_than_they_keep(self):
        change = format_change(FACTS.model("llama-3-70b"), FACTS.accelerator("h100-sxm"), "bf16", "int4-awq")
        assert (change.bits_ratio, change.computes_as, change.compute_ratio) == (4, "bf16", 1)
        assert 0.25 < change.size_ratio < 0.30

    def test_units_make_fp8_faster_too(self):
        change = format_change(FACTS.model("llama-3-70b"), FACTS.accelerator("h100-sxm"), "bf16", "fp8")
        assert change.compute_ratio == pytest.approx(2, rel=0.01)
        old = format_change(FACTS.model("llama-3-70b"), FACTS.accelerator("a100-sxm-80"), "bf16", "fp8")
        assert old.compute_ratio == 1

    def test_the_gain_fades_with_the_batch(self):
        gains = format_gains(
            FACTS.model("llama-3-70b"),
            FACTS.accelerator("h100-sxm"),
            "bf16",
            "int4-awq",
            batches=(1, 4, 16, 64, 256, 1024),
            context_tokens=1536,
        )
        # A bound never loses; measured kernels pay for unpacking once arithmetic binds, by a few percent.
        for field, least in (("bound_ratio", 0.99), ("engine_ratio", 0.9)):
            values = [getattr(gain, field) for gain in gains]
            assert values == sorted(values, reverse=True)
            assert values[0] > 2.5
            assert least < values[-1] < 1.5

    def test_wrong_names_and_batches(self):
        model, part = FACTS.model("llama-3-70b"), FACTS.accelerator("h100-sxm")
        with pytest.raises(UnknownName):
            format_change(model, part, "bf16", "int3")
        with pytest.raises(InputError, match="batch=0"):
            format_gains(model, part, "bf16", "fp8", batches=(0,), context_tokens=0)
        with pytest.raises(MissingFact):
            format_change(model, replace(part, dense_flop_per_s={}), "bf16", "fp8")


class TestCrossTest:
    def test_batching_beats_bits_a_gpu(self):
        told = cross_test(FACTS.model("llama-3-70b"), FACTS.accelerator("h100-sxm"), decode_only(1024))
        assert told.cheaper is told.first
        assert told.engine_ratio == pytest.approx(told.first.gpu_tokens_per_s / told.second.gpu_tokens_per_s)
        assert (told.first.deployment.num_gpus, told.second.deployment.num_gpus) == (4, 1)

    def test_at_one_batch_bits_win(self):
        told = cross_test(
            FACTS.model("llama-3-70b"),
            FACTS.accelerator("h100-sxm"),
            decode_only(1024),
            first=("fp16", 4),
            second=("int4-awq", 4),
        )
        assert told.cheaper is told.second

    def test_what_fits_nowhere_has_no_verdict(self):
        told = cross_test(
            FACTS.model("llama-3-70b"), FACTS.accelerator("rtx4090"), decode_only(1024), first=("fp32", 64)
        )
        assert told.cheaper is told.engine_ratio is told.first.deployment is None

    def test_a_part_without_a_link_is_tried_alone(self):
        part = replace(FACTS.accelerator("h100-sxm"), link_bytes_per_s=None)
        told = cross_test(FACTS.model("llama-3-70b"), part, decode_only(1024))
        assert told.first.deployment is None
        assert told.second.deployment.num_gpus == 1

    def test_the_contender_is_the_physics(self):
        told = cross_test(FACTS.model("llama-3-70b"), FACTS.accelerator("h100-sxm"), decode_only(1024))
        assert replica_of(told.second.deployment, decode_only(1024)).max_batch >= 4


class TestRefusals:
    @pytest.mark.parametrize(
        ("more", "word"),
        [
            ({"input_tokens": 0}, "input_tokens=0"),
            ({"output_tokens": float("nan")}, "output_tokens=nan"),
            ({"pricing": Pricing(tail_percentile=100)}, "percentile=100"),
            ({"pricing": Pricing(replica_usd_per_hour=-1)}, "replica_usd_per_hour=-1"),
            ({"stated": {"no_such": 1.0}}, "unknown assumption 'no_such'"),
            ({"stated": {"num_chunk_tokens": 0}}, "num_chunk_tokens=0"),
        ],
    )
    def test_wrong_questions(self, more, word):
        with pytest.raises(InputError, match=word):
            climb(**more)

    def test_unknown_formats(self):
        with pytest.raises(UnknownName):
            climb(precision="int3")
        with pytest.raises(UnknownName):
            climb(kv_format="fp3")

"""The sweep: points, refusals, costs, percentiles and what dominates what."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.serving.dominance import dominated, mark_dominated
from tokonomics.economics.serving.frontier import sweep, sweep_point
from tokonomics.economics.serving.kv_pressure import kv_pressure
from tokonomics.economics.serving.latency_growth import latency_growth
from tokonomics.economics.serving.replica import batch_rates, itl_at_s, metric_at_s, refusal, replica_of
from tokonomics.economics.serving.steady_load import decode_only, request_load
from tokonomics.errors import Infeasible, InputError
from tokonomics.physics.deployment import deployment
from tokonomics.physics.steady import steady_batch
from tokonomics.units import usd_per_mtok

FACTS = load_catalog()
DECODE, CHAT = decode_only(1536), request_load(1024, 1024)


def dep(model="llama-3-70b", part="h100-sxm", precision="int4-awq", **more):
    return deployment(FACTS.model(model), FACTS.accelerator(part), precision=precision, **more)


def replica(load=CHAT, **more):
    return replica_of(dep(**more), load)


class TestLoad:
    def test_requests_hold_their_prompt_and_half_their_answer(self):
        load = request_load(1000, 200)
        assert (load.shape.context_tokens, load.longest_tokens, load.total_input_tokens) == (1100, 1200, 1000)
        assert not load.is_decode_only

    def test_cached_prompts_are_not_prefilled_but_are_held(self):
        load = request_load(1000, 200, cached_input_frac=0.25)
        assert (load.shape.input_tokens, load.total_input_tokens, load.shape.context_tokens) == (750, 1000, 1100)
        assert load.name == "1,000 tokens in (25% of it cached), 200 out"

    def test_decode_alone_has_no_prompts(self):
        assert DECODE.is_decode_only
        assert DECODE.spread_at(99.0).input_tokens == 0

    @pytest.mark.parametrize(
        "make",
        [
            lambda: decode_only(0),
            lambda: decode_only(float("nan")),
            lambda: request_load(0, 10),
            lambda: request_load(10, -1),
            lambda: request_load(10, 10, cached_input_frac=1.5),
        ],
    )
    def test_absurd_lengths_are_refused(self, make):
        with pytest.raises(InputError):
            make()


class TestPoints:
    def test_powers_of_two_the_limit_and_two_refused(self):
        swept = sweep(dep(engine="roofline"), decode_only(1700))
        assert [point.batch for point in swept.points] == [1, 2, 4, 8, 16, 32, 57]
        assert [gone.batch for gone in swept.refused] == [64, 128]

    def test_a_limit_that_is_a_power_of_two_is_shown_once(self):
        swept = sweep(dep(engine="roofline"), DECODE)
        assert [point.batch for point in swept.points] == [1, 2, 4, 8, 16, 32, 64]
        assert [gone.batch for gone in swept.refused] == [128, 256]

    def test_named_batches_are_sorted_and_kept_once(self):
        swept = sweep(dep(), DECODE, batches=(640, 4, 4, 1))
        assert [point.batch for point in swept.points] == [1, 4]
        assert [gone.batch for gone in swept.refused] == [640]

    def test_batch_is_throughput_times_latency(self):
        for load in (DECODE, CHAT):
            for point in sweep(dep(), load).points:
                assert point.output_tokens_per_s * point.mean_itl_s == pytest.approx(point.batch)

    def test_points_are_the_physics(self):
        swept = sweep(dep(), CHAT)
        steady = steady_batch(swept.replica.step, 16.0, CHAT.shape)
        point = next(point for point in swept.points if point.batch == 16)
        assert point.mean_itl_s == pytest.approx(float(steady.mean_step_s))
        assert point.prefill_frac == pytest.approx(float(steady.prefill_frac))

    def test_use_of_the_rates_is_below_one_and_meets_the_bound(self):
        for point in sweep(dep(), CHAT).points:
            assert 0 < point.bandwidth_use_frac < 1
            assert 0 < point.compute_use_frac < 1
            most = max(point.bandwidth_use_frac, point.compute_use_frac)
            assert point.output_tokens_per_s / point.bound_tokens_per_s == pytest.approx(most)

    def test_the_last_point_fills_the_cache(self):
        swept = sweep(dep(), CHAT)
        assert 0.95 < swept.points[-1].kv_use_frac <= 1
        assert swept.points[-1].binds == "capacity"

    def test_the_engine_can_end_the_sweep(self):
        swept = sweep(dep("llama-3.1-8b", "b200-sxm", "fp8"), decode_only(64))
        assert swept.replica.max_batch == 1024
        assert swept.points[-1].binds == "sequences"
        assert swept.refused[0].reason == "the engine runs at most 1,024 sequences"

    def test_a_single_sequence_may_be_all_that_fits(self):
        swept = sweep(dep(), decode_only(60_000))
        assert swept.replica.max_batch == 1
        assert swept.bands == ()
        assert swept.sweet_spot.is_last
        assert swept.points[0].regime == ""

    def test_nothing_fits_is_infeasible(self):
        with pytest.raises(Infeasible, match="fp16 does not fit"):
            sweep(dep(precision="fp16"), DECODE)

    def test_the_longest_sequence_must_fit_alone(self):
        room = replica_of(dep(), decode_only(1)).box.max_context_tokens(1)
        with pytest.raises(Infeasible, match="does not fit"):
            sweep(dep(), request_load(room - 100, 200))

    def test_a_point_above_the_limit_is_refused_and_never_a_number(self):
        with pytest.raises(Infeasible, match=r"batch=65 does not run: KV of 65 x 1,536 tokens=32\.7 GB"):
            sweep_point(replica(DECODE, engine="roofline"), 65, None, 99.0)

    @pytest.mark.parametrize(
        ("more", "word"),
        [
            ({"batches": (0,)}, "batch=0"),
            ({"batches": (10**9,)}, "batch=1000000000"),
            ({"tail_percentile": 0}, "percentile=0"),
            ({"tail_percentile": 100}, "percentile=100"),
            ({"replica_usd_per_hour": 0}, "replica_usd_per_hour=0"),
            ({"replica_usd_per_hour": float("inf")}, "finite"),
        ],
    )
    def test_wrong_questions_are_refused(self, more, word):
        with pytest.raises(InputError, match=word):
            sweep(dep(), DECODE, **more)

    def test_all_violations_at_once(self):
        with pytest.raises(InputError) as refused:
            sweep(dep(), DECODE, batches=(0, -1), tail_percentile=200, replica_usd_per_hour=-1)
        assert len(refused.value.violations) == 4


class TestCost:
    def test_decode_cost_is_the_fundamental_equation(self):
        for point in sweep(dep(), DECODE, replica_usd_per_hour=2.49).points:
            assert point.cost.output_usd_per_mtok == pytest.approx(usd_per_mtok(2.49, point.output_tokens_per_s))
            assert point.cost.blended_usd_per_mtok == point.cost.output_usd_per_mtok

    def test_input_and_output_add_up_to_the_hour(self):
        for point in sweep(dep(), request_load(2000, 300), replica_usd_per_hour=2.49).points:
            outputs = point.output_tokens_per_s * 3600 / 1e6
            inputs = outputs * 2000 / 300
            spent = inputs * point.cost.input_usd_per_mtok + outputs * point.cost.output_usd_per_mtok
            assert spent == pytest.approx(2.49)
            assert (inputs + outputs) * point.cost.blended_usd_per_mtok == pytest.approx(2.49)

    def test_without_a_price_there_is_no_cost(self):
        assert all(point.cost is None for point in sweep(dep(), CHAT).points)

    def test_cost_is_linear_in_the_price(self):
        one, two = (sweep(dep(), CHAT, replica_usd_per_hour=price) for price in (1.0, 2.0))
        for a, b in zip(one.points, two.points, strict=True):
            assert b.cost.blended_usd_per_mtok == pytest.approx(2 * a.cost.blended_usd_per_mtok)

    def test_cached_prompts_still_count_as_tokens_sold(self):
        plain, cached = (
            sweep(dep(), request_load(1024, 1024, cached_input_frac=share), replica_usd_per_hour=2.49, batches=(16,))
            for share in (0.0, 0.5)
        )
        assert cached.points[0].cost.blended_usd_per_mtok < plain.points[0].cost.blended_usd_per_mtok


class TestPercentiles:
    def test_the_mean_is_the_mean(self):
        one = replica()
        gaps = itl_at_s(one, [1.0, 16.0], None)
        assert gaps.tolist() == pytest.approx(batch_rates(one, [1.0, 16.0]).mean_itl_s.tolist())

    def test_tails_are_above_the_mean_and_in_order(self):
        one = replica()
        gaps = [itl_at_s(one, one.batches, percentile) for percentile in (None, 95.0, 99.0, 99.9)]
        for low, high in pairwise(gaps):
            assert (high >= low).all()

    def test_no_more_run_than_memory_holds(self):
        """At the limit the batch cannot fluctuate upwards, and decode has no other spread."""
        one = replica(DECODE)
        last = float(one.max_batch)
        assert float(itl_at_s(one, last, 99.0)) == pytest.approx(float(batch_rates(one, last).mean_itl_s))
        roomy = replace(one, max_batch=10_000)
        assert float(itl_at_s(roomy, last, 99.0)) > float(itl_at_s(one, last, 99.0))

    def test_prompts_of_others_are_in_the_tail_of_chat_only(self):
        one = replica(CHAT)
        last = float(one.max_batch)
        assert float(itl_at_s(one, last, 99.0)) > float(batch_rates(one, last).mean_itl_s)

    def test_other_metrics_need_prompts(self):
        assert float(metric_at_s(replica(CHAT), 4.0, "ttft", 95.0)) > 0
        assert float(metric_at_s(replica(CHAT), 4.0, "e2e", None)) > 1
        with pytest.raises(InputError, match="ttft needs prompts"):
            metric_at_s(replica(DECODE), 4.0, "ttft", 95.0)


class TestRefusal:
    def test_weights_that_do_not_fit_are_named(self):
        one = replica(DECODE, precision="fp16")
        assert one.max_batch == 0
        assert re.match(r"weights\+activations=14\d\.\d GB a GPU; usable=\d\d\.\d GB; use more GPUs", refusal(one, 1))

    def test_the_longest_sequence_is_named_when_it_is_what_fails(self):
        one = replica(request_load(90_000, 20_000))
        assert one.max_batch == 0
        assert "110,000 tokens" in refusal(one, 1)

    def test_what_runs_is_not_refused(self):
        one = replica(DECODE)
        assert refusal(one, one.max_batch) == ""
        assert refusal(one, one.max_batch + 1) != ""


class TestDominance:
    def test_pairs(self):
        assert dominated([(1, 1), (2, 2), (1, 1), (0.5, 3)]) == (False, True, False, False)
        assert dominated([]) == ()

    def test_one_sweep_is_its_own_frontier(self):
        (swept,) = mark_dominated([sweep(dep(), CHAT, replica_usd_per_hour=2.49)])
        assert not any(point.is_dominated for point in swept.points)

    def test_a_dearer_hour_loses_everywhere(self):
        cheap, dear = mark_dominated(
            [sweep(dep(), CHAT, replica_usd_per_hour=price, batches=(1, 8, 32)) for price in (2.0, 3.0)]
        )
        assert not any(point.is_dominated for point in cheap.points)
        assert all(point.is_dominated for point in dear.points)

    def test_without_prices_throughput_a_gpu_decides(self):
        one, four = mark_dominated([sweep(dep(tensor_parallel=tp), decode_only(512), batches=(1, 16)) for tp in (1, 4)])
        assert not one.points[-1].is_dominated
        assert not four.points[0].is_dominated


class TestPressureAndGrowth:
    def test_nobody_waits_far_below_the_limit(self):
        told = kv_pressure(replica(DECODE), num_concurrent=10)
        assert (told.num_waiting, told.reason) == (0, "")
        assert told.queue_frac < 1e-6
        assert told.mean_waiting_requests == pytest.approx(0, abs=1e-6)

    def test_the_rest_waits_far_above(self):
        one = replica(DECODE)
        told = kv_pressure(one, num_concurrent=200)
        assert told.num_waiting == 200 - one.max_batch
        assert told.queue_frac > 0.999
        assert told.mean_waiting_requests == pytest.approx(200 - one.max_batch, rel=0.01)
        assert "KV of 200" in told.reason

    def test_at_the_limit_somebody_waits_about_half_of_the_time(self):
        one = replica(DECODE)
        assert kv_pressure(one, num_concurrent=one.max_batch).queue_frac == pytest.approx(0.475, abs=0.03)

    def test_against_poisson_counts(self):
        one = replica(DECODE)
        counts = np.random.default_rng(0).poisson(50, 400_000)
        told = kv_pressure(one, num_concurrent=50)
        assert told.queue_frac == pytest.approx(float((counts > one.max_batch).mean()), abs=0.01)
        waiting = np.maximum(counts - one.max_batch, 0).mean()
        assert told.mean_waiting_requests == pytest.approx(float(waiting), abs=0.03)

    def test_a_concurrency_below_one_is_refused(self):
        with pytest.raises(InputError, match="num_concurrent=0"):
            kv_pressure(replica(DECODE), num_concurrent=0)

    def test_shares_of_growth_add_up(self):
        one = replica(CHAT, tensor_parallel=2)
        told = latency_growth(one, 1, 32)
        shares = (told.kv_frac, told.gemm_frac, told.prompts_frac, told.communication_frac, told.overhead_frac)
        assert sum(shares) == pytest.approx(1)
        assert all(share >= 0 for share in shares)
        gaps = batch_rates(one, [1.0, 32.0]).mean_itl_s
        assert told.growth_s == pytest.approx(float(gaps[1] - gaps[0]))

    def test_causes_are_where_they_belong(self):
        decode = latency_growth(replica(DECODE, engine="roofline"), 1, 64)
        assert decode.prompts_frac == decode.overhead_frac == decode.communication_frac == 0
        assert decode.kv_frac > 0.5
        assert latency_growth(replica(CHAT), 1, 32).prompts_frac > 0.2

    @pytest.mark.parametrize(("low", "high"), [(0, 4), (4, 4), (8, 4)])
    def test_batches_must_rise(self, low, high):
        with pytest.raises(InputError):
            latency_growth(replica(DECODE), low, high)

"""Figures typed in by a user: nothing passes the roofline, and the batch is throughput x latency."""

import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.serving.decode_formulas import (
    compute_use_frac,
    decode_tokens_per_s,
    prefill_tokens_per_s,
    running_sequences,
    small_batch,
)
from tokonomics.economics.serving.frontier import sweep
from tokonomics.economics.serving.steady_load import decode_only
from tokonomics.economics.serving.user_figures import UserFigure, check_figure, figure_bound, identity_problem
from tokonomics.errors import Infeasible, InputError
from tokonomics.physics.deployment import deployment

FACTS = load_catalog()


def dep(model="llama-3-70b", part="h100-sxm", precision="int4-awq", **more):
    return deployment(FACTS.model(model), FACTS.accelerator(part), precision=precision, **more)


class TestFigure:
    def test_any_two_give_the_third(self):
        assert UserFigure(output_tokens_per_s=1850, itl_s=0.0346).running_sequences == pytest.approx(64, rel=0.001)
        assert UserFigure(num_sequences=64, itl_s=0.032).tokens_per_s == 2000
        assert UserFigure(num_sequences=64).tokens_per_s is None
        assert UserFigure(output_tokens_per_s=10).running_sequences is None

    @pytest.mark.parametrize(
        "wrong",
        [{"num_sequences": 0}, {"num_sequences": -4}, {"output_tokens_per_s": 0}, {"itl_s": float("nan")},
         {"context_tokens": -1}, {"output_tokens_per_s": float("inf")}],
    )  # fmt: skip
    def test_absurd_values_are_refused(self, wrong):
        with pytest.raises(InputError):
            UserFigure(**wrong)

    def test_all_violations_at_once(self):
        with pytest.raises(InputError) as refused:
            UserFigure(num_sequences=0, output_tokens_per_s=-1, itl_s=0, context_tokens=-1)
        assert len(refused.value.violations) == 4


class TestIdentity:
    @pytest.mark.parametrize(
        ("batch", "rate", "ms"), [(1, 34, 29.4), (16, 680, 23.5), (64, 1850, 34.6), (256, 2450, 104)]
    )
    def test_the_articles_rows_pass(self, batch, rate, ms):
        assert identity_problem(UserFigure(num_sequences=batch, output_tokens_per_s=rate, itl_s=ms / 1000)) == ""

    def test_another_run_is_named(self):
        told = identity_problem(UserFigure(num_sequences=64, output_tokens_per_s=1850, itl_s=0.0267))
        assert told.startswith("tok_s=1,850 x ms=26.7 is batch 49.4, not batch=64")

    def test_two_values_are_never_wrong(self):
        assert identity_problem(UserFigure(num_sequences=64, output_tokens_per_s=1850)) == ""


class TestRoofline:
    def test_what_the_model_says_always_passes(self):
        for engine in ("vllm", "roofline"):
            for point in sweep(dep(engine=engine), decode_only(1536)).points:
                figure = UserFigure(
                    num_sequences=point.batch,
                    output_tokens_per_s=point.output_tokens_per_s,
                    itl_s=point.mean_itl_s,
                    context_tokens=1536,
                )
                checked = check_figure(dep(), figure)
                assert checked.bound_frac <= 1
                assert checked.bound_tokens_per_s == pytest.approx(point.bound_tokens_per_s)

    def test_the_bound_itself_passes_and_a_little_more_does_not(self):
        limit = float(figure_bound(dep(), UserFigure(num_sequences=8, context_tokens=1000)).output_tokens_per_s)
        assert check_figure(
            dep(), UserFigure(num_sequences=8, output_tokens_per_s=limit, context_tokens=1000)
        ).bound_frac == pytest.approx(1)
        with pytest.raises(InputError, match="is above the roofline of llama-3-70b on 1x h100-sxm int4-awq at batch 8"):
            check_figure(dep(), UserFigure(num_sequences=8, output_tokens_per_s=limit * 1.001, context_tokens=1000))

    def test_without_a_batch_the_largest_that_memory_holds_is_granted(self):
        assert check_figure(dep(), UserFigure(output_tokens_per_s=5000)).binds == "compute"
        with pytest.raises(InputError, match=r"because a step takes [\d.]+ ms of arithmetic"):
            check_figure(dep(), UserFigure(output_tokens_per_s=8000))

    def test_a_latency_below_the_reading_of_the_weights_is_refused(self):
        with pytest.raises(InputError, match=r"limit=88\.9\d tok/s"):
            check_figure(dep(), UserFigure(num_sequences=1, itl_s=0.010))

    def test_the_link_can_be_the_reason(self):
        from dataclasses import replace

        one = dep(tensor_parallel=8)
        slow = replace(one, accelerator=replace(one.accelerator, link_bytes_per_s=1e7))
        with pytest.raises(InputError, match=r"ms on the link"):
            check_figure(slow, UserFigure(num_sequences=8, output_tokens_per_s=500))

    def test_a_mixture_is_granted_the_experts_of_one_token(self):
        one = dep("deepseek-v3", "h200-sxm", "fp8", tensor_parallel=8)
        granted = float(figure_bound(one, UserFigure(num_sequences=64)).output_tokens_per_s)
        usual = sweep(one, decode_only(1), batches=(64,)).points[0].bound_tokens_per_s
        assert granted > 2 * usual

    def test_nothing_to_check_is_said(self):
        with pytest.raises(InputError, match="nothing to check"):
            check_figure(dep(), UserFigure(num_sequences=4))

    def test_identity_and_bound_are_told_together(self):
        with pytest.raises(InputError) as refused:
            check_figure(dep(), UserFigure(num_sequences=2, output_tokens_per_s=500, itl_s=0.010))
        assert len(refused.value.violations) == 2


class TestMemory:
    def test_a_batch_that_no_memory_holds_is_infeasible(self):
        with pytest.raises(
            Infeasible, match=r"batch=128 of 1,536 tokens does not fit: KV=64\.4 GB a GPU; room=40\.2 GB"
        ):
            check_figure(dep(), UserFigure(num_sequences=128, output_tokens_per_s=2100, context_tokens=1536))

    def test_all_of_the_memory_is_granted(self):
        """An engine that keeps 10 % back holds 64; a figure of 75 may come from one that keeps back less."""
        assert check_figure(dep(), UserFigure(num_sequences=75, output_tokens_per_s=1500, context_tokens=1536))

    def test_the_engines_own_limit_is_not_a_law(self):
        small = dep("llama-3.1-8b", "b200-sxm", "fp8")
        assert check_figure(small, UserFigure(num_sequences=3000, output_tokens_per_s=9000, context_tokens=100))

    def test_without_a_context_a_batch_may_be_large(self):
        assert check_figure(dep(), UserFigure(num_sequences=256, output_tokens_per_s=2450)).bound_frac < 0.4

    def test_weights_that_do_not_fit(self):
        with pytest.raises(Infeasible, match="fp16 does not fit"):
            check_figure(dep(precision="fp16"), UserFigure(num_sequences=1, output_tokens_per_s=20))


class TestFormulas:
    def test_the_cache_slows_decode(self):
        fast = decode_tokens_per_s(num_sequences=4, bandwidth_bytes_per_s=3e12, weights_bytes=30e9)
        slow = decode_tokens_per_s(
            num_sequences=4,
            bandwidth_bytes_per_s=3e12,
            weights_bytes=30e9,
            kv_bytes_per_token=1e5,
            context_tokens=75_000,
        )
        assert (fast, slow) == (400.0, 200.0)

    def test_at_parity_half_is_lost(self):
        one = small_batch(
            num_sequences=75,
            bandwidth_bytes_per_s=3e12,
            weights_bytes=30e9,
            kv_bytes_per_token=1e5,
            context_tokens=4000,
        )
        assert one.parity_sequences == 75
        assert one.kv_frac == pytest.approx(0.5)
        assert one.decode_tokens_per_s == pytest.approx(one.simple_tokens_per_s / 2)

    def test_use_of_the_peak_is_one_at_the_peak(self):
        peak = prefill_tokens_per_s(peak_flop_per_s=1e15, num_params=1e10)
        assert compute_use_frac(prompt_tokens_per_s=peak, peak_flop_per_s=1e15, num_params=1e10) == 1

    @pytest.mark.parametrize(
        "call",
        [
            lambda: decode_tokens_per_s(num_sequences=0, bandwidth_bytes_per_s=1, weights_bytes=1),
            lambda: decode_tokens_per_s(num_sequences=1, bandwidth_bytes_per_s=1, weights_bytes=1, context_tokens=-1),
            lambda: prefill_tokens_per_s(peak_flop_per_s=1, num_params=0),
            lambda: running_sequences(output_tokens_per_s=1, itl_s=float("nan")),
        ],
    )
    def test_nonsense_is_refused(self, call):
        with pytest.raises(InputError):
            call()

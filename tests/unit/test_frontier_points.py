"""Regimes, the sweet spot, operating points and shared fleets."""

import re
from itertools import pairwise

import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.serving.frontier import sweep
from tokonomics.economics.serving.operating_points import (
    UNLIMITED,
    operating_point,
    premium_ratio,
    preset_slos,
    shared_fleet,
)
from tokonomics.economics.serving.regimes import FREE_LUNCH, PLATEAU, Band, diminishing_batch, regime_bands, regime_name
from tokonomics.economics.serving.replica import itl_at_s, metric_at_s
from tokonomics.economics.serving.stack_assumptions import assumed_figures, resolve_assumptions, stack_assumptions
from tokonomics.economics.serving.steady_load import decode_only, request_load
from tokonomics.economics.serving.sweet_spot import ConstraintChange, constraint_changes, sweet_spot
from tokonomics.errors import InputError
from tokonomics.physics.deployment import deployment
from tokonomics.workload.slo import parse_slo

FACTS = load_catalog()


def swept(model="llama-3-70b", part="h100-sxm", precision="int4-awq", load=None, **more):
    dep = deployment(FACTS.model(model), FACTS.accelerator(part), precision=precision, **more)
    return sweep(dep, load or request_load(1024, 1024), replica_usd_per_hour=2.49)


ONE = swept()


class TestRegimes:
    def test_names_follow_the_thresholds(self):
        assert [regime_name(one) for one in (1.0, 0.9, 0.89, 0.6, 0.59, 0.3, 0.29, -1)] == [
            "free lunch", "free lunch", "good scaling", "good scaling", "slowing", "slowing", "plateau", "plateau",
        ]  # fmt: skip

    def test_thresholds_can_be_ones_own(self):
        own = {"free_lunch_exponent": 0.99, "good_scaling_exponent": 0.98, "slowing_exponent": 0.97}
        assert regime_name(0.95, own) == PLATEAU

    def test_linear_is_one_free_lunch(self):
        (band,) = regime_bands([1, 2, 4, 8], [10, 20, 40, 80])
        assert (band.name, band.low_batch, band.high_batch) == (FREE_LUNCH, 1, 8)
        assert band.throughput_exponent == pytest.approx(1)

    def test_flat_is_one_plateau(self):
        (band,) = regime_bands([1, 2, 4], [10, 10, 10])
        assert (band.name, band.throughput_exponent) == (PLATEAU, 0)

    def test_one_point_has_no_band(self):
        assert regime_bands([1], [10]) == ()

    def test_bands_join_up(self):
        for one in (ONE, swept("deepseek-v3", "b200-sxm", "fp8", tensor_parallel=8)):
            ends = [(band.low_batch, band.high_batch) for band in one.bands]
            assert ends[0][0] == 1
            assert ends[-1][1] == one.replica.max_batch
            assert all(a[1] == b[0] for a, b in pairwise(ends))

    def test_a_mixture_slows_and_recovers(self):
        """More sequences touch more experts at first; once all are read, a larger batch is cheap again."""
        mixture = swept("qwen3-30b-a3b", "h100-sxm", "fp8", load=decode_only(512), engine="roofline")
        exponents = [band.throughput_exponent for band in mixture.bands]
        lowest = exponents.index(min(exponents[:-1]))
        assert max(exponents[lowest:]) > exponents[lowest] + 0.2

    @pytest.mark.parametrize(
        ("batches", "rates", "word"),
        [([1, 1], [1, 2], "rise"), ([2, 1], [1, 2], "rise"), ([1, 2], [1], "number"), ([1, 2], [1, 0], "above 0")],
    )
    def test_nonsense_is_refused(self, batches, rates, word):
        with pytest.raises(InputError, match=word):
            regime_bands(batches, rates)

    def test_diminishing_returns_begin_with_a_last_plateau(self):
        def band(name, low, high):
            return Band(name=name, low_batch=low, high_batch=high, throughput_exponent=0.5)

        assert diminishing_batch([band("slowing", 1, 8), band("plateau", 8, 16)]) == 8
        assert diminishing_batch([band("plateau", 1, 8), band("slowing", 8, 16)]) is None
        assert diminishing_batch([]) is None


class TestSweetSpot:
    def test_a_linear_step_has_it_where_latency_has_doubled(self):
        """step = a + b x batch: the power batch / step^2 peaks at a / b."""
        batches = list(range(1, 401))
        steps = [0.010 + 0.0001 * batch for batch in batches]
        spot = sweet_spot(batches, [batch / step for batch, step in zip(batches, steps, strict=True)], steps)
        assert spot.batch == 100
        assert spot.latency_frac == pytest.approx(0.020 / 0.050)
        assert not spot.is_last

    def test_free_batches_have_it_at_the_end(self):
        spot = sweet_spot([1, 2, 4], [10, 20, 40], [0.1, 0.1, 0.1])
        assert (spot.batch, spot.throughput_frac, spot.latency_frac, spot.is_last) == (4, 1, 1, True)

    def test_of_equals_the_smallest(self):
        assert sweet_spot([1, 2], [1, 1], [1, 1]).batch == 1

    def test_it_beats_every_other_batch_of_the_sweep(self):
        powers = ONE.dense.output_tokens_per_s / ONE.dense.mean_itl_s
        assert ONE.sweet_spot.batch == int(powers.argmax()) + 1

    @pytest.mark.parametrize("latency", [[0.0, 1.0], [float("nan"), 1.0]])
    def test_nonsense_is_refused(self, latency):
        with pytest.raises(InputError):
            sweet_spot([1, 2], [1, 2], latency)
        with pytest.raises(InputError):
            sweet_spot([], [], [])


class TestConstraints:
    def test_runs_are_merged(self):
        told = constraint_changes([1, 2, 3, 4], ["a", "a", "b", "a"])
        assert told == (
            ConstraintChange(batch=1, binds="a"), ConstraintChange(batch=3, binds="b"), ConstraintChange(batch=4, binds="a"),
        )  # fmt: skip

    def test_a_short_context_goes_from_bandwidth_to_compute_to_capacity(self):
        told = [change.binds for change in swept(load=decode_only(256), engine="roofline").changes]
        assert told == ["bandwidth", "compute", "capacity"]

    def test_a_long_one_never_computes(self):
        told = [change.binds for change in swept(load=decode_only(8192), engine="roofline").changes]
        assert told == ["bandwidth", "capacity"]


class TestOperatingPoints:
    @pytest.mark.parametrize("slo", ["itl_p99=40ms", "itl_mean=40ms", "itl_p50=25ms", "ttft_p95=500ms", "e2e_p95=30s"])
    def test_it_is_the_largest_batch_that_keeps_the_limit(self, slo):
        told = operating_point(ONE, parse_slo(slo))
        (limit,) = told.slo.limits
        percentile = None if limit.percentile == "mean" else limit.percentile
        values = metric_at_s(ONE.replica, ONE.replica.batches, limit.metric, percentile)
        assert values[told.batch - 1] <= limit.limit_s
        if told.batch < ONE.replica.max_batch:
            assert values[told.batch] > limit.limit_s
            assert told.binds == slo

    def test_several_limits_bind_by_the_tightest(self):
        both = operating_point(ONE, parse_slo("itl_p99=40ms,ttft_p95=10s"))
        assert both.batch == operating_point(ONE, parse_slo("itl_p99=40ms")).batch
        assert both.binds == "itl_p99=40ms"

    def test_without_limits_memory_ends_it(self):
        told = operating_point(ONE, UNLIMITED)
        assert (told.batch, told.binds, told.premium_ratio) == (ONE.replica.max_batch, "capacity", 1.0)

    def test_what_cannot_be_kept_says_by_how_much(self):
        told = operating_point(ONE, parse_slo("itl_p99=1ms"))
        assert (told.batch, told.point, told.premium_ratio) == (None, None, None)
        assert re.match(r"itl_p99=0\.0\d+ s at batch 1; limit=0\.001 s; use ", told.reason)

    def test_the_mean_is_milder_than_the_tail(self):
        mean, tail = (operating_point(ONE, parse_slo(slo)) for slo in ("itl_mean=40ms", "itl_p99=40ms"))
        assert tail.batch < mean.batch
        assert tail.premium_ratio > mean.premium_ratio > 1

    def test_premium_is_a_ratio_of_costs(self):
        quick, slow = (operating_point(ONE, parse_slo(slo)) for slo in ("itl_p99=30ms", "itl_p99=45ms"))
        costs = [told.point.cost.blended_usd_per_mtok for told in (quick, slow)]
        assert premium_ratio(quick, slow) == pytest.approx(costs[0] / costs[1])
        assert premium_ratio(operating_point(ONE, parse_slo("itl_p99=1ms")), slow) is None

    def test_an_slo_without_a_percentile_is_refused(self):
        with pytest.raises(InputError, match="names no percentile"):
            operating_point(ONE, parse_slo("itl=50ms"))

    def test_ttft_without_prompts_is_refused(self):
        with pytest.raises(InputError, match="needs prompts"):
            operating_point(swept(load=decode_only(1024)), parse_slo("ttft_p95=1s"))

    def test_presets_name_their_percentile(self):
        told = {name: str(slo) for name, slo in preset_slos(95).items()}
        assert told == {
            "real-time, p95": "itl_p95=50ms",
            "real-time, mean": "itl_mean=50ms",
            "near-real-time, p95": "itl_p95=100ms",
            "near-real-time, mean": "itl_mean=100ms",
            "batch": "",
        }
        with pytest.raises(InputError):
            preset_slos(100)

    def test_a_batch_below_the_limit_is_not_said_to_be_at_capacity(self):
        told = operating_point(ONE, parse_slo("itl_p99=30ms"))
        assert told.point.binds in ("bandwidth", "compute", "overhead")
        assert float(itl_at_s(ONE.replica, float(told.batch), 99.0)) == pytest.approx(told.point.tail_itl_s)


class TestSharedFleet:
    def test_one_fleet_where_rounding_eats_the_gain(self):
        told = shared_fleet(
            interactive_tokens_per_s=1000,
            batch_tokens_per_s=400,
            quick_tokens_per_s=1500,
            slow_tokens_per_s=2400,
            replica_usd_per_hour=2.0,
        )
        assert (told.num_shared_replicas, told.num_interactive_replicas, told.num_batch_replicas) == (1, 1, 1)
        assert (told.is_shared_better, told.saving_usd_per_hour) == (True, -2.0)

    def test_two_fleets_where_there_is_much_to_do_slowly(self):
        told = shared_fleet(
            interactive_tokens_per_s=1500,
            batch_tokens_per_s=24_000,
            quick_tokens_per_s=1500,
            slow_tokens_per_s=2400,
            replica_usd_per_hour=2.0,
        )
        assert (told.num_shared_replicas, told.num_interactive_replicas, told.num_batch_replicas) == (17, 1, 10)
        assert not told.is_shared_better
        assert told.saving_usd_per_hour == told.shared_usd_per_hour - told.apart_usd_per_hour == 12.0

    def test_no_demand_needs_no_replica(self):
        told = shared_fleet(
            interactive_tokens_per_s=0,
            batch_tokens_per_s=0,
            quick_tokens_per_s=1,
            slow_tokens_per_s=1,
            replica_usd_per_hour=1,
        )
        assert told.num_shared_replicas == told.num_interactive_replicas == told.num_batch_replicas == 0

    def test_all_violations_at_once(self):
        with pytest.raises(InputError) as refused:
            shared_fleet(
                interactive_tokens_per_s=-1,
                batch_tokens_per_s=float("nan"),
                quick_tokens_per_s=0,
                slow_tokens_per_s=0,
                replica_usd_per_hour=0,
            )
        assert len(refused.value.violations) == 5


class TestAssumptions:
    def test_every_row_has_a_source_a_date_and_a_standing(self):
        for row in stack_assumptions().values():
            assert row.source
            assert row.as_of
            assert row.status in ("measured", "list", "assumed")
            assert row.value is not None
            if row.span:
                assert row.span[0] <= row.value <= row.span[1]

    def test_thresholds_are_in_order(self):
        at = assumed_figures("regimes")
        assert 1 > at["free_lunch_exponent"] > at["good_scaling_exponent"] > at["slowing_exponent"] > 0

    def test_stated_values_stand_over_rows(self):
        terms = resolve_assumptions({"cached_input_frac": 0.9})
        assert (terms["cached_input_frac"].value, terms["cached_input_frac"].source) == (0.9, "as stated")
        assert terms["num_block_tokens"].source.startswith("arXiv")

    def test_every_violation_is_told(self):
        with pytest.raises(InputError) as refused:
            resolve_assumptions(
                {"cached_input": 0.5, "acceptance_frac": 2, "num_draft_tokens": 1.5, "draft_kv_ratio": -1}
            )
        assert len(refused.value.violations) == 4
        assert "nearest: cached_input_frac" in refused.value.violations[0]

"""Ranges of what follows from a modelled rate: they hold their centre, grow with the spread, and vanish with it."""

import math
from itertools import pairwise

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.build_or_buy.break_even import break_even, build_or_buy
from tokonomics.economics.build_or_buy.build_inputs import Found, gather_build_case
from tokonomics.economics.build_or_buy.build_ranges import faster, point_ranges, row_ranges, winner_probability
from tokonomics.economics.build_or_buy.cost_curve import CostCurve, api_curve
from tokonomics.economics.build_or_buy.duration_curve import steady_and_peak
from tokonomics.economics.build_or_buy.hybrid import HybridTerms, best_hybrid, strategy
from tokonomics.economics.build_or_buy.hybrid_ranges import choice_ranges, faster_terms, split_ranges
from tokonomics.economics.figures.cost_per_token import TokenCost
from tokonomics.economics.figures.ranges import (
    central_rates,
    cost_ends,
    ends_dict,
    ends_of,
    hull,
    range_term,
    solved_ends,
)
from tokonomics.economics.optimisation.cross_test import cross_test
from tokonomics.economics.optimisation.stack import KEPT, stack
from tokonomics.economics.optimisation.stack_outcome import Pricing
from tokonomics.economics.optimisation.stack_steps import Served
from tokonomics.economics.serving.frontier import sweep
from tokonomics.economics.serving.modelled_replica import modelled_replica
from tokonomics.economics.serving.operating_points import UNLIMITED, operating_point
from tokonomics.economics.serving.replica import replica_of
from tokonomics.economics.serving.replica_spread import limits_probability, replica_spread
from tokonomics.economics.serving.steady_load import decode_only, request_load
from tokonomics.physics.deployment import deployment
from tokonomics.physics.uncertainty import Z90
from tokonomics.workload.slo import Slo, parse_slo
from tokonomics.workload.traffic import traffic_from_rate

FACTS = load_catalog()
LLAMA, H100 = FACTS.model("llama-3-70b"), FACTS.accelerator("h100-sxm")
OWN = CostCurve(
    name="own", fixed_usd_per_month=5000, replica_usd_per_month=1800, replica_tokens_per_day=129.6e6, days_per_month=30
)
API = api_curve("api", usd_per_mtok=6.25, days_per_month=30)
CHEAP = api_curve("cheap", usd_per_mtok=0.6, days_per_month=30)
LOAD = steady_and_peak(steady_tokens_per_day=2e8, peak_tokens_per_day=2e9, peak_hours=3)
TERMS = HybridTerms(replica_usd_per_month=1800, replica_tokens_per_s=1500, api_usd_per_mtok=1.0, days_per_month=30)


def replica(load=None, **more):
    return replica_of(deployment(LLAMA, H100, precision="int4-awq", **more), load or request_load(1024, 1024))


class TestEnds:
    def test_they_lie_a_factor_apart_about_the_median(self):
        low, high = ends_of(3.0, 0.4)
        assert low * high == pytest.approx(9.0)
        assert high / 3.0 == pytest.approx(math.exp(Z90 * 0.4))

    def test_no_spread_is_no_range(self):
        assert ends_of(3.0, 0.0) == (3.0, 3.0)

    def test_a_wider_spread_holds_a_narrower_one(self):
        widths = [ends_of(1.0, sd) for sd in (0.0, 0.1, 0.5, 1.0)]
        assert all(later[0] < low and high < later[1] for (low, high), later in pairwise(widths))

    def test_the_range_is_that_of_the_distribution(self):
        draws = 50.0 * np.exp(0.3 * np.random.default_rng(1).standard_normal(200_000))
        assert ends_of(50.0, 0.3) == pytest.approx(tuple(np.percentile(draws, (10, 90))), rel=0.01)

    def test_as_a_block_of_a_document(self):
        assert ends_dict((1.0, None)) == {"p10": 1.0, "p90": None}
        assert ends_dict(None) is None

    def test_every_part_of_a_cost_and_none_where_unpriced(self):
        cost = TokenCost(input_usd_per_mtok=0.5, output_usd_per_mtok=3.0, blended_usd_per_mtok=1.0)
        found = cost_ends(cost, 0.2)
        assert found is not None
        assert found["output_usd_per_mtok"] == pytest.approx([3.0 * end for end in ends_of(1.0, 0.2)])
        assert cost_ends(None, 0.2) is None

    def test_a_term_says_the_range_and_where_it_is_from(self):
        term = range_term("throughput", 1000.0, 0.2, "tokens/s")
        assert (term.value, term.status) == ("774 to 1,290", "modelled")
        assert "calibration.md" in term.source


class TestSolving:
    def test_the_rates_span_80_percent_with_the_median_among_them(self):
        rates = central_rates(0.3)
        assert rates[0] * rates[-1] == pytest.approx(1.0)
        assert (rates[0], rates[-1]) == pytest.approx(ends_of(1.0, 0.3))
        assert 1.0 in rates
        assert all(slow < quick for slow, quick in pairwise(rates))

    def test_what_falls_with_the_rate_has_its_ends_at_those_of_the_rate(self):
        ends = solved_ends(lambda ratio: {"usd": 10.0 / ratio}, 0.3)["usd"]
        assert ends == pytest.approx(ends_of(10.0, 0.3))

    def test_what_turns_keeps_its_turning_point(self):
        low, _ = solved_ends(lambda ratio: {"x_ratio": abs(math.log(ratio))}, 0.3)["x_ratio"] or (None, None)
        assert low == 0.0

    def test_what_is_never_reached_ends_nowhere(self):
        def solve(ratio):
            return {"volume_tokens": 1.0 / ratio if ratio > 1 else None, "used_frac": 0.5 if ratio > 1 else None}

        found = solved_ends(solve, 0.3, endless=("volume_tokens",))
        assert found["volume_tokens"] == (pytest.approx(math.exp(-Z90 * 0.3)), None)
        assert found["used_frac"] == (0.5, 0.5)
        assert hull([None, None]) is None


class TestReplica:
    def test_one_number_or_many(self):
        one, many = replica_spread(replica(), 8), replica_spread(replica(), [1, 8, 32])
        assert one.rate_sd_log.shape == (1,)
        assert many.rate_sd_log[1] == one.rate_sd_log[0]
        assert (many.rate_sd_log > 0).all()

    def test_without_prompts_too(self):
        assert float(replica_spread(replica(decode_only(1536)), 8).itl_sd_log[0]) > 0

    def test_the_ideal_machine_is_sure(self):
        assert float(replica_spread(replica(engine="roofline"), 8).rate_sd_log[0]) == 0.0

    def test_the_chance_is_a_half_at_the_limit_and_falls_with_it(self):
        ours = replica()
        gap_ms = 1e3 * sweep(ours.deployment, ours.load, batches=[8]).points[0].mean_itl_s
        chances = [
            limits_probability(ours, 8, parse_slo(f"itl_mean={share * gap_ms}ms").limits) for share in (0.5, 1.0, 2.0)
        ]
        assert chances[1] == pytest.approx(0.5, abs=1e-6)
        assert chances[0] < 0.1 < 0.9 < chances[2]
        assert limits_probability(ours, 8, ()) is None

    def test_the_hardest_limit_counts(self):
        ours, easy, hard = replica(), parse_slo("itl_mean=1s"), parse_slo("ttft_p95=0.3s")
        both = Slo(limits=(*easy.limits, *hard.limits))
        assert limits_probability(ours, 16, both.limits) == limits_probability(ours, 16, hard.limits)

    def test_the_replica_of_build_or_buy(self):
        traffic = traffic_from_rate(1.0, 1000, 1000)
        found = modelled_replica(FACTS, "llama-3.3-70b", "h100-sxm", traffic, slo=Slo(limits=()))
        assert 0.02 < found.rate_sd_log < 1.0


class TestPoints:
    def test_every_point_of_a_sweep(self):
        one = sweep(deployment(LLAMA, H100, precision="int4-awq"), request_load(1024, 1024), replica_usd_per_hour=2.5)
        assert all(point.rate_sd_log > 0 and point.itl_sd_log > 0 for point in one.points)

    def test_a_limit_that_binds_holds_with_a_half_and_no_limit_with_none(self):
        one = sweep(deployment(LLAMA, H100, precision="int4-awq"), request_load(1024, 1024))
        told = operating_point(one, parse_slo("itl_p99=40ms"))
        assert told.slo_probability == pytest.approx(0.5, abs=0.1)
        assert operating_point(one, UNLIMITED).slo_probability is None

    def test_a_limit_out_of_reach_has_the_chance_of_the_smallest_batch(self):
        one = sweep(deployment(LLAMA, H100, precision="int4-awq"), request_load(1024, 1024))
        told = operating_point(one, parse_slo("itl_mean=15ms"))
        assert told.batch is None
        assert told.slo_probability is not None
        assert 0.0 < told.slo_probability < 0.5

    def test_every_step_of_a_stack(self):
        served = Served(
            model=FACTS.model("llama-3.1-8b"), accelerator=H100, input_tokens=1024, output_tokens=1024,
            precision="int4-awq", kv_format="fp8", engine="vllm", num_gpus=1,
        )  # fmt: skip
        rows = stack(served, Pricing(replica_usd_per_hour=2.5, slo=parse_slo("itl_p99=30ms"))).rows
        outcomes = [row.outcome for row in rows if row.status == KEPT and row.outcome]
        assert all(one.rate_sd_log > 0 and one.itl_sd_log > 0 for one in outcomes)
        assert all(0 <= (one.slo_probability or 0.0) <= 1 for one in outcomes)
        assert all((one.slo_probability or 0.0) < 0.5 for one in outcomes if one.fails)

    def test_contenders_are_as_sure_as_their_step_and_one_that_fits_nowhere_has_no_rate(self):
        cross = cross_test(LLAMA, H100, decode_only(1024))
        assert cross.first.rate_sd_log
        assert cross.second.rate_sd_log
        none = cross_test(FACTS.model("deepseek-v3"), FACTS.accelerator("l4"), decode_only(1024))
        assert none.first.rate_sd_log is None


class TestBreakEven:
    @pytest.mark.parametrize("api", [API, CHEAP])
    @pytest.mark.parametrize("sd", [0.05, 0.3])
    def test_the_range_holds_the_point(self, api, sd):
        point = break_even(OWN, api)
        for name, ends in point_ranges(point, sd).items():
            centre = getattr(point, name)
            assert ends is not None
            assert ends[0] <= centre * (1 + 1e-12)
            assert ends[1] is None or centre <= ends[1] * (1 + 1e-12)

    def test_its_ends_are_the_break_evens_at_the_ends_of_the_rate(self):
        point = break_even(OWN, CHEAP)
        slow, fast = ends_of(1.0, 0.2)
        found = point_ranges(point, 0.2)["volume_tokens_per_day"]
        solved = [break_even(faster(OWN, ratio), CHEAP).volume_tokens_per_day for ratio in (fast, slow)]
        assert found == pytest.approx(solved)
        assert solved[0] < point.volume_tokens_per_day < solved[1]

    def test_no_spread_is_the_point_itself(self):
        point = break_even(OWN, CHEAP)
        for name, ends in point_ranges(point, 0.0).items():
            assert ends == pytest.approx((getattr(point, name), getattr(point, name)))

    def test_a_wider_spread_holds_a_narrower_one(self):
        found = [point_ranges(break_even(OWN, CHEAP), sd)["volume_tokens_per_day"] for sd in (0.0, 0.1, 0.2)]
        assert all(later[0] <= low and high <= later[1] for (low, high), later in pairwise(found))

    def test_a_slow_replica_may_never_pay(self):
        ends = point_ranges(break_even(OWN, CHEAP), 0.6)["volume_tokens_per_day"]
        assert ends is not None
        assert ends[0] > 0
        assert ends[1] is None

    def test_what_never_pays_at_any_rate_has_no_range(self):
        dear = break_even(OWN, api_curve("free", usd_per_mtok=0.01, days_per_month=30))
        assert point_ranges(dear, 0.1)["volume_tokens_per_day"] is None

    def test_a_line_moves_with_the_inverse_of_the_rate(self):
        line = CostCurve(name="line", fixed_usd_per_month=5000, usd_per_mtok=0.4, days_per_month=30)
        assert faster(line, 2.0).usd_per_mtok == 0.2
        low, high = point_ranges(break_even(line, CHEAP), 0.2)["volume_tokens_per_day"]
        assert low < break_even(line, CHEAP).volume_tokens_per_day < high

    def test_a_row_ranges_in_whole_replicas(self):
        (row,) = build_or_buy(OWN, CHEAP, [4e8])
        ranges = row_ranges(row, OWN, CHEAP, 0.2)
        assert ranges["num_replicas"] == (3, 4)
        assert ranges["build_usd_per_month"] == (5000 + 3 * 1800, 5000 + 4 * 1800)

    def test_the_chance_of_a_winner_is_that_of_the_rate_that_it_needs(self):
        (row,) = build_or_buy(OWN, CHEAP, [6e8])
        assert (row.winner, row.num_replicas) == ("cheap", 5)
        # 10,800 USD at the API: building wins with three replicas, which takes 200 M tokens a day of each.
        needed = math.log(200 / 129.6) / 0.4
        draws = np.random.default_rng(3).standard_normal(200_000)
        assert winner_probability(row, OWN, CHEAP, 0.4) == pytest.approx((draws < needed).mean(), abs=0.005)

    @pytest.mark.parametrize(("volume", "winner"), [(1e6, "api"), (1e9, "own")])
    def test_a_clear_winner_is_sure(self, volume, winner):
        (row,) = build_or_buy(OWN, API, [volume])
        assert row.winner == winner
        assert winner_probability(row, OWN, API, 0.1) == pytest.approx(1.0)
        assert winner_probability(row, OWN, API, 0.0) == 1.0

    def test_a_tie_has_no_chance_to_tell(self):
        point = break_even(OWN, API)
        (row,) = build_or_buy(OWN, API, [point.volume_tokens_per_day])
        assert winner_probability(row, OWN, API, 0.3) is None

    def test_a_stated_rate_has_no_spread(self):
        assert gather_build_case({}, Found()).rate_sd_log is None
        assert gather_build_case({"replica_tokens_per_s": 1000.0}, Found()).rate_sd_log is None

    def test_a_modelled_rate_brings_its_own_unless_another_is_stated(self):
        traffic = traffic_from_rate(1.0, 1000, 1000)
        found = Found(replica=modelled_replica(FACTS, "llama-3.3-70b", "h100-sxm", traffic, slo=Slo(limits=())))
        assert gather_build_case({}, found).rate_sd_log == found.replica.rate_sd_log
        assert gather_build_case({"replica_tokens_per_s": 1000.0}, found).rate_sd_log is None


class TestHybrid:
    @pytest.mark.parametrize("count", [1, 3, 7, 14])
    def test_a_split_lies_in_its_range_and_is_cheaper_when_fast(self, count):
        one = strategy(LOAD, TERMS, num_replicas=count)
        for name, ends in split_ranges(LOAD, TERMS, one, 0.2).items():
            assert ends is not None
            assert ends[0] <= getattr(one, name) <= ends[1]
        fast = strategy(LOAD, faster_terms(TERMS, ends_of(1.0, 0.2)[1]), num_replicas=count)
        assert split_ranges(LOAD, TERMS, one, 0.2)["total_usd_per_month"][0] == fast.total_usd_per_month

    def test_no_spread_is_the_split_itself(self):
        one = strategy(LOAD, TERMS, num_replicas=3)
        assert split_ranges(LOAD, TERMS, one, 0.0)["total_usd_per_month"] == (one.total_usd_per_month,) * 2

    def test_the_best_number_of_replicas_and_the_quota(self):
        best = best_hybrid(LOAD, TERMS).best
        ranges = choice_ranges(LOAD, TERMS, 0.4)
        low, high = ranges["num_replicas"]
        assert low <= best.num_replicas <= high
        assert low < high
        least, most = ranges["peak_overflow_tokens_per_s"]
        central = max(LOAD.peak_tokens_per_s - best.num_replicas * TERMS.replica_tokens_per_s, 0.0)
        assert least <= central <= most

    def test_no_spread_is_one_choice(self):
        low, high = choice_ranges(LOAD, TERMS, 0.0)["num_replicas"]
        assert low == high == best_hybrid(LOAD, TERMS).best.num_replicas

"""The case of build or buy: how inputs are gathered, the curves that follow, rules, hidden lines and sensitivity."""

from dataclasses import replace

import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.build_or_buy.build_answer import answer_build, explain_break_even
from tokonomics.economics.build_or_buy.build_ask import hidden_lines
from tokonomics.economics.build_or_buy.build_case import build_curves, replica_tokens_per_s, step_usd_per_month
from tokonomics.economics.build_or_buy.build_inputs import Found, gather_build_case
from tokonomics.economics.build_or_buy.build_rules import Circumstances, judge_rules, rule_problems
from tokonomics.economics.figures.inputs import resolve_inputs, values_of
from tokonomics.economics.hardware.hidden_costs import hidden_cost_register
from tokonomics.economics.hardware.list_prices import TokenPrice
from tokonomics.economics.serving.modelled_replica import check_stated_rate, modelled_replica
from tokonomics.errors import Infeasible, InputError
from tokonomics.workload.slo import Slo, parse_slo
from tokonomics.workload.traffic import traffic_from_rate

CASE = gather_build_case({}, Found())
HIDDEN = resolve_inputs("hidden_costs", {}, ["engineer_usd_per_hour", "amortise_months"])
NOTHING = Slo(limits=())
SHORT = traffic_from_rate(1.0, 1000, 1000)


def answered(case=CASE, **options):
    return answer_build(case, hidden_cost_register(), hidden_inputs=HIDDEN, **options)


class TestInputs:
    def test_the_article_without_a_word(self):
        at = values_of(CASE.inputs)
        assert step_usd_per_month(at) == 1800
        assert at["days_per_month"] == 30
        assert replica_tokens_per_s(at) == pytest.approx(2181.8, abs=0.1)

    def test_an_hour_brings_the_month_of_730_hours(self):
        at = values_of(gather_build_case({"gpu_usd_per_hour": 2.0, "num_gpus": 4}, Found()).inputs)
        assert step_usd_per_month(at) == pytest.approx(2.0 * 4 * 730)
        assert at["days_per_month"] * 24 == pytest.approx(730)

    def test_stated_days_stand(self):
        at = values_of(gather_build_case({"gpu_usd_per_hour": 2.0, "days_per_month": 30}, Found()).inputs)
        assert step_usd_per_month(at) == 2.0 * 720

    def test_traffic_gives_mix_and_peak_unless_stated(self):
        traffic = traffic_from_rate(1.0, 300, 100, peak_ratio=2.5)
        found = Found(traffic=traffic)
        assert values_of(gather_build_case({}, found).inputs)["input_frac"] == 0.75
        assert values_of(gather_build_case({}, found).inputs)["peak_ratio"] == 2.5
        assert values_of(gather_build_case({"input_frac": 0.2, "peak_ratio": 1.0}, found).inputs)["input_frac"] == 0.2

    def test_two_words_for_one_thing(self):
        api = TokenPrice(
            name="x/y", input_usd_per_mtok=1, output_usd_per_mtok=2, cached_usd_per_mtok=None, as_of="", source="s"
        )
        with pytest.raises(InputError) as caught:
            gather_build_case(
                {"api_input_usd_per_mtok": 1.0, "replica_tokens_per_s": 5.0, "decode_tokens_per_s": 3.0}, Found(api=api)
            )
        assert len(caught.value.violations) == 2


class TestCurves:
    def test_per_use_equals_a_full_staircase(self):
        curves = build_curves(CASE)
        month_mtok = curves.always_on.replica_tokens_per_day * 30 / 1e6
        assert curves.pay_per_use.usd_per_mtok * month_mtok == pytest.approx(1800)

    def test_moved_inputs_move_only_theirs(self):
        moved = build_curves(CASE, {"ops_usd_per_month": 9000.0})
        assert moved.always_on.fixed_usd_per_month == 9000
        assert moved.api == build_curves(CASE).api

    def test_a_box_of_several_replicas_is_one_step(self):
        inputs = dict(CASE.inputs)
        inputs |= {
            "num_step_gpus": replace(inputs["num_step_gpus"], value=8),
            "num_step_replicas": replace(inputs["num_step_replicas"], value=4),
        }
        boxed, plain = build_curves(replace(CASE, inputs=inputs)), build_curves(CASE)
        assert boxed.always_on.replica_tokens_per_day == 4 * plain.always_on.replica_tokens_per_day
        assert boxed.always_on.replica_usd_per_month == 8 * plain.always_on.replica_usd_per_month


class TestAnswer:
    def test_operations_are_not_counted_twice(self):
        answer = answered()
        assert "operations" not in [line.name for line in answer.register]
        extra = answer.with_hidden.build.fixed_usd_per_month - answer.point.build.fixed_usd_per_month
        assert extra == pytest.approx(answer.hidden.total_usd_per_month) == pytest.approx(3 * 40 * 63.91 / 12)

    def test_rows_hold_the_volumes_and_the_break_even(self):
        answer = answered(volumes=(5e6, 1e6))
        assert [row.volume_tokens_per_day for row in answer.rows] == [1e6, 5e6, answer.point.volume_tokens_per_day]

    def test_the_tornado_moves_operations_by_the_range_of_its_source(self):
        bars = {bar.name: bar for bar in answered().tornado.bars}
        assert bars["ops_usd_per_month"].inputs == (5000.0, 20000.0)
        assert bars["api_output_usd_per_mtok"].inputs == pytest.approx((7.5, 12.5))
        assert "days_per_month" not in bars
        assert max(bars["input_frac"].inputs) <= 1

    def test_a_stated_figure_swings_by_its_share(self):
        case = gather_build_case({"ops_usd_per_month": 8000.0}, Found())
        bar = next(bar for bar in answered(case, swing_frac=0.5).tornado.bars if bar.name == "ops_usd_per_month")
        assert bar.inputs == (4000.0, 12000.0)

    def test_explanation_of_never_is_the_reason(self):
        case = gather_build_case({"api_input_usd_per_mtok": 0.01, "api_output_usd_per_mtok": 0.01}, Found())
        told = explain_break_even(answered(case))
        assert told.value == 0.0
        assert told.formula.startswith("never")

    def test_bands_reach_no_further_than_their_steps_allow(self):
        case = gather_build_case({"replica_tokens_per_s": 0.01}, Found())
        assert answered(case, volumes=(1e15,)).bands


class TestHiddenLines:
    def test_changed_and_added_lines(self):
        lines = {
            line.name: line
            for line in hidden_lines([{"name": "monitoring", "event_usd": 300.0}, {"name": "audit", "once_usd": 9.0}])
        }
        assert lines["monitoring"].event_usd == 300
        assert lines["monitoring"].covers  # what it covers stays
        assert lines["monitoring"].source == "as stated"
        assert lines["audit"].is_priced

    def test_wrong_keys_and_words(self):
        with pytest.raises(InputError) as caught:
            hidden_lines([{"event_usd": 1.0}, {"name": "x", "colour": "red", "once_usd": "much"}])
        assert len(caught.value.violations) == 3


class TestRules:
    def said(self, **words):
        figures = {name: words.pop(name) for name in list(words) if name not in Circumstances.__slots__}
        return Circumstances(figures=figures, **words)

    def test_nothing_asked_nothing_judged(self):
        assert judge_rules(self.said(), build_curves(CASE), volume_tokens_per_day=1e7) == ()

    def test_what_is_missing_is_named_together(self):
        said = self.said(num_candidates=2, trial_hours=1.0, burst_hours=2.0, needs=frozenset({"soc2"}))
        assert len(rule_problems(said)) == 4

    def test_a_burst_that_fits_into_the_spare_capacity_costs_nothing_more(self):
        curves = build_curves(CASE)
        (rule,) = judge_rules(self.said(burst_ratio=2.0, burst_hours=1.0), curves, volume_tokens_per_day=50e6)
        assert rule.self_host_usd_per_month == 6800
        (tall,) = judge_rules(self.said(burst_ratio=20.0, burst_hours=1.0), curves, volume_tokens_per_day=50e6)
        assert tall.self_host_usd_per_month > 6800


class TestModelled:
    def test_the_fewest_accelerators_that_hold_it(self):
        catalog = load_catalog()
        big = modelled_replica(catalog, "llama-3.3-70b", "h100-sxm", SHORT, slo=NOTHING)
        small = modelled_replica(catalog, "llama-3.1-8b", "h100-sxm", SHORT, slo=NOTHING)
        assert (big.num_gpus, small.num_gpus) == (2, 1)
        assert small.replica_tokens_per_s > big.replica_tokens_per_s / 2
        assert big.term.status == "modelled"
        assert "1,000 tokens in" in big.term.source

    def test_an_slo_costs_throughput(self):
        catalog = load_catalog()
        free = modelled_replica(catalog, "llama-3.1-8b", "h100-sxm", SHORT, slo=NOTHING)
        bound = modelled_replica(catalog, "llama-3.1-8b", "h100-sxm", SHORT, slo=parse_slo("itl_p95=12ms"))
        assert bound.replica_tokens_per_s < free.replica_tokens_per_s

    def test_what_cannot_be_served(self):
        with pytest.raises(Infeasible, match="loosen"):
            modelled_replica(load_catalog(), "llama-3.1-8b", "h100-sxm", SHORT, slo=parse_slo("itl_p95=1ms"))
        with pytest.raises(Infeasible, match="does not fit"):
            modelled_replica(load_catalog(), "deepseek-v3", "rtx4090", SHORT, slo=NOTHING)

    def test_a_rate_above_the_roofline_is_refused_with_its_bound(self):
        replica = modelled_replica(load_catalog(), "llama-3.3-70b", "h100-sxm", SHORT, slo=NOTHING)
        check_stated_rate(replica, SHORT, output_tokens_per_s=2000.0)
        with pytest.raises(InputError, match="above the roofline"):
            check_stated_rate(replica, SHORT, output_tokens_per_s=20_000.0)

"""Outcomes and subjects out of files: every kind that `tok` writes, and what strangers may write instead."""

import json
from datetime import date

import pytest

from tokonomics.errors import InputError
from tokonomics.planning.outcome_document import outcome_before, outcome_of
from tokonomics.planning.outcome_plan import plan_outcome
from tokonomics.planning.price_age import price_level, worst_level
from tokonomics.planning.subject import read_subject, subject_of
from tokonomics.policy.backend import ApiBackend, FleetBackend
from tokonomics.policy.plan import CostRange, Expected, Plan, PlannedTraffic
from tokonomics.policy.plan_file import plan_text
from tokonomics.policy.record import Policy

OPTION = {
    "name": "x",
    "kind": "self_host",
    "usd_per_month": 10.0,
    "usd_per_mtok": {"blended": {"allocation": 2.0, "usage": 1.0}},
    "ttft_p95_s": 0.5,
    "itl_p95_s": 0.02,
    "e2e_p95_s": None,
    "slo_probability": 0.9,
    "num_gpus": 4,
    "price_freshness": "fresh",
}
API = {**OPTION, "name": "api/y", "kind": "api", "usd_per_month": 5.0, "ttft_p95_s": None}
QUOTE = {"schema": "tokonomics/quote/1", "kind": "quote", "options": [API, OPTION]}


def plan(**keys):
    cost = CostRange(expected_usd=100.0)
    expected = Expected(
        month=cost, allocation=cost, usage=cost, num_gpus=2, api_frac=0.0, is_replayed=True, ttft_p95_s=0.4
    )
    traffic = PlannedTraffic(
        name="t", requests_per_s=1.0, peak_requests_per_s=1.0, mean_input_tokens=9.0, mean_output_tokens=9.0
    )
    fleet = FleetBackend(
        name="f", model="llama-3.1-8b", precision="bf16", engine="vllm", accelerator="l40s", provider="p",
        purchase="on_demand", num_replicas=2, usd_per_gpu_hour=1.0, price_as_of="2026-11-20",
    )  # fmt: skip
    known = {
        "family": "all-self-hosted", "policy": Policy(), "expected": expected, "traffic": traffic, "fleets": (fleet,), "planned_on": date(2026, 11, 23),
        "catalogue_snapshot": "2026-11-23", "catalogue_digest": "abc", "seed": 0, "tokonomics_version": "0.1",
    }  # fmt: skip
    return Plan(**{**known, **keys})


@pytest.mark.parametrize(
    ("figure", "value", "limit"),
    [
        ("usd_per_month", -5.0, "0 to 1e+18"),
        ("usd_per_month", 10**400, "a finite number"),
        ("num_gpus", -1, "0 to 1e+18"),
        ("slo_probability", 1.5, "0 to 1"),
        ("ttft_p95_s", True, "a finite number"),
    ],
)
def test_a_figure_that_no_result_can_have_passes_no_gate(figure, value, limit):
    with pytest.raises(InputError, match=limit.replace("+", r"\+")):
        outcome_of({**QUOTE, "options": [{**OPTION, figure: value}]}, where="q")
    after = {"option": "x", "figures": {figure: value}}
    with pytest.raises(InputError, match=figure):
        outcome_of({"schema": "tokonomics/diff/1", "kind": "diff", "after": after}, where="d")


class TestQuote:
    def test_the_first_option_speaks_for_it(self):
        found = outcome_of(QUOTE, where="q")
        assert (found.option, found.usd_per_month, found.ttft_p95_s) == ("api/y", 5.0, None)

    def test_or_the_best_of_a_kind(self):
        found = outcome_of(QUOTE, where="q", pick="self_host")
        assert (found.option, found.allocation_usd_per_mtok, found.usage_usd_per_mtok) == ("x", 2.0, 1.0)
        assert (found.num_gpus, found.slo_probability, found.freshness) == (4.0, 0.9, "fresh")

    def test_none_of_that_kind(self):
        with pytest.raises(InputError, match="no option of kind api"):
            outcome_of({**QUOTE, "options": [OPTION]}, where="q", pick="api")

    def test_unpriced_is_unknown_not_zero(self):
        unpriced = {**OPTION, "usd_per_mtok": None, "usd_per_month": None}
        found = outcome_of({**QUOTE, "options": [unpriced]}, where="q")
        assert found.usd_per_month is None
        assert found.allocation_usd_per_mtok is None


class TestOtherKinds:
    def test_a_simulation_is_brought_to_a_month(self):
        document = {
            "kind": "simulation", "usd": 10.0, "span_s": 730 * 3600 / 4, "deployment": {"name": "d"}, "today": "2026-11-23",
            "usd_per_mtok": {"blended": {"allocation": 3.0, "usage": 2.0}}, "ttft_s": {"p95": 0.7}, "itl_s": None,
            "price": {"as_of": "2024-01", "purchase": "on_demand", "status": "listed"},
        }  # fmt: skip
        found = outcome_of(document, where="s")
        assert (found.usd_per_month, found.ttft_p95_s, found.itl_p95_s) == (pytest.approx(40.0), 0.7, None)
        assert found.freshness == "stale"

    def test_a_plan_document_speaks_by_its_recommended_family(self):
        families = [
            {"name": "a", "usd_per_month": 1.0},
            {"name": "b", "usd_per_month": 2.0, "usd_per_mtok": {"blended": {"allocation": 0.5}}},
        ]
        found = outcome_of({"kind": "plan", "families": families, "recommended": "b"}, where="p")
        assert (found.option, found.usd_per_month, found.allocation_usd_per_mtok) == ("b", 2.0, 0.5)

    def test_a_plan_that_recommends_nothing_known(self):
        with pytest.raises(InputError, match="recommends 'c'"):
            outcome_of({"kind": "plan", "families": [], "recommended": "c"}, where="p")

    def test_a_plan_file_speaks_by_what_it_expects(self):
        found = plan_outcome(plan())
        assert (found.option, found.usd_per_month, found.ttft_p95_s, found.freshness) == (
            "all-self-hosted",
            100.0,
            0.4,
            "fresh",
        )

    def test_its_oldest_price_speaks_for_all(self):
        api = ApiBackend(
            name="api",
            endpoint="a/b",
            input_usd_per_mtok=1.0,
            output_usd_per_mtok=1.0,
            price_as_of="2025-01",
            price_source="s",
        )
        assert plan_outcome(plan(apis=(api,))).freshness == "stale"

    def test_a_comparison_has_two_sides(self):
        side = {"option": "o", "freshness": "", "figures": {"usd_per_month": 3.0}}
        document = {"kind": "diff", "before": side, "after": {**side, "figures": {"usd_per_month": 4.0}}}
        assert outcome_before(document, where="d").usd_per_month == 3.0
        assert outcome_of(document, where="d").usd_per_month == 4.0
        assert outcome_before(QUOTE, where="q") is None


class TestStrangers:
    @pytest.mark.parametrize("value", ["9", True, [], {}, 1e19, -1e19])
    def test_a_wrong_number_is_told_with_its_place(self, value):
        wrong = {**QUOTE, "options": [{**OPTION, "usd_per_month": value}]}
        with pytest.raises(InputError, match=r"q\.options\[0\]\.usd_per_month=.*finite number or null"):
            outcome_of(wrong, where="q")

    def test_all_wrong_cells_at_once(self):
        wrong = {**QUOTE, "options": [{**OPTION, "usd_per_month": "a", "name": 7, "usd_per_mtok": 3}]}
        with pytest.raises(InputError) as found:
            outcome_of(wrong, where="q")
        assert len(found.value.violations) == 3

    @pytest.mark.parametrize("options", ["x", 3, [1], [None]])
    def test_wrong_lists(self, options):
        with pytest.raises(InputError, match="options"):
            outcome_of({**QUOTE, "options": options}, where="q")

    @pytest.mark.parametrize("kind", ["frontier", None, 3, {"a": 1}])
    def test_another_kind(self, kind):
        with pytest.raises(InputError, match="limit=one of quote, simulation, plan, diff"):
            outcome_of({"kind": kind}, where="q")

    @pytest.mark.parametrize("text", ["[1]", "{", '{"kind": NaN}', "[" * 100_000, '{"schema": "tokonomics/quote/1"}'])
    def test_files_that_are_no_results(self, tmp_path, text):
        path = tmp_path / "x.json"
        path.write_text(text)
        with pytest.raises(InputError):
            read_subject(path)

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(InputError, match="cannot read"):
            read_subject(tmp_path / "none.json")

    def test_bytes_that_are_no_text(self, tmp_path):
        path = tmp_path / "x.json"
        path.write_bytes(b"\xff\xfe{}")
        with pytest.raises(InputError):
            read_subject(path)

    def test_a_file_too_large(self, tmp_path):
        path = tmp_path / "x.json"
        path.write_bytes(b" " * (16 * 1024 * 1024 + 1))
        with pytest.raises(InputError, match="larger than"):
            read_subject(path)


class TestSubjects:
    def test_a_plan_file_is_one(self, tmp_path):
        path = tmp_path / "plan.yaml"
        path.write_text(plan_text(plan()))
        found = read_subject(path)
        assert (found.kind, found.outcome.usd_per_month, found.facts["catalog_digest"]) == ("plan", 100.0, "abc")
        assert found.unasked == "it carries no scenario"

    def test_a_scenario_file_is_one(self, tmp_path):
        path = tmp_path / "tok.yaml"
        path.write_text("models: [llama-3.1-8b]\ntraffic: {preset: chat, requests_per_s: 1}\n")
        found = read_subject(path)
        assert (found.kind, found.outcome) == ("scenario", None)
        as_json = tmp_path / "tok.json"
        as_json.write_text(json.dumps(found.scenario.to_dict()))
        assert read_subject(as_json).scenario == found.scenario

    def test_a_scenario_of_another_version_is_said(self):
        found = subject_of({**QUOTE, "scenario": {"models": ["a"], "later_key": 1}}, name="q.json")
        assert found.scenario is None
        assert "does not read its scenario" in found.unasked

    def test_levels(self):
        assert worst_level([]) == ""
        assert worst_level(["fresh", "unknown", "stale"]) == "unknown"
        assert price_level("", purchase="on_demand", today=date(2026, 1, 1), status="stated") == "stated"

"""Limits that bind a plan: quotas of accelerators, stated latencies, quality, names, and loads that are too large."""

import csv
from datetime import date

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.errors import Infeasible, InputError
from tokonomics.planning.ask import plan
from tokonomics.planning.costs import plan_cost
from tokonomics.planning.curves import load_costs
from tokonomics.planning.fleet_problem import ApiChoice, FleetChoice, FleetProblem, GpuLimit, Way
from tokonomics.planning.question import question
from tokonomics.planning.recommend import recommendation
from tokonomics.planning.solve import solve_fleet
from tokonomics.units import HOURS_PER_MONTH
from tokonomics.workload.scenario import Scenario

TODAY = date(2026, 11, 23)
CASCADE = {
    "quality": [{"model": "llama-3.1-8b", "quality_frac": 0.6}, {"model": "llama-3.3-70b", "quality_frac": 0.8}],
    "cascades": [
        {
            "first": "llama-3.1-8b",
            "next": "llama-3.3-70b",
            "accept_confidence_frac": 0.7,
            "escalated_frac": 0.2,
            "quality_frac": 0.78,
        }
    ],
}
STATED = {"api_ttft_s": 0.3, "api_itl_s": 0.05}
BOTH = ["llama-3.1-8b", "llama-3.3-70b"]


def asked(rps=2.0, *, models=("llama-3.1-8b",), slo="", traffic=None, simulation=None, search=None, **keys):
    given = {
        "models": list(models),
        "slo": slo,
        "gpus": ["h100-sxm", "l40s"],
        "traffic": traffic or {"preset": "chat", "requests_per_s": rps},
        "simulation": {"span_s": 600.0, **(simulation or {})},
        "plan": {"engines": ["vllm"], "num_draws": 200, **(search or {})},
    }
    return Scenario.from_dict({**given, **keys})


def made(*args, **keys):
    return plan(asked(*args, **keys), today=TODAY)


def refused(*args, error=Infeasible, **keys):
    with pytest.raises(error) as caught:
        made(*args, **keys)
    return caught.value.violations


class TestSharedQuota:
    """Choices that share a quota of accelerators, in the optimiser alone."""

    def solved(self, max_gpus, *, demand=10.0, apis=()):
        def choice(name, rate, usd):
            return FleetChoice(name=name, tier="t", requests_per_s=np.array([rate]), on_demand_usd_per_hour=usd)

        problem = FleetProblem(
            hours=np.array([HOURS_PER_MONTH]),
            demand_requests_per_s=np.array([[demand]]),
            choices=(choice("small", 1.0, 1.0), choice("large", 3.0, 4.0), choice("other", 1.0, 9.0)),
            apis=apis,
            ways=(Way(name="t", calls=(("t", 1.0),)),),
            gpu_limits=(GpuLimit(name="gpu from seller", choices=(("small", 1), ("large", 2)), max_gpus=max_gpus),),
            max_gap_frac=0.0,
        )
        return solve_fleet(problem)

    @pytest.mark.parametrize(
        ("max_gpus", "bundles"), [(20, [10, 0, 0]), (8, [2, 3, 0]), (7, [1, 3, 0]), (4, [0, 2, 4])]
    )
    def test_it_holds_for_all_of_them_together(self, max_gpus, bundles):
        small, large, _ = found = self.solved(max_gpus).num_on_demand[:, 0]
        assert small + 2 * large <= max_gpus
        assert found @ [1.0, 3.0, 1.0] >= 10.0
        assert found @ [1.0, 4.0, 9.0] <= np.array(bundles) @ [1.0, 4.0, 9.0] + 1e-9

    def test_what_exceeds_it_goes_elsewhere(self):
        api = ApiChoice(name="api", tier="t", usd_per_request=np.array([1e-3]))
        found = self.solved(0, apis=(api,))
        assert found.num_on_demand[:2].sum() == 0

    def test_it_is_named_where_it_binds(self):
        choice = FleetChoice(name="a", requests_per_s=np.array([1.0]), on_demand_usd_per_hour=1.0)
        problem = FleetProblem(
            hours=np.array([1.0]),
            demand_requests_per_s=np.array([[10.0]]),
            choices=(choice,),
            apis=(),
            ways=(Way(name="w", calls=(("a", 1.0),)),),
            gpu_limits=(GpuLimit(name="gpu from seller", choices=(("a", 2),), max_gpus=6),),
        )
        with pytest.raises(Infeasible, match="max_gpus=6 of gpu from seller; the demand needs 20; raise it to 20"):
            solve_fleet(problem)

    def test_names_and_counts_are_checked(self):
        choice = FleetChoice(name="a", requests_per_s=np.array([1.0]), on_demand_usd_per_hour=1.0)
        problem = FleetProblem(
            hours=np.array([1.0]),
            demand_requests_per_s=np.array([[1.0]]),
            choices=(choice,),
            apis=(),
            ways=(Way(name="w", calls=(("a", 1.0),)),),
            gpu_limits=(GpuLimit(name="q", choices=(("b", 2),), max_gpus=-1),),
        )
        with pytest.raises(InputError) as caught:
            solve_fleet(problem)
        assert len(caught.value.violations) == 2


class TestMaxGpus:
    """The same in a plan: `max_gpus` of one kind from one seller, repairs included."""

    @pytest.mark.parametrize("max_gpus", [1, 2, 4])
    def test_no_plan_takes_more_from_a_seller(self, max_gpus):
        found = made(12.0, search={"max_gpus": max_gpus}, slo="itl_p95=40ms")
        for one in found.plans:
            counts = {}
            for bought in one.draft.purchases:
                key = bought.item.deployment.accelerator.id, bought.item.sale.offer.provider
                counts[key] = counts.get(key, 0) + int(bought.num_bundles.max()) * bought.item.gpus_per_bundle
            assert max(counts.values(), default=0) <= max_gpus

    def test_the_quota_that_binds_is_named_with_what_would_do(self):
        asked = {"models": ["deepseek-v3.1"], "gpus": ["h200-sxm"]}
        (words,) = refused(5.0, **asked, search={"max_gpus": 1, "no_api": True})
        assert words.startswith("max_gpus=1 binds: no fleet with so few accelerators of each kind from each seller")
        least = int(words.rpartition("--max-gpus ")[2].partition(",")[0])
        assert made(5.0, **asked, search={"max_gpus": least, "no_api": True}).best.proven.is_kept
        refused(5.0, **asked, search={"max_gpus": least - 1, "no_api": True})

    def test_a_repair_that_needs_more_says_so(self):
        words = refused(
            40.0, gpus=["l40s"], providers=["runpod"], slo="itl_p95=40ms", search={"max_gpus": 4, "no_api": True}
        )
        assert "max_gpus" in words[-1]


class TestStatedLatency:
    """Endpoints that nobody replays: what the user states of them is held against every limit."""

    def test_a_whole_answer_is_as_long_as_its_tokens(self):
        found = made(slo="e2e_p95=2s", simulation=STATED, gpus=["l40s", "b200-sxm"])
        assert found.family("all_api").fails
        assert "e2e_p95" in found.family("all_api").fails[0]
        assert found.best.name != "all_api"

    def test_a_loose_limit_is_kept_and_the_words_say_whose_latency_it_is(self):
        found = made(slo="e2e_p95=60s", simulation=STATED, search={"families": ["all_api"]})
        assert not found.best.fails
        assert found.best.is_known
        assert "as fast as you state" in recommendation(found)
        assert "publish no latency" not in recommendation(found)

    def test_two_calls_one_after_another_are_not_known_by_one(self):
        search = {**CASCADE, "families": ["cascade"], "min_quality_frac": 0.78}
        found = made(0.01, models=BOTH, slo="ttft_p95=60s", simulation=STATED, search=search)
        cascade = found.family("cascade")
        assert cascade.proven is None
        assert not cascade.is_known


class TestRefusals:
    def test_a_quality_that_nothing_reaches(self):
        (words,) = refused(models=BOTH, search={**CASCADE, "min_quality_frac": 0.9})
        assert "the best that can serve this is llama-3.3-70b, at 0.8" in words
        assert "--min-quality-frac 0.8" in words

    def test_a_quality_that_nobody_measured(self):
        search = {"quality": [{"model": "somebody/else", "quality_frac": 0.9}], "min_quality_frac": 0.5}
        (words,) = refused(search=search)
        assert "nothing that can serve this has a quality figure" in words

    def test_no_api_is_not_told_to_name_one(self):
        found = made(search={"no_api": True})
        assert "all API: no hosted model may be called; leave --no-api out" in found.absent

    def test_all_wrong_names_are_said_at_once(self):
        words = refused(
            error=InputError,
            models=["llama-3.1-8b", "nosuch"],
            gpus=["h1000"],
            providers=["zzz"],
            regions=["mars"],
            apis=["foo/bar"],
            search={"engines": ["vvllm"]},
        )
        assert [one.split(": ")[0] for one in words] == [
            "unknown model", "unknown price", "unknown gpu", "unknown engine", "unknown provider", "unknown region",
        ]  # fmt: skip

    def test_a_load_beyond_every_plan(self):
        (words,) = refused(1e6, error=InputError, gpus=["l40s"], search={"no_api": True, "families": ["self_hosted"]})
        assert "limit=10,000 in one plan" in words


@pytest.fixture(scope="module")
def cascade():
    return made(models=BOTH, search={**CASCADE, "no_api": True, "min_quality_frac": 0.78})


class TestCascadeCosts:
    def test_each_tier_works_for_its_own_calls(self, cascade):
        one, demand = cascade.family("cascade"), cascade.asked.demand
        calls, used = dict(one.draft.way.calls), 0.0
        for bought in one.draft.purchases:
            same = [other for other in one.draft.purchases if other.item.tier == bought.item.tier]
            assert same == [bought]
            capacity = bought.item.requests_per_s * bought.most_replicas
            busy_frac = demand.requests_per_s * calls[bought.item.tier] / capacity
            used += bought.usd_per_month(one.draft.buckets) * busy_frac
        assert len(one.draft.purchases) == 2
        found = plan_cost(one.draft, demand)
        assert found.usage_usd_per_mtok * demand.month.total_tokens / 1e6 == pytest.approx(used)
        assert found.usage_usd_per_mtok < found.allocation_usd_per_mtok

    def test_the_chart_holds_both_tiers(self, cascade):
        curve = next(one for one in load_costs(cascade) if one.name == "cascade")
        at_load = np.interp(2.0, curve.requests_per_s, curve.usd_per_month)
        assert at_load == pytest.approx(cascade.family("cascade").draft.usd_per_month, rel=0.01)


@pytest.fixture
def two_days(tmp_path):
    """A trace of two days, busy from nine to five."""
    rng = np.random.default_rng(0)
    busy = [day * 86400 + 9 * 3600 + rng.random(1500) * 8 * 3600 for day in (0, 1)]
    arrivals_s = np.sort(np.concatenate([*busy, rng.random(300) * 2 * 86400, [0.0, 2 * 86400 - 1.0]]))
    path = tmp_path / "two.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["arrival_s", "input_tokens", "output_tokens"])
        writer.writerows([round(float(one), 3), 500, 100] for one in arrivals_s)
    return path


def test_another_rate_leaves_the_hours_of_a_trace_where_they_are(two_days):
    scenario = asked(traffic={"trace": str(two_days), "requests_per_s": 2.0}, simulation={"span_s": None})
    found = question(scenario, today=TODAY, catalog=load_catalog())
    assert found.buckets.can_follow
    hour = found.traffic.begin_s / 3600 % 24
    assert 8.9 <= hour <= 17.0
    assert found.traffic.requests.arrival_s[-1] >= 1800.0
    as_recorded = question(asked(traffic={"trace": str(two_days)}), today=TODAY, catalog=load_catalog())
    assert as_recorded.traffic.window.startswith("all ")


def test_a_small_bill_is_not_said_to_be_nothing():
    found = made(0.001, search={"families": ["all_api"]})
    assert 0.0 < found.best.draft.usd_per_month < 1.0
    assert f"It costs {found.best.draft.usd_per_month:.3g} USD" in recommendation(found)

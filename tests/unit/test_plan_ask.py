"""Plans of a small question: what they cost, keep and say, and what is refused, and how."""

from datetime import date

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.errors import Infeasible, InputError, UnknownName
from tokonomics.planning.ask import plan
from tokonomics.planning.costs import plan_cost
from tokonomics.planning.explain import EXPLAINED, explained
from tokonomics.planning.plan_record import plan_record
from tokonomics.planning.recommend import changes, recommendation
from tokonomics.planning.unknown_latency import is_known, most_hosted_frac
from tokonomics.policy.plan_file import parse_plan, plan_text
from tokonomics.units import HOURS_PER_MONTH, SECONDS_PER_MONTH
from tokonomics.workload.scenario import Scenario

TODAY = date(2026, 11, 23)
SLO = "ttft_p95=1s,itl_p95=50ms"


def asked(rps=20.0, *, models=("llama-3.1-8b",), slo=SLO, **keys):
    search = {"engines": ["vllm"], "num_draws": 200, **keys.pop("plan", {})}
    traffic = keys.pop("traffic", {"preset": "chat", "requests_per_s": rps})
    given = {
        "gpus": keys.pop("gpus", ["h100-sxm", "l40s"]),
        "models": list(models),
        "slo": slo,
        "traffic": traffic,
        "plan": search,
    }
    return Scenario.from_dict({**given, "simulation": {"span_s": 600.0, **keys.pop("simulation", {})}, **keys})


def made(*args, **keys):
    return plan(asked(*args, **keys), today=TODAY)


@pytest.fixture(scope="module")
def planned():
    return made()


def test_every_family_has_a_plan_or_a_reason(planned):
    named = {one.draft.family.title for one in planned.plans} | {text.partition(":")[0] for text in planned.absent}
    assert named == {"all API", "self-hosted", "hybrid", "cascade", "spot-heavy", "on-premises", "committed"}


def test_the_best_is_proven_and_keeps_every_limit(planned):
    best = planned.best
    assert best.proven is not None
    assert not best.fails
    for check in best.proven.proof.checks:
        assert check.is_met
    known = [one for one in planned.plans if one.is_known and not one.fails]
    assert best.draft.usd_per_month == min(one.draft.usd_per_month for one in known)


def test_all_api_costs_what_its_price_says(planned):
    api = planned.family("all_api").draft
    price, traffic = api.api.price, planned.asked.demand.traffic
    usd = traffic.mean_input_tokens * float(price.input_usd_per_mtok) + traffic.mean_output_tokens * float(
        price.output_usd_per_mtok
    )
    assert api.usd_per_month == pytest.approx(usd / 1e6 * traffic.requests_per_s * SECONDS_PER_MONTH, rel=1e-6)
    assert api.api_frac == 1.0
    assert planned.odds_of(planned.family("all_api")).slo_probability is None


def test_machines_cost_their_bundles_for_a_month(planned):
    made_of = planned.family("self_hosted").draft
    usd = sum(one.num_bundles.max() * one.item.bundle_usd_per_hour for one in made_of.purchases) * HOURS_PER_MONTH
    assert made_of.usd_per_month == pytest.approx(usd)
    assert made_of.capacity_requests_per_s >= 0.9 * planned.asked.demand.peak_requests_per_s


def test_both_bases_and_their_order(planned):
    for one in planned.plans:
        cost = plan_cost(one.draft, planned.asked.demand)
        assert 0.0 < cost.usage_usd_per_mtok <= cost.allocation_usd_per_mtok * (1 + 1e-9)
        mtok = planned.asked.demand.month.total_tokens / 1e6
        assert cost.allocation_usd_per_mtok * mtok == pytest.approx(one.draft.usd_per_month)


def test_chances_add_up(planned):
    odds = planned.chances.odds
    assert sum(one.cheapest_probability for one in odds) == pytest.approx(1.0)
    for one in odds:
        assert one.low_ratio <= 1.0 <= one.high_ratio
        assert one.slo_probability is None or 0.0 <= one.slo_probability <= 1.0


def test_the_same_question_gives_the_same_bytes(planned):
    again = made()
    text = plan_text(plan_record(planned, planned.best))
    assert plan_text(plan_record(again, again.best)) == text
    other = plan(asked(simulation={"seed": 1}), today=TODAY)
    assert plan_text(plan_record(other, other.best)) != text


def test_every_plan_is_a_record_that_reads_back(planned):
    for one in planned.plans:
        record = plan_record(planned, one)
        assert parse_plan(plan_text(record), "plan.yaml") == record
        assert record.expected.num_gpus == one.draft.num_gpus
        assert record.catalogue_digest == load_catalog().digest
        assert Scenario.from_dict(record.scenario).models == ("llama-3.1-8b",)
        bill = sum(one.num_gpus * one.usd_per_gpu_hour * HOURS_PER_MONTH for one in record.fleets)
        assert bill <= record.expected.month.expected_usd * (1 + 1e-9)


@pytest.mark.parametrize("number", list(EXPLAINED))
def test_every_number_is_derived_from_its_terms(planned, number):
    found = explained(planned, planned.family("self_hosted"), number)
    assert found[0].terms
    assert all(term.source for term in found[0].terms)


def test_the_month_is_the_sum_of_its_terms(planned):
    for family in ("self_hosted", "all_api"):
        one = planned.family(family)
        (found,) = explained(planned, one, "usd_per_month")
        values = [term.value for term in found.terms]
        if family == "self_hosted":
            total = sum(np.prod(values[at : at + 3]) for at in range(0, len(values), 3))
        else:
            total = values[0] * values[1] * values[4]
        assert total == pytest.approx(one.draft.usd_per_month)


def test_a_number_that_is_none_is_refused(planned):
    with pytest.raises(UnknownName):
        explained(planned, planned.best, "usd")
    with pytest.raises(InputError, match="no ttft_p95_s"):
        explained(planned, planned.family("all_api"), "ttft_p95_s")
    with pytest.raises(UnknownName, match="self_hosted"):
        planned.family("self_hostd")


def test_the_words_name_cost_proof_and_what_would_change(planned):
    text = recommendation(planned)
    assert f"{planned.best.draft.usd_per_month:,.0f} USD a month" in text
    assert "The replay of" in text
    said = list(changes(made(3.0, gpus=["rtx4090"])))
    assert any("requests/s on" in words for words in said)


def test_without_a_limit_the_cheapest_is_best_whoever_knows_its_latency():
    found = made(1.0, slo="")
    assert found.best.name == "all_api"
    assert found.best.draft.usd_per_month == min(one.draft.usd_per_month for one in found.plans)


def test_a_stated_latency_makes_an_endpoint_known():
    quick = made(1.0, simulation={"api_ttft_s": 0.3, "api_itl_s": 0.01})
    assert quick.best.name == "all_api"
    slow = made(1.0, simulation={"api_ttft_s": 3.0, "api_itl_s": 0.01})
    assert slow.best.name == "self_hosted"
    assert slow.family("all_api").fails == ("ttft_p95 3 s as stated > 1 s",)


def test_limits_of_purchase_hold():
    found = made(plan={"no_spot": True, "no_api": True})
    assert {one.name for one in found.plans} == {"self_hosted"}
    only = made(plan={"families": ["all_api"]}, slo="")
    assert [one.name for one in only.plans] == ["all_api"]
    here = made(regions=["us-east-1"], plan={"no_api": True})
    assert {one.item.sale.offer.region for one in here.best.draft.purchases} == {"us-east-1"}


def test_owned_machines_make_a_family():
    found = made(owned=[{"gpu": "h100-sxm"}])
    bought = found.family("on_premises").draft.purchases
    assert all(one.item.sale.is_owned for one in bought)
    assert plan_record(found, found.family("on_premises")).fleets[0].purchase == "owned"


def test_spares_are_bought_beyond_the_need():
    plain, spared = made(), made(num_spare_replicas=2)
    few = sum(one.most_replicas for one in plain.family("self_hosted").draft.purchases)
    many = sum(one.most_replicas for one in spared.family("self_hosted").draft.purchases)
    assert many >= few + 1


def test_a_quality_limit_leaves_out_what_has_no_figure():
    spec = {"quality": [{"model": "llama-3.3-70b", "quality_frac": 0.8}], "min_quality_frac": 0.7, "no_api": True}
    found = made(2.0, models=("llama-3.1-8b", "llama-3.3-70b"), plan=spec)
    assert {one.item.deployment.model.id for one in found.best.draft.purchases} == {"llama-3.3-70b"}
    assert found.best.draft.quality_frac == pytest.approx(0.8)


def test_a_measured_cascade_is_a_family():
    spec = {
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
        "min_quality_frac": 0.78,
    }
    found = made(2.0, models=("llama-3.1-8b", "llama-3.3-70b"), slo="", plan=spec)
    cascade = found.family("cascade")
    assert cascade.draft.usd_per_month < found.family("all_api").draft.usd_per_month
    tiers = plan_record(found, cascade).policy.cascade.tiers
    assert tiers[0].accept_confidence_frac == 0.7
    assert len({one.backend for one in tiers}) == 2


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"slo": "ttft_p95=1ms"}, "ttft_p95=1ms binds: the least that any deployment reaches is 0.0"),
        (
            {"slo": "ttft_p95=5s,itl_p95=1ms"},
            "itl_p95=1ms binds: the least that any deployment reaches beside ttft_p95=5s",
        ),
        (
            {"plan": {"budget_usd_per_month": 10.0}},
            "the budget binds; the cheapest relaxation is --budget-usd-per-month",
        ),
        ({"models": ("deepseek-v3.1",), "gpus": ["l40s"], "plan": {"no_api": True}}, "does not fit"),
        ({"plan": {"licences": ["gpl"]}}, "admits no model"),
    ],
)
def test_what_cannot_be_is_refused_by_name(keys, words):
    with pytest.raises(Infeasible) as caught:
        made(**keys)
    assert words in str(caught.value)


def test_the_relaxation_that_is_named_is_enough():
    with pytest.raises(Infeasible) as caught:
        made(plan={"budget_usd_per_month": 10.0})
    budget = float(caught.value.violations[-1].split("--budget-usd-per-month ")[1].split(" ")[0])
    assert made(plan={"budget_usd_per_month": budget}).best.draft.usd_per_month <= budget
    with pytest.raises(Infeasible) as caught:
        made(1.0, slo="ttft_p95=1ms")
    eased = str(caught.value).split("this limit, to ")[1].split(";")[0]
    assert not made(0.1, slo=eased).best.fails


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"models": ("llama-3.1-8bb",)}, "unknown model"),
        ({"models": ("a", "b")}, "'b'"),
        ({"providers": ["nobody"]}, "unknown provider"),
        ({"regions": ["nowhere"]}, "unknown region"),
        ({"plan": {"cascades": [{"first": "x", "next": "y", "accept_confidence_frac": 0.5, "escalated_frac": 0.5,
                                 "quality_frac": 0.5}]}}, "plan.cascades names 'x'"),
    ],
)  # fmt: skip
def test_wrong_names_are_said(keys, words):
    with pytest.raises(InputError) as caught:
        made(**keys)
    assert words in str(caught.value)


def test_break_even_is_the_same_in_closed_form_by_the_optimiser_and_by_replay():
    flat = {"preset": "chat", "requests_per_s": 3.0, "peak_ratio": 1.0}
    even = made(gpus=["rtx4090"], traffic=flat).crossing.requests_per_s
    for ratio, is_own_cheaper in ((0.93, False), (1.07, True)):
        found = made(
            even * ratio,
            gpus=["rtx4090"],
            traffic={**flat, "requests_per_s": even * ratio},
        )
        own, hosted = found.family("self_hosted"), found.family("all_api")
        assert (own.draft.usd_per_month < hosted.draft.usd_per_month) is is_own_cheaper
        replay, requests = own.proven.proof, found.asked.traffic.requests
        assert not replay.misses
        hours = (replay.result.end_s - replay.result.start_s) / 3600.0
        own_usd = sum(one.item.bundle_usd_per_hour * one.num_bundles.max() for one in own.draft.purchases) * hours
        api = hosted.draft.api
        api_usd = float(
            requests.input_tokens.sum() * api.input_usd_per_mtok
            + requests.output_tokens.sum() * api.output_usd_per_mtok
        )
        assert bool(own_usd < api_usd / 1e6) is is_own_cheaper


CASCADE = {
    "quality": [{"model": "llama-3.1-8b", "quality_frac": 0.6}, {"model": "llama-3.3-70b", "quality_frac": 0.8}],
    "cascades": [
        {
            "first": "llama-3.1-8b",
            "next": "llama-3.3-70b",
            "accept_confidence_frac": 0.7,
            "escalated_frac": 0.3,
            "quality_frac": 0.78,
        }
    ],
    "min_quality_frac": 0.78,
}


@pytest.fixture(scope="module")
def cascaded():
    models = ("llama-3.1-8b", "llama-3.3-70b")
    return made(30.0, models=models, slo="e2e_p95=30s", plan={**CASCADE, "no_api": True, "families": ["cascade"]})


def test_a_cascade_of_own_machines_is_replayed_up_both_tiers(cascaded):
    cascade = cascaded.family("cascade")
    assert {one.item.tier for one in cascade.draft.purchases} == {"llama-3.1-8b", "llama-3.3-70b"}
    assert cascade.is_known
    assert not cascade.fails
    summary = cascade.proven.proof.summary
    assert summary.ttft.p95_s > 1.0  # an answer that is judged is shown when it is complete
    assert summary.itl is not None


def test_what_goes_up_to_an_endpoint_of_unknown_latency_proves_nothing():
    models = ("llama-3.1-8b", "llama-3.3-70b")
    plain = {"families": ["cascade", "all_api"], **CASCADE}
    unknown = made(
        30.0,
        models=models,
        slo="e2e_p95=30s",
        plan=plain,
        gpus=["rtx4090"],
        simulation={"api_ttft_s": 1.0, "api_itl_s": 0.02},
    )
    cascade = unknown.family("cascade")
    assert cascade.is_known
    assert [one.hosted.tier for one in cascade.draft.calls] == ["llama-3.3-70b"]


def test_a_chance_that_is_asked_for_is_kept():
    sure = made(20.0, plan={"min_slo_probability": 0.9})
    assert sure.odds_of(sure.best).slo_probability >= 0.88
    assert sure.best.draft.usd_per_month >= made(20.0).best.draft.usd_per_month
    assert not sure.best.fails


def test_a_few_overflowing_requests_do_not_hide_the_latency_but_many_do():
    few = made(20.0)
    for one in few.plans:
        if one.name == "hybrid":
            assert one.is_known == (one.proven.proof.summary.overflow_frac <= 0.05)


@pytest.mark.parametrize("engine", ["vllm", "trtllm"])
def test_a_tighter_limit_is_never_cheaper(engine):
    """A mix that sends too much to endpoints of unknown latency is sought again with less, not given up."""
    plans = [
        made(10.0, slo=f"ttft_p95=2s,itl_p95={itl}ms", gpus=["rtx4090", "rtx5090"], plan={"engines": [engine]})
        for itl in (30, 50, 100)
    ]
    costs = [one.best.draft.usd_per_month for one in plans]
    assert costs == sorted(costs, reverse=True)
    assert all(one.best.is_known and not one.best.fails for one in plans)


def test_the_mix_that_nobody_can_judge_is_named_beside_the_one_that_keeps_the_limits():
    hour = {"span_s": 3600.0}
    found = made(10.0, slo="ttft_p95=2s,itl_p95=100ms", gpus=["rtx4090", "rtx5090"], simulation=hour)
    mix = found.family("hybrid")
    assert mix.is_known
    assert mix.proven.proof.summary.overflow_frac <= 0.05
    assert mix.freer.usd_per_month < mix.draft.usd_per_month
    assert "nobody publishes its latency" in recommendation(found)


def test_a_limit_on_a_mean_knows_no_share_that_moves_nothing():
    asked = made(10.0, slo="itl_mean=50ms", plan={"families": ["self_hosted"]}).asked
    assert most_hosted_frac(asked) == 0.0
    assert not is_known(asked, 0.01)
    stated = made(
        10.0, slo="itl_mean=50ms", plan={"families": ["self_hosted"]}, simulation={"api_ttft_s": 0.1, "api_itl_s": 0.01}
    ).asked
    assert most_hosted_frac(stated) == 1.0


def test_committed_machines_are_a_family_where_a_term_has_a_price():
    found = made(100.0, gpus=[], snapshot="2025-03-31", plan={"no_spot": True})
    committed = found.family("committed")
    assert "reserved_1yr" in {one.item.sale.purchase for one in committed.draft.purchases}
    assert committed.is_known
    assert not committed.fails
    assert committed.draft.usd_per_month <= found.family("self_hosted").draft.usd_per_month * 1.15


def test_no_plan_is_dearer_than_the_rules_of_thumb():
    """The best fleet of one kind that a quote finds, the largest accelerator for the peak, and everything at an API."""
    from tokonomics.economics.quoting.ask import ask

    found = made(50.0, gpus=[], plan={"families": ["self_hosted", "hybrid", "all_api"]})
    scenario = found.asked.scenario.model_copy(update={"plan": None, "precisions": ("fp8", "bf16")})
    options = [one for one in ask(scenario, today=TODAY).quote.options if one.kind == "self_host" and one.meets_slo]
    one_kind = min(one.usd_per_month for one in options if one.usd_per_month)
    largest = min(one.usd_per_month for one in options if one.operation.accelerator == "b200-sxm" and one.usd_per_month)
    cheapest = min(one.draft.usd_per_month for one in found.plans)
    assert cheapest <= min(one_kind, largest, found.family("all_api").draft.usd_per_month) * 1.01

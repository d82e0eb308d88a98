"""A second tier behind a replayed fleet: what goes up, what users see, what it costs, and which questions are refused."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.errors import InputError
from tokonomics.policy.cascade import CascadePolicy, CascadeTier
from tokonomics.report.json import document
from tokonomics.report.simulate_dict import simulate_dict
from tokonomics.simulation.ask import build_case, replay
from tokonomics.simulation.cascade import ApiTier, simulate_cascade
from tokonomics.simulation.confidence import beta_confidence_frac, recorded_confidence_frac
from tokonomics.simulation.figures import escalation_frac, figures
from tokonomics.simulation.requests import requests_of
from tokonomics.workload.scenario import Scenario

CATALOG = load_catalog()
DAY = date(2026, 11, 1)
UP = {
    "escalate_to": "openai/gpt-4o",
    "escalate_below_frac": 0.6,
    "confidence_beta": "4,1",
    "api_ttft_s": 0.5,
    "api_itl_s": 0.02,
    "verifier_usd_per_request": 0.001,
}


def asked(**simulation) -> Scenario:
    return Scenario.model_validate(
        {
            "models": ["llama-3.1-8b"],
            "gpus": ["h100-sxm"],
            "traffic": {"requests_per_s": 2.0, "input_tokens": 300, "output_tokens": 50},
            "slo": "e2e_p95=2s",
            "simulation": {"span_s": 120.0, "gpu_usd_per_hour": 2.0} | simulation,
        }
    )


def replayed(**simulation):
    case = build_case(asked(**simulation), today=DAY, catalog=CATALOG)
    return case, replay(case, clock=lambda: 0.0)


@pytest.fixture(scope="module")
def plain():
    return replayed()[1]


@pytest.fixture(scope="module")
def both():
    return replayed(**UP)


def test_without_a_second_tier_nothing_goes_up(plain):
    assert plain.escalation is None
    assert escalation_frac(plain) == 0.0


def test_the_share_that_goes_up_is_that_of_unsure_answers(both):
    _, one = both
    run = one.escalation.run
    unsure = run.tiers[0].confidence_frac < 0.6
    assert (run.tiers[0].goes_up == unsure).all()
    assert figures(one)["escalation_frac"] == pytest.approx(unsure.mean())
    assert 0.03 < unsure.mean() < 0.3, "Beta(4, 1) is below 0.6 with a chance of 0.6**4 = 0.13"


def test_the_fleet_is_the_same_with_and_without(plain, both):
    np.testing.assert_array_equal(both[1].result.finish_s, plain.result.finish_s)
    assert both[1].money.fleet_usd == plain.money.fleet_usd
    assert both[1].money.gpu_time == plain.money.gpu_time


def test_an_accepted_answer_is_shown_whole_and_one_that_went_up_waits_for_both(plain, both):
    _, one = both
    up = one.escalation.run.tier > 0
    whole_s = plain.latency.e2e_s
    np.testing.assert_allclose(one.latency.ttft_s[~up], whole_s[~up])
    np.testing.assert_allclose(one.latency.e2e_s[~up], whole_s[~up])
    np.testing.assert_allclose(one.latency.ttft_s[up], whole_s[up] + 0.5)
    np.testing.assert_allclose(one.latency.e2e_s[up], whole_s[up] + 0.5 + 49 * 0.02)
    assert np.isnan(one.latency.itl_s[~up]).all()
    assert (one.latency.itl_s[up] == 0.02).all()


def test_each_dollar_stands_once(plain, both):
    case, one = both
    found, price = one.escalation, CATALOG.api_price("openai/gpt-4o", at=DAY)
    num, num_up = one.requests.num_requests, int((found.run.tier > 0).sum())
    plain_usd, _, _, _, output_usd, _ = price.rates(input_tokens=300, at=case.start_at).per_class()
    tokens_usd = num_up * (300 * float(plain_usd) + 50 * float(output_usd)) / 1e6
    assert found.bill.total_usd == pytest.approx(tokens_usd)
    assert found.run.verifier_usd == pytest.approx(num * 0.001)
    assert one.money.api_usd == pytest.approx(tokens_usd + num * 0.001)
    assert found.spent_usd().sum() == pytest.approx(one.money.api_usd)
    assert one.money.usd == pytest.approx(plain.money.usd + one.money.api_usd)
    blended = one.money.usd_per_mtok.allocation.blended_usd_per_mtok
    assert blended == pytest.approx(one.money.usd / (num * 350) * 1e6), "an answer counts once, by whomever it is"
    assert sum(hour.api_usd for hour in one.hours) == pytest.approx(one.money.api_usd)
    costs = found.tier_costs(one.money.fleet_usd)
    assert sum(tier.usd + tier.verifier_usd for tier in costs) == pytest.approx(one.money.usd)


def test_the_document_tells_the_tiers(both):
    body = document("simulation", simulate_dict(*both))
    assert body["escalation_frac"] == both[1].escalation.escalation_frac
    first, second = body["tiers"]
    assert (first["backend"], second["backend"]) == ("fleet", "openai/gpt-4o")
    assert first["num_escalated"] == second["num_requests"] == second["num_answered"]


def test_goodput_is_judged_by_what_users_waited_for(both):
    _, one = both
    within = one.latency.e2e_s <= 2.0
    assert one.summary.goodput_frac == pytest.approx(within.mean())


def test_the_same_seed_sends_the_same_up_and_another_not(both):
    again, other = replayed(**UP)[1], replayed(**UP, seed=1)[1]
    np.testing.assert_array_equal(again.escalation.run.tier, both[1].escalation.run.tier)
    assert other.escalation.escalation_frac != both[1].escalation.escalation_frac


def test_a_bar_of_0_accepts_all_and_costs_the_verifier_alone():
    _, one = replayed(**UP | {"escalate_below_frac": 0.0})
    assert one.escalation.bill is None
    assert one.money.api_usd == pytest.approx(one.requests.num_requests * 0.001)
    assert len(one.escalation.tier_costs(1.0)) == 1


def test_requests_that_the_fleet_rejects_are_answered_above():
    _, one = replayed(**UP | {"escalate_below_frac": 0.0, "max_sequences": 1, "max_queued_requests": 1})
    rejected = one.summary.num_rejected
    assert rejected > 0
    assert one.escalation.run.is_answered.all()
    assert one.escalation.run.tiers[1].asked.size == rejected
    judged = one.requests.num_requests - rejected
    assert one.escalation.run.verifier_usd == pytest.approx(judged * 0.001), "nobody judges what is not there"


@pytest.mark.parametrize(
    ("simulation", "told"),
    [
        ({"escalate_below_frac": 0.5}, "without escalate_to"),
        ({"verifier_usd_per_request": 0.5}, "without escalate_to"),
        (UP | {"overflow": "openai/gpt-4o", "overflow_ttft_s": 1.0}, "beside overflow"),
        (UP | {"escalate_below_frac": None}, "without escalate_below_frac"),
        (UP | {"confidence_beta": None}, "one of confidence_beta and confidence_data"),
        (UP | {"confidence_data": "x.parquet", "confidence_model": "m"}, "one of confidence_beta and confidence_data"),
        (UP | {"confidence_model": "m"}, "both or neither"),
        (UP | {"api_ttft_s": None, "api_itl_s": None}, "say how long"),
    ],
)
def test_a_half_told_second_tier_is_refused(simulation, told):
    with pytest.raises(ValueError, match=told):
        asked(**simulation)


@pytest.mark.parametrize("text", ["", "4", "4,1,1", "0,1", "a,b", "inf,1", "nan,1"])
def test_a_wrong_beta_is_refused(text):
    with pytest.raises(InputError, match="confidence_beta"):
        beta_confidence_frac(text, 3, np.random.default_rng(0))


def test_recorded_confidences_are_drawn_from_the_file(shared_dir):
    path = shared_dir / "data" / "routing" / "routing_mot_consistency_cascade.parquet"
    drawn = recorded_confidence_frac(path, "llama-2-13b/pot1", 5000, np.random.default_rng(0))
    assert drawn.min() >= 0.0
    assert drawn.max() <= 1.0
    assert len(set(drawn.tolist())) < 300, "shares of a few samples, drawn again and again"
    with pytest.raises(InputError, match="no model"):
        recorded_confidence_frac(path, "nobody", 5, np.random.default_rng(0))


def policy(*bars: float) -> CascadePolicy:
    return CascadePolicy(
        tiers=tuple(CascadeTier(backend=f"t{i}", accept_confidence_frac=bar) for i, bar in enumerate(bars))
    )


def test_api_tiers_add_their_latencies():
    requests = requests_of(np.array([0.0, 1.0]), np.array([10.0, 10.0]), np.array([5.0, 1.0]))
    api = ApiTier(ttft_s=0.1, itl_s=0.01)
    run = simulate_cascade(
        requests, policy(0.5, 0.5), {"t0": api, "t1": api}, np.array([[0.2], [0.7]]), rng=np.random.default_rng(0)
    )
    assert run.tier.tolist() == [1, 0]
    np.testing.assert_allclose(run.first_shown_s, [0.14 + 0.1, 1.1])
    np.testing.assert_allclose(run.finish_s, [0.14 + 0.14, 1.1])


@pytest.mark.parametrize(
    ("backends", "trust", "told"),
    [
        ({"t0": ApiTier(ttft_s=0.1, itl_s=0.1)}, np.zeros((2, 1)), "'t1' has no backend"),
        ({"t0": ApiTier(), "t1": ApiTier()}, np.zeros((2, 1)), "unknown latency"),
        ({"t0": ApiTier(ttft_s=0.1, itl_s=0.1), "t1": ApiTier()}, np.zeros((2, 2)), "has shape"),
        ({"t0": ApiTier(ttft_s=0.1, itl_s=0.1), "t1": ApiTier()}, np.full((2, 1), np.nan), "outside 0 to 1"),
    ],
)
def test_what_cannot_be_replayed_is_told(backends, trust, told):
    requests = requests_of(np.array([0.0, 1.0]), np.array([10.0, 10.0]), np.array([5.0, 1.0]))
    with pytest.raises(InputError, match=told):
        simulate_cascade(requests, policy(0.5, 0.5), backends, trust, rng=np.random.default_rng(0))


def test_a_tier_that_overflows_is_refused(both):
    case, one = both
    overflowing = build_case(asked(overflow="openai/gpt-4o", overflow_ttft_s=1.0), today=DAY, catalog=CATALOG).fleet
    with pytest.raises(InputError, match="overflows"):
        simulate_cascade(
            one.requests,
            policy(0.5, 0.5),
            {"t0": overflowing, "t1": replace(case.fleet)},
            np.zeros((one.requests.num_requests, 1)),
            rng=np.random.default_rng(0),
        )

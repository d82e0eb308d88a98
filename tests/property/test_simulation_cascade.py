"""A cascade in replay is a loop over requests that asks stepping fleets and the gateway's policy, tier by tier."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.cases import engines, examples, random_requests, random_step_model, seeds
from tests.oracles.stepping_fleet import fates, step_fleet

from tokonomics.policy.cascade import CascadePolicy, CascadeState, CascadeTier, decide_cascade
from tokonomics.policy.route import RoutePolicy
from tokonomics.simulation.build import build_load
from tokonomics.simulation.cascade import ApiTier, CascadeRun, simulate_cascade
from tokonomics.simulation.fleet_spec import FleetSpec, ReplicaSpec
from tokonomics.simulation.requests import Requests

MOST_INPUT, MOST_OUTPUT = 50, 30
EXPECTED = 20


@st.composite
def fleets(draw, rng):
    options = draw(engines(need_tokens=MOST_INPUT + MOST_OUTPUT))
    spot_hours = draw(st.sampled_from([None, None, 4e-4]))
    num = draw(st.integers(0 if spot_hours is None else 1, 2))
    place = ReplicaSpec(
        name="x", step_model=random_step_model(rng), options=options, num_replicas=num, mean_spot_life_hours=spot_hours
    )
    return FleetSpec(
        replicas=(place,), route=RoutePolicy(router="least_outstanding_tokens"), expected_output_tokens=float(EXPECTED)
    )


@st.composite
def cascades(draw):
    """Requests, a policy of up to three tiers, what serves them, and how sure each answer is."""
    rng = np.random.default_rng(draw(seeds))
    requests = random_requests(
        rng, draw(st.integers(1, 25)), most_input=MOST_INPUT, most_output=MOST_OUTPUT,
        gap_s=draw(st.sampled_from([0.0, 1e-3, 1e-2])), levels=3,
    )  # fmt: skip
    num_tiers = draw(st.integers(1, 3))
    tiers = tuple(
        CascadeTier(
            backend=f"t{level}",
            accept_confidence_frac=draw(st.sampled_from([0.0, 0.5, 0.9, 1.0])),
            verifier_usd_per_request=draw(st.sampled_from([0.0, 0.002])),
        )
        for level in range(num_tiers)
    )
    policy = CascadePolicy(tiers=tiers, max_escalations=draw(st.sampled_from([None, None, 0, 1])))
    backends = {}
    for one in tiers:
        api = ApiTier(ttft_s=0.0123, itl_s=0.0031)
        backends[one.backend] = api if draw(st.integers(0, 3)) == 0 else draw(fleets(rng))
    trust = np.round(rng.random((requests.num_requests, policy.last_tier)), draw(st.sampled_from([1, 6])))
    return requests, policy, backends, trust


def plain(requests: Requests, policy, backends, trust, seed: int):
    """The same, told one request at a time; (tier, answered, shown, finish, verifier USD) of each."""
    states = [CascadeState() for _ in range(requests.num_requests)]
    ends = [(0, False, np.nan, np.nan)] * requests.num_requests
    coming = [(float(at), number) for number, at in enumerate(requests.arrival_s)]
    spent = 0.0
    streams = np.random.default_rng(seed).spawn(policy.last_tier + 1)
    for level, stream in enumerate(streams):
        if not coming:
            break
        coming.sort(key=lambda one: one[0])
        answers = tier_answers(requests, backends[policy.tiers[level].backend], coming, stream)
        following = []
        for (came_s, number), (fate, first_s, finish_s, end_s) in zip(coming, answers):
            answered = fate in ("done", "cut")
            last = level == policy.last_tier
            shown_s = first_s if last else finish_s
            ends[number] = (level, answered, shown_s if answered else np.nan, finish_s if answered else np.nan)
            before = states[number]
            told = None if last else float(trust[number, level])
            decision = decide_cascade(policy, before, told if answered else None)
            states[number] = decision.state
            spent += decision.state.verifier_usd - before.verifier_usd
            if decision.action == "escalate":
                assert decision.backend == policy.tiers[level + 1].backend
                failed_s = end_s if fate == "lost" else came_s
                following.append((finish_s if answered else failed_s, number))
        coming = following
    return ends, spent


def tier_answers(requests: Requests, backend, coming, stream):
    """(fate, first token, finish, end of the tier) of each of `coming`."""
    if isinstance(backend, ApiTier):
        for came_s, number in coming:
            first_s = came_s + backend.ttft_s
            yield "done", first_s, first_s + (int(requests.output_tokens[number]) - 1) * backend.itl_s, np.nan
        return
    numbers = [number for _, number in coming]
    mine = Requests(
        arrival_s=np.array([came_s for came_s, _ in coming]),
        input_tokens=requests.input_tokens[numbers],
        output_tokens=requests.output_tokens[numbers],
        priority=requests.priority[numbers],
    )
    load = build_load(mine, backend.replicas[0].options)
    fleet, end_s = step_fleet(load, backend, stream, EXPECTED, None)
    told = list(fates(fleet.sequences))
    for one in fleet.outside:
        told[one.index] = "lost"
    for fate, one in zip(told, fleet.sequences):
        outside_s = seen_later_s(backend, mine, one) if fate in ("done", "cut") else np.nan
        yield fate, one.first_token_s + outside_s, one.finish_s + outside_s, end_s


def seen_later_s(backend, requests: Requests, one):
    """The front end, and the steps for which an engine at work let the request wait."""
    model = backend.replicas[0].step_model
    gap_s = (one.finish_s - one.first_token_s) / max(one.output - 1, 1)
    steps = model.num_admission_steps if one.scheduled_s > requests.arrival_s[one.index] else 0.0
    tokens_s = model.token_overhead_s * requests.input_tokens[one.index]
    return float(model.request_overhead_s + tokens_s + steps * gap_s)


def run(case, seed: int = 5) -> CascadeRun:
    requests, policy, backends, trust = case
    return simulate_cascade(requests, policy, backends, trust, rng=np.random.default_rng(seed))


@settings(max_examples=examples(60))
@given(case=cascades())
def test_equals_asking_each_tier_and_the_policy_one_request_at_a_time(case):
    found = run(case)
    ends, spent = plain(*case, 5)
    assert found.tier.tolist() == [end[0] for end in ends]
    assert found.is_answered.tolist() == [end[1] for end in ends]
    np.testing.assert_allclose(found.first_shown_s, [end[2] for end in ends], rtol=1e-9)
    np.testing.assert_allclose(found.finish_s, [end[3] for end in ends], rtol=1e-9)
    assert found.verifier_usd == pytest.approx(spent)


@settings(max_examples=examples(60))
@given(case=cascades())
def test_each_request_walks_one_path_upwards(case):
    requests, policy, _, _ = case
    found = run(case)
    assert sorted(found.tiers[0].asked) == list(range(requests.num_requests))
    for low, high in zip(found.tiers, found.tiers[1:]):
        assert sorted(high.asked) == sorted(low.asked[low.goes_up])
        assert (np.diff(high.arrival_s) >= 0).all()
    assert not found.tiers[-1].goes_up.any()
    assert found.tier.max() <= policy.last_tier
    steps = sum(int(one.goes_up.sum()) for one in found.tiers)
    assert int(found.tier.sum()) == steps
    assert found.escalation_frac == pytest.approx(float((found.tier > 0).mean()))
    later = found.finish_s[found.is_answered] >= requests.arrival_s[found.is_answered]
    assert later.all()


@settings(max_examples=examples(30))
@given(case=cascades())
def test_a_higher_bar_sends_more_up_from_the_first_tier(case):
    requests, policy, backends, trust = case
    shares = []
    for bar in (0.0, 0.5, 1.0):
        first = replace(policy.tiers[0], accept_confidence_frac=bar)
        shares.append(
            run((requests, replace(policy, tiers=(first, *policy.tiers[1:])), backends, trust)).escalation_frac
        )
    assert shares == sorted(shares)

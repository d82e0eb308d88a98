import math

import pytest

from tokonomics.errors import InputError
from tokonomics.policy.cascade import CascadePolicy, CascadeState, CascadeTier, decide_cascade, escalates

SMALL = CascadeTier(backend="small", accept_confidence_frac=0.8, verifier_usd_per_request=0.001)
MIDDLE = CascadeTier(backend="middle", accept_confidence_frac=0.6, verifier_usd_per_request=0.002)
LARGE = CascadeTier(backend="large")
POLICY = CascadePolicy(tiers=(SMALL, MIDDLE, LARGE))


def walk(policy, confidences):
    """The backends asked, in order, and the last state."""
    state, asked = CascadeState(), []
    for confidence in confidences:
        asked.append(policy.tiers[state.tier].backend)
        state = decide_cascade(policy, state, confidence).state
        if state.is_done:
            break
    return asked, state


def test_a_confident_answer_stands():
    decision = decide_cascade(POLICY, CascadeState(), 0.8)
    assert (decision.action, decision.backend) == ("accept", "small")
    assert decision.state == CascadeState(tier=0, is_done=True, verifier_usd=0.001)


def test_an_unsure_answer_goes_one_tier_up():
    decision = decide_cascade(POLICY, CascadeState(), 0.79)
    assert (decision.action, decision.backend) == ("escalate", "middle")
    assert decision.state.tier == 1


def test_the_last_tier_is_accepted_unjudged():
    asked, state = walk(POLICY, [0.1, 0.1, 0.0])
    assert asked == ["small", "middle", "large"]
    assert state.is_done
    assert state.verifier_usd == pytest.approx(0.003)


def test_a_tier_that_failed_is_not_judged():
    asked, state = walk(POLICY, [None, 0.9])
    assert asked == ["small", "middle"]
    assert state.verifier_usd == pytest.approx(0.002)


def test_the_number_of_steps_can_be_bounded():
    policy = CascadePolicy(tiers=(SMALL, MIDDLE, LARGE), max_escalations=1)
    asked, state = walk(policy, [0.1, 0.1, 0.1])
    assert asked == ["small", "middle"]
    assert state.is_done
    assert policy.last_tier == 1
    assert CascadePolicy(tiers=(SMALL,), max_escalations=0).last_tier == 0
    assert CascadePolicy(tiers=(SMALL,), max_escalations=5).last_tier == 0


def test_a_request_has_one_path():
    _, state = walk(POLICY, [0.9])
    with pytest.raises(InputError, match="one path a request"):
        decide_cascade(POLICY, state, 0.1)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, math.nan, math.inf, "0.5", True])
def test_a_confidence_outside_0_to_1_is_refused(confidence):
    with pytest.raises(InputError, match="confidence_frac"):
        decide_cascade(POLICY, CascadeState(), confidence)


def test_a_state_of_another_cascade_is_refused():
    with pytest.raises(InputError, match="tier=7"):
        decide_cascade(POLICY, CascadeState(tier=7), 0.5)


def test_no_confidence_is_not_confidence():
    assert escalates(math.nan, 0.0)
    assert not escalates(0.0, 0.0)


@pytest.mark.parametrize(
    ("tiers", "words"),
    [
        ((), "1 to 100 tiers"),
        ([SMALL], "1 to 100 tiers"),
        ((SMALL, "large"), "'large'"),
        ((SMALL, SMALL), "'small' twice"),
    ],
)
def test_a_bad_cascade_is_refused(tiers, words):
    with pytest.raises(InputError, match=words):
        CascadePolicy(tiers=tiers)


def test_all_that_is_wrong_with_a_tier_is_said():
    with pytest.raises(InputError) as caught:
        CascadeTier(backend="", accept_confidence_frac=2, verifier_usd_per_request=-1)
    assert len(caught.value.violations) == 3

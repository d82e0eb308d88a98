import math

import pytest

from tokonomics.errors import InputError
from tokonomics.policy.overflow import (
    OverflowPolicy,
    OverflowState,
    Pressure,
    SessionMark,
    decide_overflow,
    overflow_bounds,
    overflows,
)
from tokonomics.policy.quota import NUM_SLOTS, QuotaUse, expire_slots, fits_quota, quota_at, with_use

CALM = OverflowState()
POLICY = OverflowPolicy(backend="api", enter_ttft_s=1.0, leave_ttft_s=0.5)


def decide(policy, waits, *, now_s=0.0, state=CALM, tokens=0, step_s=0.0):
    """Sides and reasons of requests that would wait `waits`, one after another."""
    said = []
    for number, wait in enumerate(waits):
        pressure = Pressure(now_s=now_s + number * step_s, predicted_ttft_s=wait, queue_tokens=0, request_tokens=tokens)
        decision = decide_overflow(policy, state, pressure)
        state = decision.state
        said.append((decision.side, decision.reason))
    return said


def sides(policy, waits, **how):
    return [side for side, _ in decide(policy, waits, **how)]


def test_it_enters_above_the_upper_bound_and_leaves_at_the_lower():
    assert sides(POLICY, [0.7, 1.0, 1.01, 0.7, 0.51, 0.5, 0.7]) == [
        "fleet",
        "fleet",
        "api",
        "api",
        "api",
        "fleet",
        "fleet",
    ]


def test_without_a_lower_bound_there_is_no_band():
    policy = OverflowPolicy(backend="api", enter_ttft_s=1.0)
    assert sides(policy, [1.1, 1.0, 1.1]) == ["api", "fleet", "api"]


def test_either_trigger_holds_it():
    policy = OverflowPolicy(
        backend="api", enter_ttft_s=1.0, leave_ttft_s=0.5, enter_queue_tokens=1000, leave_queue_tokens=200
    )
    state, said = CALM, []
    for wait, queue in [(0.1, 1000), (0.1, 1001), (0.1, 201), (0.6, 100), (0.5, 200)]:
        decision = decide_overflow(policy, state, Pressure(now_s=0, predicted_ttft_s=wait, queue_tokens=queue))
        state = decision.state
        said.append(decision.side)
    assert said == ["fleet", "api", "api", "api", "fleet"]


def test_bounds_that_are_not_set_never_trigger():
    assert overflow_bounds(POLICY) == (1.0, 0.5, math.inf, math.inf)
    assert overflow_bounds(OverflowPolicy(backend="a", enter_queue_tokens=7)) == (math.inf, math.inf, 7.0, 7.0)
    assert not overflows(True, 0.0, 1e18, 1.0, 0.5, math.inf, math.inf)


def test_a_wait_without_end_overflows():
    assert sides(POLICY, [math.inf]) == ["api"]


def test_a_full_request_quota_keeps_requests_in_the_fleet_until_a_minute_has_passed():
    policy = OverflowPolicy(backend="api", enter_ttft_s=1.0, max_requests_per_minute=2)
    said = decide(policy, [2.0] * 5, step_s=20.0)
    assert said == [
        ("api", "pressure"),
        ("api", "pressure"),
        ("fleet", "quota"),
        ("fleet", "quota"),
        ("api", "pressure"),
    ]


def test_a_token_quota_counts_tokens():
    policy = OverflowPolicy(backend="api", enter_ttft_s=1.0, max_tokens_per_minute=1000)
    assert sides(policy, [2.0] * 4, tokens=400) == ["api", "api", "fleet", "fleet"]
    assert sides(policy, [2.0], tokens=1001) == ["fleet"]


def test_a_quota_of_zero_lets_nothing_out():
    policy = OverflowPolicy(backend="api", enter_ttft_s=1.0, max_requests_per_minute=0)
    assert sides(policy, [9.0]) == ["fleet"]


def test_a_refused_request_uses_no_quota():
    policy = OverflowPolicy(backend="api", enter_ttft_s=1.0, max_requests_per_minute=5, max_tokens_per_minute=100)
    decision = decide_overflow(policy, CALM, Pressure(now_s=0, predicted_ttft_s=9, queue_tokens=0, request_tokens=101))
    assert decision.reason == "quota"
    assert decision.state.requests_used.num_used == 0
    assert decision.state.tokens_used.num_used == 0


class TestStickiness:
    POLICY = OverflowPolicy(backend="api", enter_ttft_s=1.0, stick_s=30.0)

    def side(self, mark, *, wait=0.0, now_s=100.0, policy=POLICY):
        pressure = Pressure(now_s=now_s, predicted_ttft_s=wait, queue_tokens=0)
        decision = decide_overflow(policy, CALM, pressure, mark)
        return decision.side, decision.reason

    def test_a_session_that_overflowed_stays_out(self):
        assert self.side(SessionMark(side="api", last_s=71.0)) == ("api", "sticky")

    def test_it_comes_back_after_its_pause(self):
        assert self.side(SessionMark(side="api", last_s=70.0)) == ("fleet", "calm")

    def test_a_session_in_the_fleet_may_overflow(self):
        assert self.side(SessionMark(side="fleet", last_s=99.0), wait=2.0) == ("api", "pressure")

    def test_unless_it_sticks_to_the_fleet(self):
        policy = OverflowPolicy(backend="api", enter_ttft_s=1.0, stick_s=30.0, sticky_sides=("api", "fleet"))
        assert self.side(SessionMark(side="fleet", last_s=99.0), wait=2.0, policy=policy) == ("fleet", "sticky")

    def test_a_quota_binds_sticky_sessions_too(self):
        policy = OverflowPolicy(backend="api", enter_ttft_s=1.0, stick_s=30.0, max_requests_per_minute=0)
        assert self.side(SessionMark(side="api", last_s=99.0), policy=policy) == ("fleet", "quota")

    def test_the_new_mark_says_where_it_went(self):
        pressure = Pressure(now_s=5.0, predicted_ttft_s=2.0, queue_tokens=0)
        assert decide_overflow(self.POLICY, CALM, pressure).mark == SessionMark(side="api", last_s=5.0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"enter_ttft_s": -1.0}, "enter_ttft_s=-1.0"),
        ({"enter_ttft_s": math.nan}, "enter_ttft_s=nan"),
        ({"enter_ttft_s": True}, "enter_ttft_s=True"),
        ({"enter_queue_tokens": 1.5}, "enter_queue_tokens=1.5"),
        ({"max_tokens_per_minute": -1}, "max_tokens_per_minute=-1"),
        ({}, "both missing"),
        ({"enter_ttft_s": 1.0, "leave_ttft_s": 1.5}, "leave_ttft_s=1.5"),
        ({"enter_ttft_s": 1.0, "leave_queue_tokens": 5}, "leave_queue_tokens=5"),
        ({"enter_ttft_s": 1.0, "stick_s": math.inf}, "stick_s=inf"),
        ({"enter_ttft_s": 1.0, "sticky_sides": ("apo",)}, "sticky_sides='apo'"),
        ({"enter_ttft_s": 1.0, "sticky_sides": "api"}, "sticky_sides='api'"),
        ({"enter_ttft_s": 1.0, "backend": ""}, "backend=''"),
    ],
)
def test_a_bad_policy_is_refused(given, words):
    with pytest.raises(InputError, match="limit=") as caught:
        OverflowPolicy(**{"backend": "api", **given})
    assert words in str(caught.value)


@pytest.mark.parametrize(("now_s", "wait"), [(math.nan, 1.0), (0.0, math.nan), (0.0, -1.0), (math.inf, 1.0)])
def test_a_clock_or_prediction_that_is_no_number_is_refused(now_s, wait):
    with pytest.raises(InputError):
        Pressure(now_s=now_s, predicted_ttft_s=wait, queue_tokens=0)


class TestQuota:
    def test_use_is_forgotten_after_61_seconds(self):
        use = with_use(quota_at(QuotaUse(), 100.0), 7)
        assert [quota_at(use, now).num_used for now in (100.0, 160.9, 161.0, 1e6)] == [7, 7, 0, 0]

    def test_a_clock_that_goes_back_stands_still(self):
        use = with_use(quota_at(QuotaUse(), 100.0), 7)
        assert quota_at(use, 50.0) == use

    def test_negative_clocks_work(self):
        use = with_use(quota_at(QuotaUse(last_tick=-10_000), -30.5), 3)
        assert quota_at(use, 20.0).num_used == 3
        assert quota_at(use, 31.0).num_used == 0

    def test_expiring_says_how_much_it_emptied(self):
        counts = [1] * NUM_SLOTS
        assert expire_slots(counts, 0, 5) == 5
        assert sum(counts) == NUM_SLOTS - 5
        assert expire_slots(counts, 5, 10**9) == NUM_SLOTS - 5
        assert counts == [0] * NUM_SLOTS

    def test_no_limit_always_fits(self):
        assert fits_quota(10**15, 10**15, -1)
        assert not fits_quota(9, 2, 10)

"""What holds for any sequence of decisions."""

from collections import deque

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.policy.budget import (
    BudgetLimit,
    BudgetPolicy,
    BudgetState,
    release_budget,
    remaining_pico_usd,
    reserve_budget,
    settle_budget,
)
from tokonomics.policy.cascade import CascadePolicy, CascadeState, CascadeTier, decide_cascade
from tokonomics.policy.overflow import OverflowPolicy, OverflowState, Pressure, SessionMark, decide_overflow
from tokonomics.policy.quota import NUM_SLOTS, QuotaUse, expire_slots, quota_at, with_use
from tokonomics.policy.record import Policy, policy_from_mapping, policy_to_mapping
from tokonomics.policy.route import ROUTERS, RoutePolicy

checked = settings(max_examples=100, deadline=None)
shares = st.floats(0.0, 1.0)


@checked
@given(st.floats(0.0, 10.0), shares, st.lists(shares, min_size=1, max_size=60), st.booleans())
def test_within_the_band_it_never_changes_its_mind(enter_s, leave_share, places, is_over):
    leave_s = enter_s * leave_share
    policy = OverflowPolicy(backend="api", enter_ttft_s=enter_s, leave_ttft_s=leave_s)
    state = OverflowState(is_overflowing=is_over)
    smallest_above = np.nextafter(leave_s, np.inf)
    for place in places:
        wait_s = min(max(leave_s + place * (enter_s - leave_s), smallest_above if is_over else 0.0), enter_s)
        if is_over and wait_s <= leave_s:  # the band is empty
            return
        state = decide_overflow(policy, state, Pressure(now_s=0, predicted_ttft_s=wait_s, queue_tokens=0)).state
        assert state.is_overflowing == is_over


@checked
@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 300)), max_size=80))
def test_every_change_crosses_the_whole_band(signals):
    policy = OverflowPolicy(
        backend="api", enter_ttft_s=2.0, leave_ttft_s=1.0, enter_queue_tokens=200, leave_queue_tokens=100
    )
    state = OverflowState()
    for wait_s, queue in signals:
        before = state.is_overflowing
        pressure = Pressure(now_s=0, predicted_ttft_s=wait_s, queue_tokens=queue)
        state = decide_overflow(policy, state, pressure).state
        if state.is_overflowing and not before:
            assert wait_s > 2.0 or queue > 200
        if before and not state.is_overflowing:
            assert wait_s <= 1.0
            assert queue <= 100


requests = st.lists(
    st.tuples(st.floats(0.0, 30.0), st.integers(0, 60), st.booleans(), st.integers(0, 3)), min_size=1, max_size=120
)


@checked
@given(requests, st.integers(0, 8), st.integers(0, 150))
def test_quotas_hold_over_any_sliding_minute(arrivals, max_requests, max_tokens):
    policy = OverflowPolicy(
        backend="api",
        enter_ttft_s=1.0,
        max_requests_per_minute=max_requests,
        max_tokens_per_minute=max_tokens,
        stick_s=20.0,
    )
    state, marks, now_s, sent = OverflowState(), dict[int, SessionMark](), 0.0, deque[tuple[float, int]]()
    for gap_s, tokens, is_slow, session in arrivals:
        now_s += gap_s
        pressure = Pressure(
            now_s=now_s, predicted_ttft_s=2.0 if is_slow else 0.0, queue_tokens=0, request_tokens=tokens
        )
        decision = decide_overflow(policy, state, pressure, marks.get(session))
        state, marks[session] = decision.state, decision.mark
        if decision.side == "api":
            sent.append((now_s, tokens))
        while sent and sent[0][0] < now_s - 60.0:
            sent.popleft()
        assert len(sent) <= max_requests
        assert sum(tokens for _, tokens in sent) <= max_tokens


@checked
@given(st.lists(st.tuples(st.floats(0.0, 40.0), st.integers(0, 9)), max_size=80))
def test_the_ring_keeps_61_seconds_and_the_kernel_s_view_of_it_is_the_same(uses):
    use, now_s, all_uses = QuotaUse(), 0.0, list[tuple[int, int]]()
    ring, total, last = np.zeros(NUM_SLOTS, dtype=np.int64), 0, 0
    for gap_s, num in uses:
        now_s += gap_s
        tick = int(now_s)
        use = with_use(quota_at(use, now_s), num)
        total += num - expire_slots(ring, last, tick)
        ring[tick % NUM_SLOTS] += num
        last = tick
        all_uses.append((tick, num))
        assert use.num_used == total == sum(n for t, n in all_uses if t > tick - NUM_SLOTS)


@checked
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6))
def test_a_stricter_cascade_never_stops_earlier(tiers):
    """tiers: (threshold, how much stricter, confidence) of each."""

    def path(thresholds):
        policy = CascadePolicy(
            tiers=tuple(
                CascadeTier(backend=str(i), accept_confidence_frac=at, verifier_usd_per_request=1.0)
                for i, at in enumerate(thresholds)
            )
        )
        state, seen = CascadeState(), [0]
        for _, _, confidence in tiers:
            decision = decide_cascade(policy, state, confidence)
            assert decision.state.tier - state.tier == (decision.action == "escalate")
            state = decision.state
            seen.append(state.tier)
            if state.is_done:
                break
        assert state.is_done
        assert state.verifier_usd == min(len(tiers) - 1, state.tier + 1)
        assert seen == sorted(seen)
        return state.tier

    loose = [at for at, _, _ in tiers]
    strict = [at + (1.0 - at) * more for at, more, _ in tiers]
    assert path(strict) >= path(loose)


steps = st.lists(
    st.tuples(st.sampled_from(["reserve", "settle", "release"]), st.integers(0, 400), shares, st.floats(0, 50)),
    max_size=80,
)


@checked
@given(steps, st.integers(0, 1000), st.integers(0, 3000), st.floats(1.0, 100.0))
def test_no_interleaving_overspends(script, per_window, in_all, window_s):
    policy = BudgetPolicy(
        limits=(
            BudgetLimit(name="window", limit_pico_usd=per_window, window_s=window_s),
            BudgetLimit(name="all", limit_pico_usd=in_all),
        )
    )
    state, now_s, held, spent = BudgetState(), 0.0, [], dict[int, int]()
    for action, amount, share, gap_s in script:
        now_s += gap_s
        if action == "reserve":
            left = remaining_pico_usd(policy, state, now_s)
            decision = reserve_budget(policy, state, amount_pico_usd=amount, now_s=now_s)
            assert decision.is_granted == (amount <= left)
            state = decision.state
            held += [decision.reservation] if decision.reservation else []
        elif held:
            one = held.pop(int(share * (len(held) - 1)))
            actual = 0 if action == "release" else int(one.amount_pico_usd * share)
            state = settle_budget(state, one, actual_pico_usd=actual)
            spent[one.indices[0]] = spent.get(one.indices[0], 0) + actual
        in_flight = {index: 0 for one in held for index in one.indices[:1]}
        for one in held:
            in_flight[one.indices[0]] += one.amount_pico_usd
        assert all(spent.get(at, 0) + in_flight.get(at, 0) <= per_window for at in {*spent, *in_flight})
        assert sum(spent.values()) + sum(in_flight.values()) <= in_all
        if state.windows:
            assert state.windows[1].spent_pico_usd == sum(spent.values())
            assert state.windows[1].reserved_pico_usd == sum(in_flight.values())
    for one in held:
        state = release_budget(state, one)
    assert all(use.reserved_pico_usd == 0 for use in state.windows)


names = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)
policies = st.builds(
    Policy,
    route=st.builds(RoutePolicy, router=st.sampled_from(ROUTERS)),
    overflow=st.none()
    | st.builds(
        OverflowPolicy,
        backend=names,
        enter_ttft_s=st.floats(0, 100),
        max_requests_per_minute=st.none() | st.integers(0, 10**9),
        stick_s=st.floats(0, 1000),
        sticky_sides=st.sampled_from([(), ("api",), ("fleet", "api")]),
    ),
    cascade=st.none()
    | st.builds(
        CascadePolicy,
        tiers=st.lists(st.builds(CascadeTier, backend=names, accept_confidence_frac=shares), min_size=1, max_size=4, unique_by=lambda one: one.backend).map(tuple),
        max_escalations=st.none() | st.integers(0, 5),
    ),
    budget=st.none()
    | st.builds(
        BudgetPolicy,
        limits=st.builds(BudgetLimit, name=names, limit_pico_usd=st.integers(0, 10**20)).map(lambda one: (one,)),
        on_exhausted=st.sampled_from(["deny", "allow"]),
    ),
)  # fmt: skip


@checked
@given(policies)
def test_any_policy_reads_back_from_its_mapping(policy):
    assert policy_from_mapping(policy_to_mapping(policy)) == policy

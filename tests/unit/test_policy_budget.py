from decimal import Decimal

import pytest

from tokonomics.errors import InputError
from tokonomics.policy.budget import (
    PICO_PER_USD,
    BudgetLimit,
    BudgetPolicy,
    BudgetState,
    pico_usd,
    release_budget,
    remaining_pico_usd,
    reserve_budget,
    settle_budget,
)

DAY = BudgetLimit(name="day", limit_pico_usd=100, window_s=86400.0)
EVER = BudgetLimit(name="ever", limit_pico_usd=250)
POLICY = BudgetPolicy(limits=(DAY, EVER))


def reserve(state, amount, now_s=0.0, policy=POLICY):
    return reserve_budget(policy, state, amount_pico_usd=amount, now_s=now_s)


def test_money_is_set_aside_and_settled():
    one = reserve(BudgetState(), 60)
    assert one.is_granted
    assert remaining_pico_usd(POLICY, one.state, 0.0) == 40
    settled = settle_budget(one.state, one.reservation, actual_pico_usd=10)
    assert remaining_pico_usd(POLICY, settled, 0.0) == 90
    assert settled.windows[1].spent_pico_usd == 10


def test_what_is_reserved_cannot_be_reserved_again():
    one = reserve(BudgetState(), 60)
    two = reserve(one.state, 41)
    assert not two.is_granted
    assert two.exhausted == ("day",)
    assert two.reservation is None
    assert reserve(one.state, 40).is_granted


def test_a_release_gives_all_back():
    one = reserve(BudgetState(), 60)
    assert remaining_pico_usd(POLICY, release_budget(one.state, one.reservation), 0.0) == 100


def test_a_new_day_is_a_new_window_but_all_time_goes_on():
    state = BudgetState()
    for day in range(2):
        decision = reserve(state, 100, now_s=day * 86400.0)
        state = settle_budget(decision.state, decision.reservation, actual_pico_usd=100)
    assert remaining_pico_usd(POLICY, state, 2 * 86400.0) == 50
    assert reserve(state, 51, now_s=2 * 86400.0).exhausted == ("ever",)


def test_a_charge_belongs_to_the_window_of_its_reservation():
    late = reserve(BudgetState(), 100, now_s=86399.0)
    early = reserve(late.state, 100, now_s=86401.0)
    settled = settle_budget(early.state, late.reservation, actual_pico_usd=100)
    assert settled.windows[0].spent_pico_usd == 0
    assert settled.windows[0].reserved_pico_usd == 100
    assert settled.windows[1].spent_pico_usd == 100


def test_a_clock_that_goes_back_opens_no_old_window():
    one = reserve(BudgetState(), 100, now_s=86400.0)
    assert not reserve(one.state, 1, now_s=86399.0).is_granted


def test_a_cost_above_the_reservation_is_booked():
    one = reserve(BudgetState(), 90)
    state = settle_budget(one.state, one.reservation, actual_pico_usd=130)
    assert state.windows[0].spent_pico_usd == 130
    assert remaining_pico_usd(POLICY, state, 0.0) == 0
    assert not reserve(state, 0).is_granted


def test_the_owner_may_choose_to_allow_and_mark():
    policy = BudgetPolicy(limits=(DAY,), on_exhausted="allow")
    decision = reserve(BudgetState(), 101, policy=policy)
    assert decision.is_granted
    assert decision.exhausted == ("day",)
    assert decision.state.windows[0].reserved_pico_usd == 101


def test_a_reservation_is_settled_once():
    one = reserve(BudgetState(), 60)
    state = settle_budget(one.state, one.reservation, actual_pico_usd=1)
    with pytest.raises(InputError, match="once"):
        release_budget(state, one.reservation)


def test_a_budget_of_nothing_lets_only_free_requests_through():
    policy = BudgetPolicy(limits=(BudgetLimit(name="none", limit_pico_usd=0),))
    assert reserve(BudgetState(), 0, policy=policy).is_granted
    assert not reserve(BudgetState(), 1, policy=policy).is_granted


def test_state_and_policy_must_match():
    one = reserve(BudgetState(), 1)
    other = BudgetPolicy(limits=(DAY,))
    with pytest.raises(InputError, match="begin a new state"):
        reserve(one.state, 1, policy=other)
    with pytest.raises(InputError, match="different limits"):
        settle_budget(reserve(BudgetState(), 1, policy=other).state, one.reservation, actual_pico_usd=1)


@pytest.mark.parametrize("amount", [-1, 1.5, True, "1"])
def test_amounts_are_whole_and_not_negative(amount):
    with pytest.raises(InputError, match="pico_usd"):
        reserve(BudgetState(), amount)
    one = reserve(BudgetState(), 5)
    with pytest.raises(InputError, match="pico_usd"):
        settle_budget(one.state, one.reservation, actual_pico_usd=amount)


@pytest.mark.parametrize("now_s", [float("nan"), float("inf"), None])
def test_the_clock_must_be_one(now_s):
    with pytest.raises(InputError, match="now_s"):
        reserve(BudgetState(), 1, now_s=now_s)


@pytest.mark.parametrize(
    ("limits", "words"),
    [((), "one or more"), ([DAY], "one or more"), ((DAY, DAY), "'day' twice"), ((DAY, 5), "holds 5")],
)
def test_a_bad_budget_is_refused(limits, words):
    with pytest.raises(InputError, match=words):
        BudgetPolicy(limits=limits)


def test_all_that_is_wrong_with_a_limit_is_said():
    with pytest.raises(InputError) as caught:
        BudgetLimit(name="", limit_pico_usd=-1, window_s=0.0)
    assert len(caught.value.violations) == 3
    with pytest.raises(InputError, match="on_exhausted='warn'"):
        BudgetPolicy(limits=(DAY,), on_exhausted="warn")


@pytest.mark.parametrize(
    ("usd", "pico"), [("0.000000000001", 1), (3, 3 * PICO_PER_USD), (Decimal("-0.5"), -PICO_PER_USD // 2)]
)
def test_dollars_become_pico_dollars_exactly(usd, pico):
    assert pico_usd(usd) == pico


@pytest.mark.parametrize(
    "usd", ["0.0000000000001", "nan", "inf", "a", None, "1e400", 0.1, "12345678901234567890.123456789012"]
)
def test_amounts_that_are_not_exact_are_refused(usd):
    with pytest.raises(InputError, match="limit="):
        pico_usd(usd)

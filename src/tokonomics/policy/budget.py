"""Budgets that cannot be overspent: reserve the most a request can cost before it, settle what it cost after it.

Money is billed money, so it is whole pico-dollars (1e-12 USD): a token at 0.0375 USD per million is 37,500 of them.
A charge belongs to the window in which it was reserved. State in, decision out; the caller keeps the state, and each
reservation until it is settled or released, once.
"""

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from tokonomics.errors import InputError, raise_all
from tokonomics.policy._checks import choice_problems, count_problems, number_problems, text_problems
from tokonomics.policy._mapping import BROKEN

PICO_PER_USD: Final = 10**12

_MAX_PICO: Final = 10**12 * PICO_PER_USD
_MOST_DIGITS: Final = 11
_MAX_WINDOW_S: Final = 10 * 366 * 86400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetLimit:
    """At most `limit_pico_usd` in each window of `window_s`; None: for all time.

    Windows begin at multiples of `window_s` on the caller's clock, so 86400 is a UTC day on a Unix clock.
    """

    name: str
    limit_pico_usd: int
    window_s: float | None = None

    def __post_init__(self) -> None:
        problems = text_problems("name", self.name)
        problems += count_problems("limit_pico_usd", self.limit_pico_usd, least=0, most=_MAX_PICO, unit="pico-USD")
        if self.window_s is not None:
            problems += number_problems("window_s", self.window_s, least=1e-3, most=_MAX_WINDOW_S, unit="s")
        raise_all(problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetPolicy:
    """Limits that must all hold; when one is exhausted requests are refused, or allowed and marked."""

    limits: tuple[BudgetLimit, ...] = field(metadata={"of": BudgetLimit, "many": True})
    on_exhausted: Literal["deny", "allow"] = "deny"

    def __post_init__(self) -> None:
        actions = choice_problems("on_exhausted", self.on_exhausted, ("deny", "allow"))
        raise_all(actions + _limit_problems(self.limits))


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowUse:
    """What one limit's current window holds: `index` counts windows from time 0."""

    index: int = 0
    reserved_pico_usd: int = 0
    spent_pico_usd: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetState:
    """Use of each limit, in the order of the policy; empty: nothing was spent yet."""

    windows: tuple[WindowUse, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """Money set aside for one request, and the window of each limit that it was taken from."""

    amount_pico_usd: int
    indices: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetDecision:
    """Whether the request may go; `exhausted` names the limits that it does not fit. Keep state and reservation."""

    is_granted: bool
    exhausted: tuple[str, ...]
    state: BudgetState
    reservation: Reservation | None


def reserve_budget(policy: BudgetPolicy, state: BudgetState, *, amount_pico_usd: int, now_s: float) -> BudgetDecision:
    """Set `amount_pico_usd`, the most that the request can cost, aside in every limit; or refuse.

    A clock that goes back stays in the newest window. Raises InputError on an amount below 0 or a clock that is none.
    """
    raise_all(
        count_problems("amount_pico_usd", amount_pico_usd, least=0, most=_MAX_PICO, unit="pico-USD")
        + number_problems("now_s", now_s, least=-1e15, most=1e15, unit="s")
    )
    windows = _windows_at(policy, state, now_s)
    exhausted = tuple(
        limit.name for limit, use in zip(policy.limits, windows) if _held(use) + amount_pico_usd > limit.limit_pico_usd
    )
    if exhausted and policy.on_exhausted == "deny":
        return BudgetDecision(
            is_granted=False, exhausted=exhausted, state=BudgetState(windows=windows), reservation=None
        )
    reservation = Reservation(amount_pico_usd=amount_pico_usd, indices=tuple(use.index for use in windows))
    taken = tuple(_moved(use, reserved=amount_pico_usd, spent=0) for use in windows)
    return BudgetDecision(
        is_granted=True, exhausted=exhausted, state=BudgetState(windows=taken), reservation=reservation
    )


def settle_budget(state: BudgetState, reservation: Reservation, *, actual_pico_usd: int) -> BudgetState:
    """Turn `reservation` into what the request really cost; the rest is free again.

    A cost above the reservation is booked as it is, because it was incurred: reserve the most that can be asked.
    Raises:    InputError on a cost below 0, or when the reservation is not in the state (it was settled before).
    """
    raise_all(count_problems("actual_pico_usd", actual_pico_usd, least=0, most=_MAX_PICO, unit="pico-USD"))
    if len(state.windows) != len(reservation.indices):
        raise InputError("reservation and state have different limits; settle it with the state it came from")
    return BudgetState(
        windows=tuple(
            _moved(use, reserved=-reservation.amount_pico_usd, spent=actual_pico_usd) if use.index == index else use
            for use, index in zip(state.windows, reservation.indices)
        )
    )


def release_budget(state: BudgetState, reservation: Reservation) -> BudgetState:
    """Give `reservation` back: the request cost nothing."""
    return settle_budget(state, reservation, actual_pico_usd=0)


def remaining_pico_usd(policy: BudgetPolicy, state: BudgetState, now_s: float) -> int:
    """What a request may still reserve at `now_s`: the least that any limit leaves, never below 0."""
    windows = _windows_at(policy, state, now_s)
    return max(0, min(limit.limit_pico_usd - _held(use) for limit, use in zip(policy.limits, windows)))


def pico_usd(usd: Decimal | str | int) -> int:
    """Whole pico-dollars of an exact amount. Raises InputError on more than 12 decimals, or on no amount at all.

    >>> pico_usd("0.0375"), pico_usd(2)
    (37500000000, 2000000000000)
    """
    try:
        exact = Decimal(usd)
        if exact.is_finite() and exact.adjusted() > _MOST_DIGITS:
            raise OverflowError
        pico = int(exact.scaleb(12))
    except (InvalidOperation, TypeError, ValueError, OverflowError):
        raise InputError(f"usd={usd!r:.60}; limit=a decimal number below 1e12; write e.g. '12.50'") from None
    if Decimal(pico).scaleb(-12) != exact:
        raise InputError(f"usd={usd!r:.60}; limit=12 decimals; round it")
    return pico


def _windows_at(policy: BudgetPolicy, state: BudgetState, now_s: float) -> tuple[WindowUse, ...]:
    held = state.windows or tuple(WindowUse(index=_index(limit, now_s)) for limit in policy.limits)
    if len(held) != len(policy.limits):
        raise InputError(
            f"state has {len(held)} limits, the policy {len(policy.limits)}; begin a new state with a new policy"
        )
    return tuple(
        use if (index := _index(limit, now_s)) <= use.index else WindowUse(index=index)
        for limit, use in zip(policy.limits, held)
    )


def _index(limit: BudgetLimit, now_s: float) -> int:
    return 0 if limit.window_s is None else int(now_s // limit.window_s)


def _held(use: WindowUse) -> int:
    return use.reserved_pico_usd + use.spent_pico_usd


def _moved(use: WindowUse, *, reserved: int, spent: int) -> WindowUse:
    if use.reserved_pico_usd + reserved < 0:
        held = f"reserved={use.reserved_pico_usd} pico-USD"
        raise InputError(f"{held}; limit={-reserved} pico-USD of this reservation; settle or release it once")
    return WindowUse(
        index=use.index,
        reserved_pico_usd=use.reserved_pico_usd + reserved,
        spent_pico_usd=use.spent_pico_usd + spent,
    )


def _limit_problems(limits: object) -> list[str]:
    if limits is BROKEN:  # said already, while a mapping is read
        return []
    if not isinstance(limits, tuple) or not limits:
        return [f"limits={limits!r:.60}; limit=one or more; list the limits, or leave the budget out"]
    wrong = [one for one in limits if not isinstance(one, BudgetLimit) and one is not BROKEN]
    names = [one.name for one in limits if isinstance(one, BudgetLimit)]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"limits holds {one!r:.60}; limit=limits; give each as a limit" for one in wrong] + [
        f"limits name {one!r} twice; limit=once; give each its own name" for one in twice
    ]

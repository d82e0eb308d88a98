"""When a request goes to an API instead of the fleet: the wait would miss the SLO, or too much is queued.

Entering needs more pressure than staying (hysteresis), a session can stay where it was (stickiness), and the API's
quotas are never exceeded: without quota a request waits in the fleet. State in, decision out; the caller keeps the
state, and of each session its mark.
"""

import math
from dataclasses import dataclass, field
from typing import Final, Literal

from tokonomics.errors import InputError, raise_all
from tokonomics.policy._checks import choice_problems, count_problems, number_problems, text_problems
from tokonomics.policy.quota import QuotaUse, fits_quota, quota_at, with_use

Side = Literal["fleet", "api"]
Reason = Literal["calm", "pressure", "sticky", "quota"]

SIDES: Final[tuple[Side, ...]] = ("fleet", "api")
_MAX_COUNT: Final = 10**12
_MAX_S: Final = 30 * 86400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class OverflowPolicy:
    """To `backend` when the predicted TTFT exceeds `enter_ttft_s`, or the queue `enter_queue_tokens`.

    Overflow ends when both are at or below their `leave_` bound (None: the same as to enter, no band). Quotas are per
    minute, None without limit. A session whose last request went to one of `sticky_sides` less than `stick_s` ago
    stays there.
    """

    backend: str
    enter_ttft_s: float | None = None
    leave_ttft_s: float | None = None
    enter_queue_tokens: int | None = None
    leave_queue_tokens: int | None = None
    max_requests_per_minute: int | None = None
    max_tokens_per_minute: int | None = None
    stick_s: float = 0.0
    sticky_sides: tuple[Side, ...] = ("api",)

    def __post_init__(self) -> None:
        raise_all(_policy_problems(self))


@dataclass(frozen=True, kw_only=True, slots=True)
class OverflowState:
    """Whether the fleet is overflowing, and what the API was sent in the last minute."""

    is_overflowing: bool = False
    requests_used: QuotaUse = field(default_factory=QuotaUse)
    tokens_used: QuotaUse = field(default_factory=QuotaUse)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pressure:
    """What is known of the fleet and the request at `now_s`.

    predicted_ttft_s: of this request, were it queued now (inf: never).  queue_tokens: waiting prefill tokens.
    request_tokens: what the API's token quota will be charged for it.
    """

    now_s: float
    predicted_ttft_s: float
    queue_tokens: int
    request_tokens: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.now_s) and self.predicted_ttft_s >= 0.0):
            raise InputError(
                f"now_s={self.now_s} s, predicted_ttft_s={self.predicted_ttft_s} s; limit=a time, and a wait of 0 or "
                "more; give the clock and the prediction in seconds"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionMark:
    """Where the last request of a session went, and when."""

    side: Side
    last_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class OverflowDecision:
    """Where the request goes and why; the state and mark to keep.

    reason: calm (fleet), pressure (API), sticky (either), quota (fleet, though the API was wanted).
    """

    side: Side
    reason: Reason
    state: OverflowState
    mark: SessionMark


def overflows(
    is_overflowing: bool,
    ttft_s: float,
    queue_tokens: float,
    enter_ttft_s: float,
    leave_ttft_s: float,
    enter_queue_tokens: float,
    leave_queue_tokens: float,
) -> bool:
    """Whether to overflow now; a bound that is not set is inf. Scalars only, so that the event kernel can compile it.

    >>> [overflows(was, 0.8, 0, 1.0, 0.5, float("inf"), float("inf")) for was in (False, True)]
    [False, True]
    """
    if is_overflowing:
        return ttft_s > leave_ttft_s or queue_tokens > leave_queue_tokens
    return ttft_s > enter_ttft_s or queue_tokens > enter_queue_tokens


def sticks(was_api: bool, since_s: float, stick_s: float, to_api: bool, to_fleet: bool) -> bool:
    """Whether a session stays where its last request went `since_s` ago. Scalars only, as in `overflows`.

    >>> sticks(True, 5.0, 30.0, True, False), sticks(False, 5.0, 30.0, True, False)
    (True, False)
    """
    return since_s < stick_s and (to_api if was_api else to_fleet)


def overflow_bounds(policy: OverflowPolicy) -> tuple[float, float, float, float]:
    """The four bounds that `overflows` takes: enter and leave TTFT in s, enter and leave queue in tokens."""
    return (
        *_bounds(policy.enter_ttft_s, policy.leave_ttft_s),
        *_bounds(policy.enter_queue_tokens, policy.leave_queue_tokens),
    )


def decide_overflow(
    policy: OverflowPolicy, state: OverflowState, pressure: Pressure, mark: SessionMark | None = None
) -> OverflowDecision:
    """Decide where one request goes. `mark` is that of its session, None for the first request or without sessions."""
    is_over = overflows(
        state.is_overflowing, pressure.predicted_ttft_s, pressure.queue_tokens, *overflow_bounds(policy)
    )
    side: Side = "api" if is_over else "fleet"
    reason: Reason = "pressure" if is_over else "calm"
    if mark is not None and _sticks(policy, mark, pressure.now_s) and mark.side != side:
        side, reason = mark.side, "sticky"
    requests, tokens = quota_at(state.requests_used, pressure.now_s), quota_at(state.tokens_used, pressure.now_s)
    if side == "api" and not _within_quota(policy, requests, tokens, pressure.request_tokens):
        side, reason = "fleet", "quota"
    if side == "api":
        requests, tokens = with_use(requests, 1), with_use(tokens, pressure.request_tokens)
    return OverflowDecision(
        side=side,
        reason=reason,
        state=OverflowState(is_overflowing=is_over, requests_used=requests, tokens_used=tokens),
        mark=SessionMark(side=side, last_s=pressure.now_s),
    )


def _sticks(policy: OverflowPolicy, mark: SessionMark, now_s: float) -> bool:
    to_api, to_fleet = ("api" in policy.sticky_sides, "fleet" in policy.sticky_sides)
    return sticks(mark.side == "api", now_s - mark.last_s, policy.stick_s, to_api, to_fleet)


def _within_quota(policy: OverflowPolicy, requests: QuotaUse, tokens: QuotaUse, num_tokens: int) -> bool:
    most_requests, most_tokens = policy.max_requests_per_minute, policy.max_tokens_per_minute
    return fits_quota(requests.num_used, 1, -1 if most_requests is None else most_requests) and fits_quota(
        tokens.num_used, num_tokens, -1 if most_tokens is None else most_tokens
    )


def _bounds(enter: float | None, leave: float | None) -> tuple[float, float]:
    if enter is None:
        return math.inf, math.inf
    return float(enter), float(enter if leave is None else leave)


def _policy_problems(policy: OverflowPolicy) -> list[str]:
    problems = text_problems("backend", policy.backend)
    for name in ("enter_ttft_s", "leave_ttft_s"):
        if getattr(policy, name) is not None:
            problems += number_problems(name, getattr(policy, name), least=0, most=_MAX_S, unit="s")
    for name in ("enter_queue_tokens", "leave_queue_tokens", "max_requests_per_minute", "max_tokens_per_minute"):
        if getattr(policy, name) is not None:
            unit = "requests" if "requests" in name else "tokens"
            problems += count_problems(name, getattr(policy, name), least=0, most=_MAX_COUNT, unit=unit)
    problems += number_problems("stick_s", policy.stick_s, least=0, most=_MAX_S, unit="s")
    return problems + _side_problems(policy.sticky_sides) or _band_problems(policy)


def _side_problems(sides: object) -> list[str]:
    if not isinstance(sides, tuple):
        return [f"sticky_sides={sides!r:.60}; limit=a list of fleet, api; write a list"]
    return [one for side in sides for one in choice_problems("sticky_sides", side, SIDES)]


def _band_problems(policy: OverflowPolicy) -> list[str]:
    """Violations between fields, asked only when each field alone is in order."""
    problems = []
    if policy.enter_ttft_s is None and policy.enter_queue_tokens is None:
        problems.append("enter_ttft_s and enter_queue_tokens are both missing; limit=one or both; say when to overflow")
    for what, unit in (("ttft_s", "s"), ("queue_tokens", "tokens")):
        enter, leave = getattr(policy, f"enter_{what}"), getattr(policy, f"leave_{what}")
        if leave is not None and (enter is None or leave > enter):
            limit = f"limit=enter_{what}={enter} {unit} or less"
            problems.append(f"leave_{what}={leave} {unit}; {limit}; leave at less pressure than you enter")
    return problems

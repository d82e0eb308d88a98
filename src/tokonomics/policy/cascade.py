"""Tiers tried in order until one is confident enough: what to do after each answer.

A request walks one path, upwards, one tier at a time; it never comes back and never splits. What was tried is paid:
the answer of every tier on the path, and the verifier of each but the last.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from tokonomics.errors import InputError, raise_all
from tokonomics.policy._checks import count_problems, number_problems, text_problems
from tokonomics.policy._mapping import BROKEN

_MAX_TIERS: Final = 100
_MAX_USD: Final = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class CascadeTier:
    """One tier: an answer of `backend` stands when its confidence is `accept_confidence_frac` or more.

    verifier_usd_per_request: what judging one answer costs; the last tier's answer is not judged.
    """

    backend: str
    accept_confidence_frac: float = 0.0
    verifier_usd_per_request: float = 0.0

    def __post_init__(self) -> None:
        raise_all(
            text_problems("backend", self.backend)
            + number_problems("accept_confidence_frac", self.accept_confidence_frac, least=0, most=1, unit="of 1")
            + number_problems(
                "verifier_usd_per_request", self.verifier_usd_per_request, least=0, most=_MAX_USD, unit="USD"
            )
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class CascadePolicy:
    """Tiers from the first tried to the last resort; at most `max_escalations` steps up (None: to the last tier)."""

    tiers: tuple[CascadeTier, ...] = field(metadata={"of": CascadeTier, "many": True})
    max_escalations: int | None = None

    def __post_init__(self) -> None:
        raise_all(_policy_problems(self))

    @property
    def last_tier(self) -> int:
        """Index of the tier whose answer stands whatever its confidence."""
        top = len(self.tiers) - 1
        return top if self.max_escalations is None else min(self.max_escalations, top)


@dataclass(frozen=True, kw_only=True, slots=True)
class CascadeState:
    """Where a request stands on its path: the tier that is asked next or was accepted; what verifiers cost so far."""

    tier: int = 0
    is_done: bool = False
    verifier_usd: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CascadeDecision:
    """`accept` the answer of `backend`, or `escalate` to `backend`; the state to keep."""

    action: Literal["accept", "escalate"]
    backend: str
    state: CascadeState


def escalates(confidence_frac: float, accept_confidence_frac: float) -> bool:
    """Whether an answer of this confidence is not good enough; one without a confidence (NaN) is not.

    Scalars only, so that the event kernel can compile it.

    >>> escalates(0.7, 0.8), escalates(0.8, 0.8), escalates(float("nan"), 0.0)
    (True, False, True)
    """
    return not confidence_frac >= accept_confidence_frac


def decide_cascade(policy: CascadePolicy, state: CascadeState, confidence_frac: float | None) -> CascadeDecision:
    """Decide after the answer of tier `state.tier`. A confidence of None (the tier failed) escalates.

    The verifier is asked, and paid, for every answer but that of the last tier, which is accepted as it is.
    Raises:    InputError when the request is done already, or the confidence lies outside 0 to 1.
    """
    _check_step(policy, state, confidence_frac)
    tier = policy.tiers[state.tier]
    if state.tier >= policy.last_tier:
        done = CascadeState(tier=state.tier, is_done=True, verifier_usd=state.verifier_usd)
        return CascadeDecision(action="accept", backend=tier.backend, state=done)
    spent_usd = state.verifier_usd + (0.0 if confidence_frac is None else tier.verifier_usd_per_request)
    if confidence_frac is None or escalates(confidence_frac, tier.accept_confidence_frac):
        up = CascadeState(tier=state.tier + 1, verifier_usd=spent_usd)
        return CascadeDecision(action="escalate", backend=policy.tiers[up.tier].backend, state=up)
    done = CascadeState(tier=state.tier, is_done=True, verifier_usd=spent_usd)
    return CascadeDecision(action="accept", backend=tier.backend, state=done)


def _check_step(policy: CascadePolicy, state: CascadeState, confidence_frac: float | None) -> None:
    problems = []
    if state.is_done:
        problems.append(f"tier={state.tier} was accepted; limit=one path a request; start a new request")
    if not 0 <= state.tier < len(policy.tiers):
        problems.append(f"tier={state.tier}; limit=0 to {len(policy.tiers) - 1}; use the state of this cascade")
    if confidence_frac is not None:
        problems += number_problems("confidence_frac", confidence_frac, least=0, most=1, unit="of 1")
    raise_all(problems, InputError)


def _policy_problems(policy: CascadePolicy) -> list[str]:
    problems: list[str] = []
    if policy.max_escalations is not None:
        problems += count_problems("max_escalations", policy.max_escalations, least=0, most=_MAX_TIERS, unit="steps")
    return problems + _tier_problems(policy.tiers)


def _tier_problems(tiers: object) -> list[str]:
    if tiers is BROKEN:  # said already, while a mapping is read
        return []
    if not isinstance(tiers, tuple) or not 1 <= len(tiers) <= _MAX_TIERS:
        return [f"tiers={tiers!r:.60}; limit=1 to {_MAX_TIERS} tiers; list them, cheapest first"]
    wrong = [one for one in tiers if not isinstance(one, CascadeTier) and one is not BROKEN]
    names = [one.backend for one in tiers if isinstance(one, CascadeTier)]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"tiers holds {one!r:.60}; limit=tiers; give each as a tier" for one in wrong] + [
        f"tiers name {one!r} twice; limit=once; a path goes up only" for one in twice
    ]

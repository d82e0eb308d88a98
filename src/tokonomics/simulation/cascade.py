"""Tiers in replay: what one tier does not answer well enough arrives at the next when its answer was judged.

Tiers do not feed back, so each is one replay of what comes up to it, in the order of coming. What goes up is decided by
`policy.cascade`; the confidence of every answer is given.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tokonomics.errors import raise_all
from tokonomics.policy.cascade import CascadePolicy, escalates
from tokonomics.simulation.fleet import FleetResult, simulate_fleet
from tokonomics.simulation.fleet_spec import FleetSpec
from tokonomics.simulation.requests import FloatArray, IntArray, Requests
from tokonomics.simulation.state import LOST
from tokonomics.simulation.summary import is_served


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiTier:
    """A tier that a hosted API serves: it takes everything, and answers in so many seconds. None: not known."""

    ttft_s: float | None = None
    itl_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TierRun:
    """What one tier was asked and did; arrays have one entry a request that came to it, in order of coming.

    asked: index of the request in the load.  first_token_s, finish_s: of the answer as its user sees it, NaN where
    there is none or the time is not known.  confidence_frac: of a judged answer; NaN where nothing was judged.
    result: of a fleet; None for an API.
    """

    backend: str
    asked: IntArray
    arrival_s: FloatArray
    first_token_s: FloatArray
    finish_s: FloatArray
    is_answered: NDArray[np.bool_]
    confidence_frac: FloatArray
    goes_up: NDArray[np.bool_]
    verifier_usd: float
    result: FleetResult | None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CascadeRun:
    """All tiers, and the end of each request's path; arrays of shape (n,), one entry a request of the load.

    tier: the last one asked.  first_shown_s: when its user sees something: the first token of a tier that nobody
    judges, else the end of the answer that was accepted.  Tiers that nothing reached are not among `tiers`.
    """

    tiers: tuple[TierRun, ...]
    tier: IntArray
    is_answered: NDArray[np.bool_]
    first_shown_s: FloatArray
    finish_s: FloatArray

    @property
    def escalation_frac(self) -> float:
        """Share of the requests that went up at least once."""
        return float(self.tiers[0].goes_up.mean())

    @property
    def verifier_usd(self) -> float:
        """What judging cost, all tiers together."""
        return math.fsum(one.verifier_usd for one in self.tiers)


def simulate_cascade(
    requests: Requests,
    policy: CascadePolicy,
    backends: Mapping[str, FleetSpec | ApiTier],
    confidence_frac: FloatArray,
    *,
    rng: np.random.Generator,
    first: FleetResult | None = None,
) -> CascadeRun:
    """Replay `requests` up the tiers of `policy`.

    A request that a tier rejects, or loses, goes up without being judged: at once, or when the replay of its tier ends.

    Args:      backends: what serves each tier, by its name.  confidence_frac: that of each tier's answer to each
               request, shape (n, last tier).  rng: draws interruptions, a stream of its own for each tier.
               first: the replay of the first tier, where it is there already.
    Raises:    InputError for a tier without a backend, one that overflows, or an API of unknown latency that is judged;
               for confidences of another shape or outside 0 to 1; as `simulate_fleet`.
    """
    raise_all(_problems(requests, policy, backends, confidence_frac))
    tiers: list[TierRun] = []
    asked, arrival_s = np.arange(requests.num_requests), requests.arrival_s
    for level, stream in enumerate(rng.spawn(policy.last_tier + 1)):
        backend = backends[policy.tiers[level].backend]
        done = first if level == 0 else None
        run = _asked(policy.tiers[level].backend, backend, _taken(requests, asked, arrival_s), asked, stream, done)
        if level < policy.last_tier:
            run = _judged(run, policy, level, confidence_frac[asked, level])
        tiers.append(run)
        asked, arrival_s = _going_up(run)
        if not asked.size:
            break
    return _paths(requests.num_requests, tiers, policy)


def _asked(
    name: str,
    backend: FleetSpec | ApiTier,
    requests: Requests,
    asked: IntArray,
    rng: np.random.Generator,
    done: FleetResult | None,
) -> TierRun:
    """The replay of one tier, before anything is judged."""
    num, result = requests.num_requests, None
    if isinstance(backend, ApiTier):
        first_s = requests.arrival_s + (math.nan if backend.ttft_s is None else backend.ttft_s)
        gap_s = math.nan if backend.itl_s is None else backend.itl_s
        finish_s = first_s + np.where(requests.output_tokens > 1, (requests.output_tokens - 1) * gap_s, 0.0)
        is_answered = np.ones(num, dtype=bool)
    else:
        result = done or simulate_fleet(requests, backend, rng=rng)
        first_s, finish_s = result.first_token_s + result.outside_s, result.finish_s + result.outside_s
        is_answered = is_served(result)
    return TierRun(
        backend=name,
        asked=asked,
        arrival_s=requests.arrival_s,
        first_token_s=first_s,
        finish_s=finish_s,
        is_answered=is_answered,
        confidence_frac=np.full(num, np.nan),
        goes_up=np.zeros(num, dtype=bool),
        verifier_usd=0.0,
        result=result,
    )


def _judged(run: TierRun, policy: CascadePolicy, level: int, confidence_frac: FloatArray) -> TierRun:
    """The tier with its answers judged by the rule of the policy; what has no answer goes up, and costs no verifier."""
    tier = policy.tiers[level]
    trust = np.where(run.is_answered, confidence_frac, np.nan)
    goes_up = np.array([escalates(one, tier.accept_confidence_frac) for one in trust.tolist()], dtype=bool)
    spent_usd = int(run.is_answered.sum()) * tier.verifier_usd_per_request
    return replace(run, confidence_frac=trust, goes_up=goes_up, verifier_usd=spent_usd)


def _going_up(run: TierRun) -> tuple[IntArray, FloatArray]:
    """Who comes to the next tier, in order of coming, and when."""
    failed_s = run.arrival_s
    if run.result is not None:
        failed_s = np.where(run.result.status == LOST, run.result.end_s, run.arrival_s)
    ready_s = np.where(run.is_answered, run.finish_s, failed_s)[run.goes_up]
    order = np.argsort(ready_s, kind="stable")
    return run.asked[run.goes_up][order], ready_s[order]


def _paths(num: int, tiers: list[TierRun], policy: CascadePolicy) -> CascadeRun:
    """Where every request ended."""
    tier, answered = np.zeros(num, dtype=np.int64), np.zeros(num, dtype=bool)
    shown_s, finish_s = np.full(num, np.nan), np.full(num, np.nan)
    for level, run in enumerate(tiers):
        tier[run.asked], answered[run.asked] = level, run.is_answered
        finish_s[run.asked] = np.where(run.is_answered, run.finish_s, np.nan)
        is_open = level == policy.last_tier
        shown_s[run.asked] = np.where(run.is_answered, run.first_token_s if is_open else run.finish_s, np.nan)
    return CascadeRun(tiers=tuple(tiers), tier=tier, is_answered=answered, first_shown_s=shown_s, finish_s=finish_s)


def _taken(requests: Requests, asked: IntArray, arrival_s: FloatArray) -> Requests:
    """The requests `asked`, arriving at these times."""
    hashes = requests.block_hashes
    return Requests(
        arrival_s=arrival_s,
        input_tokens=requests.input_tokens[asked],
        output_tokens=requests.output_tokens[asked],
        priority=None if requests.priority is None else requests.priority[asked],
        class_index=None if requests.class_index is None else requests.class_index[asked],
        block_hashes=None if hashes is None else hashes.take(asked),
    )


def _problems(
    requests: Requests,
    policy: CascadePolicy,
    backends: Mapping[str, FleetSpec | ApiTier],
    confidence_frac: FloatArray,
) -> list[str]:
    shape = (requests.num_requests, policy.last_tier)
    problems = []
    if confidence_frac.shape != shape:
        problems.append(f"confidence_frac has shape {confidence_frac.shape}; limit={shape}; give one a judged answer")
    elif not ((confidence_frac >= 0.0) & (confidence_frac <= 1.0)).all():
        problems.append("confidence_frac is outside 0 to 1; limit=a share for every answer; check where it comes from")
    for level, tier in enumerate(policy.tiers[: policy.last_tier + 1]):
        backend = backends.get(tier.backend)
        if backend is None:
            problems.append(f"tier {tier.backend!r} has no backend; limit=a fleet or an API for every tier; name it")
        elif isinstance(backend, FleetSpec) and backend.overflow is not None:
            problems.append(f"tier {tier.backend!r} overflows; limit=fleets without overflow; let the cascade go up")
        elif isinstance(backend, ApiTier) and level < policy.last_tier and None in (backend.ttft_s, backend.itl_s):
            problems.append(
                f"tier {tier.backend!r} is an API of unknown latency below the last tier; limit=ttft_s and itl_s; give"
                " both, for its answers must end before they can be judged"
            )
    return problems

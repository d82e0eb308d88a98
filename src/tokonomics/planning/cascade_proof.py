"""A cascade of a plan in replay: its first tier is asked everything, its second what was not sure enough.

Which answers go up is drawn with the share that was measured. An answer that is judged is shown when it is complete, so
the time to the first token of a cascade is that of a whole answer of its first tier.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tokonomics.planning.draft import Draft
from tokonomics.policy.cascade import CascadePolicy, CascadeTier
from tokonomics.simulation.cascade import ApiTier, CascadeRun, TierRun, simulate_cascade
from tokonomics.simulation.fleet_spec import FleetSpec
from tokonomics.simulation.requests import Requests
from tokonomics.simulation.summary import RequestLatency

Floats = NDArray[np.float64]

_ACCEPT_FRAC = 0.5
"""Threshold between the two confidences that are drawn, 0 and 1."""


def is_cascade(draft: Draft) -> bool:
    """Whether requests of `draft` may be asked twice."""
    return len(draft.way.calls) > 1


def has_own_first_tier(draft: Draft) -> bool:
    """Whether the first tier runs on machines of the plan, whose answers a replay can time."""
    return draft.way.calls[0][0] in {one.item.tier for one in draft.purchases}


def run_cascade(
    draft: Draft, requests: Requests, fleets: Mapping[str, FleetSpec], hosted: ApiTier, rng: np.random.Generator
) -> CascadeRun:
    """Replay `requests` up the two tiers; `fleets` by tier, `hosted` stands for a tier without machines."""
    (first, _), (following, escalated_frac) = draft.way.calls
    tiers = (CascadeTier(backend=first, accept_confidence_frac=_ACCEPT_FRAC), CascadeTier(backend=following))
    backends = {tier: fleets.get(tier, hosted) for tier in (first, following)}
    sure = (rng.random(requests.num_requests) >= escalated_frac).astype(float)
    return simulate_cascade(requests, CascadePolicy(tiers=tiers), backends, sure[:, None], rng=rng)


def cascade_latency(requests: Requests, run: CascadeRun, *, api_itl_s: float | None) -> RequestLatency:
    """What users waited for; only the answers of the second tier are streamed, so only they have gaps."""
    itl_s = np.full(requests.num_requests, np.nan)
    if len(run.tiers) > 1:
        last = run.tiers[1]
        itl_s[last.asked] = _gaps_s(requests, last, api_itl_s)
    return RequestLatency(
        ttft_s=run.first_shown_s - requests.arrival_s, itl_s=itl_s, e2e_s=run.finish_s - requests.arrival_s
    )


def _gaps_s(requests: Requests, last: TierRun, api_itl_s: float | None) -> Floats:
    outputs = requests.output_tokens[last.asked]
    if last.result is None:
        gaps_s = np.full(outputs.size, np.nan if api_itl_s is None else api_itl_s)
    else:
        gaps_s = (last.finish_s - last.first_token_s) / np.maximum(outputs - 1, 1)
    return np.where(outputs > 1, gaps_s, np.nan)

"""How much work a replay did, in totals: what its operating point and its utilisation are computed from."""

from dataclasses import dataclass

import numpy as np

from tokonomics.simulation.fleet import FleetResult
from tokonomics.simulation.requests import Requests
from tokonomics.simulation.summary import is_served


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """Totals of what the fleet itself served, and the replica-seconds it took.

    prompt_tokens: those that were computed, not found in a cache.  leased_s: of replicas, as busy_s.
    sequence_time_s, kv_token_time_s: integrals of the batch and of the cache over time, all replicas together.
    """

    num_served: int
    input_tokens: int
    prompt_tokens: int
    output_tokens: int
    busy_s: float
    leased_s: float
    sequence_time_s: float
    kv_token_time_s: float


def work_of(requests: Requests, result: FleetResult) -> Work:
    """The work of a replay whose requests are at hand."""
    accounts, served = result.accounts, is_served(result)
    inputs = int(requests.input_tokens[served].sum())
    return Work(
        num_served=int(np.count_nonzero(served)),
        input_tokens=inputs,
        prompt_tokens=inputs - int(result.cached_tokens[served].sum()),
        output_tokens=int(result.output_tokens[served].sum()),
        busy_s=float((accounts.decode_s + accounts.prefill_s).sum()),
        leased_s=float(accounts.leased_s.sum()),
        sequence_time_s=float(accounts.sequence_seconds.sum()),
        kv_token_time_s=float(accounts.kv_token_seconds.sum()),
    )

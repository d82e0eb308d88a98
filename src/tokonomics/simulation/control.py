"""The state of a fleet beside its replicas: leases, targets, clocks, the router's turn and the overflow's quotas."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokonomics.simulation.state import Floats, Ints, Row, Rows

OFF, LOADING, READY, DRAINING, LEAVING = range(5)
"""What a place for a replica is: empty; loading the model; serving; finishing its last requests, of its own will or
because a spot machine was called back."""
ROUND_ROBIN, LEAST_OUTSTANDING, SHORTEST_WAIT, PREFIX_AFFINE, SESSION_AFFINE = range(5)

RULES = np.dtype(
    [
        ("router", "i8"), ("last_routed", "i8"), ("max_load_ratio", "f8"),
        ("may_overflow", "i8"), ("is_overflowing", "i8"), ("num_overflowed", "i8"),
        ("enter_ttft_s", "f8"), ("leave_ttft_s", "f8"), ("enter_queue_tokens", "f8"), ("leave_queue_tokens", "f8"),
        ("stick_s", "f8"), ("sticks_to_api", "i8"), ("sticks_to_fleet", "i8"),
        ("most_requests", "i8"), ("most_tokens", "i8"), ("used_requests", "i8"), ("used_tokens", "i8"),
        ("last_tick", "i8"), ("queue_tokens", "i8"), ("num_homeless", "i8"), ("first_homeless", "i8"),
        ("last_homeless", "i8"), ("keeps_tokens", "i8"), ("draw", "i8"), ("next_change", "i8"), ("now_s", "f8"),
    ]
)  # fmt: skip
"""One row: what the router, the overflow and the loss of replicas follow, and their state."""

KIND = np.dtype(
    [
        ("first_place", "i8"), ("num_places", "i8"), ("target", "i8"), ("least", "i8"), ("most", "i8"),
        ("target_requests", "f8"), ("tick_s", "f8"), ("up_cooldown_s", "f8"), ("down_cooldown_s", "f8"),
        ("last_up_s", "f8"), ("last_down_s", "f8"), ("load_s", "f8"), ("spot_per_s", "f8"), ("notice_s", "f8"),
        ("failures_per_s", "f8"), ("billing_s", "f8"), ("least_billed_s", "f8"),
    ]
)  # fmt: skip
"""One deployment: how many replicas there are to be, and what may happen to them."""

PLACE = np.dtype(
    [
        ("state", "i8"), ("since_s", "f8"), ("ready_s", "f8"), ("called_s", "f8"), ("fails_s", "f8"),
        ("leased_s", "f8"), ("billed_s", "f8"), ("loading_s", "f8"), ("lost_s", "f8"), ("num_leases", "i8"),
        ("num_lost", "i8"),
    ]
)  # fmt: skip
"""One place for a replica: the lease that runs, and the account of all leases. The clocks of the running lease: loaded,
called back (or gone, once it is called), fails."""


class Control(NamedTuple):
    """Everything a fleet needs beside the machine.

    accepts: 1 for places that take new requests (row 0) or requests whose prompt is done elsewhere (row 1).
    boundaries, timers: clocks of the replicas' steps; and of places, then of deployments' ticks, then of the plan of
    capacity, then of the next transfer.  draws: exponential variates of mean 1, used in turn.
    change_*: the plan of capacity, by time.
    session_*: of each session, where its last request went: which place, as those of `accepts`; whether to the API; and
    when, s (-inf: never).
    """

    rules: Row
    kinds: Rows
    places: Rows
    accepts: NDArray[np.int8]
    boundaries: Floats
    timers: Floats
    request_counts: Rows
    token_counts: Rows
    prefill_tokens_per_s: Floats
    step_s: Floats
    cached: Ints
    draws: Floats
    change_s: Floats
    change_kind: Ints
    change_target: Ints
    session_place: Ints
    session_is_api: NDArray[np.int8]
    session_last_s: Floats

"""The state of a running simulation: arrays and rows of named fields that compiled code works on in place."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokonomics.workload.prefix import BlockHashes

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Rows = Any
"""Array of rows with named fields; numba reads `rows[i].name`, which numpy's types cannot say."""
Row = Any
"""One such row, read and written in place."""

NONE = -1
"""No request: the end of a list."""
NUM_LEVELS = 8
DONE, CUT, REJECTED, OVERFLOWED, LOST = range(5)
"""What became of a request: finished, finished at the output cap, turned away, sent elsewhere, given up."""
MIXED, PREFILL, DECODE = range(3)
"""What a replica does: everything, or only prompts, or only what follows them."""
STATUS_NAMES = ("done", "cut", "rejected", "overflowed", "lost")

ENGINE = np.dtype(
    [
        ("num_blocks", "i8"), ("block_tokens", "i8"), ("watermark_blocks", "i8"), ("max_sequences", "i8"),
        ("budget_tokens", "i8"), ("max_queued", "i8"), ("rows_per_decode", "i8"), ("num_drafts", "i8"),
        ("prefill_first", "i8"), ("reserve_full", "i8"), ("priority", "i8"), ("hashed", "i8"),
        ("unit_tokens", "i8"), ("unit_blocks", "i8"), ("role", "i8"),
        ("transfer_latency_s", "f8"), ("transfer_tokens_per_s", "f8"),
        ("round_tokens", "f8"),
    ]
)  # fmt: skip
"""Options of one deployment's engine."""

REPLICA = np.dtype(
    [
        ("kind", "i8"),
        # the running step, or jump of equal steps
        ("boundary_s", "f8"), ("start_s", "f8"), ("first_s", "f8"), ("slope_s", "f8"), ("decode_part_s", "f8"),
        ("steps", "i8"), ("may_cut", "i8"), ("round", "i8"),
        # the batch
        ("num_decodes", "i8"), ("num_running", "i8"), ("context_sum", "f8"), ("decodes_run", "i8"),
        ("num_chunks", "i8"), ("partial", "i8"), ("partial_tokens", "i8"), ("prompt_blocks", "i8"),
        ("prompt_tokens", "i8"), ("prompt_pairs", "f8"), ("youngest", "i8"), ("decode_blocks", "i8"),
        # the queue
        ("num_queued", "i8"),
        # prefix cache
        ("shared_blocks", "i8"), ("idle_units", "i8"), ("oldest_unit", "i8"), ("newest_unit", "i8"),
        # account
        ("decode_s", "f8"), ("prefill_s", "f8"), ("sequence_seconds", "f8"), ("token_seconds", "f8"),
        ("peak_tokens", "f8"), ("num_steps", "i8"), ("num_events", "i8"), ("prefilled_tokens", "i8"),
        ("num_preemptions", "i8"), ("num_done", "i8"),
    ]
)  # fmt: skip
"""One replica: what runs, what waits, and what was accounted so far."""

REQUEST = np.dtype(
    [("context_base", "f8"), ("generated", "i4"), ("next", "i4"), ("prev", "i4"),
     ("preemptions", "i4"), ("losses", "i4"), ("replica", "i4"), ("transferred", "i4")]
)  # fmt: skip
"""One request while it is in the system; `next` and `prev` link it into a queue or into a batch."""


class Load(NamedTuple):
    """What is asked: one entry a request, shape (n,); NONE for no session."""

    arrival_s: Floats
    input_tokens: Ints
    output_tokens: Ints
    cached_tokens: Ints
    level: NDArray[np.int8]
    session: Ints


class Told(NamedTuple):
    """What happened: one entry a request, shape (n,), seconds (NaN: never) and a status."""

    scheduled_s: Floats
    first_token_s: Floats
    finish_s: Floats
    status: NDArray[np.int8]


class Machine(NamedTuple):
    """Everything else that the kernel works on.

    engines, coefficients, decode_base: a row a deployment.  replicas, heaps, chunks, first, last: a row a replica.
    heaps holds `round << key_bits | request` of the decoding requests, the first to finish on top; chunks the
    requests whose prompt is complete after the running step; first and last the queue of each priority level.
    queued_tokens, outstanding_tokens: what routers look at, one entry a replica: prompt tokens that wait, and input
    plus expected output of requests that are not finished.
    transfer_*: a heap of the requests whose cache is on its way to a decode replica, the next to come on top;
    num_transfers[0] is its size.
    unit_*: the prefix blocks of the requests (request r holds unit_ids[unit_offsets[r]:unit_offsets[r + 1]]), and what
    each replica has of them; see `prefix_cache`.
    extras: None where a fleet has none of them (see `fixed_kernel`), and they are left out when it is compiled.
    """

    engines: Rows
    coefficients: Rows
    decode_base_s: Floats
    replicas: Rows
    heaps: Ints
    chunks: Ints
    first: Ints
    last: Ints
    requests: Rows
    key_bits: int
    expected_output: int
    queued_tokens: Ints
    outstanding_tokens: Ints
    transfer_s: Floats
    transfer_index: Ints
    num_transfers: Ints
    extras: int | None
    unit_offsets: Ints
    unit_ids: Ints
    unit_held: NDArray[np.int8]
    unit_refs: NDArray[np.int32]
    unit_older: NDArray[np.int32]
    unit_newer: NDArray[np.int32]


def new_told(num_requests: int) -> Told:
    """A record of nothing yet."""
    scheduled_s, first_token_s, finish_s = (np.full(num_requests, np.nan) for _ in range(3))
    return Told(scheduled_s, first_token_s, finish_s, np.zeros(num_requests, dtype=np.int8))


def new_replicas(kinds: Ints) -> Rows:
    """Idle replicas, one of each deployment index in `kinds`."""
    rows = np.zeros(kinds.size, dtype=REPLICA)
    rows["kind"] = kinds
    rows["boundary_s"] = np.inf
    for name in ("partial", "youngest", "oldest_unit", "newest_unit", "decode_blocks"):
        rows[name] = NONE
    return rows


def new_units(block_hashes: BlockHashes | None, num_requests: int, num_replicas: int) -> tuple[Any, ...]:
    """The unit_* arrays of `block_hashes`, whose ids become 0, 1, ...; empty ones without hashes."""
    if block_hashes is None:
        offsets, ids, num_units = np.zeros(num_requests + 1, dtype=np.int64), np.zeros(0, dtype=np.int64), 0
    else:
        ids, num_units = _renumbered(block_hashes.ids)
        offsets = block_hashes.offsets.astype(np.int64)
    refs = np.full((num_replicas, num_units), NONE, dtype=np.int32)
    return offsets, ids.astype(np.int64), np.zeros(ids.size, dtype=np.int8), refs, refs.copy(), refs.copy()


def _renumbered(ids: Ints) -> tuple[Ints, int]:
    """`ids` as 0, 1, ... in their order, and how many differ. Where ids are small, a table spares a slow sort."""
    if ids.size and ids.min() >= 0 and ids.max() < 4 * ids.size:
        places = np.zeros(int(ids.max()) + 1, dtype=np.int64)
        places[ids] = 1
        places = np.cumsum(places) - 1
        return places[ids], int(places[-1]) + 1
    known, numbers = np.unique(ids, return_inverse=True)
    return numbers, known.size


def new_machine(
    engines: Rows,
    coefficients: Rows,
    decode_base_s: Floats,
    kinds: Ints,
    num_requests: int,
    block_hashes: BlockHashes | None = None,
    expected_output: int = 0,
    extras: int | None = 1,
) -> Machine:
    """A machine at rest, with room for `num_requests`."""
    most = int(engines["max_sequences"].max())
    num_transfers = num_requests if (engines["role"] == PREFILL).any() else 0
    units = new_units(block_hashes if engines["hashed"].any() else None, num_requests, kinds.size)
    return Machine(
        engines,
        coefficients,
        decode_base_s,
        new_replicas(kinds),
        np.zeros((kinds.size, most), dtype=np.int64),
        np.zeros((kinds.size, most), dtype=np.int64),
        np.full((kinds.size, NUM_LEVELS), NONE, dtype=np.int64),
        np.full((kinds.size, NUM_LEVELS), NONE, dtype=np.int64),
        np.zeros(num_requests, dtype=REQUEST),
        max(num_requests.bit_length(), 1),
        expected_output,
        np.zeros(kinds.size, dtype=np.int64),
        np.zeros(kinds.size, dtype=np.int64),
        np.zeros(num_transfers),
        np.zeros(num_transfers, dtype=np.int64),
        np.zeros(1, dtype=np.int64),
        extras,
        *units,
    )

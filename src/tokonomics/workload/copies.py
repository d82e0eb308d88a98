"""Requests of a trace taken more than once: the copies differ in session and prefix, as other users would."""

from dataclasses import replace
from typing import Final

import numpy as np

from tokonomics.errors import InputError
from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.prefix import IntArray
from tokonomics.workload.trace import NO_SESSION, Trace

MAX_REQUESTS: Final = 200_000_000


def checked_num_requests(expected_requests: float) -> int:
    """`expected_requests` as a count. Raises InputError when so many requests would not fit into memory at once."""
    if not expected_requests <= MAX_REQUESTS:
        raise InputError(
            f"{expected_requests:.3g} requests at once; limit={MAX_REQUESTS:.3g}; "
            "shorten the span, lower the rate, or make them in windows"
        )
    return int(expected_requests)


def taken_copies(trace: Trace, rows: IntArray, copies: IntArray, arrivals_s: FloatArray) -> Trace:
    """The requests `rows` at `arrivals_s`; those of different copy numbers (0 or more) share no session or block."""
    taken = trace.take(rows, arrivals_s)
    if not copies.size or not copies.max():
        return taken
    blocks, sessions = taken.block_hashes, taken.session_ids
    return replace(
        taken,
        block_hashes=None if blocks is None else blocks.apart(copies),
        session_ids=None if sessions is None else sessions_apart(sessions, copies),
    )


def sessions_apart(sessions: IntArray, copies: IntArray) -> IntArray:
    """`sessions` (from 0, or NO_SESSION), renamed so that those of different copy numbers (0 or more) are different.

    >>> sessions_apart(np.array([0, 1, -1, 0, 1, -1]), np.array([0, 0, 0, 1, 1, 1])).tolist()
    [0, 1, -1, 2, 3, -1]
    """
    num_ids = int(sessions.max(initial=NO_SESSION)) + 1
    return np.where(sessions == NO_SESSION, NO_SESSION, sessions + copies * num_ids)


def occurrences(rows: IntArray) -> IntArray:
    """How often each entry stood before its place.

    >>> occurrences(np.array([5, 3, 5, 5, 3])).tolist()
    [0, 0, 1, 2, 1]
    """
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    is_first = np.concatenate([[True], ordered[1:] != ordered[:-1]])[: rows.size]
    place = np.arange(rows.size)
    counts = np.empty(rows.size, dtype=np.int64)
    counts[order] = place - np.maximum.accumulate(np.where(is_first, place, 0))
    return counts

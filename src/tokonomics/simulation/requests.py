"""The requests to replay: arrivals and lengths as arrays, checked once and completely."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokonomics.errors import InputError, raise_all
from tokonomics.workload.copies import sessions_apart
from tokonomics.workload.prefix import BlockHashes
from tokonomics.workload.trace import NO_SESSION, Trace

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_MOST_TOKENS = 2**31
_NUM_NAMED = 3
MAX_REQUESTS = 2**30


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Requests:
    """Requests in order of arrival; every array has shape (n,).

    arrival_s: seconds, sorted.  input_tokens, output_tokens: whole tokens, 1 or more.
    priority: 0 is the most urgent.  class_index: to which tenant or class a request belongs, for the account.
    session_index: to which session a request belongs, from 0; -1: to none.
    block_hashes: the prefix blocks of each request, where the trace has them.
    Raises InputError with every kind of wrong row, naming the first ones.
    """

    arrival_s: FloatArray
    input_tokens: IntArray
    output_tokens: IntArray
    priority: IntArray | None = None
    class_index: IntArray | None = None
    session_index: IntArray | None = None
    block_hashes: BlockHashes | None = None

    def __post_init__(self) -> None:
        raise_all(_shape_problems(self))
        raise_all(_row_problems(self))

    @property
    def num_requests(self) -> int:
        """Number of requests."""
        return self.arrival_s.size


def requests_of(arrival_s: FloatArray, input_tokens: FloatArray, output_tokens: FloatArray) -> Requests:
    """Requests of plain arrays; token counts are rounded to whole ones.

    >>> requests_of(np.array([0.0]), np.array([10.0]), np.array([2.0])).num_requests
    1
    """
    return Requests(
        arrival_s=np.ascontiguousarray(arrival_s, dtype=np.float64),
        input_tokens=np.rint(np.nan_to_num(input_tokens)).astype(np.int64),
        output_tokens=np.rint(np.nan_to_num(output_tokens)).astype(np.int64),
    )


def requests_from_trace(trace: Trace, *, rate_ratio: float = 1.0, num_repeats: int = 1) -> Requests:
    """The requests of `trace`, `rate_ratio` times as fast, the whole repeated `num_repeats` times end to end.

    A repeat starts one mean gap after the last arrival of the one before. Its prefix blocks are those of the first, as
    if the same users came back, in sessions of their own.
    Raises InputError when the trace has no arrivals, or a ratio or count is out of bounds.
    """
    raise_all(_replay_problems(trace, rate_ratio, num_repeats))
    assert trace.arrivals_s is not None
    once_s = trace.arrivals_s / rate_ratio
    span_s = once_s[-1] + once_s[-1] / max(once_s.size - 1, 1)
    starts_s = np.repeat(np.arange(num_repeats) * span_s, once_s.size)
    hashes = trace.block_hashes
    if hashes is not None and num_repeats > 1:
        hashes = hashes.take(np.tile(np.arange(once_s.size), num_repeats))
    return Requests(
        arrival_s=np.tile(once_s, num_repeats) + starts_s,
        input_tokens=np.tile(np.rint(trace.input_tokens).astype(np.int64), num_repeats),
        output_tokens=np.tile(np.rint(trace.output_tokens).astype(np.int64), num_repeats),
        session_index=None if trace.session_ids is None else _session_index(trace.session_ids, num_repeats),
        block_hashes=hashes,
    )


def _session_index(ids: IntArray, num_repeats: int) -> IntArray:
    """`ids` as 0, 1, ... in their order, and -1 for none; every repeat has sessions of its own.

    >>> _session_index(np.array([7, NO_SESSION, 5]), 2).tolist()
    [1, -1, 0, 3, -1, 2]
    """
    known = ids != NO_SESSION
    once = np.full(ids.size, NO_SESSION, dtype=np.int64)
    once[known] = np.unique(ids[known], return_inverse=True)[1]
    return sessions_apart(np.tile(once, num_repeats), np.repeat(np.arange(num_repeats), ids.size))


def first_rows(wrong: NDArray[np.bool_]) -> str:
    """Say which rows are wrong: the first ones, and how many in all.

    >>> first_rows(np.array([False, True, True]))
    'row 1, 2'
    """
    rows = np.flatnonzero(wrong)
    named = ", ".join(str(row) for row in rows[:_NUM_NAMED])
    return f"row {named}" + (f" and {rows.size - _NUM_NAMED} more" if rows.size > _NUM_NAMED else "")


def _replay_problems(trace: Trace, rate_ratio: float, num_repeats: int) -> list[str]:
    problems = []
    if trace.arrivals_s is None:
        problems.append(f"{trace.name} has no arrivals to replay; use a trace with times, or make some from its rates")
    elif trace.arrivals_s.size == 0:
        problems.append(f"{trace.name} is empty; limit=1 request or more; check the file")
    if not 0.0 < rate_ratio < np.inf:
        problems.append(f"rate_ratio={rate_ratio:g}; limit=above 0; use 1 to replay as recorded")
    if not 1 <= num_repeats <= 10**6:
        problems.append(f"num_repeats={num_repeats}; limit=1 to 1000000; use 1 to replay once")
    return problems


def _shape_problems(requests: Requests) -> list[str]:
    num = requests.arrival_s.size
    if not 1 <= num <= MAX_REQUESTS:
        return [f"num_requests={num}; limit=1 to {MAX_REQUESTS}; give a trace with requests in it"]
    columns = ("arrival_s", "input_tokens", "output_tokens", "priority", "class_index", "session_index")
    problems = []
    for name in columns:
        value = getattr(requests, name)
        if value is not None and value.shape != (num,):
            problems.append(f"{name} has shape {value.shape}; limit=({num},), one entry a request; align the columns")
    if requests.block_hashes is not None and requests.block_hashes.num_requests != num:
        rows = requests.block_hashes.num_requests
        problems.append(f"block_hashes has {rows} rows; limit={num}, one a request; align them with the requests")
    return problems


def _row_problems(requests: Requests) -> list[str]:
    arrival_s = requests.arrival_s
    later = np.diff(arrival_s, prepend=arrival_s[0]) < 0
    wrong = {
        "arrival_s is not a finite number": ~np.isfinite(arrival_s),
        "arrival_s is before that of the row above": later,
        "input_tokens is not in 1..2**31": _outside(requests.input_tokens),
        "output_tokens is not in 1..2**31": _outside(requests.output_tokens),
    }
    advice = "repair, sort or drop these rows"
    problems = [f"{first_rows(rows)}: {what}; {advice}" for what, rows in wrong.items() if rows.any()]
    if requests.priority is not None and (requests.priority < 0).any():
        problems.append(f"{first_rows(requests.priority < 0)}: priority is below 0; use 0 for the most urgent")
    if requests.session_index is not None:
        wrong_session = (requests.session_index < -1) | (requests.session_index >= MAX_REQUESTS)
        if wrong_session.any():
            problems.append(
                f"{first_rows(wrong_session)}: session_index is not in -1..{MAX_REQUESTS}; number them from 0"
            )
    return problems


def _outside(tokens: IntArray) -> NDArray[np.bool_]:
    return (tokens < 1) | (tokens > _MOST_TOKENS)


def require_that_all_fit(wrong: NDArray[np.bool_], need_tokens: IntArray, room_tokens: int) -> None:
    """Raise InputError when some requests need more KV cache than a replica has at all."""
    if wrong.any():
        most = int(need_tokens[wrong].max())
        raise InputError(
            f"{first_rows(wrong)}: needs up to {most:,} tokens of KV cache; limit={room_tokens:,} tokens;"
            " drop these rows, cap the output, or give the replica more memory"
        )

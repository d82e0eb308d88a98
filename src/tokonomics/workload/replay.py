"""A recorded trace made faster, slower, thinner, denser or longer, with its burstiness kept.

sped_up_trace      all gaps divided: the same requests in less time
rescaled_trace     the same time and daily shape, more or fewer requests: gaps divided window by window
thinned_trace      some requests, sessions or clients left out
merged_trace       several traces at once
repeated_trace     again and again, the clock going on
jittered_trace (in trace.py) undoes a rounded clock; clock_tick_s finds how it was rounded.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

import numpy as np

from tokonomics.errors import InputError, raise_all
from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.bounds import positive_problems, range_problems
from tokonomics.workload.copies import checked_num_requests, taken_copies
from tokonomics.workload.prefix import BlockHashes, IntArray
from tokonomics.workload.trace import NO_SESSION, Trace

_MAX_FACTOR: Final = 1e6
_ON_TICK_FRAC: Final = 0.95
_TICK_TOLERANCE: Final = 0.01
_VISIBLE_TICK: Final = 0.01


def recorded_arrivals_s(trace: Trace) -> FloatArray:
    """The sorted arrivals of `trace`, in seconds. Raises InputError when it has none, or no request."""
    if trace.arrivals_s is None or not trace.arrivals_s.size:
        raise InputError(f"{trace.name} has no arrival times to replay; give a trace with arrivals, or synthesise them")
    return trace.arrivals_s


def trace_period_s(trace: Trace) -> float:
    """Seconds after which a repetition of `trace` begins: its span and one mean gap, so that the rate goes on.

    Raises:    InputError when no time passes in it.
    """
    arrivals_s = recorded_arrivals_s(trace)
    span_s = float(arrivals_s[-1])
    if span_s <= 0.0:
        raise InputError(f"{trace.name} spans no time, so it has no rate; give a trace with two arrivals or more")
    return span_s + (span_s - float(arrivals_s[0])) / max(arrivals_s.size - 1, 1)


def clock_tick_s(arrivals_s: FloatArray) -> float | None:
    """The tick of a clock that was rounded coarsely enough to see, in seconds; None where no such tick fits.

    A tick fits when 95 % of the gaps are whole multiples of it, and is seen when it is above 1 % of the mean gap.

    >>> clock_tick_s(np.array([0.0, 0.0, 3.0, 3.0, 6.0, 12.0]))
    3.0
    """
    gaps_s = np.diff(arrivals_s)
    positive_s = gaps_s[gaps_s > 0.0]
    if not positive_s.size:
        return None
    smallest_s = float(np.gcd.reduce(np.rint(positive_s * 1e6).astype(np.int64))) * 1e-6
    for tick_s in (float(np.quantile(positive_s, 0.05, method="lower")), smallest_s):
        if tick_s > _VISIBLE_TICK * gaps_s.mean() and _fits(positive_s, tick_s):
            ticks = np.rint(positive_s / tick_s)
            return float(np.median(positive_s[ticks > 0] / ticks[ticks > 0]))
    return None


def sped_up_trace(trace: Trace, factor: float) -> Trace:
    """`trace` on a clock that runs `factor` times as fast: gaps shrink alike, so burstiness is kept exactly.

    The daily shape is sped up with it: use rescaled_trace where the hour of the day matters.
    """
    raise_all(positive_problems("factor", factor, "x", most=_MAX_FACTOR))
    return _noted(replace(trace, arrivals_s=recorded_arrivals_s(trace) / factor), f"clock x {factor:g}")


def rescaled_trace(trace: Trace, factor: float, rng: np.random.Generator, *, window_s: float = 600.0) -> Trace:
    """`trace` with `factor` times the requests in the same time, as from a larger or smaller tenant of the same kind.

    Within each window of `window_s` the clock runs `factor` times as fast, from a random place in the window on and
    round it as often as needed: gaps keep their CV, windows their share of the requests, and each request returns
    `factor` times on average. Copies share no prefix blocks and no sessions.
    """
    raise_all(positive_problems("factor", factor, "x", most=_MAX_FACTOR) + positive_problems("window_s", window_s, "s"))
    arrivals_s, period_s = recorded_arrivals_s(trace), trace_period_s(trace)
    checked_num_requests(trace.num_requests * factor)
    window = (arrivals_s // window_s).astype(np.int64)
    num_windows = int(period_s // window_s) + 1
    length_s = np.minimum(window_s, period_s - window_s * np.arange(num_windows))[window]
    start_s = window * window_s
    since_s = arrivals_s - start_s - (rng.random(num_windows)[window] * length_s)
    since_s += np.where(since_s < 0.0, length_s, 0.0)
    num_copies = np.ceil(factor - since_s / length_s).clip(min=0.0).astype(np.int64)
    rows = np.repeat(np.arange(trace.num_requests), num_copies)
    copies = np.arange(rows.size) - np.repeat(np.cumsum(num_copies) - num_copies, num_copies)
    moved_s = start_s[rows] + (since_s[rows] + copies * length_s[rows]) / factor
    order = np.argsort(moved_s, kind="stable")
    rescaled = taken_copies(trace, rows[order], copies[order], moved_s[order])
    return _noted(rescaled, f"requests x {factor:g} in windows of {window_s:g} s")


def thinned_trace(
    trace: Trace, keep_frac: float, rng: np.random.Generator, *, by: Literal["request", "session", "client"] = "request"
) -> Trace:
    """`trace` with each request, session or client kept with probability `keep_frac`.

    Leaving out single requests makes arrivals more like Poisson. Leaving out whole sessions or clients keeps what
    those who stay do; so does rescaled_trace. A request of no session counts as one of its own.
    Raises:    InputError when the trace does not say who its sessions or clients are, or when nothing is left.
    """
    raise_all(range_problems("keep_frac", keep_frac, 0.0, 1.0, "give a share, not percent"))
    groups = {"request": None, "session": trace.session_ids, "client": trace.client_ids}
    if by not in groups:
        raise InputError(f"by={by!r}; limit=one of {', '.join(groups)}; choose what to keep whole")
    members = groups[by]
    if by != "request" and members is None:
        raise InputError(f"{trace.name} does not say which {by} a request is of; thin it by request, or rescale it")
    keys = np.arange(trace.num_requests) if members is None else _group_keys(members)
    kept = np.flatnonzero((rng.random(int(keys.max()) + 1 if keys.size else 0) < keep_frac)[keys])
    if not kept.size:
        raise InputError(f"keep_frac={keep_frac:g} left no request of {trace.name}; keep more")
    return _noted(trace.take(kept), f"{keep_frac:g} of the {by}s kept")


def merged_trace(traces: Sequence[Trace], *, name: str = "merged") -> Trace:
    """All requests of `traces` on one clock. Clients, sessions and prefix blocks of different traces stay apart.

    What one of them lacks (clients, sessions, blocks) the merged trace lacks.
    """
    if not traces:
        raise InputError("no trace to merge; give one or more")
    arrivals_s = np.concatenate([recorded_arrivals_s(one) for one in traces])
    order = np.argsort(arrivals_s, kind="stable")
    joined = Trace(
        name=name,
        format="merged",
        input_tokens=np.concatenate([one.input_tokens for one in traces]),
        output_tokens=np.concatenate([one.output_tokens for one in traces]),
        arrivals_s=arrivals_s,
        block_hashes=_joined_blocks([one.block_hashes for one in traces]),
        client_ids=_joined_ids([one.client_ids for one in traces]),
        session_ids=_joined_ids([one.session_ids for one in traces]),
        notes=(f"merged from {len(traces)}: {', '.join(one.name for one in traces)}",),
    )
    return joined.take(order)


def repeated_trace(trace: Trace, num_repeats: int) -> Trace:
    """`trace` played `num_repeats` times, the clock going on: one mean gap lies between two plays.

    Each play has its own sessions and prefix blocks, because the same conversations do not come back.
    """
    if num_repeats < 1:
        raise InputError(f"num_repeats={num_repeats}; limit=1 or more; say how often to play the trace")
    if num_repeats == 1:
        return trace
    arrivals_s, period_s = recorded_arrivals_s(trace), trace_period_s(trace)
    num = trace.num_requests
    checked_num_requests(num * num_repeats)
    plays = np.repeat(np.arange(num_repeats), num)
    moved_s = np.tile(arrivals_s, num_repeats) + plays * period_s
    repeated = taken_copies(trace, np.tile(np.arange(num), num_repeats), plays, moved_s)
    return _noted(repeated, f"played {num_repeats} times")


def _fits(gaps_s: FloatArray, tick_s: float) -> bool:
    ticks = gaps_s / tick_s
    return bool(np.mean(np.abs(ticks - np.rint(ticks)) <= _TICK_TOLERANCE) >= _ON_TICK_FRAC)


def _group_keys(members: IntArray) -> IntArray:
    """A number of each request's group; one of no group is alone in its own."""
    alone = np.flatnonzero(members == NO_SESSION)
    keys = np.unique(members, return_inverse=True)[1]
    keys[alone] = members.size + alone
    return np.unique(keys, return_inverse=True)[1]


def _joined_ids(columns: list[IntArray | None]) -> IntArray | None:
    """Ids of several traces one after another, none shared."""
    known = [column for column in columns if column is not None]
    if len(known) < len(columns):
        return None
    firsts = np.cumsum([0, *[int(column.max()) + 1 if column.size else 0 for column in known[:-1]]])
    return np.concatenate([np.where(ids == NO_SESSION, ids, ids + first) for ids, first in zip(known, firsts.tolist())])


def _joined_blocks(blocks: list[BlockHashes | None]) -> BlockHashes | None:
    known = [one for one in blocks if one is not None]
    if len(known) < len(blocks) or len({one.tokens_per_block for one in known}) > 1:
        return None
    ids = _joined_ids([one.ids for one in known])
    assert ids is not None
    sizes = np.concatenate([np.diff(one.offsets) for one in known])
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return BlockHashes(offsets=offsets, ids=ids, tokens_per_block=known[0].tokens_per_block)


def _noted(trace: Trace, note: str) -> Trace:
    return replace(trace, notes=(*trace.notes, note))

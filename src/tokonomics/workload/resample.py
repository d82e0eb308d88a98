"""Another day like the recorded one: blocks of a trace drawn again at random, each with its bursts whole."""

from dataclasses import replace

import numpy as np

from tokonomics.errors import raise_all
from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.bounds import positive_problems
from tokonomics.workload.copies import checked_num_requests, occurrences, taken_copies
from tokonomics.workload.replay import recorded_arrivals_s, trace_period_s
from tokonomics.workload.trace import Trace


def bootstrapped_trace(
    trace: Trace,
    rng: np.random.Generator,
    *,
    block_s: float,
    span_s: float | None = None,
    season_s: float | None = None,
) -> Trace:
    """A trace of `span_s` (None: as long as `trace`) made of blocks of `block_s` drawn from it with replacement.

    Blocks begin anywhere, and the trace is taken as a circle, so each request is as likely as any other. With
    `season_s` (86400 for a day) a block is drawn from the same time of season, so that the daily shape stays; the
    trace must then hold whole seasons, of which at least one. Burstiness within a block is kept, dependence beyond
    it is not. A request that is drawn again is another user's: it shares no session and no prefix with itself.
    """
    arrivals_s, period_s = recorded_arrivals_s(trace), trace_period_s(trace)
    whole_s = period_s if span_s is None else float(span_s)
    raise_all(_problems(block_s, whole_s, season_s, period_s))
    checked_num_requests(trace.num_requests * whole_s / period_s)
    num_blocks = checked_num_requests(np.ceil(whole_s / block_s))
    begins_s = block_s * np.arange(num_blocks, dtype=np.float64)
    from_s = _drawn_starts(rng, begins_s, period_s, season_s)
    circle_s = np.concatenate([arrivals_s, arrivals_s + period_s])
    length_s = np.minimum(block_s, whole_s - begins_s)
    first = np.searchsorted(circle_s, from_s)
    sizes = np.searchsorted(circle_s, from_s + length_s) - first
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    places = np.repeat(first, sizes) + within
    moved_s = np.maximum.accumulate(circle_s[places] + np.repeat(begins_s - from_s, sizes))
    rows = places % trace.num_requests
    note = f"blocks of {block_s:g} s drawn again" + ("" if season_s is None else f" by season of {season_s:g} s")
    drawn = taken_copies(trace, rows, occurrences(rows), moved_s.clip(min=0.0))
    return replace(drawn, notes=(*trace.notes, note))


def _drawn_starts(
    rng: np.random.Generator, begins_s: FloatArray, period_s: float, season_s: float | None
) -> FloatArray:
    if season_s is None:
        return rng.random(begins_s.size) * period_s
    seasons = rng.integers(0, _num_seasons(period_s, season_s), begins_s.size)
    return np.asarray(begins_s % season_s + seasons * season_s)


def _num_seasons(period_s: float, season_s: float) -> int:
    """Whole seasons in the period; one that lacks less than a thousandth counts as whole."""
    return int(period_s / season_s + 1e-3)


def _problems(block_s: float, span_s: float, season_s: float | None, period_s: float) -> list[str]:
    problems = positive_problems("block_s", block_s, "s") + positive_problems("span_s", span_s, "s")
    if season_s is not None:
        problems += positive_problems("season_s", season_s, "s")
    if problems:
        return problems
    if block_s > period_s:
        problems.append(f"block_s={block_s:g} s; limit=the trace's {period_s:g} s; draw shorter blocks")
    if season_s is not None and not _num_seasons(period_s, season_s):
        problems.append(f"season_s={season_s:g} s; limit=the trace's {period_s:g} s; leave the season out")
    return problems

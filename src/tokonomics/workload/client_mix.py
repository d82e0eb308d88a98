"""Many clients, each with its own rate and burstiness in every window: requests made window by window.

Each window has its own random stream, from the seed and the number of the window, so that any part of the time gives
the same requests whether it is made alone, in chunks of any size, or on another machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.errors import InputError, raise_all
from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.bounds import positive_problems, range_problems
from tokonomics.workload.client_gaps import gamma_gap_frac, weibull_gap_frac
from tokonomics.workload.copies import checked_num_requests
from tokonomics.workload.prefix import IntArray
from tokonomics.workload.trace import Trace

CHUNK_REQUESTS: Final = 1_000_000

_MAX_SCALE: Final = 1e4
_KEY_BITS: Final = 62
_HALF_WORD: Final = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClientMix:
    """Clients by window, in rows; the rows of window w are offsets[w] to offsets[w + 1].

    client_ids, window_requests, gaps_cv, is_weibull: shape (rows,): who, how many requests in the window, the CV of
    the gaps between them, and whether their gaps are Weibull (else Gamma).
    span_input_tokens, span_output_tokens: lengths in tokens, every entry equally likely, shape (spans, entries).
    span_of_window: which table each window draws from, shape (windows,).
    """

    name: str
    window_s: float
    offsets: IntArray
    client_ids: IntArray
    window_requests: FloatArray
    gaps_cv: FloatArray
    is_weibull: NDArray[np.bool_]
    span_input_tokens: FloatArray | IntArray
    span_output_tokens: FloatArray | IntArray
    span_of_window: IntArray
    notes: tuple[str, ...] = ()

    @property
    def num_windows(self) -> int:
        """Windows in the record."""
        return self.offsets.size - 1

    @property
    def span_s(self) -> float:
        """Seconds in the record."""
        return self.num_windows * self.window_s

    def expected_requests(self, begin: int, end: int) -> float:
        """Requests recorded in windows `begin` up to `end`."""
        return float(self.window_requests[self.offsets[begin] : self.offsets[end]].sum())


def client_mix_chunks(
    mix: ClientMix,
    rng: np.random.Generator,
    *,
    scale: float = 1.0,
    start_s: float = 0.0,
    span_s: float | None = None,
    chunk_requests: int = CHUNK_REQUESTS,
) -> Iterator[Trace]:
    """The requests of `mix`, in chunks of whole windows: about `chunk_requests` each, one window at least.

    Each client has `scale` times its recorded requests in every window (rounded up or down at random), with gaps of
    its recorded CV as far as so many requests can have one. Arrivals are seconds from `start_s`, sorted, also from
    chunk to chunk. `start_s` and `span_s` (None: to the end) are whole windows. Only one chunk is in memory.
    Raises:    InputError with every argument that is out of bounds, before the first chunk.
    """
    begin, end = _window_range(mix, scale, start_s, span_s, chunk_requests)
    seed = mix_seed(rng)
    return _chunks(mix, seed, scale, range(begin, end), chunk_requests)


def client_mix_trace(
    mix: ClientMix,
    rng: np.random.Generator,
    *,
    scale: float = 1.0,
    start_s: float = 0.0,
    span_s: float | None = None,
) -> Trace:
    """The same requests as client_mix_chunks, all at once. Raises InputError when they are more than memory holds."""
    begin, end = _window_range(mix, scale, start_s, span_s, CHUNK_REQUESTS)
    checked_num_requests(scale * mix.expected_requests(begin, end))
    seed = mix_seed(rng)
    made = [window_requests(mix, seed, window, scale=scale, first_window=begin) for window in range(begin, end)]
    return _joined(mix, scale, made)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WindowRequests:
    """The requests of one window, sorted by arrival; every array has shape (n,): seconds, ids and tokens."""

    arrivals_s: FloatArray
    client_ids: IntArray
    input_tokens: FloatArray | IntArray
    output_tokens: FloatArray | IntArray


def mix_seed(rng: np.random.Generator) -> int:
    """The seed from which client_mix_chunks and client_mix_trace make their windows."""
    return int(rng.integers(2**63))


def _chunks(mix: ClientMix, seed: int, scale: float, windows: range, chunk_requests: int) -> Iterator[Trace]:
    made: list[WindowRequests] = []
    num_made = 0
    for window in windows:
        made.append(window_requests(mix, seed, window, scale=scale, first_window=windows.start))
        num_made += made[-1].input_tokens.size
        if num_made >= chunk_requests or (num_made and window == windows[-1]):
            yield _joined(mix, scale, made)
            made, num_made = [], 0


def _joined(mix: ClientMix, scale: float, made: list[WindowRequests]) -> Trace:
    return Trace(
        name=mix.name,
        format="client mix",
        input_tokens=np.concatenate([one.input_tokens for one in made]),
        output_tokens=np.concatenate([one.output_tokens for one in made]),
        arrivals_s=np.concatenate([one.arrivals_s for one in made]),
        client_ids=np.concatenate([one.client_ids for one in made]),
        notes=(*mix.notes, f"clients at {scale:g} x their recorded requests"),
    )


def window_requests(
    mix: ClientMix, seed: int, window: int, *, scale: float = 1.0, first_window: int = 0
) -> WindowRequests:
    """All requests of one window, whatever other windows are made; arrivals from the start of `first_window`."""
    rng = np.random.Generator(np.random.SFC64([seed, window]))
    rows = slice(int(mix.offsets[window]), int(mix.offsets[window + 1]))
    num = np.floor(mix.window_requests[rows] * scale + rng.random(rows.stop - rows.start)).astype(np.int64)
    order = np.concatenate([np.flatnonzero((num > 0) & (mix.is_weibull[rows] == one)) for one in (False, True)])
    num, cv, clients = num[order], mix.gaps_cv[rows][order], mix.client_ids[rows][order]
    since_s, ranks = _arrivals(rng, num, cv, int((~mix.is_weibull[rows][order]).sum()), mix.window_s)
    span = int(mix.span_of_window[window])
    at_input, at_output = _entries(rng, since_s.size, mix.span_input_tokens.shape[1], mix.span_output_tokens.shape[1])
    return WindowRequests(
        arrivals_s=since_s + (window - first_window) * mix.window_s,
        client_ids=clients.take(ranks),
        input_tokens=mix.span_input_tokens[span].take(at_input),
        output_tokens=mix.span_output_tokens[span].take(at_output),
    )


def _entries(rng: np.random.Generator, num: int, num_inputs: int, num_outputs: int) -> tuple[IntArray, IntArray]:
    """An entry of each of two tables for `num` requests; one draw serves both where their sizes are powers of two."""
    if max(num_inputs, num_outputs) <= _HALF_WORD and not (
        num_inputs & (num_inputs - 1) or num_outputs & (num_outputs - 1)
    ):
        draws = rng.integers(0, 1 << 32, num, dtype=np.uint32).astype(np.int64)
        return draws & (num_inputs - 1), (draws >> 16) & (num_outputs - 1)
    return rng.integers(0, num_inputs, num), rng.integers(0, num_outputs, num)


def _arrivals(
    rng: np.random.Generator, num: IntArray, cv: FloatArray, num_gamma: int, window_s: float
) -> tuple[FloatArray, IntArray]:
    """Sorted arrivals in [0, window_s) and the client (by place) of each.

    A client's gaps go once round the window from a random time on, so that no time in it is special.
    """
    if not num.size:
        return np.empty(0), np.empty(0, dtype=np.int64)
    gaps = np.concatenate(
        [gamma_gap_frac(rng, num[:num_gamma], cv[:num_gamma]), weibull_gap_frac(rng, num[num_gamma:], cv[num_gamma:])]
    )
    turns = np.cumsum(gaps)
    turns += np.repeat(rng.random(num.size) - np.arange(num.size), num)
    turns -= np.floor(turns)
    bits = int(num.size).bit_length()
    ticks = float(1 << (_KEY_BITS - bits))
    keys = (turns * ticks).astype(np.int64) << bits
    keys += np.repeat(np.arange(num.size), num)
    keys.sort()
    return np.minimum((keys >> bits) * (window_s / ticks), np.nextafter(window_s, 0.0)), keys & ((1 << bits) - 1)


def _window_range(
    mix: ClientMix, scale: float, start_s: float, span_s: float | None, chunk_requests: int
) -> tuple[int, int]:
    rest_s = mix.span_s - start_s if span_s is None else span_s
    problems = positive_problems("scale", scale, "x", most=_MAX_SCALE)
    problems += range_problems("start_s", start_s, 0.0, mix.span_s, f"{mix.name} is so long")
    problems += range_problems("start_s + span_s", start_s + rest_s, start_s, mix.span_s, f"{mix.name} is so long")
    if chunk_requests < 1:
        problems.append(f"chunk_requests={chunk_requests} requests; limit=1 or more; use the default")
    raise_all(problems)
    begin, end = round(start_s / mix.window_s), round((start_s + rest_s) / mix.window_s)
    on_grid_s = (begin * mix.window_s, end * mix.window_s)
    if max(abs(start_s - on_grid_s[0]), abs(start_s + rest_s - on_grid_s[1])) > 1e-6 * mix.window_s:
        problems.append(
            f"start_s={start_s:g} s, span_s={rest_s:g} s; limit=multiples of {mix.window_s:g} s; round them"
        )
    if not problems and not mix.expected_requests(begin, end):
        problems.append(f"{mix.name} has no requests from {start_s:g} s on for {rest_s:g} s; take another part of it")
    raise_all(problems, InputError)
    return begin, end

"""Traffic too long to hold at once, made window by window: any window, made anywhere and in any order, is the same."""

from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from tokonomics.simulation.requests import FloatArray, IntArray, Requests, requests_from_trace
from tokonomics.workload.client_mix import ClientMix, window_requests
from tokonomics.workload.trace import Trace

_TRACE_REQUESTS: Final = 200_000
"""Requests of a window of a trace that is played many times."""
_SAMPLE_REQUESTS: Final = 1 << 17


class Windows(Protocol):
    """Requests by window, in seconds from the start of the first."""

    @property
    def name(self) -> str:
        """Name of the file."""

    @property
    def edges_s(self) -> FloatArray:
        """Bounds of the windows, shape (windows + 1,)."""

    @property
    def expected_requests(self) -> float:
        """Requests in all windows, as expected."""

    def expected_part_requests(self, begin: int, end: int) -> float:
        """Requests in windows `begin` up to `end`, as expected."""

    @property
    def class_ids(self) -> IntArray | None:
        """Who the class indices of the requests are; None where nobody is named."""

    def make(self, window: int, *, replication: int = 0) -> Requests | None:
        """The requests of one window; None where it has none. Each replication has its own, where that can be."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MixWindows:
    """The first `num_windows` windows of a mix of clients, each at `scale_ratio` times its requests; then all again.

    The clients of `mix` are numbered 0, 1, ...; `class_ids` are their names.
    """

    mix: ClientMix
    seed: int
    scale_ratio: float
    num_windows: int
    class_ids: IntArray
    rate_ratio: float = 1.0
    num_repeats: int = 1

    @property
    def name(self) -> str:
        """Name of the table of clients."""
        return self.mix.name

    @property
    def edges_s(self) -> FloatArray:
        """Bounds of the windows."""
        windows = np.arange(self.num_windows * self.num_repeats + 1, dtype=np.float64)
        return windows * (self.mix.window_s / self.rate_ratio)

    @property
    def expected_requests(self) -> float:
        """Requests that the clients are recorded to make, scaled."""
        return self.mix.expected_requests(0, self.num_windows) * self.scale_ratio * self.num_repeats

    def expected_part_requests(self, begin: int, end: int) -> float:
        """Requests that the clients are recorded to make in these windows, scaled."""
        recorded = (window % self.num_windows for window in range(begin, end))
        return sum(self.mix.expected_requests(one, one + 1) for one in recorded) * self.scale_ratio

    def make(self, window: int, *, replication: int = 0) -> Requests | None:
        """The requests of one window; a replication has its own seed."""
        seed = self.seed if replication == 0 else int(np.random.default_rng([self.seed, replication]).integers(2**63))
        again, recorded = divmod(window, self.num_windows)
        made = window_requests(self.mix, seed, recorded, scale=self.scale_ratio)
        if not made.input_tokens.size:
            return None
        later_s = again * self.num_windows * self.mix.window_s
        arrival_s = made.arrivals_s + later_s if again else made.arrivals_s
        return Requests(
            arrival_s=arrival_s if self.rate_ratio == 1.0 else arrival_s / self.rate_ratio,
            input_tokens=_whole(made.input_tokens),
            output_tokens=_whole(made.output_tokens),
            class_index=made.client_ids,
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TraceWindows:
    """A recorded trace, `rate_ratio` times as fast, played `num_repeats` times, a few times a window."""

    trace: Trace
    rate_ratio: float
    num_repeats: int

    @property
    def name(self) -> str:
        """Name of the trace."""
        return self.trace.name

    @property
    def plays_per_window(self) -> int:
        """Times that the trace is played in a window."""
        return max(_TRACE_REQUESTS // self.trace.num_requests, 1)

    @property
    def edges_s(self) -> FloatArray:
        """Bounds of the windows; the last one ends with the last time the trace is played."""
        starts = np.append(np.arange(0, self.num_repeats, self.plays_per_window), self.num_repeats)
        return starts * self._once()[1]

    @property
    def expected_requests(self) -> float:
        """Requests of all times."""
        return float(self.trace.num_requests * self.num_repeats)

    def expected_part_requests(self, begin: int, end: int) -> float:
        """Requests of the times that these windows play."""
        first, last = (min(at * self.plays_per_window, self.num_repeats) for at in (begin, end))
        return float(self.trace.num_requests * (last - first))

    @property
    def class_ids(self) -> IntArray | None:
        """The clients by number, if the trace names them."""
        return None if self.trace.client_ids is None else np.unique(self.trace.client_ids)

    def make(self, window: int, *, replication: int = 0) -> Requests | None:
        """The requests of one window, the same in every replication."""
        first = window * self.plays_per_window
        last = min(first + self.plays_per_window, self.num_repeats)
        once, span_s = self._once()
        num = last - first
        later_s = np.repeat(np.arange(first, last) * span_s, once.num_requests)
        classes = once.class_index
        return Requests(
            arrival_s=np.tile(once.arrival_s, num) + later_s,
            input_tokens=np.tile(once.input_tokens, num),
            output_tokens=np.tile(once.output_tokens, num),
            class_index=None if classes is None else np.tile(classes, num),
        )

    def _once(self) -> tuple[Requests, float]:
        """The requests played once, and the seconds until they are played again."""
        once = requests_from_trace(self.trace, rate_ratio=self.rate_ratio)
        gap_s = once.arrival_s[-1] / max(once.num_requests - 1, 1)
        if self.trace.client_ids is not None:
            once = replace(once, class_index=np.unique(self.trace.client_ids, return_inverse=True)[1])
        return replace(once, block_hashes=None), float(once.arrival_s[-1] + gap_s)


def mix_windows(
    mix: ClientMix, seed: int, *, scale: float, num_windows: int, rate_ratio: float, num_repeats: int
) -> MixWindows:
    """The windows of `mix`, with its clients numbered and its lengths in whole tokens."""
    ids, numbers = np.unique(mix.client_ids, return_inverse=True)
    return MixWindows(
        mix=replace(
            mix,
            client_ids=numbers.astype(np.int64),
            span_input_tokens=_whole(mix.span_input_tokens),
            span_output_tokens=_whole(mix.span_output_tokens),
        ),
        seed=seed,
        scale_ratio=scale,
        num_windows=num_windows,
        class_ids=ids,
        rate_ratio=rate_ratio,
        num_repeats=num_repeats,
    )


def _whole(tokens: FloatArray | IntArray) -> IntArray:
    """Whole tokens; rounding a table once spares rounding every request that is drawn from it."""
    rounded = tokens if tokens.dtype == np.int64 else np.rint(tokens)
    return rounded.astype(np.int64, copy=False)


def sample_of(windows: MixWindows) -> Trace:
    """Lengths like those of all windows, without arrivals; the last entry is the longest request that can be."""
    mix = windows.mix
    used = mix.span_of_window[: windows.num_windows]
    weights = np.diff(np.append(0.0, np.cumsum(mix.window_requests))[mix.offsets])[: windows.num_windows]
    shares = np.bincount(used, weights=weights, minlength=len(mix.span_input_tokens))
    rng = np.random.default_rng(0)
    spans = rng.choice(shares.size, size=_SAMPLE_REQUESTS, p=shares / shares.sum())
    entries = rng.integers(mix.span_input_tokens.shape[1], size=_SAMPLE_REQUESTS)
    others = rng.integers(mix.span_output_tokens.shape[1], size=_SAMPLE_REQUESTS)
    held = np.unique(used)
    inputs = np.append(mix.span_input_tokens[spans, entries], mix.span_input_tokens[held].max())
    outputs = np.append(mix.span_output_tokens[spans, others], mix.span_output_tokens[held].max())
    return Trace(
        name=mix.name,
        format="client mix",
        input_tokens=np.rint(inputs),
        output_tokens=np.rint(outputs),
        notes=(*mix.notes, f"clients at {windows.scale_ratio:g} x their recorded requests"),
    )

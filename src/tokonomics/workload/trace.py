"""A recorded trace of requests."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tokonomics.errors import InputError
from tokonomics.workload.arrivals import FloatArray, are_quantised
from tokonomics.workload.bounds import positive_problems
from tokonomics.workload.prefix import BlockHashes, IntArray, reusable_input_frac

NO_SESSION: Final = -1
"""In `session_ids`: a request that belongs to no session."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trace:
    """What a file said: requests with lengths, and arrivals or rates where it had them.

    input_tokens, output_tokens: shape (n,), tokens, one entry a request (a sample, for a table of rates).
    arrivals_s: seconds from the first request (of a replay: from its start), sorted, shape (n,); None without times.
    client_ids, session_ids: shape (n,), who asked and in which conversation; None where that is not known, NO_SESSION
    for a request of no conversation.
    rate_series_requests_per_s, window_s, arrival_cv, reasoning_frac: of a table of rates, else None.
    skipped: the first sentences about rows that were left out as bad; num_skipped counts such rows.
    notes: what a reader of the numbers should know.
    """

    name: str
    format: str
    input_tokens: FloatArray
    output_tokens: FloatArray
    arrivals_s: FloatArray | None = None
    block_hashes: BlockHashes | None = None
    client_ids: IntArray | None = None
    session_ids: IntArray | None = None
    rate_series_requests_per_s: FloatArray | None = None
    window_s: float | None = None
    arrival_cv: float | None = None
    reasoning_frac: float | None = None
    skipped: tuple[str, ...] = ()
    num_skipped: int = 0
    notes: tuple[str, ...] = ()

    @property
    def num_requests(self) -> int:
        """Requests in the trace, or in the sample of a table of rates."""
        return self.input_tokens.size

    @property
    def is_quantised(self) -> bool:
        """Whether most gaps are exactly zero, so that gaps say nothing: jitter the arrivals first."""
        return self.arrivals_s is not None and are_quantised(self.arrivals_s)

    def take(self, rows: IntArray, arrivals_s: FloatArray | None = None) -> "Trace":
        """The requests `rows` (indices), in that order, arriving at `arrivals_s` or when they did."""
        kept_s = None if self.arrivals_s is None else self.arrivals_s[rows]
        return replace(
            self,
            input_tokens=self.input_tokens[rows],
            output_tokens=self.output_tokens[rows],
            arrivals_s=kept_s if arrivals_s is None else arrivals_s,
            block_hashes=None if self.block_hashes is None else self.block_hashes.take(rows),
            client_ids=None if self.client_ids is None else self.client_ids[rows],
            session_ids=None if self.session_ids is None else self.session_ids[rows],
        )


def trace_cached_input_frac(trace: Trace) -> float | None:
    """Share of input tokens that an unlimited prefix cache would reuse; None where the trace has no block ids."""
    return None if trace.block_hashes is None else reusable_input_frac(trace.block_hashes, trace.input_tokens)


def jittered_trace(trace: Trace, rng: "np.random.Generator", *, window_s: float = 3.0) -> Trace:
    """`trace` with every arrival moved later by less than `window_s`, evenly: undoes a clock rounded down to it.

    The requests keep their order. Mooncake's clock is rounded to 3 s.
    Raises:    InputError when the trace has no arrivals or the window is not above zero.
    """
    problems = positive_problems("window_s", window_s, "s")
    if problems or trace.arrivals_s is None:
        raise InputError(*problems or [f"{trace.name} has no arrivals to jitter; use a trace with arrival times"])
    moved_s = np.sort(trace.arrivals_s + rng.uniform(0.0, window_s, trace.arrivals_s.size))
    note = f"arrivals are jittered inside {window_s:g} s"
    return replace(trace, arrivals_s=moved_s - moved_s[0], notes=(*trace.notes, note))

"""The requests that plans are proven on: the recorded ones, repeated or cut to what a proof needs, or ones made up.

`tok plan` proves on them and `tok simulate --plan` replays them: one function, so the same requests to the bit. Where
only a mean and a peak rate are known, the load stands at the peak for a share of the time (a row of the table of
assumptions) and evenly below it for the rest, so that the mean is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tokonomics.economics.figures.assumptions import assumed_values
from tokonomics.simulation.requests import Requests, requests_from_trace
from tokonomics.units import SECONDS_PER_DAY, SECONDS_PER_HOUR
from tokonomics.workload.scenario import TrafficSpec
from tokonomics.workload.synthetic import synthetic_trace
from tokonomics.workload.trace import Trace
from tokonomics.workload.traffic import Traffic

LEAST_SPAN_S: Final = 900.0
"""A shorter record is played again until it lasts so long: an empty fleet at its start flatters it."""
MOST_REQUESTS: Final = 120_000
"""A longer record is cut to its busiest stretch of so many requests, or of as many as `_LEAST_PLAYED_S` hold."""
_LEAST_PLAYED_S: Final = 60.0
"""However many requests a second, a replay is no shorter: queues need time to grow."""
MOST_AT_ALL: Final = 600_000
_MOST_SPAN_S: Final = 6 * SECONDS_PER_HOUR
_LEAST_REQUESTS: Final = 100
"""A load so rare that its stretch would hold fewer goes on until it has had so many."""
_WINDOW_S: Final = 60.0
_NUM_WINDOWS: Final = 60


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ProofTraffic:
    """Requests to replay; `window` says which part of the record they are, and how often it is played.

    trace: the window itself, played once.  num_repeats: how often it is played.
    begin_s: of the record, where the window begins.  mean_context_tokens: of a running request, over all of them.
    """

    requests: Requests
    trace: Trace
    num_repeats: int
    begin_s: float
    window: str
    name: str
    is_hashed: bool
    cached_input_frac: float
    mean_context_tokens: float

    @property
    def played(self) -> Trace:
        """All plays of the window as one trace."""
        rows = np.tile(np.arange(self.trace.num_requests), self.num_repeats)
        return self.trace.take(rows, self.requests.arrival_s)


def follows_hours(traffic: Traffic) -> bool:
    """Whether the record is long and fine enough to know the hours of the day, so that fleets can follow them."""
    series, window_s = traffic.rate_series_requests_per_s, traffic.window_s
    if series is None or window_s is None or series.size < 2:
        return False
    return series.size * window_s >= SECONDS_PER_DAY and window_s <= SECONDS_PER_HOUR


def proof_traffic(
    asked: TrafficSpec,
    traffic: Traffic,
    record: Callable[[np.random.Generator], tuple[Trace, float]],
    *,
    span_s: float | None,
    seed: int,
) -> ProofTraffic:
    """The recorded requests at the rate that is asked, where single requests were recorded; else ones made up.

    Another rate is had by a faster clock, on which no hour of the week is where the fleet's hours are. So where a fleet
    follows these, requests are made up, hour by hour as busy as recorded.

    Args:      traffic: `with_shape`.  record: reads the requests, and the share of their input that a cache holds.
    """
    rng = np.random.default_rng(seed)
    is_sped_up = bool(asked.requests_per_s or asked.users or asked.tokens_per_month)
    if traffic.arrivals_s is None or (follows_hours(traffic) and is_sped_up):
        return made_traffic(traffic, rng, span_s=span_s)
    trace, cached_input_frac = record(rng)
    return recorded_traffic(trace, cached_input_frac=cached_input_frac)


def with_shape(traffic: Traffic) -> Traffic:
    """`traffic` with a series of rates, where it has a peak but nothing says when: an hour, some of it at the peak."""
    if traffic.rate_series_requests_per_s is not None or traffic.peak_ratio <= 1.0:
        return traffic
    peak_frac = min(assumed_values("plan")["peak_time_frac"], 0.5 / traffic.peak_ratio)
    num_peak = max(round(peak_frac * _NUM_WINDOWS), 1)
    rest = (_NUM_WINDOWS * traffic.requests_per_s - num_peak * traffic.peak_requests_per_s) / (_NUM_WINDOWS - num_peak)
    series = np.full(_NUM_WINDOWS, max(rest, 0.0))
    middle = (_NUM_WINDOWS - num_peak) // 2
    series[middle : middle + num_peak] = traffic.peak_requests_per_s
    return replace(traffic, rate_series_requests_per_s=series, window_s=_WINDOW_S)


def recorded_traffic(trace: Trace, *, cached_input_frac: float) -> ProofTraffic:
    """The requests of a recorded trace, which must have arrivals."""
    assert trace.arrivals_s is not None
    span_s = max(float(trace.arrivals_s[-1]), 1e-9)
    most = _most_requests(trace.num_requests / span_s)
    if trace.num_requests > most:
        first = _busiest(trace, most)
        begin_s = float(trace.arrivals_s[first])
        rows = np.arange(first, first + most)
        window = f"the busiest {most:,} of {trace.num_requests:,} requests in a row"
        return _proof(trace.take(rows, trace.arrivals_s[rows] - begin_s), begin_s, window, cached_input_frac, 1)
    num_repeats = min(int(np.ceil(LEAST_SPAN_S / span_s)), max(MOST_REQUESTS // trace.num_requests, 1))
    times = "" if num_repeats == 1 else f", played {num_repeats} times end to end"
    return _proof(trace, 0.0, f"all {trace.num_requests:,} requests{times}", cached_input_frac, num_repeats)


def made_traffic(traffic: Traffic, rng: np.random.Generator, *, span_s: float | None = None) -> ProofTraffic:
    """Requests like those of `traffic`, over its busiest stretch, at most six hours or as long as stated."""
    stretch, begin_s, length_s = _busiest_stretch(traffic, span_s or _MOST_SPAN_S)
    made = synthetic_trace(stretch, rng, span_s=length_s)
    made = replace(made, input_tokens=np.rint(made.input_tokens), output_tokens=np.rint(made.output_tokens))
    words = f"{made.num_requests:,} requests made up, the busiest {length_s / SECONDS_PER_HOUR:.3g} h of the load"
    return _proof(made, begin_s, words, traffic.cached_input_frac, 1)


def _proof(trace: Trace, begin_s: float, window: str, cached_input_frac: float, num_repeats: int) -> ProofTraffic:
    return ProofTraffic(
        requests=requests_from_trace(trace, num_repeats=num_repeats),
        trace=trace,
        num_repeats=num_repeats,
        begin_s=begin_s,
        window=window,
        name=trace.name,
        is_hashed=trace.block_hashes is not None,
        cached_input_frac=cached_input_frac,
        mean_context_tokens=float((trace.input_tokens + trace.output_tokens / 2.0).mean()),
    )


def _most_requests(requests_per_s: float) -> int:
    """Requests that a proof replays at most: a bounded number, but no less than the least span holds.

    >>> _most_requests(10.0), _most_requests(5000.0), _most_requests(1e6)
    (120000, 300000, 600000)
    """
    return int(np.clip(requests_per_s * _LEAST_PLAYED_S, MOST_REQUESTS, MOST_AT_ALL))


def _busiest(trace: Trace, num: int) -> int:
    """Index of the first of the `num` requests in a row that arrive in the least time."""
    assert trace.arrivals_s is not None
    spans_s = trace.arrivals_s[num - 1 :] - trace.arrivals_s[: trace.num_requests - num + 1]
    return int(np.argmin(spans_s))


def _busiest_stretch(traffic: Traffic, most_s: float) -> tuple[Traffic, float, float]:
    """The windows in a row with most requests, where they begin and how long they are: no more than a proof needs."""
    series, window_s = traffic.rate_series_requests_per_s, traffic.window_s
    if series is None or window_s is None:
        length_s = min(SECONDS_PER_HOUR, most_s, _most_requests(traffic.requests_per_s) / traffic.requests_per_s)
        return traffic, 0.0, max(length_s, _LEAST_REQUESTS / traffic.requests_per_s)
    peak = traffic.peak_requests_per_s
    bound_s = min(most_s, _most_requests(peak) / peak)
    num = int(np.clip(bound_s // window_s, 1, series.size))
    sums = np.convolve(series, np.ones(num), mode="valid")
    first = int(np.argmax(sums))
    kept = series[first : first + num]
    mean = max(float(kept.mean()), 1e-9)
    highest = max(float(kept.max()), mean)
    stretch = replace(traffic, requests_per_s=mean, peak_requests_per_s=highest, rate_series_requests_per_s=kept)
    length_s = min(num * window_s, max(bound_s, 1.0))
    return stretch, first * window_s, max(length_s, _LEAST_REQUESTS / mean)

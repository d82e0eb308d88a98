"""Batch, cache, queue and busy time over the replay, rebuilt window by window from what each request saw."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokonomics.simulation.fleet import FleetResult
from tokonomics.simulation.requests import FloatArray, Requests
from tokonomics.simulation.state import OVERFLOWED
from tokonomics.simulation.summary import is_served


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Timeline:
    """Means over windows of `window_s`; every array has shape (windows,), the fleet as a whole.

    batch_sequences, queued_requests: running and waiting.  kv_tokens: cache in use, an output counted at half its size
    while it grows.  stepping_frac: share of the replicas in use that had a sequence running.
    requests_per_s: arrivals.  overflow_frac: share of them that went to the API.
    """

    window_s: float
    start_s: FloatArray
    requests_per_s: FloatArray
    batch_sequences: FloatArray
    queued_requests: FloatArray
    kv_tokens: FloatArray
    stepping_frac: FloatArray
    overflow_frac: FloatArray


def timeline(requests: Requests, result: FleetResult, *, num_windows: int = 60) -> Timeline:
    """The replay in `num_windows` equal windows from the first arrival to the end."""
    span_s = max(result.end_s - result.start_s, 1e-9)
    edges_s = result.start_s + span_s * np.arange(num_windows + 1) / num_windows
    window_s = span_s / num_windows
    served = is_served(result)
    arrival_s, scheduled_s = requests.arrival_s[served], result.scheduled_s[served]
    first_s, finish_s = result.first_token_s[served], result.finish_s[served]
    inputs, outputs = requests.input_tokens[served], result.output_tokens[served]
    arrivals = np.histogram(requests.arrival_s, edges_s)[0].astype(float)
    sent = np.histogram(requests.arrival_s[result.status == OVERFLOWED], edges_s)[0].astype(float)
    prompts = _means(edges_s, scheduled_s, finish_s, inputs.astype(float))
    growing = _means(edges_s, first_s, finish_s, outputs / 2.0)
    leased = _leased_replicas(result, span_s)
    return Timeline(
        window_s=window_s,
        start_s=edges_s[:-1] - result.start_s,
        requests_per_s=arrivals / window_s,
        batch_sequences=_means(edges_s, scheduled_s, finish_s, np.ones(finish_s.size)),
        queued_requests=_means(edges_s, arrival_s, scheduled_s, np.ones(finish_s.size)),
        kv_tokens=prompts + growing,
        stepping_frac=np.minimum(_busy_replicas(edges_s, result.replica[served], scheduled_s, finish_s) / leased, 1.0),
        overflow_frac=np.divide(sent, arrivals, out=np.zeros(num_windows), where=arrivals > 0),
    )


def _leased_replicas(result: FleetResult, span_s: float) -> float:
    """Replicas leased on average over the replay."""
    return max(float(result.accounts.leased_s.sum()) / span_s, 1e-12)


def _means(edges_s: FloatArray, begin_s: FloatArray, end_s: FloatArray, weight: FloatArray) -> FloatArray:
    """Mean of the sum of `weight` over the intervals that hold at a time, in each window."""
    covered = _covered(edges_s, begin_s, weight) - _covered(edges_s, end_s, weight)
    return np.asarray(np.maximum(np.diff(covered), 0.0) / np.diff(edges_s))


def _covered(edges_s: FloatArray, begin_s: FloatArray, weight: FloatArray) -> FloatArray:
    """Integral of the weights begun, up to each edge: sum of weight x max(edge - begin, 0)."""
    since_s = begin_s - edges_s[0]
    later = np.minimum(np.floor(since_s / (edges_s[1] - edges_s[0])).astype(np.int64) + 1, edges_s.size)
    weights = np.cumsum(np.bincount(later, weights=weight, minlength=edges_s.size + 1)[: edges_s.size])
    moments = np.cumsum(np.bincount(later, weights=weight * since_s, minlength=edges_s.size + 1)[: edges_s.size])
    return np.asarray((edges_s - edges_s[0]) * weights - moments)


def _busy_replicas(
    edges_s: FloatArray, replica: NDArray[np.int32], begin_s: FloatArray, end_s: FloatArray
) -> FloatArray:
    """Replicas with a sequence running, in each window: the union of their requests' intervals."""
    if not replica.size:
        return np.zeros(edges_s.size - 1)
    order = np.argsort(replica.astype(np.int16), kind="stable")  # by radix: there are at most 20,000 places
    which, begin, end = replica[order], begin_s[order], end_s[order]
    if ((np.diff(begin) < 0) & (np.diff(which) == 0)).any():  # only preemption and priorities put them out of order
        order = np.lexsort((begin_s, replica))
        which, begin, end = replica[order], begin_s[order], end_s[order]
    shift = (which - which[0]).astype(float) * 2.0 * (float(end.max()) - float(edges_s[0]) + 1.0)
    reached = np.maximum.accumulate(end + shift)
    opens = np.concatenate([[True], begin[1:] + shift[1:] > reached[:-1]])
    closes = np.concatenate([opens[1:], [True]])
    return _means(edges_s, begin[opens], reached[closes] - shift[closes], np.ones(int(opens.sum())))

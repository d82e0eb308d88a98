"""What a replay says in a few numbers: latencies by percentile, goodput, and what became of every request and token."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokonomics.simulation.fleet import FleetResult
from tokonomics.simulation.requests import FloatArray, Requests
from tokonomics.simulation.state import CUT, DONE, OVERFLOWED, REJECTED, STATUS_NAMES
from tokonomics.workload.slo import METRICS, Slo, SloLimit


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """A latency over requests, seconds."""

    p50_s: float
    p95_s: float
    p99_s: float
    mean_s: float

    def to_dict(self) -> dict[str, float]:
        """The four numbers by the names p50, p95, p99 and mean."""
        return {"p50": self.p50_s, "p95": self.p95_s, "p99": self.p99_s, "mean": self.mean_s}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RequestLatency:
    """Latencies of each request, seconds, shape (n,); NaN where there is none: not served, or not known of an API.

    itl_s is also NaN for outputs of one token.
    """

    ttft_s: FloatArray
    itl_s: FloatArray
    e2e_s: FloatArray

    def metric_s(self, metric: str) -> FloatArray:
        """The latencies called `metric`: ttft, itl or e2e."""
        found: FloatArray = getattr(self, f"{metric}_s")
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class SloCheck:
    """One limit against what was simulated; `measured_s` is None where nothing was."""

    limit: SloLimit
    measured_s: float | None

    @property
    def is_met(self) -> bool | None:
        """Whether the statistic is within the limit; None where there is none."""
        return None if self.measured_s is None else self.measured_s <= self.limit.limit_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """The replay in numbers.

    num_by_status: requests done, cut, rejected, overflowed and lost; they sum to num_requests.
    output_by_status: output tokens that were asked for, by what became of them: served, cut off, rejected, overflowed
    and lost; they sum to those of the load.  input_tokens, output_tokens: those of the requests that got an answer,
    here or at the API.  goodput_frac: share of requests answered within every limit of the SLO, each taken by request;
    those that went to an API of unknown latency are left out.  stepping_frac: leased time with a
    step running, be its batch ever so small.
    """

    num_requests: int
    num_by_status: dict[str, int]
    output_by_status: dict[str, int]
    ttft: Spread | None
    itl: Spread | None
    e2e: Spread | None
    goodput_frac: float | None
    slo_checks: tuple[SloCheck, ...]
    stepping_frac: float
    overflow_frac: float
    input_tokens: int
    output_tokens: int
    cached_input_frac: float
    span_s: float
    mean_batch_sequences: float
    mean_kv_tokens: float
    num_preemptions: int
    num_losses: int

    @property
    def num_rejected(self) -> int:
        """Requests that were turned away."""
        return self.num_by_status["rejected"]


def request_latency(
    requests: Requests, result: FleetResult, *, api_ttft_s: float | None = None, api_itl_s: float | None = None
) -> RequestLatency:
    """Latencies of each request; those of the API are as stated, NaN where not."""
    ttft_s = result.first_token_s - requests.arrival_s + result.outside_s
    e2e_s = result.finish_s - requests.arrival_s + result.outside_s
    more = np.maximum(result.output_tokens - 1, 1)
    itl_s = np.where(result.output_tokens > 1, (result.finish_s - result.first_token_s) / more, np.nan)
    served = is_served(result)
    sent = result.status == OVERFLOWED
    api_first_s = np.nan if api_ttft_s is None else api_ttft_s
    api_gap_s = np.nan if api_itl_s is None else api_itl_s
    api_e2e_s = api_first_s + (requests.output_tokens - 1) * api_gap_s
    return RequestLatency(
        ttft_s=np.where(sent, api_first_s, np.where(served, ttft_s, np.nan)),
        itl_s=np.where(sent & (requests.output_tokens > 1), api_gap_s, np.where(served, itl_s, np.nan)),
        e2e_s=np.where(sent, api_e2e_s, np.where(served, e2e_s, np.nan)),
    )


def is_served(result: FleetResult) -> NDArray[np.bool_]:
    """Which requests the fleet answered, those cut at the cap included."""
    return np.isin(result.status, (DONE, CUT))


def is_good(latency: RequestLatency, result: FleetResult, slo: Slo) -> NDArray[np.bool_]:
    """Which requests were answered within every limit of `slo`; an output of one token has no gap to miss."""
    good = np.isfinite(latency.e2e_s)
    for limit in slo.limits:
        value_s = latency.metric_s(limit.metric)
        good &= (value_s <= limit.limit_s) | (np.isnan(value_s) if limit.metric == "itl" else False)
    return good


def spread(sample_s: FloatArray) -> Spread | None:
    """Percentiles and mean of the latencies that are known; None where none is.

    >>> spread(np.array([1.0, 3.0, np.nan])).mean_s
    2.0
    """
    known_s = sample_s[np.isfinite(sample_s)]
    if not known_s.size:
        return None
    p50, p95, p99 = np.percentile(known_s, (50.0, 95.0, 99.0))
    return Spread(p50_s=float(p50), p95_s=float(p95), p99_s=float(p99), mean_s=float(known_s.mean()))


def summarise(requests: Requests, result: FleetResult, latency: RequestLatency, slo: Slo) -> Summary:
    """The numbers of a replay."""
    counts = np.bincount(result.status, minlength=len(STATUS_NAMES))
    answered = is_served(result) | (result.status == OVERFLOWED)
    accounts, span_s = result.accounts, result.end_s - result.start_s
    busy_s, leased_s = float((accounts.decode_s + accounts.prefill_s).sum()), float(accounts.leased_s.sum())
    spreads = {metric: spread(latency.metric_s(metric)) for metric in METRICS}
    tokens = _output_by_status(requests, result)
    input_tokens = int(requests.input_tokens[answered].sum())
    served_input = int(requests.input_tokens[is_served(result)].sum())
    return Summary(
        num_requests=requests.num_requests,
        num_by_status={name: int(num) for name, num in zip(STATUS_NAMES, counts)},
        output_by_status=tokens,
        **spreads,
        goodput_frac=_goodput_frac(latency, result, slo),
        slo_checks=tuple(_checked(limit, latency) for limit in slo.limits),
        stepping_frac=busy_s / leased_s if leased_s > 0 else 0.0,
        overflow_frac=float(counts[OVERFLOWED]) / requests.num_requests,
        input_tokens=input_tokens,
        output_tokens=tokens["served"] + tokens["overflowed"],
        cached_input_frac=float(result.cached_tokens.sum()) / served_input if served_input else 0.0,
        span_s=span_s,
        mean_batch_sequences=float(accounts.sequence_seconds.sum()) / leased_s if leased_s > 0 else 0.0,
        mean_kv_tokens=float(accounts.kv_token_seconds.sum()) / leased_s if leased_s > 0 else 0.0,
        num_preemptions=int(result.num_preemptions.sum()),
        num_losses=int(result.num_losses.sum()),
    )


def _output_by_status(requests: Requests, result: FleetResult) -> dict[str, int]:
    asked = requests.output_tokens
    served = is_served(result)
    return {
        "served": int(result.output_tokens[served].sum()),
        "cut": int((asked - result.output_tokens)[served].sum()),
        "rejected": int(asked[result.status == REJECTED].sum()),
        "overflowed": int(asked[result.status == OVERFLOWED].sum()),
        "lost": int(asked[result.status == STATUS_NAMES.index("lost")].sum()),
    }


def _goodput_frac(latency: RequestLatency, result: FleetResult, slo: Slo) -> float | None:
    judged = (result.status != OVERFLOWED) | np.isfinite(latency.e2e_s)
    num = int(judged.sum())
    return float((is_good(latency, result, slo) & judged).sum()) / num if num else None


def _checked(limit: SloLimit, latency: RequestLatency) -> SloCheck:
    known_s = latency.metric_s(limit.metric)
    known_s = known_s[np.isfinite(known_s)]
    return SloCheck(limit=limit, measured_s=limit.measured_s(known_s) if known_s.size else None)

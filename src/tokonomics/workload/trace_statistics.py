"""The statistics of a trace, as papers print them."""

from dataclasses import dataclass

import numpy as np

from tokonomics.workload.arrivals import gap_cv
from tokonomics.workload.from_trace import traffic_from_trace
from tokonomics.workload.trace import Trace, trace_cached_input_frac


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceStatistics:
    """What a trace looks like. Rates, span and CV are None where it has no arrivals or rates."""

    num_requests: int
    span_s: float | None
    mean_requests_per_s: float | None
    peak_requests_per_s: float | None
    peak_window_s: float | None
    arrival_cv: float | None
    mean_input_tokens: float
    p50_input_tokens: float
    p99_input_tokens: float
    mean_output_tokens: float
    p50_output_tokens: float
    p99_output_tokens: float
    cached_input_frac: float | None
    num_skipped: int


def trace_statistics(trace: Trace) -> TraceStatistics:
    """Count, rate, peak, burstiness, lengths and prefix reuse of `trace`."""
    span_s = _span_s(trace)
    traffic = traffic_from_trace(trace) if span_s else None
    p50_in, p99_in = np.percentile(trace.input_tokens, [50, 99])
    p50_out, p99_out = np.percentile(trace.output_tokens, [50, 99])
    return TraceStatistics(
        num_requests=trace.num_requests,
        span_s=span_s,
        mean_requests_per_s=traffic.requests_per_s if traffic else None,
        peak_requests_per_s=traffic.peak_requests_per_s if traffic else None,
        peak_window_s=traffic.peak_window_s if traffic else None,
        arrival_cv=trace.arrival_cv if trace.arrivals_s is None else gap_cv(trace.arrivals_s),
        mean_input_tokens=float(trace.input_tokens.mean()),
        p50_input_tokens=float(p50_in),
        p99_input_tokens=float(p99_in),
        mean_output_tokens=float(trace.output_tokens.mean()),
        p50_output_tokens=float(p50_out),
        p99_output_tokens=float(p99_out),
        cached_input_frac=trace_cached_input_frac(trace),
        num_skipped=trace.num_skipped,
    )


def _span_s(trace: Trace) -> float | None:
    if trace.arrivals_s is not None:
        return float(trace.arrivals_s[-1])
    series = trace.rate_series_requests_per_s
    return None if series is None or trace.window_s is None else series.size * trace.window_s

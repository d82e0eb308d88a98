"""From a trace to the traffic it stands for."""

from tokonomics.errors import InputError
from tokonomics.workload.arrivals import (
    PEAK_WINDOW_S,
    FloatArray,
    gap_cv,
    mean_rate_requests_per_s,
    window_rates_requests_per_s,
)
from tokonomics.workload.record import Traffic
from tokonomics.workload.trace import Trace, trace_cached_input_frac


def traffic_from_trace(trace: Trace, *, requests_per_s: float | None = None) -> Traffic:
    """The traffic that `trace` recorded, or the same requests rescaled to `requests_per_s`.

    The peak is the busiest whole minute (the busiest window of a table of rates); a trace shorter than a minute
    has its mean for a peak. A rounded clock says nothing of burstiness, so its gaps are taken as Poisson. Prefix
    reuse is that of an unlimited cache. `source` says which of these held.
    Raises:    InputError when the trace holds no rate and none is given.
    """
    if trace.rate_series_requests_per_s is not None:
        traffic = _from_rates(trace, trace.rate_series_requests_per_s)
    elif trace.arrivals_s is not None and mean_rate_requests_per_s(trace.arrivals_s) is not None:
        traffic = _from_arrivals(trace, trace.arrivals_s)
    else:
        return _from_lengths(trace, requests_per_s)
    return traffic if requests_per_s is None else traffic.scaled_to(requests_per_s)


def _from_arrivals(trace: Trace, arrivals_s: FloatArray) -> Traffic:
    mean = mean_rate_requests_per_s(arrivals_s)
    assert mean is not None
    series = window_rates_requests_per_s(arrivals_s)
    cv = None if trace.is_quantised else gap_cv(arrivals_s)
    peak = "the peak is the busiest whole minute" if series.size else "shorter than a minute: the peak is the mean"
    cached = trace_cached_input_frac(trace)
    reuse = "no prefix data" if cached is None else "prefix reuse is that of an unlimited cache"
    gaps = "Poisson gaps assumed" if cv is None else "burstiness is measured"
    said = [f"{trace.num_requests} requests over {arrivals_s[-1]:.0f} s", peak, gaps, reuse, *trace.notes]
    return Traffic(
        name=trace.name,
        requests_per_s=mean,
        peak_requests_per_s=max(float(series.max()), mean) if series.size else mean,
        input_tokens=trace.input_tokens,
        output_tokens=trace.output_tokens,
        arrival_cv=1.0 if cv is None else cv,
        cached_input_frac=cached or 0.0,
        source=_source(trace, said),
        peak_window_s=PEAK_WINDOW_S if series.size else None,
        rate_series_requests_per_s=series if series.size else None,
        window_s=PEAK_WINDOW_S if series.size else None,
        arrivals_s=arrivals_s,
        block_hashes=trace.block_hashes,
    )


def _from_rates(trace: Trace, series: FloatArray) -> Traffic:
    assert trace.window_s is not None
    cv = "arrival CV assumed 1" if trace.arrival_cv is None else "arrival CV is the rate-weighted mean over clients"
    said = [f"{series.size} windows of {trace.window_s:g} s", "the peak is the busiest window", cv, *trace.notes]
    return Traffic(
        name=trace.name,
        requests_per_s=float(series.mean()),
        peak_requests_per_s=float(series.max()),
        input_tokens=trace.input_tokens,
        output_tokens=trace.output_tokens,
        arrival_cv=1.0 if trace.arrival_cv is None else trace.arrival_cv,
        reasoning_frac=trace.reasoning_frac or 0.0,
        source=_source(trace, said),
        peak_window_s=trace.window_s,
        rate_series_requests_per_s=series,
        window_s=trace.window_s,
    )


def _from_lengths(trace: Trace, requests_per_s: float | None) -> Traffic:
    if requests_per_s is None:
        lacks = "has lengths only" if trace.arrivals_s is None else "spans no time"
        raise InputError(f"{trace.name} {lacks}, so its rate is not known; give requests_per_s")
    said = [f"{trace.num_requests} lengths at a stated rate", "Poisson arrivals and a peak at the mean are assumed"]
    return Traffic(
        name=trace.name,
        requests_per_s=requests_per_s,
        peak_requests_per_s=requests_per_s,
        input_tokens=trace.input_tokens,
        output_tokens=trace.output_tokens,
        cached_input_frac=trace_cached_input_frac(trace) or 0.0,
        source=_source(trace, [*said, *trace.notes]),
    )


def _source(trace: Trace, said: list[str]) -> str:
    skipped = [f"{trace.num_skipped} bad rows left out"] if trace.num_skipped else []
    return f"trace {trace.name} ({trace.format}): {'; '.join(said + skipped)}"

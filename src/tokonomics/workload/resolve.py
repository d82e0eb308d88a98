"""From the traffic block of a scenario to the traffic itself: reads the trace, draws the preset, states the rate."""

from dataclasses import replace
from pathlib import Path

from tokonomics.workload.from_trace import traffic_from_trace
from tokonomics.workload.presets import preset
from tokonomics.workload.scenario import TrafficSpec
from tokonomics.workload.traffic import (
    Traffic,
    traffic_from_rate,
    traffic_from_tokens_per_month,
    traffic_from_users,
)


def traffic_of(spec: TrafficSpec, *, response_time_s: float, cached_input_frac: float | None = None) -> Traffic:
    """Build the traffic that `spec` describes.

    `response_time_s` is how long a user waits for an answer; only `users` need it, because whoever waits does not
    ask. `cached_input_frac` replaces what the preset or the trace says of the prefix cache. Raises InputError as
    the readers do.
    """
    shaped = _shaped(spec, response_time_s)
    loaded = _loaded(spec, shaped, response_time_s)
    if spec.peak_ratio is not None:
        loaded = replace(loaded, peak_requests_per_s=loaded.requests_per_s * spec.peak_ratio, peak_window_s=None)
    return replace(
        loaded,
        arrival_cv=_stated(spec.arrival_cv, loaded.arrival_cv),
        reasoning_frac=_stated(spec.reasoning_frac, loaded.reasoning_frac),
        cached_input_frac=_stated(cached_input_frac, loaded.cached_input_frac),
    )


def _stated(stated: float | None, known: float) -> float:
    return known if stated is None else stated


def _shaped(spec: TrafficSpec, response_time_s: float) -> Traffic:
    """Traffic with the right lengths, at its own rate where it has one."""
    rescaled = spec.users is not None or spec.tokens_per_month is not None
    if spec.trace is not None:  # a trace of lengths alone has no rate, so one stands in until it is rescaled
        from tokonomics.workload.traces import read_trace  # the readers load only for those who have a trace

        trace = read_trace(Path(spec.trace), skip_bad=spec.skip_bad)
        return traffic_from_trace(trace, requests_per_s=1.0 if rescaled else spec.requests_per_s)
    if spec.preset is not None:
        return preset(spec.preset, spec.requests_per_s or 1.0)  # users or a volume rescale it below
    assert spec.input_tokens is not None
    assert spec.output_tokens is not None
    if spec.users is not None:
        return traffic_from_users(
            spec.users,
            spec.think_time_s or 0.0,
            spec.input_tokens,
            spec.output_tokens,
            response_time_s=response_time_s,
        )
    if spec.tokens_per_month is not None:
        return traffic_from_tokens_per_month(
            spec.tokens_per_month, input_tokens=spec.input_tokens, output_tokens=spec.output_tokens
        )
    return traffic_from_rate(spec.requests_per_s or 0.0, spec.input_tokens, spec.output_tokens)


def _loaded(spec: TrafficSpec, shaped: Traffic, response_time_s: float) -> Traffic:
    """The same requests at the load of the scenario, where a trace or preset is given users or a volume."""
    mean_in, mean_out = shaped.mean_input_tokens, shaped.mean_output_tokens
    if spec.trace is None and spec.preset is None:
        return shaped
    if spec.users is not None:
        think_s = spec.think_time_s or 0.0
        stated = traffic_from_users(spec.users, think_s, mean_in, mean_out, response_time_s=response_time_s)
        return shaped.scaled_to(stated.requests_per_s)
    if spec.tokens_per_month is not None:
        stated = traffic_from_tokens_per_month(spec.tokens_per_month, input_tokens=mean_in, output_tokens=mean_out)
        return shaped.scaled_to(stated.requests_per_s)
    return shaped

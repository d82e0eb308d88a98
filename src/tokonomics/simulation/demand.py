"""From the traffic of a scenario to requests with arrivals: a recorded trace replayed, or one made up."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from tokonomics.errors import InputError
from tokonomics.workload.arrivals import mean_rate_requests_per_s
from tokonomics.workload.replay import clock_tick_s, sped_up_trace
from tokonomics.workload.resolve import traffic_of
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.synthetic import synthetic_trace
from tokonomics.workload.trace import Trace, jittered_trace
from tokonomics.workload.traces import read_trace
from tokonomics.workload.traces.parquet import ParquetFile

RESPONSE_TIME_S: Final = 10.0
"""What users who wait for an answer are taken to wait: it only sets their rate."""
SPAN_S: Final = 3600.0
"""Length of a replay whose arrivals are made up, unless the scenario says."""
MOST_REQUESTS: Final = 12_500_000
"""Requests made from a table of clients: what a replay of them holds in 4 GiB."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Demand:
    """A trace to replay, before it is sped up and repeated.

    cached_input_frac: the hit rate of a prefix cache; 0 where the trace has block hashes, which a stated rate replaces.
    reasoning_frac: share of the output that is reasoning.
    """

    trace: Trace
    cached_input_frac: float
    notes: tuple[str, ...]


def demand_of(scenario: Scenario, rng: np.random.Generator, *, span_s: float | None = None) -> Demand:
    """Read or make the requests of `scenario`; `span_s` cuts them, or says how long to make them.

    Raises InputError as the readers do: bad rows by line, no requests, arrivals out of order.
    """
    trace = None if scenario.traffic.trace is None else _recorded(scenario, rng, span_s)
    if trace is not None:
        stated = scenario.cached_input_frac
        kept = trace if stated is None else replace(trace, block_hashes=None)
        return Demand(trace=kept, cached_input_frac=stated or 0.0, notes=trace.notes)
    traffic = traffic_of(
        scenario.traffic, response_time_s=RESPONSE_TIME_S, cached_input_frac=scenario.cached_input_frac
    )
    made = synthetic_trace(traffic, rng, span_s=span_s or SPAN_S)
    made = replace(made, input_tokens=np.rint(made.input_tokens), output_tokens=np.rint(made.output_tokens))
    if made.num_requests == 0:
        raise InputError(
            f"{span_s or SPAN_S:g} s of {traffic.requests_per_s:g} requests/s held no request; lengthen --span"
        )
    return Demand(trace=made, cached_input_frac=traffic.cached_input_frac, notes=(traffic.source, *made.notes))


def _recorded(scenario: Scenario, rng: np.random.Generator, span_s: float | None) -> Trace | None:
    """The recorded trace at the rate that is stated; None where it holds no arrivals of single requests."""
    spec = scenario.traffic
    trace = read_trace(Path(spec.trace or ""), skip_bad=spec.skip_bad)
    if trace.format == "servegen" and "client_id" in ParquetFile(Path(spec.trace or "")).types:
        return _client_mix(scenario, rng, span_s)
    if trace.arrivals_s is None:
        return None
    trace = _first(_spread(trace, rng), span_s)
    if not (spec.requests_per_s or spec.users or spec.tokens_per_month):
        return trace
    wanted = traffic_of(spec, response_time_s=RESPONSE_TIME_S).requests_per_s
    assert trace.arrivals_s is not None
    recorded = mean_rate_requests_per_s(trace.arrivals_s)
    if recorded is None:
        raise InputError(f"{trace.name} spans no time, so it has no rate to scale; give a trace with two arrivals")
    return sped_up_trace(trace, wanted / recorded)


def _spread(trace: Trace, rng: np.random.Generator) -> Trace:
    """Arrivals of a rounded clock, moved to some time within its tick."""
    tick_s = clock_tick_s(trace.arrivals_s) if trace.is_quantised and trace.arrivals_s is not None else None
    return trace if tick_s is None else jittered_trace(trace, rng, window_s=tick_s)


def _first(trace: Trace, span_s: float | None) -> Trace:
    if span_s is None or trace.arrivals_s is None:
        return trace
    return trace.take(np.arange(int(np.searchsorted(trace.arrivals_s, span_s, side="right"))))


def _client_mix(scenario: Scenario, rng: np.random.Generator, span_s: float | None) -> Trace:
    """The clients of a table, request by request; a stated rate scales every client."""
    from tokonomics.workload.client_mix import client_mix_trace  # only such tables need the generator
    from tokonomics.workload.traces.servegen_clients import read_client_mix

    spec = scenario.traffic
    mix = read_client_mix(spec.trace or "")
    windows = mix.num_windows if span_s is None else min(max(round(span_s / mix.window_s), 1), mix.num_windows)
    scale = 1.0
    if spec.requests_per_s or spec.users or spec.tokens_per_month:
        wanted = traffic_of(spec, response_time_s=RESPONSE_TIME_S).requests_per_s
        scale = wanted * mix.span_s / mix.expected_requests(0, mix.num_windows)
    num = mix.expected_requests(0, windows) * scale
    if num > MOST_REQUESTS:
        raise InputError(
            f"{mix.name} is {num:,.0f} requests; limit={MOST_REQUESTS:,} at once; cut it with --span-s, or lower --rps"
        )
    return client_mix_trace(mix, rng, scale=scale, span_s=windows * mix.window_s)

"""From the traffic of a scenario to requests with arrivals: a recorded trace replayed, or one made up."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from tokonomics.errors import InputError, raise_all
from tokonomics.simulation.fleet_spec import FleetSpec
from tokonomics.simulation.proof_traffic import ProofTraffic, proof_traffic, with_shape
from tokonomics.simulation.windows import MixWindows, TraceWindows, Windows, mix_windows, sample_of
from tokonomics.workload.arrivals import mean_rate_requests_per_s
from tokonomics.workload.replay import clock_tick_s, sped_up_trace
from tokonomics.workload.resolve import traffic_of
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_simulation import DEFAULT_SIMULATION
from tokonomics.workload.synthetic import synthetic_trace
from tokonomics.workload.trace import Trace, jittered_trace
from tokonomics.workload.traces import read_trace
from tokonomics.workload.traces.parquet import ParquetFile
from tokonomics.workload.traffic import Traffic

RESPONSE_TIME_S: Final = 10.0
"""What users who wait for an answer are taken to wait: it only sets their rate."""
SPAN_S: Final = 3600.0
"""Length of a replay whose arrivals are made up, unless the scenario says."""
MOST_REQUESTS: Final = 5_000_000
"""Requests that are held at once, where they can also be made window by window."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Demand:
    """A trace to replay, before it is sped up and repeated.

    begin_s: of the week, Monday at 00:00 first, where the requests begin; 0 unless a plan's stretch is replayed.
    cached_input_frac: the hit rate of a prefix cache; 0 where the trace has block hashes, which a stated rate replaces.
    windows: the requests window by window, where they are too many to hold at once, or wanted in shards; `trace` is
    then a sample of their lengths, or what is played again and again.
    """

    trace: Trace
    cached_input_frac: float
    notes: tuple[str, ...]
    windows: Windows | None = None
    begin_s: float = 0.0


def demand_of(scenario: Scenario, rng: np.random.Generator, *, span_s: float | None = None) -> Demand:
    """Read or make the requests of `scenario`; `span_s` cuts them, or says how long to make them.

    Raises InputError as the readers do: bad rows by line, no requests, arrivals out of order.
    """
    spec = scenario.simulation or DEFAULT_SIMULATION
    demand = _planned(scenario) if spec.as_planned else _demand(scenario, rng, span_s)
    if demand.windows is None and spec.shard_hours is not None:
        raise InputError(
            f"shard_hours beside {demand.trace.name}, which is held at once; limit=a table of clients, or a trace that"
            " is repeated; leave --shard-hours out"
        )
    return demand


def require_sessions(fleet: FleetSpec, trace: Trace) -> None:
    """Raise InputError where `fleet` keeps sessions together and no request of `trace` names one."""
    if trace.session_ids is not None:
        return
    said = f"beside {trace.name}, whose requests name no session; limit=a trace with a column session_id; "
    problems = []
    if fleet.route.router == "session_affine":
        problems.append(f"router=session_affine {said}add it, or choose another router")
    if fleet.overflow is not None and fleet.overflow.stick_s:
        problems.append(f"overflow_stick_s={fleet.overflow.stick_s:g} s {said}add it, or leave overflow_stick_s out")
    raise_all(problems)


def planned_traffic(scenario: Scenario, traffic: Traffic) -> ProofTraffic:
    """The requests that a plan for `scenario` is proven on; `traffic` is its own, `with_shape`."""
    spec = scenario.simulation or DEFAULT_SIMULATION

    def record(rng: np.random.Generator) -> tuple[Trace, float]:
        found = _demand(scenario, rng, spec.span_s)
        return found.trace, found.cached_input_frac

    return proof_traffic(scenario.traffic, traffic, record, span_s=spec.span_s, seed=spec.seed)


def _planned(scenario: Scenario) -> Demand:
    stated = traffic_of(scenario.traffic, response_time_s=RESPONSE_TIME_S, cached_input_frac=scenario.cached_input_frac)
    found = planned_traffic(scenario, with_shape(stated))
    notes = (f"replayed: {found.window}", *found.trace.notes)
    return Demand(trace=found.played, cached_input_frac=found.cached_input_frac, notes=notes, begin_s=found.begin_s)


def _demand(scenario: Scenario, rng: np.random.Generator, span_s: float | None) -> Demand:
    found = None if scenario.traffic.trace is None else _recorded(scenario, rng, span_s)
    if found is not None:
        stated = scenario.cached_input_frac
        trace = sample_of(found) if isinstance(found, MixWindows) else found
        kept = trace if stated is None else replace(trace, block_hashes=None)
        windows = found if isinstance(found, MixWindows) else _played(scenario, kept)
        return Demand(trace=kept, cached_input_frac=stated or 0.0, notes=trace.notes, windows=windows)
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


def _recorded(scenario: Scenario, rng: np.random.Generator, span_s: float | None) -> Trace | MixWindows | None:
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


def _client_mix(scenario: Scenario, rng: np.random.Generator, span_s: float | None) -> Trace | MixWindows:
    """The clients of a table, request by request or by window; a stated rate scales every client."""
    from tokonomics.workload.client_mix import client_mix_trace, mix_seed  # only such tables need the generator
    from tokonomics.workload.traces.servegen_clients import read_client_mix

    spec, played = scenario.traffic, scenario.simulation or DEFAULT_SIMULATION
    mix = read_client_mix(spec.trace or "")
    num_windows = mix.num_windows if span_s is None else min(max(round(span_s / mix.window_s), 1), mix.num_windows)
    scale = 1.0
    if spec.requests_per_s or spec.users or spec.tokens_per_month:
        wanted = traffic_of(spec, response_time_s=RESPONSE_TIME_S).requests_per_s
        scale = wanted * mix.span_s / mix.expected_requests(0, mix.num_windows)
    num = mix.expected_requests(0, num_windows) * scale * played.num_repeats
    if num <= MOST_REQUESTS and played.shard_hours is None:
        return client_mix_trace(mix, rng, scale=scale, span_s=num_windows * mix.window_s)
    return mix_windows(
        mix,
        mix_seed(rng),
        scale=scale,
        num_windows=num_windows,
        rate_ratio=played.rate_ratio,
        num_repeats=played.num_repeats,
    )


def _played(scenario: Scenario, trace: Trace) -> TraceWindows | None:
    """The plays of a trace by window, where they are too many to hold, or wanted in shards; None where they are held.

    Prefix blocks are looked up over all plays at once, so that traces that have them are always held.
    """
    spec = scenario.simulation or DEFAULT_SIMULATION
    is_long = trace.num_requests * spec.num_repeats > MOST_REQUESTS or spec.shard_hours is not None
    if spec.num_repeats == 1 or not is_long or trace.block_hashes is not None:
        return None
    return TraceWindows(trace=trace, rate_ratio=spec.rate_ratio, num_repeats=spec.num_repeats)

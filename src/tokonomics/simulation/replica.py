"""One replica under a load: what each request saw, and where its GPU time went."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokonomics.errors import TokonomicsError
from tokonomics.physics.step import StepModel
from tokonomics.simulation.build import build_load, coefficient_rows, decode_table_s, engine_rows
from tokonomics.simulation.kernel import run_replica
from tokonomics.simulation.options import EngineOptions
from tokonomics.simulation.requests import FloatArray, IntArray, Requests
from tokonomics.simulation.state import CUT, DONE, REJECTED, Load, Machine, Rows, Told, new_machine, new_told


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReplicaAccount:
    """Where the time of one replica went, from the first arrival to the last finish.

    decode_s, prefill_s, idle_s sum to span_s. In a mixed step, prefill_s is what the prompt tokens add to it.
    mean_batch_sequences and mean_kv_tokens are means over the span; prompts are counted in whole blocks.
    """

    span_s: float
    decode_s: float
    prefill_s: float
    idle_s: float
    mean_batch_sequences: float
    mean_kv_tokens: float
    peak_kv_tokens: float
    num_steps: int
    num_events: int
    num_prefilled_tokens: int
    num_preemptions: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReplicaResult:
    """What happened to each request; arrays of shape (n,), seconds on the clock of the arrivals, NaN for never.

    status: index into `state.STATUS_NAMES`.  output_tokens: those produced.  cached_tokens: prompt tokens found in
    the prefix cache when the request was last admitted.
    """

    scheduled_s: FloatArray
    first_token_s: FloatArray
    finish_s: FloatArray
    status: NDArray[np.int8]
    num_preemptions: NDArray[np.int32]
    cached_tokens: IntArray
    output_tokens: IntArray
    account: ReplicaAccount


def simulate_replica(requests: Requests, step_model: StepModel, options: EngineOptions) -> ReplicaResult:
    """Replay `requests` on one replica, exactly as if every step were visited.

    Args:      step_model: coefficients of one deployment.  options: its engine.
    Raises:    InputError for requests that can never fit, priorities out of range and unusable coefficients.
    """
    load, machine = build_load(requests, options), machine_of(requests, step_model, options)
    told = new_told(requests.num_requests)
    run_replica(machine, load, told)
    return result_of(requests, load, machine, told)


def machine_of(requests: Requests, step_model: StepModel, options: EngineOptions) -> Machine:
    """One idle replica with room for `requests`; InputError for unusable coefficients."""
    hashes = requests.block_hashes if options.use_prefix_cache else None
    engines = engine_rows([options], hashes)
    coefficients = coefficient_rows([step_model], [options])
    table = decode_table_s(coefficients, engines)
    one = np.zeros(1, dtype=np.int64)
    return new_machine(engines, coefficients, table, one, requests.num_requests, hashes)


def result_of(requests: Requests, load: Load, machine: Machine, told: Told) -> ReplicaResult:
    """What happened to `requests` on a replica that has served them all."""
    turned_away = told.status == REJECTED
    if np.isnan(told.finish_s[~turned_away]).any():
        raise TokonomicsError("the simulation ended with requests unfinished; please report this as a defect")
    told.status[(load.output_tokens < requests.output_tokens) & (told.status == DONE)] = CUT
    return ReplicaResult(
        scheduled_s=told.scheduled_s,
        first_token_s=told.first_token_s,
        finish_s=told.finish_s,
        status=told.status,
        num_preemptions=machine.requests["preemptions"],
        cached_tokens=np.where(turned_away, 0, load.cached_tokens),
        output_tokens=np.where(turned_away, 0, load.output_tokens),
        account=account_of(machine.replicas[0], _span_s(requests, told)),
    )


def _span_s(requests: Requests, told: Told) -> float:
    """From the first arrival to the last arrival or finish."""
    last_s = np.fmax(requests.arrival_s[-1], np.fmax.reduce(told.finish_s))
    return float(last_s - requests.arrival_s[0])


def account_of(replica: Rows, span_s: float) -> ReplicaAccount:
    """The account of a replica that existed for `span_s`."""
    busy_s = float(replica["decode_s"] + replica["prefill_s"])
    span = max(span_s, busy_s)
    return ReplicaAccount(
        span_s=span,
        decode_s=float(replica["decode_s"]),
        prefill_s=float(replica["prefill_s"]),
        idle_s=span - busy_s,
        mean_batch_sequences=float(replica["sequence_seconds"]) / span if span > 0 else 0.0,
        mean_kv_tokens=float(replica["token_seconds"]) / span if span > 0 else 0.0,
        peak_kv_tokens=float(replica["peak_tokens"]),
        num_steps=int(replica["num_steps"]),
        num_events=int(replica["num_events"]),
        num_prefilled_tokens=int(replica["prefilled_tokens"]),
        num_preemptions=int(replica["num_preemptions"]),
    )

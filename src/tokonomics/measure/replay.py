"""Open loops replayed: the requests of a measured run go through the event kernel, one replica at a time.

The closed form of `modes.open_loop` knows a steady batch, but a run of some hundred requests is mostly its filling and
its emptying. A replay has both, and the batches between. All runs take their gaps from one seed, stretched to the
rate of each, so that rates of one deployment differ by the rate alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tokonomics.errors import TokonomicsError
from tokonomics.measure.assumptions import run_requests
from tokonomics.measure.case import Case
from tokonomics.measure.loads import case_load
from tokonomics.measure.modes.load import Speed, prompt_s
from tokonomics.measure.serving import engine_limits
from tokonomics.physics.step import Floats, stack_step_models
from tokonomics.simulation.deploy import BLOCK_TOKENS, num_kv_blocks
from tokonomics.simulation.options import EngineOptions
from tokonomics.simulation.replica import ReplicaResult, simulate_replica
from tokonomics.simulation.requests import Requests

SEED: Final = 20260611
MOST_REQUESTS: Final = 20_000
"""Longer runs are cut: by then the batch is steady, or the queue has grown beyond any that was measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What one replica did in a replayed run: medians over its requests, without their time outside the steps."""

    output_tokens_per_s: float
    ttft_s: float
    tpot_s: float


def replays(case: Case) -> bool:
    """Whether the case is an open loop at a stated rate."""
    return case.measurement.mode == "rate" and bool(case.measurement.offered_requests_per_s)


def replayed_open_loops(cases: Sequence[Case]) -> Speed:
    """Speed of one replica of each of `cases`, which all replay; NaN where a run cannot be made.

    The time to first token is that of the kernel, the front end and what a prompt takes above its bare steps.
    """
    load, models = case_load(cases), stack_step_models([case.replica.step_model for case in cases])
    runs = [_run_or_nothing(case) for case in cases]
    outside_s = load.front_end_s + (load.prefill_step_ratio - 1.0) * prompt_s(models, load)
    ttft_s = np.array([run.ttft_s for run in runs])
    return Speed(
        output_tokens_per_s=np.array([run.output_tokens_per_s for run in runs]),
        prefill_tokens_per_s=np.full(len(runs), np.nan),
        tpot_s=np.array([run.tpot_s for run in runs]),
        ttft_s=ttft_s + np.maximum(outside_s, 0.0),
    )


def replayed_run(case: Case) -> Run:
    """Replay the run of `case` on one of its replicas, with equal requests of its mean lengths.

    Raises:    InputError where no requests can be made of its lengths.
    """
    requests = run_of(case)
    result = simulate_replica(requests, case.replica.step_model, engine_of(case))
    return Run(
        output_tokens_per_s=_output_tokens_per_s(requests, result),
        ttft_s=float(np.median(result.first_token_s - requests.arrival_s)),
        tpot_s=_tpot_s(result),
    )


def run_of(case: Case) -> Requests:
    """The requests that one replica of `case` gets, at the rate of the whole run."""
    num = min(max(round(run_requests(case.measurement, case.note) / case.num_replicas), 1), MOST_REQUESTS)
    return Requests(
        arrival_s=_arrivals_s(case, num),
        input_tokens=np.full(num, max(round(case.input_tokens), 1)),
        output_tokens=np.full(num, max(round(case.output_tokens), 1)),
    )


def engine_of(case: Case) -> EngineOptions:
    """How the engine of `case` batches; a replica holds one request however small it is."""
    dep = case.replica.deployment
    longest = math.ceil(case.input_tokens) + math.ceil(case.output_tokens)
    held = num_kv_blocks(case.replica.box, case.input_tokens + case.output_tokens / 2.0)
    return EngineOptions(
        num_kv_blocks=max(held, math.ceil(longest / BLOCK_TOKENS)),
        block_tokens=BLOCK_TOKENS,
        batching=engine_limits(dep.constants.engine, dep.accelerator).batching,
        step_budget_tokens=max(dep.step_budget_tokens, dep.max_sequences),
        max_sequences=dep.max_sequences,
    )


def _arrivals_s(case: Case, num: int) -> Floats:
    """Poisson arrivals, or Gamma ones of the stated shape, that last as long as the run at its rate."""
    rate = (case.measurement.offered_requests_per_s or math.nan) / case.num_replicas
    gaps = np.random.default_rng(SEED).gamma(case.note.arrival_shape_ratio, size=num)
    return np.asarray((np.cumsum(gaps) - gaps[0]) / gaps.sum() * num / rate)


def _output_tokens_per_s(requests: Requests, result: ReplicaResult) -> float:
    """Output over the time from the first arrival to the last token."""
    return float(requests.output_tokens.sum() / (result.finish_s.max() - requests.arrival_s[0]))


def _tpot_s(result: ReplicaResult) -> float:
    """Median time per output token after the first; NaN for single tokens."""
    more = result.output_tokens - 1
    if not more.any():
        return math.nan
    return float(np.median((result.finish_s - result.first_token_s) / np.maximum(more, 1)))


def _run_or_nothing(case: Case) -> Run:
    try:
        return replayed_run(case)
    except TokonomicsError:  # lengths that no engine would take: the closed form may still answer
        return Run(output_tokens_per_s=math.nan, ttft_s=math.nan, tpot_s=math.nan)

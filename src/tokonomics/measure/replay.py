"""Runs of load tests replayed: their requests go through the event kernel, one replica at a time.

The closed forms of `modes.open_loop` and `modes.closed_loop` know a steady batch, but a run of some hundred requests is
mostly its filling and its emptying. A replay has both, and the batches between. All runs take gaps and lengths from one
seed, stretched to what each states, so that runs of one deployment differ by what they were asked alone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tokonomics.errors import TokonomicsError
from tokonomics.measure.case import Case
from tokonomics.measure.loads import case_load
from tokonomics.measure.modes.load import Speed
from tokonomics.measure.serving import engine_limits
from tokonomics.physics.step import Floats
from tokonomics.simulation.closed_loop import simulate_closed_loop
from tokonomics.simulation.deploy import BLOCK_TOKENS, num_kv_blocks
from tokonomics.simulation.options import EngineOptions
from tokonomics.simulation.replica import ReplicaResult, simulate_replica
from tokonomics.simulation.requests import IntArray, Requests

SEED: Final = 20260611
MOST_REQUESTS: Final = 20_000
"""Longer runs are cut: by then the batch is steady, or the queue has grown beyond any that was measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What one replica did in a replayed run: statistics over its requests, without their time outside the engine.

    `busy_frac` is the chance that a request met a running batch.
    """

    output_tokens_per_s: float
    ttft_s: float
    tpot_s: float
    busy_frac: float


_NO_RUN: Final = Run(output_tokens_per_s=math.nan, ttft_s=math.nan, tpot_s=math.nan, busy_frac=math.nan)


def replays(case: Case) -> bool:
    """Whether the case is an open loop at a stated rate, or a closed loop of several users with whole requests."""
    if case.measurement.mode == "concurrency":
        return _num_users(case) > 1 and not case.note.is_decode_only
    return case.measurement.mode == "rate" and bool(case.measurement.offered_requests_per_s)


def replayed_speed(cases: Sequence[Case]) -> Speed:
    """Speed of one replica of each of `cases`, which all replay; NaN where a run cannot be made.

    The time to first token is that of the kernel, the front end, and the steps for which a busy engine lets a request
    wait.
    """
    load = case_load(cases)
    runs = [_run_or_nothing(case) for case in cases]
    tpot_s, busy_frac = np.array([(run.tpot_s, run.busy_frac) for run in runs]).reshape(-1, 2).T
    ttft_s = np.array([run.ttft_s for run in runs])
    return Speed(
        output_tokens_per_s=np.array([run.output_tokens_per_s for run in runs]),
        prefill_tokens_per_s=np.full(len(runs), np.nan),
        tpot_s=tpot_s,
        ttft_s=load.front_end_s + ttft_s + load.num_admission_steps * busy_frac * np.nan_to_num(tpot_s),
    )


def replayed_run(case: Case) -> Run:
    """Replay the run of `case` on one of its replicas.

    Raises:    InputError where no requests can be made of its lengths.
    """
    requests, model, engine = run_of(case), case.replica.step_model, engine_of(case)
    if case.measurement.mode == "rate":
        result = simulate_replica(requests, model, engine)
        busy_frac = 1.0 - result.account.idle_s / max(result.account.span_s, 1e-12)
    else:
        users = _num_users(case)
        requests, result = simulate_closed_loop(requests, model, engine, num_users=users)
        busy_frac = (users - 1) / users
    middle = np.mean if case.run.is_mean else np.median
    return Run(
        output_tokens_per_s=_output_tokens_per_s(requests, result),
        ttft_s=float(middle(result.first_token_s - requests.arrival_s)),
        tpot_s=_tpot_s(result, middle),
        busy_frac=busy_frac,
    )


def run_of(case: Case) -> Requests:
    """The requests that one replica of `case` gets; those of a closed loop arrive when its users send them."""
    num = min(max(round(case.run.num_requests / case.num_working), 1), MOST_REQUESTS)
    rng = np.random.default_rng(SEED)
    return Requests(
        arrival_s=_arrivals_s(case, num, rng) if case.measurement.mode == "rate" else np.zeros(num),
        input_tokens=_lengths(case, case.input_tokens, rng.random(num)),
        output_tokens=_lengths(case, case.output_tokens, rng.random(num)),
    )


def _num_users(case: Case) -> int:
    """Users of a closed loop on each replica that works."""
    return max(round((case.num_sequences or 1) / case.num_working), 1)


def _lengths(case: Case, mean_tokens: float, share: Floats) -> IntArray:
    """Whole lengths of 1 or more about the mean, at `share` of the way from the shortest to the longest."""
    shape = case.run
    ratio = (shape.shortest_ratio + share * (shape.longest_ratio - shape.shortest_ratio)) / shape.mean_ratio
    return np.maximum(np.rint(ratio * mean_tokens), 1).astype(np.int64)


def engine_of(case: Case) -> EngineOptions:
    """How the engine of `case` batches; a replica holds one request however small it is."""
    dep = case.replica.deployment
    longest = math.ceil((case.input_tokens + case.output_tokens) * case.run.longest_ratio / case.run.mean_ratio) + 2
    held = num_kv_blocks(case.replica.box, case.input_tokens + case.output_tokens / 2.0)
    return EngineOptions(
        num_kv_blocks=max(held, math.ceil(longest / BLOCK_TOKENS)),
        block_tokens=BLOCK_TOKENS,
        batching=engine_limits(dep.constants.engine, dep.accelerator).batching,
        step_budget_tokens=max(dep.step_budget_tokens, dep.max_sequences),
        max_sequences=dep.max_sequences,
    )


def _arrivals_s(case: Case, num: int, rng: np.random.Generator) -> Floats:
    """Poisson arrivals, or Gamma ones of the stated shape, that last as long as the run at its rate."""
    rate = (case.measurement.offered_requests_per_s or math.nan) / case.num_replicas
    gaps = rng.gamma(case.note.arrival_shape_ratio, size=num)
    return np.asarray((np.cumsum(gaps) - gaps[0]) / gaps.sum() * num / rate)


def _output_tokens_per_s(requests: Requests, result: ReplicaResult) -> float:
    """Output over the time from the first arrival to the last token."""
    return float(requests.output_tokens.sum() / (result.finish_s.max() - requests.arrival_s[0]))


def _tpot_s(result: ReplicaResult, middle: Callable[[Floats], np.floating]) -> float:
    """Time per output token after the first, in the `middle` of the requests; NaN for single tokens."""
    more = result.output_tokens - 1
    if not more.any():
        return math.nan
    return float(middle((result.finish_s - result.first_token_s) / np.maximum(more, 1)))


def _run_or_nothing(case: Case) -> Run:
    try:
        return replayed_run(case)
    except TokonomicsError:  # lengths that no engine would take: the closed form may still answer
        return _NO_RUN

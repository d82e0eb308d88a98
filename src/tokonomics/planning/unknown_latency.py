"""What is known of the limits where endpoints answer, whose latency nobody states: few answers move no percentile."""

from typing import Final

import numpy as np

from tokonomics.planning.cascade_proof import is_cascade
from tokonomics.planning.question import Question
from tokonomics.planning.repair import Proven
from tokonomics.workload.slo import SloLimit

_ROUNDING: Final = 1e-9


def stated_s(limit: SloLimit, asked: Question) -> float | None:
    """The limited statistic at an endpoint of the stated latency; None where it is not stated.

    A whole answer takes as long as its first token and all gaps after it, at the lengths of the replay.
    """
    ttft_s, itl_s = asked.simulation.api_ttft_s, asked.simulation.api_itl_s
    if limit.metric != "e2e":
        return ttft_s if limit.metric == "ttft" else itl_s
    if ttft_s is None or itl_s is None:
        return None
    outputs = asked.traffic.requests.output_tokens
    return limit.measured_s(ttft_s + itl_s * np.maximum(outputs - 1, 0).astype(np.float64))


def most_hosted_frac(asked: Question) -> float:
    """Largest share of the requests that endpoints may answer with every limit still known to hold or not.

    1 where all that is limited is stated of them; 0 under a limited mean, which every answer moves.
    """
    return min((_beyond_frac(one) for one in asked.slo.limits if stated_s(one, asked) is None), default=1.0)


def is_known(asked: Question, hosted_frac: float) -> bool:
    """Whether the limits can be judged where endpoints answer `hosted_frac` of the requests."""
    return hosted_frac <= most_hosted_frac(asked) + _ROUNDING


def hosted_frac(proven: Proven) -> float:
    """Share of the requests whose last answer is an endpoint's: what overflows, or what goes up to one.

    Of fleets that follow the hours it is the larger of what the replay of the busiest ones sent away and the month's.
    """
    made = proven.draft
    if not is_cascade(made):
        replayed = proven.proof.summary.overflow_frac
        return max(replayed, made.month_api_frac(replayed))
    last, escalated_frac = made.way.calls[-1]
    return escalated_frac if last in {one.hosted.tier for one in made.calls} else 0.0


def _beyond_frac(limit: SloLimit) -> float:
    """Share of requests that may be anything without moving the limited statistic beyond those that are known."""
    return 0.0 if limit.percentile == "mean" else 1.0 - float(limit.percentile) / 100.0

"""The headline numbers of a replay by name, flat, so that replays can be compared, averaged and swept."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokonomics.economics.figures._student import t_quantile
from tokonomics.simulation.ask import Replay
from tokonomics.simulation.long_replay import Answer
from tokonomics.workload.slo import METRICS

Figures = Mapping[str, float | None]
"""A number by name, which ends in its unit; None where it is not known."""

CONFIDENCE_FRAC: Final = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A figure over replications: its mean, and the bounds of the mean with a confidence of 95 % (Student's t)."""

    name: str
    num_replications: int
    value: float
    bounds: tuple[float, float]


def figures(one: Answer) -> Figures:
    """The headline numbers of `one`."""
    summary, money = one.summary, one.money
    cost = money.usd_per_mtok
    latencies = {
        f"{metric}_{stat}_s": value
        for metric in METRICS
        for stat, value in (getattr(summary, metric).to_dict() if getattr(summary, metric) else _NO_SPREAD).items()
    }
    return {
        "num_requests": summary.num_requests,
        **latencies,
        "goodput_frac": summary.goodput_frac,
        "stepping_frac": one.utilisation.stepping_frac,
        "utilisation_frac": one.utilisation.utilisation_frac,
        "overflow_frac": summary.overflow_frac,
        "escalation_frac": escalation_frac(one),
        "num_rejected": summary.num_rejected,
        "num_lost": summary.num_by_status["lost"],
        "input_tokens": summary.input_tokens,
        "output_tokens": summary.output_tokens,
        "gpu_hours": money.gpu_time.gpu_hours,
        "usd": money.usd,
        "blended_allocation_usd_per_mtok": cost.allocation.blended_usd_per_mtok if cost else None,
        "blended_usage_usd_per_mtok": cost.usage.blended_usd_per_mtok if cost else None,
        "input_allocation_usd_per_mtok": cost.allocation.input_usd_per_mtok if cost else None,
        "output_allocation_usd_per_mtok": cost.allocation.output_usd_per_mtok if cost else None,
        "usd_per_useful_mtok": money.usd_per_useful_mtok,
    }


def escalation_frac(one: Answer) -> float:
    """Share of the requests that were asked again at a hosted model."""
    return one.escalation.escalation_frac if isinstance(one, Replay) and one.escalation is not None else 0.0


def intervals(runs: Sequence[Figures]) -> tuple[Interval, ...]:
    """The interval of every figure that all `runs` know; none from fewer than two runs.

    >>> one, = intervals([{"usd": 1.0}, {"usd": 3.0}])
    >>> one.value, round(one.bounds[1], 1)
    (2.0, 14.7)
    """
    if len(runs) < 2:
        return ()
    t = t_quantile(CONFIDENCE_FRAC, len(runs) - 1)
    found = []
    for name in runs[0]:
        values = [value for run in runs if (value := run[name]) is not None]
        if len(values) == len(runs):
            mean = math.fsum(values) / len(values)
            variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
            half = t * math.sqrt(variance / len(values))
            bounds = (mean - half, mean + half)
            found.append(Interval(name=name, num_replications=len(values), value=mean, bounds=bounds))
    return tuple(found)


_NO_SPREAD: Final[Mapping[str, None]] = {"p50": None, "p95": None, "p99": None, "mean": None}

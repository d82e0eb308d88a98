"""Which points of several sweeps are worth a look: those that no other beats on latency and on cost."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tokonomics.economics.serving.frontier import Sweep, SweepPoint


def mark_dominated(sweeps: Sequence[Sweep]) -> tuple[Sweep, ...]:
    """Mark the points that another point of any of `sweeps` beats: no slower at the tail, no dearer, and not the same.

    Where an hour has no price, throughput an accelerator stands in for cost.
    """
    priced = all(one.replica_usd_per_hour is not None for one in sweeps)
    scores = [(point.tail_itl_s, _score(one, point, priced)) for one in sweeps for point in one.points]
    flags = iter(dominated(scores))
    return tuple(
        replace(one, points=tuple(replace(point, is_dominated=next(flags)) for point in one.points)) for one in sweeps
    )


def dominated(scores: Sequence[tuple[float, float]]) -> tuple[bool, ...]:
    """Which pairs another pair beats, smaller being better: no larger in both, smaller in one.

    >>> dominated([(1.0, 5.0), (2.0, 3.0), (2.0, 4.0)])
    (False, False, True)
    """
    latency, cost = np.asarray(scores, dtype=float).reshape(-1, 2).T
    no_worse = (latency <= latency[:, None]) & (cost <= cost[:, None])
    better = (latency < latency[:, None]) | (cost < cost[:, None])
    beaten = np.asarray(no_worse & better).any(axis=1)
    return tuple(bool(one) for one in np.atleast_1d(beaten))


def _score(one: Sweep, point: SweepPoint, priced: bool) -> float:
    if priced and point.cost is not None:
        return point.cost.blended_usd_per_mtok
    return -point.output_tokens_per_s / one.num_gpus

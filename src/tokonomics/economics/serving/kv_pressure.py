"""Who has to wait when more sequences want to run than the KV cache holds."""

import math
from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.serving.replica import Replica, refusal


@dataclass(frozen=True, kw_only=True, slots=True)
class KvPressure:
    """The queue at a concurrency. `num_waiting` is for exactly that many, the rest for that many on average.

    `queue_frac` is the share of time in which somebody waits, `mean_waiting_requests` how many do on average.
    """

    num_concurrent: int
    max_batch: int
    num_waiting: int
    queue_frac: float
    mean_waiting_requests: float
    reason: str


def kv_pressure(replica: Replica, *, num_concurrent: int) -> KvPressure:
    """How many of `num_concurrent` sequences must queue, or be preempted once they have grown.

    The number that wants to run is held to fluctuate like a Poisson count about its mean, as it does when nobody waits
    for anybody; once they do, queues feed on themselves and are longer than this. Above capacity the queue grows
    without end.
    """
    Checks().at_least(1, num_concurrent=num_concurrent).done()
    most = replica.max_batch
    above, at_least = _poisson_above(num_concurrent, most), _poisson_above(num_concurrent, most - 1)
    waiting = num_concurrent * at_least - most * above
    return KvPressure(
        num_concurrent=num_concurrent,
        max_batch=most,
        num_waiting=max(num_concurrent - most, 0),
        queue_frac=above,
        mean_waiting_requests=max(waiting, 0.0),
        reason=refusal(replica, num_concurrent),
    )


def _poisson_above(mean: float, count: int) -> float:
    """Chance that a Poisson count exceeds `count`."""
    return max(1.0 - math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1)), 0.0)

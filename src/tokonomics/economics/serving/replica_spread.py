"""How sure the rates of one replica are at the batches it runs, and the chance that it keeps its limits there."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tokonomics.economics.quoting.demand import limit_percentile
from tokonomics.economics.quoting.slo_chance import slo_probabilities
from tokonomics.economics.serving.replica import Replica, metric_at_s
from tokonomics.physics.uncertainty import Spread, step_spread
from tokonomics.workload.slo import SloLimit


def replica_spread(replica: Replica, batch: ArrayLike) -> Spread:
    """How sure `replica` is at each `batch`, a number or shape (n,); arrays of shape (n,), 1 for a number.

    Sure in what the engine's constants bring about; what a step model was changed by, such as a draft that is accepted
    so often, is taken as stated.
    """
    batches, shape = np.atleast_1d(np.asarray(batch, dtype=float)), replica.load.shape
    per_step = batches * shape.input_tokens / shape.output_tokens
    deployments = [replica.deployment] * batches.size
    return step_spread(deployments, replica.step, batches, shape.context_tokens, per_step, shape.input_tokens / 2.0)


def limits_probability(replica: Replica, batch: float, limits: Sequence[SloLimit]) -> float | None:
    """The chance that `replica` keeps all `limits` at `batch`; None without limits."""
    latency = {
        limit.name: np.atleast_1d(metric_at_s(replica, batch, limit.metric, limit_percentile(limit)))
        for limit in limits
    }
    found = slo_probabilities(limits, latency, replica_spread(replica, batch))
    return None if found is None else float(found[0])

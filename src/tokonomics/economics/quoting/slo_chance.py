"""The chance that a fleet keeps its limits, from how sure its latencies are."""

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np

from tokonomics.physics.step import Floats
from tokonomics.physics.uncertainty import Spread
from tokonomics.workload.slo import SloLimit

_NORMAL = NormalDist()


def slo_probabilities(limits: Sequence[SloLimit], latency: Mapping[str, Floats], spread: Spread) -> Floats | None:
    """Chance that all `limits` hold, shape (deployments,); None without limits.

    A latency is log-normal about its estimate. What makes one late makes all late, so the least of the chances counts.
    """
    if not limits:
        return None
    sd_of = {"ttft": spread.ttft_sd_log, "itl": spread.itl_sd_log, "e2e": spread.itl_sd_log}
    chances = [_below(latency[limit.name], limit.limit_s, sd_of[limit.metric]) for limit in limits]
    return np.asarray(np.min(chances, axis=0))


def _below(estimate_s: Floats, limit_s: float, sd_log: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.log(limit_s / estimate_s) / sd_log
    return np.array([_NORMAL.cdf(step) if np.isfinite(step) else float(step > 0) for step in steps])

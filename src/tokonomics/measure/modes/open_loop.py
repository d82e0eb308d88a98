"""An open loop: requests arrive at a rate, however many are running.

By Little's law N = rate x time in the replica; the batch that solves it is found by bisection, for the time grows with
N. A batch cannot exceed what memory holds, nor the requests of a short run. Where the full batch is too slow for the
rate, the queue grows until the run ends.
"""

import numpy as np
from numpy.typing import NDArray

from tokonomics.measure.modes.load import Load, Speed, prompt_s, running
from tokonomics.physics.step import Floats, StepModel

_NUM_HALVINGS = 32
_LEAST_BATCH = 1e-3
_BUSIEST_FRAC = 0.95
"""Load of the prompt server above which a queue is counted as overload."""


def open_loop(model: StepModel, load: Load) -> Speed:
    """Speed at `load.offered_requests_per_s` on one replica; where that is NaN, at the highest rate within `limit_s`.

    The rate counts from the first arrival to the last token, so that the end of a short run lowers it.
    """
    has_rate = np.isfinite(load.offered_requests_per_s)
    batch = _batch(model, load)
    steps = running(model, load, batch)
    life_s = load.output_tokens * steps.mean_s
    full_per_s = batch / life_s
    steady_per_s = np.where(has_rate, np.minimum(load.offered_requests_per_s, full_per_s), full_per_s)
    own_s = prompt_s(model, load, beside=batch)
    wait_s = _wait_s(steady_per_s, np.maximum(own_s - steps.short_s, 0.0)) + steps.mean_s / 2.0
    wait_s += (
        load.num_admission_steps * steps.short_s * -np.expm1(-batch)
    )  # a replica with no one running waits for nothing
    return Speed(
        output_tokens_per_s=_with_end_per_s(load, steady_per_s, life_s) * load.output_tokens,
        prefill_tokens_per_s=np.full_like(batch, np.nan),
        tpot_s=steps.mean_s,
        ttft_s=load.front_end_s + own_s + wait_s + _overload_s(load, full_per_s),
    )


def _batch(model: StepModel, load: Load) -> Floats:
    """Batch N at which N = rate x output x step(N), or the largest whose mean step is within the limit.

    The full batch where that is not below it.
    """

    def is_below(batch: Floats) -> NDArray[np.bool_]:
        mean_s = running(model, load, batch).mean_s
        need = load.offered_requests_per_s * load.output_tokens * mean_s
        return np.where(np.isfinite(need), need > batch, mean_s < load.limit_s)

    full = np.maximum(np.minimum(load.num_held, load.num_requests), 1.0)
    low, high = np.full_like(full, _LEAST_BATCH), full
    for _ in range(_NUM_HALVINGS):
        middle = np.sqrt(low * high)
        below = is_below(middle)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(is_below(full), full, low)


def _with_end_per_s(load: Load, steady_per_s: Floats, life_s: Floats) -> Floats:
    """Requests/s of a whole run: the last arrival still has its life before it."""
    return np.asarray(1.0 / (1.0 / steady_per_s + life_s / load.num_requests))


def _wait_s(requests_per_s: Floats, service_s: Floats) -> Floats:
    """Mean wait for the prompts ahead of Poisson arrivals, equal prompts; the overload is counted apart."""
    busy = np.minimum(requests_per_s * service_s, _BUSIEST_FRAC)
    return np.asarray(busy / (1.0 - busy) * service_s / 2.0)


def _overload_s(load: Load, full_per_s: Floats) -> Floats:
    """Wait of the middle request of a run that arrives faster than the full batch is served.

    Requests that find a place wait for none; without a number of requests the queue has no length.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        queued = np.maximum(load.num_requests / 2.0 - load.num_held, 0.0)
        lag_s = queued * (1.0 / full_per_s - 1.0 / load.offered_requests_per_s)
    return np.where(np.isfinite(lag_s), np.maximum(lag_s, 0.0), 0.0)

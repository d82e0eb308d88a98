"""Everything queued at once: the batch is what memory and the engine's limit hold, until the queue runs dry."""

import numpy as np

from tokonomics.measure.modes.load import Load, Speed, most_decoding, prompt_s, running
from tokonomics.physics.step import Floats, StepModel, step_time

_EULER_GAMMA = 0.5772
_LONGEST_RATIO = 1.5
"""No answer is longer than this many mean answers: benchmarks cut them off."""


def offline_max(model: StepModel, load: Load) -> Speed:
    """Speed of a run of `load.num_requests` requests, all there from the start.

    A full batch serves all but the last requests at its steady rate; then the prompts of a batch and its decoding are
    added, as it empties. Without a number of requests the run is endless, and the wait for the first token not known.
    """
    batch = np.maximum(np.minimum(np.minimum(load.num_requests, load.num_held), most_decoding(load)), 1.0)
    steps = running(model, load, batch)
    requests_per_s = batch / np.maximum(load.output_tokens * steps.mean_s, 1e-12)
    fill_s = prompt_s(model, load, batch)
    queue_s = np.where(np.isfinite(load.num_requests), load.num_requests - batch, 0.0) / requests_per_s
    whole_s = queue_s + fill_s + _drain_s(model, load, batch)
    with np.errstate(invalid="ignore"):
        served_per_s = np.where(np.isfinite(load.num_requests), load.num_requests / whole_s, requests_per_s)
    return Speed(
        output_tokens_per_s=served_per_s * load.output_tokens,
        prefill_tokens_per_s=np.full_like(batch, np.nan),
        tpot_s=steps.mean_s,
        ttft_s=load.front_end_s + _median_wait_s(load, batch, requests_per_s, fill_s),
    )


def _drain_s(model: StepModel, load: Load, batch: Floats) -> Floats:
    """Time in which a batch empties once the queue is dry.

    Equal answers end together. Mixed ones are taken as exponential: the longest of N is ln N + 0.58 means, and the
    batch that runs meanwhile is on average smaller by as much.
    """
    longest = np.minimum(np.log(batch) + _EULER_GAMMA, _LONGEST_RATIO)
    ratio = np.where(load.mixed_lengths, np.maximum(longest, 1.0), 1.0)
    return np.asarray(ratio * load.output_tokens * step_time(model, batch / ratio, load.context_tokens).total_s)


def _median_wait_s(load: Load, batch: Floats, requests_per_s: Floats, fill_s: Floats) -> Floats:
    """Time to the first token of the request in the middle of the queue: it is in the first batch, or waits."""
    middle = load.num_requests / 2.0
    with np.errstate(invalid="ignore"):
        waits_s = fill_s + (middle - batch) / requests_per_s
        return np.where(np.isfinite(middle), np.where(middle <= batch, fill_s * middle / batch, waits_s), np.nan)

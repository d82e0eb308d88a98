"""A static batch: prompts of equal requests are prefilled together, then all decode until all have finished."""

import numpy as np

from tokonomics.measure.modes.load import Load, Speed, prompt_s
from tokonomics.physics.step import StepModel, step_time


def static_batch(model: StepModel, load: Load) -> Speed:
    """Speed of `load.num_sequences` sequences at once; what memory does not hold runs in later waves."""
    batch = np.maximum(np.minimum(load.num_sequences, load.num_held), 1.0)
    waves = load.num_sequences / batch
    prefill_s = prompt_s(model, load, batch)
    step_s = step_time(model, batch, load.context_tokens).total_s
    decode_s = np.maximum(load.output_tokens - 1.0, 0.0) * step_s
    whole_s = waves * (prefill_s + decode_s)
    with np.errstate(invalid="ignore", divide="ignore"):
        counted = np.where(load.decode_only, batch / step_s, load.num_sequences * load.output_tokens / whole_s)
    return Speed(
        output_tokens_per_s=counted,
        prefill_tokens_per_s=batch * load.input_tokens / prefill_s,
        tpot_s=step_s,
        ttft_s=prefill_s,
    )

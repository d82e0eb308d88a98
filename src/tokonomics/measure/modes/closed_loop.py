"""A closed loop: N users, each of whom sends a request as soon as the last one is answered.

A request takes its time to first token, then output - 1 steps. In one cycle of its own the other N - 1 users send a
prompt each; those that fall into its decoding lengthen its steps, the others run while it waits itself. Its own prompt
meets on arrival what the others have just sent: mean-value analysis of one prompt server and N users, with half a
service left on average. All begin at once, so the first prompts of a run wait for one another.
"""

import numpy as np

from tokonomics.measure.modes.load import Load, Running, Speed, num_prompt_steps, prompt_s, running
from tokonomics.physics.step import Floats, StepModel

_NUM_ROUNDS = 30


def closed_loop(model: StepModel, load: Load) -> Speed:
    """Speed with `load.num_sequences` in flight; those that memory does not hold wait for a place.

    The time to first token is the mean over `load.num_requests`, the first of each user among them.
    """
    batch = np.maximum(np.minimum(load.num_sequences, load.num_held), 1.0)
    steps = running(model, load, batch)
    served_s = prompt_s(model, load, beside=batch - 1.0)
    tpot_s, steady_s = _settled(load, steps, batch, served_s)
    whole_s = load.front_end_s + steady_s + np.maximum(load.output_tokens - 1.0, 0.0) * tpot_s
    requests_per_s = batch / whole_s
    queued_s = (load.num_sequences - batch) / requests_per_s
    first_frac = np.minimum(load.num_sequences / load.num_requests, 1.0)
    counted = np.where(load.decode_only, batch / tpot_s, requests_per_s * load.output_tokens)
    return Speed(
        output_tokens_per_s=counted,
        prefill_tokens_per_s=load.input_tokens / served_s,
        tpot_s=tpot_s,
        ttft_s=load.front_end_s + steady_s + first_frac * (_first_s(model, load, batch) - steady_s) + queued_s,
    )


def _settled(load: Load, steps: Running, batch: Floats, served_s: Floats) -> tuple[Floats, Floats]:
    """TPOT and time to first token in the engine that agree: they set how many prompts decoding sits out."""
    others = (batch - 1.0) / batch
    disturbed_s = others * steps.long_frac * (steps.long_s - steps.short_s)
    service_s = np.maximum(served_s - steps.short_s, 0.0)
    alone_s = served_s + others * (0.5 + load.num_admission_steps) * steps.short_s
    num_steps = np.maximum(load.output_tokens - 1.0, 0.0)
    tpot_s, ahead = steps.short_s + disturbed_s, np.zeros_like(batch)
    for _ in range(_NUM_ROUNDS):
        met = ahead * others
        wait_s = service_s * np.maximum(met - 0.5 * np.minimum(met, 1.0), 0.0)
        decode_s, steady_s = num_steps * tpot_s, alone_s + wait_s
        cycle_s = np.maximum(decode_s + load.front_end_s + steady_s, 1e-12)
        ahead = 0.5 * ahead + 0.5 * batch * (service_s + wait_s) / cycle_s
        tpot_s = 0.5 * tpot_s + 0.5 * (steps.short_s + disturbed_s * decode_s / cycle_s)
    return np.asarray(tpot_s), np.asarray(steady_s)


def _first_s(model: StepModel, load: Load, batch: Floats) -> Floats:
    """Mean time in the engine of `batch` prompts that come at once: each is done when the step of its last chunk is."""
    return np.asarray(prompt_s(model, load, batch) * (1.0 + 1.0 / num_prompt_steps(load, batch)) / 2.0)

"""One phase of one sequence: a prompt alone, or the decoding alone."""

from dataclasses import replace

import numpy as np

from tokonomics.measure.modes.load import Load, Speed
from tokonomics.measure.modes.static_batch import static_batch
from tokonomics.physics.step import StepModel


def single_phase(model: StepModel, load: Load) -> Speed:
    """Speed of a batch whose phases were timed apart: the output rate leaves the prompt out."""
    return static_batch(model, replace(load, decode_only=np.ones_like(load.decode_only)))

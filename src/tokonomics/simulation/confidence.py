"""How sure a first tier is of its answers: drawn from a Beta distribution, or from answers that were recorded."""

from pathlib import Path
from typing import Final

import numpy as np

from tokonomics.errors import InputError
from tokonomics.simulation.requests import FloatArray

_MOST_SHAPE: Final = 1e6


def beta_confidence_frac(text: str, num: int, rng: np.random.Generator) -> FloatArray:
    """Confidences of `num` answers from Beta(A, B), written `A,B`; its mean is A / (A + B).

    Raises: InputError where `text` is not two numbers above 0.

    >>> float(beta_confidence_frac("9,1", 4000, np.random.default_rng(0)).mean().round(2))
    0.9
    """
    try:
        shapes = [float(part) for part in text.split(",")]
    except ValueError:
        shapes = []
    if len(shapes) != 2 or not all(0.0 < one <= _MOST_SHAPE for one in shapes):
        raise InputError(f"confidence_beta={text!r:.40}; limit=two numbers above 0; write it as 4,1 for a mean of 0.8")
    return rng.beta(shapes[0], shapes[1], num)


def recorded_confidence_frac(path: Path, model: str, num: int, rng: np.random.Generator) -> FloatArray:
    """Confidences of `num` answers, drawn from those that `model` gave in the per-query data at `path`.

    Raises: InputError as `read_routing_data` does, and where the model's confidence is missing or always the same.
    """
    # The reader loads only for those who have recorded answers; of those only confidences are read, so they are free.
    from tokonomics.economics.quality.routing_data import ANY_MODEL, ModelPrice, Selection, read_routing_data

    data = read_routing_data(path, selection=Selection(models=(model,)), prices=(ModelPrice(model=ANY_MODEL),))
    column = data.model_index(model)
    if not data.is_confident(column):
        raise InputError(f"{path.name}: {model} has no confidence of its own in every row; choose another model")
    known = data.confidence_frac[:, column]
    if not ((known >= 0.0) & (known <= 1.0)).all():
        raise InputError(f"{path.name}: confidences of {model} lie outside 0 to 1; scale them")
    return np.asarray(known[rng.integers(0, known.size, num)])

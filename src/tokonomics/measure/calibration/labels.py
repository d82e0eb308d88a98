"""What the uncertainty of a prediction is kept by: its metric with the mode, the engine and the weight format."""

from collections.abc import Mapping, Sequence

import numpy as np

from tokonomics.measure.case import Case
from tokonomics.measure.predict import METRICS
from tokonomics.physics.calibration import Values

Labels = list[list[str]]


def noise_labels(cases: Sequence[Case]) -> Labels:
    """`metric/mode` of every case and metric, shape (cases, metrics)."""
    return [[f"{metric}/{case.measurement.mode}" for metric in METRICS] for case in cases]


def stretch_labels(cases: Sequence[Case]) -> tuple[Labels, ...]:
    """Labels whose stretches multiply, for every case and metric: its mode, its engine, its weight format."""
    deps = [case.replica.deployment for case in cases]
    return (
        noise_labels(cases),
        [[f"{metric}/engine:{dep.constants.engine}" for metric in METRICS] for dep in deps],
        [[f"{metric}/format:{dep.precision.id}" for metric in METRICS] for dep in deps],
    )


def noise_sd_log(cases: Sequence[Case], noise: Mapping[str, float]) -> Values:
    """Log noise of every case and metric; the largest there is for a label that was never seen."""
    widest = max(noise.values(), default=0.0)
    return np.array([[noise.get(label, widest) for label in row] for row in noise_labels(cases)])


def stretch_factors(cases: Sequence[Case], stretch: Mapping[str, float]) -> Values:
    """What the spread of every case and metric is multiplied with; 1 for labels that were never seen."""
    kinds = [[[stretch.get(label, 1.0) for label in row] for row in kind] for kind in stretch_labels(cases)]
    return np.asarray(np.prod(np.array(kinds, dtype=float), axis=0))

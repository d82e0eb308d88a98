"""What the uncertainty of a prediction is kept by: its metric with the mode, the engine and the weight format."""

from collections.abc import Mapping, Sequence

import numpy as np

from tokonomics.measure.case import Case
from tokonomics.measure.predict import METRICS
from tokonomics.physics.calibration import Calibration, Values

Labels = list[list[str]]


def noise_labels(cases: Sequence[Case]) -> Labels:
    """`metric/mode` of every case and metric, shape (cases, metrics)."""
    return [[f"{metric}/{case.measurement.mode}" for metric in METRICS] for case in cases]


def stretch_labels(cases: Sequence[Case]) -> tuple[Labels, ...]:
    """Labels whose stretches multiply, for every case and metric: its engine, its weight format, its mode."""
    deps = [case.replica.deployment for case in cases]
    return (
        [[f"{metric}/engine:{dep.constants.engine}" for metric in METRICS] for dep in deps],
        [[f"{metric}/format:{dep.precision.id}" for metric in METRICS] for dep in deps],
        noise_labels(cases),
    )


def noise_sd_log(cases: Sequence[Case], noise: Mapping[str, float]) -> Values:
    """Log noise of every case and metric; the largest there is for a label that was never seen."""
    widest = max(noise.values(), default=0.0)
    return np.array([[noise.get(label, widest) for label in row] for row in noise_labels(cases)])


def stretch_factors(cases: Sequence[Case], stretch: Mapping[str, float]) -> Values:
    """What the spread of every case and metric is multiplied with; 1 for labels that were never seen."""
    kinds = [[[stretch.get(label, 1.0) for label in row] for row in kind] for kind in stretch_labels(cases)]
    return np.asarray(np.prod(np.array(kinds, dtype=float), axis=0))


def case_stretch_factors(cases: Sequence[Case], fit: Calibration) -> Values:
    """The same by the source of each case: one that was in the fit, or that has been measured since, or a new one."""
    seen = [case.measurement.source_id in fit.sources or case.replica.deployment.evidence is not None for case in cases]
    known, new = (stretch_factors(cases, stretch) for stretch in (fit.stretch, fit.new_source_stretch))
    return np.where(np.array(seen)[:, None], known, new)

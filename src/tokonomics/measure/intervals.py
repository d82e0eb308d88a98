"""Predictions with their 10-90 % intervals: what the constants leave open, and the noise of single measurements.

The spread of a prediction is that of its constants, through the slope of the prediction with each of them, and the
noise of its mode; both were estimated on measurements that the fit had not seen, and stretched until they held 80 % of
those.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tokonomics.catalog.load import Catalog
from tokonomics.measure.calibration.labels import noise_sd_log, stretch_factors
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.calibration.spread import predictive_sd_log
from tokonomics.measure.case import Case, CaseBuilder
from tokonomics.measure.corpus import Measurement
from tokonomics.measure.predict import Prediction, predict_cases, ready_case
from tokonomics.physics.calibration import Calibration, Values, calibration


def predict_with_intervals(corpus: Sequence[Measurement], catalog: Catalog) -> tuple[Prediction, ...]:
    """Predict every measurement of `corpus`, in its order, with the spread of each predicted value."""
    builder = CaseBuilder(catalog)
    cases = [ready_case(builder.case(row)) for row in corpus]
    found = list(predict_cases(builder, corpus, cases))
    places = [i for i, case in enumerate(cases) if isinstance(case, Case)]
    spreads = case_sd_log([case for case in cases if isinstance(case, Case)], calibration())
    for place, spread in zip(places, spreads):
        found[place] = replace(found[place], sd_log=tuple(float(sd) if np.isfinite(sd) else None for sd in spread))
    return tuple(found)


def case_sd_log(cases: Sequence[Case], fit: Calibration) -> Values:
    """Standard deviation of the log of every metric, shape (cases, metrics)."""
    if not cases:
        return np.zeros((0, 0))
    problem = Problem(cases)
    values = np.array([fit.values_link(one) for one in problem.features])[problem.deployments]
    variance = np.array([fit.variance_link(one) for one in problem.features])[problem.deployments]
    jacobian = problem.jacobian(values, fit, problem.predicted_log(values, fit))
    sd_log = predictive_sd_log(jacobian, variance, noise_sd_log(cases, fit.noise_sd_log))
    return sd_log * stretch_factors(cases, fit.stretch)

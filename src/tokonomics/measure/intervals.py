"""Predictions with their 10-90 % intervals: what the constants leave open, and the noise of single measurements.

The spread of a prediction is that of its constants, through the slope of the prediction with each of them, and the
noise of its mode; both were estimated on measurements that the fit had not seen, and stretched until they held 80 % of
those: of single rows and groups for a source that the fit knows, of whole sources for any other. What own measurements
say of a deployment (`physics.evidence`) shifts its constants and narrows the spread.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tokonomics.catalog.load import Catalog
from tokonomics.measure.calibration.labels import case_stretch_factors, noise_sd_log
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.case import Case, CaseBuilder
from tokonomics.measure.corpus import Measurement
from tokonomics.measure.predict import Prediction, predict_cases, ready_case
from tokonomics.physics.calibration import Calibration, Values, calibration
from tokonomics.physics.deployment import Deployment


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """Logs of what is predicted of cases, and their standard deviations; shape (cases, metrics)."""

    value_log: Values
    sd_log: Values


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
    return predicted_cases(cases, fit).sd_log if cases else np.zeros((0, 0))


def predicted_cases(cases: Sequence[Case], fit: Calibration) -> Predicted:
    """What is predicted of `cases`, one or more, and how sure it is; own measurements never widen it."""
    problem = Problem(cases)
    of_case = problem.deployments
    deployments = [cases[int(place)].replica.deployment for place in np.unique(of_case, return_index=True)[1]]
    values = np.array([_values_link(dep, fit) for dep in deployments])[of_case]
    deviations = np.sqrt(fit.variances_link(problem.features))[of_case]
    value_log = problem.predicted_log(values, fit)
    slopes = problem.jacobian(values, fit, value_log) * deviations[:, None, :]
    moved = np.einsum("nmj,nmj->nm", slopes, slopes)
    for number, dep in enumerate(deployments):
        if dep.evidence is not None:
            here = of_case == number
            moved[here] -= np.square(slopes[here] @ dep.evidence.known_frac.T).sum(axis=-1)
    sd_log = np.sqrt(np.maximum(moved, 0.0) + noise_sd_log(cases, fit.noise_sd_log) ** 2)
    sd_log *= case_stretch_factors(cases, fit)
    if any(dep.evidence is not None for dep in deployments):
        sd_log = np.fmin(sd_log, predicted_cases([_without_evidence(case) for case in cases], fit).sd_log)
    return Predicted(value_log=value_log, sd_log=sd_log)


def _values_link(dep: Deployment, fit: Calibration) -> Values:
    shift = 0.0 if dep.evidence is None else dep.evidence.shift_link
    return np.asarray(fit.values_link(dep.features) + shift)


def _without_evidence(case: Case) -> Case:
    return replace(case, replica=replace(case.replica, deployment=case.replica.deployment.without_evidence()))

"""A user's own measurements shift the constants by Bayes' rule and narrow the interval.

Before them, the constants of a group (a model on an accelerator in an engine) are normal about what its features
foretell, on the link scale, with the spread that held-out groups showed. A measured point is the prediction times a
log-normal error. The most likely constants are found by Gauss-Newton; the covariance is that of the linearised problem.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tokonomics.errors import InputError
from tokonomics.measure.calibration.labels import noise_sd_log
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.case import Case
from tokonomics.physics.calibration import Calibration, Values

_ROUNDS: Final = 8
_OWN_NOISE_RATIO: Final = 0.35
"""Noise of own points over that of the corpus: they come from one system, not from many sources."""
_MOST_VARIANCE_LINK: Final = 0.1
"""Beyond this a constant that a few points hardly tell would chase their noise."""


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """What points say of a group: the shift of its constants on the link scale, (constants,), and the spread."""

    shift: Values
    covariance: Values


@dataclass(frozen=True, kw_only=True)
class Shifted:
    """Predictions of a group after its points: logs and their standard deviations, shape (cases, metrics)."""

    predicted_log: Values
    sd_log: Values


def posterior(measured: Sequence[Case], fit: Calibration) -> Posterior:
    """Constants of one group after the `measured` cases of it; raises InputError where they are not of one group."""
    problem = _group(measured)
    prior = np.mean([fit.variance_link(one) for one in problem.features], axis=0)
    prior = np.clip(prior, 1e-12, _MOST_VARIANCE_LINK)
    noise = _OWN_NOISE_RATIO * noise_sd_log(measured, fit.noise_sd_log)
    known = np.isfinite(problem.measured_log)
    precision = np.where(known, 1.0 / noise**2, 0.0)
    shift = np.zeros(len(fit.constants))
    covariance = np.diag(prior)
    base = _values(problem, fit)
    for _ in range(_ROUNDS):
        at = problem.predicted_log(base + shift, fit)
        slopes = problem.jacobian(base + shift, fit, at)
        misses = np.where(known & np.isfinite(at), problem.measured_log - at, 0.0)
        information = np.einsum("nm,nmj,nmk->jk", precision, slopes, slopes) + np.diag(1.0 / prior)
        pull = np.einsum("nm,nmj->j", precision * misses, slopes) - shift / prior
        covariance = np.linalg.inv(information)
        shift = shift + covariance @ pull
    return Posterior(shift=shift, covariance=covariance)


def shifted(cases: Sequence[Case], fit: Calibration, found: Posterior) -> Shifted:
    """Predictions of `cases` of the group with its constants shifted, and their spread."""
    problem = _group(cases)
    values = _values(problem, fit) + found.shift
    at = problem.predicted_log(values, fit)
    slopes = problem.jacobian(values, fit, at)
    moved = np.einsum("nmj,jk,nmk->nm", slopes, found.covariance, slopes)
    return Shifted(predicted_log=at, sd_log=np.sqrt(moved + noise_sd_log(cases, fit.noise_sd_log) ** 2))


def _group(cases: Sequence[Case]) -> Problem:
    problem = Problem(cases)
    if not cases or len(set(problem.groups.tolist())) > 1:
        raise InputError(
            "measured points must be of one model on one accelerator in one engine; give one group at a time"
        )
    return problem


def _values(problem: Problem, fit: Calibration) -> Values:
    return np.array([fit.values_link(one) for one in problem.features])[problem.deployments]

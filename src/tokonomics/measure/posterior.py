"""A user's own measurements shift the constants by Bayes' rule and narrow the interval.

Before them, the constants of a group (a model on an accelerator in an engine) are normal about what its features
foretell, on the link scale, with the spread that held-out groups showed. A part of that spread is of the whole group, a
part of the weight format and the rest of the layout, so a point says most of its own layout and least of another
format. A measured point is the prediction times a log-normal error. The most likely constants are found by Gauss-Newton
with halved steps; the covariance is that of the linearised problem.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tokonomics.errors import InputError
from tokonomics.measure.calibration.labels import noise_sd_log
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.case import Case
from tokonomics.physics.calibration import Calibration, Values
from tokonomics.physics.evidence import Level, levels_of

_ROUNDS: Final = 40
_MOST_HALVINGS: Final = 8
_SHARES_FRAC: Final = np.array([0.35, 0.35, 0.3])
"""Of the prior variance: the group's, the weight format's and the layout's own, as in `physics.evidence.levels_of`."""
_OWN_NOISE_RATIO: Final = 0.35
"""Noise of own points over that of the corpus: they come from one system, not from many sources."""
_LEAST_SHARE_FRAC: Final = 1e-6
_JACOBIAN_STEP_LINK: Final = 1e-3
_SETTLED_LINK: Final = 1e-7
_MOST_VARIANCE_LINK: Final = 0.1
"""Beyond this a constant that a few points hardly tell would chase their noise."""


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """What points say of a group: the shifts of its constants on the link scale, (levels, constants), and the spread.

    The shift of a deployment is the sum over its levels. `covariance`, (levels x constants) squared, and the shift take
    the points at the noise of one system. `known_frac` (directions, levels, constants), as `physics.evidence` holds it,
    takes them at the noise of the corpus: what they say of other loads and of the other layouts and formats of the
    group is less sure than what they say of themselves. Held-out groups then stay as well covered as before. `prior`
    (constants,) is the variance that a deployment without points has.
    """

    levels: tuple[Level, ...]
    shift: Values
    covariance: Values
    known_frac: Values
    prior: Values


@dataclass(frozen=True, kw_only=True)
class Shifted:
    """Predictions of a group after its points: logs and their standard deviations, shape (cases, metrics)."""

    predicted_log: Values
    sd_log: Values


@dataclass(frozen=True, kw_only=True)
class _Points:
    """Measured values of a group, their precision (0 where nothing was measured), and the prior of the unknowns.

    The unknowns are the shifts of `levels`, one after the other; `is_of` (cases, levels) is 1 where a case is of one.
    """

    measured_log: Values
    precision: Values
    levels: tuple[Level, ...]
    is_of: Values
    prior: Values

    def misses(self, at: Values) -> Values:
        """Measured less predicted logs; 0 where either is missing."""
        return np.where((self.precision > 0.0) & np.isfinite(at), self.measured_log - at, 0.0)

    def cost(self, at: Values, shift: Values) -> float:
        """Twice the negative logarithm of the posterior, but for a constant."""
        return float((self.precision * self.misses(at) ** 2).sum() + (shift**2 / self.prior).sum())


def posterior(measured: Sequence[Case], fit: Calibration) -> Posterior:
    """Constants of one group after the `measured` cases of it; raises InputError where they are not of one group."""
    points, tangent = _points(measured, fit), _level_tangent(measured, fit)
    shift = np.zeros(len(points.prior))
    at, slopes = tangent(shift)
    for _ in range(_ROUNDS):
        step = _covariance(points, slopes) @ _pull(points, at, slopes, shift)
        cost = points.cost(at, shift)
        for halving in range(_MOST_HALVINGS):  # slopes turn where constants move far, so a whole step may overshoot
            moved = shift + step * 0.5**halving
            at, slopes = tangent(moved)
            if points.cost(at, moved) <= cost:
                break
        else:
            moved, (at, slopes) = shift, tangent(shift)
        shift, change = moved, np.abs(moved - shift).max()
        if change < _SETTLED_LINK:
            break
    return Posterior(
        levels=points.levels,
        shift=shift.reshape(len(points.levels), -1),
        covariance=_covariance(points, slopes),
        known_frac=_known_frac(points, slopes),
        prior=_prior(_group(measured), fit),
    )


def _points(measured: Sequence[Case], fit: Calibration) -> _Points:
    problem = _group(measured)
    noise = _OWN_NOISE_RATIO * noise_sd_log(measured, fit.noise_sd_log)
    levels = _levels(measured)
    return _Points(
        measured_log=problem.measured_log,
        precision=np.where(np.isfinite(problem.measured_log), 1.0 / noise**2, 0.0),
        levels=levels,
        is_of=_is_of(measured, levels),
        prior=np.outer(_shares_frac(levels), _prior(problem, fit)).ravel(),
    )


def _prior(problem: Problem, fit: Calibration) -> Values:
    """Variance of each constant of a deployment before any point, (constants,)."""
    prior = np.mean([fit.variance_link(one) for one in problem.features], axis=0)
    return np.asarray(np.clip(prior, 1e-12, _MOST_VARIANCE_LINK))


def _levels(cases: Sequence[Case]) -> tuple[Level, ...]:
    """All levels of `cases`, each once, in the order of their first."""
    every = (level for case in cases for level in levels_of(case.replica.deployment.layout))
    return tuple(dict.fromkeys(every))


def _is_of(cases: Sequence[Case], levels: Sequence[Level]) -> Values:
    """1 where a case is of a level, else 0; shape (cases, levels)."""
    of_cases = [levels_of(case.replica.deployment.layout) for case in cases]
    return np.array([[float(level in mine) for level in levels] for mine in of_cases])


def _shares_frac(levels: Sequence[Level]) -> Values:
    """Share of the prior variance that each level has."""
    return np.asarray(_SHARES_FRAC[[min(len(level), 2) for level in levels]])


def _covariance(points: _Points, slopes: Values) -> Values:
    """Inverse of what the points and the prior tell, at these slopes."""
    information = np.einsum("nm,nmj,nmk->jk", points.precision, slopes, slopes)
    return np.asarray(np.linalg.inv(information + np.diag(1.0 / points.prior)))


def _pull(points: _Points, at: Values, slopes: Values, shift: Values) -> Values:
    """Slope of the log posterior at `shift`."""
    weighed = points.precision * points.misses(at)
    return np.asarray(np.einsum("nm,nmj->j", weighed, slopes) - shift / points.prior)


def shifted(cases: Sequence[Case], fit: Calibration, found: Posterior) -> Shifted:
    """Predictions of `cases` of the group with its constants shifted, and their spread."""
    problem, is_of = _group(cases), _is_of(cases, found.levels)
    values = _values(problem, fit) + is_of @ found.shift
    at = problem.predicted_log(values, fit)
    slopes = problem.jacobian(values, fit, at)
    unmeasured = 1.0 - is_of @ _shares_frac(found.levels)
    moved = unmeasured[:, None] * (slopes**2 @ found.prior)
    of_levels = _of_levels(slopes, is_of)
    moved += np.einsum("nmj,jk,nmk->nm", of_levels, found.covariance, of_levels)
    return Shifted(predicted_log=at, sd_log=np.sqrt(moved + noise_sd_log(cases, fit.noise_sd_log) ** 2))


def _level_tangent(cases: Sequence[Case], fit: Calibration) -> Callable[[Values], tuple[Values, Values]]:
    """Predictions and slopes of `cases` as a function of the shifts of their levels, one after the other."""
    base, tangent, is_of = _values(_group(cases), fit), _tangent(cases, fit), _is_of(cases, _levels(cases))

    def at(shift: Values) -> tuple[Values, Values]:
        logs, slopes = tangent(base + is_of @ shift.reshape(is_of.shape[1], -1))
        return logs, _of_levels(slopes, is_of)

    return at


def _of_levels(slopes: Values, is_of: Values) -> Values:
    """Slopes with the shifts of levels, (cases, metrics, levels x constants), from those with the constants."""
    return np.asarray(np.einsum("nl,nmj->nmlj", is_of, slopes).reshape(*slopes.shape[:2], -1))


def _tangent(cases: Sequence[Case], fit: Calibration) -> Callable[[Values], tuple[Values, Values]]:
    """Predictions and slopes of `cases` as a function of their constants; all moved constants in one evaluation."""
    size = len(fit.constants)
    problem = Problem(list(cases) * (size + 1))
    moves = np.concatenate([np.zeros((1, size)), _JACOBIAN_STEP_LINK * np.eye(size)])

    def at(values: Values) -> tuple[Values, Values]:
        moved = (values + moves[:, None, :]).reshape(-1, size)
        logs = problem.predicted_log(moved, fit).reshape(size + 1, len(cases), -1)
        slopes = np.moveaxis((logs[1:] - logs[0]) / _JACOBIAN_STEP_LINK, 0, -1)
        return logs[0], np.where(np.isfinite(slopes), slopes, 0.0)

    return at


def _known_frac(points: _Points, slopes: Values) -> Values:
    """Directions that points tell at the noise of the corpus, in units of a deployment's prior deviations.

    Each has the length of the share that is known: a value of which a deviation of the prior would move the prediction
    by s deviations of its noise leaves 1/(1 + s^2) of the variance. Shape (directions, levels, constants).
    """
    precision = _OWN_NOISE_RATIO**2 * points.precision
    told = slopes * np.sqrt(points.prior) * np.sqrt(precision)[..., None]
    _, strength, directions = np.linalg.svd(told.reshape(-1, len(points.prior)), full_matrices=False)
    known = strength / np.sqrt(1.0 + strength**2)
    kept = known > _LEAST_SHARE_FRAC
    of_levels = (known[kept, None] * directions[kept]).reshape(kept.sum(), len(points.levels), -1)
    return np.asarray(of_levels * np.sqrt(_shares_frac(points.levels))[:, None])


def _group(cases: Sequence[Case]) -> Problem:
    problem = Problem(cases)
    if not cases or len(set(problem.groups.tolist())) > 1:
        raise InputError(
            "measured points must be of one model on one accelerator in one engine; give one group at a time"
        )
    return problem


def _values(problem: Problem, fit: Calibration) -> Values:
    return np.array([fit.values_link(one) for one in problem.features])[problem.deployments]

"""The fit: Gauss-Newton with damping on a robust loss and Gaussian priors, from a start that no data chose.

The loss is annealed, wide first: with all measurements trusted at once, Student's t would forgive a whole engine that
starts far off instead of moving its constants.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.measure.calibration.design import CONSTANTS, Design, sigma_log
from tokonomics.measure.calibration.problem import Problem
from tokonomics.physics.calibration import Calibration, Values

_DEGREES: Final = 4.0
_WIDTHS: Final = (4.0, 2.0, 1.4, 1.0)
_STEPS: Final = 6
_LAST_STEPS: Final = 10
_TOLERANCE: Final = 3e-3
_GROUP_POWER: Final = 0.3
_TYPICAL_GROUP: Final = 20.0


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Weights (features, constants), log predictions there (cases, metrics), information of deployments' constants."""

    weights: Values
    predicted_log: Values
    information: Values


def row_weights(problem: Problem) -> Values:
    """Weight of each case: rows of one group are near-copies, so a large group counts less a row than a small one."""
    sizes = np.bincount(problem.groups)[problem.groups]
    return np.asarray((sizes / _TYPICAL_GROUP) ** -_GROUP_POWER)


def solve(problem: Problem, unknowns: Design, shape: Calibration, kept: NDArray[np.bool_]) -> Solution:
    """Fit the weights to the `kept` cases (a mask); `shape` carries the links of the constants."""
    measured = np.where(kept[:, None], problem.measured_log, np.nan)
    counts = row_weights(problem)[:, None]
    weights = np.zeros(unknowns.prior_variance.shape)
    found = None
    for width in _WIDTHS:
        fit = _Fit(problem, unknowns, shape, measured, counts, width * sigma_log())
        found = fit.descend(weights, _LAST_STEPS if width == 1.0 else _STEPS)
        weights = found.weights
    assert found is not None
    return found


class _Fit:
    """One width of the loss."""

    def __init__(
        self, problem: Problem, unknowns: Design, shape: Calibration, measured: Values, counts: Values, sigma: Values
    ) -> None:
        self._problem, self._unknowns, self._shape = problem, unknowns, shape
        self._measured, self._counts, self._sigma = measured, counts, sigma
        with np.errstate(divide="ignore"):
            precision = 1.0 / unknowns.prior_variance
        self._precision = np.where(np.isfinite(precision), precision, 0.0)

    def descend(self, weights: Values, most_steps: int) -> Solution:
        """Steps of Gauss-Newton until the loss falls by less than the tolerance."""
        damping = 1.0
        predicted = self._predicted(weights)
        loss = self._loss(predicted, weights)
        information = np.zeros(0)
        for _ in range(most_steps):
            information, slope = self._normal_equations(weights, predicted)
            for _ in range(8):
                tried = weights + self._step(information, slope, damping)
                predicted_there = self._predicted(tried)
                loss_there = self._loss(predicted_there, tried)
                if loss_there < loss:
                    break
                damping *= 8.0
            else:
                break
            gain, damping = loss - loss_there, max(damping / 6.0, 1e-3)
            weights, predicted, loss = tried, predicted_there, loss_there
            if gain < _TOLERANCE * loss:
                break
        return Solution(weights=weights, predicted_log=predicted, information=information)

    def _predicted(self, weights: Values) -> Values:
        return self._problem.predicted_log(self._values(weights), self._shape)

    def _values(self, weights: Values) -> Values:
        return self._unknowns.values(weights)[self._problem.deployments]

    def _misses(self, predicted: Values) -> tuple[Values, NDArray[np.bool_]]:
        misses = self._measured - predicted
        known = np.isfinite(misses)
        return np.where(known, misses, 0.0), known

    def _loss(self, predicted: Values, weights: Values) -> float:
        misses, _ = self._misses(predicted)
        robust = self._counts * _DEGREES * np.log1p((misses / self._sigma) ** 2 / _DEGREES)
        return float(0.5 * robust.sum() + 0.5 * (weights**2 * self._precision).sum())

    def _normal_equations(self, weights: Values, predicted: Values) -> tuple[Values, Values]:
        """Information of each deployment's constants, (deployments, constants, constants), and the downhill slope."""
        misses, known = self._misses(predicted)
        trust = known * self._counts / (1.0 + (misses / self._sigma) ** 2 / _DEGREES) / self._sigma**2
        jacobian = self._problem.jacobian(self._values(weights), self._shape, predicted)
        num = len(self._problem.features)
        information = np.zeros((num, len(CONSTANTS), len(CONSTANTS)))
        pull = np.zeros((num, len(CONSTANTS)))
        cases = np.einsum("nm,nmj,nmk->njk", trust, jacobian, jacobian, optimize=True)
        np.add.at(information, self._problem.deployments, cases)
        np.add.at(pull, self._problem.deployments, np.einsum("nm,nmj->nj", trust * misses, jacobian))
        return information, self._unknowns.table.T @ pull - weights * self._precision

    def _step(self, information: Values, slope: Values, damping: float) -> Values:
        """Solve (H + damping x prior) step = slope by conjugate gradients, with unknowns in prior deviations."""
        scale, table = np.sqrt(self._unknowns.prior_variance), self._unknowns.table

        def curvature(u: Values) -> Values:
            moved = table @ (scale * u)
            bent = np.einsum("djk,dk->dj", information, moved)
            return np.asarray(scale * (table.T @ bent) + (1.0 + damping) * u)

        diagonal = scale**2 * ((table**2).T @ np.einsum("djj->dj", information)) + 1.0 + damping
        return np.asarray(scale * _conjugate_gradients(curvature, scale * slope, diagonal))


def _conjugate_gradients(curvature: Callable[[Values], Values], right: Values, diagonal: Values) -> Values:
    """Solve curvature(u) = right to a thousandth; `diagonal` preconditions."""
    found, rest = np.zeros_like(right), right.copy()
    direction = rest / diagonal
    size = float(np.vdot(rest, direction))
    goal = 1e-3 * float(np.linalg.norm(right))
    for _ in range(150):
        bent = curvature(direction)
        length = size / float(np.vdot(direction, bent))
        found = found + length * direction
        rest = rest - length * bent
        if float(np.linalg.norm(rest)) <= goal:
            break
        scaled = rest / diagonal
        new_size = float(np.vdot(rest, scaled))
        direction = scaled + new_size / size * direction
        size = new_size
    return found

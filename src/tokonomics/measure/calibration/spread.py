"""How far off predictions are: what varies from group to group, what from row to row, and how wide intervals must be.

A held-out group misses by what its own constants differ from those its features foretell, which moves all its rows
together, and by the noise of each row. The first is a variance of each constant, the second one of each metric and
mode; both are estimated by expectation and maximisation on the misses of held-out groups.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tokonomics.measure.calibration.design import CONSTANTS, Design, block_variance
from tokonomics.measure.calibration.labels import noise_labels
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.calibration.solve import Solution
from tokonomics.physics.calibration import Values

_ROUNDS: Final = 40
_LEAST_VARIANCE: Final = 1e-4
_MOST_VARIANCE: Final = 0.3
"""Bounds of a variance on the link scale: a share near the peak hardly moves the prediction, so that misses alone would
let it stray without end."""
_LEAST_SD: Final = 0.02
_CLIP: Final = 1.5
"""Misses beyond a factor of e^1.5 are some other failure, such as a wrong layout, and teach nothing about constants."""
_SHRINK_ROWS: Final = 40.0


@dataclass(frozen=True, kw_only=True)
class GroupSpread:
    """Variance of each constant between groups on the link scale, and log noise by `metric/mode`."""

    variance: Values
    noise_sd_log: Mapping[str, float]


def weight_variances(problem: Problem, unknowns: Design, solution: Solution) -> Values:
    """Posterior variance of every weight, (features, constants): the diagonal of the inverse of information plus prior.

    The weights that may move, constant by constant, are the rows of one dense matrix.
    """
    moving = [np.flatnonzero(column) for column in unknowns.prior_variance.T]
    tables = [np.ascontiguousarray(unknowns.table[:, chosen]) for chosen in moving]
    information = solution.information
    rows = [
        [left.T @ (information[:, j, k, None] * right) for k, right in enumerate(tables)]
        for j, left in enumerate(tables)
    ]
    curvature = np.block(rows)
    prior = np.concatenate([unknowns.prior_variance[chosen, j] for j, chosen in enumerate(moving)])
    curvature[np.diag_indices_from(curvature)] += 1.0 / prior
    found = np.zeros(unknowns.prior_variance.shape)
    found[np.concatenate(moving), np.repeat(np.arange(len(CONSTANTS)), list(map(len, moving)))] = np.linalg.inv(
        curvature
    ).diagonal()
    return found


def group_spread(problem: Problem, misses: Values, jacobian: Values) -> GroupSpread:
    """Estimate both variances from the `misses` (cases, metrics) of held-out groups and the slopes there."""
    names = np.array(noise_labels(problem.cases))
    labels = sorted(set(names[np.isfinite(misses)].tolist()))
    label_of = {name: i for i, name in enumerate(labels)}
    flat = np.isfinite(misses) & (np.abs(misses) < _CLIP)
    rows, metrics = np.nonzero(flat)
    label = np.array([label_of[names[r, m]] for r, m in zip(rows, metrics)])
    y, x, group = misses[rows, metrics], jacobian[rows, metrics], problem.groups[rows]
    variance, noise = np.full(len(CONSTANTS), 0.05), np.full(len(labels), 0.02)
    order = np.argsort(group, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    for _ in range(_ROUNDS):
        moment, left = np.zeros(len(CONSTANTS)), np.zeros(len(y))
        for part in parts:
            weighted = x[part] / noise[label[part], None]
            cov = np.linalg.inv(weighted.T @ x[part] + np.diag(1.0 / variance))
            mean = cov @ (weighted.T @ y[part])
            moment += mean**2 + cov.diagonal()
            left[part] = (y[part] - x[part] @ mean) ** 2 + np.einsum("ij,jk,ik->i", x[part], cov, x[part])
        variance = np.clip(moment / len(parts), _LEAST_VARIANCE, _MOST_VARIANCE)
        total, count = np.bincount(label, left, len(labels)), np.bincount(label, minlength=len(labels))
        noise = np.maximum(total / np.maximum(count, 1), _LEAST_SD**2)
    return GroupSpread(variance=variance, noise_sd_log=dict(zip(labels, np.sqrt(noise).tolist())))


def feature_variances(problem: Problem, variance_of: Mapping[str, Values]) -> Values:
    """Variance that the weights leave to the constants of every deployment; the prior of unseen features."""
    out = np.zeros((len(problem.features), len(CONSTANTS)))
    for row, one in enumerate(problem.features):
        for name, value in one:
            known = variance_of.get(name)
            out[row] += value**2 * (block_variance(name.partition(":")[0]) if known is None else known)
    return out


def predictive_sd_log(jacobian: Values, constants_variance: Values, noise_sd_log: Values) -> Values:
    """Spread of log predictions, shape (cases, metrics), from constants' variances (cases, constants) and noise."""
    moved = np.einsum("nmj,nj->nm", jacobian**2, constants_variance)
    return np.asarray(np.sqrt(moved + noise_sd_log**2))


def stretches(sizes: Values, kinds: Sequence[Sequence[Sequence[str]]], weights: Values) -> Mapping[str, float]:
    """Factors that make 80 % of `sizes` = |miss| / (1.28 sd), shape (n, metrics), at most 1: by each kind of label.

    `kinds` holds for each kind, such as mode or engine, the label of every entry of `sizes`. Factors of a kind are
    worked out after those before it, shrunk towards 1 where rows are few; they multiply. `weights`, shape (n,), says
    how much each row counts among the 80 %.
    """
    left = sizes.copy()
    shares = np.broadcast_to(weights[:, None], sizes.shape)
    found: dict[str, float] = {}
    for kind in kinds:
        labels = np.array(kind)
        for label in sorted(set(labels[np.isfinite(left)].tolist())):
            here = (labels == label) & np.isfinite(left)
            factor = _weighted_quantile(left[here], shares[here], 0.8)
            shrunk = float(np.exp(np.log(factor) * here.sum() / (here.sum() + _SHRINK_ROWS)))
            found[label] = shrunk
            left[here] /= shrunk
    return found


def _weighted_quantile(sample: Values, weights: Values, share_frac: float) -> float:
    """The value below which `share_frac` of the weight of `sample` lies; each entry's weight is about its value."""
    order = np.argsort(sample, kind="stable")
    held = weights[order]
    middles = np.cumsum(held) - held / 2.0
    return float(np.interp(share_frac * held.sum(), middles, sample[order]))

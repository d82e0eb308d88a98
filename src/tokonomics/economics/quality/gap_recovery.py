"""How well a confidence separates: its AUROC, and the share of the quality gap that escalations recover."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.quality.cascade_curve import Array
from tokonomics.economics.quality.cascade_eval import Mask, TwoTier, threshold_curve
from tokonomics.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class GapRecovery:
    """The gap between a weak and a strong model, as escalations close it.

    `mean_gap_ratio` is the mean share of the gap recovered over all shares of escalation (APGR): 0.5 for a
    coin. `fixed_frac` and `broken_frac` are the queries that the strong model repairs and spoils.
    """

    weak_quality_frac: float
    strong_quality_frac: float
    oracle_quality_frac: float
    fixed_frac: float
    broken_frac: float
    mean_gap_ratio: float


def auroc_frac(confidence: ArrayLike, is_correct: ArrayLike) -> float | None:
    """The chance that a right answer has more confidence than a wrong one, ties counted half; None if all alike.

    Both of shape (queries,). It says how separable answers are, not whether a cascade pays.

    >>> auroc_frac([0.9, 0.8, 0.3, 0.1], [True, False, True, False])
    0.75
    """
    trust, right = np.asarray(confidence, dtype=np.float64), np.asarray(is_correct, dtype=bool)
    if trust.ndim != 1 or trust.shape != right.shape or not np.isfinite(trust).all():
        raise InputError("confidence and is_correct need one finite entry a query; repair them")
    positives, negatives = int(right.sum()), int((~right).sum())
    if not positives or not negatives:
        return None
    rank_sum = float(_mean_ranks(trust)[right].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def gap_recovery(data: TwoTier) -> GapRecovery:
    """How much of the gap the escalations of a confidence recover.

    Raises: InputError when the strong model is no better than the weak one: there is no gap.
    """
    weak, strong = float(data.weak_score_frac.mean()), float(data.strong_score_frac.mean())
    if not strong > weak:
        raise InputError(f"strong quality {strong:.3f} is not above weak quality {weak:.3f}; there is no gap")
    curve = threshold_curve(data)
    recovered = (curve.quality_frac - weak) / (strong - weak)
    return GapRecovery(
        weak_quality_frac=weak,
        strong_quality_frac=strong,
        oracle_quality_frac=float(np.maximum(data.weak_score_frac, data.strong_score_frac).mean()),
        fixed_frac=float((data.strong_score_frac > data.weak_score_frac).mean()),
        broken_frac=float((data.strong_score_frac < data.weak_score_frac).mean()),
        mean_gap_ratio=float(np.trapezoid(recovered, curve.escalated_frac)),
    )


def escalated_for_quality_frac(data: TwoTier, *, target_frac: float) -> float | None:
    """The smallest share of queries, by rising confidence, whose escalation reaches a quality; None at no share."""
    Checks().fraction(target_frac=target_frac).done()
    curve = threshold_curve(data)
    return _first(curve.escalated_frac, curve.quality_frac >= target_frac - 1e-12)


def random_for_quality_frac(data: TwoTier, *, target_frac: float) -> float | None:
    """The share of random escalations that reaches a quality in expectation."""
    Checks().fraction(target_frac=target_frac).done()
    weak, strong = float(data.weak_score_frac.mean()), float(data.strong_score_frac.mean())
    if target_frac <= weak:
        return 0.0
    return (target_frac - weak) / (strong - weak) if target_frac <= strong else None


def oracle_for_quality_frac(data: TwoTier, *, target_frac: float) -> float | None:
    """The smallest share of any escalations that reaches a quality: the largest repairs first."""
    Checks().fraction(target_frac=target_frac).done()
    gains = np.sort(np.maximum(data.strong_score_frac - data.weak_score_frac, 0.0))[::-1]
    quality = data.weak_score_frac.mean() + np.concatenate(([0.0], np.cumsum(gains))) / gains.size
    return _first(np.arange(gains.size + 1) / gains.size, quality >= target_frac - 1e-12)


def _first(values: Array, holds: Mask) -> float | None:
    found = np.flatnonzero(holds)
    return float(values[found[0]]) if found.size else None


def _mean_ranks(values: Array) -> Array:
    """Ranks from 1, ties at their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Array = (last - (counts - 1) / 2.0)[inverse]
    return ranks

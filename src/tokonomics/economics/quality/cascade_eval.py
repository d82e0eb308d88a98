"""A two-tier cascade on per-query data: the threshold is chosen on one half and judged on the other.

A query is escalated when the weak tier's confidence lies below a threshold; it then pays both tiers. Every
result stands beside the strong model alone, random mixing at the same quality, and an oracle that escalates
exactly what the strong model repairs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.quality.cascade_curve import Array, as_pair
from tokonomics.errors import InputError

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TwoTier:
    """Scores (0..1) and costs (USD) of both tiers and the weak tier's confidence, each of shape (queries,).

    The weak cost contains whatever its confidence took (samples, a judge).
    """

    weak_score_frac: Array
    weak_cost_usd: Array
    strong_score_frac: Array
    strong_cost_usd: Array
    confidence_frac: Array

    @classmethod
    def of(
        cls,
        *,
        weak_score: ArrayLike,
        weak_cost_usd: ArrayLike,
        strong_score: ArrayLike,
        strong_cost_usd: ArrayLike,
        confidence: ArrayLike,
    ) -> "TwoTier":
        """Check and pair the arrays; a scalar cost stands for every query."""
        scores = np.asarray(weak_score, dtype=np.float64)
        weak = as_pair(np.broadcast_to(np.asarray(weak_cost_usd, dtype=np.float64), scores.shape), scores)
        strong = as_pair(np.broadcast_to(np.asarray(strong_cost_usd, dtype=np.float64), scores.shape), strong_score)
        trust = np.asarray(confidence, dtype=np.float64)
        if trust.shape != scores.shape or not np.isfinite(trust).all():
            raise InputError(f"confidence has shape {trust.shape}, or is not finite; give one value a query")
        return cls(
            weak_cost_usd=weak[0],
            weak_score_frac=weak[1],
            strong_cost_usd=strong[0],
            strong_score_frac=strong[1],
            confidence_frac=trust,
        )

    def part(self, chosen: Mask) -> "TwoTier":
        """The queries where `chosen`, of shape (queries,), is true."""
        return TwoTier(
            weak_score_frac=self.weak_score_frac[chosen],
            weak_cost_usd=self.weak_cost_usd[chosen],
            strong_score_frac=self.strong_score_frac[chosen],
            strong_cost_usd=self.strong_cost_usd[chosen],
            confidence_frac=self.confidence_frac[chosen],
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ThresholdCurve:
    """Every distinct threshold, from escalating nothing to everything; all of shape (thresholds,)."""

    threshold_frac: Array
    escalated_frac: Array
    quality_frac: Array
    cost_usd: Array


@dataclass(frozen=True, kw_only=True, slots=True)
class CascadeEvaluation:
    """A cascade judged on queries it was not tuned on, beside its rivals on the same queries.

    `target_frac` is the quality asked for. `random_usd_per_request` is what mixing the two models at random
    costs at the quality that was reached; None where both are equally good.
    """

    threshold_frac: float
    target_frac: float
    is_met: bool
    quality_frac: float
    escalated_frac: float
    cost_usd_per_request: float
    weak_quality_frac: float
    strong_quality_frac: float
    strong_usd_per_request: float
    random_usd_per_request: float | None
    oracle_quality_frac: float
    oracle_usd_per_request: float
    saving_vs_strong_frac: float
    saving_vs_random_frac: float | None


def split_halves(num_queries: int, rng: np.random.Generator) -> Mask:
    """A random half of the queries, as a mask of shape (num_queries,): tune where true, judge where false."""
    Checks().count(2, num_queries=num_queries).done()
    chosen = np.zeros(num_queries, dtype=bool)
    chosen[rng.permutation(num_queries)[: num_queries // 2]] = True
    return chosen


def threshold_curve(data: TwoTier) -> ThresholdCurve:
    """Quality and cost at every threshold at which something changes."""
    order = np.argsort(data.confidence_frac, kind="stable")
    trust = data.confidence_frac[order]
    gain = np.concatenate(([0.0], np.cumsum((data.strong_score_frac - data.weak_score_frac)[order])))
    spent = np.concatenate(([0.0], np.cumsum(data.strong_cost_usd[order])))
    ends = np.concatenate(([0], np.flatnonzero(np.diff(trust)) + 1, [trust.size]))
    return ThresholdCurve(
        threshold_frac=np.append(trust[ends[:-1]], np.inf),
        escalated_frac=ends / trust.size,
        quality_frac=data.weak_score_frac.mean() + gain[ends] / trust.size,
        cost_usd=data.weak_cost_usd.mean() + spent[ends] / trust.size,
    )


def choose_threshold_frac(data: TwoTier, *, target_frac: float) -> float:
    """The threshold that reaches a quality with the fewest escalations; infinite (escalate all) where none does."""
    Checks().fraction(target_frac=target_frac).done()
    curve = threshold_curve(data)
    good = np.flatnonzero(curve.quality_frac >= target_frac - 1e-12)
    return float(curve.threshold_frac[good[0]]) if good.size else float("inf")


def evaluate_cascade(data: TwoTier, *, fit: Mask, of_strong_frac: float = 1.0) -> CascadeEvaluation:
    """Choose the threshold where `fit` is true, to reach `of_strong_frac` of the strong model; judge elsewhere."""
    Checks().fraction(of_strong_frac=of_strong_frac).done()
    if fit.shape != data.confidence_frac.shape or not fit.any() or fit.all():
        raise InputError("fit must be a mask with true and false entries, one a query; see split_halves")
    tuned, judged = data.part(fit), data.part(~fit)
    threshold = choose_threshold_frac(tuned, target_frac=of_strong_frac * float(tuned.strong_score_frac.mean()))
    return judge_threshold(judged, threshold_frac=threshold, of_strong_frac=of_strong_frac)


def judge_threshold(data: TwoTier, *, threshold_frac: float, of_strong_frac: float = 1.0) -> CascadeEvaluation:
    """A given threshold on given queries, beside the rivals."""
    up = data.confidence_frac < threshold_frac
    quality = float(np.where(up, data.strong_score_frac, data.weak_score_frac).mean())
    cost = float((data.weak_cost_usd + np.where(up, data.strong_cost_usd, 0.0)).mean())
    repairs = data.strong_score_frac > data.weak_score_frac
    weak, strong = float(data.weak_score_frac.mean()), float(data.strong_score_frac.mean())
    strong_usd = float(data.strong_cost_usd.mean())
    random_usd = _random_mix_usd(float(data.weak_cost_usd.mean()), strong_usd, weak, strong, quality)
    return CascadeEvaluation(
        threshold_frac=threshold_frac,
        target_frac=of_strong_frac * strong,
        is_met=quality >= of_strong_frac * strong - 1e-12,
        quality_frac=quality,
        escalated_frac=float(up.mean()),
        cost_usd_per_request=cost,
        weak_quality_frac=weak,
        strong_quality_frac=strong,
        strong_usd_per_request=strong_usd,
        random_usd_per_request=random_usd,
        oracle_quality_frac=float(np.maximum(data.weak_score_frac, data.strong_score_frac).mean()),
        oracle_usd_per_request=float((data.weak_cost_usd + np.where(repairs, data.strong_cost_usd, 0.0)).mean()),
        saving_vs_strong_frac=1.0 - cost / strong_usd if strong_usd else 0.0,
        saving_vs_random_frac=1.0 - cost / random_usd if random_usd else None,
    )


def _random_mix_usd(weak_usd: float, strong_usd: float, weak: float, strong: float, quality: float) -> float | None:
    """Sending a random share straight to the strong model and the rest to the weak one, for a given quality."""
    if strong == weak:
        return None
    share = min(max((quality - weak) / (strong - weak), 0.0), 1.0)
    return weak_usd + share * (strong_usd - weak_usd)

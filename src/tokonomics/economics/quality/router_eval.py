"""A predictive router over several models: it pays one model a query, chosen by predicted quality and price.

A query goes to the model with the largest (predicted quality - price of a dollar x cost). Sweeping that price
draws the router's cost-quality curve; one price is chosen on some queries and judged on others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.quality.cascade_curve import (
    Array,
    Hull,
    as_pair,
    cost_at_quality_usd_per_request,
    hull_area_frac,
    upper_hull,
)
from tokonomics.economics.quality.cascade_eval import Mask
from tokonomics.errors import InputError

Choice = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pool:
    """Models answering the same queries: scores (0..1) and costs (USD), both of shape (queries, models)."""

    names: tuple[str, ...]
    score_frac: Array
    cost_usd: Array

    @classmethod
    def of(cls, names: Sequence[str], *, score: ArrayLike, cost_usd: ArrayLike) -> "Pool":
        """Check and pair the arrays; costs of shape (models,) stand for every query."""
        scores = np.asarray(score, dtype=np.float64)
        costs = np.asarray(cost_usd, dtype=np.float64)
        if scores.ndim != 2 or scores.shape[1] != len(names) or costs.shape[-1:] != scores.shape[-1:]:
            raise InputError(
                f"{len(names)} models, scores of shape {scores.shape}, costs {costs.shape}; give (queries, models)"
            )
        costs = np.broadcast_to(costs, scores.shape)
        as_pair(costs.ravel(), scores.ravel())
        return cls(names=tuple(names), score_frac=scores, cost_usd=costs)

    @property
    def hull(self) -> Hull:
        """The hull of the models alone: what random mixing of single models offers."""
        return upper_hull(self.cost_usd.mean(axis=0), self.score_frac.mean(axis=0))

    @property
    def span_usd_per_request(self) -> tuple[float, float]:
        """The mean costs of the cheapest and the dearest model."""
        means = self.cost_usd.mean(axis=0)
        return float(means.min()), float(means.max())

    def part(self, chosen: Mask) -> "Pool":
        """The queries where `chosen`, of shape (queries,), is true."""
        return Pool(names=self.names, score_frac=self.score_frac[chosen], cost_usd=self.cost_usd[chosen])


@dataclass(frozen=True, kw_only=True, slots=True)
class RouterReport:
    """What a router costs at a quality, beside every rival; a saving is against that rival (None: it cannot).

    `area_frac` values are mean qualities under the hulls over the same range of costs.
    """

    target_frac: float
    router_usd_per_request: float | None
    best_single: str
    saving_vs_best_frac: float | None
    cheapest_adequate: str | None
    saving_vs_adequate_frac: float | None
    saving_vs_mixing_frac: float | None
    oracle_usd_per_request: float | None
    router_area_frac: float
    mixing_area_frac: float
    oracle_area_frac: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RouterJudgement:
    """A router tuned on some queries and judged on others.

    `trade_ratio` is the price that was chosen: the quality it gives up to save one dollar.
    """

    trade_ratio: float
    target_frac: float
    quality_frac: float
    is_met: bool
    router_usd_per_request: float
    saving_vs_best_frac: float | None
    saving_vs_adequate_frac: float | None


def route(predicted: ArrayLike, cost_usd: ArrayLike, *, quality_per_usd: float) -> Choice:
    """The model of each query: argmax of predicted quality - `quality_per_usd` x cost, the cheaper one on a tie.

    `predicted` has shape (queries, models), `cost_usd` that or (models,); the answer has shape (queries,).
    """
    Checks().non_negative(quality_per_usd=quality_per_usd).done()
    cost = np.broadcast_to(np.asarray(cost_usd, dtype=np.float64), np.shape(predicted))
    value = np.asarray(predicted, dtype=np.float64) - quality_per_usd * cost
    best = value.max(axis=1, keepdims=True)
    chosen: Choice = np.where(value >= best - 1e-12, cost, np.inf).argmin(axis=1)
    return chosen


def router_hull(
    pool: Pool, predicted: ArrayLike, *, num_prices: int = 200, expected_usd: ArrayLike | None = None
) -> Hull:
    """Sweep the price of a dollar and draw the hull of what the router really costs and keeps.

    `expected_usd` is the cost the router believes in, of shape (models,) or (queries, models); by default
    the mean cost of each model, since a real one is only known afterwards.
    """
    Checks().count(2, num_prices=num_prices).done()
    expected = pool.cost_usd.mean(axis=0) if expected_usd is None else expected_usd
    points = [_realised(pool, predicted, expected, float(price)) for price in _prices(pool, num_prices)]
    return upper_hull([cost for cost, _ in points], [quality for _, quality in points])


def report_router(
    pool: Pool, predicted: ArrayLike, *, of_best_frac: float, expected_usd: ArrayLike | None = None
) -> RouterReport:
    """The router at a share of the best single model's quality, beside its rivals on the same queries."""
    Checks().fraction(of_best_frac=of_best_frac).done()
    means, costs = pool.score_frac.mean(axis=0), pool.cost_usd.mean(axis=0)
    best = int(means.argmax())
    target = of_best_frac * float(means[best])
    adequate = min(np.flatnonzero(means >= target - 1e-12).tolist(), key=lambda index: costs[index])
    router = router_hull(pool, predicted, expected_usd=expected_usd)
    oracle = router_hull(pool, pool.score_frac, expected_usd=pool.cost_usd)
    usd = cost_at_quality_usd_per_request(router, target_frac=target)
    span = pool.span_usd_per_request
    return RouterReport(
        target_frac=target,
        router_usd_per_request=usd,
        best_single=pool.names[best],
        saving_vs_best_frac=_saving(usd, float(costs[best])),
        cheapest_adequate=pool.names[adequate],
        saving_vs_adequate_frac=_saving(usd, float(costs[adequate])),
        saving_vs_mixing_frac=_saving(usd, cost_at_quality_usd_per_request(pool.hull, target_frac=target)),
        oracle_usd_per_request=cost_at_quality_usd_per_request(oracle, target_frac=target),
        router_area_frac=hull_area_frac(router, span_usd_per_request=span),
        mixing_area_frac=hull_area_frac(pool.hull, span_usd_per_request=span),
        oracle_area_frac=hull_area_frac(oracle, span_usd_per_request=span),
    )


def evaluate_router(pool: Pool, predicted: ArrayLike, *, fit: Mask, of_best_frac: float) -> RouterJudgement:
    """Choose the price of a dollar where `fit` is true, to reach a share of the best model; judge elsewhere.

    Costs are expected from the queries where `fit` is true, so nothing of the judged half leaks into the
    choice.
    """
    Checks().fraction(of_best_frac=of_best_frac).done()
    tuned, judged, guesses = pool.part(fit), pool.part(~fit), np.asarray(predicted, dtype=np.float64)
    expected = tuned.cost_usd.mean(axis=0)
    target = of_best_frac * float(tuned.score_frac.mean(axis=0).max())
    price = _cheapest_price(tuned, guesses[fit], expected, target)
    cost, quality = _realised(judged, guesses[~fit], expected, price)
    means, costs = judged.score_frac.mean(axis=0), judged.cost_usd.mean(axis=0)
    goal = of_best_frac * float(means.max())
    adequate = min(costs[index] for index in np.flatnonzero(means >= goal - 1e-12))
    return RouterJudgement(
        trade_ratio=price,
        target_frac=goal,
        quality_frac=quality,
        is_met=quality >= goal - 1e-12,
        router_usd_per_request=cost,
        saving_vs_best_frac=_saving(cost, float(costs[means.argmax()])),
        saving_vs_adequate_frac=_saving(cost, float(adequate)),
    )


def _realised(pool: Pool, predicted: ArrayLike, expected: ArrayLike, price: float) -> tuple[float, float]:
    """What routing at a price really costs and keeps."""
    rows, chosen = np.arange(pool.score_frac.shape[0]), route(predicted, expected, quality_per_usd=price)
    return float(pool.cost_usd[rows, chosen].mean()), float(pool.score_frac[rows, chosen].mean())


def _cheapest_price(pool: Pool, predicted: Array, expected: Array, target_frac: float) -> float:
    """The price whose routing reaches a quality at the least cost; 0 (quality alone) where none does."""
    trials = [(*_realised(pool, predicted, expected, float(price)), float(price)) for price in _prices(pool, 200)]
    good = [(cost, price) for cost, quality, price in trials if quality >= target_frac - 1e-12]
    return min(good)[1] if good else 0.0


def _prices(pool: Pool, num_prices: int) -> Array:
    """0 and a logarithmic range in which every trade of quality for cost changes hands."""
    low, high = pool.span_usd_per_request
    gap = max(high - low, 1e-12)
    return np.concatenate(([0.0], np.logspace(-4, 6, num_prices - 1) / gap))


def _saving(usd: float | None, rival_usd: float | None) -> float | None:
    return None if usd is None or not rival_usd else 1.0 - usd / rival_usd

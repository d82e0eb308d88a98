"""A cascade or a router judged on per-query data, beside the simplest rivals: one model, or two mixed at random.

Everything that is chosen (threshold, price of a dollar, substitute, models) is chosen on one half of the queries;
every figure is of the other half.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.quality.cascade_curve import (
    Array,
    Hull,
    cost_at_quality_usd_per_request,
    hull_area_frac,
    upper_hull,
)
from tokonomics.economics.quality.cascade_eval import Mask, evaluate_cascade, split_halves, threshold_curve
from tokonomics.economics.quality.gap_recovery import auroc_frac
from tokonomics.economics.quality.router_eval import Pool, evaluate_router, router_hull
from tokonomics.economics.quality.routing_data import RoutingData
from tokonomics.economics.quality.routing_tiers import best_model, choose_tiers, two_tier, with_confidence
from tokonomics.errors import InputError

DEFAULT_LEVELS: Final = (0.95, 1.0)
_LEAST_USD: Final = 1e-15


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One way to answer the judged queries at a level, `of_best_frac` of the best single model.

    `saving_frac` is against that model; `is_met` says whether the level holds on the judged half.
    """

    of_best_frac: float
    way: str
    models: str
    quality_frac: float
    way_usd_per_request: float | None
    saving_frac: float | None
    is_met: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SingleModel:
    """A model on the judged half; `is_on_hull` where no mix of others is as good for less."""

    name: str
    quality_frac: float
    single_usd_per_request: float
    is_on_hull: bool


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CurveOf:
    """A cost-quality hull on the judged half and the mean quality under it, over the span that all hulls share."""

    name: str
    hull: Hull
    area_frac: float | None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RoutingAnswer:
    """What a cascade or router (`kind`) is worth on data; `credit_frac` is its saving against the substitute.

    `auroc_frac` says how well the confidence separates right from wrong; None for a router, or where all are alike.
    """

    kind: str
    routed_by: str
    best: str
    num_tuned: int
    num_judged: int
    ways: tuple[Way, ...]
    singles: tuple[SingleModel, ...]
    curves: tuple[CurveOf, ...]
    credits_frac: tuple[float | None, ...]
    auroc_frac: float | None
    thresholds_frac: tuple[float, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What tuning found for one level: quality and cost of the judged half."""

    quality_frac: float
    found_usd_per_request: float


def answer_routing(
    data: RoutingData,
    *,
    rng: np.random.Generator,
    levels: Sequence[float] = DEFAULT_LEVELS,
    weak: str = "",
    strong: str = "",
) -> RoutingAnswer:
    """Judge a confidence cascade where the data have a confidence, else a router by topic.

    `weak` and `strong` name the tiers of the cascade; by default the strong one is the best model and the weak one
    the cheaper model with a confidence whose cascade costs least at the first level, all on the tuned half.

    Raises: InputError for an unknown model, fewer than two models, or a `weak` model without a confidence.
    """
    Checks().share(**{f"of_best[{i}]": each for i, each in enumerate(levels)}).done()
    if len(data.pool.names) < 2:
        raise InputError(f"the data hold one model, {data.pool.names[0]}; a choice needs two or more")
    fit = split_halves(data.topics.size, rng)
    tiers = choose_tiers(data, fit, weak, strong, levels[0])
    return _cascade(data, fit, levels, tiers) if tiers else _router(data, fit, levels)


def _cascade(data: RoutingData, fit: Mask, levels: Sequence[float], tiers: tuple[int, int]) -> RoutingAnswer:
    two, names = two_tier(data, tiers), data.pool.names
    results = [evaluate_cascade(two, fit=fit, of_strong_frac=level) for level in levels]
    judged = two.part(~fit)
    curve = threshold_curve(judged)
    worth = (judged.strong_score_frac - judged.weak_score_frac) / np.maximum(judged.strong_cost_usd, _LEAST_USD)
    perfect = threshold_curve(with_confidence(judged, -worth))  # the most quality per dollar first
    hulls = {
        "cascade": upper_hull(curve.cost_usd, curve.quality_frac),
        "perfect confidence": upper_hull(perfect.cost_usd, perfect.quality_frac),
    }
    found = [
        _Found(quality_frac=each.quality_frac, found_usd_per_request=each.cost_usd_per_request) for each in results
    ]
    right = judged.weak_score_frac > 0.5
    return _answer(
        data,
        fit,
        levels,
        found,
        hulls,
        best=tiers[1],
        models=f"{names[tiers[0]]} > {names[tiers[1]]}",
        routed_by=f"confidence of {names[tiers[0]]}",
        auroc=auroc_frac(judged.confidence_frac, right),
        thresholds=tuple(each.threshold_frac for each in results),
    )


def _router(data: RoutingData, fit: Mask, levels: Sequence[float]) -> RoutingAnswer:
    scores = _by_topic(data, fit, data.pool.score_frac)
    costs = _by_topic(data, fit, data.pool.cost_usd)
    judged = data.pool.part(~fit)
    results = [evaluate_router(data.pool, scores, fit=fit, of_best_frac=level) for level in levels]
    hulls = {
        "router": router_hull(judged, scores[~fit], expected_usd=costs[~fit]),
        "perfect router": router_hull(judged, judged.score_frac, expected_usd=judged.cost_usd),
    }
    found = [
        _Found(quality_frac=each.quality_frac, found_usd_per_request=each.router_usd_per_request) for each in results
    ]
    return _answer(
        data,
        fit,
        levels,
        found,
        hulls,
        best=best_model(data.pool.part(fit)),
        models="all",
        routed_by=f"mean score of the query's {data.topic_column}" if data.topic_column else "nothing: no topics",
        auroc=None,
        thresholds=(),
    )


def _answer(
    data: RoutingData,
    fit: Mask,
    levels: Sequence[float],
    found: Sequence[_Found],
    hulls: dict[str, Hull],
    *,
    best: int,
    models: str,
    routed_by: str,
    auroc: float | None,
    thresholds: tuple[float, ...],
) -> RoutingAnswer:
    """Stand what was found beside its rivals on the judged half."""
    tuned, judged = data.pool.part(fit), data.pool.part(~fit)
    (kind, _), (oracle_name, oracle) = hulls.items()
    hulls = {kind: hulls[kind], "random mixing": judged.hull, oracle_name: oracle}
    substitutes = [_substitute(tuned, best, level) for level in levels]
    ways = [
        way
        for level, one, substitute in zip(levels, found, substitutes)
        for way in _ways(judged, level, one, best, substitute, (kind, models, oracle_name, oracle))
    ]
    means = judged.cost_usd.mean(axis=0)
    return RoutingAnswer(
        kind=kind,
        routed_by=routed_by,
        best=judged.names[best],
        num_tuned=int(fit.sum()),
        num_judged=int((~fit).sum()),
        ways=tuple(ways),
        singles=_singles(judged),
        curves=_curves(hulls),
        credits_frac=tuple(
            _saving(one.found_usd_per_request, float(means[index])) for one, index in zip(found, substitutes)
        ),
        auroc_frac=auroc,
        thresholds_frac=thresholds,
        notes=(*data.notes, *_why_no_cascade(data, auroc is None and not thresholds)),
    )


def _ways(
    judged: Pool, level: float, found: _Found, best: int, substitute: int, named: tuple[str, str, str, Hull]
) -> list[Way]:
    """The rows of one level: mixing and perfection at the quality that was really reached."""
    kind, models, oracle_name, oracle = named
    quality, costs = judged.score_frac.mean(axis=0), judged.cost_usd.mean(axis=0)
    reached = found.quality_frac
    rows = [
        ("best single", judged.names[best], float(quality[best]), float(costs[best])),
        ("substitution", judged.names[substitute], float(quality[substitute]), float(costs[substitute])),
        ("random mixing", "", reached, cost_at_quality_usd_per_request(judged.hull, target_frac=reached)),
        (kind, models, reached, found.found_usd_per_request),
        (oracle_name, models, reached, cost_at_quality_usd_per_request(oracle, target_frac=reached)),
    ]
    target = level * float(quality[best])
    return [
        Way(
            of_best_frac=level,
            way=way,
            models=who,
            quality_frac=kept,
            way_usd_per_request=usd,
            saving_frac=_saving(usd, float(costs[best])),
            is_met=kept >= target - 1e-12,
        )
        for way, who, kept, usd in rows
    ]


def _singles(judged: Pool) -> tuple[SingleModel, ...]:
    quality, costs = judged.score_frac.mean(axis=0), judged.cost_usd.mean(axis=0)
    corners = set(zip(judged.hull.cost_usd.tolist(), judged.hull.quality_frac.tolist()))
    rows = sorted(zip(costs.tolist(), quality.tolist(), judged.names))
    return tuple(
        SingleModel(name=name, quality_frac=kept, single_usd_per_request=usd, is_on_hull=(usd, kept) in corners)
        for usd, kept, name in rows
    )


def _curves(hulls: dict[str, Hull]) -> tuple[CurveOf, ...]:
    """Areas over the costs from which every hull has begun to the dearest end."""
    low = max(float(hull.cost_usd[0]) for hull in hulls.values())
    high = max(float(hull.cost_usd[-1]) for hull in hulls.values())
    span = (low, high) if low < high else None
    return tuple(
        CurveOf(name=name, hull=hull, area_frac=hull_area_frac(hull, span_usd_per_request=span) if span else None)
        for name, hull in hulls.items()
    )


def _by_topic(data: RoutingData, fit: Mask, values: Array) -> Array:
    """For every query the mean of its topic on the tuned half; of all tuned queries where that topic is new."""
    found = np.broadcast_to(values[fit].mean(axis=0), values.shape).copy()
    for topic in np.unique(data.topics[fit]):
        there = data.topics == topic
        found[there] = values[there & fit].mean(axis=0)
    return found


def _substitute(tuned: Pool, best: int, level: float) -> int:
    """The cheapest single model that reaches the level on the tuned half."""
    quality, costs = tuned.score_frac.mean(axis=0), tuned.cost_usd.mean(axis=0)
    able = np.flatnonzero(quality >= level * quality[best] - 1e-12)
    return int(able[costs[able].argmin()])


def _why_no_cascade(data: RoutingData, is_router: bool) -> tuple[str, ...]:
    sure = [name for index, name in enumerate(data.pool.names) if data.is_confident(index)]
    if not is_router or not sure:
        return ()
    return (f"no cascade: no model that is cheaper than the best has a confidence; {', '.join(sure[:4])} has one",)


def _saving(usd: float | None, rival_usd: float) -> float | None:
    return None if usd is None or not rival_usd else round(1.0 - usd / rival_usd, 12)

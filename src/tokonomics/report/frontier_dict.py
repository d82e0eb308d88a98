"""A frontier as programs read it: the question, every deployment with its points, and what was refused."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tokonomics.economics.figures.cost_per_token import TokenCost
from tokonomics.economics.figures.explanation import term_dict
from tokonomics.economics.figures.ranges import ends_dict, ends_of
from tokonomics.economics.hardware.replica_price import ReplicaPrice
from tokonomics.economics.serving.frontier import SweepPoint
from tokonomics.economics.serving.frontier_ask import FrontierAnswer, FrontierQuestion, SweepAnswer
from tokonomics.economics.serving.frontier_explain import explain_point
from tokonomics.economics.serving.latency_growth import latency_growth
from tokonomics.economics.serving.operating_points import OperatingPoint
from tokonomics.economics.serving.user_figures import CheckedFigure
from tokonomics.report.ranges import cost_range_dict, ranges_dict


def frontier_dict(answer: FrontierAnswer, question: FrontierQuestion) -> dict[str, Any]:
    """The body of the document, the question echoed."""
    return {
        "question": asdict(question),
        "load": {"name": answer.load.name, **asdict(answer.load.shape)},
        "deployments": [_deployment_dict(one) for one in answer.answers],
        "ridges": {part: [asdict(one) for one in found] for part, found in answer.ridges.items()},
        "checked": _checked_dict(answer.checked),
        "left_out": list(answer.left_out),
    }


def price_dict(price: ReplicaPrice) -> dict[str, Any]:
    """The price of a replica-hour with its term, or why there is none."""
    return {
        "replica_usd_per_hour": price.replica_usd_per_hour,
        "gpu": term_dict(price.term) if price.term else None,
        "price_as_of": price.as_of,
        "reason": price.reason,
    }


def cost_dict(cost: TokenCost | None) -> Mapping[str, float] | None:
    """Cost of a million tokens: input, output, blended; None where unpriced."""
    return None if cost is None else asdict(cost)


def _deployment_dict(one: SweepAnswer) -> dict[str, Any]:
    swept, dep = one.sweep, one.sweep.deployment
    last = swept.replica.max_batch
    return {
        "name": swept.name,
        "model": dep.model.id,
        "accelerator": dep.accelerator.id,
        "num_gpus": dep.num_gpus,
        "precision": dep.precision.id,
        "kv_element_bytes": dep.kv_element_bytes,
        "engine": dep.constants.engine,
        "price": price_dict(one.price),
        "tail_percentile": swept.tail_percentile,
        "max_batch": last,
        "points": [_point_dict(point) for point in swept.points],
        "refused": [asdict(gone) for gone in swept.refused],
        "regimes": [asdict(band) for band in swept.bands],
        "sweet_spot": asdict(swept.sweet_spot),
        "diminishing_batch": swept.diminishing_batch,
        "binds": [asdict(change) for change in swept.changes],
        "latency_growth": asdict(latency_growth(swept.replica, 1, last)) if last > 1 else None,
        "operating_points": [_operating_dict(told) for told in one.operating_points],
        "kv_pressure": asdict(one.pressure) if one.pressure else None,
        "shared_fleet": {**asdict(one.shared), "range": ranges_dict(one.shared_ranges)} if one.shared else None,
        "explanations": [
            explained.to_dict()
            for told in one.operating_points
            if told.point is not None
            for explained in explain_point(swept, told.point, one.price)
        ],
    }


def _point_dict(point: SweepPoint) -> dict[str, Any]:
    sd_of = {
        "output_tokens_per_s": point.rate_sd_log, "mean_itl_s": point.itl_sd_log, "tail_itl_s": point.itl_sd_log,
    }  # fmt: skip
    ranges = {f"{name}_range": ends_dict(ends_of(getattr(point, name), sd)) for name, sd in sd_of.items()}
    return {
        **asdict(point),
        **ranges,
        "cost": cost_dict(point.cost),
        "cost_range": cost_range_dict(point.cost, point.rate_sd_log),
    }


def _operating_dict(told: OperatingPoint) -> dict[str, Any]:
    return {
        "name": told.name,
        "slo": str(told.slo),
        "batch": told.batch,
        "point": _point_dict(told.point) if told.point else None,
        "premium_ratio": told.premium_ratio,
        "slo_probability": told.slo_probability,
        "binds": told.binds,
        "reason": told.reason,
    }


def _checked_dict(checked: CheckedFigure | None) -> dict[str, Any] | None:
    return None if checked is None else asdict(checked)

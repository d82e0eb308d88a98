"""Build or buy as programs read it: the point, the curves behind it with their ranges, and everything around."""

from dataclasses import asdict
from typing import Any

from tokonomics.economics.build_or_buy.break_even import BreakEven, BuildOrBuy
from tokonomics.economics.build_or_buy.build_answer import BuildAnswer, explain_break_even
from tokonomics.economics.build_or_buy.build_ask import BuildTold
from tokonomics.economics.build_or_buy.build_ranges import point_ranges, row_ranges, winner_probability
from tokonomics.economics.figures.ranges import ends_dict, ends_of
from tokonomics.economics.figures.sensitivity import TornadoBar
from tokonomics.report.explained import inputs_dict
from tokonomics.report.ranges import ranges_dict


def breakeven_dict(told: BuildTold) -> dict[str, Any]:
    """The body of the document: the point, the curves behind it, and everything around."""
    answer = told.answer
    sd_log, full = answer.case.rate_sd_log, answer.curves.pay_per_use.usd_per_mtok
    return {
        "inputs": inputs_dict(answer.case.inputs),
        "api_usd_per_mtok": answer.curves.api.usd_per_mtok,
        "self_host_full_usd_per_mtok": full,
        "self_host_full_usd_per_mtok_range": None if sd_log is None else ends_dict(ends_of(full, sd_log)),
        "break_even": _point_dict(answer.point, sd_log),
        "break_even_pay_per_use": _point_dict(answer.pay_per_use, sd_log),
        "break_even_with_hidden_costs": _point_dict(answer.with_hidden, sd_log),
        "rivals": [_point_dict(one, sd_log) for one in answer.rivals],
        "volumes": [_row_dict(answer, row) for row in answer.rows],
        "bands": [asdict(band) for band in answer.bands],
        "hidden_costs": asdict(answer.hidden),
        "tornado": [_bar_dict(bar) for bar in answer.tornado.bars],
        "rules": [asdict(rule) for rule in told.rules],
        "burst": asdict(told.burst) if told.burst else None,
        "explanation": explain_break_even(answer).to_dict(),
    }


def _point_dict(point: BreakEven, sd_log: float | None) -> dict[str, Any]:
    names = (
        "volume_tokens_per_day", "secure_tokens_per_day", "num_replicas", "utilisation_frac", "total_usd_per_month",
        "replica_margin_usd_per_month", "reason",
    )  # fmt: skip
    ends = {"build": point.build.name, "buy": point.buy.name, "buy_usd_per_mtok": point.buy.usd_per_mtok}
    ranges = None if sd_log is None else ranges_dict(point_ranges(point, sd_log))
    return {**ends, **{name: getattr(point, name) for name in names}, "range": ranges}


def _row_dict(answer: BuildAnswer, row: BuildOrBuy) -> dict[str, Any]:
    sd_log, curves = answer.case.rate_sd_log, answer.curves
    if sd_log is None:
        return {**asdict(row), "range": None, "winner_probability": None}
    return {
        **asdict(row),
        "range": ranges_dict(row_ranges(row, curves.always_on, curves.api, sd_log)),
        "winner_probability": winner_probability(row, curves.always_on, curves.api, sd_log),
    }


def _bar_dict(bar: TornadoBar) -> dict[str, Any]:
    """A bar of the tornado; a swing without an outcome at one end has no ratio."""
    finite = bar.swing_ratio < float("inf")
    return {
        "name": bar.name,
        "inputs": list(bar.inputs),
        "outcomes_tokens_per_day": list(bar.outcomes),
        "swing_ratio": bar.swing_ratio if finite else None,
    }

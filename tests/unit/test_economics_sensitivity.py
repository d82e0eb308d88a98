"""The tornado: one input at a time, the widest swing first."""

import math
from collections.abc import Mapping

import pytest

from tokonomics.economics.build_or_buy.break_even import break_even
from tokonomics.economics.build_or_buy.cost_curve import CostCurve, api_curve
from tokonomics.economics.figures.sensitivity import sweep, tornado
from tokonomics.errors import InputError


def crossing_mtok(inputs: Mapping[str, float]) -> float | None:
    own = CostCurve(
        name="own",
        fixed_usd_per_month=inputs["ops_usd_per_month"],
        replica_usd_per_month=inputs["gpu_usd_per_month"],
        replica_tokens_per_day=129.6e6,
        days_per_month=30,
    )
    api = api_curve("api", usd_per_mtok=inputs["api_usd_per_mtok"], days_per_month=30)
    volume = break_even(own, api).volume_tokens_per_day
    return None if volume is None else volume / 1e6


BASE = {"ops_usd_per_month": 5000.0, "gpu_usd_per_month": 1800.0, "api_usd_per_mtok": 6.25}


def test_bars_are_ordered_by_swing_and_never_comes_first() -> None:
    result = tornado(
        crossing_mtok,
        base=BASE,
        spans={
            "gpu_usd_per_month": (1800.0, 2401.7),
            "ops_usd_per_month": (5000.0, 20_000.0),
            "api_usd_per_mtok": (0.375, 6.25),
        },
    )
    assert result.outcome == pytest.approx(36.2667, abs=1e-3)
    assert [bar.name for bar in result.bars] == ["api_usd_per_mtok", "ops_usd_per_month", "gpu_usd_per_month"]
    assert result.bars[0].outcomes[0] is None
    assert math.isinf(result.bars[0].swing_ratio)
    assert result.bars[1].outcomes == pytest.approx((36.2667, 116.2667), abs=1e-3)
    assert result.bars[1].swing_ratio == pytest.approx(80 / 36.2667, rel=1e-3)


def test_an_input_without_effect_has_no_swing() -> None:
    result = tornado(lambda inputs: 7.0, base={"a": 1.0}, spans={"a": (0.0, 9.0)})
    assert result.bars[0].swing_ratio == 0


def test_never_at_both_ends_is_no_swing() -> None:
    result = tornado(lambda inputs: None, base={"a": 1.0}, spans={"a": (0.0, 9.0)})
    assert result.outcome is None
    assert result.bars[0].swing_ratio == 0


def test_an_outcome_of_zero_falls_back_to_the_distance() -> None:
    result = tornado(lambda inputs: inputs["a"], base={"a": 0.0}, spans={"a": (-1.0, 2.0)})
    assert result.bars[0].swing_ratio == 3


def test_sweep_moves_one_input() -> None:
    ops = [5000.0, 10_000.0, 20_000.0]
    volumes = sweep(crossing_mtok, base=BASE, name="ops_usd_per_month", values=ops)
    assert volumes == pytest.approx([(1800 + each) / 187.5 for each in ops])


def test_unknown_names_and_reversed_ranges_are_named_together() -> None:
    with pytest.raises(InputError) as caught:
        tornado(crossing_mtok, base=BASE, spans={"typo": (0.0, 1.0), "gpu_usd_per_month": (3.0, 1.0)})
    assert len(caught.value.violations) == 2

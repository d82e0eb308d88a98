"""Hourly prices side by side."""

import math

import pytest

from tokonomics.economics.hardware.hourly_rates import (
    per_gpu_usd_per_hour,
    price_spread,
    rank_rates,
    reserved_saving,
)
from tokonomics.economics.hardware.spot import spot_rate
from tokonomics.errors import InputError


@pytest.mark.parametrize(
    ("instance", "gpus", "per_gpu"), [(32.77, 8, 4.10), (22.40, 8, 2.80), (98.32, 8, 12.29), (67.50, 8, 8.44)]
)
def test_per_gpu(instance: float, gpus: int, per_gpu: float) -> None:
    assert per_gpu_usd_per_hour(instance, num_gpus=gpus) == pytest.approx(per_gpu, abs=0.005)


def test_spread_of_one_seller_is_none() -> None:
    spread = price_spread({"only": 2.0})
    assert (spread.spread_ratio, spread.saving_frac) == (1.0, 0.0)
    assert spread.low_name == spread.high_name == "only"


def test_rank_orders_by_price_then_name() -> None:
    ranked = rank_rates({"b": 2.0, "a": 2.0, "owned": 1.56})
    assert [rate.name for rate in ranked] == ["owned", "a", "b"]
    assert ranked[0].dearer_ratio == 1


@pytest.mark.parametrize(
    ("on_demand", "reserved", "saving"),
    [  # the article's own rows: 19.7 to 31.6 %, never 30 to 40 %
        (32.77, 22.40, 31.6448),
        (3.67, 2.56, 30.2452),
        (1.10, 0.85, 22.7273),
        (98.32, 67.50, 31.3466),
        (11.54, 8.08, 29.9827),
        (2.49, 1.89, 24.0964),
        (2.23, 1.79, 19.7309),
    ],
)
def test_reserved_saving(on_demand: float, reserved: float, saving: float) -> None:
    result = reserved_saving(on_demand_usd_per_hour=on_demand, reserved_usd_per_hour=reserved)
    assert 100 * result.saving_frac == pytest.approx(saving, abs=1e-4)
    assert result.worthwhile_use_frac == pytest.approx(1 - saving / 100, abs=1e-6)


def test_spot_midpoint_and_rework() -> None:
    spot = spot_rate(low_usd_per_hour=35, high_usd_per_hour=50, rework_frac=0.15)
    assert spot.is_available
    assert spot.midpoint_usd_per_hour == 42.5
    assert spot.effective_usd_per_hour == pytest.approx(50.0)


def test_no_spot_is_not_a_free_hour() -> None:
    spot = spot_rate(low_usd_per_hour=None)
    assert not spot.is_available
    assert spot.midpoint_usd_per_hour is None
    assert spot.effective_usd_per_hour is None


def test_spot_of_one_price() -> None:
    assert spot_rate(low_usd_per_hour=0.31).midpoint_usd_per_hour == 0.31


@pytest.mark.parametrize(
    ("low", "high", "rework"),
    [
        (5.0, 3.5, 0.0),
        (None, 3.5, 0.0),
        (0.0, 1.0, 0.0),
        (1.0, 2.0, 1.0),
        (1.0, 2.0, -0.1),
        (math.nan, 2.0, 0.0),
    ],
)
def test_spot_refuses_nonsense(low: float | None, high: float, rework: float) -> None:
    with pytest.raises(InputError):
        spot_rate(low_usd_per_hour=low, high_usd_per_hour=high, rework_frac=rework)


def test_every_bad_price_is_named() -> None:
    with pytest.raises(InputError) as caught:
        price_spread({"a": 0.0, "b": math.nan, "c": 1.0})
    assert len(caught.value.violations) == 2
    with pytest.raises(InputError, match="no price to compare"):
        price_spread({})

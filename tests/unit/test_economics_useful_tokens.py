"""Cost per useful token and where the rest went."""

import math

import pytest

from tokonomics.economics.tokens.useful_tokens import WASTE_CLASSES, useful_cost
from tokonomics.errors import InputError, UnknownName


def test_waste_is_divided_and_ordered() -> None:
    cost = useful_cost(
        total_usd=100.0,
        delivered_tokens=50e6,
        waste_tokens={"retried": 10e6, "reasoning": 30e6, "cancelled": 10e6},
    )
    assert cost.all_usd_per_mtok == pytest.approx(1.0)
    assert cost.useful_usd_per_useful_mtok == pytest.approx(2.0)
    assert cost.overhead_ratio == pytest.approx(2.0)
    assert [line.name for line in cost.lines] == ["reasoning", "cancelled", "retried"]
    assert cost.waste_usd == pytest.approx(50.0)
    assert cost.lines[0].usd_frac == pytest.approx(0.3)


def test_cheap_draft_tokens_take_less_of_the_bill() -> None:
    cost = useful_cost(
        total_usd=100.0,
        delivered_tokens=90.0,
        waste_tokens={"rejected_draft": 100.0},
        work_ratios={"rejected_draft": 0.1},
    )
    assert cost.lines[0].class_usd == pytest.approx(10.0)
    assert cost.lines[0].tokens_frac == pytest.approx(100 / 190)


def test_without_waste_every_token_is_useful() -> None:
    cost = useful_cost(total_usd=3.0, delivered_tokens=1e6, waste_tokens={})
    assert cost.useful_usd_per_useful_mtok == cost.all_usd_per_mtok == 3.0
    assert cost.lines == ()


def test_nothing_delivered_has_no_price() -> None:
    cost = useful_cost(total_usd=3.0, delivered_tokens=0, waste_tokens={"cancelled": 5.0})
    assert cost.useful_usd_per_useful_mtok is None
    assert cost.waste_usd == pytest.approx(3.0)
    assert useful_cost(total_usd=0.0, delivered_tokens=0, waste_tokens={}).all_usd_per_mtok is None


def test_unknown_classes_and_negative_counts() -> None:
    with pytest.raises(UnknownName, match="reasoning"):
        useful_cost(total_usd=1, delivered_tokens=1, waste_tokens={"reasonning": 1})
    with pytest.raises(InputError) as caught:
        useful_cost(total_usd=-1, delivered_tokens=math.nan, waste_tokens=dict.fromkeys(WASTE_CLASSES, -1.0))
    assert len(caught.value.violations) == 2 + len(WASTE_CLASSES)
    with pytest.raises(InputError, match="no waste"):
        useful_cost(total_usd=1, delivered_tokens=1, waste_tokens={"delivered": 1})

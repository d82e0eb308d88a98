"""Boxes of accelerators: how many are rented, how many are used, and what the rest costs."""

import math

import pytest

from tokonomics.economics.hardware.bundle_tax import Box, bundle_tax, cheapest_boxes, num_boxes
from tokonomics.errors import Infeasible, InputError

P5 = Box(name="p5.48xlarge", num_gpus=8, usd_per_hour=98.32)
SINGLE = Box(name="1x H100", num_gpus=1, usd_per_hour=2.49)


def test_two_of_eight() -> None:
    tax = bundle_tax(P5, num_replicas=1, gpus_per_replica=2)
    assert tax.effective_usd_per_hour == pytest.approx(49.16)
    assert tax.list_usd_per_hour == pytest.approx(12.29)
    assert tax.waste_usd_per_hour == pytest.approx(73.74)
    assert (tax.num_billed_gpus, tax.num_used_gpus, tax.num_idle_gpus) == (8, 2, 6)


@pytest.mark.parametrize(
    ("replicas", "gpus", "box", "boxes"),
    [
        (1, 8, 8, 1),  # exactly one box
        (4, 2, 8, 1),  # four replicas share a box
        (5, 2, 8, 2),  # the fifth opens another
        (2, 3, 8, 1),  # two of three fit, two accelerators idle
        (3, 3, 8, 2),  # a replica never spans two boxes it does not fill
        (2, 5, 8, 2),  # five of eight: one replica a box
        (1, 16, 8, 2),  # larger than a box, whole boxes
        (3, 16, 8, 6),
        (7, 1, 1, 7),
        (0, 4, 8, 0),
    ],
)
def test_packing(replicas: int, gpus: int, box: int, boxes: int) -> None:
    assert num_boxes(num_replicas=replicas, gpus_per_replica=gpus, gpus_per_box=box) == boxes


def test_a_replica_that_does_not_divide_into_boxes_is_refused() -> None:
    with pytest.raises(Infeasible, match="gpus_per_replica=12; gpus_per_box=8; choose a multiple of 8"):
        num_boxes(num_replicas=1, gpus_per_replica=12, gpus_per_box=8)


def test_a_full_box_pays_no_tax() -> None:
    tax = bundle_tax(P5, num_replicas=4, gpus_per_replica=2)
    assert tax.tax_ratio == 1
    assert tax.waste_usd_per_hour == 0
    assert tax.effective_usd_per_hour == tax.list_usd_per_hour


def test_cheapest_boxes_ranks_by_total_and_drops_what_cannot_hold() -> None:
    odd = Box(name="trio", num_gpus=3, usd_per_hour=0.10)
    ranked = cheapest_boxes([P5, SINGLE, odd], num_replicas=2, gpus_per_replica=4)
    assert [tax.box.name for tax in ranked] == ["1x H100", "p5.48xlarge"]
    assert ranked[0].total_usd_per_hour == pytest.approx(8 * 2.49)


def test_cheapest_boxes_says_what_boxes_hold_when_none_fits() -> None:
    with pytest.raises(Infeasible, match="boxes hold 8"):
        cheapest_boxes([P5], num_replicas=1, gpus_per_replica=12)
    with pytest.raises(InputError, match="no box is offered"):
        cheapest_boxes([], num_replicas=1, gpus_per_replica=1)


@pytest.mark.parametrize("price", [0.0, -2.0, math.nan, math.inf])
def test_a_box_has_a_price(price: float) -> None:
    with pytest.raises(InputError, match="usd_per_hour"):
        Box(name="x", num_gpus=8, usd_per_hour=price)


def test_all_bad_counts_are_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        num_boxes(num_replicas=-1, gpus_per_replica=0, gpus_per_box=0)
    assert len(caught.value.violations) == 3


def test_nothing_rented_has_no_price_per_used_accelerator() -> None:
    with pytest.raises(InputError, match="num_replicas=0"):
        bundle_tax(P5, num_replicas=0, gpus_per_replica=1)

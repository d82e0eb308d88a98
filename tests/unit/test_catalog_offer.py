"""Offers: prices per instance, ways to buy, and what a missing price means."""

import pytest

from tokonomics.catalog.load import overlay
from tokonomics.catalog.offer import PURCHASES, read_offers
from tokonomics.catalog.offer_rows import offers_csv
from tokonomics.errors import InputError

HEADER = "provider,instance,accelerator_id,num_gpus,region,on_demand_usd_per_hour,spot_usd_per_hour,as_of,source\n"


def test_price_is_per_instance_and_divides_by_gpus() -> None:
    [offer] = read_offers(HEADER + "aws,p5.48xlarge,h100-sxm,8,us-east-1,55.04,16.9508,2026,s\n")
    assert offer.usd_per_hour("on_demand") == 55.04
    assert offer.usd_per_gpu_hour("on_demand") == pytest.approx(6.88)
    assert offer.usd_per_hour("spot") == 16.9508


def test_a_missing_price_is_none_never_zero() -> None:
    [offer] = read_offers(HEADER + "a,b,l4,1,,,,,s\n")
    assert [offer.usd_per_hour(purchase) for purchase in PURCHASES] == [None] * 4
    assert offer.usd_per_gpu_hour("reserved_1yr") is None


def test_an_unknown_way_to_buy_is_named() -> None:
    [offer] = read_offers(HEADER + "a,b,l4,1,,1,,,s\n")
    with pytest.raises(InputError, match=r"purchase='barter'.*on_demand"):
        offer.usd_per_hour("barter")


def test_zero_gpus_and_zero_price_are_refused_together() -> None:
    with pytest.raises(InputError) as caught:
        read_offers(HEADER + "a,b,l4,0,,0.00,-1,,s\n")
    assert len(caught.value.violations) == 3


def test_overlay_replaces_the_same_product_only() -> None:
    below = read_offers(HEADER + "a,b,l4,1,r,1,,,s\na,b,l4,1,q,2,,,s\n")
    above = read_offers(HEADER + "a,b,l4,1,r,0.5,,,mine\n")
    assert [(offer.region, offer.on_demand_usd_per_hour) for offer in overlay(below, above)] == [("r", 0.5), ("q", 2.0)]


def test_offers_write_and_read_back_unchanged() -> None:
    offers = read_offers(HEADER + 'a,"b, c",l4,1,r,1.25,0.3,2026-01,s\nd,e,l4,2,,,7,,s\n')
    assert read_offers(offers_csv(offers)) == offers

"""The self-check: each kind of mistake in a table is found and named."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tokonomics.catalog.load import Catalog, load_catalog
from tokonomics.catalog.verify import CHECKS, verify_catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return load_catalog(home=tmp_path, with_genai_prices=False)


def with_offer(**change: object) -> Callable[[Catalog], Catalog]:
    def changed(catalog: Catalog) -> Catalog:
        return replace(catalog, offers=(replace(catalog.offers[0], **change),))  # type: ignore[arg-type]

    return changed


def with_price(**change: object) -> Callable[[Catalog], Catalog]:
    def changed(catalog: Catalog) -> Catalog:
        return replace(catalog, api_prices=(replace(catalog.api_prices[0], **change),))  # type: ignore[arg-type]

    return changed


def with_part(**change: object) -> Callable[[Catalog], Catalog]:
    def changed(catalog: Catalog) -> Catalog:
        part = replace(catalog.accelerators["h100-sxm"], **change)  # type: ignore[arg-type]
        return replace(catalog, accelerators={**catalog.accelerators, "h100-sxm": part})

    return changed


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (with_offer(accelerator_id="h100-smx"), "no accelerator 'h100-smx'"),
        (with_offer(source="hearsay"), "source 'hearsay' is not in sources.csv"),
        (with_offer(as_of="last week"), "as_of='last week' names no year"),
        (with_offer(on_demand_usd_per_hour=700.0, num_gpus=1), "placeholder"),
        (with_offer(on_demand_usd_per_hour=1.0, spot_usd_per_hour=2.0, num_gpus=1), "below spot"),
        (with_offer(on_demand_usd_per_hour=2.0, spot_usd_per_hour=2.0, num_gpus=1), "repeats"),
        (with_offer(on_demand_usd_per_hour=None, spot_usd_per_hour=None), "no price"),
        (with_price(model_id="gpt-4o"), "no model 'gpt-4o'"),
        (with_price(source=""), "source ''"),
        (with_price(as_of=""), "names no year"),
        (with_price(input_usd_per_mtok=None, output_usd_per_mtok=None, cached_input_usd_per_mtok=None, variants=()), "zero or missing"),
        (with_part(memory_bytes=80e12), "memory_gb=80000"),
        (with_part(memory_bandwidth_bytes_per_s=3.35e9), "memory_bandwidth_gb_per_s=3.35"),
        (with_part(dense_flop_per_s={"bf16": 989e9}), "bf16_tflops=0.989"),
        (with_part(link_bytes_per_s=450e3), "link_gb_per_s"),
        (with_part(tdp_watts=0.7), "tdp_watts=0.7"),
        (with_part(source="x"), "accelerator h100-sxm: source 'x'"),
    ],
)  # fmt: skip
def test_a_mistake_is_found(catalog: Catalog, spoil: Callable[[Catalog], Catalog], message: str) -> None:
    problems = [problem for check in CHECKS for problem in check(spoil(catalog))]
    assert len(problems) == 1
    assert message in problems[0]


def test_a_suspect_offer_may_look_odd(catalog: Catalog) -> None:
    odd = with_offer(on_demand_usd_per_hour=1.0, spot_usd_per_hour=2.0, num_gpus=1, status="suspect")(catalog)
    assert [problem for check in CHECKS for problem in check(odd)] == []


def test_a_users_override_needs_no_row_in_sources(catalog: Catalog) -> None:
    assert [p for check in CHECKS for p in check(with_offer(source="override:mine.yaml")(catalog))] == []


def test_an_edited_snapshot_is_found(catalog: Catalog, tmp_path: Path) -> None:
    from tokonomics.catalog.snapshot import write_snapshot

    folder = write_snapshot(tmp_path, "2027-01-05", {"offers.csv": "provider\n"})
    (folder / "offers.csv").write_text("provider\nx\n")
    [problem] = verify_catalog(catalog, home=tmp_path)
    assert "2027-01-05" in problem

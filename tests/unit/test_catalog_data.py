"""The shipped facts: how many, of what standing, from which source; and that published snapshots are sealed."""

from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest

from tokonomics.catalog.freshness import earliest_date
from tokonomics.catalog.load import Catalog, load_catalog
from tokonomics.catalog.snapshot import find_snapshot
from tokonomics.catalog.verify import verify_catalog

# Published snapshots never change. A correction is a new snapshot; a newer price is a new snapshot.
FROZEN = {
    "2025-03-31/offers.csv": "763809e2ebf2b58a056186b8ab85ca6030e56f37d2f8afb33a226d969232f375",
    "2025-03-31/api_prices.csv": "77f9ad15bf4429c2d18ed322e2e5d6ebfef54ce5a7f5c7718edf980fa48e4e8d",
    "2026-11-23/offers.csv": "d4841bc8dab5390677e33e050b2f621d59bca2ee8db0f1de29655adfc6d6302d",
    "2026-11-23/api_prices.csv": "6454463aab9c1b5af84024b0bec6c8c6872f5a5038a89553060b1b246efae9d6",
    "2026-11-23/rejected.csv": "2048ccf4e89b147048ad09c933f716e08171c3b78ae85118e703868efdac4988",
}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return load_catalog(home=tmp_path_factory.mktemp("home"), with_genai_prices=False)


@pytest.mark.parametrize("file", FROZEN)
def test_published_snapshots_are_sealed(file: str) -> None:
    name, _, table = file.partition("/")
    digest = sha256(find_snapshot(name, None).read(table).encode()).hexdigest()
    assert digest == FROZEN[file], (
        f"{file} was published and must not change: put new or corrected rows into a new snapshot folder with a later "
        "date, and add its digests here"
    )


@pytest.mark.parametrize("name", ["2025-03-31", "2026-11-23"])
def test_the_catalogue_passes_its_own_check(name: str, tmp_path: Path) -> None:
    assert verify_catalog(load_catalog(home=tmp_path, snapshot=name)) == []


def test_offers_by_standing(catalog: Catalog) -> None:
    assert Counter(offer.status for offer in catalog.offers) == {
        "listed": 132,
        "indicative": 5,
        "partial": 3,
        "prepaid": 2,
        "suspect": 2,
    }
    assert len({offer.provider for offer in catalog.offers}) == 25


def test_doubtful_offers_are_never_in_good_standing(catalog: Catalog) -> None:
    by_key = {offer.key: offer for offer in catalog.offers}
    assert by_key["gcp", "a3-highgpu-1g", "h100-sxm", "us-central1"].status == "suspect"
    assert by_key["lambda", "gpu_8x_v100", "v100-sxm-32", "all"].status == "suspect"
    for offer in catalog.offers:
        if "accelerator row" in offer.instance:
            assert offer.status == "partial"
        if "average" in offer.instance or "from" in offer.notes.split('"'):
            assert offer.status == "indicative"


def test_runpod_keeps_on_demand_and_drops_the_doubtful_spot_column(catalog: Catalog) -> None:
    rows = [offer for offer in catalog.offers if offer.source == "deploybase-runpod-2026-03"]
    assert len(rows) == 13
    assert all(offer.status == "listed" and offer.spot_usd_per_hour is None for offer in rows)
    assert all("left out" in offer.notes for offer in rows)


def test_what_was_left_out_is_listed_with_its_reason() -> None:
    lines = find_snapshot("2026-11-23", None).read("rejected.csv").splitlines()
    assert len(lines) == 1 + 2 + 14
    assert sum("no accelerator row" in line for line in lines) == 2
    assert sum("spot price dropped" in line for line in lines) == 14


def test_prepaid_blocks_are_not_called_on_demand(catalog: Catalog) -> None:
    [h100, a100] = [offer for offer in catalog.offers if offer.provider == "aws-capacity-blocks"]
    assert (h100.on_demand_usd_per_hour, h100.usd_per_hour("prepaid")) == (None, 39.33)
    assert a100.usd_per_hour("prepaid") == 14.75


def test_accelerators_by_standing(catalog: Catalog) -> None:
    assert Counter(part.status for part in catalog.accelerators.values()) == {
        "listed": 29,
        "disputed": 16,
        "estimated": 10,
    }
    for part in catalog.accelerators.values():
        if part.status == "disputed":
            assert part.other_source_says, part.id
        if part.status == "estimated":
            assert part.estimated_cells, part.id


def test_estimated_cells_are_cells_with_a_value(catalog: Catalog) -> None:
    for part in catalog.accelerators.values():
        for cell in part.estimated_cells:
            dtype = cell.removesuffix("_tflops").removesuffix("_tops")
            values = {
                "memory_bandwidth_gb_per_s": part.memory_bandwidth_bytes_per_s,
                "link_gb_per_s": part.link_bytes_per_s,
            }
            assert values.get(cell) or part.dense_flop_per_s.get(dtype), f"{part.id} {cell}"


def test_rates_are_dense_tensor_rates(catalog: Catalog) -> None:
    """The three common mistakes: sparse for dense, shader for tensor, fp16- for fp32-accumulation."""
    bf16 = {part.id: part.dense_flop_per_s.get("bf16", 0) / 1e12 for part in catalog.accelerators.values()}
    assert bf16["h100-sxm"] == pytest.approx(989.4)
    assert bf16["h200-sxm"] == pytest.approx(989)
    assert bf16["a100-sxm-80"] == pytest.approx(312)
    assert bf16["rtx4090"] == pytest.approx(165.2)
    assert bf16["rtx-a6000"] == pytest.approx(154.85)
    assert bf16["b200-sxm"] == pytest.approx(2250)


def test_int8_is_cut_on_blackwell_ultra(catalog: Catalog) -> None:
    rates = catalog.accelerator("b300-sxm").dense_flop_per_s
    assert rates["fp8"] / rates["int8"] > 29


def test_memory_and_bandwidth_where_serving_needs_them(catalog: Catalog) -> None:
    h100 = catalog.accelerator("h100-sxm")
    assert (h100.memory_bytes, h100.memory_bandwidth_bytes_per_s, h100.tdp_watts) == (80e9, 3.35e12, 700)
    assert h100.link_bytes_per_s == 450e9, "one direction; the vendor's 900 counts both"
    assert catalog.accelerator("rtx6000-ada").memory_bandwidth_bytes_per_s == 960e9
    assert catalog.accelerator("h100-nvl").memory_bandwidth_bytes_per_s is None, "not found in the sources read"


def test_families(catalog: Catalog) -> None:
    family = {part.id: part.family for part in catalog.accelerators.values()}
    assert {family[part] for part in ("h100-sxm", "h200-sxm", "h20", "gh200-96")} == {"hopper"}
    assert {family[part] for part in ("b200-sxm", "gb300", "rtx5090")} == {"blackwell"}
    assert (family["mi300x"], family["tpu-v6e"], family["m4-max"], family["xeon-spr"]) == (
        "cdna3",
        "tpu",
        "apple",
        "cpu",
    )


def test_api_prices_in_force(catalog: Catalog) -> None:
    names = catalog.price_book.names()
    prices = [catalog.api_price(name) for name in names]
    assert len(prices) == 138
    second = [price for price in prices if price.second is not None]
    assert len(second) == 68
    assert {price.name for price in second if price.second and price.second.agrees is False} == {
        "deepseek/deepseek-chat",
        "mistral/mistral-large-4",
        "fireworks/deepseek-v4-pro",
        "together/meta-llama/Llama-3.3-70B-Instruct-Turbo",
    }


def test_disputed_prices_show_both_opinions(catalog: Catalog) -> None:
    price = catalog.api_price("mistral/mistral-large-4")
    assert price.status == "disputed"
    assert price.second is not None
    assert (str(price.input_usd_per_mtok), str(price.second.input_usd_per_mtok)) == ("0.7", "1.36")


def test_cache_writes_cost_their_multiple_of_the_input(catalog: Catalog) -> None:
    """Published rule of this vendor: 1.25 x input for five minutes, 2 x for an hour."""
    prices = [price for price in catalog.api_prices if price.provider == "anthropic"]
    assert len(prices) >= 13
    for price in prices:
        assert price.input_usd_per_mtok is not None
        assert price.cache_write_5m_usd_per_mtok == price.input_usd_per_mtok * 5 / 4
        assert price.cache_write_1h_usd_per_mtok == price.input_usd_per_mtok * 2


def test_batch_is_half_price_wherever_both_openai_prices_are_listed(catalog: Catalog) -> None:
    for name in catalog.price_book.names():
        price = catalog.api_price(name)
        if price.provider == "openai":
            assert price.batch_input_usd_per_mtok is not None
            assert price.batch_input_usd_per_mtok * 2 == price.input_usd_per_mtok


def test_deepseek_has_two_peaks_of_twice_the_price(catalog: Catalog) -> None:
    price = catalog.api_price("deepseek/deepseek-v4-pro")
    spans = [(str(card.utc_from), str(card.utc_to)) for card in price.windows]
    assert spans == [("01:00:00", "04:00:00"), ("06:00:00", "10:00:00")]
    assert all(card.input_usd_per_mtok == price.base.input_usd_per_mtok * 2 for card in price.windows)  # type: ignore[operator]


def test_a_name_served_by_other_weights_is_linked_to_none(catalog: Catalog) -> None:
    assert catalog.api_price("deepseek/deepseek-v4-flash").model_id == ""
    assert catalog.api_price("deepseek/deepseek-chat").status == "retired"


def test_every_row_is_dated(catalog: Catalog) -> None:
    for row in (*catalog.offers, *catalog.api_prices):
        day = earliest_date(row.as_of)
        assert day is not None
        assert day <= catalog.day


def test_every_source_is_used_or_belongs_to_a_feed(catalog: Catalog) -> None:
    used = {part.source for part in catalog.accelerators.values()}
    used |= {two for part in catalog.accelerators.values() for two in part.second_source.split()}
    used |= {row.source for row in (*catalog.offers, *catalog.api_prices)}
    used |= {price.second.source for price in catalog.api_prices if price.second}
    ids = {reference.partition("#")[0] for reference in used}
    assert set(catalog.sources) - ids == {"article-early-2025", "genai-prices", "gpuhunt", "skypilot-catalog"}
    assert ids <= set(catalog.sources)

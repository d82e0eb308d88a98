"""Golden: the article's early-2025 prices, and one bill that an independent library has computed."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tokonomics.catalog.load import Catalog, load_catalog
from tokonomics.catalog.token_usage import TokenUsage


@pytest.fixture(scope="module")
def article() -> Catalog:
    return load_catalog(snapshot="2025-03-31", with_genai_prices=False)


@pytest.fixture(scope="module")
def today() -> Catalog:
    return load_catalog(snapshot="2026-11-23", with_genai_prices=False)


# provider, instance, accelerator, GPUs, on-demand, spot low, spot high, reserved (USD per instance-hour)
GPU_TABLE = [
    ("aws", "p4d.24xlarge", "a100-sxm-40", 8, 32.77, 12, 18, 22.40),
    ("gcp", "a2-highgpu-1g", "a100-sxm-40", 1, 3.67, 1.10, 1.80, 2.56),
    ("lambda", "1x A100", "a100-sxm-40", 1, 1.10, None, None, 0.85),
    ("aws", "p5.48xlarge", "h100-sxm", 8, 98.32, 35, 50, 67.50),
    ("gcp", "a3-highgpu-1g", "h100-sxm", 1, 11.54, 3.50, 5.00, 8.08),
    ("lambda", "1x H100", "h100-pcie", 1, 2.49, None, None, 1.89),
    ("coreweave", "1x H100 SXM", "h100-sxm", 1, 2.23, None, None, 1.79),
    ("runpod", "1x RTX 4090", "rtx4090", 1, 0.44, 0.31, None, None),
]
API_TABLE = [
    ("openai/gpt-4o", "2.5", "10", 4.0),
    ("openai/gpt-4o-mini", "0.15", "0.6", 4.0),
    ("anthropic/claude-3.5-sonnet", "3", "15", 5.0),
    ("google/gemini-1.5-pro", "1.25", "5", 4.0),
    ("deepseek/deepseek-v3", "0.07", "0.28", 4.0),
    ("groq/llama-70b", "0.59", "0.79", 1.3),
]


@pytest.mark.parametrize("row", GPU_TABLE, ids=lambda row: f"{row[0]}-{row[1]}")
def test_gpu_prices_of_the_article(
    article: Catalog, row: tuple[str, str, str, int, float, float, float, float]
) -> None:
    provider, instance, part, num_gpus, on_demand, spot, spot_high, reserved = row
    [offer] = [one for one in article.offers if (one.provider, one.instance) == (provider, instance)]
    assert (offer.accelerator_id, offer.num_gpus) == (part, num_gpus)
    assert offer.usd_per_hour("on_demand") == on_demand
    assert (offer.usd_per_hour("spot"), offer.spot_high_usd_per_hour) == (spot, spot_high)
    assert offer.usd_per_hour("reserved_1yr") == reserved


@pytest.mark.parametrize(("name", "input_usd", "output_usd", "ratio"), API_TABLE)
def test_api_prices_of_the_article(article: Catalog, name: str, input_usd: str, output_usd: str, ratio: float) -> None:
    price = article.api_price(name)
    assert price.input_usd_per_mtok == Decimal(input_usd)
    assert price.output_usd_per_mtok == Decimal(output_usd)
    assert round(float(output_usd) / float(input_usd), 1) == ratio


def test_the_articles_cards_are_what_the_instances_carry(article: Catalog) -> None:
    """The article labels three 40 GB cards as 80 GB and does not say that its cheap H100 is the PCIe card."""
    notes = {(one.provider, one.instance): one.notes for one in article.offers}
    for key in (("aws", "p4d.24xlarge"), ("gcp", "a2-highgpu-1g"), ("lambda", "1x A100")):
        assert "40 GB" in notes[key]
    assert "PCIe" in notes["lambda", "1x H100"]
    assert notes["aws", "p5.48xlarge"] == ""


def test_the_row_that_mixes_two_lists_is_not_in_good_standing(article: Catalog) -> None:
    price = article.api_price("deepseek/deepseek-v3")
    assert price.status == "suspect"
    assert "0.27" in price.notes
    assert [one.name for one in article.api_prices if one.status != "listed"] == ["deepseek/deepseek-v3"]


def test_per_gpu_prices_that_the_article_states(article: Catalog) -> None:
    per_gpu = {one.instance: one.usd_per_gpu_hour("on_demand") for one in article.offers}
    assert per_gpu["p4d.24xlarge"] == pytest.approx(4.10, abs=0.005)
    assert per_gpu["p5.48xlarge"] == pytest.approx(12.29)
    reserved = {one.instance: one.usd_per_gpu_hour("reserved_1yr") for one in article.offers}
    assert reserved["p5.48xlarge"] == pytest.approx(8.44, abs=0.005)


@pytest.mark.parametrize(
    ("key", "before", "change"),
    [
        (("aws", "p5.48xlarge", "h100-sxm", "us-east-1"), 98.32, -0.44),
        (("aws", "p4d.24xlarge", "a100-sxm-40", "us-east-1"), 32.77, -0.33),
        (("lambda", "gpu_1x_a100", "a100-pcie-40", "all"), 1.10, 0.81),
        (("lambda", "gpu_1x_h100_pcie", "h100-pcie", "all"), 2.49, 0.32),
        (("gcp", "a3-highgpu-1g", "h100-sxm", "us-east4"), 11.54, -0.05),
    ],
)
def test_prices_moved_both_ways_since(
    today: Catalog, key: tuple[str, str, str, str], before: float, change: float
) -> None:
    [offer] = [one for one in today.offers if one.key == key]
    assert offer.on_demand_usd_per_hour is not None
    assert offer.on_demand_usd_per_hour / before - 1 == pytest.approx(change, abs=0.01)


# 300k input tokens, of which 100k cached, and 1k output: the bill as genai-prices 0.2.3 computed it, offline.
LONG = TokenUsage(input_uncached=200_000, input_cache_read=100_000, output_text=1_000)


def test_the_whole_long_request_moves_to_the_tier(today: Catalog) -> None:
    price = today.api_price("openai/gpt-5.6-luna")
    card = price.rates(input_tokens=300_000)
    assert (card.above_input_tokens, str(card.input_usd_per_mtok)) == (272_000, "0.4")
    assert (str(card.cached_input_usd_per_mtok), str(card.output_usd_per_mtok)) == ("0.04", "1.8")
    assert price.cost_usd(LONG) == Decimal("0.0858")


def test_the_same_request_before_the_price_was_cut(today: Catalog) -> None:
    before = today.api_price("openai/gpt-5.6-luna", at=date(2026, 7, 15))
    assert before.cost_usd(LONG, at=datetime(2026, 7, 15, tzinfo=UTC)) == Decimal("0.429")


def test_scheduled_doublings_are_in_the_book(today: Catalog) -> None:
    """A projection over the coming year that ignores these is wrong by up to two."""
    for name, day in (("google/gemini-4-argon", date(2026, 12, 1)), ("google/gemini-3.8-flash", date(2027, 1, 1))):
        now, then = today.api_price(name), today.api_price(name, at=day)
        for column in ("input_usd_per_mtok", "cached_input_usd_per_mtok", "output_usd_per_mtok"):
            assert getattr(then, column) == 2 * getattr(now, column)
        assert then.effective_from == day


def test_every_fact_of_the_seed_files_is_carried(shared_dir: Path, today: Catalog, article: Catalog) -> None:
    """Row by row against the reference data: nothing lost, nothing changed, and what was left out is the known few."""
    with (shared_dir / "data/catalog/gpu_offers.csv").open(encoding="utf-8") as file:
        seed = list(csv.DictReader(file))
    ours = {one.key: one for one in today.offers}
    keys = [(row["provider"], row["instance"], row["gpu"], row["region"]) for row in seed]
    assert [key[2] for key in keys if key not in ours] == ["rtx6000-turing", "a16"]
    for key, row in zip(keys, seed):
        offer = ours.get(key)
        if offer is not None and row["on_demand_usd_hr"]:
            assert float(row["on_demand_usd_hr"]) in (offer.on_demand_usd_per_hour, offer.prepaid_usd_per_hour)
            assert offer.num_gpus == int(row["gpu_count"])
    with (shared_dir / "data/catalog/seed_prices.csv").open(encoding="utf-8") as file:
        kinds = [row["kind"] for row in csv.DictReader(file)]
    assert (kinds.count("gpu"), kinds.count("api")) == (len(article.offers), len(article.api_prices))


def test_every_accelerator_of_the_seed_files_is_carried(shared_dir: Path, today: Catalog) -> None:
    columns = {
        "memory_gb": lambda part: part.memory_bytes and part.memory_bytes / 1e9,
        "mem_bw_gbps": lambda part: part.memory_bandwidth_bytes_per_s and part.memory_bandwidth_bytes_per_s / 1e9,
        "fp16_bf16_tflops": lambda part: part.dense_flop_per_s.get("bf16", 0) / 1e12 or None,
        "fp8_tflops": lambda part: part.dense_flop_per_s.get("fp8", 0) / 1e12 or None,
        "int8_tops": lambda part: part.dense_flop_per_s.get("int8", 0) / 1e12 or None,
        "fp4_tflops": lambda part: part.dense_flop_per_s.get("fp4", 0) / 1e12 or None,
        "tdp_w": lambda part: part.tdp_watts,
        "interconnect_gbps_per_dir": lambda part: part.link_bytes_per_s and part.link_bytes_per_s / 1e9,
        "purchase_usd": lambda part: part.purchase_usd,
    }
    found_since = {"rtx6000-ada", "dgx-spark"}  # cells that the seed leaves empty and a public page fills
    with (shared_dir / "data/catalog/accelerators.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            part = today.accelerator(row["id"])
            for column, value in columns.items():
                if part.id in found_since and not row[column]:
                    continue
                assert value(part) == (pytest.approx(float(row[column])) if row[column] else None), (part.id, column)
            assert (part.status == "disputed") == ("NO:" in row["agreement"] or "NO on" in row["agreement"])


def test_every_api_price_of_the_seed_files_is_carried(shared_dir: Path, today: Catalog) -> None:
    with (shared_dir / "data/catalog/api_prices.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if "[article]" not in row["model"]]
    assert len(rows) == 76
    for row in rows:
        price = today.api_price(f"{row['provider']}/{row['model']}")
        ours = (price.input_usd_per_mtok, price.cached_input_usd_per_mtok, price.output_usd_per_mtok)
        seed = (row["input_usd_per_m"], row["cached_input_usd_per_m"], row["output_usd_per_m"])
        assert ours == tuple(Decimal(cell) if cell else None for cell in seed)
        if row["tier_above_input_tokens"]:
            [tier] = price.tiers
            assert tier.above_input_tokens == int(row["tier_above_input_tokens"])
            assert tier.input_usd_per_mtok == Decimal(row["tier_input_usd_per_m"])
        if row["peak_input_usd_per_m"]:
            assert {card.input_usd_per_mtok for card in price.windows} == {Decimal(row["peak_input_usd_per_m"])}
        assert (price.second is not None) == bool(row["litellm_key"])

"""The catalogue: look-ups in any spelling, nearest names, digests, and snapshots that stay what they were."""

from datetime import date
from pathlib import Path

import pytest

from tokonomics.catalog.load import Catalog, load_catalog
from tokonomics.errors import InputError, MissingFact, UnknownName


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return load_catalog(home=tmp_path, with_genai_prices=False)


def test_the_newest_shipped_snapshot_is_loaded(catalog: Catalog) -> None:
    assert catalog.snapshot == "2026-11-23"
    assert catalog.day == date(2026, 11, 23)
    assert (len(catalog.accelerators), len(catalog.offers)) == (55, 144)
    assert len(catalog.models) >= 101


def test_accelerators_are_found_in_any_case(catalog: Catalog) -> None:
    assert catalog.accelerator("H100-SXM") is catalog.accelerator("h100-sxm")


@pytest.mark.parametrize(
    "name", ["llama-3.3-70b", "LLAMA-3.3-70B", "meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b-instruct"]
)
def test_models_are_found_by_id_hub_id_and_its_last_part(catalog: Catalog, name: str) -> None:
    assert catalog.model(name).id == "llama-3.3-70b"


def test_an_unknown_name_carries_the_nearest_and_the_right_command(catalog: Catalog) -> None:
    with pytest.raises(UnknownName, match="tok gpus list") as gpu:
        catalog.accelerator("h100")
    assert "h100-sxm" in gpu.value.nearest
    with pytest.raises(UnknownName, match="tok models list"):
        catalog.model("llama-9")
    with pytest.raises(UnknownName, match="tok prices list"):
        catalog.api_price("openai/gpt-99")


def test_api_prices_are_found_in_any_case_and_by_sole_model_name(catalog: Catalog) -> None:
    assert catalog.api_price("OpenAI/GPT-4o").name == "openai/gpt-4o"
    assert catalog.api_price("gpt-4o").name == "openai/gpt-4o"
    with pytest.raises(UnknownName):
        catalog.api_price("gpt-oss-120b")  # several providers sell it


def test_a_hub_id_is_not_mistaken_for_an_endpoint(catalog: Catalog) -> None:
    with pytest.raises(UnknownName):
        catalog.api_price("openai/gpt-oss-120b")


def test_scheduled_prices_come_into_force_on_their_day(catalog: Catalog) -> None:
    def input_usd(name: str, *days: date) -> list[str]:
        return [str(catalog.api_price(name, at=day).input_usd_per_mtok) for day in days]

    assert input_usd("google/gemini-4-argon", date(2026, 11, 30), date(2026, 12, 1)) == ["2", "4"]
    assert input_usd("google/gemini-3.8-flash", date(2026, 12, 31), date(2027, 1, 1)) == ["0.75", "1.5"]


def test_without_a_date_the_price_of_the_snapshot_day_holds(catalog: Catalog) -> None:
    assert catalog.api_price("google/gemini-4-argon") == catalog.api_price("google/gemini-4-argon", at=catalog.day)


def test_endpoints_of_open_weights(catalog: Catalog) -> None:
    names = [price.name for price in catalog.api_prices_of("llama-3.3-70b")]
    assert "groq/llama-3.3-70b-versatile" in names
    assert "together/meta-llama/Llama-3.3-70B-Instruct-Turbo" in names
    assert len(names) == len(set(names))
    assert catalog.api_prices_of("phi-2") == ()


def test_offers_of_an_accelerator(catalog: Catalog) -> None:
    offers = catalog.offers_of("h100-sxm")
    assert {offer.accelerator_id for offer in offers} == {"h100-sxm"}
    assert len(offers) > 20
    assert catalog.offers_of("m2-ultra") == ()


def test_every_row_names_a_source_we_can_show(catalog: Catalog) -> None:
    source = catalog.source(catalog.api_price("openai/gpt-4o").source)
    assert source is not None
    assert source.licence == "MIT"
    assert catalog.source("override:mine.yaml") is None


def test_the_same_arguments_give_the_same_value(tmp_path: Path) -> None:
    assert load_catalog(home=tmp_path) is load_catalog(home=tmp_path)


def test_digest_depends_on_every_table_and_override(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("api_prices: [{provider: a, model: b, input_usd_per_mtok: 1, as_of: 2026}]")
    plain = load_catalog(home=tmp_path)
    with_mine = load_catalog(home=tmp_path, overrides=mine)
    old = load_catalog(home=tmp_path, snapshot="2025-03-31")
    assert len({plain.digest, with_mine.digest, old.digest}) == 3
    assert all(len(one.digest) == 64 for one in (plain, with_mine, old))


def test_an_old_snapshot_stays_readable_and_knows_only_its_prices(tmp_path: Path) -> None:
    old = load_catalog(home=tmp_path, snapshot="2025-03-31", with_genai_prices=False)
    assert old.day == date(2025, 3, 31)
    assert len(old.offers) == 8
    assert {price.name for price in old.api_prices} >= {"openai/gpt-4o", "groq/llama-70b"}
    with pytest.raises(UnknownName):
        old.api_price("openai/gpt-6-sol")


def test_an_unknown_snapshot_lists_those_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="known: 2025-03-31, 2026-11-23"):
        load_catalog(home=tmp_path, snapshot="2025-03-30")


def test_a_name_without_a_price_yet_is_missing_not_unknown(tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(
        "provider,model,input_usd_per_mtok,output_usd_per_mtok,effective_from,as_of\nx,y,1,2,2027-01-01,2026-11\n"
    )
    catalog = load_catalog(home=tmp_path, overrides=mine, with_genai_prices=False)
    with pytest.raises(MissingFact, match="unpriced on 2026-11-23"):
        catalog.api_price("x/y")
    assert catalog.api_price("x/y", at=date(2027, 1, 1)).input_usd_per_mtok == 1


def test_an_override_file_that_is_missing_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*nowhere\.yaml"):
        load_catalog(home=tmp_path, overrides=tmp_path / "nowhere.yaml")


def test_an_edited_override_file_is_read_again(tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    header = "provider,model,input_usd_per_mtok,output_usd_per_mtok,as_of\n"
    mine.write_text(header + "openai,gpt-4o,1,2,2026-11\n")
    first = load_catalog(home=tmp_path, overrides=mine).api_price("openai/gpt-4o")
    mine.write_text(header + "openai,gpt-4o,1.5,2,2026-11\n")
    second = load_catalog(home=tmp_path, overrides=mine).api_price("openai/gpt-4o")
    assert (str(first.input_usd_per_mtok), str(second.input_usd_per_mtok)) == ("1", "1.5")

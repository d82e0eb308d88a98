"""The genai-prices layer: its format read faithfully, its package imported late, its changes said aloud."""

import subprocess
import sys
from datetime import date
from types import SimpleNamespace

import pytest

from tokonomics.catalog import genai_prices_layer
from tokonomics.catalog.genai_prices_format import price_rows
from tokonomics.catalog.genai_prices_layer import find_prices
from tokonomics.catalog.load import load_catalog
from tokonomics.errors import MissingFact

TODAY = date(2026, 11, 23)


def rows(model: dict[str, object]) -> list[dict[str, str]]:
    return price_rows("p", {"id": "m", **model}, today=TODAY, source="s")


def test_a_plain_price_is_one_row() -> None:
    [row] = rows({"prices": {"input_mtok": 2.50, "output_mtok": 10, "web_searches_kcount": 10}})
    assert (row["input_usd_per_mtok"], row["output_usd_per_mtok"], row["variant"]) == ("2.5", "10", "standard")
    assert "cached_input_usd_per_mtok" not in row


def test_small_numbers_keep_their_digits_and_no_exponent() -> None:
    [row] = rows({"prices": {"input_mtok": 0.00000001, "output_mtok": 100}})
    assert (row["input_usd_per_mtok"], row["output_usd_per_mtok"]) == ("0.00000001", "100")


def test_tiers_of_some_keys_fill_the_others_from_their_only_price() -> None:
    tiered = {"base": 1, "tiers": [{"start": 200000, "price": 2}, {"start": 500000, "price": 3}]}
    found = rows({"prices": {"input_mtok": tiered, "output_mtok": 8}})
    assert [(row["above_input_tokens"], row["input_usd_per_mtok"], row["output_usd_per_mtok"]) for row in found] == [
        ("", "1", "8"),
        ("200000", "2", "8"),
        ("500000", "3", "8"),
    ]


def test_a_window_belongs_to_the_price_in_force() -> None:
    window = {"start_time": "01:00:00Z", "end_time": "04:00:00Z"}
    found = rows(
        {
            "prices": [
                {"prices": {"input_mtok": 1, "output_mtok": 1}},
                {"constraint": {"start_date": "2026-08-17"}, "prices": {"input_mtok": 2, "output_mtok": 2}},
                {"constraint": {"start_date": "2027-01-01"}, "prices": {"input_mtok": 9, "output_mtok": 9}},
                {"constraint": window, "prices": {"input_mtok": 4, "output_mtok": 4}},
            ]
        }
    )
    assert [(row["effective_from"], row.get("utc_from"), row["input_usd_per_mtok"]) for row in found] == [
        ("", None, "1"),
        ("2026-08-17", None, "2"),
        ("2027-01-01", None, "9"),
        ("2026-08-17", "01:00", "4"),
    ]


def test_a_variant_takes_what_it_leaves_out_from_the_standard_price_of_its_date() -> None:
    found = rows(
        {
            "prices": [
                {"prices": {"input_mtok": 2, "cache_read_mtok": 1, "output_mtok": 8}},
                {"constraint": {"start_date": "2027-01-01"}, "prices": {"input_mtok": 4, "output_mtok": 16}},
            ],
            "price_variants": [
                {"when": {"processing": "batch"}, "prices": {"input_mtok": 1, "output_mtok": 4}},
                {"when": {"service_tier": "default"}, "prices": {}},
                {"when": {"service_tier": "flex", "region": "eu"}, "prices": {"input_mtok": 1}},
                {"when": {"speed": "ludicrous"}, "prices": {"input_mtok": 1}},
            ],
        }
    )
    [batch] = [row for row in found if row["variant"] != "standard"]
    assert (batch["input_usd_per_mtok"], batch["cached_input_usd_per_mtok"], batch["output_usd_per_mtok"]) == (
        "1",
        "1",
        "4",
    )


def test_what_is_not_priced_by_text_token_gives_no_row() -> None:
    assert rows({"prices": {"requests_kcount": 40}}) == []


def test_a_deprecated_model_is_marked() -> None:
    assert rows({"deprecated": True, "prices": {"input_mtok": 1}})[0]["status"] == "deprecated"


needs_package = pytest.mark.skipif(not genai_prices_layer.is_installed(), reason="needs the optional genai-prices")


@needs_package
def test_the_shipped_prices_are_those_of_the_package_they_were_read_from() -> None:
    if genai_prices_layer._release() != "0.2.3":
        pytest.skip("the shipped snapshot was read from genai-prices 0.2.3")
    book = load_catalog(snapshot="2026-11-23", with_genai_prices=False).price_book
    for name in book.names():
        ours = [(one.effective_from, one.base, one.tiers, one.windows, one.variants) for one in book.history(name)]
        theirs = [(one.effective_from, one.base, one.tiers, one.windows, one.variants) for one in find_prices(name)]
        assert ours == theirs, name


@needs_package
def test_the_package_answers_only_for_names_we_lack() -> None:
    catalog = load_catalog()
    assert not catalog.price_book.holds("openrouter/openai/gpt-4o")
    price = catalog.api_price("openrouter/openai/gpt-4o")
    assert price.source.startswith("genai-prices-")
    assert price.input_usd_per_mtok is not None


@needs_package
def test_names_must_be_equal_not_similar() -> None:
    assert find_prices("openai/gpt-4o-2024-99-99") == ()
    assert find_prices("nobody/gpt-4o") == ()
    assert find_prices("gpt-4o") == ()


def test_without_the_package_nothing_is_found_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genai_prices_layer, "is_installed", lambda: False)
    assert find_prices("openrouter/openai/gpt-4o") == ()


@pytest.mark.parametrize(
    "changed",
    [
        SimpleNamespace(),
        SimpleNamespace(id="p"),
        SimpleNamespace(id="p", models=[SimpleNamespace(id="m")]),
        SimpleNamespace(id="p", models=[SimpleNamespace(id="m", prices=7)]),
    ],
)
def test_a_changed_interface_is_said_with_advice(monkeypatch: pytest.MonkeyPatch, changed: object) -> None:
    monkeypatch.setattr(genai_prices_layer, "is_installed", lambda: True)
    monkeypatch.setattr(genai_prices_layer, "_providers", lambda: [changed])
    with pytest.raises(MissingFact, match=r"not as expected .*install genai-prices>=0\.2\.3,<0\.3"):
        find_prices("p/m")


def test_a_broken_package_is_said_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> object:
        raise ImportError("cannot import name 'providers'")

    monkeypatch.setattr(genai_prices_layer, "is_installed", lambda: True)
    monkeypatch.setattr(genai_prices_layer, "_providers", gone)
    with pytest.raises(MissingFact, match="ImportError"):
        find_prices("p/m")


def test_the_package_is_not_imported_by_loading_the_catalogue() -> None:
    code = (
        "import sys; from tokonomics.catalog.load import load_catalog; c = load_catalog(); "
        "c.api_price('openai/gpt-4o'); assert not any(m.startswith(('genai_prices', 'pydantic', 'ruamel')) for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

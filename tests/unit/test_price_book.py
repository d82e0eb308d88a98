"""The price book: layers in order of authority, each price in force from its date on."""

from datetime import date
from decimal import Decimal

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.price_book import PriceBook, price_layer


def price(name: str, input_usd: str, start: date | None = None, source: str = "s") -> ApiPrice:
    provider, _, model = name.partition("/")
    return ApiPrice(
        provider=provider,
        model=model,
        input_usd_per_mtok=Decimal(input_usd),
        output_usd_per_mtok=Decimal(1),
        effective_from=start,
        source=source,
    )


def asked(book: PriceBook, name: str, at: date) -> str | None:
    found = book.price(name, at)
    return None if found is None else str(found.input_usd_per_mtok)


JULY, DECEMBER = date(2026, 7, 1), date(2026, 12, 1)


def test_the_price_in_force_is_the_latest_that_has_begun() -> None:
    book = PriceBook(
        layers=(price_layer("x", [price("a/m", "4", DECEMBER), price("a/m", "1"), price("a/m", "2", JULY)]),)
    )
    assert [asked(book, "a/m", day) for day in (date(2025, 1, 1), JULY, date(2026, 11, 30), DECEMBER)] == [
        "1",
        "2",
        "2",
        "4",
    ]


def test_an_override_wins_from_its_date_and_the_layer_below_before_it() -> None:
    book = PriceBook(layers=(price_layer("mine", [price("a/m", "9", JULY)]), price_layer("list", [price("a/m", "1")])))
    assert asked(book, "a/m", date(2026, 6, 30)) == "1"
    assert asked(book, "a/m", JULY) == "9"


def test_names_match_in_any_case_and_are_listed_as_written() -> None:
    book = PriceBook(layers=(price_layer("x", [price("zai/GLM-5.3", "1")]),))
    assert asked(book, "ZAI/glm-5.3", JULY) == "1"
    assert book.names() == ("zai/GLM-5.3",)


def test_unknown_is_none_which_is_not_free() -> None:
    book = PriceBook(layers=(price_layer("x", [price("a/m", "1", DECEMBER)]),))
    assert book.price("a/other", JULY) is None
    assert book.price("a/m", JULY) is None


def test_the_fallback_is_asked_only_for_names_that_no_layer_holds() -> None:
    calls: list[str] = []

    def fallback(name: str) -> list[ApiPrice]:
        calls.append(name)
        return [price("z/new", "7")] if name == "z/new" else []

    book = PriceBook(layers=(price_layer("x", [price("a/m", "1", DECEMBER)]),), fallback=fallback)
    assert asked(book, "a/m", JULY) is None, "a name we hold is never priced by the fallback"
    assert asked(book, "z/new", JULY) == "7"
    assert book.history("z/new")[0].input_usd_per_mtok == 7
    assert calls == ["z/new", "z/new"]


def test_history_gives_every_dated_row_of_every_layer() -> None:
    book = PriceBook(layers=(price_layer("mine", [price("a/m", "9", JULY)]), price_layer("list", [price("a/m", "1")])))
    assert [str(row.input_usd_per_mtok) for row in book.history("a/m")] == ["9", "1"]

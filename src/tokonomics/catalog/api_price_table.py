"""The table of API prices: one row a rate card, gathered into one ApiPrice per endpoint and date."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise

from tokonomics.catalog.api_price import ApiPrice, SecondOpinion
from tokonomics.catalog.rates import STANDARD, Rates
from tokonomics.catalog.tables import Row, read_rows
from tokonomics.errors import raise_all

COLUMNS = (
    "provider", "model", "model_id", "effective_from", "variant", "above_input_tokens", "utc_from", "utc_to",
    "input_usd_per_mtok", "cached_input_usd_per_mtok", "cache_write_5m_usd_per_mtok", "cache_write_1h_usd_per_mtok",
    "output_usd_per_mtok", "second_input_usd_per_mtok", "second_cached_input_usd_per_mtok",
    "second_output_usd_per_mtok", "second_as_of", "second_source", "sources_agree", "status", "as_of", "source",
    "notes",
)  # fmt: skip
VARIANTS = (STANDARD, "batch", "flex", "priority", "fast")
STATUSES = ("listed", "disputed", "deprecated", "retired", "suspect")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Card:
    """A row: its rate card, and the row for what belongs to the endpoint."""

    row: Row
    name: tuple[str, str]
    rates: Rates

    @property
    def is_base(self) -> bool:
        return self.rates.variant == STANDARD and not self.rates.above_input_tokens and self.rates.utc_from is None


def read_api_prices(text: str, *, where: str = "api_prices.csv") -> tuple[ApiPrice, ...]:
    """Prices of CSV `text`, by endpoint in its order and then by date; InputError lists every wrong cell."""
    problems: list[str] = []
    prices = gather_api_prices(read_rows(text, where=where, columns=COLUMNS, problems=problems))
    raise_all(problems)
    return prices


def gather_api_prices(rows: Iterable[Row]) -> tuple[ApiPrice, ...]:
    """One ApiPrice per endpoint and start date from rate-card rows, which collect what is wrong with them."""
    by_name: dict[tuple[str, str], list[_Card]] = {}
    for row in rows:
        card = _parse_card(row)
        by_name.setdefault(card.name, []).append(card)
    return tuple(price for cards in by_name.values() for price in _prices_of(cards))


def _parse_card(row: Row) -> _Card:
    rates = Rates(
        input_usd_per_mtok=row.money("input_usd_per_mtok"),
        output_usd_per_mtok=row.money("output_usd_per_mtok"),
        cached_input_usd_per_mtok=row.money("cached_input_usd_per_mtok"),
        cache_write_5m_usd_per_mtok=row.money("cache_write_5m_usd_per_mtok"),
        cache_write_1h_usd_per_mtok=row.money("cache_write_1h_usd_per_mtok"),
        variant=row.choice("variant", VARIANTS, default=STANDARD),
        above_input_tokens=row.count("above_input_tokens") or 0,
        utc_from=row.clock("utc_from"),
        utc_to=row.clock("utc_to"),
        effective_from=row.day("effective_from"),
    )
    if (rates.utc_from is None) != (rates.utc_to is None):
        row.fail("utc_from", f"with utc_to={row.text('utc_to')!r}; give both ends of the window or none")
    if rates.input_usd_per_mtok is None and rates.output_usd_per_mtok is None:
        row.fail("input_usd_per_mtok", "and output_usd_per_mtok are both empty; remove the row: unpriced is no row")
    return _Card(row=row, name=(row.text("provider", required=True), row.text("model", required=True)), rates=rates)


def _prices_of(cards: Sequence[_Card]) -> list[ApiPrice]:
    bases = sorted((card for card in cards if card.is_base), key=_start)
    starts = [_start(card) for card in bases]
    for card in cards:
        if card.rates.variant == STANDARD and _start(card) not in starts:
            card.row.fail("effective_from", "has a tier or window but no plain standard row of that date; add one")
    for earlier, later in pairwise(sorted(cards, key=_conditions)):
        if _conditions(earlier) == _conditions(later):
            later.row.fail("effective_from", "repeats a row of the same endpoint, date and conditions; keep one")
    if not bases:
        cards[0].row.fail("variant", "has no plain standard row; add one")
    ends = [*starts[1:], date.max]
    return [_price(base, cards, until=end) for base, end in zip(bases, ends)]


def _price(base: _Card, cards: Sequence[_Card], *, until: date) -> ApiPrice:
    row, rates = base.row, base.rates
    ordered = sorted(cards, key=_conditions)
    same = [card.rates for card in ordered if card.rates.variant == STANDARD and _start(card) == _start(base)]
    return ApiPrice(
        provider=base.name[0],
        model=base.name[1],
        model_id=row.text("model_id"),
        input_usd_per_mtok=rates.input_usd_per_mtok,
        output_usd_per_mtok=rates.output_usd_per_mtok,
        cached_input_usd_per_mtok=rates.cached_input_usd_per_mtok,
        cache_write_5m_usd_per_mtok=rates.cache_write_5m_usd_per_mtok,
        cache_write_1h_usd_per_mtok=rates.cache_write_1h_usd_per_mtok,
        tiers=tuple(card for card in same if card.above_input_tokens and card.utc_from is None),
        variants=tuple(card.rates for card in ordered if card.rates.variant != STANDARD and _start(card) < until),
        windows=tuple(card for card in same if card.utc_from is not None),
        effective_from=rates.effective_from,
        as_of=row.text("as_of"),
        source=row.text("source", required=True),
        second=_second(row),
        status=row.choice("status", STATUSES, default="listed"),
        notes=row.text("notes"),
    )


def _second(row: Row) -> SecondOpinion | None:
    if not row.text("second_source"):
        return None
    agree = row.choice("sources_agree", ("yes", "no", ""))
    return SecondOpinion(
        input_usd_per_mtok=row.money("second_input_usd_per_mtok"),
        cached_input_usd_per_mtok=row.money("second_cached_input_usd_per_mtok"),
        output_usd_per_mtok=row.money("second_output_usd_per_mtok"),
        as_of=row.text("second_as_of"),
        source=row.text("second_source"),
        agrees={"yes": True, "no": False}.get(agree),
    )


def _conditions(card: _Card) -> tuple[str, date, time, time, int]:
    """What tells two cards of one endpoint apart; also the order in which they are kept."""
    rates = card.rates
    return (
        rates.variant,
        _start(card),
        rates.utc_from or time.min,
        rates.utc_to or time.min,
        rates.above_input_tokens,
    )


def _start(card: _Card) -> date:
    return card.rates.effective_from or date.min

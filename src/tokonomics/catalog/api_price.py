"""A price of an API endpoint, as a list says it from a date on: base rates, tiers, variants and daily windows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

from tokonomics.catalog.rates import STANDARD, Rates
from tokonomics.catalog.token_usage import TokenUsage
from tokonomics.errors import MissingFact


@dataclass(frozen=True, kw_only=True, slots=True)
class SecondOpinion:
    """What another public list says of the same endpoint, USD per million tokens; `agrees` None: not comparable."""

    input_usd_per_mtok: Decimal | None
    cached_input_usd_per_mtok: Decimal | None
    output_usd_per_mtok: Decimal | None
    as_of: str
    source: str
    agrees: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiPrice:
    """One dated price of an endpoint, USD per million tokens, as Decimal; None is "not listed", never zero.

    The five `*_usd_per_mtok` fields are the standard rates of a small request outside any window. `tiers`: the WHOLE
    request moves to the card of the highest threshold that its input exceeds. `variants`: cards of batch, flex,
    priority and fast requests, with their own dates. `windows`: cards for hours of the day, UTC. `model_id` is the
    catalogue's model when the weights are open, else "". In force from `effective_from` (None: since the beginning)
    until the next row of the same name.
    """

    provider: str
    model: str
    model_id: str = ""
    input_usd_per_mtok: Decimal | None
    output_usd_per_mtok: Decimal | None
    cached_input_usd_per_mtok: Decimal | None = None
    cache_write_5m_usd_per_mtok: Decimal | None = None
    cache_write_1h_usd_per_mtok: Decimal | None = None
    tiers: tuple[Rates, ...] = ()
    variants: tuple[Rates, ...] = ()
    windows: tuple[Rates, ...] = ()
    effective_from: date | None = None
    as_of: str = ""
    source: str
    second: SecondOpinion | None = None
    status: str = "listed"
    notes: str = ""

    @property
    def name(self) -> str:
        """The endpoint: "provider/model"."""
        return f"{self.provider}/{self.model}"

    @property
    def base(self) -> Rates:
        """The standard rates of a small request outside any window."""
        return Rates(
            input_usd_per_mtok=self.input_usd_per_mtok,
            output_usd_per_mtok=self.output_usd_per_mtok,
            cached_input_usd_per_mtok=self.cached_input_usd_per_mtok,
            cache_write_5m_usd_per_mtok=self.cache_write_5m_usd_per_mtok,
            cache_write_1h_usd_per_mtok=self.cache_write_1h_usd_per_mtok,
            effective_from=self.effective_from,
        )

    @property
    def batch_input_usd_per_mtok(self) -> Decimal | None:
        """Input price of a small batch request; None when no batch price is listed."""
        card = _latest([card for card in self.variants if card.variant == "batch" and not card.above_input_tokens])
        return card.input_usd_per_mtok if card else None

    @property
    def batch_output_usd_per_mtok(self) -> Decimal | None:
        """Output price of a small batch request; None when no batch price is listed."""
        card = _latest([card for card in self.variants if card.variant == "batch" and not card.above_input_tokens])
        return card.output_usd_per_mtok if card else None

    def cost_usd(self, usage: TokenUsage, *, at: datetime | None = None, variant: str = STANDARD) -> Decimal:
        """Exact cost of one request in USD.

        Without `at` an endpoint with daily windows is priced at its mean over the day. MissingFact when a class of
        tokens, or the variant, has no listed price.

        >>> price = ApiPrice(provider="x", model="y", input_usd_per_mtok=Decimal(1), output_usd_per_mtok=Decimal(2),
        ...                  tiers=(Rates(input_usd_per_mtok=Decimal(3), output_usd_per_mtok=Decimal(4),
        ...                               above_input_tokens=1000),), source="doctest")
        >>> price.cost_usd(TokenUsage(input_uncached=1000)), price.cost_usd(TokenUsage(input_uncached=1001))
        (Decimal('0.001'), Decimal('0.003003'))
        """
        return self.rates(input_tokens=usage.input_tokens, at=at, variant=variant).cost_usd(usage)

    def rates(self, *, input_tokens: int = 0, at: datetime | None = None, variant: str = STANDARD) -> Rates:
        """The card that a request of `input_tokens` input tokens pays at `at`; MissingFact without such a card."""
        if variant != STANDARD:
            return self._variant_rates(variant, input_tokens, at)
        plain = _by_size((self.base, *self.tiers), input_tokens)
        if at is not None:
            now = at.astimezone(UTC) if at.tzinfo else at
            return _by_size([card for card in self.windows if card.holds_at(now)], input_tokens) or _known(plain)
        return _day_mean(_known(plain), _by_window(self.windows, input_tokens))

    def _variant_rates(self, variant: str, input_tokens: int, at: datetime | None) -> Rates:
        cards = [card for card in self.variants if card.variant == variant]
        started = [card for card in cards if at is None or not card.effective_from or card.effective_from <= at.date()]
        latest = _latest(started)
        if latest is None:
            known = ", ".join(sorted({card.variant for card in self.variants})) or "none"
            raise MissingFact(f"{self.name} has no {variant} price; listed variants: {known}; use standard or add it")
        same_date = [card for card in started if card.effective_from == latest.effective_from]
        return _known(_by_size(same_date, input_tokens))


def _by_size(cards: Sequence[Rates], input_tokens: int) -> Rates | None:
    """The card of the highest threshold that `input_tokens` exceeds; the card without threshold at or below it."""
    fitting = [card for card in cards if not card.above_input_tokens or input_tokens > card.above_input_tokens]
    return max(fitting, key=lambda card: card.above_input_tokens, default=None)


def _by_window(windows: Sequence[Rates], input_tokens: int) -> list[Rates]:
    """The fitting card of each distinct window."""
    by_span: dict[tuple[time | None, time | None], list[Rates]] = {}
    for card in windows:
        by_span.setdefault((card.utc_from, card.utc_to), []).append(card)
    found = (_by_size(cards, input_tokens) for cards in by_span.values())
    return [card for card in found if card is not None]


def _day_mean(plain: Rates, windows: Sequence[Rates]) -> Rates:
    """`plain` and `windows` weighted by their minutes of the day."""
    if not windows:
        return plain
    parts = [(card, card.num_window_minutes) for card in windows]
    parts.append((plain, 1440 - sum(minutes for _, minutes in parts)))

    def mean(price: str) -> Decimal | None:
        return _mean([(getattr(card, price), minutes) for card, minutes in parts])

    return replace(
        plain,
        input_usd_per_mtok=mean("input_usd_per_mtok"),
        output_usd_per_mtok=mean("output_usd_per_mtok"),
        cached_input_usd_per_mtok=mean("cached_input_usd_per_mtok"),
        cache_write_5m_usd_per_mtok=mean("cache_write_5m_usd_per_mtok"),
        cache_write_1h_usd_per_mtok=mean("cache_write_1h_usd_per_mtok"),
    )


def _mean(parts: Sequence[tuple[Decimal | None, int]]) -> Decimal | None:
    known = [(value, minutes) for value, minutes in parts if value is not None]
    if len(known) < len(parts):
        return None
    return sum((value * minutes for value, minutes in known), Decimal(0)) / 1440


def _latest(cards: Sequence[Rates]) -> Rates | None:
    return max(cards, key=lambda card: card.effective_from or date.min, default=None)


def _known(card: Rates | None) -> Rates:
    if card is None:
        raise MissingFact("no rate card without a size limit; add the base row of this price")
    return card

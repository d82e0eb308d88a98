"""A rate card: the price of each class of tokens, and the conditions under which it holds."""

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from tokonomics.catalog.token_usage import TokenUsage
from tokonomics.errors import MissingFact, raise_all

STANDARD = "standard"
_TOKENS_PER_MTOK = Decimal(1_000_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """USD per million tokens by class, with the conditions of the card.

    The card holds for requests of `variant` (standard, batch, flex, priority, fast) with more than
    `above_input_tokens` input tokens, between `utc_from` and `utc_to` each day, from `effective_from` on; None means
    no such limit. A price of None is "not listed": cached and written tokens are then billed as plain input, and a
    one-hour write beside a listed five-minute write cannot be priced.
    """

    input_usd_per_mtok: Decimal | None
    output_usd_per_mtok: Decimal | None
    cached_input_usd_per_mtok: Decimal | None = None
    cache_write_5m_usd_per_mtok: Decimal | None = None
    cache_write_1h_usd_per_mtok: Decimal | None = None
    variant: str = STANDARD
    above_input_tokens: int = 0
    utc_from: time | None = None
    utc_to: time | None = None
    effective_from: date | None = None

    def cost_usd(self, usage: TokenUsage) -> Decimal:
        """Cost of `usage` on this card, exact. MissingFact names every class that has tokens and no price.

        >>> card = Rates(input_usd_per_mtok=Decimal("0.4"), output_usd_per_mtok=Decimal("1.8"))
        >>> card.cost_usd(TokenUsage(input_uncached=1_000_000, output_text=500_000))
        Decimal('1.3')
        """
        bill = [
            (name, num_tokens, price)
            for name, num_tokens, price in zip(_CLASSES, _counts(usage), self.per_class())
            if num_tokens
        ]
        raise_all([_no_price(name, num_tokens) for name, num_tokens, price in bill if price is None], MissingFact)
        total = sum((num_tokens * price for _, num_tokens, price in bill if price is not None), Decimal(0))
        return total / _TOKENS_PER_MTOK

    def per_class(self) -> tuple[Decimal | None, ...]:
        """Prices in the order of the classes of TokenUsage, with the fallbacks applied; USD per million tokens."""
        plain, write_5m = self.input_usd_per_mtok, self.cache_write_5m_usd_per_mtok
        write_1h = self.cache_write_1h_usd_per_mtok
        return (
            plain,
            _first(self.cached_input_usd_per_mtok, plain),
            _first(write_5m, plain),
            write_1h if write_1h is not None or write_5m is not None else plain,
            self.output_usd_per_mtok,
            self.output_usd_per_mtok,
        )

    def holds_at(self, at: datetime) -> bool:
        """Whether the card's daily window contains `at` (UTC; a naive time is UTC); True without a window.

        >>> card = Rates(input_usd_per_mtok=None, output_usd_per_mtok=None, utc_from=time(22), utc_to=time(2))
        >>> card.holds_at(datetime(2026, 11, 23, 23, 30)), card.holds_at(datetime(2026, 11, 23, 2, 0))
        (True, False)
        """
        if self.utc_from is None or self.utc_to is None:
            return True
        now = at.time()
        if self.utc_from <= self.utc_to:
            return self.utc_from <= now < self.utc_to
        return now >= self.utc_from or now < self.utc_to

    @property
    def num_window_minutes(self) -> int:
        """Length of the daily window in minutes; 1440 without a window."""
        if self.utc_from is None or self.utc_to is None:
            return 1440
        return (_minutes(self.utc_to) - _minutes(self.utc_from)) % 1440 or 1440


_CLASSES = (
    "input_uncached",
    "input_cache_read",
    "input_cache_write_5m",
    "input_cache_write_1h",
    "output_text",
    "output_reasoning",
)


def _counts(usage: TokenUsage) -> tuple[int, ...]:
    return tuple(getattr(usage, name) for name in _CLASSES)


def _first(*prices: Decimal | None) -> Decimal | None:
    return next((price for price in prices if price is not None), None)


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def _no_price(name: str, num_tokens: int) -> str:
    return f"{name}={num_tokens} tokens have no listed price; add one in an override file, or report them as unpriced"

"""What requests cost at a hosted API, each by its size and the simulated time of its arrival."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.load import Catalog
from tokonomics.catalog.rates import Rates
from tokonomics.errors import MissingFact
from tokonomics.simulation.requests import FloatArray, IntArray
from tokonomics.units import MTOK, SECONDS_PER_DAY


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ApiBill:
    """USD of the input and of the output of each request, shape (n,); `price` is the one in force at the start."""

    price: ApiPrice
    input_usd: FloatArray
    output_usd: FloatArray

    @property
    def total_usd(self) -> float:
        """All of it."""
        return float(self.input_usd.sum() + self.output_usd.sum())


def api_bill(
    catalog: Catalog,
    name: str,
    *,
    input_tokens: IntArray,
    output_tokens: IntArray,
    arrival_s: FloatArray,
    start_at: datetime,
    cached_input_frac: float = 0.0,
) -> ApiBill:
    """Price requests at endpoint `name` with the rates in force when each arrives, `arrival_s` after `start_at`.

    A request beyond a tier's threshold pays the tier on all its tokens. Raises UnknownName and MissingFact as the price
    book does, and MissingFact where input or output has no price.
    """
    begin = start_at if start_at.tzinfo else start_at.replace(tzinfo=UTC)
    input_usd, output_usd = np.zeros(arrival_s.size), np.zeros(arrival_s.size)
    for first, last, at in _spells(catalog, name, arrival_s, begin):
        price = catalog.api_price(name, at=at.date())
        sizes = input_tokens[first:last]
        for rows, card in _cards(price, sizes, at):
            plain, cached, output = _per_token(price, card)
            mean = plain * (1.0 - cached_input_frac) + cached * cached_input_frac
            input_usd[first:last][rows] = sizes[rows] * mean
            output_usd[first:last][rows] = output_tokens[first:last][rows] * output
    return ApiBill(price=catalog.api_price(name, at=begin.date()), input_usd=input_usd, output_usd=output_usd)


def _spells(catalog: Catalog, name: str, arrival_s: FloatArray, begin: datetime) -> Iterator[tuple[int, int, datetime]]:
    """Runs of requests (first, last) that arrive while the same cards hold, and a time within the run."""
    if not arrival_s.size:
        return
    midnight = datetime.combine(begin.date(), time(), UTC)
    offset_s = (begin - midnight).total_seconds()
    num_days = int((arrival_s[-1] + offset_s) // SECONDS_PER_DAY) + 1
    for day in range(num_days):
        noon = midnight + timedelta(days=day)
        for edge, following in _day_spells(catalog, name, noon.date()):
            bounds_s = np.array([edge, following]) + day * SECONDS_PER_DAY - offset_s
            first, last = np.searchsorted(arrival_s, bounds_s, side="left")
            if last > first:
                yield int(first), int(last), noon + timedelta(seconds=edge)


def _day_spells(catalog: Catalog, name: str, day: date) -> Iterator[tuple[float, float]]:
    """Seconds of the day between which the same daily windows hold."""
    edges = {0.0, SECONDS_PER_DAY}
    for card in catalog.api_price(name, at=day).windows:
        edges |= {_seconds(one) for one in (card.utc_from, card.utc_to) if one is not None}
    ordered = sorted(edges)
    yield from pairwise(ordered)


def _seconds(clock: time) -> float:
    return clock.hour * 3600.0 + clock.minute * 60.0 + clock.second


def _cards(
    price: ApiPrice, input_tokens: IntArray, at: datetime
) -> Iterator[tuple[np.typing.NDArray[np.bool_], Rates]]:
    """The card of each size class, and which requests pay it."""
    thresholds = sorted({0, *(card.above_input_tokens for card in (*price.tiers, *price.windows))})
    tier = np.maximum(np.searchsorted(thresholds, input_tokens, side="left") - 1, 0)
    for index, above in enumerate(thresholds):
        rows = tier == index
        if rows.any():
            yield rows, price.rates(input_tokens=above + 1, at=at)


def _per_token(price: ApiPrice, card: Rates) -> tuple[float, float, float]:
    """USD of one token of plain input, cached input and output."""
    plain, cached, _, _, output, _ = card.per_class()
    return tuple(
        _known(price, value, what) / MTOK for value, what in ((plain, "input"), (cached, "input"), (output, "output"))
    )  # type: ignore[return-value]  # three in, three out


def _known(price: ApiPrice, value: Decimal | None, what: str) -> float:
    if value is None:
        raise MissingFact(f"{price.name} has no list price for {what}; give yours with --price-overrides")
    return float(value)

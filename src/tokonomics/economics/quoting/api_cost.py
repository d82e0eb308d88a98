"""What the same traffic costs at an API, priced request by request: tiers move whole requests."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.economics.figures.cost_per_token import CostBases, TokenCost
from tokonomics.economics.quoting.demand import Demand
from tokonomics.economics.quoting.options import Option, Price, Range
from tokonomics.units import MTOK

_LATENCY_NOTE = "latency is not published; measure it before you rely on it"


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiRates:
    """Mean rates that a traffic pays, with tiers and cached input averaged in.

    `tiered_frac` is the share of requests long enough to pay a higher tier; `cached_input_frac` the share of input
    charged as a cache read (0 where the endpoint lists no such price).
    """

    input_usd_per_mtok: float
    output_usd_per_mtok: float
    tiered_frac: float
    cached_input_frac: float


def api_rates(price: ApiPrice, demand: Demand) -> ApiRates | None:
    """Mean rates of `demand` at `price`; None when an input or output price is not listed.

    An endpoint with daily windows is priced at its mean over the day.
    """
    thresholds = sorted({0, *(card.above_input_tokens for card in (*price.tiers, *price.windows))})
    cards = [price.rates(input_tokens=above + 1).per_class() for above in thresholds]
    if any(card[0] is None or card[4] is None for card in cards):
        return None
    inputs, outputs = demand.traffic.input_tokens, demand.traffic.output_tokens
    tier = np.maximum(np.searchsorted(thresholds, inputs, side="left") - 1, 0)
    plain, cached, output = (np.array([float(card[i] or 0) for card in cards])[tier] for i in (0, 1, 4))
    cached_frac = demand.traffic.cached_input_frac
    return ApiRates(
        input_usd_per_mtok=_weighted(plain * (1.0 - cached_frac) + cached * cached_frac, inputs),
        output_usd_per_mtok=_weighted(output, outputs),
        tiered_frac=float((tier > 0).mean()),
        cached_input_frac=cached_frac if price.cached_input_usd_per_mtok is not None else 0.0,
    )


def _weighted(rates: NDArray[np.float64], tokens: NDArray[np.float64]) -> float:
    total = float(tokens.sum())
    return float((rates * tokens).sum()) / total if total > 0.0 else 0.0


def api_option(price: ApiPrice, demand: Demand) -> Option:
    """The endpoint as an option of a quote. Both bases are equal: an API is paid by the token."""
    rates = api_rates(price, demand)
    cost = None if rates is None else _cost(rates, demand)
    month_usd = None if cost is None else cost.blended_usd_per_mtok * demand.month.total_tokens / MTOK
    certain = None if cost is None else Range(p10_usd=cost.blended_usd_per_mtok, p90_usd=cost.blended_usd_per_mtok)
    return Option(
        name=price.name,
        kind="api",
        price=Price(
            provider=price.provider, item=price.model, region="", purchase="per token", usd_per_hour=None, num_gpus=0,
            as_of=price.as_of, source=price.source, status=price.status,
        ),
        usd_per_mtok=None if cost is None else CostBases(allocation=cost, usage=cost),
        usd_per_month=month_usd,
        usd_per_month_range=None if month_usd is None else Range(p10_usd=month_usd, p90_usd=month_usd),
        allocation_range=certain,
        usage_range=certain,
        notes=tuple(_notes(price, rates)),
    )  # fmt: skip


def _cost(rates: ApiRates, demand: Demand) -> TokenCost:
    month = demand.month
    usd = (rates.input_usd_per_mtok * month.input_tokens + rates.output_usd_per_mtok * month.output_tokens) / MTOK
    return TokenCost(
        input_usd_per_mtok=rates.input_usd_per_mtok,
        output_usd_per_mtok=rates.output_usd_per_mtok,
        blended_usd_per_mtok=usd / month.total_tokens * MTOK,
    )


def _notes(price: ApiPrice, rates: ApiRates | None) -> list[str]:
    notes = [_LATENCY_NOTE]
    if rates is None:
        notes.append("no list price for input or output")
    elif rates.tiered_frac > 0.0:
        notes.append(f"{rates.tiered_frac:.1%} of the requests pay the long-input tier on all their tokens")
    if price.second is not None and price.second.agrees is False:
        other = price.second
        notes.append(
            f"sources disagree: {other.source} lists {other.input_usd_per_mtok}/{other.output_usd_per_mtok}"
            f" as of {other.as_of}"
        )
    if price.windows:
        notes.append("price varies by hour of day; this is the mean over the day")
    return notes

"""Hosted models that a plan may send requests to, priced at the traffic's own lengths."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.load import Catalog
from tokonomics.economics.quoting.api_cost import api_rates
from tokonomics.economics.quoting.demand import Demand
from tokonomics.errors import MissingFact
from tokonomics.units import MTOK
from tokonomics.workload.scenario import Scenario


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Hosted:
    """An endpoint with what a mean request costs there; `tier` as for items that are bought."""

    price: ApiPrice
    tier: str
    input_usd_per_mtok: float
    output_usd_per_mtok: float
    usd_per_request: float

    @property
    def name(self) -> str:
        """The endpoint, provider/model."""
        return self.price.name


def endpoint_names(catalog: Catalog, scenario: Scenario, model_ids: Sequence[str], *, at: date) -> tuple[str, ...]:
    """The endpoints that serve the same weights, then those that the scenario names, each once."""
    hosted = [price.name for model_id in model_ids for price in catalog.api_prices_of(model_id, at=at)]
    named = [*scenario.apis, *(name for name in scenario.models if is_endpoint(catalog, name))]
    return tuple(dict.fromkeys([*hosted, *(catalog.api_price(name, at=at).name for name in named)]))


def is_endpoint(catalog: Catalog, name: str) -> bool:
    """Whether `name` is a hosted model and no open weights of the catalogue."""
    return "/" in name and catalog.price_book.holds(name)


def hosted(price: ApiPrice, demand: Demand, tier: str) -> Hosted:
    """`price` at the lengths of `demand`. Raises MissingFact where input or output has no price."""
    rates = api_rates(price, demand)
    if rates is None:
        raise MissingFact(f"{price.name} has no list price for input or output; give yours with --price-overrides")
    traffic = demand.traffic
    usd = (
        rates.input_usd_per_mtok * traffic.mean_input_tokens + rates.output_usd_per_mtok * traffic.mean_output_tokens
    ) / MTOK
    return Hosted(
        price=price,
        tier=tier,
        input_usd_per_mtok=rates.input_usd_per_mtok,
        output_usd_per_mtok=rates.output_usd_per_mtok,
        usd_per_request=usd,
    )

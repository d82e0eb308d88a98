"""Prices of the catalogue as inputs: an hour of an accelerator in the box it is sold in, and a token at an API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tokonomics.catalog.load import Catalog
from tokonomics.catalog.offer import Offer
from tokonomics.catalog.offer_choice import listed_offers
from tokonomics.economics.figures.explanation import Term, unit_of
from tokonomics.economics.hardware.owned import ANY_SIZE
from tokonomics.errors import InputError, MissingFact

LISTED = "list"


@dataclass(frozen=True, kw_only=True, slots=True)
class HourPrice:
    """The offer that rents a replica of `num_gpus` accelerators for the least money, idle ones of its box included.

    `step_usd_per_hour` is the price of its box of `box_gpus`, which holds `replicas_per_step` such replicas. A replica
    never spans boxes: tensor parallelism needs the link inside one.
    """

    offer: Offer
    purchase: str
    gpu_usd_per_hour: float
    num_gpus: int
    box_gpus: int
    step_usd_per_hour: float
    replicas_per_step: int

    @property
    def name(self) -> str:
        """The accelerator and who rents it out."""
        return f"{self.offer.accelerator_id} @{self.offer.provider}"

    @property
    def term(self) -> Term:
        """The price of one accelerator-hour as an input."""
        way = f"{self.purchase.replace('_', '-')} {self.offer.instance}"
        source = f"{self.name}, {way}; {self.offer.source}, as of {self.offer.as_of or 'unknown date'}"
        return Term("gpu_usd_per_hour", self.gpu_usd_per_hour, unit_of("gpu_usd_per_hour"), LISTED, source)


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenPrice:
    """The rates of an API endpoint for a small request outside its tiers; `cached` is None where none is listed."""

    name: str
    input_usd_per_mtok: float
    output_usd_per_mtok: float
    cached_usd_per_mtok: float | None
    as_of: str
    source: str

    def terms(self) -> dict[str, Term]:
        """Input and output price as inputs, by the names `api_input_usd_per_mtok` and `api_output_usd_per_mtok`."""
        source = f"{self.name}; {self.source}, as of {self.as_of or 'unknown date'}"
        pairs = {
            "api_input_usd_per_mtok": self.input_usd_per_mtok,
            "api_output_usd_per_mtok": self.output_usd_per_mtok,
        }
        return {name: Term(name, value, unit_of(name), LISTED, source) for name, value in pairs.items()}


def cheapest_hour(
    catalog: Catalog,
    gpu: str,
    *,
    providers: Sequence[str] = (),
    purchase: str = "on_demand",
    num_gpus: int = 1,
) -> HourPrice:
    """The cheapest way to rent `num_gpus` accelerators `gpu` as one replica, in whole boxes.

    Raises: UnknownName for the accelerator, InputError for a provider that does not offer it, MissingFact where no
    offer in good standing has a price.
    """
    part = catalog.accelerator(gpu)
    offers = catalog.offers_of(part.id)
    known = sorted({offer.provider for offer in offers})
    unknown = [name for name in providers if name not in known]
    if unknown:
        raise InputError(f"no offer of {part.id} by {', '.join(unknown)}; known: {', '.join(known) or 'none'}")
    priced = [
        price
        for offer in listed_offers(offers, providers=providers)
        if (price := _hour(offer, purchase, num_gpus)) is not None
    ]
    if not priced:
        raise MissingFact(
            f"no {purchase} price for {num_gpus} x {part.id}; give --usd-per-hour, or another --provider or --purchase"
        )
    return min(priced, key=lambda price: (price.step_usd_per_hour, -price.replicas_per_step))


def token_price(catalog: Catalog, api: str, *, today: date) -> TokenPrice:
    """The list price of endpoint `api` ("provider/model") in force on `today`.

    Raises: UnknownName for the endpoint, MissingFact where input or output has no price.
    """
    row = catalog.api_price(api, at=today)
    card = row.rates()
    plain, output, cached = card.input_usd_per_mtok, card.output_usd_per_mtok, card.cached_input_usd_per_mtok
    if plain is None or output is None:
        raise MissingFact(f"{row.name} has no list price for {'input' if plain is None else 'output'}; give your own")
    return TokenPrice(
        name=row.name,
        input_usd_per_mtok=float(plain),
        output_usd_per_mtok=float(output),
        cached_usd_per_mtok=None if cached is None else float(cached),
        as_of=row.as_of,
        source=row.source,
    )


def _hour(offer: Offer, purchase: str, num_gpus: int) -> HourPrice | None:
    """The offer as one box that holds a replica; None where it has no price, or the replica would span boxes."""
    hourly = offer.usd_per_gpu_hour(purchase)
    box = num_gpus if offer.instance == ANY_SIZE else offer.num_gpus
    if hourly is None or num_gpus > box:
        return None
    return HourPrice(
        offer=offer,
        purchase=purchase,
        gpu_usd_per_hour=hourly,
        num_gpus=num_gpus,
        box_gpus=box,
        step_usd_per_hour=hourly * box,
        replicas_per_step=box // num_gpus,
    )

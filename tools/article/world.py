"""What every section computes with: the article's catalogue of early 2025 and its assumptions."""

from functools import cache

from tokonomics.catalog.load import Catalog, load_catalog
from tokonomics.catalog.offer import Offer
from tokonomics.economics.figures.assumptions import assumed_values
from tokonomics.physics.deployment import Deployment, deployment

ARTICLE_SNAPSHOT = "2025-03-31"
MODEL, PART = "llama-3-70b", "h100-sxm"


@cache
def catalogue() -> Catalog:
    """The prices that the article prints, with today's accelerators and models."""
    return load_catalog(snapshot=ARTICLE_SNAPSHOT, with_genai_prices=False)


@cache
def reference() -> dict[str, float]:
    """The article's scenario of section 6: one H100 against GPT-4o."""
    return assumed_values("reference")


def offer_of(offer: str) -> Offer:
    """The row of the article's GPU table that `provider/accelerator` names."""
    provider, _, part = offer.partition("/")
    [row] = [row for row in catalogue().offers if (row.provider, row.accelerator_id) == (provider, part)]
    return row


def usd_per_hour(offer: str, purchase: str) -> float:
    """What an hour of that row costs, the whole instance; an error where the table has no such price."""
    price = offer_of(offer).usd_per_hour(purchase)
    assert price is not None, f"{offer} has no {purchase} price"
    return price


@cache
def ideal(model: str = MODEL, precision: str = "fp16", part: str = PART) -> Deployment:
    """A deployment on the ideal machine: full bandwidth, full arithmetic, no overhead."""
    book = catalogue()
    return deployment(book.model(model), book.accelerator(part), precision=precision, engine="roofline")

"""The catalogue: accelerators, models, offers and API prices as one value, looked up by name."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from hashlib import sha256
from importlib import resources
from pathlib import Path

from tokonomics.catalog import genai_prices_layer
from tokonomics.catalog.accelerator import Accelerator, read_accelerators
from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.api_price_table import read_api_prices
from tokonomics.catalog.model import Model
from tokonomics.catalog.models_csv import read_models
from tokonomics.catalog.offer import Offer, read_offers
from tokonomics.catalog.overrides import Overrides, read_overrides
from tokonomics.catalog.price_book import PriceBook, price_layer
from tokonomics.catalog.snapshot import Snapshot, find_snapshot, user_home
from tokonomics.catalog.source import Source, read_sources, source_id
from tokonomics.errors import MissingFact, UnknownName


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog:
    """Everything known, on the day of a snapshot, with the user's overrides on top.

    `api_prices` holds every dated row, also past and scheduled ones; `api_price` picks the one in force.
    `digest` is the sha256 of the bytes of every table and override used: equal digests, equal facts.
    """

    accelerators: Mapping[str, Accelerator]
    models: Mapping[str, Model]
    offers: tuple[Offer, ...]
    api_prices: tuple[ApiPrice, ...]
    digest: str
    snapshot: str
    sources: Mapping[str, Source] = field(default_factory=dict)
    price_book: PriceBook = field(default_factory=lambda: PriceBook(layers=()))

    def accelerator(self, name: str) -> Accelerator:
        """The accelerator called `name` (its id, in any case); UnknownName carries the three nearest."""
        found = self.accelerators.get(name) or self.accelerators.get(name.strip().lower())
        if found is None:
            raise UnknownName("gpu", name, tuple(self.accelerators))
        return found

    def model(self, name: str) -> Model:
        """The model called `name`: its id, its hub id or the last part of that, in any case; else UnknownName."""
        found = self.models.get(name) or _by_alias(name, self.models.values())
        if found is None:
            raise UnknownName("model", name, tuple(self.models))
        return found

    def offers_of(self, accelerator_id: str) -> tuple[Offer, ...]:
        """Every offer of an accelerator, of any status, in catalogue order."""
        return tuple(offer for offer in self.offers if offer.accelerator_id == accelerator_id)

    def api_price(self, name: str, *, at: date | None = None) -> ApiPrice:
        """The price of endpoint `name` in force on `at` (the day of the snapshot when left out).

        `name` is "provider/model", or a model that one provider alone sells, in any case. UnknownName when nothing
        knows it; MissingFact when it has no price yet on that date.
        """
        day = at or self.day
        full = name if self.price_book.holds(name) else self._sole_endpoint(name)
        found = self.price_book.price(full, day)
        if found is None and self.price_book.holds(full):
            raise MissingFact(f"{name} is unpriced on {day}; its first price begins later; choose a later date")
        if found is None:
            raise UnknownName("price", name, self.price_book.names())
        return found

    def api_prices_of(self, model_id: str, *, at: date | None = None) -> tuple[ApiPrice, ...]:
        """Prices in force on `at` of every endpoint that serves the open weights `model_id`, in catalogue order."""
        prices = (self.price_book.price(name, at or self.day) for name in self.price_book.names())
        return tuple(price for price in prices if price is not None and price.model_id == model_id)

    def source(self, reference: str) -> Source | None:
        """The source that a row names; None for an override or a source of a newer snapshot."""
        return self.sources.get(source_id(reference))

    @property
    def day(self) -> date:
        """The day of the snapshot."""
        return date.fromisoformat(self.snapshot[:10])

    def _sole_endpoint(self, name: str) -> str:
        ending = f"/{name.lower()}"
        same = [one for one in self.price_book.names() if one.lower().partition("/")[1:] == ("/", name.lower())]
        return same[0] if len(same) == 1 and same[0].lower().endswith(ending) else name


def load_catalog(
    *,
    snapshot: str | None = None,
    overrides: Path | None = None,
    home: Path | None = None,
    with_genai_prices: bool = True,
) -> Catalog:
    """Load the catalogue: a snapshot (the newest when not named), under the user's overrides.

    `home` is the folder of the user's own snapshots ($TOKONOMICS_HOME or the XDG data folder when left out).
    `with_genai_prices` lets the installed genai-prices package answer for endpoints that no table holds. Loading
    again with the same arguments and unchanged files returns the same value.
    """
    place = home or user_home(os.environ)
    chosen = find_snapshot(snapshot, place)
    stamp = overrides.stat().st_mtime_ns if overrides is not None and overrides.exists() else 0
    return _load(chosen.name, place, overrides, stamp, with_genai_prices)


@lru_cache(maxsize=8)
def _load(name: str, home: Path, overrides_path: Path | None, _stamp: int, with_genai_prices: bool) -> Catalog:
    """A snapshot never changes, so its name and place are its identity; an override file has its time of change."""
    snapshot = find_snapshot(name, home)
    own = read_overrides(overrides_path) if overrides_path is not None else Overrides()
    texts = _texts(snapshot)
    accelerators = {part.id: part for part in (*read_accelerators(texts["accelerators.csv"]), *own.accelerators)}
    prices = read_api_prices(texts["api_prices.csv"], where=f"{snapshot.name}/api_prices.csv")
    layers = (price_layer(f"override:{own.origin}", own.api_prices), price_layer(snapshot.name, prices))
    return Catalog(
        accelerators=accelerators,
        models={model.id: model for model in read_models(texts["models.csv"])},
        offers=overlay(read_offers(texts["offers.csv"], where=f"{snapshot.name}/offers.csv"), own.offers),
        api_prices=(*own.api_prices, *prices),
        digest=_digest([*texts.values(), own.text]),
        snapshot=snapshot.name,
        sources=read_sources(texts["sources.csv"]),
        price_book=PriceBook(layers=layers, fallback=genai_prices_layer.find_prices if with_genai_prices else None),
    )


def overlay(below: Sequence[Offer], above: Sequence[Offer]) -> tuple[Offer, ...]:
    """`above` in front, then the offers of `below` that no row of `above` replaces (same product, same place)."""
    taken = {offer.key for offer in above}
    return (*above, *(offer for offer in below if offer.key not in taken))


def _texts(snapshot: Snapshot) -> dict[str, str]:
    data = resources.files("tokonomics.catalog").joinpath("data")
    undated, dated = ("accelerators.csv", "models.csv", "sources.csv"), ("offers.csv", "api_prices.csv")
    shipped = {name: data.joinpath(name).read_text("utf-8") for name in undated}
    return shipped | {name: snapshot.read(name) for name in dated}


def _digest(texts: Iterable[str]) -> str:
    total = sha256()
    for text in texts:
        total.update(sha256(text.encode()).digest())
    return total.hexdigest()


def _by_alias(name: str, models: Iterable[Model]) -> Model | None:
    wanted = name.strip().lower()
    for model in models:
        if wanted in (model.id.lower(), model.hf_id.lower(), model.hf_id.rpartition("/")[2].lower()):
            return model
    return None

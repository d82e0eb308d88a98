"""The quote: every way to serve this traffic, what each costs at this load, and the one to choose."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from tokonomics.catalog.freshness import freshness_of, oldest_date
from tokonomics.catalog.load import Catalog
from tokonomics.catalog.offer import Offer
from tokonomics.economics.quoting.api_cost import api_option
from tokonomics.economics.quoting.candidates import Search, candidates, explain_no_fit
from tokonomics.economics.quoting.demand import Demand, demand_of
from tokonomics.economics.quoting.evidence_words import evidence_sentence
from tokonomics.economics.quoting.load_curve import LoadCurve, load_curve
from tokonomics.economics.quoting.options import Option
from tokonomics.economics.quoting.self_host import Fleet, best_by, fleets, priced, rank, unpriced
from tokonomics.errors import InputError, MissingFact, UnknownName
from tokonomics.physics.evidence import Evidence
from tokonomics.workload.slo import Slo
from tokonomics.workload.traffic import Traffic


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What to compare. Empty tuples mean everything in the catalogue.

    `apis` are added to the endpoints that serve the same open weights. Only rows the catalogue calls `listed` are
    compared, unless `providers` names the seller. `owned` are the user's own accelerators, as offers.
    """

    gpus: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    apis: tuple[str, ...] = ()
    purchase: str = "on_demand"
    self_host: bool = True
    num_spare_replicas: int = 0
    owned: tuple[Offer, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """Ranked options for one traffic, best first, with what was left out and how fresh the prices are.

    `evidence` is what own measurements shifted the constants by.
    """

    models: tuple[str, ...]
    demand: Demand
    options: tuple[Option, ...]
    curves: tuple[LoadCurve, ...]
    catalog_digest: str
    snapshot: str
    oldest_price_as_of: str
    left_out: tuple[str, ...]
    num_candidates: int
    evidence: tuple[Evidence, ...] = ()

    @property
    def best(self) -> Option:
        """The cheapest option that meets the SLO, or comes nearest."""
        return self.options[0]

    def option(self, name: str) -> Option:
        """The option called `name`, with or without its model in front; UnknownName otherwise."""
        found = next((option for option in self.options if name in (option.name, self.short_name(option))), None)
        if found is None:
            raise UnknownName("option", name, [option.name for option in self.options])
        return found

    def short_name(self, option: Option) -> str:
        """The name of `option`, without its model where the whole quote is of one model."""
        return option.name.removeprefix(f"{self.models[0]} ") if len(self.models) == 1 else option.name

    @property
    def best_api(self) -> Option | None:
        """The cheapest API."""
        return next((option for option in self.options if option.kind == "api" and option.is_priced), None)

    @property
    def best_self_host(self) -> Option | None:
        """The best-ranked self-hosted option."""
        return next((option for option in self.options if option.kind == "self_host"), None)

    def to_dict(self) -> dict[str, Any]:
        """The body of the quote document (the caller adds schema, kind and scenario)."""
        traffic, month = self.demand.traffic, self.demand.month
        return {
            "catalog_digest": self.catalog_digest,
            "catalog_snapshot": self.snapshot,
            "price_as_of": self.oldest_price_as_of,
            "traffic": {
                "name": traffic.name,
                "source": traffic.source,
                "requests_per_s": traffic.requests_per_s,
                "peak_requests_per_s": traffic.peak_requests_per_s,
                "mean_input_tokens": traffic.mean_input_tokens,
                "mean_output_tokens": traffic.mean_output_tokens,
                "cached_input_frac": traffic.cached_input_frac,
                "input_tokens_per_month": month.input_tokens,
                "output_tokens_per_month": month.output_tokens,
            },
            "slo": str(self.demand.slo),
            "recommended": self.best.name,
            "options": [option.to_dict() for option in self.options],
            "num_candidates": self.num_candidates,
            "left_out": list(self.left_out),
            "measured": [{**one.to_dict(), "sentence": evidence_sentence(one)} for one in self.evidence],
        }


def quote(
    catalog: Catalog,
    models: Sequence[str],
    traffic: Traffic,
    *,
    slo: Slo,
    today: date,
    choice: Choice | None = None,
    search: Search | None = None,
) -> Quote:
    """Price `traffic` on every deployment and API endpoint of `models`.

    Names are looked up in `catalog`; a name that is no open-weight model but an API endpoint ("provider/model") is
    priced as such. Raises UnknownName, Infeasible when no deployment fits and there is no endpoint either, and
    InputError when nothing is left to compare.
    """
    choice, search = choice or Choice(), search or Search()
    demand = demand_of(traffic, slo)
    names = [name for name in models if "/" not in name or not _is_api(catalog, name)]
    apis = [*choice.apis, *(name for name in models if name not in names)]
    records = [catalog.model(name) for name in names]
    parts = [catalog.accelerator(name) for name in choice.gpus] or list(catalog.accelerators.values())
    found = candidates(records if choice.self_host else [], parts, demand, search)
    options = [
        *_self_host_options(
            catalog, fleets(found, demand, num_spare_replicas=choice.num_spare_replicas), demand, choice
        ),
        *_api_options(catalog, [model.id for model in records], apis, demand, today),
    ]
    if not options:
        if records and choice.self_host:
            explain_no_fit(records, parts, demand, search)
        raise InputError(
            "nothing to compare: no API serves this model and no deployment is left; widen --gpu or add --api"
        )
    ranked = tuple(_aged(option, today) for option in sorted(options, key=rank))
    leaders = [one for one in (_first(ranked, "self_host"), _first(ranked, "api")) if one]
    return Quote(
        models=tuple(model.id for model in records) or tuple(apis),
        demand=demand,
        options=ranked,
        curves=tuple(curve for one in leaders if (curve := load_curve(one, demand)) is not None),
        catalog_digest=catalog.digest,
        snapshot=catalog.snapshot,
        oldest_price_as_of=oldest_date([one.price.as_of for one in ranked if one.is_priced]),
        left_out=found.left_out,
        num_candidates=len(found.deployments),
        evidence=search.evidence,
    )


def _aged(option: Option, today: date) -> Option:
    """The option with the age of its price judged, by the cut-offs of its kind."""
    kind = "api_price" if option.kind == "api" else "spot" if option.price.purchase == "spot" else "on_demand"
    return replace(option, freshness=freshness_of(option.price.as_of, kind=kind, today=today).level)


def _is_api(catalog: Catalog, name: str) -> bool:
    return any(price.name == name for price in catalog.api_prices)


def _first(options: Sequence[Option], kind: str) -> Option | None:
    return next((option for option in options if option.kind == kind and option.is_priced), None)


def _self_host_options(catalog: Catalog, sized: Sequence[Fleet], demand: Demand, choice: Choice) -> list[Option]:
    """Best layout of each (model, offer, precision); parts without any price stay in, unpriced, when named."""
    options: list[Option] = []
    for fleet in sized:
        part = fleet.deployment.accelerator
        priced_here = [
            option
            for offer, purchase in _admitted(catalog, part.id, choice)
            if (option := priced(fleet, offer, purchase, demand)) is not None and option.is_priced
        ]
        options.extend(priced_here)
        if part.id in choice.gpus and not priced_here:
            options.append(unpriced(fleet, demand))
    return best_by(options, key=_offer_key)


def _admitted(catalog: Catalog, part_id: str, choice: Choice) -> list[tuple[Offer, str]]:
    """Offers of a part that may be compared, each with how it is bought. What is owned has one price."""
    owned = [(offer, "on_demand") for offer in choice.owned if offer.accelerator_id == part_id]
    rented = [(offer, choice.purchase) for offer in catalog.offers_of(part_id) if _admits(offer, choice)]
    return owned + rented


def _offer_key(option: Option) -> tuple[str, ...]:
    run = option.operation
    assert run is not None
    return (run.model, run.accelerator, run.precision, option.price.provider, option.price.region)


def _admits(offer: Offer, choice: Choice) -> bool:
    """Whether an offer may be compared: what the user named, else only rows in good standing."""
    if choice.regions and offer.region not in choice.regions:
        return False
    return offer.provider in choice.providers if choice.providers else offer.status == "listed"


def _api_options(
    catalog: Catalog, model_ids: Sequence[str], apis: Sequence[str], demand: Demand, today: date
) -> list[Option]:
    hosted = [price.name for model_id in model_ids for price in catalog.api_prices_of(model_id, at=today)]
    return [api_option(catalog.api_price(name, at=today), demand) for name in dict.fromkeys([*hosted, *apis])]


def require_priced(result: Quote) -> None:
    """Raise MissingFact naming every unpriced option: what `--strict` asks for."""
    gaps = [
        f"{option.name} is unpriced; add an offer in an override file"
        for option in result.options
        if not option.is_priced
    ]
    if gaps:
        raise MissingFact(*gaps)

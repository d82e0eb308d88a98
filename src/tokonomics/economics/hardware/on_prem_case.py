"""Owning against renting as one case: the machine with the source of every input, and every way to rent its like."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.load import Catalog
from tokonomics.catalog.offer import Offer
from tokonomics.catalog.offer_choice import listed_offers
from tokonomics.economics.figures.explanation import Explanation, Term, unit_of
from tokonomics.economics.figures.inputs import Inputs, assumed_term, stated_problems, stated_term, values_of
from tokonomics.economics.figures.sensitivity import Tornado, tornado
from tokonomics.economics.hardware.hourly_rates import ReservedSaving, reserved_saving
from tokonomics.economics.hardware.on_prem import (
    OnPrem,
    OnPremCost,
    break_even_utilisation_frac,
    on_prem_cost,
    on_prem_curve,
)
from tokonomics.economics.hardware.spot import spot_rate
from tokonomics.errors import MissingFact, raise_all

TOPIC: Final = "on_prem"
NOT_COUNTED: Final = "not counted"
_FULL_POWER: Final = "full power around the clock"
CURVE_UTILISATIONS: Final = tuple(percent / 100 for percent in range(5, 101))
_FROM_CATALOGUE: Final = {"purchase_usd": "purchase_usd", "device_watts": "tdp_watts"}
_ASSUMED: Final = ("electricity_usd_per_kwh", "hosting_usd_per_year", "horizon_years", "utilisation_frac")
_PURCHASES: Final = ("on_demand", "spot", "reserved_1yr")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rent:
    """One way to rent the same accelerator, and the utilisation above which owning is cheaper (None: never)."""

    name: str
    purchase: str
    rent_usd_per_hour: float
    as_of: str
    over_own_ratio: float
    worthwhile_utilisation_frac: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OnPremAnswer:
    """The cost of an hour that is used, its curve over utilisation, the rents it competes with, and what moves it."""

    inputs: Inputs
    machine: OnPrem
    cost: OnPremCost
    curve: tuple[OnPremCost, ...]
    rents: tuple[Rent, ...]
    reservations: tuple[tuple[str, ReservedSaving], ...]
    tornado: Tornado
    swing_frac: float

    @property
    def cheapest_on_demand(self) -> Rent | None:
        """The cheapest rent that nobody interrupts and nothing binds to."""
        return next((rent for rent in self.rents if rent.purchase == "on_demand"), None)


def answer_on_prem(
    stated: Mapping[str, float | None],
    *,
    catalog: Catalog,
    gpu: str | None = None,
    providers: Sequence[str] = (),
    swing_frac: float = 0.25,
) -> OnPremAnswer:
    """Price an owned accelerator: as stated, else price and power of `gpu`, else the table of assumptions.

    Without `gpu` it is compared with the rent of the table, with one with every offer in good standing.
    Raises: InputError with every stated value out of bounds, MissingFact for a price or power nobody gives.
    """
    raise_all(stated_problems(stated, positive=("purchase_usd", "horizon_years", "utilisation_frac")))
    part = catalog.accelerator(gpu) if gpu else None
    inputs = _inputs(stated, part)
    machine = OnPrem(**values_of(inputs))
    cost = on_prem_cost(machine)
    offers = listed_offers(catalog.offers_of(part.id), providers=providers) if part else ()
    rates = _rates(offers) if part else [_reference_rate()]
    return OnPremAnswer(
        inputs=inputs,
        machine=machine,
        cost=cost,
        curve=on_prem_curve(machine, CURVE_UTILISATIONS),
        rents=tuple(_rents(machine, cost, rates)),
        reservations=tuple(_reservations(rates)),
        tornado=_tornado(inputs, swing_frac),
        swing_frac=swing_frac,
    )


def explain_on_prem(answer: OnPremAnswer) -> Explanation:
    """The formula of an hour that is used, with every input."""
    return Explanation(
        number="effective_usd_per_hour",
        option="owned accelerator",
        value=answer.cost.effective_usd_per_hour,
        unit="USD per used hour",
        formula="(purchase + host + interest - resale + power + hosting + staff) / (8,760 h x years x utilisation)",
        terms=tuple(answer.inputs.values()),
    )


def _inputs(stated: Mapping[str, float | None], part: Accelerator | None) -> dict[str, Term]:
    found: dict[str, Term] = {}
    gaps = []
    for field in fields(OnPrem):
        name, value = field.name, stated.get(field.name)
        if value is not None:
            found[name] = stated_term(name, value)
        elif name in _FROM_CATALOGUE and part is not None:
            listed: float | None = getattr(part, _FROM_CATALOGUE[name])
            if listed is None:
                gaps.append(f"{part.id} has no {name} in the catalogue; give --{name.replace('_', '-')}")
            else:
                found[name] = Term(name, listed, unit_of(name), "list", _part_source(part, name))
        elif name in _FROM_CATALOGUE or name in _ASSUMED:
            found[name] = assumed_term(TOPIC, name)
        else:
            usual = field.default
            assert isinstance(usual, float)
            source = _FULL_POWER if name == "idle_draw_frac" else NOT_COUNTED
            found[name] = Term(name, usual, unit_of(name), "assumed", source)
    raise_all(gaps, MissingFact)
    return found


def _part_source(part: Accelerator, name: str) -> str:
    basis = f", {part.purchase_basis}" if name == "purchase_usd" and part.purchase_basis else ""
    return f"{part.id}{basis}; {part.source}"


def _reference_rate() -> tuple[str, str, float, str]:
    term = assumed_term("reference", "gpu_usd_per_hour")
    return (f"rented ({term.source})", "on_demand", float(term.value), term.source.rpartition(", ")[2])


def _rates(offers: Sequence[Offer]) -> list[tuple[str, str, float, str]]:
    """The cheapest hour of each provider and each way to buy: name, way, USD and date."""
    best: dict[tuple[str, str], tuple[float, str]] = {}
    for offer in offers:
        for purchase in _PURCHASES:
            rate = _gpu_rate_usd_per_hour(offer, purchase)
            key = (offer.provider, purchase)
            if rate is not None and (key not in best or rate < best[key][0]):
                best[key] = (rate, offer.as_of)
    return [(provider, purchase, rate, as_of) for (provider, purchase), (rate, as_of) in best.items()]


def _gpu_rate_usd_per_hour(offer: Offer, purchase: str) -> float | None:
    """The price of one accelerator-hour; of a spot range the middle."""
    if purchase != "spot" or offer.spot_usd_per_hour is None:
        return offer.usd_per_gpu_hour(purchase)
    high = max(offer.spot_high_usd_per_hour or 0.0, offer.spot_usd_per_hour)
    middle = spot_rate(low_usd_per_hour=offer.spot_usd_per_hour, high_usd_per_hour=high).midpoint_usd_per_hour
    return None if middle is None else middle / offer.num_gpus


def _rents(machine: OnPrem, cost: OnPremCost, rates: Sequence[tuple[str, str, float, str]]) -> list[Rent]:
    ordered = sorted(rates, key=lambda row: (row[2], row[0], row[1]))
    return [
        Rent(
            name=name,
            purchase=purchase,
            rent_usd_per_hour=rate,
            as_of=as_of,
            over_own_ratio=rate / cost.effective_usd_per_hour,
            worthwhile_utilisation_frac=break_even_utilisation_frac(machine, rental_usd_per_hour=rate),
        )
        for name, purchase, rate, as_of in ordered
    ]


def _reservations(rates: Sequence[tuple[str, str, float, str]]) -> Iterator[tuple[str, ReservedSaving]]:
    """What a year's commitment saves at each provider that sells both ways."""
    by_way = {(name, purchase): rate for name, purchase, rate, _ in rates}
    for (name, purchase), rate in by_way.items():
        plain = by_way.get((name, "on_demand"))
        if purchase == "reserved_1yr" and plain is not None:
            yield name, reserved_saving(on_demand_usd_per_hour=plain, reserved_usd_per_hour=rate)


def _tornado(inputs: Inputs, swing_frac: float) -> Tornado:
    """Each counted input a share of itself either way; utilisation stays at most 1."""
    base = values_of(inputs)
    spans = {
        name: (value * (1.0 - swing_frac), value * (1.0 + swing_frac))
        for name, value in base.items()
        if value > 0 and inputs[name].source not in (NOT_COUNTED, _FULL_POWER) and name != "pue_factor"
    }
    for name in list(spans):
        if name.endswith("_frac"):
            spans[name] = (spans[name][0], min(spans[name][1], 1.0))
    return tornado(lambda values: on_prem_cost(OnPrem(**values)).effective_usd_per_hour, base=base, spans=spans)

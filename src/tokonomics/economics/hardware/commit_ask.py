"""From a need of accelerators to how long to commit: priced ways to buy against a launch and a fall of demand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tokonomics.catalog.load import Catalog
from tokonomics.economics.figures.explanation import Term as Input
from tokonomics.economics.figures.explanation import unit_of
from tokonomics.economics.figures.inputs import stated_term
from tokonomics.economics.hardware.commitment import (
    CommitmentAdvice,
    Future,
    Term,
    advise_commitment,
    known_terms,
    launch_market_usd_per_hour,
)
from tokonomics.economics.hardware.list_prices import LISTED, cheapest_hour
from tokonomics.errors import MissingFact

SPOT, QUARTER, YEAR = "spot", "3-month", "1-year"
_LENGTHS: Final = {SPOT: 0, QUARTER: 3, YEAR: 12}
_FIGURES: Final = (
    "needed_gpus",
    "spot_rework_frac",
    "launch_month",
    "launch_frac",
    "price_after_ratio",
    "low_gpus",
    "low_frac",
)
_TABLE: Final = "article s2, 2025-Q1"
_PURCHASES: Final = {SPOT: "spot", YEAR: "reserved_1yr"}
_STATED: Final = {
    SPOT: "spot_discount_frac",
    QUARTER: "quarter_discount_frac",
    YEAR: "year_discount_frac",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitTold:
    """The advice, the futures it was weighed against, and the ways to buy that nobody prices."""

    advice: CommitmentAdvice
    futures: tuple[Future, ...]
    unpriced: tuple[str, ...]
    inputs: Mapping[str, Input]
    as_of: str


def ask_commitment(
    catalog: Catalog,
    stated: Mapping[str, float | None],
    *,
    gpu: str | None,
    providers: Sequence[str] = (),
    num_months: int,
) -> CommitTold:
    """How to buy `needed_gpus` accelerators for `num_months`.

    `stated` holds needed_gpus, and gpu_usd_per_hour unless `gpu` is priced by the catalogue; discounts
    spot_discount_frac, quarter_discount_frac, year_discount_frac and spot_rework_frac; a launch as launch_month,
    launch_frac (its chance) and price_after_ratio; a fall of demand as low_gpus and low_frac (its chance).
    Raises: MissingFact where the accelerator has no price; InputError for a figure out of bounds.
    """
    hourly, discounts, inputs, as_of = _prices(catalog, stated, gpu, providers)
    for name, key in _STATED.items():
        if (value := stated.get(key)) is not None:
            discounts[name], inputs[key] = value, stated_term(key, value)
    inputs |= {key: stated_term(key, value) for key in _FIGURES if (value := stated.get(key)) is not None}
    rework = stated.get("spot_rework_frac") or 0.0
    terms = [
        Term(name="on-demand", length_months=0, discount_frac=0.0),
        *(
            Term(
                name=name,
                length_months=length,
                discount_frac=discounts[name],
                rework_frac=rework if name == SPOT else 0.0,
            )
            for name, length in _LENGTHS.items()
            if name in discounts
        ),
    ]
    futures = _futures(stated, hourly, num_months)
    return CommitTold(
        advice=advise_commitment(terms, futures),
        futures=futures,
        unpriced=tuple(name for name in _LENGTHS if name not in discounts),
        inputs=inputs,
        as_of=as_of,
    )


def _prices(
    catalog: Catalog, stated: Mapping[str, float | None], gpu: str | None, providers: Sequence[str]
) -> tuple[float, dict[str, float], dict[str, Input], str]:
    """The market's hour, the discounts that are listed beside it, and where both come from."""
    hourly = stated.get("gpu_usd_per_hour")
    if gpu is None:
        if hourly is None:
            raise MissingFact("no price of an hour to commit to; give --gpu or --usd-per-hour")
        known = {term.name: term.discount_frac for term in known_terms() if term.name in _LENGTHS}
        keys = {name: _STATED[name] for name in known}
        terms = {key: Input(key, known[name], unit_of(key), LISTED, _TABLE) for name, key in keys.items()}
        return hourly, known, {"gpu_usd_per_hour": stated_term("gpu_usd_per_hour", hourly), **terms}, ""
    base = cheapest_hour(catalog, gpu, providers=providers)
    discounts, inputs = {}, {"gpu_usd_per_hour": base.term}
    for name, purchase in _PURCHASES.items():
        try:
            other = cheapest_hour(catalog, gpu, providers=providers, purchase=purchase)
        except MissingFact:
            continue
        discounts[name] = 1.0 - other.gpu_usd_per_hour / base.gpu_usd_per_hour
        key = _STATED[name]
        inputs[key] = Input(key, discounts[name], unit_of(key), LISTED, other.term.source)
    return base.gpu_usd_per_hour, discounts, inputs, base.offer.as_of


def _futures(stated: Mapping[str, float | None], hourly: float, num_months: int) -> tuple[Future, ...]:
    """Launch or none, times demand that stays or falls; a future without a chance is left out."""
    launch, low = stated.get("launch_frac") or 0.0, stated.get("low_frac") or 0.0
    needed, fallen = stated.get("needed_gpus") or 0.0, stated.get("low_gpus") or 0.0
    steady = np.full(num_months, hourly)
    market = steady
    if launch:
        market = launch_market_usd_per_hour(
            num_months=num_months,
            usd_per_hour=hourly,
            launch_month=round(stated.get("launch_month") or 0),
            price_after_ratio=stated.get("price_after_ratio") or 1.0,
        )
    every = [
        ("as today", (1 - launch) * (1 - low), needed, steady),
        ("launch", launch * (1 - low), needed, market),
        ("less demand", (1 - launch) * low, fallen, steady),
        ("launch and less demand", launch * low, fallen, market),
    ]
    return tuple(
        Future.of(name, probability_frac=chance, num_gpus=np.full(num_months, count), market_usd_per_hour=price)
        for name, chance, count, price in every
        if chance > 0
    )

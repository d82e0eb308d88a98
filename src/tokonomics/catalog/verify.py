"""The self-check of the catalogue: every row has a source, a known part, plausible units and an untouched file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.api_validators import api_problem
from tokonomics.catalog.freshness import earliest_date
from tokonomics.catalog.load import Catalog, load_catalog
from tokonomics.catalog.offer import Offer
from tokonomics.catalog.snapshot import broken_files, list_snapshots
from tokonomics.catalog.tables import read_rows
from tokonomics.catalog.validators import OfferCheck, is_below_spot, is_placeholder, is_unpriced, spot_problem
from tokonomics.errors import TokonomicsError
from tokonomics.units import GB, TFLOP


def verify_catalog(catalog: Catalog, *, home: Path | None = None) -> list[str]:
    """Everything that is wrong with `catalog` and with the snapshots under `home`, in words; empty when all is well."""
    return [problem for check in CHECKS for problem in check(catalog)] + [
        problem for snapshot in list_snapshots(home) for problem in broken_files(snapshot)
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a check of several snapshots found: the catalogues that could be read, and everything that is wrong."""

    catalogs: tuple[Catalog, ...]
    problems: tuple[str, ...]


def verify_snapshots(names: Sequence[str], *, home: Path) -> Verdict:
    """Check the snapshots called `names`; one that cannot be read is a problem and not a failure of the check."""
    problems = {said: None for one in list_snapshots(home) if one.name in names for said in broken_files(one)}
    catalogs: list[Catalog] = []
    for name in names:
        try:
            catalogs.append(load_catalog(snapshot=name, home=home, with_genai_prices=False))
            problems |= dict.fromkeys(verify_catalog(catalogs[-1]))
        except TokonomicsError as error:
            problems |= dict.fromkeys(f"snapshot {name}: {said}" for said in error.violations)
    return Verdict(catalogs=tuple(catalogs), problems=tuple(problems))


def sources_known(catalog: Catalog) -> Iterable[str]:
    """Every row names a source of sources.csv, or an override file."""
    rows: list[tuple[str, str]] = [(f"accelerator {part.id}", part.source) for part in catalog.accelerators.values()]
    rows += [(f"offer {' '.join(offer.key)}", offer.source) for offer in catalog.offers]
    rows += [(f"price {price.name}", price.source) for price in catalog.api_prices]
    for row, source in rows:
        if catalog.source(source) is None and not source.startswith("override:"):
            yield f"{row}: source {source!r} is not in sources.csv; add it there"


def offers_sound(catalog: Catalog) -> Iterable[str]:
    """Every offer is of a known accelerator and dated; one in good standing passes the validators."""
    for offer in catalog.offers:
        name = " ".join(offer.key)
        if offer.accelerator_id not in catalog.accelerators:
            yield f"offer {name}: no accelerator {offer.accelerator_id!r}; add it or correct the id"
        if offer.as_of and earliest_date(offer.as_of) is None:
            yield f"offer {name}: as_of={offer.as_of!r} names no year; write YYYY, YYYY-MM or YYYY-MM-DD"
        if offer.status == "listed" and (reason := _offer_reason(offer)):
            yield f"offer {name}: {reason}; correct it or mark it suspect"


def prices_sound(catalog: Catalog) -> Iterable[str]:
    """Every API price is plausible, dated, and linked to a model we know or to none."""
    for price in catalog.api_prices:
        if reason := api_problem(price):
            yield f"price {price.name}: {reason}"
        if price.model_id and price.model_id not in catalog.models:
            yield f"price {price.name}: no model {price.model_id!r}; correct the id or leave it empty"
        if earliest_date(price.as_of) is None:
            yield f"price {price.name}: as_of={price.as_of!r} names no year; write YYYY, YYYY-MM or YYYY-MM-DD"


def units_plausible(catalog: Catalog) -> Iterable[str]:
    """Every value of an accelerator lies where its unit allows it."""
    for part in catalog.accelerators.values():
        for name, (value, low, high) in _bounded(part).items():
            if value is not None and not low <= value <= high:
                yield f"accelerator {part.id}: {name}={value:g}; limits={low:g} to {high:g}; check the unit"


CHECKS: tuple[Callable[[Catalog], Iterable[str]], ...] = (sources_known, offers_sound, prices_sound, units_plausible)


def _offer_reason(offer: Offer) -> str | None:
    checks: tuple[OfferCheck, ...] = (is_placeholder, is_below_spot, is_unpriced, spot_problem)
    if offer.reserved_1yr_usd_per_hour is not None:
        checks = checks[:2]
    return next((reason for check in checks if (reason := check(offer))), None)


def _bounded(part: Accelerator) -> Mapping[str, tuple[float | None, float, float]]:
    """Values of `part` in the units of its table, each with the bounds of plausibility."""
    bounds = plausible_bounds()
    values: dict[str, tuple[float | None, float, float]] = {
        "memory_gb": (_per(part.memory_bytes, GB), *bounds["memory_gb"]),
        "memory_bandwidth_gb_per_s": (
            _per(part.memory_bandwidth_bytes_per_s, GB),
            *bounds["memory_bandwidth_gb_per_s"],
        ),
        "tdp_watts": (part.tdp_watts, *bounds["tdp_watts"]),
        "link_gb_per_s": (_per(part.link_bytes_per_s, GB), *bounds["link_gb_per_s"]),
    }
    for dtype, rate in part.dense_flop_per_s.items():
        values[f"{dtype}_tflops"] = (rate / TFLOP, *bounds["dense_tflops"])
    return values


@lru_cache(maxsize=1)
def plausible_bounds() -> Mapping[str, tuple[float, float]]:
    """Lowest and highest plausible value by quantity, from data/plausible.csv."""
    text = resources.files("tokonomics.catalog").joinpath("data/plausible.csv").read_text("utf-8")
    rows = read_rows(text, where="plausible.csv", columns=("quantity", "low", "high", "why"), problems=[])
    return {row.text("quantity"): (float(row.text("low")), float(row.text("high"))) for row in rows}


def _per(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit

"""Accelerators as people read them: one row each with the cheapest hour, or one with everything known of it."""

from collections.abc import Iterator, Sequence
from typing import Any

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.offer import Offer
from tokonomics.catalog.offer_choice import cheapest_offer, listed_offers
from tokonomics.report.facts import UNPRICED, Facts, described
from tokonomics.report.view import Cell, Column, Table, View
from tokonomics.units import GB, TFLOP

_LIST = (
    Column(title="accelerator", key="id"),
    Column(title="family", priority=5),
    Column(title="memory", key="memory_bytes", unit="GB", style="gb"),
    Column(title="bandwidth", key="memory_bandwidth_bytes_per_s", unit="GB/s", style="gb", digits=4, priority=1),
    Column(title="bf16", key="bf16_tflops", unit="TFLOP/s", priority=2, style="number", digits=4),
    Column(title="fp8", key="fp8_tflops", unit="TFLOP/s", priority=6, style="number", digits=4),
    Column(title="fp4", key="fp4_tflops", unit="TFLOP/s", priority=9, style="number", digits=5),
    Column(title="TDP", key="tdp_watts", unit="W", priority=8, style="count"),
    Column(title="USD/GPU-h", key="usd_per_gpu_hour", style="number"),
    Column(title="from", key="provider"),
    Column(title="price of", key="price_as_of", priority=4),
    Column(title="offers", key="num_offers", style="count", priority=7),
    Column(title="figures", key="status", priority=3),
)
_FACTS = (
    Column(title="fact"),
    Column(title="value", style="number", digits=4, missing="not known"),
    Column(title="unit", missing=""),
    Column(title="standing", missing=""),
)
_OFFERS = (
    Column(title="provider"),
    Column(title="instance"),
    Column(title="GPUs", key="num_gpus", style="count"),
    Column(title="region", priority=5),
    Column(title="on demand", key="on_demand_usd_per_gpu_hour", unit="USD/GPU-h", style="number"),
    Column(title="spot", key="spot_usd_per_gpu_hour", unit="USD/GPU-h", style="number", priority=1),
    Column(title="1 year", key="reserved_1yr_usd_per_gpu_hour", unit="USD/GPU-h", style="number", priority=4),
    Column(title="price of", key="as_of", priority=2),
    Column(title="standing", key="status", priority=3),
)


def gpus_document(
    facts: Facts, parts: Sequence[Accelerator], providers: Sequence[str], purchase: str
) -> dict[str, Any]:
    """The body of the document of a list; prices are per accelerator-hour, null where unpriced."""
    rows = [_summary(facts, part, providers, purchase) for part in parts]
    return {**facts.envelope(), "purchase": purchase, "gpus": rows}


def gpus_view(facts: Facts, parts: Sequence[Accelerator], providers: Sequence[str], purchase: str) -> View:
    """One row an accelerator, with its cheapest offer in good standing."""
    best = {part.id: cheapest_offer(_admitted(facts, part, providers), purchase) for part in parts}
    as_ofs = [offer.as_of for offer in best.values() if offer is not None]
    rows = [_row(facts, part, best[part.id], providers, purchase) for part in parts]
    how = purchase.replace("_", " ")
    notes = [f"USD per accelerator-hour, {how}, cheapest listed offer; rates are dense; - is not known"]
    return View(tables=(Table(columns=_LIST, rows=rows),), notes=(*notes, *facts.notes(as_ofs, purchase)))


def gpu_document(facts: Facts, part: Accelerator, offers: Sequence[Offer]) -> dict[str, Any]:
    """Everything known of one accelerator, with its offers per instance-hour."""
    return {
        **facts.envelope(),
        "gpu": _part_dict(part),
        "source": described(facts.catalog, part.source),
        "offers": [_offer_dict(facts, offer) for offer in offers],
    }


def gpu_view(facts: Facts, part: Accelerator, offers: Sequence[Offer], purchase: str) -> View:
    """What one accelerator is, then who rents it out, cheapest first."""
    ranked = sorted(
        offers, key=lambda one: (one.usd_per_gpu_hour(purchase) is None, one.usd_per_gpu_hour(purchase) or 0)
    )
    tables = [Table(columns=_FACTS, rows=list(_fact_rows(part)))]
    if ranked:
        tables.append(Table(columns=_OFFERS, rows=[_offer_row(facts, offer) for offer in ranked], title="offers"))
    notes = [f"source: {described(facts.catalog, part.source)}"]
    notes += [f"another source says: {part.other_source_says}"] if part.other_source_says else []
    notes += [part.notes] if part.notes else []
    notes += [] if ranked else ["no offer in the catalogue: unpriced; add one in an override file"]
    headline = f"{part.id}: {part.name}, {part.vendor}, family {part.family}"
    return View(
        headline=(headline,), tables=tables, notes=(*notes, *facts.notes([one.as_of for one in ranked], purchase))
    )


def _admitted(facts: Facts, part: Accelerator, providers: Sequence[str]) -> tuple[Offer, ...]:
    return listed_offers(facts.catalog.offers_of(part.id), providers=providers)


def _row(
    facts: Facts, part: Accelerator, offer: Offer | None, providers: Sequence[str], purchase: str
) -> tuple[Cell, ...]:
    rate = part.dense_flop_per_s
    return (
        part.id,
        part.family,
        part.memory_bytes,
        part.memory_bandwidth_bytes_per_s,
        *(rate[dtype] / TFLOP if dtype in rate else None for dtype in ("bf16", "fp8", "fp4")),
        part.tdp_watts,
        offer.usd_per_gpu_hour(purchase) if offer else UNPRICED,
        offer.provider if offer else None,
        facts.dated(offer.as_of, purchase) if offer else None,
        len(_admitted(facts, part, providers)),
        part.status,
    )


def _summary(facts: Facts, part: Accelerator, providers: Sequence[str], purchase: str) -> dict[str, Any]:
    offers = _admitted(facts, part, providers)
    offer = cheapest_offer(offers, purchase)
    return {
        **_part_dict(part),
        "num_offers": len(offers),
        "cheapest": _offer_dict(facts, offer) if offer else None,
        "usd_per_gpu_hour": offer.usd_per_gpu_hour(purchase) if offer else None,
    }


def _part_dict(part: Accelerator) -> dict[str, Any]:
    names = (
        "id", "name", "vendor", "kind", "family", "memory_bytes", "memory_bandwidth_bytes_per_s", "tdp_watts", "link",
        "link_bytes_per_s", "launch_year", "purchase_usd", "status", "other_source_says", "source", "notes",
    )  # fmt: skip
    found: dict[str, Any] = {name: getattr(part, name) for name in names}
    return found | {
        "dense_flop_per_s": dict(part.dense_flop_per_s),
        "estimated_cells": list(part.estimated_cells),
    }


def _offer_dict(facts: Facts, offer: Offer) -> dict[str, Any]:
    names = (
        "provider", "instance", "accelerator_id", "num_gpus", "region", "on_demand_usd_per_hour", "spot_usd_per_hour",
        "spot_high_usd_per_hour", "reserved_1yr_usd_per_hour", "prepaid_usd_per_hour", "status", "as_of", "source",
        "notes",
    )  # fmt: skip
    return {name: getattr(offer, name) for name in names} | {"freshness": facts.level(offer.as_of, "on_demand")}


def _offer_row(facts: Facts, offer: Offer) -> tuple[Cell, ...]:
    return (
        offer.provider,
        offer.instance,
        offer.num_gpus,
        offer.region,
        offer.usd_per_gpu_hour("on_demand"),
        offer.usd_per_gpu_hour("spot"),
        offer.usd_per_gpu_hour("reserved_1yr"),
        facts.dated(offer.as_of, "on_demand"),
        offer.status,
    )


def _fact_rows(part: Accelerator) -> Iterator[tuple[Cell, ...]]:
    """One row a quantity, in the units of the table, each with its standing."""
    in_gb = {
        "memory_gb": ("memory", part.memory_bytes, "GB"),
        "memory_bandwidth_gb_per_s": ("memory bandwidth", part.memory_bandwidth_bytes_per_s, "GB/s"),
        "link_gb_per_s": (f"link, one direction ({part.link})", part.link_bytes_per_s, "GB/s"),
    }
    for cell, (name, value, unit) in in_gb.items():
        yield name, None if value is None else value / GB, unit, _standing(part, cell)
    for dtype in ("fp32", "tf32", "bf16", "fp8", "int8", "fp4"):
        rate = part.dense_flop_per_s.get(dtype)
        column = f"{dtype}_tops" if dtype == "int8" else f"{dtype}_tflops"
        yield f"{dtype}, dense", None if rate is None else rate / TFLOP, "TFLOP/s", _standing(part, column)
    yield "power", part.tdp_watts, "W", ""
    yield "purchase", part.purchase_usd, "USD", part.purchase_basis
    yield "launched", str(part.launch_year) if part.launch_year else None, "", ""
    yield "figures", part.status, "", ""


def _standing(part: Accelerator, cell: str) -> str:
    return "estimated" if cell in part.estimated_cells else ""

"""The format of genai-prices, turned into rows of our API price table.

Their model has `prices`: one price set, or a list of sets each with a `constraint` (a start date, or a daily window in
UTC), of which the last that holds wins; and `price_variants` with partial sets for batch, flex, priority. A price is
a number, or a base with tiers that move the whole request. Source: the JSON of github.com/pydantic/genai-prices.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from tokonomics.catalog.rates import STANDARD

Cells = dict[str, str]
_Json = Mapping[str, Any]

_PRICE_KEYS = {
    "input_mtok": "input_usd_per_mtok",
    "cache_read_mtok": "cached_input_usd_per_mtok",
    "cache_write_mtok": "cache_write_5m_usd_per_mtok",
    "cache_write_1h_mtok": "cache_write_1h_usd_per_mtok",
    "output_mtok": "output_usd_per_mtok",
}
_VARIANTS = {
    ("processing", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
    ("speed", "fast"): "fast",
}


def price_rows(provider: str, model: Mapping[str, Any], *, today: date, **common: str) -> list[Cells]:
    """Rows of one model of their JSON; `common` cells (source, as_of, model_id) go into each of them.

    A daily window has no start date there, so it is attached to the price in force `today`. A model that is not
    priced by text token (images, searches) gives no row.
    """
    cells = {"provider": provider, "model": str(model["id"]), **common}
    cells["status"] = "deprecated" if model.get("deprecated") else "listed"
    dated, windows = _split(model["prices"])
    if not dated or not any(key in prices for _, prices in dated for key in ("input_mtok", "output_mtok")):
        return []
    now = [start for start, _ in dated if start <= today.isoformat()][-1:] or [dated[0][0]]
    rows = [row for start, prices in dated for row in _tiered(cells, prices, effective_from=start)]
    for window, prices in windows:
        hours = {"utc_from": _clock(window["start_time"]), "utc_to": _clock(window["end_time"])}
        rows += _tiered(cells, prices, effective_from=now[0], **hours)
    return [*rows, *_variant_rows(cells, model.get("price_variants") or (), dated, today)]


def _split(prices: Any) -> tuple[list[tuple[str, _Json]], list[tuple[_Json, _Json]]]:
    """Dated price sets, oldest first ("" = since the beginning), and daily windows."""
    entries = prices if isinstance(prices, list) else [{"prices": prices}]
    dated: dict[str, _Json] = {}
    windows = []
    for entry in entries:
        constraint = entry.get("constraint") or {}
        if "start_time" in constraint:
            windows.append((constraint, entry["prices"]))
        else:
            dated[str(constraint.get("start_date", ""))] = entry["prices"]
    return sorted(dated.items(), key=lambda pair: pair[0]), windows


def _variant_rows(
    cells: Cells, variants: Sequence[_Json], dated: Sequence[tuple[str, _Json]], today: date
) -> Iterator[Cells]:
    """Rows of the variants we know; keys that a variant leaves out come from the standard set of its date."""
    for entry in variants:
        name = _variant_name(entry["when"])
        if name is None or not entry["prices"]:
            continue
        start = str((entry.get("constraint") or {}).get("start_date", ""))
        begun = [prices for day, prices in dated if day <= (start or today.isoformat())]
        standard = begun[-1] if begun else dated[0][1]
        yield from _tiered(cells, {**standard, **entry["prices"]}, effective_from=start, variant=name)


def _variant_name(when: Mapping[str, str]) -> str | None:
    return _VARIANTS.get(next(iter(when.items()))) if len(when) == 1 else None


def _tiered(cells: Cells, prices: Mapping[str, Any], *, variant: str = STANDARD, **conditions: str) -> list[Cells]:
    """One row for small requests and one for each size threshold of `prices`."""
    own = {key: prices[key] for key in _PRICE_KEYS if prices.get(key) is not None}
    starts = {int(tier["start"]) for price in own.values() if isinstance(price, Mapping) for tier in price["tiers"]}
    return [
        {
            **cells,
            **conditions,
            "variant": variant,
            "above_input_tokens": str(above) if above else "",
            **{_PRICE_KEYS[key]: _plain(_price_above(price, above)) for key, price in own.items()},
        }
        for above in (0, *sorted(starts - {0}))
    ]


def _price_above(price: Any, above: int) -> Any:
    if not isinstance(price, Mapping):
        return price
    reached = [tier for tier in price["tiers"] if int(tier["start"]) <= above and above]
    return max(reached, key=lambda tier: int(tier["start"]))["price"] if reached else price["base"]


def _plain(price: Any) -> str:
    """Digits without an exponent: 5E-2 and 0.050 both read 0.05."""
    return format(Decimal(str(price)).normalize(), "f")


def _clock(text: Any) -> str:
    return str(text)[:5]

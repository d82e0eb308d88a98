"""Models as people read them: one row each, or one with its parameters and cache by part."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.model import Model
from tokonomics.report.facts import Facts
from tokonomics.report.numbers import significant
from tokonomics.report.view import Cell, Column, Table, View

_BYTES_16_BIT = 2
_BILLION = 1e9
_LIST = (
    Column(title="model", key="id"),
    Column(title="parameters", key="params_total", unit="billion", style="gb", digits=4),
    Column(title="active", key="params_active", unit="billion", style="gb", digits=4, priority=2),
    Column(title="KV a token", key="kv_bytes_per_token_16bit", unit="B, 16 bit", style="count", priority=3),
    Column(title="layers", key="num_layers", style="count", priority=6),
    Column(title="context", key="max_context_tokens", unit="tokens", style="count", priority=4),
    Column(title="published in", key="native_format", priority=1),
    Column(title="APIs", key="num_api_endpoints", style="count", priority=5),
    Column(title="released", key="released_on", priority=8),
    Column(title="licence", priority=7),
)
_PARTS = (
    Column(title="part"),
    Column(title="parameters", style="count"),
    Column(title="share", key="share_frac", style="percent"),
)
_CACHE = (Column(title="cache and attention"), Column(title="value"))


def models_document(facts: Facts, models: Sequence[Model]) -> dict[str, Any]:
    """The body of the document of a list."""
    endpoints = _endpoints(facts)
    return {**facts.envelope(), "models": [model_dict(model, len(endpoints.get(model.id, ()))) for model in models]}


def models_view(facts: Facts, models: Sequence[Model]) -> View:
    """One row a model."""
    endpoints = _endpoints(facts)
    rows = [_row(model, len(endpoints.get(model.id, ()))) for model in models]
    notes = ["parameters are computed from the dimensions; active ones are those a token touches, both tables included"]
    return View(tables=(Table(columns=_LIST, rows=rows),), notes=(*notes, *facts.notes([], "hardware")))


def model_document(facts: Facts, model: Model, prices: Sequence[ApiPrice]) -> dict[str, Any]:
    """Everything known of one model; `kv` in elements per token, `api_endpoints` those that serve its weights."""
    kv = {name: getattr(model.kv, name) for name in model.kv.__slots__}
    params = {name: getattr(model.params, name) for name in (*model.params.__slots__, "backbone", "total", "active")}
    body = model_dict(model, len(prices)) | {"params": params, "kv": kv}
    return {**facts.envelope(), "model": body, "api_endpoints": [price.name for price in prices]}


def model_view(facts: Facts, model: Model, prices: Sequence[ApiPrice]) -> View:
    """The parameters of one model by part, then what a sequence keeps in memory."""
    headline = (
        f"{model.id}: {_billions(model.params.total)} billion parameters, {_billions(model.params.active)} active, "
        f"{model.num_layers} layers, published in {model.native_format}"
    )
    tables = (
        Table(columns=_PARTS, rows=list(_part_rows(model))),
        Table(columns=_CACHE, rows=list(_cache_rows(model))),
    )
    notes = [f"source: {model.source}"] + ([model.notes] if model.notes else [])
    if model.published_params:
        notes.append(_against_published(model))
    if prices:
        notes.append(
            f"sold as an API by {', '.join(price.provider for price in prices)}: `tok prices list --model {model.id}`"
        )
    return View(headline=(headline,), tables=tables, notes=(*notes, *facts.notes([], "hardware")))


def model_dict(model: Model, num_endpoints: int) -> dict[str, Any]:
    """One model as a row of the document; sizes in parameters and in bytes at 16 bit."""
    names = (
        "id", "hf_id", "released_on", "licence", "native_format", "max_context_tokens", "num_layers", "hidden_size",
        "vocab_size", "num_heads", "num_kv_heads", "is_moe", "num_experts", "num_active_experts", "published_params",
        "vendor_active_params", "status", "source", "notes",
    )  # fmt: skip
    found: dict[str, Any] = {name: getattr(model, name) for name in names}
    return found | {
        "params_total": model.params.total,
        "params_active": model.params.active,
        "kv_bytes_per_token_16bit": model.kv.full_elements_per_token * _BYTES_16_BIT,
        "window_kv_bytes_per_token_16bit": model.kv.window_elements_per_token * _BYTES_16_BIT,
        "num_api_endpoints": num_endpoints,
    }


def _endpoints(facts: Facts) -> Mapping[str, list[ApiPrice]]:
    found: dict[str, list[ApiPrice]] = {}
    for name in facts.catalog.price_book.names():
        price = facts.catalog.price_book.price(name, facts.today)
        if price is not None and price.model_id:
            found.setdefault(price.model_id, []).append(price)
    return found


def _row(model: Model, num_endpoints: int) -> tuple[Cell, ...]:
    return (
        model.id,
        model.params.total,
        model.params.active,
        model.kv.full_elements_per_token * _BYTES_16_BIT,
        model.num_layers,
        model.max_context_tokens,
        model.native_format,
        num_endpoints,
        model.released_on,
        model.licence,
    )


def _part_rows(model: Model) -> Iterator[tuple[Cell, ...]]:
    params = model.params
    parts = {
        "embedding": params.embedding,
        "head": params.head,
        "attention": params.attention,
        "dense and shared feed-forward": params.mlp,
        "router": params.router,
        "routed experts": params.experts,
        "norms and other": params.norms,
        "vision": params.vision,
        "multi-token prediction": params.mtp,
    }
    for name, count in parts.items():
        if count:
            yield name, count, count / params.total
    yield "in memory", params.total, 1.0
    yield "active for a token", params.active, params.active / params.total


def _cache_rows(model: Model) -> Iterator[tuple[Cell, ...]]:
    kv = model.kv
    kinds = {"full": kv.num_full_layers, "window": kv.num_window_layers, "linear": kv.num_linear_layers}
    yield "layers", ", ".join(f"{number} {kind}" for kind, number in kinds.items() if number) or "none"
    yield "kept for each token, 16 bit", _bytes(kv.full_elements_per_token)
    if kv.window_elements_per_token:
        yield f"kept for each of the last {kv.window_tokens:,} tokens", _bytes(kv.window_elements_per_token)
    if kv.state_elements:
        yield "kept whatever the length", _bytes(kv.state_elements)
    yield "cache", "latent, one for all heads" if kv.is_latent else f"{kv.num_kv_heads} key and value heads"


def _bytes(num_elements: int) -> str:
    return f"{num_elements * _BYTES_16_BIT:,} B"


def _billions(count: int) -> str:
    return significant(count / _BILLION, 4)


def _against_published(model: Model) -> str:
    published = model.published_params or 0
    gap = model.params.stored / published - 1.0
    return f"published files hold {published:,} parameters; ours, tables stored twice included, differ by {gap:+.3%}"

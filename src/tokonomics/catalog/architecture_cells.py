"""From the cells of one row to an Architecture; every wrong cell is noted, so that all are named at once.

An empty cell says that the model has no such part. Two cells fall back on a neighbour: `value_head_dim` on
`head_dim`, and the `window_...` dimensions on those of the full layers.
"""

from typing import Final

from tokonomics.catalog.architecture import Architecture, PredictionLayers
from tokonomics.catalog.attention import Attention, Indexer, LatentAttention, Pooling, SharedKeyAttention
from tokonomics.catalog.linear_attention import LINEAR_KINDS, LinearAttention
from tokonomics.catalog.mlp import DenseMlp, Experts
from tokonomics.catalog.tables import Row

ARCHITECTURE_COLUMNS: Final = (
    "num_layers", "hidden_size", "vocab_size", "has_tied_embeddings", "stores_tied_head", "has_head_bias",
    "num_norm_vectors", "num_final_norm_vectors", "num_streams", "attention", "num_full_layers",
    "num_window_layers", "window_tokens", "num_heads", "num_kv_heads", "head_dim", "value_head_dim",
    "window_num_heads", "window_num_kv_heads", "window_head_dim", "attention_bias", "attention_norm",
    "attention_gate", "attention_sinks", "shares_kv_projection", "q_rank", "kv_rank", "rope_head_dim", "o_rank",
    "num_o_groups", "num_index_layers", "num_index_heads", "index_head_dim", "index_selected_tokens",
    "num_csa_layers", "csa_tokens_per_entry", "num_hca_layers", "hca_tokens_per_entry", "linear_kind",
    "num_linear_layers", "linear_num_key_heads", "linear_num_value_heads", "linear_key_head_dim",
    "linear_value_head_dim", "linear_conv_width", "num_dense_layers", "mlp_size", "num_mlp_matrices",
    "has_mlp_bias", "num_moe_layers", "num_experts", "num_active_experts", "expert_size", "num_shared_experts",
    "shared_expert_size", "expert_latent_size", "has_expert_bias", "has_router_bias", "has_shared_gate",
    "num_mtp_layers", "mtp_attention", "mtp_mlp", "num_mtp_table_copies", "vision_params",
)  # fmt: skip

MAX_DIMENSION: Final = 100_000_000
MAX_LAYERS: Final = 10_000
_MAX_DIGITS = 15
_CSA_STREAMS, _HCA_STREAMS = 2, 1
"""Pools of compressed sparse attention overlap their neighbours; heavily compressed ones do not."""


def architecture_of(row: Row) -> Architecture:
    """The Architecture that the cells of `row` describe; what is wrong with them is added to `row.problems`."""
    arch = Architecture(
        num_layers=count(row, "num_layers", low=1, high=MAX_LAYERS),
        hidden_size=count(row, "hidden_size", low=1),
        vocab_size=count(row, "vocab_size", low=1),
        has_tied_embeddings=_flag(row, "has_tied_embeddings"),
        stores_tied_head=_flag(row, "stores_tied_head"),
        has_head_bias=_flag(row, "has_head_bias"),
        num_norm_vectors=count(row, "num_norm_vectors", default=2, high=100),
        num_final_norm_vectors=count(row, "num_final_norm_vectors", default=1, high=100),
        num_streams=count(row, "num_streams", default=1, low=1, high=100),
        full=_full(row),
        window=_window(row),
        window_tokens=count(row, "window_tokens"),
        pooled=_pooled(row),
        indexer=_indexer(row),
        linear=_linear(row),
        mlp=_mlp(row),
        experts=_experts(row),
        prediction=_prediction(row),
        vision_params=count(row, "vision_params", high=10**12),
    )
    _check_layers(row, arch)
    return arch


def count(row: Row, column: str, *, default: int = 0, low: int = 0, high: int = MAX_DIMENSION) -> int:
    """The cell as a whole number from `low` to `high`, `default` when empty; `low` where the cell is wrong."""
    text = row.text(column)
    is_count = len(text) <= _MAX_DIGITS and text.isascii() and text.isdecimal()
    value = int(text) if is_count else default
    if (text and not is_count) or not low <= value <= high:
        row.fail(column, f"is not a whole number from {low} to {high}; copy it from the model's config.json")
        return low
    return value


def _word(row: Row, column: str, allowed: tuple[str, ...], *, default: str | None = None) -> str:
    """The cell, one of `allowed`; the first of them when empty (unless `default` says otherwise) or wrong."""
    value = row.choice(column, allowed, default=allowed[0] if default is None else default)
    return value if value in allowed else allowed[0]


def _flag(row: Row, column: str) -> bool:
    return _word(row, column, ("0", "1")) == "1"


def _full(row: Row) -> Attention | LatentAttention | None:
    num_layers = count(row, "num_full_layers", high=MAX_LAYERS)
    kind = _word(row, "attention", ("grouped", "latent", "shared-key"))
    if not num_layers or kind == "shared-key":
        return None
    return _latent(row, num_layers) if kind == "latent" else _grouped(row, num_layers)


def _window(row: Row) -> Attention | SharedKeyAttention | None:
    num_layers = count(row, "num_window_layers", high=MAX_LAYERS)
    if not num_layers:
        return None
    if not row.text("window_tokens"):
        row.fail("window_tokens", "is empty; layers with a window need its length in tokens")
    if row.text("attention") == "shared-key":
        return _shared_key(row, num_layers)
    return _grouped(row, num_layers, is_window=True)


def _grouped(row: Row, num_layers: int, *, is_window: bool = False) -> Attention:
    heads, kv_heads, head_dim = _dim(row, "num_heads"), _dim(row, "num_kv_heads"), _dim(row, "head_dim")
    value_dim = count(row, "value_head_dim") or head_dim
    if is_window:
        own_dim = count(row, "window_head_dim")
        heads, kv_heads = (
            count(row, "window_num_heads") or heads,
            count(row, "window_num_kv_heads") or kv_heads,
        )
        head_dim, value_dim = own_dim or head_dim, own_dim or value_dim
    if heads % kv_heads:
        row.fail("num_kv_heads", f"does not divide the {heads} query heads; each key head serves as many of them")
    sinks = _word(row, "attention_sinks", ("none", "window", "all"))
    return Attention(
        num_layers=num_layers,
        num_heads=heads,
        num_kv_heads=kv_heads,
        head_dim=head_dim,
        value_head_dim=value_dim,
        bias=_word(row, "attention_bias", ("none", "qkv", "qkvo")),
        norm=_word(row, "attention_norm", ("none", "head", "width")),
        gate=_word(row, "attention_gate", ("none", "head", "width")),
        has_sinks=sinks == "all" or (sinks == "window" and is_window),
        shares_kv_projection=_flag(row, "shares_kv_projection") and not is_window,
    )


def _latent(row: Row, num_layers: int) -> LatentAttention:
    head_dim, rope = _dim(row, "head_dim"), count(row, "rope_head_dim")
    if rope > head_dim:
        row.fail("rope_head_dim", f"exceeds head_dim={head_dim}, which holds the rotated and the unrotated part")
    return LatentAttention(
        num_layers=num_layers,
        num_heads=_dim(row, "num_heads"),
        head_dim=head_dim,
        rope_head_dim=rope,
        value_head_dim=_dim(row, "value_head_dim"),
        q_rank=count(row, "q_rank"),
        kv_rank=_dim(row, "kv_rank"),
        gate=_word(row, "attention_gate", ("none", "head", "width")),
    )


def _shared_key(row: Row, num_layers: int) -> SharedKeyAttention:
    return SharedKeyAttention(
        num_layers=num_layers,
        num_heads=_dim(row, "num_heads"),
        head_dim=_dim(row, "head_dim"),
        q_rank=_dim(row, "q_rank"),
        o_rank=_dim(row, "o_rank"),
        num_o_groups=_dim(row, "num_o_groups"),
    )


def _pooled(row: Row) -> tuple[Pooling, ...]:
    parts = (_pooling(row, "csa", "head_dim", _CSA_STREAMS), _pooling(row, "hca", "head_dim", _HCA_STREAMS))
    return tuple(part for part in parts if part is not None)


def _pooling(row: Row, name: str, dim_column: str, num_streams: int) -> Pooling | None:
    num_layers = count(row, f"num_{name}_layers", high=MAX_LAYERS)
    if not num_layers:
        return None
    tokens, entry_dim = _dim(row, f"{name}_tokens_per_entry"), _dim(row, dim_column)
    return Pooling(num_layers=num_layers, tokens_per_entry=tokens, entry_dim=entry_dim, num_streams=num_streams)


def _indexer(row: Row) -> Indexer | None:
    num_layers = count(row, "num_index_layers", high=MAX_LAYERS)
    if not num_layers:
        return None
    q_rank = count(row, "q_rank")
    return Indexer(
        num_layers=num_layers,
        num_heads=_dim(row, "num_index_heads"),
        head_dim=_dim(row, "index_head_dim"),
        selected_tokens=_dim(row, "index_selected_tokens"),
        query_size=q_rank or count(row, "hidden_size"),
        weighs_heads=bool(q_rank),
        pooling=_pooling(row, "csa", "index_head_dim", _CSA_STREAMS),
    )


def _linear(row: Row) -> LinearAttention | None:
    num_layers = count(row, "num_linear_layers", high=MAX_LAYERS)
    if not num_layers:
        return None
    return LinearAttention(
        kind=_word(row, "linear_kind", tuple(LINEAR_KINDS), default=""),
        num_layers=num_layers,
        num_key_heads=_dim(row, "linear_num_key_heads"),
        num_value_heads=_dim(row, "linear_num_value_heads"),
        key_head_dim=_dim(row, "linear_key_head_dim"),
        value_head_dim=_dim(row, "linear_value_head_dim"),
        conv_width=_dim(row, "linear_conv_width"),
    )


def _mlp(row: Row) -> DenseMlp | None:
    num_layers = count(row, "num_dense_layers", high=MAX_LAYERS)
    size = count(row, "mlp_size", low=1 if num_layers else 0)
    if not size:
        return None
    matrices = count(row, "num_mlp_matrices", default=3, low=2, high=3)
    return DenseMlp(num_layers=num_layers, size=size, num_matrices=matrices, has_bias=_flag(row, "has_mlp_bias"))


def _experts(row: Row) -> Experts | None:
    num_layers = count(row, "num_moe_layers", high=MAX_LAYERS)
    if not num_layers:
        return None
    num_experts, num_active = _dim(row, "num_experts"), _dim(row, "num_active_experts")
    if num_active > num_experts:
        row.fail("num_active_experts", f"exceeds num_experts={num_experts}; a token visits some of them")
    num_shared = count(row, "num_shared_experts")
    return Experts(
        num_layers=num_layers,
        num_experts=num_experts,
        num_active=num_active,
        size=_dim(row, "expert_size"),
        num_shared=num_shared,
        shared_size=_dim(row, "shared_expert_size") if num_shared else 0,
        latent_size=count(row, "expert_latent_size"),
        num_matrices=count(row, "num_mlp_matrices", default=3, low=2, high=3),
        has_bias=_flag(row, "has_expert_bias"),
        has_router_bias=_flag(row, "has_router_bias"),
        has_shared_gate=_flag(row, "has_shared_gate"),
    )


def _prediction(row: Row) -> PredictionLayers | None:
    num_layers = count(row, "num_mtp_layers", high=MAX_LAYERS)
    if not num_layers:
        return None
    return PredictionLayers(
        num_layers=num_layers,
        has_window_attention=_word(row, "mtp_attention", ("full", "window")) == "window",
        has_experts=_word(row, "mtp_mlp", ("dense", "moe")) == "moe",
        num_table_copies=count(row, "num_mtp_table_copies", high=2),
    )


def _dim(row: Row, column: str) -> int:
    return count(row, column, low=1)


def _check_layers(row: Row, arch: Architecture) -> None:
    """Every layer holds attention, an MLP or both, and none holds two kinds of attention."""
    num_mixers = sum(part.num_layers for part in arch.mixers)
    num_mlps = sum(part.num_layers for part in (arch.mlp, arch.experts) if part is not None)
    if not 1 <= num_mixers <= arch.num_layers or num_mixers + num_mlps < arch.num_layers:
        row.fail(
            "num_layers",
            f"does not fit its parts: full+window+linear={num_mixers} layers and dense+moe={num_mlps}; "
            "attention takes at least 1 and at most all layers, and every layer needs attention or an MLP",
        )

"""What a sequence keeps in memory while it is served, and the attention work that reads it, in elements."""

from dataclasses import dataclass

from tokonomics.catalog.architecture import Architecture
from tokonomics.catalog.attention import Attention


@dataclass(frozen=True, kw_only=True, slots=True)
class KvShape:
    """Cache of one sequence, summed over layers: three terms, of which only the first grows without bound.

    full_elements_per_token      keys and values (or latents) of layers that see all tokens
    window_elements_per_token    the same of sliding-window layers, kept for the last `window_tokens` only
    state_elements               constant state of linear layers
    index_elements_per_token     keys of the small attention that picks `selected_tokens` for sparse layers; 0: none
    num_kv_heads                 into how many parts the cache can be split by heads; 1 for a latent
    attention_flop_per_token_pair, window_..., index_...: FLOP for one (query, key) token pair, all such layers
    together. decode_flop_per_token_pair: as the first, in decode; it differs for a latent cache.
    """

    full_elements_per_token: int
    window_elements_per_token: int
    window_tokens: int
    state_elements: int
    index_elements_per_token: int
    selected_tokens: int
    num_kv_heads: int
    is_latent: bool
    num_full_layers: int
    num_window_layers: int
    num_linear_layers: int
    attention_flop_per_token_pair: int
    decode_flop_per_token_pair: int
    window_flop_per_token_pair: int
    index_flop_per_token_pair: int


def kv_shape(arch: Architecture) -> KvShape:
    """Cache elements and attention work of `arch`, from its dimensions alone."""
    full, window, linear, indexer = arch.full, arch.window, arch.linear, arch.indexer
    num_full = full.num_layers if full else sum(part.num_layers for part in arch.pooled)
    num_window, num_linear = window.num_layers if window else 0, linear.num_layers if linear else 0
    return KvShape(
        full_elements_per_token=num_full * full.kv_elements_per_layer if full else _pooled_elements(arch),
        window_elements_per_token=num_window * window.kv_elements_per_layer if window else 0,
        window_tokens=arch.window_tokens if window else 0,
        state_elements=num_linear * linear.state_elements_per_layer if linear else 0,
        index_elements_per_token=indexer.kv_elements_per_token if indexer else 0,
        selected_tokens=indexer.selected_tokens if indexer else 0,
        num_kv_heads=_num_kv_heads(arch),
        is_latent=_is_latent(arch),
        num_full_layers=num_full,
        num_window_layers=num_window,
        num_linear_layers=num_linear,
        attention_flop_per_token_pair=num_full * full.flop_per_token_pair if full else _pooled_flop(arch),
        decode_flop_per_token_pair=num_full * full.decode_flop_per_token_pair if full else _pooled_flop(arch),
        window_flop_per_token_pair=num_window * window.flop_per_token_pair if window else 0,
        index_flop_per_token_pair=indexer.flop_per_token_pair if indexer else 0,
    )


def _is_latent(arch: Architecture) -> bool:
    """Whether all query heads read the same cached vector, so that the cache cannot be split by heads."""
    part = arch.full or arch.window
    return part is not None and not isinstance(part, Attention)


def _num_kv_heads(arch: Architecture) -> int:
    """Heads of the layers that hold the cache; layers with fewer heads set the limit."""
    heads = [part.num_kv_heads for part in (arch.full, arch.window) if isinstance(part, Attention)]
    return min(heads, default=1)


def _pooled_elements(arch: Architecture) -> int:
    return sum(part.kv_elements_per_token for part in arch.pooled)


def _pooled_flop(arch: Architecture) -> int:
    """A query meets one pooled entry in place of `tokens_per_entry` tokens."""
    per_entry = arch.window.flop_per_token_pair if arch.window else 0
    return sum(part.num_layers * per_entry // part.tokens_per_entry for part in arch.pooled)

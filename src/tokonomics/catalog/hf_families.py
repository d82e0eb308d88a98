"""From the keys of a published configuration to our columns, one short function a family.

A family adds only what its architecture fixes and the configuration does not say: where norms sit, which biases
exist, which layers have a window. Source: the modelling code that each family's vendor published.
"""

from collections.abc import Callable
from typing import Final

from tokonomics.catalog.hf_values import ConfigValues

Cells = dict[str, int | str]
"""Our columns with their values."""

_MAX_LAYERS = 10_000


def _base(c: ConfigValues) -> Cells:
    heads = c.count("num_attention_heads")
    hidden = c.count("hidden_size")
    return {
        "num_layers": c.count("num_hidden_layers", high=_MAX_LAYERS),
        "hidden_size": hidden,
        "vocab_size": c.count("vocab_size"),
        "max_context_tokens": c.count("max_position_embeddings", 0) or "",
        "has_tied_embeddings": int(c.flag("tie_word_embeddings")),
        "num_heads": heads,
        "num_kv_heads": c.count("num_key_value_heads", heads),
        "head_dim": c.count("head_dim", max(hidden // heads, 1)),
    }


def _num_layers(c: ConfigValues) -> int:
    return c.count("num_hidden_layers", high=_MAX_LAYERS)


def _full(c: ConfigValues) -> Cells:
    return {"num_full_layers": _num_layers(c)}


def _window_everywhere(c: ConfigValues) -> Cells:
    """Layers all have the window, where the configuration states one."""
    if not c.has("sliding_window"):
        return _full(c)
    return {"num_window_layers": _num_layers(c), "window_tokens": c.count("sliding_window")}


def _window_above(c: ConfigValues) -> Cells:
    """Layers from `max_window_layers` on have a window, if it is switched on at all."""
    if not c.flag("use_sliding_window"):
        return _full(c)
    num_window = max(_num_layers(c) - c.number_or_zero("max_window_layers"), 0)
    window = c.count("sliding_window")
    return {
        "num_full_layers": _num_layers(c) - num_window,
        "num_window_layers": num_window,
        "window_tokens": window if num_window else "",
    }


def _window_but_every(c: ConfigValues, period: int) -> Cells:
    """Layers have a window but for every `period`-th, unless `layer_types` lists them one by one."""
    num_full = _num_layers(c) // period
    kinds = c.words("layer_types")
    if kinds is not None:
        num_full = kinds.count("full_attention")
        if len(kinds) != _num_layers(c) or set(kinds) - {"full_attention", "sliding_attention"}:
            c.fail("layer_types", f"does not say full_attention or sliding_attention for {_num_layers(c)} layers")
    num_window = max(_num_layers(c) - num_full, 0)
    window = c.count("sliding_window") if num_window else ""
    return {"num_full_layers": num_full, "num_window_layers": num_window, "window_tokens": window}


def _dense(c: ConfigValues) -> Cells:
    return {"num_dense_layers": _num_layers(c), "mlp_size": c.count("intermediate_size")}


def _sparse(c: ConfigValues, *, experts: str, size: str) -> Cells:
    """Experts in every `decoder_sparse_step`-th layer that `mlp_only_layers` does not name; dense layers elsewhere."""
    step, dense = c.count("decoder_sparse_step", 1), c.numbers("mlp_only_layers")
    num_layers = _num_layers(c)
    num_moe = sum((layer + 1) % step == 0 and layer not in dense for layer in range(num_layers))
    cells: Cells = {
        "num_moe_layers": num_moe,
        "num_experts": c.count(experts),
        "num_active_experts": c.count("num_experts_per_tok"),
        "expert_size": c.count(size),
    }
    if num_moe < num_layers:
        cells |= {"num_dense_layers": num_layers - num_moe, "mlp_size": c.count("intermediate_size")}
    return cells


def _sparse_after_dense(c: ConfigValues) -> Cells:
    """DeepSeek's arrangement: dense layers first, then routed and shared experts; layers that predict ahead."""
    if c.count("moe_layer_freq", 1) != 1:
        c.fail("moe_layer_freq", "is not supported; only 1 is: experts in every layer after the dense ones")
    num_layers, num_dense = _num_layers(c), c.number_or_zero("first_k_dense_replace")
    num_ahead = c.number_or_zero("num_nextn_predict_layers")
    return {
        "num_dense_layers": num_dense,
        "mlp_size": c.count("intermediate_size"),
        "num_moe_layers": max(num_layers - num_dense, 0),
        "num_experts": c.count("n_routed_experts"),
        "num_active_experts": c.count("num_experts_per_tok"),
        "expert_size": c.count("moe_intermediate_size"),
        "num_shared_experts": c.number_or_zero("n_shared_experts"),
        "shared_expert_size": c.count("moe_intermediate_size"),
        "num_mtp_layers": num_ahead,
        "mtp_mlp": "moe" if num_ahead else "",
    }


def _bias(c: ConfigValues, kind: str) -> Cells:
    return {"attention_bias": kind if c.flag("attention_bias") else "none"}


def _llama(c: ConfigValues) -> Cells:
    return _base(c) | _full(c) | _dense(c) | _bias(c, "qkvo") | {"has_mlp_bias": int(c.flag("mlp_bias"))}


def _mistral(c: ConfigValues) -> Cells:
    return _base(c) | _window_everywhere(c) | _dense(c)


def _mixtral(c: ConfigValues) -> Cells:
    return _base(c) | _window_everywhere(c) | _sparse(c, experts="num_local_experts", size="intermediate_size")


def _qwen2(c: ConfigValues) -> Cells:
    return _base(c) | _window_above(c) | _dense(c) | {"attention_bias": "qkv"}


def _qwen2_moe(c: ConfigValues) -> Cells:
    shared: Cells = {"num_shared_experts": 1, "has_shared_gate": 1}
    shared |= {"shared_expert_size": c.count("shared_expert_intermediate_size")}
    experts = _sparse(c, experts="num_experts", size="moe_intermediate_size")
    return _base(c) | _window_above(c) | experts | shared | {"attention_bias": "qkv"}


def _qwen3(c: ConfigValues) -> Cells:
    return _base(c) | _window_above(c) | _dense(c) | _bias(c, "qkvo") | {"attention_norm": "head"}


def _qwen3_moe(c: ConfigValues) -> Cells:
    experts = _sparse(c, experts="num_experts", size="moe_intermediate_size")
    return _base(c) | _window_above(c) | experts | _bias(c, "qkvo") | {"attention_norm": "head"}


def _gemma2(c: ConfigValues) -> Cells:
    return _base(c) | _window_but_every(c, 2) | _dense(c) | _bias(c, "qkvo") | {"num_norm_vectors": 4}


def _gemma3(c: ConfigValues) -> Cells:
    layers = _window_but_every(c, c.count("sliding_window_pattern", 6))
    norms: Cells = {"num_norm_vectors": 4, "attention_norm": "head"}
    return _base(c) | layers | _dense(c) | _bias(c, "qkvo") | norms


def _phi(c: ConfigValues) -> Cells:
    if c.flag("qk_layernorm"):
        c.fail("qk_layernorm", "is not supported; add the model as a row of a table instead")
    biases: Cells = {"attention_bias": "qkvo", "has_mlp_bias": 1, "has_head_bias": 1}
    return _base(c) | _full(c) | _dense(c) | biases | {"num_mlp_matrices": 2, "num_final_norm_vectors": 2}


def _phimoe(c: ConfigValues) -> Cells:
    experts = _sparse(c, experts="num_local_experts", size="intermediate_size")
    norms: Cells = {"num_norm_vectors": 4, "num_final_norm_vectors": 2, "has_head_bias": int(c.flag("lm_head_bias"))}
    return _base(c) | _window_everywhere(c) | experts | _bias(c, "qkvo") | norms


def _deepseek(c: ConfigValues, *, has_router_bias: bool) -> Cells:
    rope = c.count("qk_rope_head_dim")
    latent: Cells = {
        "attention": "latent",
        "num_kv_heads": "",
        "head_dim": c.count("qk_nope_head_dim") + rope,
        "rope_head_dim": rope,
        "value_head_dim": c.count("v_head_dim"),
        "q_rank": c.count("q_lora_rank", 0) or "",
        "kv_rank": c.count("kv_lora_rank"),
        "has_router_bias": int(has_router_bias),
    }
    if c.flag("attention_bias"):
        c.fail("attention_bias", "is not supported with latent attention; add the model as a row of a table instead")
    return _base(c) | _full(c) | _sparse_after_dense(c) | latent


def _deepseek_v2(c: ConfigValues) -> Cells:
    return _deepseek(c, has_router_bias=False)


def _deepseek_v3(c: ConfigValues) -> Cells:
    return _deepseek(c, has_router_bias=True)


def _gpt_oss(c: ConfigValues) -> Cells:
    extras: Cells = {"attention_sinks": "all", "has_expert_bias": 1, "has_router_bias": 1}
    experts = _sparse(c, experts="num_local_experts", size="intermediate_size")
    return _base(c) | _window_but_every(c, 2) | experts | _bias(c, "qkvo") | extras


def _glm4(c: ConfigValues) -> Cells:
    return _base(c) | _full(c) | _dense(c) | _bias(c, "qkv") | {"num_norm_vectors": 4}


def _glm4_moe(c: ConfigValues) -> Cells:
    extras: Cells = {"has_router_bias": 1, "attention_norm": "head" if c.flag("use_qk_norm") else "none"}
    return _base(c) | _full(c) | _sparse_after_dense(c) | _bias(c, "qkv") | extras


FAMILIES: Final[dict[str, Callable[[ConfigValues], Cells]]] = {
    "deepseek_v2": _deepseek_v2,
    "deepseek_v3": _deepseek_v3,
    "gemma2": _gemma2,
    "gemma3_text": _gemma3,
    "glm4": _glm4,
    "glm4_moe": _glm4_moe,
    "gpt_oss": _gpt_oss,
    "kimi_k2": _deepseek_v3,
    "llama": _llama,
    "mistral": _mistral,
    "mixtral": _mixtral,
    "phi": _phi,
    "phi3": _mistral,
    "phimoe": _phimoe,
    "qwen2": _qwen2,
    "qwen2_moe": _qwen2_moe,
    "qwen3": _qwen3,
    "qwen3_moe": _qwen3_moe,
}
"""By the `model_type` of a configuration."""


def siglip_params(c: ConfigValues, text_hidden_size: int) -> int:
    """Parameters of Gemma 3's vision tower (SigLIP) and of the projection into the text model.

    Patches and positions in, `num_hidden_layers` of attention and MLP with biases and two norms, a norm out.
    """
    hidden, size, patch = c.count("hidden_size"), c.count("intermediate_size"), c.count("patch_size")
    num_positions = (c.count("image_size") // patch) ** 2
    attention, mlp, norms = 4 * (hidden + 1) * hidden, (2 * hidden + 1) * size + hidden, 4 * hidden
    embedding = (c.count("num_channels", 3) * patch * patch + 1 + num_positions) * hidden
    layers = c.count("num_hidden_layers", high=_MAX_LAYERS) * (attention + mlp + norms)
    return embedding + layers + 2 * hidden + hidden * text_hidden_size + hidden

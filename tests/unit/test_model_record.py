"""The record of a model: what it answers for each kind of architecture."""

import dataclasses
import pickle

import pytest

from tokonomics.catalog.architecture import count_params
from tokonomics.catalog.kv_shape import kv_shape
from tokonomics.catalog.models_csv import shipped_models

MODELS = {model.id: model for model in shipped_models()}


def test_counts_are_those_of_the_architecture():
    model = MODELS["llama-3.3-70b"]
    assert model.params == count_params(model.architecture)
    assert model.kv == kv_shape(model.architecture)


def test_a_model_is_frozen_hashable_and_picklable():
    model = MODELS["deepseek-v3"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.id = "other"
    assert pickle.loads(pickle.dumps(model)) == model
    assert len({model, dataclasses.replace(model)}) == 1


def test_a_changed_architecture_is_counted_anew():
    model = MODELS["llama-3.1-8b"]
    wide = dataclasses.replace(model, architecture=dataclasses.replace(model.architecture, vocab_size=256_512))
    assert wide.params.total - model.params.total == 2 * 128_256 * 4_096


@pytest.mark.parametrize(
    ("model_id", "is_moe", "num_experts", "num_active_experts", "num_moe_layers"),
    [
        ("llama-3.3-70b", False, 0, 0, 0),
        ("mixtral-8x7b", True, 8, 2, 32),
        ("deepseek-v3", True, 256, 8, 58),
        ("llama-4-maverick-17b-128e", True, 128, 1, 24),
        ("nemotron-3-nano-30b-a3b", True, 128, 6, 23),
    ],
)
def test_experts(model_id, is_moe, num_experts, num_active_experts, num_moe_layers):
    model = MODELS[model_id]
    assert model.is_moe is is_moe
    assert (model.num_experts, model.num_active_experts, model.num_moe_layers) == (
        num_experts,
        num_active_experts,
        num_moe_layers,
    )


@pytest.mark.parametrize(
    ("model_id", "num_kv_heads", "is_latent"),
    [("llama-3.3-70b", 8, False), ("falcon-7b", 1, False), ("deepseek-v3", 1, True), ("gemma-4-31b", 4, False)],
)
def test_heads_that_the_cache_can_be_split_by(model_id, num_kv_heads, is_latent):
    model = MODELS[model_id]
    assert (model.num_kv_heads, model.kv.is_latent) == (num_kv_heads, is_latent)


@pytest.mark.parametrize(
    ("model_id", "full", "window", "linear"),
    [
        ("llama-3.3-70b", 80, 0, 0),
        ("gpt-oss-120b", 18, 18, 0),
        ("qwen3-next-80b-a3b", 12, 0, 36),
        ("nemotron-3-nano-30b-a3b", 6, 0, 23),
        ("kimi-k3", 24, 0, 69),
        ("deepseek-v4-flash", 41, 43, 0),
    ],
)
def test_kinds_of_layers(model_id, full, window, linear):
    kv = MODELS[model_id].kv
    assert (kv.num_full_layers, kv.num_window_layers, kv.num_linear_layers) == (full, window, linear)


def test_state_of_linear_layers_is_constant_and_small():
    """Qwen3-Next: 36 layers of 32 heads of 128 x 128, and 3 tokens of 8192 channels of the convolution."""
    assert MODELS["qwen3-next-80b-a3b"].kv.state_elements == 36 * (32 * 128 * 128 + 3 * 8192)
    assert MODELS["llama-3.3-70b"].kv.state_elements == 0


def test_latent_attention_works_harder_in_decode():
    kv = MODELS["deepseek-v3"].kv
    assert kv.attention_flop_per_token_pair == 61 * 2 * 128 * (192 + 128)
    assert kv.decode_flop_per_token_pair == 61 * 2 * 128 * (2 * 512 + 64)
    plain = MODELS["llama-3.3-70b"].kv
    assert plain.decode_flop_per_token_pair == plain.attention_flop_per_token_pair == 80 * 2 * 64 * 256


def test_sparse_attention_keeps_its_index_apart():
    dense, sparse = MODELS["deepseek-v3"].kv, MODELS["deepseek-v3.2"].kv
    assert (dense.index_elements_per_token, dense.selected_tokens, dense.index_flop_per_token_pair) == (0, 0, 0)
    assert sparse.full_elements_per_token == dense.full_elements_per_token
    assert (sparse.index_elements_per_token, sparse.selected_tokens) == (61 * 128, 2048)
    assert sparse.index_flop_per_token_pair == 61 * 2 * 64 * 128
    assert MODELS["glm-5.2"].kv.index_elements_per_token == 21 * 128

"""Laws that hold for every architecture, not only for those in the table."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.catalog.architecture import Architecture, PredictionLayers, count_params
from tokonomics.catalog.attention import Attention, LatentAttention
from tokonomics.catalog.hf_config import model_from_config
from tokonomics.catalog.hf_families import FAMILIES
from tokonomics.catalog.kv_shape import kv_shape
from tokonomics.catalog.linear_attention import LINEAR_KINDS, LinearAttention
from tokonomics.catalog.mlp import DenseMlp, Experts
from tokonomics.catalog.models_csv import MODEL_COLUMNS, read_models
from tokonomics.catalog.tables import write_rows
from tokonomics.errors import InputError

law = settings(max_examples=60, deadline=None)

dims = st.integers(1, 64)
layers = st.integers(1, 8)


@st.composite
def grouped(draw):
    kv_heads = draw(st.integers(1, 8))
    return Attention(
        num_layers=draw(layers),
        num_heads=kv_heads * draw(st.integers(1, 8)),
        num_kv_heads=kv_heads,
        head_dim=draw(dims),
        value_head_dim=draw(dims),
        bias=draw(st.sampled_from(["none", "qkv", "qkvo"])),
        norm=draw(st.sampled_from(["none", "head", "width"])),
        gate=draw(st.sampled_from(["none", "head", "width"])),
        has_sinks=draw(st.booleans()),
    )


@st.composite
def latent(draw):
    rope = draw(dims)
    return LatentAttention(
        num_layers=draw(layers),
        num_heads=draw(dims),
        head_dim=rope + draw(dims),
        rope_head_dim=rope,
        value_head_dim=draw(dims),
        q_rank=draw(st.integers(0, 64)),
        kv_rank=draw(dims),
    )


linears = st.builds(
    LinearAttention, kind=st.sampled_from(list(LINEAR_KINDS)), num_layers=layers, num_key_heads=dims,
    num_value_heads=dims, key_head_dim=dims, value_head_dim=dims, conv_width=st.integers(1, 8),
)  # fmt: skip
mlps = st.builds(DenseMlp, num_layers=layers, size=dims, num_matrices=st.integers(2, 3), has_bias=st.booleans())


@st.composite
def mixtures(draw):
    num_experts = draw(st.integers(1, 64))
    return Experts(
        num_layers=draw(layers),
        num_experts=num_experts,
        num_active=draw(st.integers(1, num_experts)),
        size=draw(dims),
        num_shared=draw(st.integers(0, 2)),
        shared_size=draw(dims),
        latent_size=draw(st.integers(0, 64)),
        has_bias=draw(st.booleans()),
        has_router_bias=draw(st.booleans()),
    )


architectures = st.builds(
    Architecture, num_layers=st.integers(1, 32), hidden_size=dims, vocab_size=dims, has_tied_embeddings=st.booleans(),
    stores_tied_head=st.booleans(), has_head_bias=st.booleans(), num_norm_vectors=st.integers(0, 7),
    num_streams=st.integers(1, 4), full=st.one_of(st.none(), grouped(), latent()),
    window=st.one_of(st.none(), grouped()), window_tokens=dims, linear=st.none() | linears, mlp=st.none() | mlps,
    experts=st.none() | mixtures(),
    prediction=st.none() | st.builds(PredictionLayers, num_layers=st.integers(1, 3), has_experts=st.booleans()),
    vision_params=st.integers(0, 1000),
)  # fmt: skip


@law
@given(architectures)
def test_counts_are_whole_and_ordered(arch):
    counts = count_params(arch)
    assert all(type(value) is int and value >= 0 for value in dataclasses.asdict(counts).values())
    assert counts.active <= counts.backbone <= counts.total <= counts.stored
    assert counts.total - counts.backbone == counts.vision + counts.mtp


@law
@given(architectures, st.sampled_from(["hidden_size", "vocab_size", "num_norm_vectors", "num_layers"]), dims)
def test_a_larger_dimension_never_needs_fewer_parameters(arch, name, more):
    larger = dataclasses.replace(arch, **{name: getattr(arch, name) + more})
    assert count_params(larger).total >= count_params(arch).total


@law
@given(architectures)
def test_tying_the_tables_saves_exactly_one(arch):
    tied, free = (count_params(dataclasses.replace(arch, has_tied_embeddings=flag)) for flag in (True, False))
    assert free.total - tied.total == arch.vocab_size * arch.hidden_size


@law
@given(architectures, mixtures())
def test_visiting_all_experts_touches_the_whole_text_model(arch, experts):
    everyone = dataclasses.replace(experts, num_active=experts.num_experts)
    counts = count_params(dataclasses.replace(arch, experts=everyone))
    assert counts.active == counts.backbone


@law
@given(architectures, mixtures(), st.integers(1, 64))
def test_more_experts_are_more_memory_and_only_a_longer_router_per_token(arch, experts, more):
    def counts(num_experts):
        return count_params(dataclasses.replace(arch, experts=dataclasses.replace(experts, num_experts=num_experts)))

    few, many = counts(experts.num_experts), counts(experts.num_experts + more)
    assert many.experts > few.experts
    assert many.active - few.active == many.router - few.router


@law
@given(architectures)
def test_cache_is_the_sum_over_layers(arch):
    kv = kv_shape(arch)
    full = arch.full.num_layers * arch.full.kv_elements_per_layer if arch.full else 0
    assert kv.full_elements_per_token == full
    assert (kv.window_tokens > 0) == (arch.window is not None)
    assert (kv.state_elements > 0) == (arch.linear is not None)
    assert kv.num_kv_heads >= 1
    assert kv.is_latent == isinstance(arch.full, LatentAttention)


@law
@given(grouped(), st.integers(2, 4))
def test_sharing_key_heads_saves_cache_in_proportion_and_no_work(part, factor):
    shared = dataclasses.replace(part, num_heads=part.num_heads * factor)
    wide = dataclasses.replace(shared, num_kv_heads=part.num_kv_heads * factor)
    assert wide.kv_elements_per_layer == factor * shared.kv_elements_per_layer
    assert wide.flop_per_token_pair == shared.flop_per_token_pair


@law
@given(latent(), dims)
def test_a_latent_cache_does_not_depend_on_heads(part, more):
    wider = dataclasses.replace(part, num_heads=part.num_heads + more)
    assert wider.kv_elements_per_layer == part.kv_elements_per_layer
    assert wider.params_per_layer(8) > part.params_per_layer(8)


def models_or_none(read):
    """What `read` gives, or None where it gives advice; any other error is a failure."""
    try:
        return read()
    except InputError:
        return None


cells = st.one_of(
    st.sampled_from(["", "0", "1", "-1", "x", "1e9", "9" * 30, "latent", "full", "mamba-2", "½"]), st.text(max_size=5)
)


@law
@given(st.dictionaries(st.sampled_from(MODEL_COLUMNS), cells, max_size=20))
def test_any_row_becomes_a_model_or_advice(changes):
    row = {"id": "a", "native_format": "bf16", "source": "s", "num_layers": "2", "num_heads": "4", "num_kv_heads": "2"}
    row |= {"hidden_size": "8", "vocab_size": "9", "head_dim": "2", "num_full_layers": "2"} | changes
    text = write_rows([{name: cell.replace("\x00", "") for name, cell in row.items()}], MODEL_COLUMNS)
    models = models_or_none(lambda: read_models(text))
    assert models is None or models[0].params.total > 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
keys = st.sampled_from(
    ["num_hidden_layers", "hidden_size", "vocab_size", "num_attention_heads", "num_key_value_heads", "head_dim",
     "intermediate_size", "torch_dtype", "tie_word_embeddings", "sliding_window", "layer_types", "num_local_experts",
     "num_experts_per_tok", "first_k_dense_replace", "quantization_config", "vision_config", "text_config",
     "max_position_embeddings", "mlp_only_layers", "_name_or_path", "attention_bias"]
)  # fmt: skip


@pytest.fixture(scope="module")
def config_file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "config.json"


@law
@given(family=st.sampled_from(sorted(FAMILIES)), changes=st.dictionaries(keys, json_values, max_size=8))
def test_any_configuration_becomes_a_model_or_advice(config_file, family, changes):
    base = {
        "num_hidden_layers": 2,
        "hidden_size": 8,
        "vocab_size": 9,
        "num_attention_heads": 2,
        "torch_dtype": "bfloat16",
    }
    config_file.write_text(json.dumps({"model_type": family, "intermediate_size": 4} | base | changes), "utf-8")
    models = models_or_none(lambda: (model_from_config(config_file),))
    assert models is None or models[0].params.total > 0

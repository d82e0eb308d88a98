"""Parts of an architecture against counts done by hand, tensor by tensor."""

import pytest

from tokonomics.catalog.architecture import Architecture, PredictionLayers, count_params
from tokonomics.catalog.attention import Attention, Indexer, LatentAttention, Pooling, SharedKeyAttention
from tokonomics.catalog.kv_shape import kv_shape
from tokonomics.catalog.linear_attention import LINEAR_KINDS, LinearAttention
from tokonomics.catalog.mlp import DenseMlp, Experts

GQA = {"num_layers": 1, "num_heads": 8, "num_kv_heads": 2, "head_dim": 4, "value_head_dim": 4}
PLAIN = 10 * (32 + 8 + 8 + 32)  # hidden 10: q, k, v, o


def tiny(**more):
    shape = {"num_layers": 1, "hidden_size": 10, "vocab_size": 100, "has_tied_embeddings": False}
    return Architecture(**(shape | {"full": Attention(**GQA), "mlp": DenseMlp(num_layers=1, size=20)} | more))


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({}, PLAIN),
        ({"bias": "qkv"}, PLAIN + 32 + 8 + 8),
        ({"bias": "qkvo"}, PLAIN + 32 + 8 + 8 + 10),
        ({"norm": "head"}, PLAIN + 4 + 4),
        ({"norm": "width"}, PLAIN + 32 + 8),
        ({"gate": "head"}, PLAIN + 10 * 8),
        ({"gate": "width"}, PLAIN + 10 * 32),
        ({"has_sinks": True}, PLAIN + 8),
        ({"shares_kv_projection": True}, PLAIN - 10 * 8),
        ({"value_head_dim": 3}, 10 * (32 + 8 + 6 + 24)),
    ],
)
def test_grouped_attention(option, expected):
    assert Attention(**(GQA | option)).params_per_layer(10) == expected


def test_grouped_attention_caches_keys_and_values_even_if_projected_together():
    assert Attention(**GQA).kv_elements_per_layer == 2 * (4 + 4)
    assert Attention(**(GQA | {"shares_kv_projection": True})).kv_elements_per_layer == 16
    assert Attention(**(GQA | {"value_head_dim": 3})).kv_elements_per_layer == 14


def test_attention_work_counts_scores_and_values():
    assert Attention(**GQA).flop_per_token_pair == 2 * 8 * 4 * 2
    assert Attention(**GQA).decode_flop_per_token_pair == Attention(**GQA).flop_per_token_pair


@pytest.mark.parametrize(
    ("q_rank", "queries"),
    [(0, 10 * 8 * 6), (5, 10 * 5 + 5 + 5 * 8 * 6)],
)
def test_latent_attention(q_rank, queries):
    part = LatentAttention(
        num_layers=1, num_heads=8, head_dim=6, rope_head_dim=2, value_head_dim=3, q_rank=q_rank, kv_rank=7
    )
    down, norm, up, out = 10 * (7 + 2), 7, 7 * 8 * (4 + 3), 8 * 3 * 10
    assert part.params_per_layer(10) == queries + down + norm + up + out
    assert part.kv_elements_per_layer == 9
    assert part.flop_per_token_pair == 2 * 8 * (6 + 3)
    assert part.decode_flop_per_token_pair == 2 * 8 * (7 + 2 + 7)


def test_shared_key_attention():
    part = SharedKeyAttention(num_layers=1, num_heads=8, head_dim=4, q_rank=5, o_rank=3, num_o_groups=2)
    queries, shared, sinks = 10 * 5 + 5 + 5 * 32, 10 * 4 + 4, 8
    output = 2 * (32 // 2) * 3 + 2 * 3 * 10  # each of 2 groups maps 16 to rank 3; all ranks map to 10
    assert part.params_per_layer(10) == queries + shared + output + sinks
    assert part.kv_elements_per_layer == 4


def test_pooling_and_its_indexer():
    pool = Pooling(num_layers=2, tokens_per_entry=4, entry_dim=8, num_streams=2)
    assert pool.params_per_layer(10) == 10 * 16 + 10 * 16 + 4 * 16 + 8
    assert pool.kv_elements_per_token == 2 * 8 // 4
    index = Indexer(
        num_layers=2, num_heads=3, head_dim=8, selected_tokens=16, query_size=5, weighs_heads=True, pooling=pool
    )
    assert index.params_per_layer(10) == 5 * 3 * 8 + pool.params_per_layer(10) + 10 * 3
    assert index.kv_elements_per_token == 4
    assert index.flop_per_token_pair == 2 * 2 * 3 * 8 // 4


def test_plain_indexer():
    index = Indexer(num_layers=2, num_heads=3, head_dim=8, selected_tokens=16, query_size=10, weighs_heads=False)
    assert index.params_per_layer(10) == 10 * 3 * 8 + 10 * 8 + 2 * 8
    assert index.kv_elements_per_token == 16
    assert index.flop_per_token_pair == 2 * 2 * 3 * 8


def linear(kind):
    return LinearAttention(
        kind=kind, num_layers=1, num_key_heads=2, num_value_heads=4, key_head_dim=3, value_head_dim=5, conv_width=4
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # q 6, k 6, v 20, gate 20, write 4, decay 4; conv 4 x 32; dt and A 4 each; norm 5; out 20
        ("gated-deltanet", 10 * (6 + 6 + 20 + 20 + 4 + 4) + 4 * 32 + 4 + 4 + 5 + 20 * 10),
        # gate 20, x 20, B 6, C 6, dt 4; conv 4 x 32 and its bias; dt, A and D 4 each; norm 20; out 20
        ("mamba-2", 10 * (20 + 20 + 6 + 6 + 4) + 5 * 32 + 12 + 20 + 20 * 10),
        # q 6, k 6, v 20, gate 20, write 4; conv; decay 10 x 5 and 5 x 20 and its bias, A 4; norm 5; out 20
        ("kimi-delta", 10 * (6 + 6 + 20 + 20 + 4) + 4 * 32 + 50 + 100 + 20 + 4 + 5 + 20 * 10),
    ],
)
def test_linear_attention(kind, expected):
    assert linear(kind).params_per_layer(10) == expected


@pytest.mark.parametrize("kind", LINEAR_KINDS)
def test_linear_attention_keeps_a_matrix_a_head_and_the_tail_of_the_convolution(kind):
    assert linear(kind).state_elements_per_layer == 4 * 3 * 5 + 3 * (6 + 6 + 20)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({}, 3 * 10 * 20),
        ({"num_matrices": 2}, 2 * 10 * 20),
        ({"has_bias": True}, 3 * 10 * 20 + 20 + 20 + 10),
        ({"num_matrices": 2, "has_bias": True}, 2 * 10 * 20 + 20 + 10),
    ],
)
def test_dense_mlp(option, expected):
    assert DenseMlp(num_layers=1, size=20, **option).params_per_layer(10) == expected


def test_experts_on_the_hidden_state():
    part = Experts(
        num_layers=1, num_experts=6, num_active=2, size=7, num_shared=2, shared_size=5, has_router_bias=True,
        has_shared_gate=True,
    )  # fmt: skip
    assert part.expert_params(10) == 3 * 10 * 7
    assert part.shared_params_per_layer(10) == 2 * 3 * 10 * 5
    assert part.router_params_per_layer(10) == 6 * 10 + 6 + 10


def test_experts_on_a_latent():
    part = Experts(num_layers=1, num_experts=6, num_active=2, size=7, latent_size=4)
    assert part.expert_params(10) == 3 * 4 * 7
    assert part.shared_params_per_layer(10) == 2 * 10 * 4
    assert part.router_params_per_layer(10) == 6 * 10


def test_whole_model_adds_up():
    counts = count_params(tiny())
    assert (counts.embedding, counts.head) == (1_000, 1_000)
    assert (counts.attention, counts.mlp, counts.norms) == (PLAIN, 600, 2 * 10 + 10)
    assert counts.backbone == counts.total == counts.active == counts.stored == 2_000 + PLAIN + 600 + 30


def test_norms_biases_and_streams_are_counted():
    counts = count_params(tiny(num_norm_vectors=4, num_final_norm_vectors=2, has_head_bias=True))
    assert counts.norms == 4 * 10 + 2 * 10 + 100
    mixing = 2 * ((4 + 4 + 16) * (4 * 10 + 1) + 3)  # 24 rows over 4 streams, their offsets, 3 scales; twice a layer
    at_head = 4 * (4 * 10) + 4 + 1
    assert count_params(tiny(num_streams=4)).norms == 30 + mixing + at_head


def test_a_tied_head_is_no_memory_but_may_be_stored():
    tied = count_params(tiny(has_tied_embeddings=True))
    stored = count_params(tiny(has_tied_embeddings=True, stores_tied_head=True))
    assert (tied.head, tied.duplicates, stored.duplicates) == (0, 0, 1_000)
    assert stored.total == tied.total == stored.stored - 1_000


def test_active_parameters_leave_out_experts_that_a_token_does_not_visit():
    experts = Experts(num_layers=1, num_experts=6, num_active=2, size=7, num_shared=1, shared_size=5)
    counts = count_params(tiny(mlp=None, experts=experts))
    assert (counts.experts, counts.active_experts, counts.mlp) == (6 * 210, 2 * 210, 150)
    assert counts.backbone - counts.active == 4 * 210


@pytest.mark.parametrize(
    ("ahead", "block"),
    [
        (PredictionLayers(num_layers=2), PLAIN + 600),
        (PredictionLayers(num_layers=2, has_window_attention=True), PLAIN + 80 + 600),
        (PredictionLayers(num_layers=2, has_experts=True), PLAIN + 6 * 210 + 60),
    ],
)
def test_prediction_layers(ahead, block):
    parts = {
        "window": Attention(**(GQA | {"gate": "head"})),
        "experts": Experts(num_layers=1, num_experts=6, num_active=2, size=7),
    }
    counts = count_params(tiny(prediction=ahead, **parts))
    assert counts.mtp == 2 * (2 * 10 * 10 + block + (2 + 3) * 10)


def test_prediction_layers_may_be_stored_with_copies_of_the_tables():
    counts = count_params(tiny(prediction=PredictionLayers(num_layers=2, num_table_copies=2)))
    assert counts.duplicates == 4 * 1_000
    assert counts.stored == counts.total + 4_000


def test_a_prediction_layer_has_its_own_indexer():
    index = Indexer(num_layers=1, num_heads=3, head_dim=8, selected_tokens=16, query_size=10, weighs_heads=False)
    plain, indexed = (
        count_params(tiny(prediction=PredictionLayers(num_layers=1), indexer=one)) for one in (None, index)
    )
    assert indexed.mtp - plain.mtp == index.params_per_layer(10)


def test_cache_shape_of_a_hybrid():
    kv = kv_shape(tiny(window=Attention(**(GQA | {"num_layers": 3})), window_tokens=64, linear=linear("mamba-2")))
    assert (kv.num_full_layers, kv.num_window_layers, kv.num_linear_layers) == (1, 3, 1)
    assert (kv.full_elements_per_token, kv.window_elements_per_token, kv.window_tokens) == (16, 48, 64)
    assert kv.state_elements == linear("mamba-2").state_elements_per_layer
    assert (kv.num_kv_heads, kv.is_latent) == (2, False)
    assert kv.window_flop_per_token_pair == 3 * kv.attention_flop_per_token_pair


def test_cache_of_linear_layers_alone_does_not_grow():
    kv = kv_shape(tiny(full=None, linear=linear("gated-deltanet")))
    assert (kv.full_elements_per_token, kv.window_elements_per_token, kv.is_latent) == (0, 0, False)


def test_layers_with_fewer_key_heads_limit_the_split():
    wide = Attention(**(GQA | {"num_kv_heads": 8}))
    assert kv_shape(tiny(window=wide, window_tokens=8)).num_kv_heads == 2

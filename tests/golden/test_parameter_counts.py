"""Parameters, cache and active parameters of every shipped model, against published totals.

The published total is the number of elements in the published safetensors files. 86 of the 101 models agree to the
last parameter; the rest differ by tensors that are no weights of the model, or not worth a column, listed here.
"""

import csv
from pathlib import Path

import pytest

from tokonomics.catalog.models_csv import shipped_models

MODELS = {model.id: model for model in shipped_models()}

MEMORY = {
    row["model_id"]: row
    for row in csv.DictReader((Path(__file__).parent / "model_memory.csv").read_text("utf-8").splitlines())
}

# computed - published, and what it is
GAPS = {
    "llama-2-7b": (-2_048, "rotary frequency tables are stored"),
    "llama-2-13b": (-2_560, "rotary frequency tables are stored"),
    "llama-2-70b": (-5_120, "rotary frequency tables are stored"),
    "kimi-k2": (-3_416, "rotary frequency tables are stored"),
    "gemma-4-26b-a4b": (-88_350, "scales of the router and of layers"),
    "gemma-4-31b": (-60, "scales of layers"),
    "deepseek-v3": (-41_540_496, "one fp8 scale a block of 128 x 128 is stored"),
    "deepseek-v3.1": (-41_540_496, "one fp8 scale a block of 128 x 128 is stored"),
    "minimax-m2.5": (-13_880_064, "one fp8 scale a block of 128 x 128 is stored"),
    "mimo-v2-flash": (-18_717_312, "one fp8 scale a block of 128 x 128 is stored"),
    "deepseek-v4-flash": (-2_326_272, "token-to-expert tables of the 3 hash-routed layers, less their router biases"),
    "deepseek-v4-pro": (-2_325_888, "token-to-expert tables of the 3 hash-routed layers, less their router biases"),
    "kimi-k3": (-3_018_912, "attention residuals across layers and norms of the expert latent"),
    "nemotron-3-super-120b-a12b": (-4_096, "one more norm in the prediction layer"),
    "nemotron-3-ultra-550b-a55b": (-8_192, "one more norm in the prediction layer"),
}


def test_there_are_101_models_with_distinct_names():
    assert len(MODELS) == 101
    assert len({model.hf_id.lower() for model in MODELS.values()}) == 101
    assert set(GAPS) <= set(MODELS) == set(MEMORY)


@pytest.mark.parametrize("model_id", MODELS)
def test_computed_parameters_are_the_published_total(model_id):
    model = MODELS[model_id]
    gap, _why = GAPS.get(model_id, (0, ""))
    assert model.published_params is not None
    assert model.params.stored - model.published_params == gap
    assert abs(gap) < 1e-4 * model.published_params


@pytest.mark.parametrize("model_id", [model_id for model_id, row in MEMORY.items() if row["kv_bytes_per_token_16bit"]])
def test_cache_of_a_token(model_id):
    row, kv = MEMORY[model_id], MODELS[model_id].kv
    assert 2 * kv.full_elements_per_token == int(row["kv_bytes_per_token_16bit"])
    assert 2 * kv.window_elements_per_token == int(row["window_kv_bytes_per_token_16bit"])


# The reference counts 78 indexers where 57 layers share those of others, 64 window heads where there are 96, a
# smaller vocabulary, and no low-rank decay.
ACTIVE_DIFFERS = {"glm-5.2": 0.013, "glm-5.3": 0.013, "kimi-k3": 0.002}


@pytest.mark.parametrize("model_id", [model_id for model_id, row in MEMORY.items() if row["active_params_billion"]])
def test_active_parameters(model_id):
    tolerance = ACTIVE_DIFFERS.get(model_id, 0.0015)
    expected = float(MEMORY[model_id]["active_params_billion"]) * 1e9
    assert MODELS[model_id].params.active == pytest.approx(expected, rel=tolerance, abs=6e6)


@pytest.mark.parametrize(
    ("model_id", "backbone"),
    [
        ("llama-3.3-70b", 70_553_706_496),
        ("mixtral-8x7b", 46_702_792_704),
        ("deepseek-v3", 671_026_419_200),
        ("gpt-oss-120b", 116_829_156_672),
        ("qwen3-0.6b", 596_049_920),
        ("gemma-3-1b", 999_885_952),
    ],
)
def test_backbones_known_to_the_last_parameter(model_id, backbone):
    assert MODELS[model_id].params.backbone == backbone


@pytest.mark.parametrize(
    ("model_id", "full_bytes", "window_bytes", "window_tokens"),
    [
        ("deepseek-v3", 70_272, 0, 0),
        ("llama-3.3-70b", 327_680, 0, 0),
        ("gemma-3-27b", 81_920, 425_984, 1_024),
        ("gpt-oss-120b", 36_864, 36_864, 128),
        ("mistral-7b-v0.1", 0, 131_072, 4_096),
        # DeepSeek-V4: pools of 4 (21 layers) and of 128 (20 layers) of 512 elements; 43 windows of one 512-vector
        ("deepseek-v4-flash", 2 * (21 * 512 // 4 + 20 * 512 // 128), 2 * 43 * 512, 128),
    ],
)
def test_cache_known_to_the_byte(model_id, full_bytes, window_bytes, window_tokens):
    kv = MODELS[model_id].kv
    assert (2 * kv.full_elements_per_token, 2 * kv.window_elements_per_token) == (full_bytes, window_bytes)
    assert kv.window_tokens == window_tokens


@pytest.mark.parametrize(
    ("model_id", "billions"), [("deepseek-v3", 37.55), ("gpt-oss-120b", 5.71), ("mixtral-8x7b", 12.88)]
)
def test_active_parameters_count_both_tables(model_id, billions):
    assert MODELS[model_id].params.active / 1e9 == pytest.approx(billions, abs=0.005)


@pytest.mark.parametrize("model_id", [model.id for model in MODELS.values() if model.vendor_active_params])
def test_vendors_count_active_parameters_roughly_alike(model_id):
    """Vendors round, and most leave out a table or two: the tables are the only slack allowed."""
    model = MODELS[model_id]
    tables = model.params.embedding + model.params.head
    rounding = 0.05 * model.vendor_active_params + 0.5e9
    assert model.params.active - tables - rounding <= model.vendor_active_params <= model.params.active + rounding


@pytest.mark.parametrize(
    ("model_id", "billions"),
    [
        ("deepseek-v3", 11.6),
        ("qwen3-next-80b-a3b", 1.65),
        ("mimo-7b", 0.21),
        ("glm-4.5", 3.99),
        ("step-3.7-flash", 0.84),
    ],
)
def test_prediction_layers_are_computed_from_dimensions(model_id, billions):
    assert MODELS[model_id].params.mtp / 1e9 == pytest.approx(billions, abs=0.02)


def test_tables_stored_twice_are_not_memory():
    small = MODELS["qwen3-0.6b"].params
    assert (small.head, small.duplicates) == (0, small.embedding)
    assert small.stored - small.total == 151_936 * 1_024
    assert MODELS["deepseek-v3"].params.duplicates == 2 * 129_280 * 7_168


def test_every_fact_of_the_reference_table_is_carried(shared_dir):
    reference = csv.DictReader((shared_dir / "data" / "catalog" / "models.csv").read_text("utf-8").splitlines())
    ours = {model.hf_id: model for model in MODELS.values()}
    for row in reference:
        model = ours[row["hf_id"]]
        assert model.num_layers == int(row["layers"]), model.id
        assert model.hidden_size == int(row["hidden"]), model.id
        assert model.vocab_size - int(row["vocab"]) in (0, 64), model.id  # Gemma 3 holds 64 more for images
        assert model.num_experts == int(row["experts"] or 0), model.id
        assert model.num_active_experts == int(row["active_experts"] or 0), model.id
        assert model.released_on == row["released"], model.id
        assert model.params.stored / 1e9 == pytest.approx(float(row["params_published_b"]), rel=1e-3), model.id

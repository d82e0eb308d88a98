"""Reading a published config.json: real models of each family, and files that nobody should trust.

The dimensions are those that the vendors published, keys that a family leaves to its defaults left out here too.
"""

import dataclasses
import json

import pytest

from tokonomics.catalog.hf_config import MAX_CONFIG_BYTES, model_from_config
from tokonomics.catalog.hf_families import FAMILIES
from tokonomics.catalog.models_csv import shipped_models
from tokonomics.errors import InputError

CATALOGUE = {model.id: model for model in shipped_models()}


def config(model_type, num_layers, hidden, vocab, heads, kv_heads, mlp, *, dtype="bfloat16", **more):
    """The keys that most families share."""
    return {
        "model_type": model_type,
        "num_hidden_layers": num_layers,
        "hidden_size": hidden,
        "vocab_size": vocab,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": mlp,
        "torch_dtype": dtype,
        "max_position_embeddings": 4096,
    } | more


LATENT = {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128, "moe_layer_freq": 1}
FP8 = {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}
SIGLIP = {
    "hidden_size": 1152, "image_size": 896, "intermediate_size": 4304, "model_type": "siglip_vision_model",
    "num_attention_heads": 16, "num_hidden_layers": 27, "patch_size": 14, "vision_use_head": False,
}  # fmt: skip


def deepseek(model_type, num_layers, hidden, vocab, heads, mlp, *, q_rank, experts, active, shared, size, **more):
    return config(
        model_type, num_layers, hidden, vocab, heads, heads, mlp, q_lora_rank=q_rank, n_routed_experts=experts,
        num_experts_per_tok=active, n_shared_experts=shared, moe_intermediate_size=size, **(LATENT | more),
    )  # fmt: skip


REAL = {
    "llama-2-7b": config("llama", 32, 4096, 32000, 32, 32, 11008, dtype="float16", tie_word_embeddings=False),
    "llama-3.1-8b": config("llama", 32, 4096, 128256, 32, 8, 14336, attention_bias=False, mlp_bias=False),
    "llama-3.2-1b": config("llama", 16, 2048, 128256, 32, 8, 8192, head_dim=64, tie_word_embeddings=True),
    "llama-3.3-70b": config("llama", 80, 8192, 128256, 64, 8, 28672),
    "falcon3-10b": config("llama", 40, 3072, 131072, 12, 4, 23040, head_dim=256),
    "qwen2.5-7b": config(
        "qwen2", 28, 3584, 152064, 28, 4, 18944, sliding_window=131072, use_sliding_window=False, max_window_layers=28
    ),
    "qwen2.5-0.5b": config("qwen2", 24, 896, 151936, 14, 2, 4864, tie_word_embeddings=True, use_sliding_window=False),
    "qwen3-32b": config("qwen3", 64, 5120, 151936, 64, 8, 25600, head_dim=128, sliding_window=None),
    "qwen3-4b": config("qwen3", 36, 2560, 151936, 32, 8, 9728, tie_word_embeddings=True),
    "qwen3-30b-a3b": config(
        "qwen3_moe", 48, 2048, 151936, 32, 4, 6144, head_dim=128, num_experts=128, num_experts_per_tok=8,
        moe_intermediate_size=768, decoder_sparse_step=1, mlp_only_layers=[],
    ),
    "mistral-7b-v0.1": config("mistral", 32, 4096, 32000, 32, 8, 14336, sliding_window=4096),
    "mistral-7b-v0.3": config("mistral", 32, 4096, 32768, 32, 8, 14336, sliding_window=None),
    "mistral-nemo-2407": config("mistral", 40, 5120, 131072, 32, 8, 14336, head_dim=128),
    "mixtral-8x7b": config(
        "mixtral", 32, 4096, 32000, 32, 8, 14336, num_local_experts=8, num_experts_per_tok=2, sliding_window=None
    ),
    "gemma-2-9b": config("gemma2", 42, 3584, 256000, 16, 8, 14336, head_dim=256, sliding_window=4096),
    "gemma-3-1b": config(
        "gemma3_text", 26, 1152, 262144, 4, 1, 6912, head_dim=256, sliding_window=512, sliding_window_pattern=6
    ),
    "gemma-3-4b": {
        "model_type": "gemma3", "torch_dtype": "bfloat16", "vision_config": SIGLIP,
        "text_config": {
            "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
            "sliding_window": 1024,
        },
    },
    "gemma-3-27b": {
        "model_type": "gemma3", "torch_dtype": "bfloat16", "vision_config": SIGLIP,
        "text_config": {
            "model_type": "gemma3_text", "hidden_size": 5376, "intermediate_size": 21504, "num_hidden_layers": 62,
            "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 128, "sliding_window": 1024,
        },
    },
    "phi-2": config("phi", 32, 2560, 51200, 32, 32, 10240, dtype="float16", qk_layernorm=False),
    "phi-3-mini-4k": config("phi3", 32, 3072, 32064, 32, 32, 8192, sliding_window=2047),
    "phi-4": config("phi3", 40, 5120, 100352, 40, 10, 17920, sliding_window=None),
    "phi-3.5-moe": config(
        "phimoe", 32, 4096, 32064, 32, 8, 6400, num_local_experts=16, num_experts_per_tok=2, attention_bias=True,
        lm_head_bias=True, sliding_window=None,
    ),
    "deepseek-v2-lite": deepseek(
        "deepseek_v2", 27, 2048, 102400, 16, 10944, q_rank=None, experts=64, active=6, shared=2, size=1408,
        first_k_dense_replace=1,
    ),
    "deepseek-v3": deepseek(
        "deepseek_v3", 61, 7168, 129280, 128, 18432, q_rank=1536, experts=256, active=8, shared=1, size=2048,
        first_k_dense_replace=3, num_nextn_predict_layers=1, attention_bias=False, **FP8,
    ),
    "kimi-k2": deepseek(
        "kimi_k2", 61, 7168, 163840, 64, 18432, q_rank=1536, experts=384, active=8, shared=1, size=2048,
        first_k_dense_replace=1, num_nextn_predict_layers=0, **FP8,
    ),
    "gpt-oss-120b": config(
        "gpt_oss", 36, 2880, 201088, 64, 8, 2880, head_dim=64, attention_bias=True, num_local_experts=128,
        num_experts_per_tok=4, sliding_window=128, layer_types=["sliding_attention", "full_attention"] * 18,
        quantization_config={"quant_method": "mxfp4"},
    ),
    "glm-4.5": config(
        "glm4_moe", 92, 5120, 151552, 96, 8, 12288, head_dim=128, attention_bias=True, use_qk_norm=True,
        n_routed_experts=160, num_experts_per_tok=8, n_shared_experts=1, moe_intermediate_size=1536,
        first_k_dense_replace=3, num_nextn_predict_layers=1,
    ),
    "glm-4.5-air": config(
        "glm4_moe", 46, 4096, 151552, 96, 8, 10944, head_dim=128, attention_bias=True, use_qk_norm=False,
        n_routed_experts=128, num_experts_per_tok=8, n_shared_experts=1, moe_intermediate_size=1408,
        first_k_dense_replace=1, num_nextn_predict_layers=1,
    ),
}  # fmt: skip


def written(tmp_path, content, name="config.json"):
    file = tmp_path / name
    file.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return file


def complaint(tmp_path, content):
    with pytest.raises(InputError) as caught:
        model_from_config(written(tmp_path, content))
    return str(caught.value)


@pytest.mark.parametrize("model_id", REAL)
def test_a_published_configuration_gives_the_counts_of_the_catalogue(tmp_path, model_id):
    """All but the tables that a checkpoint stores twice, which no configuration tells."""
    model, row = model_from_config(written(tmp_path, REAL[model_id])), CATALOGUE[model_id]
    assert model.params == dataclasses.replace(row.params, duplicates=model.params.duplicates)
    assert model.kv == row.kv
    assert model.native_format == row.native_format
    assert model.max_context_tokens in (4096, 131072)
    assert (model.status, model.notes) == ("user", "")


def test_every_family_but_two_is_checked_against_the_catalogue():
    """The catalogue holds no model of the other two: they have published totals of their own, below."""
    checked = {one.get("text_config", one)["model_type"] for one in REAL.values()}
    assert set(FAMILIES) - checked == {"glm4", "qwen2_moe"}


@pytest.mark.parametrize(
    ("published", "total"),
    [
        # Qwen1.5-MoE-A2.7B, 14,315,784,192 parameters
        (
            config(
                "qwen2_moe", 24, 2048, 151936, 16, 16, 5632, num_experts=60, num_experts_per_tok=4,
                moe_intermediate_size=1408, shared_expert_intermediate_size=5632, decoder_sparse_step=1,
            ),
            14_315_784_192,
        ),
        # GLM-4-9B-0414, 9,400,279,040 parameters
        (config("glm4", 40, 4096, 151552, 32, 2, 13696, head_dim=128, attention_bias=True), 9_400_279_040),
    ],
)  # fmt: skip
def test_families_outside_the_catalogue(tmp_path, published, total):
    assert model_from_config(written(tmp_path, published)).params.total == total


def test_a_folder_names_the_model(tmp_path):
    folder = tmp_path / "My Llama (v2)"
    folder.mkdir()
    written(folder, REAL["llama-3.1-8b"] | {"_name_or_path": "org/My-Llama"})
    assert model_from_config(folder).id == "my-llama-v2"
    assert model_from_config(folder / "config.json").hf_id == "org/My-Llama"


def test_a_file_of_another_name_names_the_model(tmp_path):
    assert model_from_config(written(tmp_path, REAL["llama-3.1-8b"], "Llama-8B.json")).id == "llama-8b"


@pytest.mark.parametrize("name", ["../../etc", "a/b/c", 7, "x\n/y", "a" * 200 + "/b"])
def test_a_doubtful_name_is_not_taken_over(tmp_path, name):
    assert model_from_config(written(tmp_path, REAL["llama-3.1-8b"] | {"_name_or_path": name})).hf_id == ""


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"quant_method": "awq", "bits": 4}, "int4-awq"),
        ({"quant_method": "gptq", "bits": 4}, "int4-gptq"),
        (
            {"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"type": "int", "num_bits": 4}}}},
            "int4",
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"g": {"weights": {"type": "float", "num_bits": 8}}},
            },
            "fp8",
        ),
    ],
)
def test_format_of_quantised_weights(tmp_path, section, expected):
    model = model_from_config(written(tmp_path, REAL["llama-3.1-8b"] | {"quantization_config": section}))
    assert model.native_format == expected


@pytest.mark.parametrize(
    "section",
    [
        {"quant_method": "bitsandbytes"},
        {},
        {"quant_method": ["fp8"]},
        {"quant_method": "compressed-tensors", "config_groups": []},
        {"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"type": [], "num_bits": 4}}}},
    ],
)
def test_format_that_is_not_known_is_named(tmp_path, section):
    text = complaint(tmp_path, REAL["llama-3.1-8b"] | {"quantization_config": section or {"bits": 3}})
    assert "quantization_config.quant_method=" in text
    assert "remove the section" in text


def test_dtype_may_be_under_its_new_name_or_in_the_text_section(tmp_path):
    plain = {key: value for key, value in REAL["llama-3.1-8b"].items() if key != "torch_dtype"}
    assert model_from_config(written(tmp_path, plain | {"dtype": "float16"})).native_format == "fp16"
    nested = {"text_config": plain | {"dtype": "bfloat16"}}
    assert model_from_config(written(tmp_path, nested)).native_format == "bf16"
    assert "torch_dtype='int3' is not one of bfloat16" in complaint(tmp_path, plain | {"torch_dtype": "int3"})


def test_a_vision_tower_that_is_not_counted_is_said(tmp_path):
    model = model_from_config(written(tmp_path, {"text_config": REAL["llama-3.1-8b"], "vision_config": SIGLIP}))
    assert model.notes == "the vision tower is not counted"
    assert model.params.vision == 0


def test_windows_only_above_a_layer(tmp_path):
    switched_on = {"use_sliding_window": True, "max_window_layers": 20, "sliding_window": 1024}
    kv = model_from_config(written(tmp_path, REAL["qwen2.5-7b"] | switched_on)).kv
    assert (kv.num_full_layers, kv.num_window_layers, kv.window_tokens) == (20, 8, 1024)


def test_experts_in_some_layers_only(tmp_path):
    mixed = REAL["qwen3-30b-a3b"] | {"decoder_sparse_step": 2, "mlp_only_layers": [1, 3]}
    model = model_from_config(written(tmp_path, mixed))
    assert (model.num_moe_layers, model.architecture.mlp.num_layers) == (22, 26)


def test_all_missing_keys_are_named_at_once(tmp_path):
    text = complaint(tmp_path, {"model_type": "mixtral", "hidden_size": 4096})
    assert text.endswith(
        "missing num_attention_heads, num_hidden_layers, vocab_size, num_local_experts, num_experts_per_tok, "
        "intermediate_size, torch_dtype; copy the model's whole config.json"
    )


def test_missing_vision_keys_are_named_with_their_section(tmp_path):
    broken = REAL["gemma-3-4b"] | {"vision_config": {"hidden_size": 1152}}
    text = complaint(tmp_path, broken)
    assert "vision_config.intermediate_size, vision_config.patch_size, vision_config.image_size" in text


@pytest.mark.parametrize("value", [0, -1, 4096.0, True, "4096", [4096], {}, 10**9, 10**30])
def test_absurd_dimensions_are_refused(tmp_path, value):
    text = complaint(tmp_path, REAL["llama-3.1-8b"] | {"hidden_size": value})
    assert f"hidden_size={value!r} is not a whole number from 1 to 100000000" in text


def test_absurd_values_are_named_together_with_missing_keys(tmp_path):
    broken = {key: value for key, value in REAL["llama-3.1-8b"].items() if key != "vocab_size"}
    with pytest.raises(InputError) as caught:
        model_from_config(written(tmp_path, broken | {"num_hidden_layers": 20_000, "mlp_bias": 1}))
    assert [problem.split("config.json: ")[1][:17] for problem in caught.value.violations] == [
        "missing vocab_siz",
        "num_hidden_layers",
        "mlp_bias=1 is not",
    ]


@pytest.mark.parametrize(
    ("model_id", "change", "advice"),
    [
        ("llama-3.1-8b", {"num_key_value_heads": 5}, "does not divide the 32 query heads"),
        ("mixtral-8x7b", {"num_experts_per_tok": 9}, "exceeds num_experts=8"),
        ("deepseek-v3", {"moe_layer_freq": 2}, "moe_layer_freq=2 is not supported"),
        ("deepseek-v3", {"attention_bias": True}, "attention_bias=True is not supported"),
        ("deepseek-v3", {"first_k_dense_replace": False}, "first_k_dense_replace=False is not a whole number"),
        ("phi-2", {"qk_layernorm": True}, "qk_layernorm=True is not supported"),
        (
            "gpt-oss-120b",
            {"layer_types": ["full_attention"]},
            "does not say full_attention or sliding_attention for 36",
        ),
        ("gpt-oss-120b", {"layer_types": ["mamba"] * 36}, "does not say full_attention or sliding_attention for 36"),
        ("gpt-oss-120b", {"layer_types": 7}, "layer_types=7 is not a list of words"),
        ("qwen3-30b-a3b", {"mlp_only_layers": ["a"]}, "is not a list of whole numbers"),
        ("gemma-2-9b", {"sliding_window": 0}, "sliding_window=0 is not a whole number"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, model_id, change, advice):
    assert advice in complaint(tmp_path, REAL[model_id] | change)


@pytest.mark.parametrize("found", ["rwkv", None, 7, ["llama"]])
def test_an_unknown_family_is_named_with_those_that_are_supported(tmp_path, found):
    text = complaint(tmp_path, {"model_type": found})
    assert f"model_type={found!r} is not supported; supported: deepseek_v2, deepseek_v3, gemma2" in text


def test_a_family_is_named_by_its_class_where_it_has_no_type(tmp_path):
    assert "model_type=['MambaForCausalLM'] is not supported" in complaint(
        tmp_path, {"architectures": ["MambaForCausalLM"]}
    )


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        ('{"model_type": "llama",\n "hidden_size" 4096}', "Expecting ':' delimiter at line 2 column 16"),
        ("", "Expecting value at line 1 column 1"),
        ("[1, 2]", "holds a list; a config.json is an object"),
        ("3", "holds a int"),
        ("[" * 100_000, "is not a readable JSON text"),
        ('{"hidden_size": ' + "9" * 5_000 + "}", "is not a readable JSON text"),
    ],
)
def test_what_is_not_a_configuration_is_said(tmp_path, content, advice):
    assert advice in complaint(tmp_path, content)


def test_bytes_that_are_no_text(tmp_path):
    file = tmp_path / "config.json"
    file.write_bytes(b"\xff\xfe{}")
    with pytest.raises(InputError, match="is not a readable JSON text in UTF-8"):
        model_from_config(file)


def test_a_large_file_is_not_read(tmp_path):
    text = complaint(tmp_path, '{"model_type": "' + "x" * MAX_CONFIG_BYTES + '"}')
    assert "is larger than 1048576 bytes; give the model's config.json, not its weights" in text


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*config\.json: No such file"):
        model_from_config(tmp_path / "config.json")


def test_long_values_are_shown_in_part(tmp_path):
    assert len(complaint(tmp_path, REAL["llama-3.1-8b"] | {"hidden_size": "x" * 10_000})) < 400

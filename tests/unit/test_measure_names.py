"""Names of publications: every alias leads somewhere, and a name that leads nowhere says so."""

import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.measure.names import find_accelerator, find_engine, find_model, find_precision, name_rows
from tokonomics.measure.note import read_note
from tokonomics.measure.serving import engine_limits
from tokonomics.physics.constants import engines
from tokonomics.physics.formats import weight_formats

STATUSES = {"exact", "vague", "nearest", "same-shape"}
CATALOG = load_catalog()


@pytest.mark.parametrize("row", name_rows("gpu_names"), ids=lambda row: row["name"])
def test_every_accelerator_name_leads_to_the_catalogue(row):
    assert row["accelerator_id"] in CATALOG.accelerators
    assert row["status"] in STATUSES
    found = find_accelerator(row["name"].lower(), CATALOG)
    assert found is not None
    assert found.id == row["accelerator_id"]


@pytest.mark.parametrize(
    "row", [row for row in name_rows("model_names") if row["kind"] == "name"], ids=lambda row: row["name"]
)
def test_every_model_name_leads_to_the_catalogue(row):
    assert row["model_id"] in CATALOG.models
    assert row["status"] in STATUSES


@pytest.mark.parametrize("row", name_rows("format_names"), ids=lambda row: row["name"])
def test_every_format_name_leads_to_a_format(row):
    assert row["precision"] in weight_formats()
    assert row["status"] in STATUSES


@pytest.mark.parametrize("row", name_rows("engine_names"), ids=lambda row: row["name"])
def test_every_engine_name_leads_to_constants(row):
    assert row["engine"] in engines()
    assert row["multi_gpu"] in ("tensor", "pipeline")
    assert not row["default_precision"] or row["default_precision"] in weight_formats()


def test_no_name_stands_twice():
    for table in ("gpu_names", "model_names", "format_names"):
        names = [row["name"].lower() for row in name_rows(table)]
        assert len(set(names)) == len(names), table


def test_a_vague_accelerator_says_what_is_open():
    vague = [row for row in name_rows("gpu_names") if row["status"] in ("vague", "nearest")]
    assert vague
    assert all(row["note"] for row in vague)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("meta-llama/Meta-Llama-3.1-8B", "llama-3.1-8b"),
        ("nvidia/Llama-3.1-8B-Instruct-FP8", "llama-3.1-8b"),
        ("meta-llama/Llama-2-70b-chat-hf", "llama-2-70b"),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", "qwen3-235b-a22b"),
        ("deepseek-ai/DeepSeek-R1-0528", "deepseek-r1"),
        ("nvidia/DeepSeek-R1-NVFP4", "deepseek-r1"),
        ("Qwen/Qwen2-7B-Instruct", "qwen2.5-7b"),
        ("mistralai/Mixtral-8x7B-v0.1", "mixtral-8x7b"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", "qwen2.5-14b"),
        ("zhipuai/GLM-5", "glm-5"),
    ],
)
def test_releases_and_retrainings_are_one_model(name: str, model: str):
    found = find_model(name, CATALOG)
    assert found is not None
    assert found.id == model


@pytest.mark.parametrize("name", ["EleutherAI/gpt-j-6b", "", "-instruct", "Qwen/Qwen3.5-9B", "llama"])
def test_an_unknown_model_is_none_and_not_a_near_one(name: str):
    assert find_model(name, CATALOG) is None


@pytest.mark.parametrize("name", ["SN40L", "", "mixed", "MI250X-1GCD"])
def test_an_unknown_accelerator_is_none(name: str):
    assert find_accelerator(name, CATALOG) is None


def test_an_id_of_the_catalogue_is_a_name_too():
    found = find_accelerator("h200-sxm", CATALOG)
    assert found is not None
    assert found.id == "h200-sxm"


def test_an_unknown_format_is_none():
    assert find_precision("bnb") is None


@pytest.mark.parametrize(
    ("version", "engine"),
    [
        ("0.7.3", "vllm-v0"),
        ("v0.6", "vllm-v0"),
        ("0.8.0", "vllm"),
        ("0.11.0", "vllm"),
        ("nightly-dev", "vllm"),
        ("", "vllm"),
    ],
)
def test_vllm_before_its_rewrite_is_another_engine(version: str, engine: str):
    assert find_engine("vllm", version).engine == engine


def test_an_engine_without_a_row_is_generic():
    assert find_engine("made-up").engine == "generic"
    assert find_engine("").engine == "generic"


def test_llama_cpp_splits_layers_and_vllm_tensors():
    assert not find_engine("llama.cpp").splits_tensors
    assert find_engine("vllm").splits_tensors


@pytest.mark.parametrize(
    ("note", "field", "value"),
    [
        ("attention DP 4; MoE TP 1; MoE EP 16", "attention_dp", 4),
        ("attention DP 0; MoE TP 0", "attention_dp", 1),
        ("offline, all 1,200 requests given at once", "num_requests", 1200),
        ("online Poisson, 300 requests; req_s", "num_requests", 300),
        ("something; peak concurrent 1000.00", "num_requests", 1000),
        ("static batch of equal requests", "num_requests", None),
        ("launch: --max-num-seqs=256", "max_sequences", 256),
        ("launch: --max-running-requests=64", "max_sequences", 64),
        ("llama-bench pg 1024,1024 -b 64: ONE sequence", "step_budget_tokens", 64),
        ("--max-num-batched-tokens 16384", "step_budget_tokens", 16384),
        ("llama-bench pp2048 at context depth 4096 (KV", "depth_tokens", 4096),
        ("llama-bench tg 128: generation only", "is_decode_only", True),
        ("includes prefill time", "is_decode_only", False),
        ("EXCEEDS PHYSICS (TPOT only)", "exclusion", "exceeds physics"),
        ("x; suspicious: H100 column", "exclusion", "suspicious"),
        ("available; OPEN division", "exclusion", "open division"),
        ("SPECULATIVE decoding with EAGLE", "exclusion", "speculative decoding"),
        ("8 GPUs; DP attention; guidellm", "exclusion", "dp attention"),
        ("attention DP 1; MoE TP 4", "exclusion", ""),
        ("", "exclusion", ""),
    ],
)
def test_notes_are_read(note: str, field: str, value: object):
    assert getattr(read_note(note), field) == value


@pytest.mark.parametrize(
    ("engine", "part", "sequences", "budget"),
    [
        ("vllm", "h100-sxm", 1024, 8192),
        ("vllm", "a100-sxm-80", 256, 2048),
        ("vllm", "l40s", 256, 2048),
        ("vllm-v0", "h100-sxm", 256, 8192),
        ("trtllm", "h100-sxm", 2048, 8192),
        ("unheard-of", "h100-sxm", 1024, 8192),
    ],
)
def test_engines_have_their_default_limits(engine: str, part: str, sequences: int, budget: int):
    limits = engine_limits(engine, CATALOG.accelerator(part))
    assert (limits.max_sequences, limits.step_budget_tokens) == (sequences, budget)

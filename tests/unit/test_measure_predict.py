"""From a row to a prediction: layouts, assumptions, reasons, and the order of the corpus."""

import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.measure.case import Case, CaseBuilder, NoCase
from tokonomics.measure.corpus import MODES, Measurement, parse_corpus
from tokonomics.measure.predict import METRICS, Prediction, predict_corpus

CATALOG = load_catalog()
USUAL = {
    "source_id": "here",
    "model": "llama-3.1-8b",
    "weight_dtype": "bf16",
    "gpu": "H100-SXM-80GB",
    "num_gpus": "1",
    "engine": "vllm",
    "mode": "concurrency",
    "isl_mean": "1000",
    "osl_mean": "200",
    "concurrency": "16",
    "batch": "16",
    "request_rate": "2",
}


def row(**cells: str) -> Measurement:
    cells = USUAL | cells
    return parse_corpus(",".join(cells) + "\n" + ",".join(f'"{one}"' for one in cells.values()) + "\n")[0]


def case(**cells: str) -> Case:
    found = CaseBuilder(CATALOG).case(row(**cells))
    assert isinstance(found, Case), found
    return found


def predicted(**cells: str) -> Prediction:
    return predict_corpus([row(**cells)], CATALOG)[0]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_predicted(mode: str):
    one = predicted(mode=mode)
    assert not one.reason
    assert one.tpot_s is not None
    assert 0.001 < one.tpot_s < 1.0
    assert one.output_tokens_per_s is not None
    assert one.output_tokens_per_s > 10.0


def test_predictions_keep_the_order_of_the_corpus():
    rows = [row(mode=mode, concurrency=str(number)) for number, mode in enumerate([*MODES, *reversed(MODES)], 1)]
    assert [one.measurement for one in predict_corpus(rows, CATALOG)] == rows


def test_an_empty_corpus_has_no_predictions():
    assert predict_corpus([], CATALOG) == ()


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"model": "EleutherAI/gpt-j-6b"}, "model 'EleutherAI/gpt-j-6b' is not in the catalogue"),
        ({"gpu": "SN40L"}, "accelerator 'SN40L' is not in the catalogue"),
        ({"gpu": ""}, "the accelerator is not stated"),
        ({"weight_dtype": "bnb"}, "weight format 'bnb' is in no table"),
        ({"num_gpus": ""}, "the number of accelerators is not stated"),
        ({"osl_mean": "", "dataset": "secret"}, "neither the row nor its data set states the lengths of requests"),
        ({"concurrency": ""}, "the number of requests in flight is not stated"),
        ({"mode": "batch", "batch": ""}, "the size of the batch is not stated"),
        ({"mode": "rate", "request_rate": ""}, "neither a rate nor a latency limit is stated"),
        ({"osl_mean": "0"}, "no output tokens, in a mode that measures whole requests"),
        ({"kv_dtype": "fp2"}, "unknown kv format"),
        ({"pp": "99"}, "exceeds the 32 layers"),
    ],
)
def test_what_cannot_be_predicted_says_why(cells: dict[str, str], reason: str):
    one = predicted(**cells)
    assert reason in one.reason
    assert [getattr(one, name) for name in METRICS] == [None] * 4


def test_a_rate_the_catalogue_lacks_is_a_reason_and_not_a_guess():
    part = next(part for part in CATALOG.accelerators.values() if part.memory_bandwidth_bytes_per_s is None)
    assert "memory bandwidth" in predicted(gpu=part.id).reason


def test_lengths_come_from_the_data_set_where_the_row_has_none():
    found = case(isl_mean="", osl_mean="", dataset="sharegpt")
    assert (found.input_tokens, found.output_tokens) == (220.0, 200.0)
    assert case(isl_mean="50", osl_mean="", dataset="sharegpt").input_tokens == 50.0


def test_replicas_share_the_load():
    one, four = case(num_gpus="2", tp="2", concurrency="16"), case(num_gpus="8", tp="2", concurrency="64")
    assert (one.num_replicas, four.num_replicas) == (1, 4)
    single, fleet = (predicted(num_gpus=n, tp="2", concurrency=c) for n, c in (("2", "16"), ("8", "64")))
    assert fleet.tpot_s == pytest.approx(single.tpot_s)
    assert fleet.output_tokens_per_s == pytest.approx(4 * single.output_tokens_per_s)


def test_a_lone_request_keeps_one_replica_busy():
    one, many = (predicted(num_gpus=n, tp="1", concurrency="1") for n in ("1", "8"))
    assert many.output_tokens_per_s == pytest.approx(one.output_tokens_per_s)


def test_attention_data_parallel_ranks_count_as_accelerators():
    found = case(
        model="deepseek-r1",
        weight_dtype="fp8",
        num_gpus="4",
        tp="4",
        ep="16",
        note="attention DP 4; MoE TP 1; MoE EP 16",
    )
    dep = found.replica.deployment
    assert (dep.num_gpus, dep.attention_data_parallel, dep.expert_parallel) == (16, True, True)
    assert found.num_replicas == 1


def test_a_sweep_that_counts_ranks_twice_has_as_many_accelerators_as_the_server():
    """Rows of 16 accelerators that equal those of 4 to the last digit."""
    cells = {"source_id": "aic-silicon-db-dump", "model": "deepseek-r1", "weight_dtype": "fp8", "ep": "16"}
    apart = case(**cells, num_gpus="4", tp="4", note="attention DP 4; MoE TP 1; MoE EP 16").replica.deployment
    cut = case(
        **cells | {"ep": "4"}, num_gpus="16", tp="16", note="attention DP 1; MoE TP 4; MoE EP 4"
    ).replica.deployment
    assert (apart.num_gpus, apart.attention_data_parallel, apart.expert_parallel) == (4, True, True)
    assert (cut.num_gpus, cut.attention_data_parallel, cut.expert_parallel) == (4, False, True)


def test_what_a_source_sets_on_its_servers_is_known():
    sweep = case(source_id="aic-silicon-public-sweep", weight_dtype="fp8", engine="vllm").replica.deployment
    other = case(weight_dtype="fp8", engine="vllm").replica.deployment
    stated = case(source_id="aic-silicon-public-sweep", weight_dtype="fp8", kv_dtype="bf16").replica.deployment
    assert (sweep.kv_element_bytes, other.kv_element_bytes, stated.kv_element_bytes) == (1.0, 2.0, 2.0)
    assert case(source_id="aic-silicon-public-sweep", engine="sglang").replica.deployment.step_budget_tokens == 32768


def test_a_dense_model_has_no_experts_to_spread():
    assert not case(ep="4", num_gpus="4", tp="4").replica.deployment.expert_parallel


def test_llama_cpp_places_layers_and_vllm_splits_them():
    for engine, layout in (("llama.cpp", (1, 4)), ("vllm", (4, 1))):
        dep = case(engine=engine, num_gpus="4", mode="single-decode").replica.deployment
        assert (dep.tensor_parallel, dep.pipeline_parallel) == layout


def test_an_unstated_offline_layout_is_the_smallest_with_room():
    small, large = (case(model=name, num_gpus="8", mode="offline-max") for name in ("llama-3.1-8b", "llama-3.1-70b"))
    assert (small.replica.deployment.num_gpus, small.num_replicas) == (1, 8)
    assert (large.replica.deployment.num_gpus, large.num_replicas) == (4, 2)


@pytest.mark.parametrize(
    ("cells", "precision", "kv_bytes"),
    [
        ({}, "bf16", 2.0),
        ({"weight_dtype": "", "engine": "ollama"}, "gguf-q4_k_m", 2.0),
        ({"weight_dtype": "", "source_id": "mlperf-v9"}, "fp8", 2.0),
        ({"weight_dtype": "", "source_id": "mlperf-v9", "gpu": "B200", "engine": "trtllm"}, "nvfp4", 1.0),
        ({"weight_dtype": "", "source_id": "mlperf-v9", "gpu": "A100"}, "bf16", 2.0),
        ({"weight_dtype": "", "model": "gpt-oss-20b"}, "mxfp4", 2.0),
        ({"weight_dtype": "fp8", "engine": "trtllm"}, "fp8", 1.0),
        ({"weight_dtype": "fp8", "kv_dtype": "fp8"}, "fp8", 1.0),
    ],
)
def test_formats_that_are_not_stated_follow_a_rule(cells: dict[str, str], precision: str, kv_bytes: float):
    dep = case(**cells).replica.deployment
    assert (dep.precision.id, dep.kv_element_bytes) == (precision, kv_bytes)


def test_limits_in_the_note_stand_over_the_defaults_of_the_engine():
    dep = case(note="launch: --max-num-seqs=64 --max-num-batched-tokens=4096").replica.deployment
    assert (dep.max_sequences, dep.step_budget_tokens) == (64, 4096)


def test_a_benchmark_without_a_rate_runs_at_its_latency_limit():
    cells = {
        "mode": "rate",
        "request_rate": "",
        "osl_mean": "294",
        "dataset": "openorca",
        "model": "llama-2-70b",
        "num_gpus": "8",
    }
    server, quick = (predicted(**cells, note=f"MLPerf {name}; available") for name in ("Server", "Interactive"))
    assert quick.tpot_s is not None
    assert quick.tpot_s <= 0.04
    assert server.output_tokens_per_s >= quick.output_tokens_per_s


def test_a_queue_of_unknown_length_has_no_first_token():
    assert predicted(mode="offline-max").ttft_s is None
    assert predicted(mode="offline-max", note="all 500 requests at once").ttft_s is not None


def test_an_older_engine_is_told_by_its_version():
    assert predicted(engine_version="0.7.3").engine == "vllm-v0"
    assert predicted(engine_version="0.11.0").engine == "vllm"


def test_names_that_are_unknown_leave_the_ids_empty():
    one = predicted(model="made-up", gpu="made-up")
    assert (one.model, one.accelerator, one.is_known) == ("", "", False)
    assert predicted().is_known


def test_equal_deployments_are_built_once():
    builder = CaseBuilder(CATALOG)
    first, second = builder.case(row(concurrency="1")), builder.case(row(concurrency="2"))
    assert isinstance(first, Case)
    assert isinstance(second, Case)
    assert first.replica is second.replica
    assert isinstance(builder.case(row(gpu="SN40L")), NoCase)

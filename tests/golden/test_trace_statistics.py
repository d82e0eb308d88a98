"""Statistics of public traces, against the figures published for them.

Sources: Azure/AzurePublicDataset (2023 conversation), kvcache-ai/Mooncake (conversation), alibaba/ServeGen, as
measured once by another program on the same files.
"""

import numpy as np
import pytest

from tokonomics.workload.prefix import lru_block_hit_frac
from tokonomics.workload.presets import preset, presets
from tokonomics.workload.trace import Trace, jittered_trace
from tokonomics.workload.trace_statistics import TraceStatistics, trace_statistics
from tokonomics.workload.traces import read_trace
from tokonomics.workload.traffic import traffic_from_trace


@pytest.fixture(scope="module")
def folder(shared_dir):
    return shared_dir / "data" / "traces"


@pytest.fixture(scope="module")
def azure(folder) -> TraceStatistics:
    return trace_statistics(read_trace(folder / "trace_azure2023_conv.parquet"))


@pytest.fixture(scope="module")
def mooncake(folder) -> Trace:
    return read_trace(folder / "trace_mooncake_conversation.parquet")


@pytest.mark.parametrize(
    ("name", "published", "half_a_digit"),
    [
        ("num_requests", 19_366, 0),
        ("span_s", 3_502, 0.5),
        ("mean_requests_per_s", 5.53, 0.005),
        ("peak_requests_per_s", 8.45, 0.005),
        ("arrival_cv", 1.09, 0.005),
        ("mean_input_tokens", 1_155, 0.5),
        ("p50_input_tokens", 1_020, 0.5),
        ("p99_input_tokens", 4_142, 0.5),
        ("mean_output_tokens", 211, 0.5),
        ("p50_output_tokens", 129, 0.5),
        ("p99_output_tokens", 601, 0.5),
    ],
)
def test_azure_2023_conversation(azure, name, published, half_a_digit):
    assert getattr(azure, name) == pytest.approx(published, abs=half_a_digit)


@pytest.mark.parametrize(
    ("name", "published", "half_a_digit"),
    [
        ("num_requests", 12_031, 0),
        ("span_s", 3_537, 0.5),
        ("mean_requests_per_s", 3.40, 0.005),
        ("peak_requests_per_s", 4.12, 0.005),
        ("arrival_cv", 3.03, 0.005),
        ("mean_input_tokens", 12_035, 0.5),
        ("p50_input_tokens", 6_909, 0.5),
        ("p99_input_tokens", 85_400, 0.5),
        ("mean_output_tokens", 343, 0.5),
        ("p50_output_tokens", 350, 0.5),
        ("p99_output_tokens", 1_119, 0.5),
        ("cached_input_frac", 0.374, 0.0005),
    ],
)
def test_mooncake_conversation(mooncake, name, published, half_a_digit):
    assert getattr(trace_statistics(mooncake), name) == pytest.approx(published, abs=half_a_digit)


@pytest.mark.parametrize(
    ("num_blocks", "published"),
    [(1_000, 0.045), (5_000, 0.112), (10_000, 0.212), (30_000, 0.326), (50_000, 0.355), (1_000_000, 0.366)],
)
def test_mooncake_reuse_in_a_limited_cache(mooncake, num_blocks, published):
    assert lru_block_hit_frac(mooncake.block_hashes, num_blocks) == pytest.approx(published, abs=0.0006)


def test_mooncake_blocks(mooncake):
    assert mooncake.block_hashes.tokens_per_block == 512
    assert mooncake.block_hashes.ids.size == 288_500
    assert np.unique(mooncake.block_hashes.ids).size == 182_790


def test_mooncake_clock_is_rounded_and_jitter_makes_it_usable(mooncake):
    assert mooncake.is_quantised
    jittered = jittered_trace(mooncake, np.random.default_rng(0))
    assert traffic_from_trace(jittered).arrival_cv == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("table", ["demand", "clients"])
@pytest.mark.parametrize(
    ("model", "mean_rps", "peak_over_mean", "cv", "mean_in", "mean_out"),
    [
        ("language_m_large", 195.8, 2.98, 3.45, 914, 155),
        ("language_m_small", 1174, 3.30, 3.58, 120, 15),
        ("reason_deepseek_r1", 16.0, 2.66, 2.28, 1268, 1527),
    ],
)
def test_servegen(folder, table, model, mean_rps, peak_over_mean, cv, mean_in, mean_out):
    trace = read_trace(folder / f"servegen_{model}_{table}_10min.parquet")
    traffic = traffic_from_trace(trace)
    assert traffic.requests_per_s == pytest.approx(mean_rps, rel=0.001)
    assert traffic.peak_ratio == pytest.approx(peak_over_mean, abs=0.005)
    assert traffic.arrival_cv == pytest.approx(cv, abs=0.005)
    assert traffic.mean_input_tokens == pytest.approx(mean_in, rel=0.02)  # from a histogram of quarter octaves
    assert traffic.mean_output_tokens == pytest.approx(mean_out, rel=0.03)


def test_servegen_idle_windows_and_reasoning(folder):
    small = read_trace(folder / "servegen_language_m_small_demand_10min.parquet")
    assert int((small.rate_series_requests_per_s == 0).sum()) == 37
    assert "37 windows without requests" in small.notes
    reasoning = read_trace(folder / "servegen_reason_deepseek_r1_clients_10min.parquet")
    assert reasoning.reasoning_frac == pytest.approx(0.70, abs=0.005)


def test_servegen_multimodal_input_counts_images(folder):
    trace = read_trace(folder / "servegen_multimodal_mm_image_demand_10min.parquet")
    assert trace.input_tokens.mean() == pytest.approx(575 + 650, rel=0.02)  # text + image histograms


def test_arxiv_lengths(folder):
    trace = read_trace(folder / "lengths_arxiv_summarization.parquet")
    assert trace.num_requests == 28_257
    assert trace_statistics(trace).mean_requests_per_s is None
    traffic = traffic_from_trace(trace, requests_per_s=1.0)
    assert traffic.mean_input_tokens == pytest.approx(2_588, abs=0.5)
    assert traffic.mean_output_tokens == pytest.approx(291, abs=0.5)


def test_presets_have_the_statistics_of_the_records_they_stand_for(folder, azure):
    chat = presets()["chat"]
    assert chat.input_mean_tokens == round(azure.mean_input_tokens)
    assert chat.input_median_tokens == azure.p50_input_tokens
    assert chat.output_mean_tokens == round(azure.mean_output_tokens)
    assert chat.output_median_tokens == azure.p50_output_tokens
    assert chat.peak_ratio == pytest.approx(azure.peak_requests_per_s / azure.mean_requests_per_s, abs=0.005)
    papers = read_trace(folder / "lengths_arxiv_summarization.parquet")
    assert presets()["summarise"].input_median_tokens == np.median(papers.input_tokens)


@pytest.mark.parametrize(
    ("percentile", "input_ratio", "output_ratio"),
    [(25, 1.84, 0.74), (50, 1.00, 1.00), (75, 1.20, 0.67), (90, 0.71, 1.20), (99, 0.78, 1.66)],
)
def test_how_far_the_chat_preset_is_from_its_record(folder, percentile, input_ratio, output_ratio):
    """A lognormal has the mean and the median of the record, not its several humps: the misses are held here."""
    record, fitted = read_trace(folder / "trace_azure2023_conv.parquet"), preset("chat", 1.0)
    miss = np.percentile(fitted.input_tokens, percentile) / np.percentile(record.input_tokens, percentile)
    assert miss == pytest.approx(input_ratio, abs=0.02)
    miss = np.percentile(fitted.output_tokens, percentile) / np.percentile(record.output_tokens, percentile)
    assert miss == pytest.approx(output_ratio, abs=0.02)

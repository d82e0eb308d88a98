"""The load-duration figures measured on real demand, computed again from the same windows."""

from pathlib import Path

import duckdb
import pytest

from tokonomics.economics.build_or_buy.duration_curve import (
    LoadDuration,
    capacity_split,
    exceeded_level_tokens_per_s,
    load_duration,
)
from tokonomics.economics.build_or_buy.hybrid import HybridTerms, best_hybrid

FILES = {
    "m-large": "servegen_language_m_large_demand_10min",
    "m-small": "servegen_language_m_small_demand_10min",
    "deepseek-r1": "servegen_reason_deepseek_r1_demand_10min",
    "mm-image": "servegen_multimodal_mm_image_demand_10min",
}


def read_load(shared_dir: Path, name: str) -> LoadDuration:
    path = shared_dir / "data" / "traces" / f"{FILES[name]}.parquet"
    return load_duration(duckdb.sql(f"select rate_rps from '{path}'").fetchnumpy()["rate_rps"])


# capacity over mean demand; then percent served in-house and percent utilisation of each trace
TABLE = {
    0.50: {"m-large": (49, 98), "m-small": (49, 98), "deepseek-r1": (49, 98), "mm-image": (50, 100)},
    0.75: {"m-large": (70, 94), "m-small": (71, 95), "deepseek-r1": (68, 91), "mm-image": (74, 98)},
    1.00: {"m-large": (85, 85), "m-small": (87, 87), "deepseek-r1": (80, 80), "mm-image": (91, 91)},
    1.25: {"m-large": (93, 74), "m-small": (96, 77), "deepseek-r1": (88, 70), "mm-image": (99, 79)},
    1.50: {"m-large": (97, 65), "m-small": (98, 66), "deepseek-r1": (92, 62), "mm-image": (100, 67)},
    2.00: {"m-large": (100, 50), "m-small": (100, 50), "deepseek-r1": (99, 49), "mm-image": (100, 50)},
}


@pytest.mark.parametrize("name", FILES)
def test_capacity_table(shared_dir: Path, name: str) -> None:
    load = read_load(shared_dir, name)
    for ratio, row in TABLE.items():
        split = capacity_split(load, capacity_tokens_per_s=ratio * load.mean_tokens_per_s)
        served, utilisation = row[name]
        assert split.utilisation_frac is not None
        assert 100 * split.served_frac == pytest.approx(served, abs=0.6)
        assert 100 * split.utilisation_frac == pytest.approx(utilisation, abs=0.8)


@pytest.mark.parametrize(
    ("name", "ratio", "level", "overflow"),
    [
        ("m-large", 0.3, 1.11, 10.8),
        ("m-large", 0.5, 0.96, 17.1),
        ("m-large", 0.7, 0.78, 27.4),
        ("deepseek-r1", 0.3, 1.10, 16.7),
        ("deepseek-r1", 0.5, 0.83, 27.8),
        ("deepseek-r1", 0.7, 0.66, 37.3),
    ],
)
def test_optimal_baseline(shared_dir: Path, name: str, ratio: float, level: float, overflow: float) -> None:
    load = read_load(shared_dir, name)
    capacity = exceeded_level_tokens_per_s(load, exceeded_frac=ratio)
    # With few windows the cost is flat between two of them; the published figure takes their middle, we the lower.
    assert capacity / load.mean_tokens_per_s == pytest.approx(level, abs=0.01)
    overflow_frac = capacity_split(load, capacity_tokens_per_s=capacity).overflow_frac
    assert 100 * overflow_frac == pytest.approx(overflow, abs=0.5)


def test_fine_replicas_reach_the_quantile(shared_dir: Path) -> None:
    load = read_load(shared_dir, "m-large")
    unit = load.mean_tokens_per_s / 500
    month_mtok = unit * 730 * 3600 / 1e6
    terms = HybridTerms(replica_usd_per_month=0.5 * month_mtok * 2.0, replica_tokens_per_s=unit, api_usd_per_mtok=2.0)
    answer = best_hybrid(load, terms)
    assert terms.worthwhile_exceeded_frac == pytest.approx(0.5)
    assert answer.best.num_replicas / 500 == pytest.approx(0.96, abs=0.01)
    assert answer.saving_vs_self_host_frac > 0.2
    assert answer.saving_vs_api_frac > 0.2


def test_provisioning_for_the_peak_leaves_capacity_idle(shared_dir: Path) -> None:
    for name, percent in (("m-large", 34), ("m-small", 30), ("deepseek-r1", 38), ("mm-image", 71)):
        load = read_load(shared_dir, name)
        assert 100 * load.mean_tokens_per_s / load.peak_tokens_per_s == pytest.approx(percent, abs=0.6)

"""From made points back to the constants they were made from, through the physics' own step time."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from device_made import BANDWIDTH_BYTES_PER_S, KNOWN, PART, gemm_points, log_error, made_measurement

from tokonomics.catalog.load import load_catalog
from tokonomics.errors import InputError, MissingFact
from tokonomics.measure.device.efficiencies import device_efficiencies
from tokonomics.measure.device.efficiencies_file import KIND, efficiencies_dict, read_efficiencies
from tokonomics.measure.device.estimate import DeviceEfficiencies
from tokonomics.measure.device.gemm_fit import fit_gemm, gemm_times_s
from tokonomics.measure.device.read import read_measurement
from tokonomics.report.json import document, render_json


def efficiencies(tmp_path: Path, content: dict[str, Any], part: str = "h100-sxm") -> DeviceEfficiencies:
    path = tmp_path / "device.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return device_efficiencies(read_measurement(path), load_catalog().accelerator(part))


def value(found: DeviceEfficiencies, name: str, dtype: str = "") -> float:
    estimate = found.estimate(name, dtype)
    assert estimate is not None, f"{name} is missing"
    return estimate.value


@pytest.mark.parametrize("name", sorted(KNOWN))
@pytest.mark.parametrize("factor", [0.7, 1.0, 1.2])
def test_what_the_physics_was_given_comes_back(tmp_path: Path, name: str, factor: float):
    known = KNOWN[name] * factor
    found = efficiencies(tmp_path, made_measurement(**{name: known}))
    assert value(found, name) == pytest.approx(known, rel=1e-3)
    others = [value(found, other) / KNOWN[other] for other in KNOWN if other != name]
    assert others == pytest.approx([1.0] * len(others), rel=1e-3)
    assert found.doubts == ()
    assert found.missing == ()


@pytest.mark.parametrize("dtype", ["bf16", "fp8"])
@pytest.mark.parametrize("name", ["memory_efficiency_frac", "compute_efficiency_frac", "gemm_floor_tokens"])
def test_every_data_type_is_fitted_by_itself(tmp_path: Path, dtype: str, name: str):
    slow = {"memory_efficiency_frac": 0.5, "compute_efficiency_frac": 0.4, "gemm_floor_tokens": 90.0}
    content = made_measurement() | {"gemm": gemm_points(KNOWN, "bf16") + gemm_points(KNOWN | slow, "fp8")}
    expected = slow[name] if dtype == "fp8" else KNOWN[name]
    assert value(efficiencies(tmp_path, content), name, dtype) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("jitter_frac", [0.01, 0.03, 0.06])
def test_what_scatters_comes_back_within_its_spread(tmp_path: Path, jitter_frac: float):
    found = efficiencies(tmp_path, made_measurement(jitter_frac))
    for name, known in KNOWN.items():
        estimate = found.estimate(name)
        assert estimate is not None
        assert log_error(estimate.value, known) < 2.0 * estimate.log_sd_ratio


def test_more_scatter_is_more_spread(tmp_path: Path):
    calm, wild = (efficiencies(tmp_path, made_measurement(jitter)) for jitter in (0.015, 0.06))
    for one, other in zip(calm.estimates, wild.estimates, strict=True):
        if one.name in KNOWN:
            assert other.log_sd_ratio > 1.5 * one.log_sd_ratio


def test_no_estimate_claims_more_than_a_percent(tmp_path: Path):
    assert min(one.log_sd_ratio for one in efficiencies(tmp_path, made_measurement()).estimates) == 0.01


def test_the_fastest_kernel_counts(tmp_path: Path):
    content = made_measurement()
    content["decode_attention"] = [one for one in content["decode_attention"] if one["kernel"] == "sdpa-gathered"]
    assert value(efficiencies(tmp_path, content), "kv_efficiency_frac") == pytest.approx(0.36, rel=1e-3)


def test_copies_count_both_ways(tmp_path: Path):
    assert value(efficiencies(tmp_path, made_measurement()), "copy_efficiency_frac") == pytest.approx(0.9)


def test_work_that_a_launch_hides_does_not_count(tmp_path: Path):
    content = made_measurement()
    short = {"num_sequences": 1, "context_tokens": 64, "cache_bytes": 2 * 64 * 8 * 128 * 2, "time_s": 5e-6}
    content["decode_attention"] += [content["decode_attention"][0] | short]
    assert value(efficiencies(tmp_path, content), "kv_efficiency_frac") == pytest.approx(0.72, rel=1e-3)


@pytest.mark.parametrize("name", ["memory_efficiency_frac", "compute_efficiency_frac", "kv_efficiency_frac"])
def test_above_the_peak_is_a_sentence(tmp_path: Path, name: str):
    found = efficiencies(tmp_path, made_measurement(**{name: 1.3}))
    assert value(found, name) == pytest.approx(1.3, rel=1e-3)
    told = " ".join(found.doubts)
    assert f"{name} is 1.30 of the peak that the catalogue gives h100-sxm" in told


def reasons(found: DeviceEfficiencies) -> dict[tuple[str, str], str]:
    return {(one.name, one.dtype): one.reason for one in found.missing}


def test_nothing_measured_is_nothing_told(tmp_path: Path):
    content = {key: one for key, one in made_measurement().items() if not isinstance(one, list)}
    found = efficiencies(tmp_path, content)
    assert found.estimates == ()
    assert {name for name, _ in reasons(found)} == {*KNOWN, "copy_efficiency_frac"}


def test_thin_products_alone_leave_compute_open(tmp_path: Path):
    content = made_measurement() | {"gemm": gemm_points(KNOWN, rows=(1, 2, 4, 8), jitter_frac=0.03)}
    found = efficiencies(tmp_path, content)
    assert log_error(value(found, "memory_efficiency_frac"), 0.78) < 0.05
    assert "leave it open" in reasons(found)["gemm_floor_tokens", "bf16"]
    assert found.estimate("compute_efficiency_frac") is None


def test_thick_products_alone_leave_memory_open(tmp_path: Path):
    content = made_measurement() | {"gemm": gemm_points(KNOWN, rows=(2048, 4096, 8192), jitter_frac=0.03)}
    found = efficiencies(tmp_path, content)
    assert log_error(value(found, "compute_efficiency_frac"), 0.65) < 0.06
    assert found.estimate("memory_efficiency_frac") is None
    assert found.estimate("gemm_floor_tokens") is None


def test_a_rate_that_the_catalogue_lacks_is_told(tmp_path: Path):
    found = efficiencies(tmp_path, made_measurement() | {"memory_bytes": None}, "a100-sxm-80")
    assert reasons(found)["compute_efficiency_frac", "fp8"] == "a100-sxm-80 has no fp8 rate in the catalogue"
    assert found.estimate("compute_efficiency_frac", "bf16") is not None


def test_a_part_without_bandwidth_cannot_be_calibrated(tmp_path: Path):
    with pytest.raises(MissingFact, match="h100-nvl has no memory bandwidth"):
        efficiencies(tmp_path, made_measurement(), "h100-nvl")


def test_half_precision_is_one_rate(tmp_path: Path):
    content = made_measurement()
    content["gemm"] = [point | {"dtype": "fp16"} for point in gemm_points(KNOWN)]
    found = efficiencies(tmp_path, content)
    assert value(found, "compute_efficiency_frac", "fp16") == pytest.approx(0.65, rel=1e-3)
    assert value(found, "compute_efficiency_frac", "bf16") == pytest.approx(0.65, rel=1e-3)
    assert found.estimate("compute_efficiency_frac", "int8") is None


def test_too_few_points_are_told(tmp_path: Path):
    content = made_measurement() | {"gemm": gemm_points(KNOWN)[:5], "decode_attention": []}
    told = reasons(efficiencies(tmp_path, content))
    assert told["memory_efficiency_frac", "bf16"] == "5 points were measured; the fit needs 6"
    assert told["kv_efficiency_frac", ""].startswith("0 caches")


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_absurd_times_are_no_crash(tmp_path: Path, scale: float):
    content = made_measurement()
    for point in content["gemm"]:
        point["time_s"] *= scale
    found = efficiencies(tmp_path, content)
    assert found.estimate("kv_efficiency_frac") is not None


def test_products_that_all_take_as_long_are_no_crash(tmp_path: Path):
    content = made_measurement()
    for point in content["gemm"]:
        point["time_s"] = 1e-3
    assert efficiencies(tmp_path, content).accelerator_id == "h100-sxm"


def test_the_fit_needs_no_luck_with_its_start(tmp_path: Path):
    for floor_tokens in (5.0, 20.0, 200.0, 1000.0):
        found = efficiencies(tmp_path, made_measurement(gemm_floor_tokens=floor_tokens))
        assert value(found, "gemm_floor_tokens") == pytest.approx(floor_tokens, rel=0.01)


def test_the_form_is_the_four_norm():
    points = np.array([[3.0, 0.5, 6.0], [1.0, 0.0, 1.0]])
    assert gemm_times_s(np.log([1.0, 1.0, 2.0]), points) == pytest.approx([(3.0**4 + 4.0**4) ** 0.25, 1.0])


def test_the_residual_of_exact_points_is_nothing(tmp_path: Path):
    path = tmp_path / "device.json"
    path.write_text(json.dumps(made_measurement()), encoding="utf-8")
    points = [point for point in read_measurement(path).gemm if point.dtype == "bf16"]
    rate = PART.dense_flop_per_s["bf16"]
    fit = fit_gemm(points, bandwidth_bytes_per_s=BANDWIDTH_BYTES_PER_S, rate_flop_per_s=rate)
    assert fit is not None
    assert fit.residual_log_sd_ratio < 1e-6
    assert fit.ruling_frac[0] > 0.9
    assert fit.ruling_frac[1] > 0.9
    assert 0.0 < fit.ruling_frac[2] < 0.5


class TestFile:
    def test_what_is_written_comes_back(self, tmp_path: Path):
        found = efficiencies(tmp_path, made_measurement(0.03, kv_efficiency_frac=1.2), "h100-sxm")
        found = replace(found, missing=efficiencies(tmp_path, made_measurement() | {"copy": []}).missing)
        assert found.doubts
        assert found.missing
        path = tmp_path / "constants.json"
        path.write_text(render_json(document(KIND, efficiencies_dict(found))), encoding="utf-8")
        assert read_efficiencies(path) == found

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"schema": "x"}, "not of schema"),
            ({"accelerator_id": ""}, "accelerator_id=''"),
            ({"estimates": [{"name": "a", "dtype": "", "value": 0, "log_sd_ratio": 1, "num_points": 1}]}, "value=0"),
            ({"estimates": [{"name": "a", "value": 1, "log_sd_ratio": 0, "num_points": 1}]}, "log_sd_ratio=0"),
            ({"estimates": [{"name": "a", "value": 1, "log_sd_ratio": 1, "num_points": 0}]}, "num_points=0"),
            ({"doubts": [1]}, "doubts=[1]"),
            ({"missing": {}}, "missing={}"),
        ],
    )
    def test_a_wrong_file_is_told(self, tmp_path: Path, change: dict[str, Any], told: str):
        body = document(KIND, efficiencies_dict(efficiencies(tmp_path, made_measurement())))
        path = tmp_path / "constants.json"
        path.write_text(json.dumps({**body, **change}), encoding="utf-8")
        with pytest.raises(InputError) as caught:
            read_efficiencies(path)
        assert told in str(caught.value)

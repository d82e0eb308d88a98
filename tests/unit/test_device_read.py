"""Files of device measurements: what is read, and how everything wrong with one is told at once."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from device_made import made_measurement

from tokonomics.catalog.load import load_catalog
from tokonomics.errors import InputError
from tokonomics.measure.device.bounded_json import MAX_JSON_BYTES, MOST_PROBLEMS
from tokonomics.measure.device.match import doubts_of_match, driver_rows, match_accelerator
from tokonomics.measure.device.read import MOST_POINTS, read_measurement
from tokonomics.measure.device.record import DeviceMeasurement

CPU_RESULT = Path(__file__).resolve().parents[2] / "benchmarks/device/results/cpu-epyc-1-thread.json"


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "device.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def measured(tmp_path: Path, **changes: Any) -> DeviceMeasurement:
    return read_measurement(written(tmp_path, made_measurement() | changes))


def refusal(tmp_path: Path, content: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        read_measurement(written(tmp_path, content))
    return caught.value


def test_all_parts_are_read(tmp_path: Path):
    found = measured(tmp_path)
    assert found.device_name == "NVIDIA H100 80GB HBM3"
    assert found.measured_on == date(2026, 11, 23)
    assert (len(found.gemm), len(found.decode_attention), len(found.prefill_attention)) == (48, 8, 4)
    assert found.gemm[0].weight_bytes == 2 * 4096 * 14336
    assert found.decode_attention[1].kernel == "sdpa-gathered"
    assert found.not_measured[0].what == "all_reduce"


def test_a_real_file_of_a_cpu_is_read():
    found = read_measurement(CPU_RESULT)
    assert found.device_kind == "cpu"
    assert found.capability == ""
    assert {point.kernel for point in found.decode_attention} == {"sdpa-gathered", "sdpa-contiguous"}
    assert len(found.gemm) == 8


def test_lists_may_be_left_out(tmp_path: Path):
    content = {key: value for key, value in made_measurement().items() if not isinstance(value, list)}
    found = read_measurement(written(tmp_path, content))
    assert found.gemm == found.copy == found.launch == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"device_name": ""}, "device_name='' must be a text"),
        ({"device_name": "x" * 401}, "device_name="),
        ({"device_name": None}, "device_name=None"),
        ({"measured_on": "today"}, "measured_on='today' must be a date as YYYY-MM-DD"),
        ({"measured_on": 20261123}, "measured_on=20261123"),
        ({"memory_bytes": -1}, "memory_bytes=-1 must be a number above 0"),
        ({"cache_bytes": True}, "cache_bytes=True must be a number above 0"),
        ({"copy": "many"}, "copy='many' must be a list"),
        ({"copy": [1]}, "copy=[1] must be a list of at most"),
        ({"copy": [{"moved_bytes": 0, "time_s": 1, "time_log_sd_ratio": 0}]}, "copy[0] moved_bytes=0"),
        ({"copy": [{"moved_bytes": 1, "time_s": 1e30, "time_log_sd_ratio": 0}]}, "copy[0] time_s=1e+30"),
        ({"copy": [{"moved_bytes": 1, "time_s": 1, "time_log_sd_ratio": -0.1}]}, "must be a number from 0 on"),
        ({"copy": [{"moved_bytes": 1, "time_log_sd_ratio": 0}]}, "copy[0] lacks time_s"),
        ({"launch": [{"kind": "x", "time_s": 1, "time_log_sd_ratio": 0}]}, "kind='x' must be one of eager, graph"),
        ({"not_measured": [{"what": "a"}]}, "not_measured[0] lacks reason"),
    ],
)
def test_a_wrong_cell_is_told(tmp_path: Path, change: dict[str, Any], told: str):
    assert told in str(refusal(tmp_path, made_measurement() | change))


@pytest.mark.parametrize(
    ("name", "value"),
    [("num_rows", 0), ("num_rows", 1.5), ("num_rows", True), ("num_rows", 10**30), ("dtype", "int3"), ("dtype", [])],
)
def test_a_wrong_product_is_told(tmp_path: Path, name: str, value: Any):
    content = made_measurement()
    content["gemm"][3][name] = value
    (told,) = refusal(tmp_path, content).violations
    assert told.startswith("device.json gemm[3]")
    assert name in told


def test_all_mistakes_are_told_at_once(tmp_path: Path):
    content = made_measurement() | {"device_name": 1, "measured_on": "x", "cache_bytes": 0}
    content["gemm"][0]["time_s"] = "fast"
    assert len(refusal(tmp_path, content).violations) == 4


def test_no_flood_of_mistakes(tmp_path: Path):
    error = refusal(tmp_path, made_measurement() | {"copy": [{}] * 100})
    assert len(error.violations) == MOST_PROBLEMS + 1
    assert error.violations[-1] == f"and {300 - MOST_PROBLEMS} more wrong cells"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is no JSON"),
        ("[1, 2]", "holds no JSON object"),
        ('{"schema": NaN}', "is no JSON: it holds NaN"),
        ('{"a": Infinity}', "it holds Infinity"),
        ('{"a":' * 200_000, "nested too deep"),
        ("{}", "not of schema 'tokonomics/device/1'"),
        ('{"schema": "tokonomics/device/99"}', "not of schema"),
        ('{"schema": ["tokonomics/device/1"]}', "not of schema"),
        ('{"schema": "' + "x" * MAX_JSON_BYTES + '"}', "is larger than"),
        ('{"a": ' + "9" * 5000 + "}", "is no JSON"),
    ],
)
def test_what_is_no_measurement_is_refused(tmp_path: Path, content: str, told: str):
    assert told in str(refusal(tmp_path, content))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path):
    path = tmp_path / "device.json"
    path.write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(InputError, match="not UTF-8"):
        read_measurement(path)


@pytest.mark.parametrize("name", ["none.json", "."])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str):
    with pytest.raises(InputError, match="cannot read"):
        read_measurement(tmp_path / name)


def test_too_many_points_are_refused(tmp_path: Path):
    point = {"moved_bytes": 1, "time_s": 1, "time_log_sd_ratio": 0}
    assert "at most 5,000" in str(refusal(tmp_path, made_measurement() | {"copy": [point] * (MOST_POINTS + 1)}))


@pytest.mark.parametrize(
    ("name", "accelerator"),
    [
        ("NVIDIA H100 80GB HBM3", "h100-sxm"),
        ("nvidia h100 pcie", "h100-pcie"),
        ("NVIDIA A100-SXM4-40GB", "a100-sxm-40"),
        ("Tesla T4", "t4"),
        ("L40S", "l40s"),
        ("h200-sxm", "h200-sxm"),
    ],
)
def test_the_name_tells_the_accelerator(tmp_path: Path, name: str, accelerator: str):
    assert match_accelerator(measured(tmp_path, device_name=name), load_catalog()).id == accelerator


def test_an_unknown_name_is_told_with_advice(tmp_path: Path):
    with pytest.raises(
        InputError, match="no accelerator of the catalogue; name it with --accelerator, like .*h100-sxm"
    ):
        match_accelerator(measured(tmp_path, device_name="NVIDIA H1000"), load_catalog())


def test_every_driver_name_leads_into_the_catalogue():
    catalog = load_catalog()
    for row in driver_rows().values():
        assert catalog.accelerator(row["accelerator_id"]).id == row["accelerator_id"]
        assert row["status"] in ("exact", "vague", "nearest")
        assert bool(row["note"]) == (row["status"] != "exact")


def test_another_memory_is_a_doubt(tmp_path: Path):
    part = load_catalog().accelerator("h100-sxm")
    assert doubts_of_match(measured(tmp_path), part) == ()
    assert doubts_of_match(measured(tmp_path, memory_bytes=None), part) == ()
    (doubt,) = doubts_of_match(measured(tmp_path, memory_bytes=40e9), part)
    assert "40.0 GB" in doubt


def test_a_name_that_leaves_the_part_open_is_a_doubt(tmp_path: Path):
    found = measured(tmp_path, device_name="NVIDIA GH200 480GB", memory_bytes=None)
    (doubt,) = doubts_of_match(found, load_catalog().accelerator("gh200-96"))
    assert "counts the memory of the CPU" in doubt
    assert doubts_of_match(found, load_catalog().accelerator("gh200-144")) == ()

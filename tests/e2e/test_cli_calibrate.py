"""`tok calibrate` as a user runs it, on the example's file and on one of a real CPU."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tokonomics.cli.main import main
from tokonomics.measure.device.efficiencies_file import read_efficiencies

REPO = Path(__file__).resolve().parents[2]
EXAMPLE = REPO / "examples/calibrate-device/device.json"
CPU = REPO / "benchmarks/device/results/cpu-epyc-1-thread.json"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `tok calibrate` in this process; gives (exit code, stdout, stderr)."""
    monkeypatch.setenv("COLUMNS", "120")

    def call(*args: str) -> tuple[int, str, str]:
        code = main(("calibrate", *args))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_the_page_is_for_people(run: Run):
    code, out, err = run("--device", str(EXAMPLE))
    assert (code, err) == (0, "")
    assert "as shares of h100-sxm (3,350 GB/s)" in out
    assert "kv_efficiency_frac" in out
    assert "no device was measured" in out
    assert "evidence and not the truth" in out


def test_the_document_is_for_programs(run: Run):
    code, out, _ = run("--device", str(EXAMPLE), "--json")
    body = json.loads(out)
    assert code == 0
    assert body["schema"] == "tokonomics/device-efficiencies/1"
    assert body["accelerator_id"] == "h100-sxm"
    by_name = {(one["name"], one["dtype"]): one for one in body["estimates"]}
    assert by_name["memory_efficiency_frac", "fp8"]["value"] == pytest.approx(0.78, rel=0.03)
    assert by_name["kv_efficiency_frac", ""]["num_points"] == 4


def test_the_file_comes_back(run: Run, tmp_path: Path):
    path = tmp_path / "h100.json"
    code, out, err = run("--device", str(EXAMPLE), "-o", str(path))
    assert (code, out) == (0, "")
    assert f"wrote {path}" in err
    found = read_efficiencies(path)
    assert found.accelerator_id == "h100-sxm"
    estimate = found.estimate("attention_efficiency_frac")
    assert estimate is not None
    assert estimate.value == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("fmt", ["csv", "md"])
def test_other_formats_work_too(run: Run, fmt: str):
    code, out, _ = run("--device", str(EXAMPLE), "-f", fmt)
    assert code == 0
    assert "gemm_floor_tokens" in out


def test_another_accelerator_may_be_named_and_is_doubted(run: Run):
    code, out, err = run("--device", str(EXAMPLE), "--accelerator", "rtx3090", "--json")
    assert code == 0
    told = " ".join(json.loads(out)["doubts"])
    assert "24.0 GB in the catalogue" in told
    assert "memory_efficiency_frac is" in told
    assert "the catalogue is wrong" in err
    assert run("--device", str(EXAMPLE), "--accelerator", "rtx3090", "--json", "-q")[2] == ""


def test_a_real_cpu_is_read_with_its_part_named(run: Run):
    code, out, _ = run("--device", str(CPU), "--accelerator", "epyc-genoa")
    assert code == 0
    assert "AMD EPYC, measured 2026-11-23" in out
    assert "the kernel exists on CUDA devices only" in out


def test_a_device_that_is_not_in_the_catalogue_is_told(run: Run):
    code, out, err = run("--device", str(CPU))
    assert (code, out) == (2, "")
    assert "name it with --accelerator" in err


def test_a_wrong_accelerator_is_told(run: Run):
    code, _, err = run("--device", str(EXAMPLE), "--accelerator", "h101-sxm")
    assert code == 2
    assert "nearest: h100-sxm" in err


def test_a_part_without_bandwidth_is_a_missing_fact(run: Run):
    code, _, err = run("--device", str(EXAMPLE), "--accelerator", "h100-nvl")
    assert code == 5
    assert "no memory bandwidth" in err


def test_all_mistakes_of_a_file_are_told(run: Run, tmp_path: Path):
    path = tmp_path / "bad.json"
    path.write_text('{"schema": "tokonomics/device/1", "gemm": [{}]}', encoding="utf-8")
    code, out, err = run("--device", str(path))
    assert (code, out) == (2, "")
    assert len(err.splitlines()) > 8
    assert "bad.json gemm[0] lacks time_s" in err
    assert "Traceback" not in err


def test_the_file_is_needed(run: Run, tmp_path: Path):
    assert run()[0] == 2
    assert "cannot read" in run("--device", str(tmp_path / "none.json"))[2]

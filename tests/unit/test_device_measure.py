"""`benchmarks/device/measure.py` on the CPU: what it writes, what it cannot do, and that its kernels compute attention."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.measure.device.efficiencies import device_efficiencies
from tokonomics.measure.device.read import SCHEMA, read_measurement
from tokonomics.measure.device.record import DeviceMeasurement

torch: Any = pytest.importorskip("torch", reason="needs PyTorch (requirements/device.txt), which is not installed")

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/device/measure.py"
# What two cores of a server could reach, so that a share of it is a number to look at.
SOME_CPU = Accelerator(
    id="some-cpu",
    name="some CPU",
    vendor="",
    kind="cpu",
    family="cpu",
    memory_bytes=None,
    memory_bandwidth_bytes_per_s=40e9,
    dense_flop_per_s={"fp32": 200e9},
    tdp_watts=None,
    link="",
    link_bytes_per_s=None,
    launch_year=None,
    purchase_usd=None,
    status="estimated",
    source="made",
)


@pytest.fixture(scope="module")
def measure() -> Iterator[ModuleType]:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("device_measure_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A quick measurement of this CPU, as a user starts it."""
    path = tmp_path / "device.json"
    words = ["--device", "cpu", "--quick", "--threads", "1", "--date", "2026-11-23", "-o", str(path)]
    done = subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"wrote {path}" in done.stdout
    return path


def test_a_quick_measurement_is_complete_and_plausible(written: Path):
    """One test, so that workers that share the tests measure once."""
    assert json.loads(written.read_text())["elapsed_s"] < 60.0
    found = read_measurement(written)
    assert found.device_kind == "cpu"
    assert found.measured_on.isoformat() == "2026-11-23"
    assert found.torch_version == str(torch.__version__)
    for points in (found.copy, found.gemm, found.decode_attention, found.prefill_attention, found.launch):
        assert points
        assert all(point.time_s > 0 for point in points)
    assert {"all_reduce", "gemm fp4", "decode_attention varlen_attn-paged"} <= {one.what for one in found.not_measured}
    more_work_takes_longer(found)
    constants_are_shares_of_something_sensible(found)


def more_work_takes_longer(found: DeviceMeasurement) -> None:
    gemm = {point.num_rows: point.time_s for point in found.gemm}
    assert gemm[128] > 2 * gemm[1]
    caches = sorted((point.cache_bytes, point.time_s) for point in found.decode_attention)
    assert caches[-1][1] > 3 * caches[0][1]


def constants_are_shares_of_something_sensible(measurement: DeviceMeasurement) -> None:
    found = device_efficiencies(measurement, SOME_CPU)
    for name, dtype in (
        ("kv_efficiency_frac", ""),
        ("attention_efficiency_frac", "fp32"),
        ("copy_efficiency_frac", ""),
    ):
        estimate = found.estimate(name, dtype)
        assert estimate is not None
        assert 1e-3 < estimate.value < 5.0
    assert {one.name for one in (*found.estimates, *found.missing)} >= {"gemm_floor_tokens", "memory_efficiency_frac"}


def test_the_clock_gives_the_day_when_none_is_given(measure: ModuleType):
    assert measure.arguments(["--device", "cpu"]).date is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--device", "toaster"], "is no device"),
        (["--device", "meta"], "is not measured"),
        (["--device", "cpu", "--budget-s", "0"], "must be above 0"),
        (["--device", "cpu", "--budget-s", "nan"], "must be above 0"),
        (["--device", "cpu", "--threads", "0"], "must be at least 1"),
        (["--device", "cpu", "--date", "yesterday"], "--date"),
    ],
)
def test_a_wrong_argument_is_told(measure: ModuleType, capsys: pytest.CaptureFixture[str], words: list[str], told: str):
    with pytest.raises(SystemExit) as stop:
        measure.arguments(words)
    assert stop.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_told(measure: ModuleType, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        measure.arguments(["--device", "cuda"])
    assert "sees no GPU" in capsys.readouterr().err


def session(measure: ModuleType, now_s: float = 0.0) -> Any:
    return measure.Session(torch.device("cpu"), measure.CPU_QUICK, 10.0, lambda: now_s)


def test_a_point_that_fails_is_recorded_and_passed(measure: ModuleType):
    def fails() -> list[Any]:
        raise RuntimeError("no\n  such kernel")

    one = session(measure)
    found = one.points("thing", iter([({"size": 1}, fails), ({"size": 2}, lambda: [lambda: None])]))
    assert [point["size"] for point in found] == [2]
    assert one.not_measured == [{"what": "thing size=1", "reason": "RuntimeError: no such kernel"}]


def test_after_the_deadline_nothing_begins(measure: ModuleType):
    one = session(measure, now_s=11.0)
    assert one.points("thing", iter([({"size": 1}, lambda: [lambda: None])] * 2)) == []
    (told,) = one.not_measured
    assert told["what"] == "thing"
    assert "time budget of 30 s" in told["reason"]


def test_what_is_told_twice_is_recorded_once(measure: ModuleType):
    one = session(measure)
    one.skip("a", "b")
    one.skip("a", " b ")
    assert len(one.not_measured) == 1


def test_operands_exceed_the_cache_and_fit_the_memory(measure: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measure, "cache_bytes", lambda device: 1000)
    monkeypatch.setattr(measure, "free_bytes", lambda device: 100_000)
    one = session(measure)
    assert one.copies(1000) == measure.CACHE_MULTIPLE
    assert one.copies(20_000) == 1
    assert one.copies(1) == measure.MOST_COPIES
    with pytest.raises(RuntimeError, match="too much for the free memory"):
        one.copies(50_000)


@pytest.mark.parametrize(
    ("cycle_s", "num_calls", "repeats"), [(1.0, 1, 1), (1e-4, 1, 10), (1e-9, 1, 256), (1e-9, 64, 4), (0.0, 300, 1)]
)
def test_a_sample_is_long_enough_for_its_clock(measure: ModuleType, cycle_s: float, num_calls: int, repeats: int):
    assert measure.num_repeats(cycle_s, num_calls) == repeats


@pytest.mark.parametrize(("sample_s", "samples"), [(10.0, 5), (0.01, 10), (1e-9, 40)])
def test_samples_fill_the_time_of_a_point(measure: ModuleType, sample_s: float, samples: int):
    assert measure.num_samples(sample_s, 0.1) == samples


def reference(rows: Any, cache: Any) -> Any:
    """Attention in plain sums: softmax of the scores over the cache in the order of the table."""
    out = []
    heads = cache.keys.shape[2]
    group = rows.shape[1] // heads
    for one, blocks in zip(rows, cache.table, strict=True):
        keys, values = (part[blocks].reshape(-1, heads, part.shape[-1]) for part in (cache.keys, cache.values))
        for head in range(rows.shape[1]):
            scores = keys[:, head // group] @ one[head] / keys.shape[-1] ** 0.5
            out.append(torch.softmax(scores, 0) @ values[:, head // group])
    return torch.stack(out).reshape(rows.shape)


@pytest.mark.parametrize("heads", [2, 8])
def test_gathered_attention_is_attention_over_the_table(measure: ModuleType, heads: int):
    one = session(measure)
    cache = measure.paged_cache(one, 3, 256, heads)
    cache = measure.Cache(cache.keys * 20, torch.randn_like(cache.values), cache.table)
    assert not torch.equal(cache.table.reshape(-1), torch.arange(12))
    rows = measure.query(one, 3) * 20
    found = measure.gathered_decode(rows, cache)()
    torch.testing.assert_close(found.reshape(rows.shape), reference(rows, cache), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("stand_in", "told"),
    [
        ("gathered_decode", ""),
        ("contiguous_decode", "does not give what attention over the gathered blocks gives"),
        ("paged_decode", "Error"),
    ],
)
def test_a_paged_kernel_is_checked_before_it_is_timed(
    measure: ModuleType, monkeypatch: pytest.MonkeyPatch, stand_in: str, told: str
):
    """On a CPU a stand-in takes the place of the kernel: one right, one that ignores the table, and the one that is not there."""
    torch.manual_seed(3)
    one = session(measure)
    one.__class__ = type("OnCuda", (measure.Session,), {"is_cuda": True})
    plain = measure.paged_cache

    def shuffled(*arguments: Any) -> Any:
        made = plain(*arguments)
        order = torch.roll(torch.arange(made.table.numel()), 1).reshape(made.table.shape)
        return measure.Cache(made.keys, made.values, order)

    monkeypatch.setattr(measure, "paged_cache", shuffled)
    monkeypatch.setattr(measure, "attention_dtype", lambda session: "fp32")
    monkeypatch.setattr(measure, "paged_decode", getattr(measure, stand_in))
    reason = measure.no_paged(one)
    assert told in reason
    assert bool(reason) == bool(told)


def test_contiguous_attention_is_attention_in_order(measure: ModuleType):
    one = session(measure)
    cache = measure.paged_cache(one, 2, 128, 2)
    cache = measure.Cache(cache.keys * 20, torch.randn_like(cache.values), torch.arange(4).reshape(2, 2))
    rows = measure.query(one, 2) * 20
    found = measure.contiguous_decode(rows, cache)()
    torch.testing.assert_close(found.reshape(rows.shape), reference(rows, cache), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["fp32", "bf16", "int8"])
def test_products_are_products(measure: ModuleType, dtype: str):
    device = torch.device("cpu")
    rows, weights = measure.filled((32, 64), dtype, device), measure.filled((48, 64), dtype, device)
    found = measure.multiply(dtype, rows, weights)()
    torch.testing.assert_close(found.double(), rows.double() @ weights.double().t(), rtol=0.02, atol=0.02)


def test_small_eight_bit_products_are_not_asked_of_a_gpu(measure: ModuleType):
    one = session(measure)
    one.__class__ = type("OnCuda", (measure.Session,), {"is_cuda": True})
    rows = [keys["num_rows"] for keys, _ in measure.gemm_jobs(one, "int8", (64, 64))]
    assert min(rows) == 32
    assert "17 rows" in one.not_measured[0]["reason"]


def test_every_plan_can_be_measured_by_the_shape(measure: ModuleType):
    for plan in (measure.GPU, measure.GPU_QUICK, measure.CPU, measure.CPU_QUICK):
        assert all(context % plan.block_tokens == 0 for context in plan.decode_contexts)
        assert all(plan.query_heads % heads == 0 for heads in plan.kv_heads)
        assert all(side % 16 == 0 for matrix in plan.matrices for side in matrix)
        assert plan.total_s < 300.0
    assert measure.SCHEMA == SCHEMA

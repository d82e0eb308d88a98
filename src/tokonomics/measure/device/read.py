"""Reading the file of `benchmarks/device/measure.py`: every mistake at once, then records."""

from pathlib import Path

from tokonomics.measure.device.bounded_json import Cells, cells_of, raise_problems
from tokonomics.measure.device.record import (
    CopyPoint,
    DecodePoint,
    DeviceMeasurement,
    GemmPoint,
    LaunchPoint,
    NotMeasured,
    PrefillPoint,
)

SCHEMA = "tokonomics/device/1"
MOST_POINTS = 5000
DTYPES = ("bf16", "fp16", "fp32", "fp8", "int8")
LAUNCHES = ("eager", "graph")


def read_measurement(path: Path) -> DeviceMeasurement:
    """The measurement in `path`; InputError lists all that is wrong with the file."""
    cells = cells_of(path)
    if cells.values.get("schema") != SCHEMA:
        cells.problems.append(f"{path.name} is not of schema {SCHEMA!r}; write it with benchmarks/device/measure.py")
        raise_problems(cells.problems)
    found = _measurement(cells)
    raise_problems(cells.problems)
    return found


def _measurement(cells: Cells) -> DeviceMeasurement:
    return DeviceMeasurement(
        device_name=cells.text("device_name"),
        device_kind=cells.text("device_kind"),
        capability=cells.text("capability", required=False),
        memory_bytes=cells.amount_or_none("memory_bytes"),
        cache_bytes=cells.amount("cache_bytes"),
        torch_version=cells.text("torch_version"),
        measured_on=cells.day("measured_on"),
        note=cells.text("note", required=False),
        copy=tuple(map(_copy_point, cells.rows("copy", most=MOST_POINTS))),
        gemm=tuple(map(_gemm_point, cells.rows("gemm", most=MOST_POINTS))),
        decode_attention=tuple(map(_decode_point, cells.rows("decode_attention", most=MOST_POINTS))),
        prefill_attention=tuple(map(_prefill_point, cells.rows("prefill_attention", most=MOST_POINTS))),
        launch=tuple(map(_launch_point, cells.rows("launch", most=MOST_POINTS))),
        not_measured=tuple(map(_not_measured, cells.rows("not_measured", most=MOST_POINTS))),
    )


def _copy_point(cells: Cells) -> CopyPoint:
    return CopyPoint(moved_bytes=cells.amount("moved_bytes"), **_timing(cells))


def _gemm_point(cells: Cells) -> GemmPoint:
    return GemmPoint(
        dtype=cells.choice("dtype", DTYPES),
        num_rows=cells.count("num_rows"),
        num_in_features=cells.count("num_in_features"),
        num_out_features=cells.count("num_out_features"),
        weight_bytes=cells.amount("weight_bytes"),
        **_timing(cells),
    )


def _decode_point(cells: Cells) -> DecodePoint:
    return DecodePoint(
        kernel=cells.text("kernel"),
        dtype=cells.choice("dtype", DTYPES),
        num_sequences=cells.count("num_sequences"),
        context_tokens=cells.amount("context_tokens"),
        num_kv_heads=cells.count("num_kv_heads"),
        num_query_heads=cells.count("num_query_heads"),
        head_dim=cells.count("head_dim"),
        cache_bytes=cells.amount("cache_bytes"),
        **_timing(cells),
    )


def _prefill_point(cells: Cells) -> PrefillPoint:
    return PrefillPoint(
        kernel=cells.text("kernel"),
        dtype=cells.choice("dtype", DTYPES),
        num_sequences=cells.count("num_sequences"),
        input_tokens=cells.amount("input_tokens"),
        num_query_heads=cells.count("num_query_heads"),
        head_dim=cells.count("head_dim"),
        **_timing(cells),
    )


def _launch_point(cells: Cells) -> LaunchPoint:
    return LaunchPoint(kind=cells.choice("kind", LAUNCHES), **_timing(cells))


def _not_measured(cells: Cells) -> NotMeasured:
    return NotMeasured(what=cells.text("what"), reason=cells.text("reason"))


def _timing(cells: Cells) -> dict[str, float]:
    return {
        "time_s": cells.amount("time_s"),
        "time_log_sd_ratio": cells.amount("time_log_sd_ratio", at_least=0.0),
    }

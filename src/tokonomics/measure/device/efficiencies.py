"""From the points of a device to the constants of the physics, as shares of what the catalogue says of the part."""

import math
from collections.abc import Iterator, Sequence

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.errors import MissingFact, raise_all
from tokonomics.measure.device.estimate import (
    DeviceEfficiencies,
    Estimate,
    Missing,
    bounded_estimate,
    spread_estimate,
)
from tokonomics.measure.device.gemm_fit import LARGEST_LOG, MIN_POINTS, fit_gemm
from tokonomics.measure.device.match import doubts_of_match
from tokonomics.measure.device.record import DecodePoint, DeviceMeasurement, GemmPoint, PrefillPoint

Found = Estimate | Missing

_LAUNCHES_ASIDE = 10.0
"""A point counts when its work at peak takes this many times a launch: below, the launch is measured."""
_MIN_SPREAD_POINTS = 3
_LARGEST_LOG_SD_RATIO = 1.0
"""A constant that the points leave open by a factor of e either way is not told by them."""
_GEMM_CONSTANTS = ("memory_efficiency_frac", "compute_efficiency_frac", "gemm_floor_tokens")


def device_efficiencies(measurement: DeviceMeasurement, accelerator: Accelerator) -> DeviceEfficiencies:
    """Constants of `accelerator` from the points; MissingFact when the catalogue lacks its bandwidth.

    A constant that the points do not tell is listed as missing with the reason; one above its peak is a doubt.
    """
    bandwidth = accelerator.memory_bandwidth_bytes_per_s
    if bandwidth is None:
        raise_all([f"{accelerator.id} has no memory bandwidth in the catalogue; add it to calibrate"], MissingFact)
    assert bandwidth is not None
    found: list[Found] = [
        *_gemm_constants(measurement, accelerator, bandwidth),
        _kv_efficiency(measurement, bandwidth),
        *_attention_efficiencies(measurement, accelerator),
        _copy_efficiency(measurement, bandwidth),
        *_launches(measurement),
    ]
    estimates = tuple(one for one in found if isinstance(one, Estimate))
    return DeviceEfficiencies(
        accelerator_id=accelerator.id,
        device_name=measurement.device_name,
        measured_on=measurement.measured_on,
        torch_version=measurement.torch_version,
        estimates=estimates,
        missing=tuple(one for one in found if isinstance(one, Missing)),
        doubts=(*doubts_of_match(measurement, accelerator), *_above_peak(estimates, accelerator)),
    )


def catalogue_dtype(dtype: str) -> str:
    """The rate of the catalogue that a data type is held against: one stands for both 16-bit formats.

    >>> catalogue_dtype("fp16"), catalogue_dtype("fp8")
    ('bf16', 'fp8')
    """
    return "bf16" if dtype == "fp16" else dtype


def _gemm_constants(measurement: DeviceMeasurement, part: Accelerator, bandwidth: float) -> Iterator[Found]:
    dtypes = list(dict.fromkeys(catalogue_dtype(point.dtype) for point in measurement.gemm))
    if not dtypes:
        yield from (Missing(name=name, dtype="", reason="no matrix product was measured") for name in _GEMM_CONSTANTS)
    for dtype in dtypes:
        yield from _gemm_constants_of(dtype, measurement.gemm, part, bandwidth)


def _gemm_constants_of(dtype: str, points: Sequence[GemmPoint], part: Accelerator, bandwidth: float) -> Iterator[Found]:
    own = [point for point in points if catalogue_dtype(point.dtype) == dtype]
    rate = part.dense_flop_per_s.get(dtype)
    if rate is None:
        yield from _all_missing(dtype, f"{part.id} has no {dtype} rate in the catalogue")
        return
    fit = fit_gemm(own, bandwidth_bytes_per_s=bandwidth, rate_flop_per_s=rate)
    if fit is None:
        yield from _all_missing(dtype, f"{len(own)} points were measured; the fit needs {MIN_POINTS}")
        return
    for name, log, log_sd in zip(_GEMM_CONSTANTS, fit.logs, fit.log_sds, strict=True):
        if log_sd > _LARGEST_LOG_SD_RATIO or abs(log) >= LARGEST_LOG:
            yield Missing(name=name, dtype=dtype, reason=f"the {len(own)} points leave it open; measure more rows")
        else:
            yield bounded_estimate(name, dtype, log, log_sd, len(own))


def _all_missing(dtype: str, reason: str) -> Iterator[Missing]:
    return (Missing(name=name, dtype=dtype, reason=reason) for name in _GEMM_CONSTANTS)


def _launch_s(measurement: DeviceMeasurement) -> float:
    """The shortest launch that was measured, 0 when none was: what a point cannot go below."""
    return min((point.time_s for point in measurement.launch), default=0.0)


def _kv_efficiency(measurement: DeviceMeasurement, bandwidth: float) -> Found:
    """Bytes of cache over the time of the fastest kernel at each shape."""
    floor_s = _LAUNCHES_ASIDE * _launch_s(measurement)
    best = [point for point in _fastest(measurement.decode_attention) if point.cache_bytes / bandwidth >= floor_s]
    logs = [math.log(point.cache_bytes / bandwidth / point.time_s) for point in best]
    return _spread("kv_efficiency_frac", "", logs, [point.time_log_sd_ratio for point in best], "caches")


def _fastest(points: Sequence[DecodePoint]) -> list[DecodePoint]:
    """The fastest kernel at each shape."""
    by_shape: dict[tuple[object, ...], DecodePoint] = {}
    for point in points:
        shape = (point.num_sequences, point.context_tokens, point.num_kv_heads, point.num_query_heads, point.head_dim)
        known = by_shape.get(shape)
        if known is None or point.time_s < known.time_s:
            by_shape[shape] = point
    return list(by_shape.values())


def _attention_efficiencies(measurement: DeviceMeasurement, part: Accelerator) -> Iterator[Found]:
    name = "attention_efficiency_frac"
    dtypes = list(dict.fromkeys(catalogue_dtype(point.dtype) for point in measurement.prefill_attention))
    if not dtypes:
        yield Missing(name=name, dtype="", reason="no prefill attention was measured")
    for dtype in dtypes:
        rate = part.dense_flop_per_s.get(dtype)
        if rate is None:
            yield Missing(name=name, dtype=dtype, reason=f"{part.id} has no {dtype} rate in the catalogue")
            continue
        own = [point for point in measurement.prefill_attention if catalogue_dtype(point.dtype) == dtype]
        floor_s = _LAUNCHES_ASIDE * _launch_s(measurement)
        long = [point for point in own if prefill_flop(point) / rate >= floor_s]
        logs = [math.log(prefill_flop(point) / rate / point.time_s) for point in long]
        yield _spread(name, dtype, logs, [point.time_log_sd_ratio for point in long], "prompts")


def prefill_flop(point: PrefillPoint) -> float:
    """FLOP of causal attention as the physics counts it: a token meets half of the prompt, 4 FLOP a head and dimension.

    >>> point = PrefillPoint(kernel="", dtype="bf16", num_sequences=2, input_tokens=1000.0, num_query_heads=32,
    ...                      head_dim=128, time_s=1.0, time_log_sd_ratio=0.0)
    >>> prefill_flop(point)
    16384000000.0
    """
    pairs = point.num_sequences * point.input_tokens**2 / 2.0
    return 4.0 * point.num_query_heads * point.head_dim * pairs


def _copy_efficiency(measurement: DeviceMeasurement, bandwidth: float) -> Found:
    name, points = "copy_efficiency_frac", measurement.copy
    if not points:
        return Missing(name=name, dtype="", reason="no copy was measured")
    logs = [math.log(point.moved_bytes / bandwidth / point.time_s) for point in points]
    return spread_estimate(name, "", logs, [point.time_log_sd_ratio for point in points])


def _launches(measurement: DeviceMeasurement) -> Iterator[Estimate]:
    for point in measurement.launch:
        name = f"{point.kind}_launch_s"
        yield bounded_estimate(name, "", math.log(point.time_s), point.time_log_sd_ratio, 1)


def _spread(name: str, dtype: str, logs: list[float], noises: list[float], what: str) -> Found:
    if len(logs) < _MIN_SPREAD_POINTS:
        reason = f"{len(logs)} {what} were long enough to outlast a launch; {_MIN_SPREAD_POINTS} are needed"
        return Missing(name=name, dtype=dtype, reason=reason)
    return spread_estimate(name, dtype, logs, noises)


def _above_peak(estimates: Sequence[Estimate], part: Accelerator) -> Iterator[str]:
    for one in estimates:
        if one.name.endswith("_frac") and one.value > 1.0:
            yield (
                f"{' '.join(filter(None, (one.dtype, one.name)))} is {one.value:.2f} of the peak that the catalogue"
                f" gives {part.id}: the device is another part, the catalogue is wrong, or a cache was measured"
            )

"""What `benchmarks/device/measure.py` found, as records: a point is one median time with the work that it took."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyPoint:
    """A copy within the device's memory; `moved_bytes` counts what was read and what was written."""

    moved_bytes: float
    time_s: float
    time_log_sd_ratio: float


@dataclass(frozen=True, kw_only=True, slots=True)
class GemmPoint:
    """A product of (rows, in) and a weight matrix of (in, out) that lies in memory, not in the cache."""

    dtype: str
    num_rows: int
    num_in_features: int
    num_out_features: int
    weight_bytes: float
    time_s: float
    time_log_sd_ratio: float


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodePoint:
    """Attention of one new token of each sequence to its cache of `context_tokens`, by `kernel`."""

    kernel: str
    dtype: str
    num_sequences: int
    context_tokens: float
    num_kv_heads: int
    num_query_heads: int
    head_dim: int
    cache_bytes: float
    time_s: float
    time_log_sd_ratio: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PrefillPoint:
    """Causal attention of whole prompts to themselves."""

    kernel: str
    dtype: str
    num_sequences: int
    input_tokens: float
    num_query_heads: int
    head_dim: int
    time_s: float
    time_log_sd_ratio: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LaunchPoint:
    """The smallest operation: `kind` eager, launched by the host, or graph, replayed by the device."""

    kind: str
    time_s: float
    time_log_sd_ratio: float


@dataclass(frozen=True, kw_only=True, slots=True)
class NotMeasured:
    """Something that the device, or the software on it, cannot do, and why."""

    what: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceMeasurement:
    """One file: the device, the software, the day, and all points."""

    device_name: str
    device_kind: str
    capability: str
    memory_bytes: float | None
    cache_bytes: float
    torch_version: str
    measured_on: date
    note: str
    copy: tuple[CopyPoint, ...]
    gemm: tuple[GemmPoint, ...]
    decode_attention: tuple[DecodePoint, ...]
    prefill_attention: tuple[PrefillPoint, ...]
    launch: tuple[LaunchPoint, ...]
    not_measured: tuple[NotMeasured, ...]

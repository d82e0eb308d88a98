"""One constant of a device with its spread, as a record that goes to a file and comes back."""

import math
from dataclasses import dataclass
from datetime import date
from statistics import median, stdev

_LEAST_LOG_SD_RATIO = 0.01
"""Clocks, temperatures and cards differ by a percent; no estimate claims to know better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A constant, `name` ending in its unit, of `dtype` where it has one; its logarithm is uncertain by `log_sd_ratio`.

    `num_points` measurements carry it. `log_sd_ratio` is the spread of the points, not the error of their mean.
    """

    name: str
    dtype: str
    value: float
    log_sd_ratio: float
    num_points: int

    @property
    def spread_factor(self) -> float:
        """One standard deviation as a factor: the value times or over this."""
        return math.exp(self.log_sd_ratio)


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """A constant that the points do not tell, and why."""

    name: str
    dtype: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceEfficiencies:
    """What one measurement says of one accelerator's constants: evidence under PyTorch's kernels, not the truth.

    `doubts` are sentences: efficiencies above 1, a name that may mean another part.
    """

    accelerator_id: str
    device_name: str
    measured_on: date
    torch_version: str
    estimates: tuple[Estimate, ...]
    missing: tuple[Missing, ...] = ()
    doubts: tuple[str, ...] = ()

    def estimate(self, name: str, dtype: str = "") -> Estimate | None:
        """The constant called `name`, of `dtype` or of the first that has it; None when the points do not tell.

        fp16 counts as bf16: one rate of the catalogue stands for both.
        """
        wanted = "bf16" if dtype == "fp16" else dtype
        of_name = (one for one in self.estimates if one.name == name)
        return next((one for one in of_name if not wanted or one.dtype in (wanted, "")), None)


def spread_estimate(name: str, dtype: str, logs: list[float], noises: list[float]) -> Estimate:
    """Median of the logs of several points, at least one, with their standard deviation and the clock's noise."""
    scatter = stdev(logs) if len(logs) > 1 else 0.0
    return bounded_estimate(name, dtype, median(logs), math.hypot(scatter, median(noises)), len(logs))


def bounded_estimate(name: str, dtype: str, log: float, log_sd_ratio: float, num_points: int) -> Estimate:
    """The constant of logarithm `log`; its spread is at least a percent."""
    return Estimate(
        name=name,
        dtype=dtype,
        value=math.exp(log),
        log_sd_ratio=max(log_sd_ratio, _LEAST_LOG_SD_RATIO),
        num_points=num_points,
    )

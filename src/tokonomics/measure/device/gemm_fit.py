"""Two efficiencies and the floor of matrix products, from their times: the GEMM term of a step, fitted.

    time = ((bytes / (bandwidth x memory))^4 + (flop a row x (rows + floor) / (rate x compute))^4)^(1/4)

is the form of `physics.step`; what is fitted are the logarithms of memory, compute and floor, by least squares of
the logarithm of the time (Levenberg's damping), from several starts because a floor can hide behind either term.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokonomics.measure.device.record import GemmPoint

Floats = NDArray[np.float64]

MIN_POINTS = 6
_FLOOR_STARTS_TOKENS = (2.0, 40.0, 400.0)
_LOG_STEP = 1e-5
_NUM_ROUNDS = 200
_FAINT = 1e-9  # keeps the inverse finite where no point depends on a constant, whose error is then huge
LARGEST_LOG = math.log(1e4)
"""Of an efficiency or a floor, either way: the search goes no further, and an end there tells nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GemmFit:
    """Fitted logarithms and their standard deviations, in the order memory, compute, floor.

    `ruling_frac` is the largest share that each has in the time of any point: near 0 where no point depends on it.
    """

    logs: tuple[float, float, float]
    log_sds: tuple[float, float, float]
    ruling_frac: tuple[float, float, float]
    residual_log_sd_ratio: float


def gemm_times_s(logs: Floats, points: Floats) -> Floats:
    """Times of `points`, rows of (read seconds at peak, seconds a row at peak, rows), seconds of shape (n,)."""
    memory, compute, floor_tokens = np.exp(logs)
    read_s, row_s, rows = points.T
    return np.asarray(np.hypot((read_s / memory) ** 2, (row_s * (rows + floor_tokens) / compute) ** 2) ** 0.5)


def fit_gemm(points: Sequence[GemmPoint], *, bandwidth_bytes_per_s: float, rate_flop_per_s: float) -> GemmFit | None:
    """Fit the points of one data type; None when fewer than six are given or the search does not end."""
    if len(points) < MIN_POINTS:
        return None
    table = np.array([_at_peak(point, bandwidth_bytes_per_s, rate_flop_per_s) for point in points])
    measured = np.log([point.time_s for point in points])
    fits = [_descend(start, table, measured) for start in _starts(table, measured)]
    logs = min(fits, key=lambda one: float(np.sum(_residuals(one, table, measured) ** 2)))
    return _with_spread(logs, table, measured, points) if np.all(np.isfinite(logs)) else None


def _at_peak(point: GemmPoint, bandwidth_bytes_per_s: float, rate_flop_per_s: float) -> tuple[float, float, float]:
    flop_per_row = 2.0 * point.num_in_features * point.num_out_features
    return point.weight_bytes / bandwidth_bytes_per_s, flop_per_row / rate_flop_per_s, float(point.num_rows)


def _starts(table: Floats, measured: Floats) -> list[Floats]:
    """The fastest read and the fastest rate of any point, with several floors."""
    read_s, row_s, rows = table.T
    memory, compute = np.max(np.log(read_s) - measured), np.max(np.log(row_s * rows) - measured)
    return [np.array([memory, compute, np.log(floor)]) for floor in _FLOOR_STARTS_TOKENS]


def _residuals(logs: Floats, table: Floats, measured: Floats) -> Floats:
    return np.asarray(measured - np.log(gemm_times_s(logs, table)))


def _slopes(logs: Floats, table: Floats) -> Floats:
    """Change of each log time by each log constant, shape (n, 3)."""
    steps = np.eye(3) * _LOG_STEP
    columns = [np.log(gemm_times_s(logs + step, table) / gemm_times_s(logs - step, table)) for step in steps]
    return np.stack(columns, axis=1) / (2.0 * _LOG_STEP)


def _descend(logs: Floats, table: Floats, measured: Floats) -> Floats:
    """Levenberg's method: a step that does not help is damped tenfold, one that does frees the next."""
    damping, residuals = 1e-3, _residuals(logs, table, measured)
    for _ in range(_NUM_ROUNDS):
        slopes = _slopes(logs, table)
        step = np.linalg.solve(slopes.T @ slopes + damping * np.eye(3), slopes.T @ residuals)
        moved = np.clip(logs + step, -LARGEST_LOG, LARGEST_LOG)
        found = _residuals(moved, table, measured)
        if found @ found < residuals @ residuals:
            gain = 1.0 - (found @ found) / (residuals @ residuals)
            logs, residuals, damping = moved, found, max(damping / 10.0, 1e-12)
            if gain < 1e-12:
                break
        else:
            damping *= 10.0
            if damping > 1e8:
                break
    return logs


def _with_spread(logs: Floats, table: Floats, measured: Floats, points: Sequence[GemmPoint]) -> GemmFit:
    """Spread of a constant: the misfit and noise of the points that it rules, and its standard error.

    Points of one device share what the form leaves out, so the misfit is not divided by their number; it is divided
    by how far the constant moves the time where it rules most, which turns it into a misfit of the constant.
    """
    residuals, slopes = _residuals(logs, table, measured), _slopes(logs, table)
    noise = np.array([point.time_log_sd_ratio for point in points]) ** 2
    variance = float(residuals @ residuals) / max(len(points) - 3, 1) + float(noise.mean())
    weights = slopes**2
    misfit = (weights * (residuals**2 + noise)[:, None]).sum(0) / np.maximum(weights.sum(0), 1e-300)
    error = variance * np.diag(np.linalg.inv(slopes.T @ slopes + _FAINT * np.eye(3)))
    ruling = np.abs(slopes).max(axis=0)
    sds = np.sqrt(misfit / np.maximum(ruling, 1e-9) ** 2 + error)
    return GemmFit(
        logs=(float(logs[0]), float(logs[1]), float(logs[2])),
        log_sds=(float(sds[0]), float(sds[1]), float(sds[2])),
        ruling_frac=(float(ruling[0]), float(ruling[1]), float(ruling[2])),
        residual_log_sd_ratio=float(np.sqrt(np.mean(residuals**2))),
    )

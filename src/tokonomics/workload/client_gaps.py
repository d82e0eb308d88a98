"""Gaps of many clients at once, each client's adding up to 1, with a given coefficient of variation each.

All functions take num_requests, shape (clients,), and give the clients' gaps one after another, shape (requests,).
n gaps that add up to 1 cannot have a CV above sqrt(n - 1): a client that should takes nearly that.

Gaps are drawn in single precision, whose error of 1e-7 of a gap is nothing beside their spread, and added up in double.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.prefix import IntArray
from tokonomics.workload.renewal import weibull_exponent

_Singles = NDArray[np.float32]

_LEAST_SHAPE: Final = 1e-3
_MOST_SHAPE: Final = 1e6
_LEAST_GAP: Final = 1e-37
_MOST_POWER: Final = 60.0
_REACHABLE: Final = 0.98
_TOLERANCE: Final = 0.01
_MAX_ROUNDS: Final = 8


def gamma_gap_frac(rng: np.random.Generator, num_requests: IntArray, cv: FloatArray) -> FloatArray:
    """Gamma gaps scaled to their sum (a Dirichlet). Their squared CV is cv^2 on average, at any number of requests.

    The squared CV of n such gaps is (n - 1)/(n a + 1) on average, so the shape a follows from cv and n.
    """
    if not num_requests.size:
        return np.empty(0)
    wanted = np.maximum(cv, 1e-6) ** -2.0
    shapes = (((num_requests - 1) * wanted - 1.0) / num_requests).clip(_LEAST_SHAPE, _MOST_SHAPE)
    logs = _log_gammas(rng, shapes.astype(np.float32), num_requests)
    return _scaled(
        np.exp(logs - np.repeat(np.maximum.reduceat(logs, _firsts(num_requests)), num_requests)), num_requests
    )


def weibull_gap_frac(rng: np.random.Generator, num_requests: IntArray, cv: FloatArray) -> FloatArray:
    """Weibull gaps scaled to their sum, of the shape at which these very draws have the CV.

    A Weibull draw is a power of an exponential one, so the power is sought by Newton's method on the draws: a tail as
    heavy as a CV of 10 asks for is seldom seen whole in a few thousand draws, and would come out less bursty.
    """
    if not num_requests.size:
        return np.empty(0)
    drawn = rng.standard_exponential(int(num_requests.sum()), dtype=np.float32)
    logs = np.log(np.maximum(drawn, np.float32(_LEAST_GAP)))
    logs -= np.repeat(np.maximum.reduceat(logs, _firsts(num_requests)), num_requests)
    target = np.minimum(cv**2.0, _REACHABLE * (num_requests - 1)) + 1.0
    power = np.minimum(1.0 / weibull_exponent(np.sqrt(np.maximum(target - 1.0, 1e-12))), _MOST_POWER)
    _seek_powers(power, logs, num_requests, target)
    return _scaled(np.exp(logs * np.repeat(power.astype(np.float32), num_requests)), num_requests)


def _log_gammas(rng: np.random.Generator, shapes: _Singles, num_requests: IntArray) -> _Singles:
    """Logarithms of Gamma draws, after Marsaglia and Tsang; a shape below 1 is drawn at 1 more, and shrunk."""
    small = shapes < 1.0
    thirds = np.where(small, shapes + 1.0, shapes) - np.float32(1.0 / 3.0)
    centre = np.repeat(thirds, num_requests)
    logs = np.empty(centre.size, dtype=np.float32)
    open_rows = _try_gammas(rng, centre, logs, None)
    while open_rows.size:
        open_rows = open_rows[_try_gammas(rng, centre[open_rows], logs, open_rows)]
    logs += np.log(centre)
    if small.any():
        rows = np.repeat(small, num_requests)
        shrink = np.repeat(shapes[small], num_requests[small])
        logs[rows] -= rng.standard_exponential(shrink.size, dtype=np.float32) / shrink
    return logs


def _try_gammas(rng: np.random.Generator, centre: _Singles, logs: _Singles, rows: IntArray | None) -> IntArray:
    """One attempt at each draw, written to `rows` of `logs` (None: to all); which attempts failed."""
    normal = rng.standard_normal(centre.size, dtype=np.float32)
    cube = np.float32(1.0) + normal / np.sqrt(np.float32(9.0) * centre)
    cube *= cube * cube
    log_cube = np.log(np.maximum(cube, np.float32(_LEAST_GAP)))
    bound = np.float32(0.5) * normal * normal + centre * (np.float32(1.0) - cube + log_cube)
    if rows is None:
        logs[:] = log_cube
    else:
        logs[rows] = log_cube
    taken = (cube > 0.0) & (rng.standard_exponential(centre.size, dtype=np.float32) > -bound)
    return np.flatnonzero(~taken)


def _seek_powers(power: FloatArray, logs: _Singles, num_requests: IntArray, target: FloatArray) -> None:
    """Bring `power` to where the draws of each client have its CV; clients that are there take no further part."""
    enough = _TOLERANCE * np.maximum(2.0 * (1.0 - 1.0 / target), _TOLERANCE)
    clients = np.arange(power.size)
    for _ in range(_MAX_ROUNDS):
        num, at = num_requests[clients], _firsts(num_requests[clients])
        gaps = np.exp(logs * np.repeat(power[clients].astype(np.float32), num))
        squares = gaps * gaps
        sums, square_sums = np.add.reduceat(gaps, at), np.add.reduceat(squares, at)
        miss = np.log(num * square_sums.astype(float) / sums.astype(float) ** 2 / target[clients])
        far = np.abs(miss) > enough[clients]
        if not far.any():
            return
        slope = 2.0 * (np.add.reduceat(squares * logs, at) / square_sums - np.add.reduceat(gaps * logs, at) / sums)
        was = power[clients]
        better = (was - miss / np.maximum(slope, 1e-9)).clip(0.5 * was, 2.0 * was).clip(1e-3, _MOST_POWER)
        power[clients[far]] = better[far]
        if not far.all():
            logs, clients = logs[np.repeat(far, num)], clients[far]


def _scaled(gaps: _Singles, num_requests: IntArray) -> FloatArray:
    """Gaps over the sum of their client's."""
    wide = np.maximum(gaps, np.float32(_LEAST_GAP)).astype(np.float64)
    return np.asarray(wide / np.repeat(np.add.reduceat(wide, _firsts(num_requests)), num_requests))


def _firsts(num_requests: IntArray) -> IntArray:
    return np.asarray(np.cumsum(num_requests) - num_requests)

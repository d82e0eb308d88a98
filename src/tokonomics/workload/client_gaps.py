"""Gaps of many clients at once, each client's adding up to 1, with a given coefficient of variation each.

All functions take num_requests, shape (clients,), and give the clients' gaps one after another, shape (requests,).
n gaps that add up to 1 cannot have a CV above sqrt(n - 1): a client that should takes nearly that.
"""

from typing import Final

import numpy as np

from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.prefix import IntArray
from tokonomics.workload.renewal import weibull_exponent

_LEAST_SHAPE: Final = 1e-3
_MOST_SHAPE: Final = 1e6
_LEAST_GAP: Final = 1e-300
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
    drawn = [rng.standard_gamma(shape, num) for shape, num in zip(shapes.tolist(), num_requests.tolist())]
    gaps = np.maximum(np.concatenate(drawn), _LEAST_GAP)
    return np.asarray(gaps / np.repeat(np.add.reduceat(gaps, _firsts(num_requests)), num_requests))


def weibull_gap_frac(rng: np.random.Generator, num_requests: IntArray, cv: FloatArray) -> FloatArray:
    """Weibull gaps scaled to their sum, of the shape at which these very draws have the CV.

    A Weibull draw is a power of an exponential one, so the power is sought by Newton's method on the draws: a tail as
    heavy as a CV of 10 asks for is seldom seen whole in a few thousand draws, and would come out less bursty.
    """
    if not num_requests.size:
        return np.empty(0)
    logs = np.log(np.maximum(rng.standard_exponential(int(num_requests.sum())), _LEAST_GAP))
    firsts = _firsts(num_requests)
    logs -= np.repeat(np.maximum.reduceat(logs, firsts), num_requests)
    target = np.minimum(cv**2.0, _REACHABLE * (num_requests - 1)) + 1.0
    power = np.minimum(1.0 / weibull_exponent(np.sqrt(np.maximum(target - 1.0, 1e-12))), _MOST_POWER)
    enough = _TOLERANCE * np.maximum(2.0 * (1.0 - 1.0 / target), _TOLERANCE)
    for _ in range(_MAX_ROUNDS):
        gaps = np.exp(logs * np.repeat(power, num_requests))
        sums = np.add.reduceat(gaps, firsts)
        squares = gaps * gaps
        square_sums = np.add.reduceat(squares, firsts)
        miss = np.log(num_requests * square_sums / sums**2 / target)
        if not (np.abs(miss) > enough).any():
            break
        slope = 2.0 * (
            np.add.reduceat(squares * logs, firsts) / square_sums - np.add.reduceat(gaps * logs, firsts) / sums
        )
        power = (power - miss / np.maximum(slope, 1e-9)).clip(0.5 * power, 2.0 * power).clip(1e-3, _MOST_POWER)
    return np.asarray(gaps / np.repeat(sums, num_requests))


def _firsts(num_requests: IntArray) -> IntArray:
    return np.asarray(np.cumsum(num_requests) - num_requests)

"""Quantiles of Student's t for whole degrees of freedom, from the finite series (Abramowitz and Stegun 26.7)."""

import math


def t_quantile(confidence_frac: float, num_freedom: int) -> float:
    """The t within which `confidence_frac` of the distribution lies, both sides together; found by bisection.

    >>> round(t_quantile(0.95, 3), 3), round(t_quantile(0.95, 10), 3), round(t_quantile(0.95, 1), 2)
    (3.182, 2.228, 12.71)
    """
    low, high = 0.0, 1.0
    while _within(high, num_freedom) < confidence_frac:
        high *= 2.0
    for _ in range(100):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _within(middle, num_freedom) < confidence_frac else (low, middle)
    return high


def _within(t: float, num_freedom: int) -> float:
    """The chance of lying within -t..t."""
    angle = math.atan2(t, math.sqrt(num_freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = num_freedom % 2
    term = cosine if is_odd else 1.0
    total = 0.0
    for step in range(1 + is_odd, num_freedom, 2):
        total += term
        term *= cosine * cosine * step / (step + 1)
    return 2.0 / math.pi * (angle + sine * total) if is_odd else sine * total

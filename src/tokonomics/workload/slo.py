"""Service level objectives: a latency metric, how it is summed up over requests, and its limit.

A limit without a percentile says nothing, so none is assumed: "ttft=1s" is refused, "ttft_p95=1s" is read.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tokonomics.errors import InputError, nearest_names, raise_all
from tokonomics.units import MS

# Time to the first token; mean gap between the later ones; whole request. By request, from its arrival.
METRICS: Final = ("ttft", "itl", "e2e")
MAX_LIMIT_S: Final = 30 * 86400.0

_EXAMPLE = "write e.g. 'ttft_p95=1s,itl_p95=50ms'"
_ALIASES = {"tpot": "itl", "tbt": "itl", "latency": "e2e"}
_TERM = re.compile(r"(?P<name>[^<=≤]+?)\s*(?:<=|≤|<|=)\s*(?P<limit>[^<=≤]+)")
_NAME = re.compile(r"(?P<metric>[a-z0-9]+?)(?:_(?P<stat>mean|p[0-9.]+))?(?:_(?P<unit>s|ms))?")
_LIMIT = re.compile(r"(?P<number>[-+]?(?:[0-9.]+(?:e[-+]?[0-9]+)?|nan|inf))\s*(?P<unit>s|ms|)")

Percentile = float | Literal["mean"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SloLimit:
    """One limit: `percentile` (above 0, below 100, or "mean") of `metric` over requests is at most `limit_s`.

    >>> str(SloLimit(metric="ttft", percentile=95, limit_s=0.5))
    'ttft_p95=500ms'
    """

    metric: str
    percentile: Percentile
    limit_s: float

    def __post_init__(self) -> None:
        raise_all(_metric_problems(self.metric) + _percentile_problems(self) + _limit_problems(self))

    @property
    def name(self) -> str:
        """Metric and percentile, such as "ttft_p99.9" or "e2e_mean"."""
        stat = "mean" if self.percentile == "mean" else f"p{_plain(float(self.percentile))}"
        return f"{self.metric}_{stat}"

    def measured_s(self, sample_s: NDArray[np.float64]) -> float:
        """The limited statistic of `sample_s`, one latency in seconds per request; needs at least one.

        >>> SloLimit(metric="e2e", percentile=50, limit_s=2).measured_s(np.array([1.0, 2.0, 4.0]))
        2.0
        """
        stat = np.mean(sample_s) if self.percentile == "mean" else np.percentile(sample_s, self.percentile)
        return float(stat)

    def __str__(self) -> str:
        """The term as `parse_slo` reads it, exact to the last bit."""
        limit_ms = self.limit_s / MS
        if self.limit_s < 1.0 and limit_ms * MS == self.limit_s:
            return f"{self.name}={_plain(limit_ms)}ms"
        return f"{self.name}={_plain(self.limit_s)}s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Slo:
    """Limits that must all be met; `Slo(limits=())` demands nothing."""

    limits: tuple[SloLimit, ...]

    def __post_init__(self) -> None:
        raise_all(_duplicate_problems(self.limits))

    def limits_of(self, metric: str) -> tuple[SloLimit, ...]:
        """The limits on `metric`, in the order given."""
        return tuple(limit for limit in self.limits if limit.metric == metric)

    def __str__(self) -> str:
        """The text that `parse_slo` reads back to an equal Slo."""
        return ",".join(str(limit) for limit in self.limits)


def parse_slo(text: str) -> Slo:
    """Read comma-separated limits: metric_percentile=limit, "=" or "<=", limit in s, ms or plain seconds.

    Raises:    InputError with every term that is wrong, not only the first.

    >>> parse_slo("ttft_p95=1s, itl_p95 <= 50ms").limits[1]
    SloLimit(metric='itl', percentile=95.0, limit_s=0.05)
    """
    terms = [term.strip() for term in re.split(r"[,;]", text)]
    if not any(terms):
        raise InputError(f"slo is empty; {_EXAMPLE}")
    limits: list[SloLimit] = []
    problems: list[str] = []
    for term in terms:
        try:
            limits.append(_parse_term(term))
        except InputError as error:
            problems += [f"slo term {term!r}: {problem}" for problem in error.violations]
    raise_all(problems + _duplicate_problems(limits))
    return Slo(limits=tuple(limits))


def _parse_term(term: str) -> SloLimit:
    halves = _TERM.fullmatch(term.lower())
    if not halves:
        raise InputError(f"is not metric_percentile=limit; {_EXAMPLE}")
    name, limit = _NAME.fullmatch(halves["name"]), _LIMIT.fullmatch(halves["limit"].strip())
    problems: list[str] = []
    if not name:
        problems.append(f"{halves['name']!r} is not a metric with a percentile; {_EXAMPLE}")
    else:
        problems += _metric_problems(name["metric"])
        if not name["stat"]:
            problems.append(_no_percentile(name["metric"]))
    if not limit:
        problems.append(f"limit={halves['limit']!r} is not a time; write 0.5s, 500ms or plain seconds")
    raise_all(problems)
    assert name
    assert limit
    limit_s = _number(limit["number"]) * (MS if (limit["unit"] or name["unit"]) == "ms" else 1.0)
    return SloLimit(metric=name["metric"], percentile=_percentile(name["stat"]), limit_s=limit_s)


def _percentile(stat: str) -> Percentile:
    return "mean" if stat == "mean" else _number(stat[1:])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{text!r} is not a number") from None


def _plain(value: float) -> str:
    return np.format_float_positional(value, trim="-")


def _no_percentile(metric: str) -> str:
    return (
        f"{metric} names no percentile, so the limit could mean the best or the worst request; "
        f"write {metric}_p50, {metric}_p95, {metric}_p99 or {metric}_mean"
    )


def _metric_problems(metric: str) -> list[str]:
    if metric in METRICS:
        return []
    hint = _ALIASES.get(metric) or nearest_names(metric, METRICS)[0]
    return [f"unknown metric {metric!r}; known: {', '.join(METRICS)}; did you mean {hint}"]


def _percentile_problems(limit: SloLimit) -> list[str]:
    value: object = limit.percentile
    if value == "mean" or (isinstance(value, int | float) and 0.0 < value < 100.0):
        return []
    return [f"percentile={value}; limit=above 0 and below 100; use p50, p90, p95, p99, p99.9 or mean"]


def _limit_problems(limit: SloLimit) -> list[str]:
    if math.isfinite(limit.limit_s) and 0.0 < limit.limit_s <= MAX_LIMIT_S:
        return []
    allowed = f"limit=above 0 and at most {MAX_LIMIT_S:.0f} s"
    return [f"{limit.metric} limit={limit.limit_s} s; {allowed}; write e.g. 0.5s or 50ms"]


def _duplicate_problems(limits: Sequence[SloLimit]) -> list[str]:
    names = [limit.name for limit in limits]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"slo limits {name} more than once; keep one" for name in twice]

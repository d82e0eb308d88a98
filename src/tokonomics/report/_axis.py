"""The axis of a text chart: from values to dots, and the round values that label it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10


@dataclass(frozen=True, slots=True)
class Axis:
    """A span of values (their log10 on a log axis) over `num_dots` dots."""

    low: float
    high: float
    num_dots: int
    log: bool

    def dot(self, value: float) -> int:
        """The dot of a value inside the span, from 0."""
        scaled = log10(value) if self.log else value
        return round((scaled - self.low) / (self.high - self.low) * (self.num_dots - 1))

    def ticks(self, most: int) -> list[float]:
        """Round values inside the axis, at most `most` where that leaves any."""
        for steps in _tick_steps(self.low, self.high, self.log):
            inside = [tick for tick in steps if self._holds(tick)]
            if len(inside) <= max(most, 2):
                break
        return inside

    def _holds(self, tick: float) -> bool:
        scaled = log10(tick) if self.log else tick
        return self.low - 1e-9 <= scaled <= self.high + 1e-9


def _tick_steps(low: float, high: float, log: bool) -> Iterator[list[float]]:
    """Yield ever sparser candidate ticks: 1-2-5, then whole decades; on a linear axis ever longer steps."""
    if log:
        decades = range(floor(low), ceil(high) + 1)
        for leads in ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,)):
            yield [lead * 10.0**decade for decade in decades for lead in leads]
        yield [10.0**decade for decade in decades if decade % 3 == 0]
        return
    step = 10.0 ** floor(log10((high - low) / 20))
    for factor in (1, 2, 5, 10, 20, 50):
        first = ceil(low / (step * factor))
        yield [n * step * factor for n in range(first, floor(high / (step * factor)) + 1)]


def tick_text(tick: float) -> str:
    """At most 9 characters, the room of a label."""
    if abs(tick) < 1e6 and tick == round(tick):
        return f"{tick:,.0f}"
    return f"{tick:.4g}" if 1e-3 <= abs(tick) < 1e4 else f"{tick:.2g}"


def shows(value: float, log: bool) -> bool:
    """Whether an axis has a place for `value`: a log axis has none for zero and below."""
    return isfinite(value) and (value > 0 or not log)


def axis_over(values: list[float], num_dots: int, log: bool) -> Axis:
    """The axis from the least to the largest of `values`, with room around a single one."""
    low, high = min(values), max(values)
    low, high = (log10(low), log10(high)) if log else (low, high)
    if high - low < 1e-9 * max(1.0, abs(high)):
        pad = 0.5 if log else max(abs(high) * 0.1, 1.0)
        low, high = low - pad, high + pad
    return Axis(low, high, num_dots, log)

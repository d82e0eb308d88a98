"""Which assumption an answer hangs on: one input moved at a time, the widest swing first (a tornado)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks

Figure = float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TornadoBar:
    """One input at its low and its high value, and the outcome at each (None: no outcome, such as "never").

    `swing_ratio` is the distance of the two outcomes over the outcome at the base; infinite where one of them
    does not exist, so that such an input comes first.
    """

    name: str
    inputs: tuple[float, float]
    outcomes: tuple[Figure, Figure]
    swing_ratio: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Tornado:
    """The outcome with every input at its base value, and one bar an input, the widest first."""

    base: Mapping[str, float]
    outcome: Figure
    bars: tuple[TornadoBar, ...]


def tornado(
    function: Callable[[Mapping[str, float]], Figure],
    *,
    base: Mapping[str, float],
    spans: Mapping[str, tuple[float, float]],
) -> Tornado:
    """Move each input of `spans` from low to high, the others at `base`; order the inputs by their effect.

    `function` takes all inputs by name and gives one number, or None where there is none.
    Raises: InputError for a span of a name that is not in `base`, or whose low end exceeds its high end.

    >>> result = tornado(lambda x: x["a"] * x["b"], base={"a": 2, "b": 3}, spans={"a": (1, 2), "b": (1, 9)})
    >>> [bar.name for bar in result.bars], result.bars[0].outcomes
    (['b', 'a'], (2.0, 18.0))
    """
    _check(base, spans)
    outcome = _evaluate(function, base)
    bars = [_bar(function, base, name, span, outcome) for name, span in spans.items()]
    bars.sort(key=lambda bar: (-bar.swing_ratio, bar.name))
    return Tornado(base=dict(base), outcome=outcome, bars=tuple(bars))


def sweep(
    function: Callable[[Mapping[str, float]], Figure],
    *,
    base: Mapping[str, float],
    name: str,
    values: Sequence[float],
) -> tuple[Figure, ...]:
    """The outcome at each of `values` of one input, the others at `base`."""
    _check(base, {name: (0.0, 0.0)})
    return tuple(_evaluate(function, {**base, name: value}) for value in values)


def _check(base: Mapping[str, float], spans: Mapping[str, tuple[float, float]]) -> None:
    checks = Checks()
    for name, (low, high) in spans.items():
        checks.that(name in base, f"{name} has a range but no base value; known: {', '.join(sorted(base))}")
        checks.that(low <= high, f"{name}: low={low:g} exceeds high={high:g}; swap them")
    checks.done()


def _evaluate(function: Callable[[Mapping[str, float]], Figure], inputs: Mapping[str, float]) -> Figure:
    outcome = function(inputs)
    return None if outcome is None else float(outcome)


def _bar(
    function: Callable[[Mapping[str, float]], Figure],
    base: Mapping[str, float],
    name: str,
    span: tuple[float, float],
    outcome: Figure,
) -> TornadoBar:
    low, high = (_evaluate(function, {**base, name: value}) for value in span)
    return TornadoBar(name=name, inputs=span, outcomes=(low, high), swing_ratio=_swing_ratio(low, high, outcome))


def _swing_ratio(low: Figure, high: Figure, outcome: Figure) -> float:
    if low is None and high is None:
        return 0.0
    if low is None or high is None:
        return float("inf")
    return abs(high - low) / abs(outcome) if outcome else abs(high - low)

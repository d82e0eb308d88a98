"""How a rate moves over time, around its mean: by the hour of the day and the day of the week, or at random."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tokonomics.errors import InputError, raise_all
from tokonomics.units import SECONDS_PER_DAY, SECONDS_PER_HOUR
from tokonomics.workload.arrivals import MAX_SPAN_S, FloatArray
from tokonomics.workload.bounds import positive_problems, range_problems

_MAX_STEPS: Final = 10_000_000
_STEPS_PER_DAY: Final = 96


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RateShape:
    """Rate over mean rate in steps of `step_s`, shape (steps,), repeated for ever. Only ratios count: mean is 1."""

    step_s: float
    rate_factor: FloatArray

    def __post_init__(self) -> None:
        raise_all(_shape_problems(self.step_s, self.rate_factor))
        object.__setattr__(self, "rate_factor", self.rate_factor / self.rate_factor.mean())

    @property
    def period_s(self) -> float:
        """Seconds until the shape repeats."""
        return self.step_s * self.rate_factor.size

    def over_factor(self, span_s: float) -> FloatArray:
        """The factor of every step in [0, span_s), shape (steps,); the last step may reach beyond."""
        num_steps = int(np.ceil(span_s / self.step_s))
        if num_steps > _MAX_STEPS:
            raise InputError(f"{num_steps} steps of {self.step_s:g} s; limit={_MAX_STEPS}; use longer steps")
        return np.resize(self.rate_factor, num_steps)


@dataclass(frozen=True, kw_only=True, slots=True)
class RateStates:
    """States that a rate jumps between at random: a Markov-modulated process.

    rate_factors: rate over mean rate in each state (only ratios count).  dwell_s: mean time in each, exponential.
    After a state comes any other with equal chance, so time in each is in proportion to its dwell.
    """

    rate_factors: tuple[float, ...]
    dwell_s: tuple[float, ...]

    def __post_init__(self) -> None:
        raise_all(_state_problems(self.rate_factors, self.dwell_s))

    @property
    def mean_factor(self) -> float:
        """Mean of the factors over time."""
        return float(np.average(self.rate_factors, weights=self.dwell_s))


def week_shape(hour_factors: Sequence[float], day_factors: Sequence[float] = (1.0,) * 7) -> RateShape:
    """A week of 168 hours: the factor of the hour times that of the day; time 0 is midnight before the first day.

    >>> week_shape([1.0] * 12 + [3.0] * 12).rate_factor[[0, 12, 24]].tolist()
    [0.5, 1.5, 0.5]
    """
    lengths = (len(hour_factors), len(day_factors))
    if lengths != (24, 7):
        raise InputError(f"{lengths[0]} hours and {lengths[1]} days; limit=24 and 7; give one factor for each")
    return RateShape(step_s=SECONDS_PER_HOUR, rate_factor=np.outer(day_factors, hour_factors).ravel())


def sine_day_shape(peak_ratio: float, *, peak_hour: float = 12.0) -> RateShape:
    """A day whose rate is a sine around the mean, in quarters of an hour; `peak_ratio` is peak over mean, 1 to 2.

    >>> float(sine_day_shape(1.5, peak_hour=14.125).rate_factor.max().round(9))
    1.5
    """
    raise_all(
        range_problems("peak_ratio", peak_ratio, 1.0, 2.0, "a sine has its trough at 2 - peak; use week_shape beyond")
        + range_problems("peak_hour", peak_hour, 0.0, 24.0, "give the hour of the day")
    )
    hours = (np.arange(_STEPS_PER_DAY) + 0.5) * 24.0 / _STEPS_PER_DAY
    factors = 1.0 + (peak_ratio - 1.0) * np.cos(2.0 * np.pi * (hours - peak_hour) / 24.0)
    return RateShape(step_s=SECONDS_PER_DAY / _STEPS_PER_DAY, rate_factor=np.maximum(factors, 0.0))


def state_path(states: RateStates, rng: np.random.Generator, span_s: float) -> tuple[FloatArray, FloatArray]:
    """When the rate changes and what it is from then on, over mean: times from 0 up, s; factors; shape (jumps,) each.

    The first state is drawn by time spent, so there is no warming up.
    """
    dwell_s = np.asarray(states.dwell_s)
    factors = np.asarray(states.rate_factors) / states.mean_factor
    num_jumps = span_s / dwell_s.mean()
    if num_jumps > _MAX_STEPS:
        raise InputError(f"{num_jumps:.3g} changes of state; limit={_MAX_STEPS}; use longer dwells or a shorter span")
    now_s, state = 0.0, int(rng.choice(dwell_s.size, p=dwell_s / dwell_s.sum()))
    times_s, path = [], []
    while now_s < span_s:
        times_s.append(now_s)
        path.append(state)
        now_s += rng.standard_exponential() * dwell_s[state]
        state = (state + 1 + int(rng.integers(dwell_s.size - 1))) % dwell_s.size
    return np.array(times_s), factors[path]


def _shape_problems(step_s: float, factors: FloatArray) -> list[str]:
    problems = positive_problems("step_s", step_s, "s", most=MAX_SPAN_S)
    if not 0 < factors.size <= _MAX_STEPS or not (np.isfinite(factors) & (factors >= 0.0)).all() or not factors.any():
        problems.append(
            "rate_factor is empty, negative or all 0; limit=0 or more, one above 0; give ratios to the mean"
        )
    return problems


def _state_problems(factors: tuple[float, ...], dwells_s: tuple[float, ...]) -> list[str]:
    if len(factors) < 2 or len(factors) != len(dwells_s):
        counts = f"{len(factors)} rate_factors and {len(dwells_s)} dwell_s"
        return [f"{counts}; limit=as many of each, 2 or more; give both for every state"]
    problems = [one for dwell_s in dwells_s for one in positive_problems("dwell_s", dwell_s, "s", most=MAX_SPAN_S)]
    for factor in factors:
        problems += range_problems("rate_factors", factor, 0.0, 1e6, "give the rate of the state over the mean rate")
    if not problems and not any(factors):
        problems.append("rate_factors are all 0; limit=one above 0; give a state with requests")
    return problems

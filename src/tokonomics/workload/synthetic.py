"""Traffic made up from a rate, lengths and burstiness, where there is no trace to replay.

Arrivals at one request per unit of work are drawn first, then work is mapped to time by the rate: so a moving rate
stretches gaps but leaves them as bursty as they were.
"""

import numpy as np

from tokonomics.errors import raise_all
from tokonomics.workload.arrivals import MAX_SPAN_S, FloatArray
from tokonomics.workload.bounds import MAX_REQUESTS_PER_S, positive_problems
from tokonomics.workload.copies import checked_num_requests
from tokonomics.workload.rate_shape import RateShape, RateStates, state_path
from tokonomics.workload.record import Traffic
from tokonomics.workload.renewal import GapFamily, family_problems, unit_arrivals_s
from tokonomics.workload.trace import Trace


def synthetic_arrivals_s(
    rng: np.random.Generator,
    *,
    requests_per_s: float,
    span_s: float,
    cv: float = 1.0,
    family: GapFamily = "gamma",
    shape: RateShape | None = None,
    states: RateStates | None = None,
) -> FloatArray:
    """Sorted arrivals in [0, span_s), in seconds: gaps of `family` and `cv` at a rate that moves with shape and states.

    `requests_per_s` is the mean over whole periods of the shape and over long times in the states.
    Raises:    InputError with every argument that is out of bounds, or more requests than memory holds.
    """
    raise_all(
        positive_problems("requests_per_s", requests_per_s, "requests/s", most=MAX_REQUESTS_PER_S)
        + positive_problems("span_s", span_s, "s", most=MAX_SPAN_S)
        + family_problems(family, cv)
    )
    times_s, work = _work_done(rng, requests_per_s, span_s, shape, states)
    checked_num_requests(float(work[-1]))
    unit = unit_arrivals_s(rng, float(work[-1]), cv=cv, family=family)
    return np.asarray(np.minimum(np.interp(unit, work, times_s), np.nextafter(span_s, 0.0)))


def synthetic_trace(
    traffic: Traffic,
    rng: np.random.Generator,
    *,
    span_s: float,
    family: GapFamily = "gamma",
    shape: RateShape | None = None,
    states: RateStates | None = None,
) -> Trace:
    """Requests like those of `traffic` over `span_s`: its mean rate and CV, lengths drawn in pairs from its sample.

    Without `shape`, the rate moves as the traffic's own series does, where it has one.
    """
    if shape is None and traffic.rate_series_requests_per_s is not None and traffic.window_s is not None:
        shape = RateShape(step_s=traffic.window_s, rate_factor=traffic.rate_series_requests_per_s)
    arrivals_s = synthetic_arrivals_s(
        rng,
        requests_per_s=traffic.requests_per_s,
        span_s=span_s,
        cv=1.0 if family == "poisson" else traffic.arrival_cv,
        family=family,
        shape=shape,
        states=states,
    )
    drawn = rng.integers(0, traffic.input_tokens.size, arrivals_s.size)
    moving = [word for word, given in (("shape", shape), ("states", states)) if given is not None]
    return Trace(
        name=traffic.name,
        format="synthetic",
        input_tokens=traffic.input_tokens[drawn],
        output_tokens=traffic.output_tokens[drawn],
        arrivals_s=arrivals_s,
        reasoning_frac=traffic.reasoning_frac,
        notes=(f"made up: {family} gaps, rate of {traffic.requests_per_s:.4g} requests/s", *moving),
    )


def _work_done(
    rng: np.random.Generator, requests_per_s: float, span_s: float, shape: RateShape | None, states: RateStates | None
) -> tuple[FloatArray, FloatArray]:
    """Times from 0 to span_s and the expected number of requests before each; straight lines in between."""
    fixed = np.ones(1) if shape is None else shape.over_factor(span_s)
    steps_s = np.arange(fixed.size) * (span_s if shape is None else shape.step_s)
    jumps_s, drawn = (np.zeros(1), np.ones(1)) if states is None else state_path(states, rng, span_s)
    begins_s = np.union1d(steps_s, jumps_s)
    factors = (
        fixed[np.searchsorted(steps_s, begins_s, side="right") - 1]
        * drawn[np.searchsorted(jumps_s, begins_s, side="right") - 1]
    )
    times_s = np.append(begins_s, span_s)
    work = np.concatenate([[0.0], np.cumsum(factors * np.diff(times_s) * requests_per_s)])
    return times_s, work

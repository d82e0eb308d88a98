"""What is asked of a service, from whatever the user knows: a rate, a number of users, tokens a month, a trace.

Ask for traffic, never for utilisation. All constructors make the same record, whose `source` says in a sentence
where its numbers came from.
"""

from numpy.typing import ArrayLike

from tokonomics.errors import raise_all
from tokonomics.units import SECONDS_PER_MONTH
from tokonomics.workload.bounds import (
    MAX_REQUESTS_PER_S,
    as_lengths,
    length_problems,
    positive_problems,
    range_problems,
)
from tokonomics.workload.from_trace import traffic_from_trace
from tokonomics.workload.record import Traffic, share_problems

__all__ = [
    "Traffic",
    "traffic_from_rate",
    "traffic_from_tokens_per_month",
    "traffic_from_trace",
    "traffic_from_users",
]

_CONSTANT = "every request has these lengths; arrivals and peak are assumed"


def traffic_from_rate(
    requests_per_s: float,
    input_tokens: ArrayLike,
    output_tokens: ArrayLike,
    *,
    arrival_cv: float = 1.0,
    peak_ratio: float = 1.0,
    cached_input_frac: float = 0.0,
    reasoning_frac: float = 0.0,
    name: str = "stated rate",
    source: str = f"rate and lengths as stated; {_CONSTANT}",
) -> Traffic:
    """Traffic of a stated rate. A single length is taken as a constant; a sequence as one length per request.

    Args:      requests_per_s: mean rate.  peak_ratio: peak over mean rate, 1 or more.
               arrival_cv: coefficient of variation of the gaps; 1 is Poisson.
    Raises:    InputError with every argument that is out of bounds.

    >>> traffic_from_rate(2.0, 100, 50, peak_ratio=1.5).peak_requests_per_s
    3.0
    """
    inputs, outputs = as_lengths(input_tokens), as_lengths(output_tokens)
    raise_all(
        positive_problems("requests_per_s", requests_per_s, "requests/s", most=MAX_REQUESTS_PER_S)
        + range_problems("peak_ratio", peak_ratio, 1.0, 1e6, "the peak cannot be below the mean rate")
        + length_problems("input_tokens", inputs)
        + length_problems("output_tokens", outputs)
        + share_problems(arrival_cv, cached_input_frac, reasoning_frac)
    )
    return Traffic(
        name=name,
        requests_per_s=float(requests_per_s),
        peak_requests_per_s=float(requests_per_s * peak_ratio),
        input_tokens=inputs,
        output_tokens=outputs,
        arrival_cv=float(arrival_cv),
        cached_input_frac=float(cached_input_frac),
        reasoning_frac=float(reasoning_frac),
        source=source,
    )


def traffic_from_users(
    num_users: int,
    think_time_s: float,
    input_tokens: ArrayLike,
    output_tokens: ArrayLike,
    *,
    response_time_s: float,
    arrival_cv: float = 1.0,
    peak_ratio: float = 1.0,
) -> Traffic:
    """Traffic of users who wait for an answer, think, and ask again: rate = users / (think + response time).

    The response time depends on the service that is being planned, so the caller states an estimate of it.

    >>> traffic_from_users(100, 15.0, 500, 200, response_time_s=5.0).requests_per_s
    5.0
    """
    thinking = "give the seconds between an answer and the next question"
    raise_all(
        positive_problems("num_users", num_users, "users")
        + range_problems("think_time_s", think_time_s, 0.0, 1e9, thinking)
        + positive_problems("response_time_s", response_time_s, "s")
    )
    waits = f"think {think_time_s:g} s and wait {response_time_s:g} s (estimate)"
    return traffic_from_rate(
        num_users / (think_time_s + response_time_s),
        input_tokens,
        output_tokens,
        arrival_cv=arrival_cv,
        peak_ratio=peak_ratio,
        name=f"{num_users} users",
        source=f"{num_users} users who {waits}; {_CONSTANT}",
    )


def traffic_from_tokens_per_month(
    tokens_per_month: float,
    *,
    input_tokens: float | None = None,
    output_tokens: float | None = None,
    input_frac: float | None = None,
    arrival_cv: float = 1.0,
    peak_ratio: float = 1.0,
) -> Traffic:
    """Traffic of a monthly volume (input plus output tokens, 730 hours).

    How long a request is follows from exactly two of: its input length, its output length, the input share.

    >>> traffic_from_tokens_per_month(3e9, output_tokens=250, input_frac=0.75).mean_input_tokens
    750.0
    """
    raise_all(
        positive_problems("tokens_per_month", tokens_per_month, "tokens")
        + _shape_problems(input_tokens, output_tokens, input_frac)
    )
    inputs, outputs = _both_lengths(input_tokens, output_tokens, input_frac)
    volume = f"{tokens_per_month:.4g} tokens a month"
    return traffic_from_rate(
        tokens_per_month / (inputs + outputs) / SECONDS_PER_MONTH,
        inputs,
        outputs,
        arrival_cv=arrival_cv,
        peak_ratio=peak_ratio,
        name=volume,
        source=f"{volume} of 730 hours; {_CONSTANT}",
    )


def _shape_problems(inputs: float | None, outputs: float | None, input_frac: float | None) -> list[str]:
    problems: list[str] = []
    if sum(given is not None for given in (inputs, outputs, input_frac)) != 2:
        given = f"input_tokens={inputs}, output_tokens={outputs}, input_frac={input_frac}"
        problems.append(f"{given}; limit=exactly two of them; give both lengths, or one length and input_frac")
    if inputs is not None:
        problems += length_problems("input_tokens", as_lengths(inputs))
    if outputs is not None:
        problems += length_problems("output_tokens", as_lengths(outputs))
    if input_frac is not None:
        advice = "give input tokens / all tokens, not percent"
        problems += range_problems("input_frac", input_frac, 1e-6, 1.0 - 1e-6, advice)
    return problems


def _both_lengths(inputs: float | None, outputs: float | None, input_frac: float | None) -> tuple[float, float]:
    if inputs is None:
        assert outputs is not None
        assert input_frac is not None
        return outputs * input_frac / (1.0 - input_frac), outputs
    if outputs is None:
        assert input_frac is not None
        return inputs, inputs * (1.0 - input_frac) / input_frac
    return inputs, outputs

"""The time of a request outside the steps of its engine, which comes before its first token.

The front end takes a request in and makes tokens of its text; and an engine that is busy when the request comes begins
with it some steps late. The kernel knows steps alone: what its users see is later by this time, and so is its end.
"""

from typing import NamedTuple

import numpy as np

from tokonomics.simulation.compiled import compiled
from tokonomics.simulation.fleet_spec import FleetSpec
from tokonomics.simulation.state import Floats, Ints, Load, Machine, Told


class Outside(NamedTuple):
    """What the time is made of: seconds a request, seconds a prompt token, steps of waiting; shape (deployments,)."""

    request_s: Floats
    token_s: Floats
    num_steps: Floats


def outside_of(spec: FleetSpec) -> Outside:
    """The terms of every deployment of a fleet."""
    models = [one.step_model for one in spec.replicas]
    return Outside(
        request_s=np.array([float(one.request_overhead_s) for one in models]),
        token_s=np.array([float(one.token_overhead_s) for one in models]),
        num_steps=np.array([float(one.num_admission_steps) for one in models]),
    )


def outside_engine_s(outside: Outside, load: Load, told: Told, replica: Ints, deployment: Ints) -> Floats:
    """Seconds outside the steps, shape (n,); NaN for requests that no replica served.

    Args:      replica: the place that finished each, -1 for none.  deployment: of each place.
    A request that found its engine idle was scheduled on arrival, and waited for no step.
    """
    kind = deployment[np.maximum(replica, 0)]
    gap_s = (told.finish_s - told.first_token_s) / np.maximum(load.output_tokens - 1, 1)
    waited_s = outside.num_steps[kind] * np.where(told.scheduled_s > load.arrival_s, gap_s, 0.0)
    found_s = outside.request_s[kind] + outside.token_s[kind] * load.input_tokens + waited_s
    return np.asarray(np.where(replica >= 0, found_s, np.nan))


@compiled
def one_outside_s(outside: Outside, machine: Machine, load: Load, told: Told, index: int, gap_s: float) -> float:
    """The same of one request that was served, whose tokens came every `gap_s`; 0 for a single token."""
    kind = machine.replicas[machine.requests[index].replica].kind
    num_steps = outside.num_steps[kind] if told.scheduled_s[index] > load.arrival_s[index] else 0.0
    front_end_s = outside.request_s[kind] + outside.token_s[kind] * load.input_tokens[index]
    return float(front_end_s + num_steps * gap_s)

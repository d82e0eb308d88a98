"""The same question at another load: three times the requests, half the users."""

from tokonomics.errors import InputError
from tokonomics.workload.resolve import traffic_of
from tokonomics.workload.scenario import Scenario, TrafficSpec

_ANY_RESPONSE_TIME_S = 0.0
"""A trace does not wait for answers, so its rate does not depend on their time."""


def at_load(scenario: Scenario, load_ratio: float) -> Scenario:
    """`scenario` with `load_ratio` times its load, in the terms it states it in; a trace keeps its lengths and peak.

    Raises:    InputError where the load is then out of bounds.

    >>> one = Scenario.from_dict({"models": ["a"], "traffic": {"preset": "chat", "requests_per_s": 2.0}})
    >>> at_load(one, 3.0).traffic.requests_per_s
    6.0
    """
    if not 0.0 < load_ratio <= 1e6:
        raise InputError(f"scale={load_ratio:g}; limit=above 0, at most 1e6; give the times of the load")
    raw = scenario.to_dict()
    return Scenario.from_dict({**raw, "traffic": {**raw["traffic"], **_load(scenario.traffic, load_ratio)}})


def _load(traffic: TrafficSpec, load_ratio: float) -> dict[str, float]:
    if traffic.users is not None:
        return {"users": max(round(traffic.users * load_ratio), 1)}
    if traffic.tokens_per_month is not None:
        return {"tokens_per_month": traffic.tokens_per_month * load_ratio}
    rate = traffic.requests_per_s
    if rate is None:
        rate = traffic_of(traffic, response_time_s=_ANY_RESPONSE_TIME_S).requests_per_s
    return {"requests_per_s": rate * load_ratio}

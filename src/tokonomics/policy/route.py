"""Which rule spreads requests over the replicas of a fleet: its name and parameters. The rules are in route_rules."""

from dataclasses import dataclass
from typing import Final

from tokonomics.errors import raise_all
from tokonomics.policy._checks import choice_problems, number_problems

ROUTERS: Final = (
    "round_robin", "least_outstanding_tokens", "shortest_predicted_wait", "prefix_affine", "session_affine",
)  # fmt: skip
AFFINE: Final = ("prefix_affine", "session_affine")


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutePolicy:
    """A router by name.

    round_robin: in turn.  least_outstanding_tokens: fewest tokens queued and running.
    shortest_predicted_wait: least time until the first token, by the replica's own speed.
    prefix_affine: where the longest prefix is cached, unless that replica has more than `max_load_ratio` times the
    fleet's mean of outstanding tokens; then as least_outstanding_tokens.
    session_affine: where the last request of its session went, within the same bound.
    """

    router: str = "least_outstanding_tokens"
    max_load_ratio: float | None = None

    def __post_init__(self) -> None:
        problems = choice_problems("router", self.router, ROUTERS)
        if self.max_load_ratio is not None:
            problems += number_problems("max_load_ratio", self.max_load_ratio, least=1, most=1e6, unit="x the mean")
            if not problems and self.router not in AFFINE:
                limit = f"limit={' or '.join(AFFINE)} only"
                problems.append(f"max_load_ratio with router={self.router}; {limit}; leave it out")
        raise_all(problems)

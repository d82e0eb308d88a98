"""What a fleet is: deployments with their replicas, how these come and go, and how requests are spread and overflow."""

import math
from dataclasses import dataclass, field
from typing import Final, Literal

from tokonomics.errors import raise_all
from tokonomics.physics.step import StepModel
from tokonomics.policy.overflow import OverflowPolicy
from tokonomics.policy.route import RoutePolicy
from tokonomics.simulation.options import EngineOptions

_MOST_REPLICAS = 10_000
_MOST_PLAIN: Final = 64
"""Replicas beyond which looking at each of them for every request would cost more than clocks do.

No more than a whole number has bits: `fixed_kernel` lists replicas so.
"""
Role = Literal["mixed", "prefill", "decode"]
ROLES: Final = ("mixed", "prefill", "decode")
_SHARED_OPTIONS = ("block_tokens", "queueing", "max_output_tokens", "cached_input_frac", "use_prefix_cache")


@dataclass(frozen=True, kw_only=True, slots=True)
class Autoscaling:
    """Keep `target_requests` requests, running or waiting, on each replica.

    Every `interval_s` the wanted number is taken between `min_replicas` and `max_replicas`. It may rise
    `up_cooldown_s` after the last rise, and fall `down_cooldown_s` after the last change.
    """

    target_requests: float
    min_replicas: int = 1
    max_replicas: int = 16
    interval_s: float = 15.0
    up_cooldown_s: float = 0.0
    down_cooldown_s: float = 300.0

    def __post_init__(self) -> None:
        problems = _positive(self, "target_requests", "interval_s") + _not_negative(
            self, "up_cooldown_s", "down_cooldown_s"
        )
        if not 0 <= self.min_replicas <= self.max_replicas <= _MOST_REPLICAS or self.max_replicas < 1:
            bounds = f"min_replicas={self.min_replicas}, max_replicas={self.max_replicas}"
            problems.append(f"{bounds}; limit=0 <= min <= max <= {_MOST_REPLICAS}, max 1 or more; correct them")
        raise_all(problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplicaSpec:
    """One deployment of a fleet, and the life of its replicas.

    role: `prefill` replicas hand each complete prompt, with its first token, to a `decode` replica, where it arrives
        kv_transfer_latency_s + tokens / kv_transfer_tokens_per_s later; `mixed` ones do both. What a decode replica
        preempts it prefills again itself.
    capacity_plan: (seconds after the first arrival, number of replicas), by time; under `autoscaling` the number is
        the new least.
    load_s: from the lease of a replica until it serves; those of the start serve at once.
    mean_spot_life_hours: mean time until a replica is called back (a constant hazard; None: never), `spot_notice_s`
        before it is gone; it takes no new requests from then on, and a replacement is leased.
    mean_time_to_failure_hours: mean time until a replica fails, without notice; None: never.
    billing_increment_s, min_billed_s: a lease is billed in whole increments, and at least so long.
    """

    name: str
    step_model: StepModel
    options: EngineOptions
    num_replicas: int = 1
    role: Role = "mixed"
    kv_transfer_latency_s: float = 0.0
    kv_transfer_tokens_per_s: float = math.inf
    autoscaling: Autoscaling | None = None
    capacity_plan: tuple[tuple[float, int], ...] = ()
    load_s: float = 0.0
    mean_spot_life_hours: float | None = None
    spot_notice_s: float = 120.0
    mean_time_to_failure_hours: float | None = None
    billing_increment_s: float = 0.0
    min_billed_s: float = 0.0

    def __post_init__(self) -> None:
        problems = _not_negative(
            self, "kv_transfer_latency_s", "load_s", "spot_notice_s", "billing_increment_s", "min_billed_s"
        )
        means = ("mean_spot_life_hours", "mean_time_to_failure_hours")
        problems += _positive(self, *(name for name in means if getattr(self, name) is not None))
        if self.role not in ROLES:
            problems.append(f"role={self.role!r}; limit=mixed, prefill or decode; choose one of them")
        if not self.kv_transfer_tokens_per_s > 0:
            problems.append(
                f"kv_transfer_tokens_per_s={self.kv_transfer_tokens_per_s:g}; limit=above 0; give the link's rate"
            )
        if not 0 <= self.num_replicas <= _MOST_REPLICAS:
            problems.append(f"num_replicas={self.num_replicas}; limit=0 to {_MOST_REPLICAS}; give a number inside it")
        raise_all(problems + _plan_problems(self.capacity_plan))

    @property
    def num_places(self) -> int:
        """Replicas that can exist at once, those on their way out included."""
        most = max(self.num_replicas, *(num for _, num in self.capacity_plan), 1)
        if self.autoscaling:
            most = max(most, self.autoscaling.max_replicas)
        return 2 * most if self.mean_spot_life_hours else most

    @property
    def is_fixed(self) -> bool:
        """Whether the same replicas serve whole requests from start to end."""
        changes = (self.autoscaling, self.capacity_plan, self.mean_spot_life_hours, self.mean_time_to_failure_hours)
        return self.role == "mixed" and self.num_replicas > 0 and not any(changes)


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetSpec:
    """Deployments behind one router.

    overflow: when requests go to an API instead; None: never.
    keep_tokens: a request that loses its replica goes on elsewhere behind the tokens it had (the gateway asks again
        with them as a prefix); False: it starts again, and its first token counts anew.
    expected_output_tokens: what a router reckons a request to bring; None: the mean of the load.
    """

    replicas: tuple[ReplicaSpec, ...]
    route: RoutePolicy = field(default_factory=RoutePolicy)
    overflow: OverflowPolicy | None = None
    keep_tokens: bool = False
    expected_output_tokens: float | None = None

    def __post_init__(self) -> None:
        problems = [] if self.replicas else ["replicas is empty; limit=1 deployment or more; add one"]
        for name in _SHARED_OPTIONS:
            values = {getattr(one.options, name) for one in self.replicas}
            if len(values) > 1:
                listed = ", ".join(map(str, sorted(values, key=str)))
                problems.append(f"{name} differs between deployments ({listed}); limit=one value; make them equal")
        roles = {one.role for one in self.replicas}
        if ("prefill" in roles) != ("decode" in roles):
            problems.append("prefill and decode replicas come together; limit=both or neither; add the other role")
        elif self.replicas and roles == {"decode"}:
            problems.append("nothing takes new requests; limit=a mixed or prefill deployment; add one")
        if self.route.router == "prefix_affine" and not all(one.options.use_prefix_cache for one in self.replicas):
            problems.append(
                "router=prefix_affine without use_prefix_cache; limit=hashed prefixes; choose another router"
            )
        raise_all(problems)

    @property
    def is_plain(self) -> bool:
        """Whether it has nothing that `fixed_kernel` leaves out."""
        return (
            self.overflow is None
            and not self.needs_sessions
            and sum(one.num_replicas for one in self.replicas) <= _MOST_PLAIN
            and all(one.is_fixed and one.options.is_plain for one in self.replicas)
        )

    @property
    def needs_sessions(self) -> bool:
        """Whether the router or the overflow go by the session of a request."""
        return self.route.router == "session_affine" or bool(self.overflow and self.overflow.stick_s)


def _plan_problems(plan: tuple[tuple[float, int], ...]) -> list[str]:
    times = [time_s for time_s, _ in plan]
    problems = []
    if times != sorted(times) or not all(0 <= time_s < math.inf for time_s in times):
        problems.append("capacity_plan is not in order of time from 0 on; sort its lines")
    if not all(0 <= num <= _MOST_REPLICAS for _, num in plan):
        problems.append(f"capacity_plan has a number of replicas outside 0..{_MOST_REPLICAS}; correct it")
    return problems


def _positive(record: object, *names: str) -> list[str]:
    return [
        f"{name}={getattr(record, name):g}; limit=above 0; give a finite number"
        for name in names
        if not 0 < getattr(record, name) < math.inf
    ]


def _not_negative(record: object, *names: str) -> list[str]:
    return [
        f"{name}={getattr(record, name):g}; limit=0 or more; give a finite number"
        for name in names
        if not 0 <= getattr(record, name) < math.inf
    ]

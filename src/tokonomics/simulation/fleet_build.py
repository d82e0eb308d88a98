"""From a fleet's description to the arrays of its control."""

import math
from itertools import accumulate

import numpy as np

from tokonomics.errors import InputError
from tokonomics.policy.overflow import OverflowPolicy, overflow_bounds
from tokonomics.policy.quota import NUM_SLOTS
from tokonomics.policy.route import ROUTERS
from tokonomics.simulation.build import build_load, coefficient_rows, decode_table_s, engine_rows
from tokonomics.simulation.clocks import new_clocks, set_clock
from tokonomics.simulation.coefficients import base_s, mixed_step_s
from tokonomics.simulation.control import KIND, PLACE, RULES, Control
from tokonomics.simulation.fleet_spec import ROLES, FleetSpec, ReplicaSpec
from tokonomics.simulation.leases import launch
from tokonomics.simulation.requests import Requests
from tokonomics.simulation.state import NONE, Load, Machine, Row, Rows, new_machine
from tokonomics.units import SECONDS_PER_HOUR

_NUM_DRAWS = 1 << 16
_MAX_LOAD_RATIO = 2.0
"""Times the mean of outstanding tokens beyond which a cached prefix is no reason, when the policy names none."""


def build_fleet_load(requests: Requests, spec: FleetSpec) -> Load:
    """The load, checked against every deployment: each request must fit on every replica."""
    loads = [build_load(requests, one.options) for one in spec.replicas]
    return loads[0]


def build_machine(requests: Requests, spec: FleetSpec) -> Machine:
    """The replicas of all places at rest, deployment after deployment."""
    options = [one.options for one in spec.replicas]
    hashes = requests.block_hashes if options[0].use_prefix_cache else None
    engines = engine_rows(options, hashes)
    for engine, one in zip(engines, spec.replicas):
        engine["role"] = ROLES.index(one.role)
        engine["transfer_latency_s"] = one.kv_transfer_latency_s
        engine["transfer_tokens_per_s"] = one.kv_transfer_tokens_per_s
    coefficients = coefficient_rows([one.step_model for one in spec.replicas], options)
    places = np.array([one.num_places for one in spec.replicas], dtype=np.int64)
    expected = spec.expected_output_tokens
    return new_machine(
        engines,
        coefficients,
        decode_table_s(coefficients, engines),
        np.repeat(np.arange(places.size, dtype=np.int64), places),
        requests.num_requests,
        hashes,
        round(float(requests.output_tokens.mean()) if expected is None else expected),
        None if spec.is_plain else 1,
    )


def build_control(requests: Requests, spec: FleetSpec, machine: Machine, rng: np.random.Generator) -> Control:
    """The control of a fleet whose first replicas serve from the first arrival on."""
    start_s = float(requests.arrival_s[0])
    num_places, num_kinds = machine.replicas.size, len(spec.replicas)
    changes = _changes(spec, start_s)
    num_sessions = _num_sessions(requests, spec)
    speeds = np.array([_speed(machine, kind) for kind in range(num_kinds)])[machine.replicas["kind"]]
    control = Control(
        rules=_rules(spec, start_s)[0],
        kinds=_kinds(spec),
        places=np.zeros(num_places, dtype=PLACE),
        accepts=np.zeros((2, num_places), dtype=np.int8),
        boundaries=new_clocks(num_places),
        timers=new_clocks(num_places + num_kinds + 2),
        request_counts=np.zeros(NUM_SLOTS, dtype=np.int64),
        token_counts=np.zeros(NUM_SLOTS, dtype=np.int64),
        prefill_tokens_per_s=np.ascontiguousarray(speeds[:, 0]),
        step_s=np.ascontiguousarray(speeds[:, 1]),
        cached=np.zeros(num_places, dtype=np.int64),
        draws=rng.exponential(size=_NUM_DRAWS),
        change_s=changes[:, 0].copy(),
        change_kind=changes[:, 1].astype(np.int64),
        change_target=changes[:, 2].astype(np.int64),
        session_place=np.full((2, num_sessions), NONE, dtype=np.int64),
        session_is_api=np.zeros(num_sessions, dtype=np.int8),
        session_last_s=np.full(num_sessions, -math.inf),
    )
    _start(machine, control, start_s)
    return control


def _num_sessions(requests: Requests, spec: FleetSpec) -> int:
    """Sessions of the requests. Raises InputError where there are none and something goes by them."""
    if requests.session_index is not None:
        return int(requests.session_index.max()) + 1
    if spec.needs_sessions:
        raise InputError(
            "router=session_affine or stick_s beside traffic without sessions; limit=requests that name theirs; give"
            " session ids, or choose another router and stick_s=0"
        )
    return 0


def _start(machine: Machine, control: Control, start_s: float) -> None:
    for kind in control.kinds:
        for at in range(kind["first_place"], kind["first_place"] + kind["target"]):
            launch(machine, control, at, start_s, 0.0)
    num_places = control.places.size
    for index, kind in enumerate(control.kinds):
        if kind["target_requests"] > 0:
            set_clock(control.timers, num_places + index, start_s + float(kind["tick_s"]))
    if control.change_s.size:
        set_clock(control.timers, num_places + control.kinds.size, float(control.change_s[0]))


def _speed(machine: Machine, kind: int) -> tuple[float, float]:
    """Prefill rate (tokens/s) of whole steps of prompts, and the time of a step of one token."""
    row = machine.coefficients[kind]
    budget = float(machine.engines["budget_tokens"][kind])
    return budget / mixed_step_s(row, 0.0, 0.0, budget, budget * budget / 2.0), base_s(row, 1.0, 0.0)


def _rules(spec: FleetSpec, start_s: float) -> Rows:
    rules = np.zeros(1, dtype=RULES)
    rules["router"] = ROUTERS.index(spec.route.router)
    rules["last_routed"] = -1
    ratio = spec.route.max_load_ratio
    rules["max_load_ratio"] = _MAX_LOAD_RATIO if ratio is None else ratio
    rules["keeps_tokens"] = spec.keep_tokens
    for name in ("first_homeless", "last_homeless", "draw"):
        rules[name] = NONE
    if spec.overflow is not None:
        _add_overflow(rules[0], spec.overflow, start_s)
    return rules


def _add_overflow(rules: Row, policy: OverflowPolicy, start_s: float) -> None:
    names = ("enter_ttft_s", "leave_ttft_s", "enter_queue_tokens", "leave_queue_tokens")
    for name, bound in zip(names, overflow_bounds(policy)):
        rules[name] = bound
    rules["may_overflow"] = 1
    rules["last_tick"] = math.floor(start_s)
    rules["stick_s"] = policy.stick_s
    rules["sticks_to_api"], rules["sticks_to_fleet"] = "api" in policy.sticky_sides, "fleet" in policy.sticky_sides
    requests, tokens = policy.max_requests_per_minute, policy.max_tokens_per_minute
    rules["most_requests"] = -1 if requests is None else requests
    rules["most_tokens"] = -1 if tokens is None else tokens


def _kinds(spec: FleetSpec) -> Rows:
    kinds = np.zeros(len(spec.replicas), dtype=KIND)
    firsts = accumulate((one.num_places for one in spec.replicas), initial=0)
    for kind, one, first in zip(kinds, spec.replicas, firsts):
        _fill_kind(kind, one)
        kind["first_place"] = first
    return kinds


def _fill_kind(kind: Row, one: ReplicaSpec) -> None:
    kind["num_places"], kind["target"] = one.num_places, one.num_replicas
    kind["least"], kind["most"] = one.num_replicas, one.num_places
    kind["last_up_s"] = kind["last_down_s"] = -math.inf
    kind["load_s"], kind["notice_s"] = one.load_s, one.spot_notice_s
    kind["spot_per_s"] = _per_s(one.mean_spot_life_hours)
    kind["failures_per_s"] = _per_s(one.mean_time_to_failure_hours)
    kind["billing_s"], kind["least_billed_s"] = one.billing_increment_s, one.min_billed_s
    scaling = one.autoscaling
    if scaling is not None:
        kind["least"], kind["most"] = scaling.min_replicas, scaling.max_replicas
        kind["target_requests"], kind["tick_s"] = scaling.target_requests, scaling.interval_s
        kind["up_cooldown_s"], kind["down_cooldown_s"] = scaling.up_cooldown_s, scaling.down_cooldown_s


def _per_s(mean_hours: float | None) -> float:
    return 0.0 if mean_hours is None else 1.0 / (mean_hours * SECONDS_PER_HOUR)


def _changes(spec: FleetSpec, start_s: float) -> np.typing.NDArray[np.float64]:
    """Lines (time, deployment, replicas) of all plans of capacity, by time; shape (lines, 3)."""
    lines = [
        (start_s + time_s, kind, num) for kind, one in enumerate(spec.replicas) for time_s, num in one.capacity_plan
    ]
    return np.array(sorted(lines), dtype=np.float64).reshape(-1, 3)

"""Replicas come and go: launched, loaded, drained, given back; and the money clock of each lease."""

from math import ceil, inf

from tokonomics.policy import route_rules
from tokonomics.simulation.clocks import set_clock
from tokonomics.simulation.compiled import compiled
from tokonomics.simulation.control import DRAINING, LOADING, OFF, READY, Control
from tokonomics.simulation.prefix_cache import clear_cache
from tokonomics.simulation.state import DECODE, NONE, Machine

wanted_replicas = compiled(route_rules.wanted_replicas)


@compiled
def launch(m: Machine, c: Control, at: int, now_s: float, load_s: float) -> None:
    """Lease a replica in place `at`; it serves once its model is loaded."""
    place = c.places[at]
    place.state, place.since_s, place.ready_s = LOADING, now_s, now_s + load_s
    place.num_leases += 1
    set_clock(c.timers, at, place.ready_s)
    if load_s == 0.0:
        make_ready(m, c, at, now_s)


@compiled
def make_ready(m: Machine, c: Control, at: int, now_s: float) -> None:
    """Replica `at` serves from now on, until it is drained, called back or broken."""
    place, kind = c.places[at], c.kinds[m.replicas[at].kind]
    place.state = READY
    place.loading_s += now_s - place.since_s
    c.accepts[accept_row(m, at), at] = 1
    place.called_s = now_s + wait_s(c, kind.spot_per_s)
    place.fails_s = now_s + wait_s(c, kind.failures_per_s)
    set_clock(c.timers, at, min(place.called_s, place.fails_s))


@compiled
def accept_row(m: Machine, at: int) -> int:
    """Row of `Control.accepts` that replica `at` stands in: what it takes."""
    return 1 if m.engines[m.replicas[at].kind].role == DECODE else 0


@compiled
def wait_s(c: Control, rate_per_s: float) -> float:
    """Time to the next event of a constant hazard, from the next draw."""
    if rate_per_s <= 0.0:
        return inf
    c.rules.draw = (c.rules.draw + 1) % c.draws.size
    return float(c.draws[c.rules.draw] / rate_per_s)


@compiled
def drain(m: Machine, c: Control, at: int, now_s: float) -> None:
    """Replica `at` takes no more requests, and is given back when it has none left."""
    c.places[at].state = DRAINING
    c.accepts[:, at] = 0
    end_if_empty(m, c, at, now_s)


@compiled
def end_if_empty(m: Machine, c: Control, at: int, now_s: float) -> None:
    """Give back a replica that takes no requests and has none left."""
    replica = m.replicas[at]
    if c.places[at].state >= DRAINING and replica.num_running + replica.num_queued == 0:
        end_lease(m, c, at, now_s)


@compiled
def end_lease(m: Machine, c: Control, at: int, now_s: float) -> None:
    """Place `at` is empty from now on; its lease is billed in whole increments."""
    place, kind = c.places[at], c.kinds[m.replicas[at].kind]
    lease_s = now_s - place.since_s
    if place.state == LOADING:
        place.loading_s += lease_s
    billed_s = lease_s
    if kind.billing_s > 0.0:
        billed_s = ceil(lease_s / kind.billing_s) * kind.billing_s
    place.leased_s += lease_s
    place.billed_s += max(billed_s, kind.least_billed_s)
    place.state = OFF
    c.accepts[:, at] = 0
    set_clock(c.timers, at, inf)
    if m.engines[m.replicas[at].kind].hashed:
        clear_cache(m, at)


@compiled
def reach_target(m: Machine, c: Control, kind_index: int, now_s: float) -> None:
    """Launch or drain replicas of a deployment until as many load or serve as its target says."""
    kind = c.kinds[kind_index]
    live = count_state(c, kind.first_place, kind.num_places, LOADING)
    live += count_state(c, kind.first_place, kind.num_places, READY)
    while live < kind.target:
        at = find_state(c, kind.first_place, kind.num_places, DRAINING)
        if at != NONE:
            c.places[at].state = READY
            c.accepts[accept_row(m, at), at] = 1
        else:
            at = find_state(c, kind.first_place, kind.num_places, OFF)
            if at == NONE:
                return
            launch(m, c, at, now_s, kind.load_s)
        live += 1
    while live > kind.target:
        at = find_state(c, kind.first_place, kind.num_places, LOADING)
        if at != NONE:
            end_lease(m, c, at, now_s)
        else:
            drain(m, c, least_busy(m, c, kind.first_place, kind.num_places), now_s)
        live -= 1


@compiled
def count_state(c: Control, first: int, num: int, state: int) -> int:
    """Places of a deployment in `state`."""
    count = 0
    for at in range(first, first + num):
        if c.places[at].state == state:
            count += 1
    return count


@compiled
def find_state(c: Control, first: int, num: int, state: int) -> int:
    """First place of a deployment in `state`, or NONE."""
    for at in range(first, first + num):
        if c.places[at].state == state:
            return at
    return NONE


@compiled
def least_busy(m: Machine, c: Control, first: int, num: int) -> int:
    """The serving replica of a deployment with the fewest tokens outstanding; the last of several."""
    best = NONE
    for at in range(first, first + num):
        if c.places[at].state == READY and (best == NONE or m.outstanding_tokens[at] <= m.outstanding_tokens[best]):
            best = at
    return best


@compiled
def scale(m: Machine, c: Control, kind_index: int, now_s: float) -> None:
    """The autoscaler's tick: follow the requests in the system, as the cooldowns allow."""
    kind = c.kinds[kind_index]
    num_requests = c.rules.num_homeless
    for at in range(kind.first_place, kind.first_place + kind.num_places):
        num_requests += m.replicas[at].num_running + m.replicas[at].num_queued
    wanted = wanted_replicas(num_requests, kind.target_requests, kind.least, kind.most)
    calm = now_s - kind.last_up_s >= kind.down_cooldown_s and now_s - kind.last_down_s >= kind.down_cooldown_s
    if wanted > kind.target and now_s - kind.last_up_s >= kind.up_cooldown_s:
        kind.target, kind.last_up_s = wanted, now_s
    elif wanted < kind.target and calm:
        kind.target, kind.last_down_s = wanted, now_s
    reach_target(m, c, kind_index, now_s)


@compiled
def change_plan(m: Machine, c: Control, now_s: float) -> None:
    """The next line of the plan of capacity: a new number of replicas, or under an autoscaler its new least."""
    rules = c.rules
    kind_index = c.change_kind[rules.next_change]
    kind = c.kinds[kind_index]
    kind.least = c.change_target[rules.next_change]
    kind.target = max(kind.target, kind.least) if kind.target_requests > 0.0 else kind.least
    rules.next_change += 1
    due_s = c.change_s[rules.next_change] if rules.next_change < c.change_s.size else inf
    set_clock(c.timers, c.places.size + c.kinds.size, due_s)
    reach_target(m, c, kind_index, now_s)

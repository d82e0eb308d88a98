"""Where an arriving request goes: to a replica by the fleet's router, to the API by its overflow, or it waits outside.

The rules themselves are those of `policy`, compiled here; the gateway calls the same functions.
"""

from math import inf

from tokonomics.policy import overflow, quota, route_rules
from tokonomics.simulation.clocks import set_clock
from tokonomics.simulation.coefficients import steps_until
from tokonomics.simulation.compiled import compiled, inlined
from tokonomics.simulation.control import (
    LEAST_OUTSTANDING,
    ROUND_ROBIN,
    SESSION_AFFINE,
    SHORTEST_WAIT,
    Control,
)
from tokonomics.simulation.kernel import enqueue
from tokonomics.simulation.prefix_cache import cached_units, evict_idle
from tokonomics.simulation.state import NONE, OVERFLOWED, REJECTED, Load, Machine, Told

next_in_turn = compiled(route_rules.next_in_turn)
least_outstanding = compiled(route_rules.least_outstanding)
predicted_ttft_s = compiled(route_rules.predicted_ttft_s)
shortest_wait = compiled(route_rules.shortest_wait)
longest_prefix = compiled(route_rules.longest_prefix)
overflows = compiled(overflow.overflows)
sticks = compiled(overflow.sticks)
expire_slots = compiled(quota.expire_slots)
fits_quota = compiled(quota.fits_quota)


@inlined
def dispatch(m: Machine, c: Control, load: Load, told: Told, index: int, now_s: float, is_new: bool) -> None:
    """Send request `index` where it belongs. One that lost its replica is not turned away by a full queue."""
    row = m.requests[index].transferred
    at = choose_replica(m, c, load, index, row, now_s)
    if c.rules.may_overflow and row == 0 and overflow_now(m, c, load, at, index, now_s):
        told.status[index] = OVERFLOWED
        c.rules.num_overflowed += 1
        m.requests[index].replica = NONE
    elif at == NONE:
        wait_outside(m, c, index)
    elif is_new and m.replicas[at].num_queued >= m.engines[m.replicas[at].kind].max_queued:
        told.status[index] = REJECTED
        m.requests[index].replica = NONE
    else:
        enqueue(m, load, at, index, now_s)
        if load.session[index] != NONE:
            c.session_place[row, load.session[index]] = at
        set_clock(c.boundaries, at, m.replicas[at].boundary_s)


@inlined
def choose_by_load(m: Machine, c: Control, load: Load, index: int, row: int) -> int:
    """The pick of a router that looks at neither prefixes nor sessions."""
    rules, accepts = c.rules, c.accepts[row]
    if rules.router == LEAST_OUTSTANDING:
        return int(least_outstanding(m.outstanding_tokens, accepts))
    if rules.router == ROUND_ROBIN:
        at = next_in_turn(rules.last_routed, accepts)
        rules.last_routed = max(at, 0)
        return int(at)
    fresh = load.input_tokens[index] - load.cached_tokens[index]
    return int(shortest_wait(m.queued_tokens, m.outstanding_tokens, fresh, c.prefill_tokens_per_s, c.step_s, accepts))


@compiled
def choose_replica(m: Machine, c: Control, load: Load, index: int, row: int, now_s: float) -> int:
    """The replica that the router picks for request `index`, or NONE; `row` is that of `accepts`."""
    rules, accepts = c.rules, c.accepts[row]
    if rules.router <= SHORTEST_WAIT:
        return choose_by_load(m, c, load, index, row)
    if rules.router == SESSION_AFFINE:
        c.cached[:] = 0
        last = c.session_place[row, load.session[index]] if load.session[index] != NONE else NONE
        if last != NONE and accepts[last]:
            c.cached[last] = 1  # as if it held the prompt: the same rule
        return int(longest_prefix(c.cached, m.outstanding_tokens, rules.max_load_ratio, accepts))
    for at in range(accepts.size):
        hits = 0
        if accepts[at]:
            evict_by(m, at, now_s)
            hits = cached_units(m, load, at, index)
        c.cached[at] = hits * m.engines[m.replicas[at].kind].unit_tokens
    return int(longest_prefix(c.cached, m.outstanding_tokens, rules.max_load_ratio, accepts))


@compiled
def evict_by(m: Machine, at: int, now_s: float) -> None:
    """Drop the idle units that the running jump of replica `at` has dropped by now; its end would drop them late."""
    replica = m.replicas[at]
    if replica.steps > 1 and replica.idle_units > 0:
        step = steps_until(replica.first_s, replica.slope_s, replica.start_s, now_s, replica.steps)
        evict_idle(m, at, step - 1)


@compiled
def overflow_now(m: Machine, c: Control, load: Load, at: int, index: int, now_s: float) -> bool:
    """Whether request `index`, meant for replica `at`, goes to the API; books the quotas if it does."""
    rules = c.rules
    ttft_s = inf
    if at != NONE:
        fresh = load.input_tokens[index] - load.cached_tokens[index]
        ttft_s = predicted_ttft_s(m.queued_tokens[at], fresh, c.prefill_tokens_per_s[at], c.step_s[at])
    rules.is_overflowing = overflows(
        rules.is_overflowing > 0,
        ttft_s,
        float(m.queued_tokens.sum()),
        rules.enter_ttft_s,
        rules.leave_ttft_s,
        rules.enter_queue_tokens,
        rules.leave_queue_tokens,
    )
    goes = bool(rules.is_overflowing)
    session = load.session[index]
    if session != NONE:
        was_api, since_s = c.session_is_api[session] > 0, now_s - c.session_last_s[session]
        if sticks(was_api, since_s, rules.stick_s, rules.sticks_to_api > 0, rules.sticks_to_fleet > 0):
            goes = was_api
    goes = goes and take_quota(c, load.input_tokens[index] + load.output_tokens[index], now_s)
    if session != NONE:
        c.session_is_api[session], c.session_last_s[session] = goes, now_s
    return goes


@compiled
def take_quota(c: Control, num_tokens: int, now_s: float) -> bool:
    """Whether the API's quotas of the running minute allow a request of `num_tokens`; books it if so."""
    rules = c.rules
    now_tick = int(now_s // quota.TICK_S)
    if now_tick > rules.last_tick:
        rules.used_requests -= expire_slots(c.request_counts, rules.last_tick, now_tick)
        rules.used_tokens -= expire_slots(c.token_counts, rules.last_tick, now_tick)
        rules.last_tick = now_tick
    if not fits_quota(rules.used_requests, 1, rules.most_requests):
        return False
    if not fits_quota(rules.used_tokens, num_tokens, rules.most_tokens):
        return False
    slot = rules.last_tick % quota.NUM_SLOTS
    c.request_counts[slot] += 1
    c.token_counts[slot] += num_tokens
    rules.used_requests += 1
    rules.used_tokens += num_tokens
    return True


@compiled
def wait_outside(m: Machine, c: Control, index: int) -> None:
    """No replica takes requests: request `index` waits for the next one that does."""
    rules = c.rules
    m.requests[index].next = NONE
    m.requests[index].replica = NONE
    if rules.first_homeless == NONE:
        rules.first_homeless = index
    else:
        m.requests[rules.last_homeless].next = index
    rules.last_homeless = index
    rules.num_homeless += 1

"""A replica is lost, with or without notice: its work stops at once, and its requests start anew elsewhere."""

from math import inf, nan

from tokonomics.simulation.advance import account
from tokonomics.simulation.clocks import set_clock
from tokonomics.simulation.coefficients import steps_time_s, steps_until
from tokonomics.simulation.compiled import compiled
from tokonomics.simulation.control import LEAVING, LOADING, Control
from tokonomics.simulation.leases import change_plan, end_if_empty, end_lease, make_ready, reach_target, scale
from tokonomics.simulation.lists import transfer_pop
from tokonomics.simulation.prefix_cache import release_units
from tokonomics.simulation.routing import dispatch
from tokonomics.simulation.state import NONE, NUM_LEVELS, Load, Machine, Told


@compiled
def ring(m: Machine, c: Control, load: Load, told: Told, timer: int, now_s: float) -> None:
    """What timer `timer` stands for: the state of a place, an autoscaler's tick, or the plan of capacity."""
    num_places, num_kinds = c.places.size, c.kinds.size
    if timer < num_places:
        ring_place(m, c, load, told, timer, now_s)
    elif timer < num_places + num_kinds:
        kind = timer - num_places
        scale(m, c, kind, now_s)
        set_clock(c.timers, timer, now_s + c.kinds[kind].tick_s)
    elif timer == num_places + num_kinds:
        change_plan(m, c, now_s)
    else:
        index = transfer_pop(m.transfer_s, m.transfer_index, m.num_transfers[0])
        m.num_transfers[0] -= 1
        set_transfer_clock(m, c)
        dispatch(m, c, load, told, index, now_s, False)
    come_in(m, c, load, told, now_s)


@compiled
def set_transfer_clock(m: Machine, c: Control) -> None:
    """Let the last timer ring when the next transfer is complete."""
    due_s = m.transfer_s[0] if m.num_transfers[0] > 0 else inf
    set_clock(c.timers, c.places.size + c.kinds.size + 1, due_s)


@compiled
def ring_place(m: Machine, c: Control, load: Load, told: Told, at: int, now_s: float) -> None:
    """A model is loaded, a spot machine is called back or gone, or a replica fails."""
    place = c.places[at]
    kind = m.replicas[at].kind
    if place.state == LOADING:
        make_ready(m, c, at, now_s)
    elif place.state == LEAVING or place.fails_s <= place.called_s:
        lose(m, c, load, told, at, now_s)
    else:
        place.state = LEAVING
        c.accepts[:, at] = 0
        place.called_s = now_s + c.kinds[kind].notice_s
        set_clock(c.timers, at, min(place.called_s, place.fails_s))
        reach_target(m, c, kind, now_s)
        end_if_empty(m, c, at, now_s)


@compiled
def lose(m: Machine, c: Control, load: Load, told: Told, at: int, now_s: float) -> None:
    """Replica `at` is gone, and what it ran and held is sent elsewhere: the running first, as they were admitted."""
    stop_work(m, c, load, told, at, now_s)
    running, place = oldest_running(m, at), c.places[at]
    waiting = take_queues(m, at)
    reset(m, c, at)
    place.num_lost += 1
    end_lease(m, c, at, now_s)
    reach_target(m, c, m.replicas[at].kind, now_s)
    send_on(m, c, load, told, running, now_s, True)
    send_on(m, c, load, told, waiting, now_s, True)


@compiled
def stop_work(m: Machine, c: Control, load: Load, told: Told, at: int, now_s: float) -> None:
    """Keep the steps of the running jump that are complete, lose the one that is not, and write down all tokens."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    if replica.steps > 0:
        complete = 0
        if replica.steps > 1:
            complete = steps_until(replica.first_s, replica.slope_s, replica.start_s, now_s, replica.steps)
            if replica.start_s + steps_time_s(replica.first_s, replica.slope_s, complete) > now_s:
                complete -= 1
        replica.steps = complete
        account(replica, engine)
        replica.round += complete
        replica.context_sum += engine.round_tokens * (complete * replica.decodes_run)
        kept_s = steps_time_s(replica.first_s, replica.slope_s, complete)
        c.places[at].lost_s += now_s - replica.start_s - kept_s
        c.rules.now_s = max(c.rules.now_s, replica.start_s + kept_s)
    mask = (1 << m.key_bits) - 1
    for spot in range(replica.num_decodes):
        index = m.heaps[at, spot] & mask
        context = m.requests[index].context_base + engine.round_tokens * replica.round
        m.requests[index].generated = int(context) - load.input_tokens[index]
    index = replica.youngest
    while index != NONE:
        m.requests[index].losses += 1
        if engine.hashed:
            release_units(m, at, index)
        index = m.requests[index].prev


@compiled
def forget(m: Machine, c: Control, told: Told, index: int) -> None:
    """The cache of request `index` is gone, and unless the fleet keeps tokens, so is its answer so far."""
    m.requests[index].transferred = 0
    if not c.rules.keeps_tokens:
        m.requests[index].generated = 0
        told.first_token_s[index] = nan


@compiled
def oldest_running(m: Machine, at: int) -> int:
    """The request of replica `at` that was admitted first; the others follow as its `next`."""
    index: int = m.replicas[at].youngest
    while index != NONE and m.requests[index].prev != NONE:
        index = m.requests[index].prev
    return index


@compiled
def take_queues(m: Machine, at: int) -> int:
    """Empty the queues of replica `at` into one list, most urgent first; returns its first request."""
    start, end = NONE, NONE
    for level in range(NUM_LEVELS):
        if m.first[at, level] != NONE:
            if start == NONE:
                start = m.first[at, level]
            else:
                m.requests[end].next = m.first[at, level]
            end = m.last[at, level]
            m.first[at, level] = NONE
    return start


@compiled
def reset(m: Machine, c: Control, at: int) -> None:
    """Nothing runs or waits on replica `at` any more."""
    replica = m.replicas[at]
    replica.num_decodes, replica.num_running, replica.num_queued = 0, 0, 0
    replica.context_sum, replica.decodes_run, replica.num_chunks, replica.steps = 0.0, 0, 0, 0
    replica.partial, replica.partial_tokens, replica.youngest = NONE, 0, NONE
    replica.prompt_blocks, replica.prompt_tokens, replica.shared_blocks = 0, 0, 0
    replica.boundary_s = inf
    m.queued_tokens[at], m.outstanding_tokens[at] = 0, 0
    set_clock(c.boundaries, at, inf)


@compiled
def send_on(m: Machine, c: Control, load: Load, told: Told, index: int, now_s: float, is_lost: bool) -> None:
    """Dispatch a list of requests, which have just lost their replica or waited outside."""
    while index != NONE:
        after = m.requests[index].next
        if is_lost:
            forget(m, c, told, index)
        dispatch(m, c, load, told, index, now_s, False)
        index = after


@compiled
def come_in(m: Machine, c: Control, load: Load, told: Told, now_s: float) -> None:
    """Dispatch the requests that waited outside, if a replica takes them now."""
    if c.rules.num_homeless == 0:
        return
    if anyone_accepts(c):
        index = c.rules.first_homeless
        c.rules.first_homeless, c.rules.last_homeless, c.rules.num_homeless = NONE, NONE, 0
        send_on(m, c, load, told, index, now_s, False)


@compiled
def anyone_accepts(c: Control) -> bool:
    """Whether any replica takes requests."""
    num = 0
    for at in range(c.places.size):
        num += c.accepts[0, at] + c.accepts[1, at]
    return num > 0

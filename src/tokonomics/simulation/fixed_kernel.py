"""The event loop of a fixed fleet of few replicas: what most replays have, without what they have not.

Between two arrivals nothing passes from one replica to another, so each runs by itself up to the next arrival: no clock
says whose turn it is. Its compiled code has no prefix blocks, priorities, phases of their own, overflow, sessions or
timers (`Machine.extras` is None); what happens to every request is, to the bit, what the loop of any fleet would say.
"""

from math import inf
from typing import Final

from tokonomics.simulation.advance import end_step
from tokonomics.simulation.compiled import compiled, inlined, lowest_bit
from tokonomics.simulation.control import LEAST_OUTSTANDING, Control
from tokonomics.simulation.kernel import enqueue
from tokonomics.simulation.routing import choose_by_load
from tokonomics.simulation.schedule import schedule
from tokonomics.simulation.state import NONE, REJECTED, Floats, Ints, Load, Machine, Told

_PLACE_BITS: Final = 16
"""Bits that hold the place of a replica."""


@compiled
def run_fixed(m: Machine, c: Control, load: Load, told: Told, first: int, last: int) -> None:
    """Serve requests `first` up to `last`, as `run_fleet` does."""
    due_s = c.boundaries[c.boundaries.size >> 1 :]
    num_replicas = c.places.size
    is_end = last == load.arrival_s.size
    for index in range(first, last + is_end):  # one turn more in the end, so that `run_until` is compiled once
        now_s = load.arrival_s[index] if index < last else inf
        due = due_before(due_s, num_replicas, now_s)
        while due != 0:
            at = lowest_bit(due)
            due &= due - 1
            run_until(m, c, load, told, at, now_s)
            due_s[at] = m.replicas[at].boundary_s
        if index < last:
            arrive_at(m, c, load, told, due_s, index, now_s)


@inlined
def arrive_at(m: Machine, c: Control, load: Load, told: Told, due_s: Floats, index: int, now_s: float) -> None:
    """Send request `index` to the replica that the router picks, or turn it away."""
    if c.rules.router == LEAST_OUTSTANDING:
        at = first_least(m.outstanding_tokens)
    else:
        at = choose_by_load(m, c, load, index, 0)
    if m.replicas[at].num_queued >= m.engines[m.replicas[at].kind].max_queued:
        told.status[index] = REJECTED
        m.requests[index].replica = NONE
    else:
        enqueue(m, load, at, index, now_s)
        due_s[at] = m.replicas[at].boundary_s
    c.rules.now_s = now_s


@compiled
def due_before(due_s: Floats, num_replicas: int, before_s: float) -> int:
    """A bit for each replica whose step or jump ends before `before_s`: a pass that a processor need not guess at."""
    due = 0
    for at in range(num_replicas):
        due |= int(due_s[at] < before_s) << at
    return due


@compiled
def first_least(tokens: Ints) -> int:
    """`route_rules.least_outstanding` where every replica accepts: one pass, with the place in the low bits."""
    least: int = tokens[0] << _PLACE_BITS
    for at in range(1, tokens.size):
        least = min(least, tokens[at] << _PLACE_BITS | at)
    return least & ((1 << _PLACE_BITS) - 1)


@inlined
def run_until(m: Machine, c: Control, load: Load, told: Told, at: int, until_s: float) -> None:
    """Let replica `at` make every step that ends before `until_s`."""
    now_s = m.replicas[at].boundary_s
    while now_s < until_s:
        end_step(m, load, told, at)
        schedule(m, load, told, at, now_s)
        c.rules.now_s = max(c.rules.now_s, now_s)
        now_s = m.replicas[at].boundary_s

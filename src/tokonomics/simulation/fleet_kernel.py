"""The event loop of a fleet: arrivals, ends of steps and timers, whichever comes first."""

from math import inf

from tokonomics.simulation.advance import end_step
from tokonomics.simulation.clocks import first_clock, set_clock
from tokonomics.simulation.compiled import compiled
from tokonomics.simulation.control import DRAINING, Control
from tokonomics.simulation.leases import end_if_empty
from tokonomics.simulation.losses import ring, set_transfer_clock
from tokonomics.simulation.routing import dispatch
from tokonomics.simulation.schedule import schedule
from tokonomics.simulation.state import PREFILL, Load, Machine, Told

MOST_IDLE_TIMERS = 100_000
"""Timers that may ring after the last arrival while nothing runs; beyond, no replica will ever come."""


@compiled
def run_fleet(m: Machine, c: Control, load: Load, told: Told, first: int, last: int) -> None:
    """Serve requests `first` up to `last`; `c.rules.now_s` is the time of the last arrival or end of a step.

    What runs when request `last` is due goes on in the next call, whose `first` it is: any cuts give the same result.
    With the last request of the load, everything is served to its end.

    Of things at the same time, arrivals come first, then ends of steps, then timers. It ends early, with requests
    still waiting outside, when no replica would ever come.
    """
    coming, num_requests, idle_rings = first, load.arrival_s.size, 0
    now_s = load.arrival_s[0] if first == 0 else c.rules.now_s
    while idle_rings < MOST_IDLE_TIMERS and (coming < last or last == num_requests):
        arrival_s = load.arrival_s[coming] if coming < num_requests else inf
        boundary_s, timer_s = c.boundaries[1], c.timers[1]
        if arrival_s <= boundary_s and arrival_s <= timer_s and coming < num_requests:
            now_s = arrival_s
            dispatch(m, c, load, told, coming, now_s, True)
            coming += 1
            idle_rings = 0
        elif boundary_s <= timer_s and boundary_s < inf:
            now_s = boundary_s
            at = first_clock(c.boundaries)
            end_step(m, load, told, at)
            schedule(m, load, told, at, now_s)
            set_clock(c.boundaries, at, m.replicas[at].boundary_s)
            if m.engines[m.replicas[at].kind].role == PREFILL:
                set_transfer_clock(m, c)
            if c.places[at].state >= DRAINING:
                end_if_empty(m, c, at, now_s)
            idle_rings = 0
        elif timer_s < inf and (
            coming < num_requests or boundary_s < inf or c.rules.num_homeless + m.num_transfers[0] > 0
        ):
            c.rules.now_s = now_s
            ring(m, c, load, told, first_clock(c.timers), timer_s)
            now_s = c.rules.now_s  # later, if a step ended within a jump that a loss cut
            idle_rings = idle_rings + 1 if coming == num_requests and boundary_s == inf else 0
        else:
            break
    c.rules.now_s = now_s

"""The event loop: from an arrival or the end of a step to the next, never through the steps between."""

from math import inf

from tokonomics.simulation.advance import end_step
from tokonomics.simulation.compiled import compiled, inlined
from tokonomics.simulation.lists import queue_append
from tokonomics.simulation.plan import cut_jump
from tokonomics.simulation.schedule import prompt_length, schedule
from tokonomics.simulation.state import REJECTED, Load, Machine, Told


@compiled
def run_replica(m: Machine, load: Load, told: Told) -> None:
    """Serve the whole load on replica 0, until its last request is done."""
    replica = m.replicas[0]
    coming, num_requests = 0, load.arrival_s.size
    while True:
        arrival_s = load.arrival_s[coming] if coming < num_requests else inf
        if arrival_s <= replica.boundary_s and coming < num_requests:
            arrive(m, load, told, 0, coming, arrival_s)
            coming += 1
        elif replica.boundary_s < inf:
            end_step(m, load, told, 0)
            schedule(m, load, told, 0, replica.boundary_s)
        else:
            return


@inlined
def arrive(m: Machine, load: Load, told: Told, at: int, index: int, now_s: float) -> None:
    """Queue request `index` at replica `at`, or turn it away if the queue is full."""
    replica = m.replicas[at]
    if replica.num_queued >= m.engines[replica.kind].max_queued:
        told.status[index] = REJECTED
        return
    enqueue(m, load, at, index, now_s)


@inlined
def enqueue(m: Machine, load: Load, at: int, index: int, now_s: float) -> None:
    """Queue request `index` at replica `at`, waking it if it idles."""
    replica = m.replicas[at]
    m.requests[index].replica = at
    queue_append(replica, m.first[at], m.last[at], m.requests, index, load.level[index] if m.extras is not None else 0)
    m.queued_tokens[at] += prompt_length(m, load, index)
    m.outstanding_tokens[at] += load.input_tokens[index] + m.expected_output
    if replica.boundary_s == inf:
        replica.start_s, replica.boundary_s = now_s, now_s
    else:
        cut_jump(replica, now_s)

"""A closed loop: users who each send a request as soon as the last one is answered, as load tests do."""

from dataclasses import replace
from math import inf

import numpy as np

from tokonomics.errors import InputError
from tokonomics.physics.step import StepModel
from tokonomics.simulation.advance import end_step
from tokonomics.simulation.build import build_load
from tokonomics.simulation.compiled import compiled
from tokonomics.simulation.kernel import arrive
from tokonomics.simulation.options import EngineOptions
from tokonomics.simulation.replica import ReplicaResult, machine_of, result_of
from tokonomics.simulation.requests import Requests
from tokonomics.simulation.schedule import schedule
from tokonomics.simulation.state import Load, Machine, Told, new_told


def simulate_closed_loop(
    requests: Requests, step_model: StepModel, options: EngineOptions, *, num_users: int
) -> tuple[Requests, ReplicaResult]:
    """Serve `requests`, in their order, to `num_users` on one replica; their own arrivals are not looked at.

    All users begin at 0 s, and each sends the next request the moment its last one is answered. Returns the requests
    with the arrivals that came of it, and what happened to them: what a replay of those arrivals would say.
    Raises:    InputError for less than one user, a limited queue (a user who is turned away has no next moment), and
    what `simulate_replica` refuses.
    """
    if num_users < 1:
        raise InputError(f"num_users={num_users}; limit=1 or more; say how many requests are in flight")
    if options.max_queued_requests is not None:
        raise InputError("max_queued_requests in a closed loop; limit=none; users wait, so bound num_users instead")
    start = replace(requests, arrival_s=np.zeros(requests.num_requests))
    load, machine = build_load(start, options), machine_of(start, step_model, options)
    told = new_told(start.num_requests)
    run_closed_loop(machine, load, told, num_users)
    asked = replace(start, arrival_s=load.arrival_s)
    return asked, result_of(asked, load, machine, told)


@compiled
def run_closed_loop(m: Machine, load: Load, told: Told, num_users: int) -> None:
    """Serve the whole load on replica 0; `load.arrival_s` is written as the requests arrive."""
    replica = m.replicas[0]
    num_requests = load.arrival_s.size
    coming = min(num_users, num_requests)
    for index in range(coming):
        arrive(m, load, told, 0, index, 0.0)
    while replica.boundary_s < inf:
        answered = replica.num_done
        end_step(m, load, told, 0)
        now_s = replica.boundary_s
        for _ in range(replica.num_done - answered):
            if coming < num_requests:
                load.arrival_s[coming] = now_s
                replica.may_cut = 0  # the step that has just ended is no jump that an arrival could cut
                arrive(m, load, told, 0, coming, now_s)
                coming += 1
        schedule(m, load, told, 0, now_s)

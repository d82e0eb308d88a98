"""A fleet of machines that serve one request at a time, against the queueing formulas of Erlang."""

import math

import numpy as np
import pytest

from tokonomics.physics.step import StepModel
from tokonomics.policy.route import RoutePolicy
from tokonomics.simulation.fleet import simulate_fleet
from tokonomics.simulation.fleet_spec import FleetSpec, ReplicaSpec
from tokonomics.simulation.options import EngineOptions
from tokonomics.simulation.replica import simulate_replica
from tokonomics.simulation.requests import Requests

STEP_S = 0.001
MEAN_TOKENS = 2000


def constant_step(step_s):
    """A deployment whose every step takes `step_s`, however many sequences run."""
    rates = {"memory_bytes_per_s", "gemm_flop_per_s", "kv_bytes_per_s", "attention_flop_per_s", "link_bytes_per_s"}
    terms = {name: float(name in rates) for name in StepModel.__dataclass_fields__}
    return StepModel(**{k: np.asarray(v) for k, v in (terms | {"overhead_s": step_s, "num_stages": 1.0}).items()})


def memoryless(rng, num, rate):
    """Poisson arrivals whose outputs are geometric: with so many tokens, exponential services of 2 s."""
    return Requests(
        arrival_s=np.cumsum(rng.exponential(1.0 / rate, num)),
        input_tokens=np.full(num, 8, dtype=np.int64),
        output_tokens=rng.geometric(1.0 / MEAN_TOKENS, num),
    )


def erlang_c(num_servers, erlangs):
    """Chance that an arrival waits in M/M/c."""
    terms = [erlangs**k / math.factorial(k) for k in range(num_servers)]
    last = erlangs**num_servers / math.factorial(num_servers) / (1.0 - erlangs / num_servers)
    return last / (math.fsum(terms) + last)


@pytest.mark.parametrize(("num_servers", "load"), [(1, 0.6), (4, 0.7), (16, 0.9)])
def test_places_of_one_batch_are_the_servers_of_m_m_c(num_servers, load):
    """A batch of c places whose step time does not depend on the batch: c servers behind one queue."""
    service_s = STEP_S * MEAN_TOKENS
    rate = load * num_servers / service_s
    requests = memoryless(np.random.default_rng(8), 200_000, rate)
    options = EngineOptions(num_kv_blocks=10**7, max_sequences=num_servers)
    result = simulate_replica(requests, constant_step(STEP_S), options)
    wait_s = result.scheduled_s - requests.arrival_s
    chance = erlang_c(num_servers, load * num_servers)
    # an arrival that finds a place free still waits for the end of the running step
    assert (wait_s > STEP_S).mean() == pytest.approx(chance, rel=0.05)
    assert wait_s.mean() == pytest.approx(chance * service_s / (num_servers * (1 - load)), rel=0.07)


def test_join_the_least_loaded_lies_between_one_queue_and_separate_ones():
    """Routers cannot beat M/M/c, and one that looks beats c separate M/M/1 queues."""
    num_servers, load, service_s = 4, 0.7, STEP_S * MEAN_TOKENS
    requests = memoryless(np.random.default_rng(9), 100_000, load * num_servers / service_s)
    options = EngineOptions(num_kv_blocks=10**7, max_sequences=1)
    replicas = (ReplicaSpec(name="a", step_model=constant_step(STEP_S), options=options, num_replicas=num_servers),)

    def mean_wait_s(router):
        spec = FleetSpec(replicas=replicas, route=RoutePolicy(router=router))
        result = simulate_fleet(requests, spec, rng=np.random.default_rng(1))
        return float((result.scheduled_s - requests.arrival_s).mean())

    shared_s = erlang_c(num_servers, load * num_servers) * service_s / (num_servers * (1 - load))
    apart_s = load / (1 - load) * service_s
    least_s, turns_s = mean_wait_s("least_outstanding_tokens"), mean_wait_s("round_robin")
    assert shared_s * 0.95 < least_s < turns_s < apart_s


def test_a_fleet_obeys_little():
    requests = memoryless(np.random.default_rng(10), 50_000, 1.5)
    options = EngineOptions(num_kv_blocks=10**7, max_sequences=2)
    spec = FleetSpec(
        replicas=(ReplicaSpec(name="a", step_model=constant_step(STEP_S), options=options, num_replicas=2),)
    )
    result = simulate_fleet(requests, spec, rng=np.random.default_rng(1))
    span_s = result.end_s - result.start_s
    held = float(result.accounts.sequence_seconds.sum()) / span_s
    in_batch_s = (result.finish_s - result.scheduled_s).mean()
    assert held == pytest.approx(requests.num_requests / span_s * in_batch_s, rel=1e-6)

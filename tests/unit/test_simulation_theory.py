"""The simulator against queueing theory and closed forms, on settings simple enough for them."""

import numpy as np
import pytest
from tests.oracles.cases import random_step_model

from tokonomics.physics.steady import RequestShape, steady_batch
from tokonomics.physics.step import StepModel, step_time
from tokonomics.policy.overflow import OverflowPolicy
from tokonomics.simulation.fleet import simulate_fleet
from tokonomics.simulation.fleet_spec import Autoscaling, FleetSpec, ReplicaSpec
from tokonomics.simulation.options import EngineOptions
from tokonomics.simulation.replica import simulate_replica
from tokonomics.simulation.requests import Requests
from tokonomics.simulation.state import STATUS_NAMES


def constant_step(step_s):
    """A deployment whose every step takes `step_s`."""
    rates = {"memory_bytes_per_s", "gemm_flop_per_s", "kv_bytes_per_s", "attention_flop_per_s", "link_bytes_per_s"}
    terms = {name: float(name in rates) for name in StepModel.__dataclass_fields__}
    return StepModel(**{k: np.asarray(v) for k, v in (terms | {"overhead_s": step_s, "num_stages": 1.0}).items()})


def poisson(rng, num, rate, inputs, outputs):
    return Requests(
        arrival_s=np.cumsum(rng.exponential(1.0 / rate, num)),
        input_tokens=np.full(num, inputs, dtype=np.int64),
        output_tokens=np.full(num, outputs, dtype=np.int64),
    )


@pytest.mark.parametrize("load", [0.3, 0.7, 0.9])
def test_one_place_is_an_m_d_1_queue(load):
    """One sequence at a time, each of ten equal steps: mean wait = rho/(2(1-rho)) services."""
    service_s = 10 * 0.1
    requests = poisson(np.random.default_rng(3), 400_000, load / service_s, 8, 10)
    options = EngineOptions(num_kv_blocks=100, max_sequences=1)
    result = simulate_replica(requests, constant_step(0.1), options)
    wait_s = result.scheduled_s - requests.arrival_s
    assert wait_s.mean() == pytest.approx(load / (2 * (1 - load)) * service_s, rel=0.05)
    assert (wait_s > 0).mean() == pytest.approx(load, rel=0.02)
    account = result.account
    assert (account.decode_s + account.prefill_s) / account.span_s == pytest.approx(load, rel=0.01)
    np.testing.assert_allclose(result.finish_s - result.scheduled_s, service_s, rtol=1e-6)


def test_many_places_hold_what_little_says():
    requests = poisson(np.random.default_rng(4), 100_000, 20.0, 50, 40)
    result = simulate_replica(requests, constant_step(0.02), EngineOptions(num_kv_blocks=10**6))
    account = result.account
    in_batch_s = result.finish_s - result.scheduled_s
    rate = requests.num_requests / account.span_s
    assert account.mean_batch_sequences == pytest.approx(rate * in_batch_s.mean(), rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_saturated_replica_is_the_steady_batch_of_physics(seed):
    """All requests at once, a full batch throughout: throughput within 1 % of the closed form."""
    model, places, inputs, outputs = random_step_model(np.random.default_rng(seed)), 32, 64, 256
    num = 12_800
    requests = Requests(
        arrival_s=np.zeros(num),
        input_tokens=np.full(num, inputs, dtype=np.int64),
        # lengths differ, so that the batch does not run in step
        output_tokens=np.random.default_rng(9).integers(1, 2 * outputs, num),
    )
    options = EngineOptions(num_kv_blocks=10**6, max_sequences=places, step_budget_tokens=8192)
    result = simulate_replica(requests, model, options)
    lengths = requests.output_tokens.astype(float)
    context = float((lengths * (inputs + lengths / 2)).sum() / lengths.sum())
    shape = RequestShape(input_tokens=inputs, output_tokens=float(lengths.mean()), context_tokens=context)
    # a prompt's first token comes out of its own step, so a batch of N holds N less those being prefilled
    expected = steady_batch(model, places, shape).requests_per_s
    assert num / result.account.span_s == pytest.approx(float(expected), rel=0.01)


def test_a_lone_request_takes_the_steps_that_physics_says():
    model = random_step_model(np.random.default_rng(2))
    requests = Requests(
        arrival_s=np.array([3.0]), input_tokens=np.array([100]), output_tokens=np.array([50]), priority=None
    )
    result = simulate_replica(requests, model, EngineOptions(num_kv_blocks=100))
    prefill_s = float(step_time(model, 0, 0.0, 100, 50.0).total_s)
    decode_s = float(step_time(model, 1, 100.0 + np.arange(1, 50)).total_s.sum())
    assert result.first_token_s[0] == pytest.approx(3.0 + prefill_s, rel=1e-12)
    assert result.finish_s[0] == pytest.approx(3.0 + prefill_s + decode_s, rel=1e-12)


def fleet_of(num, **more):
    spec = ReplicaSpec(
        name="a",
        step_model=constant_step(0.1),
        options=EngineOptions(num_kv_blocks=100, max_sequences=1),
        num_replicas=num,
        **more,
    )
    return FleetSpec(replicas=(spec,))


def run(requests, spec):
    return simulate_fleet(requests, spec, rng=np.random.default_rng(1))


def test_a_fleet_of_one_is_a_replica():
    requests = poisson(np.random.default_rng(5), 2000, 0.8, 8, 10)
    alone = simulate_replica(requests, constant_step(0.1), EngineOptions(num_kv_blocks=100, max_sequences=1))
    np.testing.assert_allclose(run(requests, fleet_of(1)).finish_s, alone.finish_s, rtol=1e-12)


def test_same_seed_same_result():
    requests = poisson(np.random.default_rng(5), 500, 3.0, 8, 10)
    spec = fleet_of(4, mean_spot_life_hours=0.01, spot_notice_s=0.0, load_s=5.0)
    first, second = run(requests, spec), run(requests, spec)
    assert first.finish_s.tobytes() == second.finish_s.tobytes()
    assert first.num_losses.sum() > 0


def test_without_a_replica_to_come_requests_are_given_up_and_named_so():
    requests = poisson(np.random.default_rng(5), 20, 3.0, 8, 10)
    result = run(requests, fleet_of(0))
    assert {STATUS_NAMES[status] for status in result.status} == {"lost"}


def test_an_autoscaler_with_no_one_to_decode_ends():
    one = fleet_of(1).replicas[0]
    prefill = ReplicaSpec(
        name="p",
        step_model=one.step_model,
        options=one.options,
        role="prefill",
        autoscaling=Autoscaling(target_requests=2.0),
    )
    decode = ReplicaSpec(name="d", step_model=one.step_model, options=one.options, role="decode", num_replicas=0)
    requests = poisson(np.random.default_rng(5), 5, 3.0, 8, 10)
    result = run(requests, FleetSpec(replicas=(prefill, decode)))
    assert {STATUS_NAMES[status] for status in result.status} == {"lost"}
    assert np.isfinite(result.first_token_s).all()


def test_overflow_takes_all_when_there_is_no_fleet():
    requests = poisson(np.random.default_rng(5), 20, 3.0, 8, 10)
    spec = FleetSpec(
        replicas=fleet_of(0).replicas,
        overflow=OverflowPolicy(backend="api", enter_ttft_s=1.0, max_requests_per_minute=12),
    )
    names = [STATUS_NAMES[status] for status in run(requests, spec).status]
    assert names == ["overflowed"] * 12 + ["lost"] * 8


def test_leases_are_billed_in_increments_from_launch_to_end():
    requests = Requests(arrival_s=np.array([0.0, 100.0]), input_tokens=np.full(2, 8), output_tokens=np.full(2, 10))
    spec = fleet_of(1, capacity_plan=((50.0, 2), (70.0, 1)), load_s=5.0, billing_increment_s=60.0, min_billed_s=90.0)
    accounts = run(requests, spec).accounts
    np.testing.assert_allclose(accounts.leased_s, [70.0, 51.0] if accounts.leased_s[0] < 100 else [101.0, 20.0])
    assert sorted(accounts.billed_s) == [90.0, 120.0]
    assert accounts.loading_s.sum() == 5.0

"""The time outside the steps: the same by arrays and one by one, and seen by every reader of latencies."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.cases import random_requests, random_step_model

from tokonomics.physics.latency import PromptSpread, latency_estimate
from tokonomics.physics.steady import RequestShape
from tokonomics.simulation.fleet import simulate_fleet
from tokonomics.simulation.fleet_spec import FleetSpec, ReplicaSpec
from tokonomics.simulation.options import EngineOptions
from tokonomics.simulation.summary import request_latency

OPTIONS = EngineOptions(num_kv_blocks=400, block_tokens=16, max_sequences=4)
FRONT = {"request_overhead_s": 0.5, "token_overhead_s": 0.01, "num_admission_steps": 3.0}


def with_front(model, **terms):
    return replace(model, **{name: np.asarray(value) for name, value in terms.items()})


@pytest.fixture
def model():
    return with_front(random_step_model(np.random.default_rng(3)), **dict.fromkeys(FRONT, 0.0))


def replayed(requests, model):
    fleet = FleetSpec(replicas=(ReplicaSpec(name="a", step_model=model, options=OPTIONS, num_replicas=2),))
    return simulate_fleet(requests, fleet, rng=np.random.default_rng(0))


@pytest.fixture
def requests():
    return random_requests(np.random.default_rng(4), 60, most_input=90, most_output=12, gap_s=0.004)


def test_without_terms_users_see_what_the_engine_did(requests, model):
    result = replayed(requests, model)
    assert (result.outside_s == 0.0).all()


def test_front_end_and_waiting_add_to_first_token_and_end_but_not_to_gaps(requests, model):
    bare, whole = replayed(requests, model), replayed(requests, with_front(model, **FRONT))
    assert (whole.finish_s == bare.finish_s).all()  # the engine does what it did
    before, after = request_latency(requests, bare), request_latency(requests, whole)
    added_s = after.ttft_s - before.ttft_s
    gap_s = np.where(np.isnan(before.itl_s), 0.0, before.itl_s)
    waited = bare.scheduled_s > requests.arrival_s
    assert waited.any()
    assert not waited.all()
    assert added_s == pytest.approx(0.5 + 0.01 * requests.input_tokens + 3.0 * waited * gap_s, rel=1e-9)
    assert after.e2e_s - before.e2e_s == pytest.approx(added_s, rel=1e-9)
    assert (after.itl_s == before.itl_s)[~np.isnan(before.itl_s)].all()


def test_closed_form_waits_for_no_step_of_an_idle_engine(model):
    shape = RequestShape(input_tokens=100.0, output_tokens=50.0, context_tokens=125.0)
    spread = PromptSpread(
        input_tokens=100.0, output_tokens=50.0, input_cv=0.0, arrival_cv=1.0, median_output_tokens=50.0
    )

    def added_s(batch, percentile):
        found = [
            latency_estimate(one, batch, shape, spread, percentile).ttft_s
            for one in (model, with_front(model, **FRONT))
        ]
        return float(found[1] - found[0])

    assert added_s(0.01, 95.0) == pytest.approx(0.5 + 1.0)
    assert added_s(0.5, 95.0) > 0.5 + 1.0
    assert 1.5 < added_s(0.5, None) < added_s(5.0, None)

"""Bad input to the simulator is met with advice that names the row; options say what they mean."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.cases import random_step_model

from tokonomics.errors import InputError
from tokonomics.policy.overflow import OverflowPolicy
from tokonomics.policy.route import RoutePolicy
from tokonomics.simulation.coefficients import coefficient_row
from tokonomics.simulation.fleet import simulate_fleet
from tokonomics.simulation.fleet_spec import Autoscaling, FleetSpec, ReplicaSpec
from tokonomics.simulation.options import EngineOptions
from tokonomics.simulation.replica import simulate_replica
from tokonomics.simulation.requests import Requests, requests_from_trace, requests_of
from tokonomics.workload.prefix import BlockHashes
from tokonomics.workload.trace import Trace

MODEL = random_step_model(np.random.default_rng(1))
OPTIONS = EngineOptions(num_kv_blocks=100)


def requests(arrival_s=(0.0, 1.0, 2.0), inputs=(10, 20, 30), outputs=(1, 2, 3), **more):
    return Requests(
        arrival_s=np.array(arrival_s, dtype=float),
        input_tokens=np.array(inputs, dtype=np.int64),
        output_tokens=np.array(outputs, dtype=np.int64),
        **more,
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"arrival_s": (0.0, 3.0, 2.0)}, "row 2: arrival_s is before that of the row above"),
        ({"arrival_s": (0.0, np.nan, 2.0)}, "row 1: arrival_s is not a finite number"),
        ({"outputs": (1, 0, 3)}, "row 1: output_tokens is not in"),
        ({"inputs": (0, -5, 30)}, "row 0, 1: input_tokens is not in"),
        ({"inputs": (1, 2)}, "input_tokens has shape"),
        ({"arrival_s": (), "inputs": (), "outputs": ()}, "num_requests=0"),
        ({"priority": np.array([0, -1, 0])}, "row 1: priority is below 0"),
    ],
)
def test_bad_requests_are_named(wrong, said):
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        requests(**wrong)


def test_all_bad_rows_are_told_at_once():
    with pytest.raises(InputError) as caught:
        requests(arrival_s=(0.0, 3.0, 2.0), outputs=(0, 0, 0), inputs=(0, 1, 1))
    assert len(caught.value.violations) == 3


def test_many_bad_rows_are_counted():
    with pytest.raises(InputError, match="row 0, 1, 2 and 7 more: output_tokens"):
        requests(arrival_s=np.arange(10.0), inputs=np.ones(10), outputs=np.zeros(10))


def test_a_request_that_can_never_fit_is_named():
    with pytest.raises(InputError, match=r"row 1: needs up to 1,601 tokens of KV cache; limit=1,600 tokens"):
        simulate_replica(requests(inputs=(10, 1600, 30)), MODEL, OPTIONS)
    result = simulate_replica(requests(inputs=(10, 1599, 30)), MODEL, OPTIONS)
    assert np.isfinite(result.finish_s).all()


def test_a_priority_without_a_level_is_named():
    with pytest.raises(InputError, match="row 2: priority is above 7"):
        simulate_replica(requests(priority=np.array([0, 7, 8])), MODEL, replace(OPTIONS, queueing="priority"))


@pytest.mark.parametrize("name", ["overhead_s", "gemm_flop_per_token", "window_tokens"])
def test_nan_coefficients_are_named(name):
    with pytest.raises(InputError, match=f"{name}=nan"):
        simulate_replica(requests(), replace(MODEL, **{name: np.asarray(np.nan)}), OPTIONS)


def test_zero_rates_and_many_deployments_are_refused():
    wrong = replace(MODEL, kv_bytes_per_s=np.asarray(0.0), overhead_s=np.zeros(2))
    with pytest.raises(InputError) as caught:
        coefficient_row(wrong, num_draft_tokens=0, draft_cost=0.0, round_tokens=1.0)
    assert [text.partition("=")[0].partition(" ")[0] for text in caught.value.violations] == [
        "overhead_s",
        "kv_bytes_per_s",
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"num_kv_blocks": 0}, "num_kv_blocks=0"),
        ({"block_tokens": 0}, "block_tokens=0"),
        ({"max_sequences": 9000}, "max_sequences x"),
        ({"num_draft_tokens": 8}, "max_sequences x"),
        ({"num_draft_tokens": -1}, "num_draft_tokens=-1"),
        ({"acceptance_frac": 1.2}, "acceptance_frac=1.2"),
        ({"watermark_frac": np.nan}, "watermark_frac=nan"),
        ({"draft_cost_ratio": -1.0}, "draft_cost_ratio=-1"),
        ({"max_queued_requests": 0}, "max_queued_requests=0"),
        ({"batching": "magic"}, "batching='magic'"),
        ({"queueing": "lifo"}, "queueing='lifo'"),
        ({"use_prefix_cache": True, "cached_input_frac": 0.5}, "beside use_prefix_cache"),
    ],
)
def test_wrong_options_are_told(wrong, said):
    with pytest.raises(InputError, match=said):
        replace(OPTIONS, **wrong)


def test_prefix_cache_needs_hashes_that_suit_the_blocks():
    cached = replace(OPTIONS, use_prefix_cache=True)
    with pytest.raises(InputError, match="use_prefix_cache without block hashes"):
        simulate_replica(requests(), MODEL, cached)
    hashes = BlockHashes(offsets=np.array([0, 1, 2, 3]), ids=np.array([0, 0, 1]), tokens_per_block=24)
    with pytest.raises(InputError, match="block_tokens=16; limit=a divisor"):
        simulate_replica(requests(block_hashes=hashes), MODEL, cached)
    with pytest.raises(InputError, match="block_hashes has 3 rows"):
        requests(arrival_s=(0.0,), inputs=(1,), outputs=(1,), block_hashes=hashes)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"target_requests": 0.0}, "target_requests=0"),
        ({"target_requests": 1.0, "min_replicas": 5, "max_replicas": 4}, "min_replicas=5"),
        ({"target_requests": 1.0, "down_cooldown_s": -1.0}, "down_cooldown_s=-1"),
    ],
)
def test_wrong_autoscaling_is_told(wrong, said):
    with pytest.raises(InputError, match=said):
        Autoscaling(**wrong)


def replica(**more):
    return ReplicaSpec(**({"name": "a", "step_model": MODEL, "options": OPTIONS} | more))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"num_replicas": -1}, "num_replicas=-1"),
        ({"capacity_plan": ((5.0, 1), (1.0, 2))}, "not in order"),
        ({"capacity_plan": ((5.0, -1),)}, "number of replicas outside"),
        ({"mean_spot_life_hours": 0.0}, "mean_spot_life_hours=0"),
        ({"load_s": np.nan}, "load_s=nan"),
        ({"role": "chef"}, "role='chef'"),
        ({"kv_transfer_tokens_per_s": 0.0}, "kv_transfer_tokens_per_s=0"),
    ],
)
def test_wrong_replicas_are_told(wrong, said):
    with pytest.raises(InputError, match=said):
        replica(**wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"replicas": ()}, "replicas is empty"),
        ({"replicas": (replica(), replica(options=replace(OPTIONS, block_tokens=8)))}, "block_tokens differs"),
        ({"replicas": (replica(role="decode"),)}, "come together"),
        ({"replicas": (replica(),), "route": RoutePolicy(router="prefix_affine")}, "prefix_affine without"),
    ],
)
def test_wrong_fleets_are_told(wrong, said):
    with pytest.raises(InputError, match=said):
        FleetSpec(**wrong)


def test_a_session_is_asked_for_where_something_goes_by_it():
    sticky = OverflowPolicy(backend="api", enter_ttft_s=1.0, stick_s=1.0)
    for more in ({"route": RoutePolicy(router="session_affine")}, {"overflow": sticky}):
        spec = FleetSpec(replicas=(replica(),), **more)
        with pytest.raises(InputError, match="traffic without sessions"):
            simulate_fleet(requests(), spec, rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="row 1: session_index"):
        requests(session_index=np.array([0, -2, 1]))


def trace(**more):
    return Trace(
        **(
            {"name": "t", "format": "f", "input_tokens": np.array([5.0, 6.0]), "output_tokens": np.array([1.0, 2.0])}
            | more
        )
    )


def test_a_trace_is_repeated_end_to_end_and_sped_up():
    hashes = BlockHashes(offsets=np.array([0, 1, 2]), ids=np.array([7, 8]), tokens_per_block=4)
    once = trace(arrivals_s=np.array([0.0, 10.0]), block_hashes=hashes)
    twice = requests_from_trace(once, rate_ratio=2.0, num_repeats=2)
    assert twice.arrival_s.tolist() == [0.0, 5.0, 10.0, 15.0]
    assert twice.input_tokens.tolist() == [5, 6, 5, 6]
    assert twice.block_hashes.ids.tolist() == [7, 8, 7, 8]


@pytest.mark.parametrize(
    ("more", "how", "said"),
    [
        ({}, {}, "t has no arrivals"),
        ({"arrivals_s": np.array([])}, {}, "t is empty"),
        ({"arrivals_s": np.array([0.0, 1.0])}, {"rate_ratio": 0.0}, "rate_ratio=0"),
        ({"arrivals_s": np.array([0.0, 1.0])}, {"num_repeats": 0}, "num_repeats=0"),
    ],
)
def test_a_trace_that_cannot_be_replayed_is_told(more, how, said):
    with pytest.raises(InputError, match=said):
        requests_from_trace(trace(**more), **how)


def test_token_counts_that_are_no_numbers_become_an_error_not_a_guess():
    with pytest.raises(InputError, match="row 0: input_tokens"):
        requests_of(np.array([0.0]), np.array([np.nan]), np.array([1.0]))

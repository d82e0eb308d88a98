"""The compiled fleet is a fleet of stepping engines behind the policies the gateway runs, to rounding."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.cases import engines, examples, random_hashes, random_requests, random_step_model, seeds
from tests.oracles.stepping import column
from tests.oracles.stepping_fleet import fates, step_fleet

from tokonomics.policy.overflow import OverflowPolicy
from tokonomics.policy.route import ROUTERS, RoutePolicy
from tokonomics.policy.route_rules import least_outstanding
from tokonomics.simulation.build import build_load
from tokonomics.simulation.fixed_kernel import due_before, first_least
from tokonomics.simulation.fleet import simulate_fleet
from tokonomics.simulation.fleet_build import build_control, build_fleet_load, build_machine
from tokonomics.simulation.fleet_spec import Autoscaling, FleetSpec, ReplicaSpec
from tokonomics.simulation.serve import serve
from tokonomics.simulation.state import STATUS_NAMES, new_told

RTOL = 1e-9
MOST_INPUT, MOST_OUTPUT = 60, 40
scalings = st.one_of(
    st.none(),
    st.builds(
        Autoscaling,
        target_requests=st.sampled_from([0.7, 2.0, 5.0]),
        min_replicas=st.integers(0, 1),
        max_replicas=st.integers(1, 4),
        interval_s=st.sampled_from([0.0311, 0.177]),
        up_cooldown_s=st.sampled_from([0.0, 0.0503]),
        down_cooldown_s=st.sampled_from([0.0, 0.1009]),
    ),
)
overflows = st.one_of(
    st.none(),
    st.builds(
        OverflowPolicy,
        backend=st.just("api"),
        enter_ttft_s=st.sampled_from([None, 0.0153, 0.0531]),
        enter_queue_tokens=st.sampled_from([30, 200]),
        leave_queue_tokens=st.sampled_from([0, 20]),
        max_requests_per_minute=st.sampled_from([None, 3]),
        max_tokens_per_minute=st.sampled_from([None, 200]),
    ),
)


@st.composite
def lives(draw):
    """How replicas come and go."""
    return {
        "num_replicas": draw(st.integers(0, 4)),
        "load_s": draw(st.sampled_from([0.0, 0.0207, 0.213])),
        "autoscaling": draw(scalings),
        "capacity_plan": draw(st.sampled_from([(), ((0.0701, 2), (0.303, 1), (0.509, 3))])),
        "mean_spot_life_hours": draw(st.sampled_from([None, None, 5e-4])),
        "spot_notice_s": draw(st.sampled_from([0.0, 0.0407])),
        "mean_time_to_failure_hours": draw(st.sampled_from([None, None, 5e-4])),
        "billing_increment_s": draw(st.sampled_from([0.0, 0.1])),
        "min_billed_s": draw(st.sampled_from([0.0, 0.3])),
    }


@st.composite
def cases(draw, *, steady=False, hashed=False, split=False, talks=False, plain=False):
    rng = np.random.default_rng(draw(seeds))
    gap_s = draw(st.sampled_from([0.0, 1e-3, 1e-2, 1e-1]))
    requests = random_requests(
        rng, draw(st.integers(1, 40)), most_input=MOST_INPUT, most_output=MOST_OUTPUT, gap_s=gap_s, levels=3
    )
    if talks:
        requests = replace(requests, session_index=rng.integers(-1, 6, requests.num_requests))
    need = MOST_INPUT + MOST_OUTPUT
    fixed = {"cached_input_frac": 0.0} if hashed else {"batching": "chunked", "queueing": "fcfs"} if plain else {}
    shared = draw(engines(need_tokens=need, **fixed))
    if hashed:
        hashes = random_hashes(rng, requests.input_tokens, unit_tokens=2 * shared.block_tokens)
        requests, shared = replace(requests, block_hashes=hashes), replace(shared, use_prefix_cache=True)
    replicas = []
    for number in range(2 if split else draw(st.integers(1, 2))):
        role = ("prefill", "decode")[number] if split else "mixed"
        link = {
            "kv_transfer_latency_s": draw(st.sampled_from([0.0, 0.0051])),
            "kv_transfer_tokens_per_s": draw(st.sampled_from([float("inf"), 5003.0])),
        }
        life = {"num_replicas": draw(st.integers(1, 4))} if steady else draw(lives())
        if split and not life.get("autoscaling"):  # a role that nobody ever plays is asked for in a unit test
            life["num_replicas"] = max(life["num_replicas"], 1)
        options = replace(shared, num_kv_blocks=shared.num_kv_blocks + number)
        replicas.append(
            ReplicaSpec(name=str(number), step_model=random_step_model(rng), options=options, role=role, **link, **life)
        )
    router = draw(st.sampled_from(ROUTERS[:4] if hashed else ROUTERS[:3]))
    overflow = None if plain else draw(overflows)
    if talks:
        router = draw(st.sampled_from(["session_affine", router]))
        stick = {"stick_s": draw(st.sampled_from([0.011, 0.5]))}
        stick["sticky_sides"] = draw(st.sampled_from([("api",), ("fleet",), ("api", "fleet")]))
        overflow = overflow and replace(overflow, **stick)
    spec = FleetSpec(
        replicas=tuple(replicas),
        route=RoutePolicy(router=router),
        overflow=overflow,
        keep_tokens=draw(st.booleans()),
        expected_output_tokens=20.0,
    )
    return requests, spec


def check(case):
    requests, spec = case
    result = simulate_fleet(requests, spec, rng=np.random.default_rng(5))
    options = spec.replicas[0].options
    hashes = requests.block_hashes if options.use_prefix_cache else None
    load = build_load(requests, options)
    fleet, end_s = step_fleet(load, spec, np.random.default_rng(5), 20, hashes)
    sequences = fleet.sequences
    names = np.array(["done", "done", "rejected", "overflowed", "lost"])[result.status]
    homeless = [one.index for one in fleet.outside]
    told = fates(sequences)
    told[homeless] = "lost"
    assert list(names) == list(told)
    for name in ("scheduled_s", "first_token_s", "finish_s"):
        np.testing.assert_allclose(getattr(result, name), column(sequences, name), rtol=RTOL, err_msg=name)
    assert (result.num_losses == column(sequences, "losses")).all()
    assert (result.num_preemptions == column(sequences, "preemptions")).all()
    accounts = result.accounts
    for name in ("leased_s", "billed_s", "loading_s", "lost_s", "num_leases", "num_lost"):
        expected = [getattr(place, name) for place in fleet.places]
        np.testing.assert_allclose(getattr(accounts, name), expected, rtol=1e-8, atol=1e-9, err_msg=name)
    for name in ("decode_s", "prefill_s"):
        expected = [getattr(place.replica, name) for place in fleet.places]
        np.testing.assert_allclose(getattr(accounts, name), expected, rtol=1e-8, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(result.end_s, end_s, rtol=RTOL)
    return result


@settings(max_examples=examples(60))
@given(case=cases(steady=True))
def test_equals_stepping_behind_every_router(case):
    check(case)


@settings(max_examples=examples(60))
@given(case=cases(steady=True, plain=True))
def test_equals_stepping_where_the_fleet_is_plain(case):
    assert case[1].is_plain
    check(case)


@settings(max_examples=examples(60))
@given(case=cases(steady=True, plain=True), cuts=st.lists(st.integers(1, 39), max_size=3))
def test_the_leaner_loop_gives_the_bits_of_the_general_one(case, cuts):
    """Whatever the general loop tells of requests and replicas, also when it is left and entered again."""
    requests, spec = case
    told = [new_told(requests.num_requests) for _ in range(2)]
    loads = [build_fleet_load(requests, spec) for _ in range(2)]
    machines = [build_machine(requests, spec)._replace(extras=extras) for extras in (None, 1)]
    controls = [build_control(requests, spec, one, np.random.default_rng(0)) for one in machines]
    num = requests.num_requests
    for first, last in pairwise([0, *sorted(cut for cut in cuts if cut < num), num]):
        for state in zip(machines, controls, loads, told, strict=True):
            serve(*state, first, last)
        assert controls[0].rules["now_s"] == controls[1].rules["now_s"]
        for mine, theirs in zip(told[0], told[1], strict=True):
            np.testing.assert_array_equal(mine, theirs)
        for name in ("replicas", "requests", "queued_tokens", "outstanding_tokens"):
            np.testing.assert_array_equal(getattr(machines[0], name), getattr(machines[1], name), err_msg=name)


@settings(max_examples=examples(200))
@given(tokens=st.lists(st.integers(0, 6) | st.integers(2**40, 2**46), min_size=1, max_size=30))
def test_the_leaner_loop_has_the_router_of_the_policy(tokens):
    assert first_least(np.array(tokens)) == least_outstanding(tokens, [1] * len(tokens))


@settings(max_examples=examples(200))
@given(due_s=st.lists(st.floats(0, 9) | st.just(np.inf), min_size=1, max_size=64), now_s=st.floats(0, 9))
def test_the_leaner_loop_sees_every_replica_that_is_due_and_no_other(due_s, now_s):
    found = due_before(np.array(due_s), len(due_s), now_s)
    assert [at for at in range(64) if found >> at & 1] == [at for at, one in enumerate(due_s) if one < now_s]


@settings(max_examples=examples(40))
@given(case=cases(steady=True, hashed=True))
def test_equals_stepping_with_prefix_affinity(case):
    check(case)


@settings(max_examples=examples(100))
@given(case=cases())
def test_equals_stepping_while_replicas_come_and_go(case):
    check(case)


@settings(max_examples=examples(60))
@given(case=st.one_of(cases(steady=True, split=True), cases(split=True), cases(split=True, hashed=True)))
def test_equals_stepping_with_prefill_and_decode_apart(case):
    check(case)


@settings(max_examples=examples(80))
@given(case=st.one_of(cases(steady=True, talks=True), cases(talks=True), cases(split=True, talks=True)))
def test_equals_stepping_with_sessions_that_stay(case):
    check(case)


@settings(max_examples=examples(50))
@given(case=cases())
def test_no_request_and_no_second_is_lost_or_doubled(case):
    requests, _ = case
    result = check(case)
    finished = np.isin(result.status, [STATUS_NAMES.index("done"), STATUS_NAMES.index("cut")])
    assert (np.isnan(result.finish_s) == ~finished).all()
    assert (result.replica[finished] >= 0).all()
    accounts = result.accounts
    assert int(accounts.num_done.sum()) == int(finished.sum())
    assert (np.bincount(result.replica[finished], minlength=accounts.num_done.size) == accounts.num_done).all()
    parts = accounts.decode_s + accounts.prefill_s + accounts.lost_s + accounts.loading_s + accounts.idle_s
    np.testing.assert_allclose(parts, accounts.leased_s, atol=1e-9)
    assert (accounts.idle_s >= -1e-9).all()
    assert (accounts.billed_s >= accounts.leased_s - 1e-9).all()
    assert int(result.output_tokens.sum()) <= int(requests.output_tokens.sum())

"""A closed loop is the replay of the arrivals that came of it, and its users never have two requests in flight."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.cases import engines, random_requests, random_step_model, seeds

from tokonomics.errors import InputError
from tokonomics.simulation.closed_loop import simulate_closed_loop
from tokonomics.simulation.options import EngineOptions
from tokonomics.simulation.replica import simulate_replica

MOST_INPUT, MOST_OUTPUT = 60, 40


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(seeds))
    requests = random_requests(rng, draw(st.integers(1, 40)), most_input=MOST_INPUT, most_output=MOST_OUTPUT, gap_s=0.0)
    options = draw(engines(need_tokens=MOST_INPUT + MOST_OUTPUT, max_queued_requests=None))
    return requests, random_step_model(rng), options, draw(st.integers(1, 12))


@settings(max_examples=100, deadline=None)
@given(case=cases())
def test_a_closed_loop_is_the_replay_of_its_own_arrivals(case):
    requests, model, options, num_users = case
    asked, found = simulate_closed_loop(requests, model, options, num_users=num_users)
    again = simulate_replica(asked, model, options)
    for name in ("scheduled_s", "first_token_s", "finish_s", "num_preemptions", "status"):
        np.testing.assert_allclose(getattr(found, name), getattr(again, name), rtol=1e-9, err_msg=name)
    assert found.account.num_steps == again.account.num_steps


@settings(max_examples=100, deadline=None)
@given(case=cases())
def test_every_user_has_one_request_in_flight_until_none_is_left(case):
    requests, model, options, num_users = case
    asked, found = simulate_closed_loop(requests, model, options, num_users=num_users)
    assert (requests.arrival_s == 0).all(), "the caller's arrivals are left alone"
    begun = min(num_users, asked.num_requests)
    assert (asked.arrival_s[:begun] == 0).all()
    later = asked.arrival_s[begun:]
    np.testing.assert_array_equal(later, np.sort(found.finish_s)[: later.size])


def test_one_user_waits_for_nobody():
    rng = np.random.default_rng(1)
    requests, model = random_requests(rng, 5, most_input=60, most_output=40, gap_s=0.0), random_step_model(rng)
    asked, found = simulate_closed_loop(requests, model, EngineOptions(num_kv_blocks=100), num_users=1)
    np.testing.assert_array_equal(asked.arrival_s[1:], found.finish_s[:-1])
    np.testing.assert_array_equal(found.scheduled_s, asked.arrival_s)


@pytest.mark.parametrize(
    ("num_users", "options", "said"),
    [
        (0, {}, "num_users=0; limit=1 or more"),
        (2, {"max_queued_requests": 4}, "max_queued_requests in a closed loop"),
    ],
)
def test_what_is_no_closed_loop_is_refused(num_users, options, said):
    rng = np.random.default_rng(1)
    requests = random_requests(rng, 5, most_input=60, most_output=40, gap_s=0.0)
    with pytest.raises(InputError, match=said):
        simulate_closed_loop(
            requests, random_step_model(rng), EngineOptions(num_kv_blocks=100, **options), num_users=num_users
        )

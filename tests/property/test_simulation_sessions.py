"""A session that a trace names stays together: through every reader, every repetition, and on its replica."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.cases import engines, examples, random_step_model, seeds

from tokonomics.policy.overflow import OverflowPolicy
from tokonomics.policy.route import RoutePolicy
from tokonomics.simulation.fleet import simulate_fleet
from tokonomics.simulation.fleet_spec import FleetSpec, ReplicaSpec
from tokonomics.simulation.requests import requests_from_trace
from tokonomics.simulation.state import STATUS_NAMES
from tokonomics.workload.sessions import SessionShape, session_trace
from tokonomics.workload.trace import NO_SESSION, Trace
from tokonomics.workload.traces import read_trace

MOST_CONTEXT = 60
OVERFLOWED = STATUS_NAMES.index("overflowed")
# of a CSV cell: no comma, quote, line end or lone surrogate; a blank name is none
names = st.text(st.characters(exclude_characters=',"\n\r', exclude_categories=("Cs", "Cc", "Z")), max_size=4)


@st.composite
def talks(draw):
    """Conversations, of some of whose requests it is not known to which they belong."""
    rng = np.random.default_rng(draw(seeds))
    shape = SessionShape(
        mean_turns_ratio=draw(st.floats(1.0, 6.0)),
        turn_gap_s=draw(st.sampled_from([1e-3, 0.05])),
        max_context_tokens=MOST_CONTEXT,
    )
    starts_s = np.sort(rng.uniform(0.0, 0.1, draw(st.integers(1, 12))))
    prompts, answers = rng.integers(1, 20, 9).astype(float), rng.integers(1, 20, 9).astype(float)
    trace = session_trace(starts_s, shape, rng, prompt_tokens=prompts, answer_tokens=answers)
    is_unknown = rng.random(trace.num_requests) < draw(st.sampled_from([0.0, 0.3]))
    trace.session_ids[is_unknown] = NO_SESSION
    return trace


@st.composite
def fleets(draw, num_replicas, **more):
    options = draw(engines(need_tokens=MOST_CONTEXT))
    model = random_step_model(np.random.default_rng(draw(seeds)))
    one = ReplicaSpec(name="one", step_model=model, options=options, num_replicas=draw(num_replicas))
    return FleetSpec(replicas=(one,), expected_output_tokens=20.0, **more)


def together(groups: np.ndarray, places: np.ndarray) -> bool:
    """Whether each group is in one place."""
    return len({*zip(groups.tolist(), places.tolist())}) == np.unique(groups).size


@settings(max_examples=examples(80))
@given(trace=talks(), num_repeats=st.integers(1, 3), data=st.data())
def test_a_session_is_on_one_replica_that_accepts_and_is_not_overloaded(trace, num_repeats, data):
    spacious = RoutePolicy(router="session_affine", max_load_ratio=1e6)
    spec = data.draw(
        st.one_of(
            fleets(st.integers(1, 5), route=spacious),
            fleets(
                st.integers(1, 2), route=RoutePolicy(router="session_affine")
            ),  # one of two has at most twice the mean
        )
    )
    requests = requests_from_trace(trace, num_repeats=num_repeats)
    result = simulate_fleet(requests, spec, rng=np.random.default_rng(0))
    served = (requests.session_index != NO_SESSION) & (result.replica >= 0)
    assert together(requests.session_index[served], result.replica[served])
    num_sessions = np.unique(trace.session_ids[trace.session_ids != NO_SESSION]).size
    assert np.unique(requests.session_index[requests.session_index != NO_SESSION]).size == num_repeats * num_sessions


@settings(max_examples=examples(60))
@given(trace=talks(), side=st.sampled_from(["api", "fleet", "both"]), data=st.data())
def test_a_session_stays_at_the_side_that_holds_it(trace, side, data):
    sides = ("fleet", "api") if side == "both" else (side,)
    overflow = OverflowPolicy(backend="api", enter_queue_tokens=20, stick_s=1e4, sticky_sides=sides)
    spec = data.draw(fleets(st.integers(1, 3), overflow=overflow))
    requests = requests_from_trace(trace)
    result = simulate_fleet(requests, spec, rng=np.random.default_rng(0))
    known = requests.session_index != NO_SESSION
    went, session = (result.status == OVERFLOWED)[known].astype(int), requests.session_index[known]
    for one in np.unique(session):
        moves = np.diff(went[session == one])
        assert not ("api" in sides and (moves < 0).any()), "it came back from the API"
        assert not ("fleet" in sides and (moves > 0).any()), "it left the fleet"


@settings(max_examples=examples(40))
@given(trace=talks(), data=st.data())
def test_naming_sessions_changes_nothing_where_nothing_goes_by_them(trace, data):
    overflow = data.draw(st.sampled_from([None, OverflowPolicy(backend="api", enter_queue_tokens=20)]))
    spec = data.draw(fleets(st.integers(1, 3), overflow=overflow))
    named, nameless = (
        simulate_fleet(requests_from_trace(one), spec, rng=np.random.default_rng(0))
        for one in (trace, replace(trace, session_ids=None))
    )
    assert named.status.tolist() == nameless.status.tolist()
    assert named.replica.tolist() == nameless.replica.tolist()
    np.testing.assert_array_equal(named.finish_s, nameless.finish_s)


@settings(max_examples=examples(60))
@given(st.lists(names, min_size=1, max_size=30))
def test_every_reader_reads_the_same_sessions(sessions):
    with tempfile.TemporaryDirectory() as folder:
        read = [_as_csv, _as_lines, _as_parquet]
        found = [write(Path(folder), sessions).session_ids for write in read]
    known = [bool(name) for name in sessions]
    for ids in found:
        if not any(known):
            assert ids is None
            continue
        assert (ids != NO_SESSION).tolist() == known
        pairs = {*zip(ids[known].tolist(), (name for name in sessions if name))}
        assert len(pairs) == len({number for number, _ in pairs}) == len({name for _, name in pairs})


def _as_csv(folder: Path, sessions: list[str]) -> Trace:
    rows = [f"{place},10,5,{name}" for place, name in enumerate(sessions)]
    path = folder / "t.csv"
    path.write_text("\n".join(["arrival_s,input_tokens,output_tokens,session_id", *rows]), "utf-8")
    return read_trace(path)


def _as_lines(folder: Path, sessions: list[str]) -> Trace:
    rows = [
        {"timestamp": place, "input_length": 10, "output_length": 5, "session_id": name}
        for place, name in enumerate(sessions)
    ]
    path = folder / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return read_trace(path)


def _as_parquet(folder: Path, sessions: list[str]) -> Trace:
    columns = {
        "arrival_s": np.arange(float(len(sessions))),
        "input_tokens": np.full(len(sessions), 10),
        "output_tokens": np.full(len(sessions), 5),
        "session_id": np.array(sessions, dtype=object),
    }
    path = folder / "t.parquet"
    with duckdb.connect() as database:
        database.register("t", columns)
        database.execute(f"copy (select * from t) to '{path}' (format parquet)")
    return read_trace(path)

"""What holds for any replay, resampling or made-up traffic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.workload.arrivals import gap_cv, mean_rate_requests_per_s
from tokonomics.workload.client_gaps import gamma_gap_frac, weibull_gap_frac
from tokonomics.workload.client_mix import ClientMix, client_mix_chunks, client_mix_trace
from tokonomics.workload.copies import occurrences
from tokonomics.workload.rate_shape import RateShape, RateStates
from tokonomics.workload.replay import merged_trace, repeated_trace, rescaled_trace, sped_up_trace, trace_period_s
from tokonomics.workload.resample import bootstrapped_trace
from tokonomics.workload.sessions import SessionShape, session_trace
from tokonomics.workload.synthetic import synthetic_arrivals_s
from tokonomics.workload.trace import Trace

checked = settings(max_examples=60, deadline=None)
seeds = st.integers(0, 2**32)


def rng(seed):
    return np.random.default_rng(seed)


def trace_of(gaps_s):
    arrivals_s = np.cumsum([0.0, *gaps_s])
    num = arrivals_s.size
    return Trace(
        name="t",
        format="t",
        input_tokens=np.arange(1.0, num + 1.0),
        output_tokens=np.ones(num),
        arrivals_s=arrivals_s,
        session_ids=np.arange(num) // 2,
    )


traces = st.lists(st.floats(1e-3, 100.0), min_size=2, max_size=60).map(trace_of)


def is_well_formed(trace):
    assert (np.diff(trace.arrivals_s) >= 0.0).all()
    assert trace.arrivals_s.size == trace.input_tokens.size == trace.output_tokens.size
    assert np.isfinite(trace.arrivals_s).all()
    assert trace.arrivals_s.min(initial=0.0) >= 0.0
    return True


@checked
@given(traces, st.floats(1e-3, 1e3))
def test_a_faster_clock_changes_the_rate_and_nothing_else(trace, factor):
    after = sped_up_trace(trace, factor)
    assert is_well_formed(after)
    assert mean_rate_requests_per_s(after.arrivals_s) == pytest.approx(
        factor * mean_rate_requests_per_s(trace.arrivals_s), rel=1e-9
    )
    assert gap_cv(after.arrivals_s) == pytest.approx(gap_cv(trace.arrivals_s), rel=1e-6, abs=1e-6)
    assert after.input_tokens.tolist() == trace.input_tokens.tolist()


@checked
@given(traces, st.integers(2, 6))
def test_a_repetition_keeps_the_rate_and_all_requests(trace, num):
    after = repeated_trace(trace, num)
    assert is_well_formed(after)
    assert mean_rate_requests_per_s(after.arrivals_s) == pytest.approx(
        mean_rate_requests_per_s(trace.arrivals_s), rel=1e-9
    )
    assert sorted(after.input_tokens) == sorted(trace.input_tokens.tolist() * num)
    assert np.unique(after.session_ids).size == num * np.unique(trace.session_ids).size


@checked
@given(traces, st.floats(0.05, 8.0), st.floats(1.0, 500.0), seeds)
def test_rescaling_takes_every_request_as_often_as_it_says(trace, factor, window_s, seed):
    after = rescaled_trace(trace, factor, rng(seed), window_s=window_s)
    assert is_well_formed(after)
    times = np.bincount(after.input_tokens.astype(int), minlength=trace.num_requests + 1)[1:]
    assert times.min() >= np.floor(factor)
    assert times.max() <= np.ceil(factor)
    assert after.arrivals_s.max(initial=0.0) <= trace_period_s(trace) * (1 + 1e-9)
    before_in = (trace.arrivals_s // window_s)[after.input_tokens.astype(int) - 1]
    assert np.abs(after.arrivals_s / window_s - before_in - 0.5).max(initial=0.0) <= 0.5 + 1e-6


@checked
@given(traces, st.floats(0.05, 8.0), st.floats(1.0, 500.0))
def test_rescaling_keeps_the_rate_on_average(trace, factor, window_s):
    sizes = [rescaled_trace(trace, factor, rng(seed), window_s=window_s).num_requests for seed in range(60)]
    spread = 0.5 * trace.num_requests  # at most, of a share that is in or out
    assert np.mean(sizes) == pytest.approx(factor * trace.num_requests, abs=4 * spread / 60**0.5)


@checked
@given(traces, st.floats(0.05, 1.0), st.floats(0.1, 5.0), seeds)
def test_a_bootstrap_is_sorted_and_fits_its_span(trace, block_share, span_share, seed):
    period_s = trace_period_s(trace)
    drawn = bootstrapped_trace(trace, rng(seed), block_s=block_share * period_s, span_s=span_share * period_s)
    if drawn.num_requests:
        assert is_well_formed(drawn)
        assert drawn.arrivals_s[-1] <= span_share * period_s * (1 + 1e-9)
    assert np.unique(drawn.session_ids).size * 2 >= drawn.num_requests


@checked
@given(traces, traces)
def test_a_merger_has_all_requests(one, two):
    merged = merged_trace([one, two])
    assert is_well_formed(merged)
    assert sorted(merged.arrivals_s) == sorted([*one.arrivals_s, *two.arrivals_s])


@checked
@given(st.lists(st.integers(0, 5), max_size=40))
def test_occurrences(rows):
    assert occurrences(np.array(rows, dtype=np.int64)).tolist() == [rows[:i].count(one) for i, one in enumerate(rows)]


shapes = st.none() | st.builds(
    RateShape,
    step_s=st.floats(1.0, 500.0),
    rate_factor=st.lists(st.floats(0.01, 10.0) | st.just(0.0), min_size=1, max_size=10)
    .filter(any)
    .map(lambda one: np.array(one)),
)
states = st.none() | st.builds(
    RateStates,
    rate_factors=st.tuples(st.floats(0.0, 5.0), st.floats(0.1, 5.0)),
    dwell_s=st.tuples(st.floats(1.0, 100.0), st.floats(1.0, 100.0)),
)


@checked
@given(
    st.floats(0.01, 50.0),
    st.sampled_from([0.3, 1.0, 3.0]),
    st.sampled_from(["gamma", "weibull"]),
    shapes,
    states,
    seeds,
)
def test_made_up_arrivals_are_sorted_within_the_span_and_fixed_by_the_seed(rate, cv, family, shape, modulation, seed):
    how = {"requests_per_s": rate, "span_s": 700.0, "cv": cv, "family": family, "shape": shape, "states": modulation}
    one, two = (synthetic_arrivals_s(rng(seed), **how) for _ in range(2))
    assert one.tolist() == two.tolist()
    assert (np.diff(one) >= 0.0).all()
    assert one.size == 0 or (one[0] >= 0.0 and one[-1] < 700.0)
    if shape is not None:
        at = shape.rate_factor[(one // shape.step_s).astype(int) % shape.rate_factor.size]
        on_edge = np.abs(one / shape.step_s - np.rint(one / shape.step_s)) < 1e-6
        assert (at[~on_edge] > 0.0).all()


@checked
@given(st.lists(st.tuples(st.integers(1, 400), st.floats(0.0, 150.0)), min_size=1, max_size=12), seeds)
def test_gaps_of_any_clients_add_up_to_one(clients, seed):
    num, cv = np.array([one for one, _ in clients]), np.array([one for _, one in clients])
    for gaps in (gamma_gap_frac, weibull_gap_frac):
        found = gaps(rng(seed), num, cv)
        assert np.isfinite(found).all()
        assert (found >= 0.0).all()
        assert np.add.reduceat(found, np.cumsum(num) - num) == pytest.approx(np.ones(num.size))


windows = st.lists(
    st.lists(st.tuples(st.integers(0, 90), st.floats(0, 20), st.booleans()), max_size=4), min_size=1, max_size=6
)


def mix_of(rows):
    sizes = [len(one) for one in rows]
    flat = [one for row in rows for one in row]
    return ClientMix(
        name="m",
        window_s=10.0,
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        client_ids=np.array([i for size in sizes for i in range(size)], dtype=np.int64),
        window_requests=np.array([one[0] for one in flat], dtype=float),
        gaps_cv=np.array([one[1] for one in flat], dtype=float),
        is_weibull=np.array([one[2] for one in flat], dtype=bool),
        span_input_tokens=np.array([[1.0, 2.0]]),
        span_output_tokens=np.array([[3.0]]),
        span_of_window=np.zeros(len(rows), dtype=np.int64),
    )


@checked
@given(windows.filter(lambda rows: any(one[0] for row in rows for one in row)), st.integers(1, 200), seeds)
def test_a_mix_keeps_counts_by_window_and_client_in_chunks_of_any_size(rows, chunk_requests, seed):
    mix = mix_of(rows)
    chunks = list(client_mix_chunks(mix, rng(seed), chunk_requests=chunk_requests))
    arrivals_s = np.concatenate([one.arrivals_s for one in chunks])
    clients = np.concatenate([one.client_ids for one in chunks])
    assert (np.diff(arrivals_s) >= 0.0).all()
    assert all(is_well_formed(one) for one in chunks)
    for window, row in enumerate(rows):
        held = clients[arrivals_s // 10.0 == window]
        assert [(held == client).sum() for client in range(len(row))] == [one[0] for one in row]
    whole = client_mix_trace(mix, rng(seed))
    assert whole.arrivals_s.tolist() == arrivals_s.tolist()


@checked
@given(st.integers(1, 30), st.floats(1.0, 8.0), st.integers(0, 60), st.integers(1, 20), st.integers(200, 2000), seeds)
def test_a_turn_s_whole_blocks_are_a_prefix_of_the_next_turn_s(num, turns, system, block, context, seed):
    shape = SessionShape(
        mean_turns_ratio=turns,
        turn_gap_s=5.0,
        system_tokens=system,
        tokens_per_block=block,
        max_context_tokens=context,
    )
    source = rng(seed)
    prompts, answers = source.integers(1, 60, 9).astype(float), source.integers(1, 60, 9).astype(float)
    trace = session_trace(
        np.sort(source.uniform(0, 50, num)), shape, source, prompt_tokens=prompts, answer_tokens=answers
    )
    assert is_well_formed(trace)
    assert (trace.input_tokens + trace.output_tokens).max() <= context
    blocks, last, owner = trace.block_hashes, dict[int, list[int]](), dict[int, tuple[int, ...]]()
    for row in range(trace.num_requests):
        ids = blocks.ids[blocks.offsets[row] : blocks.offsets[row + 1]].tolist()
        assert len(ids) == -(-int(trace.input_tokens[row]) // block)
        for place, one in enumerate(ids):  # an id stands for all blocks before it
            assert owner.setdefault(one, tuple(ids[:place])) == tuple(ids[:place])
        before = last.get(int(trace.session_ids[row]), [])
        assert ids[: len(before)] == before
        last[int(trace.session_ids[row])] = ids[: int(trace.input_tokens[row]) // block]

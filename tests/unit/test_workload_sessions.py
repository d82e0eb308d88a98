import itertools

import numpy as np
import pytest

from tokonomics.errors import InputError
from tokonomics.workload.prefix import reusable_input_frac
from tokonomics.workload.sessions import SessionShape, session_trace

ONE = np.array([1.0])


def made(num_sessions=2000, seed=1, prompt=(30.0,), answer=(70.0,), **shape):
    rng = np.random.default_rng(seed)
    shape = SessionShape(**{"mean_turns_ratio": 4.0, "turn_gap_s": 20.0, **shape})
    starts_s = np.sort(rng.uniform(0, 10_000, num_sessions))
    return session_trace(starts_s, shape, rng, prompt_tokens=np.array(prompt), answer_tokens=np.array(answer)), starts_s


def turns_of(trace):
    """Rows of each session, in the order of arrival."""
    order = np.argsort(trace.session_ids, kind="stable")
    return np.split(order, np.cumsum(np.bincount(trace.session_ids))[:-1])


def blocks_of(trace, row):
    blocks = trace.block_hashes
    return blocks.ids[blocks.offsets[row] : blocks.offsets[row + 1]].tolist()


def test_the_context_is_all_that_was_said_before():
    trace, _ = made(prompt=(10.0, 30.0), answer=(5.0, 70.0), system_tokens=100)
    for rows in turns_of(trace):
        inputs, outputs = trace.input_tokens[rows], trace.output_tokens[rows]
        prompts = inputs - np.concatenate([[100.0], (inputs + outputs)[:-1]])
        assert set(zip(prompts, outputs)) <= {(10.0, 5.0), (30.0, 70.0)}


def test_turns_and_gaps_have_their_means():
    trace, starts_s = made(20_000)
    assert trace.num_requests / 20_000 == pytest.approx(4.0, rel=0.03)
    rows = turns_of(trace)
    assert [trace.arrivals_s[one[0]] for one in rows] == pytest.approx(starts_s)
    gaps_s = np.concatenate([np.diff(trace.arrivals_s[one]) for one in rows])
    assert gaps_s.mean() == pytest.approx(20.0, rel=0.03)
    assert gaps_s.std() == pytest.approx(20.0, rel=0.05)
    assert (np.diff(trace.arrivals_s) >= 0.0).all()


def test_one_turn_each_is_no_conversation():
    trace, _ = made(mean_turns_ratio=1.0, tokens_per_block=16)
    assert trace.num_requests == 2000
    assert reusable_input_frac(trace.block_hashes, trace.input_tokens) == 0.0


def test_equal_blocks_are_equal_prefixes():
    trace, _ = made(200, prompt=(30.0, 7.0), answer=(70.0, 11.0), system_tokens=50, tokens_per_block=16)
    assert np.diff(trace.block_hashes.offsets).tolist() == np.ceil(trace.input_tokens / 16).tolist()
    for rows in turns_of(trace):
        for before, after in itertools.pairwise(rows):
            whole = int(trace.input_tokens[before] // 16)
            assert blocks_of(trace, before)[:whole] == blocks_of(trace, after)[:whole]
            assert not set(blocks_of(trace, before)[whole:]) & set(blocks_of(trace, after)[whole:])
    shared = {tuple(blocks_of(trace, row)[:3]) for row in range(trace.num_requests)}
    assert shared == {(0, 1, 2)}
    for one, other in zip(turns_of(trace)[:20], turns_of(trace)[1:]):
        assert not set(blocks_of(trace, one[-1])[3:]) & set(blocks_of(trace, other[-1])[3:])


def test_reuse_is_what_a_cache_would_find():
    trace, _ = made(500, prompt=(160.0,), answer=(160.0,), tokens_per_block=16)
    sizes = np.array([len(rows) for rows in turns_of(trace)])
    seen = sum(160 * (2 * turn - 1) for size in sizes for turn in range(1, size))
    assert reusable_input_frac(trace.block_hashes, trace.input_tokens) == pytest.approx(seen / trace.input_tokens.sum())


def test_a_session_ends_at_its_context():
    trace, _ = made(max_context_tokens=350)
    assert (trace.input_tokens + trace.output_tokens).max() <= 350
    assert max(len(rows) for rows in turns_of(trace)) == 3
    assert "turns beyond the context left out" in trace.notes[1]
    assert all(len(rows) for rows in turns_of(trace))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"mean_turns_ratio": 0.5}, "mean_turns_ratio=0.5"),
        ({"turn_gap_s": 0.0}, "turn_gap_s=0"),
        ({"turn_gap_cv": np.nan}, "turn_gap_cv=nan"),
        ({"system_tokens": -1}, "system_tokens=-1"),
        ({"tokens_per_block": 0}, "tokens_per_block=0"),
        ({"max_context_tokens": 99}, "need 100 tokens"),
        ({"prompt": (0.0,)}, "prompt_tokens=0"),
        ({"answer": (1.0, 2.0)}, "1 prompts and 2 answers"),
        ({"num_sessions": 0}, "starts_s is empty"),
    ],
)
def test_what_cannot_be_is_refused(how, words):
    with pytest.raises(InputError) as caught:
        made(**how)
    assert words in str(caught.value)


def test_a_seed_fixes_all():
    one, two = (made(50, seed=5, tokens_per_block=16)[0] for _ in range(2))
    assert one.arrivals_s.tolist() == two.arrivals_s.tolist()
    assert one.block_hashes.ids.tolist() == two.block_hashes.ids.tolist()

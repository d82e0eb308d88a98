"""The compiled kernel is the stepping engine, to rounding, under every option."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.cases import engines, examples, random_hashes, random_requests, random_step_model, seeds
from tests.oracles.stepping import column, step_replica

from tokonomics.simulation.build import build_load
from tokonomics.simulation.replica import simulate_replica
from tokonomics.simulation.state import CUT, REJECTED

RTOL = 1e-9
MOST_INPUT, MOST_OUTPUT = 60, 40


@st.composite
def cases(draw, **fixed):
    rng = np.random.default_rng(draw(seeds))
    gap_s = draw(st.sampled_from([0.0, 1e-3, 1e-2, 1e-1]))
    requests = random_requests(
        rng, draw(st.integers(1, 25)), most_input=MOST_INPUT, most_output=MOST_OUTPUT, gap_s=gap_s, levels=3
    )
    return requests, random_step_model(rng), draw(engines(need_tokens=MOST_INPUT + MOST_OUTPUT, **fixed))


@st.composite
def hashed_cases(draw):
    requests, model, options = draw(cases(cached_input_frac=0.0))
    rng = np.random.default_rng(draw(seeds))
    hashes = random_hashes(rng, requests.input_tokens, unit_tokens=options.block_tokens * draw(st.integers(1, 2)))
    return replace(requests, block_hashes=hashes), model, replace(options, use_prefix_cache=True)


def check(case):
    requests, model, options = case
    result = simulate_replica(requests, model, options)
    hashes = requests.block_hashes if options.use_prefix_cache else None
    replica, sequences = step_replica(build_load(requests, options), model, options, hashes)
    assert (result.cached_tokens == np.where(result.status == REJECTED, 0, column(sequences, "cached"))).all()
    for name in ("scheduled_s", "first_token_s", "finish_s"):
        np.testing.assert_allclose(getattr(result, name), column(sequences, name), rtol=RTOL, err_msg=name)
    assert (result.num_preemptions == column(sequences, "preemptions")).all()
    assert ((result.status == REJECTED) == column(sequences, "rejected")).all()
    account = result.account
    assert account.num_steps == replica.num_steps
    assert account.num_prefilled_tokens == replica.prefilled
    np.testing.assert_allclose([account.decode_s, account.prefill_s], [replica.decode_s, replica.prefill_s], rtol=1e-8)
    np.testing.assert_allclose(account.mean_batch_sequences * account.span_s, replica.sequence_seconds, rtol=1e-8)
    return result


@settings(max_examples=examples(100))
@given(case=cases())
def test_equals_stepping_under_any_options(case):
    check(case)


@settings(max_examples=examples(60))
@given(case=cases(num_draft_tokens=0, max_queued_requests=None, max_output_tokens=None))
def test_equals_stepping_without_drafts(case):
    check(case)


@settings(max_examples=examples(100))
@given(case=hashed_cases())
def test_equals_stepping_with_hashed_prefixes(case):
    check(case)


@settings(max_examples=examples(40))
@given(case=cases())
def test_every_token_is_accounted_once(case):
    requests, _, options = case
    result = check(case)
    turned_away = result.status == REJECTED
    asked = int(requests.output_tokens.sum())
    rejected = int(requests.output_tokens[turned_away].sum())
    cut = int((requests.output_tokens - result.output_tokens)[result.status == CUT].sum())
    assert int(result.output_tokens.sum()) + rejected + cut == asked
    assert (np.isnan(result.finish_s) == turned_away).all()
    assert (np.isnan(result.first_token_s) == turned_away).all()
    done = ~turned_away
    assert (requests.arrival_s[done] <= result.scheduled_s[done]).all()
    assert (result.scheduled_s[done] < result.first_token_s[done]).all()
    assert (result.first_token_s[done] <= result.finish_s[done]).all()
    account = result.account
    np.testing.assert_allclose(account.decode_s + account.prefill_s + account.idle_s, account.span_s, rtol=1e-12)
    assert account.idle_s >= -1e-9 * account.span_s
    assert account.peak_kv_tokens <= (options.num_kv_blocks + options.max_sequences) * options.block_tokens

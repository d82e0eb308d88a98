"""Laws of a whole replay, whatever the traffic, the engine and the fate of the fleet."""

import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.simulation.ask import build_case, replay
from tokonomics.simulation.figures import figures
from tokonomics.workload.scenario import Scenario

DAY = date(2026, 11, 23)
requests = st.lists(
    st.tuples(st.floats(0, 30), st.integers(1, 4000), st.integers(1, 300)), min_size=2, max_size=60
).filter(lambda rows: max(rows)[0] > min(rows)[0])
blocks = st.fixed_dictionaries(
    {"num_replicas": st.integers(1, 3), "seed": st.integers(0, 9)},
    optional={
        "router": st.sampled_from(["round_robin", "least_outstanding_tokens", "shortest_predicted_wait"]),
        "batching": st.sampled_from(["chunked", "prefill_first"]),
        "max_sequences": st.integers(1, 8),
        "max_queued_requests": st.integers(1, 4),
        "max_output_tokens": st.integers(1, 100),
        "spot_life_hours": st.floats(0.001, 0.01),
        "load_s": st.floats(0, 5),
        "autoscale_requests": st.floats(1, 8),
        "billing_increment_s": st.sampled_from([0.0, 60.0]),
        "keep_tokens": st.booleans(),
        "num_prefill_replicas": st.integers(1, 2),
    },
)


def replayed(rows, block):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        lines = [f"{t:.6f},{i},{o}" for t, i, o in sorted(rows)]
        path.write_text("\n".join(["arrival_s,input_tokens,output_tokens", *lines]) + "\n")
        top = {"models": ["llama-3.1-8b"], "gpus": ["h100-sxm"], "num_gpus": [1], "traffic": {"trace": str(path)}}
        api = {"overflow": "openai/gpt-4o", "overflow_ttft_s": 0.5, "gpu_usd_per_hour": 2.0}
        case = build_case(Scenario.from_dict({**top, "simulation": {**api, **block}}), today=DAY)
    return replay(case, clock=lambda: 0.0)


@settings(max_examples=60)
@given(requests, blocks)
def test_nothing_is_lost_or_doubled(rows, block):
    one = replayed(rows, block)
    summary, money = one.summary, one.money
    assert sum(summary.num_by_status.values()) == len(rows)
    assert sum(summary.output_by_status.values()) == sum(row[2] for row in rows)
    time = money.gpu_time
    parts = time.prefill_s + time.decode_s + time.idle_s + time.loading_s + time.lost_s
    assert parts == pytest.approx(time.leased_s, rel=1e-9, abs=1e-9)
    assert money.usd == pytest.approx(time.billed_s * 2.0 / 3600 + money.api_usd)
    if money.usd_per_mtok is not None:
        tokens = summary.input_tokens + summary.output_tokens
        assert money.usd_per_mtok.allocation.blended_usd_per_mtok * tokens / 1e6 == pytest.approx(money.usd)


@settings(max_examples=20)
@given(requests, blocks)
def test_a_seed_fixes_everything(rows, block):
    assert figures(replayed(rows, block)) == figures(replayed(rows, block))


@settings(max_examples=30)
@given(requests, st.sampled_from([0.5, 2.0, 4.0]))
def test_a_faster_clock_asks_for_the_same(rows, rate_ratio):
    plain, fast = replayed(rows, {}), replayed(rows, {"rate_ratio": rate_ratio})
    np.testing.assert_allclose(
        np.diff(fast.requests.arrival_s) * rate_ratio, np.diff(plain.requests.arrival_s), atol=1e-9
    )
    np.testing.assert_array_equal(fast.requests.output_tokens, plain.requests.output_tokens)


@settings(max_examples=30)
@given(requests)
def test_times_are_in_order(rows):
    one = replayed(rows, {"max_sequences": 2})
    result, served = one.result, one.result.replica >= 0
    for early, late in ((one.requests.arrival_s, result.scheduled_s), (result.scheduled_s, result.first_token_s)):
        assert (late[served] >= early[served]).all()
    assert (result.finish_s[served] >= result.first_token_s[served]).all()

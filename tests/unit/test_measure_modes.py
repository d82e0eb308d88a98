"""Each way to measure: identities that must hold exactly, and directions that must not turn."""

from dataclasses import replace

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.measure.modes.closed_loop import closed_loop
from tokonomics.measure.modes.load import Load, Speed, prompt_s, running
from tokonomics.measure.modes.offline import offline_max
from tokonomics.measure.modes.open_loop import open_loop
from tokonomics.measure.modes.single import single_phase
from tokonomics.measure.modes.static_batch import static_batch
from tokonomics.physics.deployment import deployment
from tokonomics.physics.step import StepModel, stack_step_models, step_model, step_time

CATALOG = load_catalog()
ONE = step_model(deployment(CATALOG.model("llama-3.1-8b"), CATALOG.accelerator("h100-sxm")))
MODES = (closed_loop, offline_max, open_loop, single_phase, static_batch)


def load_of(num: int = 1, **given: object) -> Load:
    usual = {
        "input_tokens": 1000.0,
        "output_tokens": 200.0,
        "depth_tokens": 0.0,
        "step_budget_tokens": 8192.0,
        "num_sequences": 16.0,
        "num_held": 512.0,
        "num_requests": np.inf,
        "offered_requests_per_s": 2.0,
        "limit_s": np.nan,
        "request_overhead_s": 0.0,
        "token_overhead_s": 0.0,
        "num_admission_steps": 0.0,
    } | given
    decode_only = usual.pop("decode_only", False)
    mixed = usual.pop("mixed_lengths", False)
    arrays = {name: np.broadcast_to(np.asarray(value, dtype=float), num).copy() for name, value in usual.items()}
    return Load(**arrays, decode_only=np.full(num, decode_only), mixed_lengths=np.full(num, mixed))


def models(num: int = 1) -> StepModel:
    return stack_step_models([ONE] * num)


def rising(num: int, **given: object) -> tuple[StepModel, Load]:
    return models(num), load_of(num, **given)


def value(speed: Speed, name: str) -> float:
    return float(getattr(speed, name)[0])


def test_a_lone_user_waits_for_nobody():
    load = load_of(num_sequences=1.0)
    speed = closed_loop(models(), load)
    alone = step_time(models(), 1.0, load.context_tokens).total_s
    assert value(speed, "tpot_s") == pytest.approx(float(alone[0]))
    assert value(speed, "ttft_s") == pytest.approx(float(prompt_s(models(), load)[0]))


def test_a_closed_loop_keeps_littles_law():
    load = load_of(num_sequences=32.0)
    speed = closed_loop(models(), load)
    whole_s = value(speed, "ttft_s") + 199.0 * value(speed, "tpot_s")
    assert value(speed, "output_tokens_per_s") == pytest.approx(32.0 * 200.0 / whole_s)


def test_more_users_give_more_tokens_and_wait_longer():
    users = np.array([1.0, 2.0, 8.0, 32.0, 128.0, 512.0])
    speed = closed_loop(*rising(6, num_sequences=users, num_admission_steps=0.05))
    assert np.all(np.diff(speed.output_tokens_per_s) > 0)
    assert np.all(np.diff(speed.tpot_s) > 0)
    assert np.all(np.diff(speed.ttft_s) > 0)


def test_users_without_a_place_only_wait():
    full, over = (closed_loop(models(), load_of(num_sequences=n, num_held=64.0)) for n in (64.0, 640.0))
    assert value(over, "output_tokens_per_s") == pytest.approx(value(full, "output_tokens_per_s"))
    assert value(over, "tpot_s") == pytest.approx(value(full, "tpot_s"))
    assert value(over, "ttft_s") > value(full, "ttft_s") + 1.0


def test_all_users_begin_at_once_so_a_short_run_waits_longer_for_its_first_tokens():
    endless, long, short = (
        value(closed_loop(models(), load_of(num_sequences=64.0, num_requests=num)), "ttft_s")
        for num in (np.inf, 6400.0, 64.0)
    )
    at_once = float(prompt_s(models(), load_of(), 64.0)[0])
    assert endless < long < short
    assert 0.5 * at_once < short < at_once, "the middle prompt waits for half of them"
    assert long - endless == pytest.approx(0.01 * (short - endless), rel=1e-6), (
        "one request in a hundred is a first one"
    )


def test_an_engine_that_is_busy_lets_a_request_wait_for_some_steps():
    lone, few = (
        value(closed_loop(models(), load_of(num_sequences=n, num_admission_steps=10.0)), "ttft_s") for n in (1.0, 4.0)
    )
    base_lone, base_few = (value(closed_loop(models(), load_of(num_sequences=n)), "ttft_s") for n in (1.0, 4.0))
    assert lone == base_lone
    step_s = float(running(models(), load_of(), 4.0).short_s[0])
    assert few - base_few == pytest.approx(10.0 * 0.75 * step_s, rel=0.05)


def test_the_front_end_delays_the_first_token():
    bare, slow = (
        closed_loop(models(), load_of(request_overhead_s=one, token_overhead_s=one / 1000)) for one in (0.0, 0.05)
    )
    assert value(slow, "ttft_s") == pytest.approx(value(bare, "ttft_s") + 0.1, rel=0.05)
    assert value(slow, "tpot_s") <= value(bare, "tpot_s")


def test_prompts_that_run_while_one_waits_do_not_slow_its_tokens():
    load = load_of(num_sequences=64.0, input_tokens=8000.0, output_tokens=50.0)
    all_in_decoding = float(running(models(), load, 64.0).mean_s[0])
    speed = closed_loop(models(), load)
    assert float(running(models(), load, 64.0).short_s[0]) < value(speed, "tpot_s") < 0.95 * all_in_decoding


def test_a_decode_rate_leaves_the_prompt_out():
    for mode in (closed_loop, static_batch):
        whole, part = (mode(models(), load_of(decode_only=one)) for one in (False, True))
        assert value(part, "output_tokens_per_s") > value(whole, "output_tokens_per_s")
        assert value(part, "output_tokens_per_s") == pytest.approx(16.0 / value(part, "tpot_s"))


def test_a_static_batch_is_its_prompts_and_its_steps():
    speed = static_batch(models(), load_of())
    whole_s = value(speed, "ttft_s") + 199.0 * value(speed, "tpot_s")
    assert value(speed, "output_tokens_per_s") == pytest.approx(16.0 * 200.0 / whole_s)
    assert value(speed, "prefill_tokens_per_s") == pytest.approx(16000.0 / value(speed, "ttft_s"))


def test_a_static_batch_above_memory_runs_in_waves():
    half, twice = (static_batch(models(), load_of(num_sequences=n, num_held=32.0)) for n in (32.0, 64.0))
    assert value(twice, "output_tokens_per_s") == pytest.approx(value(half, "output_tokens_per_s"))


def test_one_phase_is_a_decode_rate():
    load = load_of(num_sequences=1.0)
    speed = single_phase(models(), load)
    assert value(speed, "output_tokens_per_s") == pytest.approx(1.0 / value(speed, "tpot_s"))


def test_a_deep_context_slows_prompts_and_tokens():
    speed = single_phase(*rising(2, num_sequences=1.0, depth_tokens=np.array([0.0, 32000.0])))
    assert speed.prefill_tokens_per_s[1] < speed.prefill_tokens_per_s[0]
    assert speed.tpot_s[1] > speed.tpot_s[0]


def test_chunks_follow_each_other_through_the_stages_of_a_pipeline():
    piped = step_model(deployment(CATALOG.model("llama-3.1-8b"), CATALOG.accelerator("h100-sxm"), pipeline_parallel=4))
    one, many = (load_of(input_tokens=tokens, step_budget_tokens=512.0) for tokens in (512.0, 512.0 * 64))
    many = replace(many, depth_tokens=np.array([-512.0 * 31.5]))  # the same context before each token, on average
    through, ahead = (float(prompt_s(stack_step_models([piped]), load)[0]) for load in (one, many))
    assert ahead == pytest.approx(through * (64 + 3) / 4)
    assert through > 0.9 * float(prompt_s(models(), one)[0])


def test_a_prompt_alone_has_no_output():
    speed = single_phase(models(), load_of(output_tokens=0.0))
    assert value(speed, "prefill_tokens_per_s") > 0


def test_an_endless_queue_runs_the_steady_batch():
    load = load_of(num_held=128.0)
    speed = offline_max(models(), load)
    steady = float(running(models(), load, 128.0).mean_s[0])
    assert value(speed, "output_tokens_per_s") == pytest.approx(128.0 / steady)
    assert np.isnan(value(speed, "ttft_s"))


def test_a_longer_run_comes_nearer_to_the_endless_one():
    runs = np.array([128.0, 256.0, 1024.0, 16384.0, np.inf])
    rate = offline_max(*rising(5, num_held=128.0, num_requests=runs)).output_tokens_per_s
    assert np.all(np.diff(np.abs(rate[:-1] - rate[-1])) < 0)
    assert rate[3] == pytest.approx(rate[4], rel=0.02)


def test_a_run_smaller_than_memory_is_a_smaller_batch():
    speed = offline_max(*rising(2, num_held=512.0, num_requests=np.array([8.0, 64.0])))
    assert speed.tpot_s[0] < speed.tpot_s[1]


def test_mixed_answers_end_later():
    equal, mixed = (offline_max(models(), load_of(num_requests=64.0, mixed_lengths=one)) for one in (False, True))
    assert value(mixed, "output_tokens_per_s") < value(equal, "output_tokens_per_s")


def test_the_middle_of_a_longer_queue_waits_longer():
    waits = offline_max(*rising(4, num_held=64.0, num_requests=np.array([8.0, 64.0, 256.0, 1024.0]))).ttft_s
    assert np.all(np.diff(waits) > 0)


def test_an_open_loop_keeps_littles_law():
    load = load_of(offered_requests_per_s=5.0)
    speed = open_loop(models(), load)
    assert value(speed, "output_tokens_per_s") == pytest.approx(1000.0)
    batch = 5.0 * 200.0 * value(speed, "tpot_s")
    assert value(speed, "tpot_s") == pytest.approx(float(running(models(), load, batch).mean_s[0]), rel=1e-6)


def test_a_higher_rate_is_slower_until_the_replica_is_full():
    rates = np.array([0.1, 1.0, 3.0, 9.0, 1000.0, 2000.0])
    speed = open_loop(*rising(6, offered_requests_per_s=rates))
    assert np.all(np.diff(speed.tpot_s[:5]) > 0)
    assert speed.output_tokens_per_s[5] == pytest.approx(speed.output_tokens_per_s[4])
    assert np.all(np.diff(speed.ttft_s[:5]) > 0)


def test_an_overloaded_run_queues_until_it_ends():
    speed = open_loop(*rising(2, offered_requests_per_s=500.0, num_held=32.0, num_requests=np.array([32.0, 2000.0])))
    assert speed.ttft_s[1] > speed.ttft_s[0] + 10.0


def test_a_short_run_never_fills_the_replica():
    short, long = (open_loop(models(), load_of(offered_requests_per_s=100.0, num_requests=n)) for n in (20.0, np.inf))
    assert value(short, "tpot_s") < value(long, "tpot_s")
    assert value(short, "output_tokens_per_s") < value(long, "output_tokens_per_s")


def test_without_a_rate_the_limit_sets_the_batch():
    limits = np.array([0.01, 0.02, 0.05])
    speed = open_loop(*rising(3, offered_requests_per_s=np.nan, limit_s=limits))
    assert np.all(speed.tpot_s <= limits * (1 + 1e-9))
    assert np.all(np.diff(speed.output_tokens_per_s) >= 0)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.__name__)
def test_cases_do_not_see_each_other(mode):
    inputs, num = np.array([100.0, 1000.0, 9000.0]), 3
    load = load_of(num, input_tokens=inputs, num_requests=100.0)
    together = mode(models(num), load)
    for place, tokens in enumerate(inputs):
        alone = mode(models(), load_of(input_tokens=tokens, num_requests=100.0))
        for name in ("output_tokens_per_s", "tpot_s", "ttft_s"):
            assert getattr(together, name)[place] == pytest.approx(value(alone, name))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.__name__)
def test_a_faster_memory_never_hurts(mode):
    slow = models()
    fast = replace(slow, memory_bytes_per_s=slow.memory_bytes_per_s * 2, kv_bytes_per_s=slow.kv_bytes_per_s * 2)
    before, after = (mode(one, load_of(num_requests=100.0)) for one in (slow, fast))
    assert value(after, "output_tokens_per_s") >= value(before, "output_tokens_per_s")
    assert value(after, "tpot_s") <= value(before, "tpot_s")

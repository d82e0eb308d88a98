"""Runs replayed: what of a case becomes a run, what a run tells, and how it stands to the closed form."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.errors import MissingFact
from tokonomics.measure.calibration.calibrate import blank_calibration
from tokonomics.measure.calibration.design import design
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.calibration.replayed import (
    cases_with_constants,
    held_out_cases,
    replayed_log,
    solve_through_replays,
)
from tokonomics.measure.calibration.solve import Solution
from tokonomics.measure.case import Case, CaseBuilder, NoCase
from tokonomics.measure.corpus import Measurement, parse_corpus
from tokonomics.measure.loads import case_load
from tokonomics.measure.modes.closed_loop import closed_loop
from tokonomics.measure.modes.open_loop import open_loop
from tokonomics.measure.offered_rate import penalty_curves, rate_points, source_gpu_usd_per_hour
from tokonomics.measure.predict import METRICS, predict_cases, predict_corpus, replayed_values
from tokonomics.measure.replay import MOST_REQUESTS, engine_of, replayed_run, replayed_speed, replays, run_of
from tokonomics.physics.step import stack_step_models
from tokonomics.simulation.deploy import BLOCK_TOKENS

CATALOG = load_catalog()
USUAL = {
    "source_id": "here",
    "model": "llama-3.1-8b",
    "weight_dtype": "bf16",
    "gpu": "H100-SXM-80GB",
    "num_gpus": "1",
    "engine": "vllm",
    "mode": "rate",
    "isl_mean": "512",
    "osl_mean": "256",
    "request_rate": "5",
    "note": "online Poisson, 300 requests",
}
PATIL = {"source_id": "patil-2606.11690", "gpu": "H100", "note": "random 512 in, 256 out, Poisson"}


def row(**cells: str) -> Measurement:
    cells = USUAL | cells
    return parse_corpus(",".join(cells) + "\n" + ",".join(f'"{one}"' for one in cells.values()) + "\n")[0]


def case(**cells: str) -> Case:
    found = CaseBuilder(CATALOG).case(row(**cells))
    assert isinstance(found, Case), found
    return found


def loop(users: str, **cells: str) -> Case:
    """A closed loop of so many users."""
    return case(**({"mode": "concurrency", "concurrency": users, "request_rate": "", "note": ""} | cells))


def closed(one: Case) -> dict[str, float]:
    speed = open_loop(stack_step_models([one.replica.step_model]), case_load([one]))
    return {name: float(np.asarray(getattr(speed, name))[0]) for name in METRICS}


def test_a_run_has_the_stated_requests_at_the_stated_rate():
    requests = run_of(case())
    assert requests.num_requests == 300
    assert set(requests.input_tokens) == {512}
    assert set(requests.output_tokens) == {256}
    assert requests.arrival_s[0] == 0.0
    assert requests.arrival_s[-1] == pytest.approx(300 / 5, rel=0.02)


def test_replicas_share_the_run():
    one = case(num_gpus="4", tp="2")
    assert one.num_replicas == 2
    half = run_of(one)
    assert half.num_requests == 150
    assert half.arrival_s[-1] == pytest.approx(run_of(case()).arrival_s[-1], rel=0.02)


def test_a_run_of_unknown_length_takes_what_is_known_of_its_source_or_the_usual_number():
    assert run_of(case(note="")).num_requests == 1000
    assert run_of(case(**PATIL)).num_requests == 500
    assert run_of(case(**PATIL, dataset="synthetic-chat")).num_requests == 1000
    assert run_of(case(note="999,999,999 requests")).num_requests == MOST_REQUESTS


def test_rates_of_one_system_differ_by_the_rate_alone():
    slow, fast = run_of(case(request_rate="1")), run_of(case(request_rate="8"))
    np.testing.assert_allclose(slow.arrival_s, 8.0 * fast.arrival_s, rtol=1e-12)


def test_stated_burstiness_makes_the_gaps_uneven():
    def spread(note: str) -> float:
        gaps = np.diff(run_of(case(note=note)).arrival_s)
        return float(gaps.std() / gaps.mean())

    assert spread("burstiness(gamma)=1.0") == pytest.approx(1.0, abs=0.1)
    assert spread("burstiness(gamma)=0.25") == pytest.approx(2.0, abs=0.3)
    assert spread("burstiness(gamma)=0") == spread("")


@pytest.mark.parametrize(
    ("engine", "version", "batching"),
    [("vllm", "0.7.3", "prefill_first"), ("vllm", "0.19", "chunked"), ("sglang", "", "prefill_first")],
)
def test_the_generation_of_the_engine_says_how_it_batches(engine, version, batching):
    assert engine_of(case(engine=engine, engine_version=version)).batching == batching


def test_a_replica_holds_one_request_however_small_it_is():
    one = case(isl_mean="900000", osl_mean="100")
    assert engine_of(one).num_kv_blocks * BLOCK_TOKENS >= 900_100
    assert replayed_run(one).tpot_s > 0.0


def test_open_loops_with_a_rate_and_closed_loops_of_several_users_are_replayed():
    assert replays(case())
    assert replays(loop("2"))
    assert not replays(loop("1")), "one user waits for nobody"
    assert not replays(loop("8", note="generation only")), "no whole requests"
    assert not replays(loop("2", num_gpus="2", tp="1")), "one user on each replica"
    assert not replays(case(mode="offline-max"))
    assert not replays(case(request_rate=""))
    assert replayed_values([case(mode="batch", batch="4"), NoCase(reason="none")]) == {}


def test_a_closed_loop_is_as_long_as_its_source_makes_it_and_its_lengths_spread():
    asked = run_of(loop("4", source_id="aic-silicon-public-sweep", isl_mean="1000", osl_mean="500"))
    assert asked.num_requests == 40
    assert asked.input_tokens.min() >= 800
    assert asked.input_tokens.max() <= 1000
    assert asked.output_tokens.mean() == pytest.approx(450, rel=0.05)
    assert run_of(loop("4", note="all 17 requests")).num_requests == 17
    assert run_of(loop("4", num_gpus="2", tp="1")).num_requests == 20, "half of them on each of two replicas"


def test_a_source_of_means_is_predicted_by_means():
    """The first of all users come at once, so that a few wait long: the mean is above the median."""
    cells = {"isl_mean": "4000", "osl_mean": "400", "ttft_ms_p50": "1"}
    median, mean = loop("64", **cells), loop("64", **cells, source_id="aic-silicon-gap-analysis")
    assert not median.run.is_mean
    assert mean.run.is_mean
    assert loop("64", ttft_ms_mean="1").run.is_mean, "what the row has is a mean"
    assert replayed_run(mean).ttft_s > 1.2 * replayed_run(median).ttft_s


def test_a_closed_loop_is_near_its_closed_form():
    """Mean-value analysis takes prompts for random; a replay knows their order. Their means are near each other."""
    one = loop("16", source_id="aic-silicon-gap-analysis")
    speed = replayed_speed([one])
    want = closed_loop(stack_step_models([one.replica.step_model]), case_load([one]))
    assert speed.tpot_s[0] == pytest.approx(float(want.tpot_s[0]), rel=0.05)
    assert speed.ttft_s[0] == pytest.approx(float(want.ttft_s[0]), rel=0.3)
    assert speed.output_tokens_per_s[0] == pytest.approx(float(want.output_tokens_per_s[0]), rel=0.1)


def test_a_busy_engine_lets_a_request_wait_some_steps():
    plain, slow = (_with(loop("2"), num_admission_steps=steps) for steps in (0.0, 10.0))
    before, after = replayed_speed([plain]), replayed_speed([slow])
    assert after.ttft_s[0] == pytest.approx(before.ttft_s[0] + 10.0 * 0.5 * before.tpot_s[0])
    assert after.tpot_s[0] == before.tpot_s[0]


def test_almost_no_load_is_one_request_at_a_time():
    """The replay and the closed form agree where a batch is one sequence and nobody waits."""
    one = case(request_rate="0.01")
    speed, want = replayed_speed([one]), closed(one)
    assert speed.tpot_s[0] == pytest.approx(want["tpot_s"], rel=0.01)
    assert speed.output_tokens_per_s[0] == pytest.approx(want["output_tokens_per_s"], rel=0.01)
    assert speed.ttft_s[0] == pytest.approx(want["ttft_s"], rel=0.2)


def test_a_steady_batch_is_that_of_the_closed_form():
    one = case(request_rate="8", note="10000 requests")
    speed, want = replayed_speed([one]), closed(one)
    assert speed.tpot_s[0] == pytest.approx(want["tpot_s"], rel=0.05)
    assert speed.output_tokens_per_s[0] == pytest.approx(want["output_tokens_per_s"], rel=0.02)


def test_more_load_takes_longer_and_yields_more():
    runs = [replayed_run(case(request_rate=rate)) for rate in ("1", "5", "20", "80")]
    for low, high in pairwise(runs):
        assert low.tpot_s < high.tpot_s
        assert low.output_tokens_per_s < high.output_tokens_per_s
    assert runs[0].ttft_s < runs[-1].ttft_s


def test_the_front_end_adds_to_the_first_token():
    bare = {"request_overhead_s": 0.0, "token_overhead_s": 0.0, "num_admission_steps": 0.0}
    plain = _with(case(), **bare)
    fronted = _with(case(), **bare | {"request_overhead_s": 0.5, "token_overhead_s": 1e-3})
    first = float(replayed_speed([plain]).ttft_s[0])
    assert first == replayed_run(plain).ttft_s
    assert float(replayed_speed([fronted]).ttft_s[0]) == pytest.approx(first + 0.5 + 0.512)


def _with(one: Case, **constants: float) -> Case:
    changed = replace(one.replica.deployment.constants, **constants)
    return replace(one, replica=replace(one.replica, deployment=replace(one.replica.deployment, constants=changed)))


def test_single_tokens_have_no_time_per_token():
    one = case(osl_mean="1")
    assert math.isnan(replayed_run(one).tpot_s)
    predicted = predict_corpus([one.measurement], CATALOG)[0]
    assert predicted.tpot_s is None
    assert predicted.ttft_s is not None


def test_predictions_of_rates_are_the_replays_and_all_others_are_not():
    rows = [row(), row(mode="batch", batch="8"), row(request_rate="20", num_gpus="4", tp="2")]
    found = predict_corpus(rows, CATALOG)
    builder = CaseBuilder(CATALOG)
    cases = [builder.case(one) for one in rows]
    speed = replayed_speed([cases[0], cases[2]])
    assert found[0].output_tokens_per_s == pytest.approx(speed.output_tokens_per_s[0])
    assert found[2].output_tokens_per_s == pytest.approx(2 * speed.output_tokens_per_s[1])
    assert (found[0].tpot_s, found[2].ttft_s) == (speed.tpot_s[0], speed.ttft_s[1])
    assert found[1].prefill_tokens_per_s is not None
    assert predict_corpus(rows, CATALOG) == found, "the same seed, the same runs"


def test_lengths_that_cannot_be_replayed_leave_the_closed_form():
    rows = [row(isl_mean="5e9")]
    (found,) = predict_corpus(rows, CATALOG)
    assert np.isnan(replayed_speed([case(isl_mean="5e9")]).ttft_s).all()
    assert found.ttft_s is not None
    assert found.ttft_s == pytest.approx(closed(case(isl_mean="5e9"))["ttft_s"])


def made(num: int = 5, users: Sequence[int] = (1, 8, 64)) -> list[Case]:
    """Open loops and closed ones whose measured times are those of the physics, a factor off."""
    lines = [{"request_rate": str(rate)} for rate in (1, 4, 16, 64)[:num]]
    lines += [{"mode": "concurrency", "concurrency": str(num_users)} for num_users in users]
    plain = [case(**cells) for cells in lines]
    told = predict_cases(CaseBuilder(CATALOG), [one.measurement for one in plain], plain)
    return [
        replace(one, measurement=replace(one.measurement, tpot_s=1.3 * (said.tpot_s or 1), ttft_s=said.ttft_s))
        for one, said in zip(plain, told)
    ]


def test_a_shifted_problem_predicts_so_much_more():
    problem, shape = Problem(made()), blank_calibration("", "", 1)
    values = np.array([shape.values_link(one) for one in problem.features])[problem.deployments]
    moved = problem.shifted(np.full(problem.measured_log.shape, 0.5)).shifted(np.full(problem.measured_log.shape, 0.2))
    plain = problem.predicted_log(values, shape)
    np.testing.assert_allclose(moved.predicted_log(values, shape), plain + 0.7, rtol=1e-12)
    slopes = problem.jacobian(values, shape, plain)
    np.testing.assert_allclose(moved.jacobian(values, shape, plain + 0.7), slopes, atol=1e-9)


class FakeFit:
    """Stands for `solve`: remembers what it was asked, and answers weights of 0, then of a tenth."""

    def __init__(self) -> None:
        self.asked: list[tuple[Problem, np.ndarray]] = []
        self.told: list[Solution] = []

    def __call__(self, problem, unknowns, shape, kept) -> Solution:
        weights = np.where(unknowns.prior_variance > 0.0, 0.1 * len(self.asked), 0.0)
        predicted = problem.predicted_log(unknowns.values(weights)[problem.deployments], shape)
        self.asked.append((problem, kept))
        self.told.append(Solution(weights=weights, predicted_log=predicted, information=np.zeros(0)))
        return self.told[-1]


@pytest.fixture
def fit(monkeypatch) -> FakeFit:
    fake = FakeFit()
    monkeypatch.setattr("tokonomics.measure.calibration.replayed.solve", fake)
    return fake


def test_the_second_fit_sees_what_replays_said_beyond_the_closed_form_at_the_first(fit):
    problem, shape = Problem(made()), blank_calibration("", "", 1)
    unknowns = design(problem)
    found = solve_through_replays(problem, unknowns, shape, np.ones(7, dtype=bool))
    (first, _), (second, _) = fit.asked
    assert first is problem
    assert found.problem is second
    beyond = replayed_log(problem, unknowns, shape, fit.told[0]) - fit.told[0].predicted_log
    np.testing.assert_array_equal(second.shift_log, np.where(np.isfinite(beyond), beyond, 0.0))
    replayed = np.array([replays(one) for one in problem.cases])
    assert replayed.tolist() == [True] * 4 + [False, True, True]
    assert (second.shift_log[replayed, METRICS.index("tpot_s")] != 0.0).all()
    assert (second.shift_log[~replayed] == 0.0).all()
    at = problem.predicted_log(unknowns.values(fit.told[1].weights)[problem.deployments], shape)
    np.testing.assert_allclose(found.solution.predicted_log, at + second.shift_log)
    np.testing.assert_allclose(found.replayed_log[~replayed], at[~replayed])
    np.testing.assert_array_equal(found.replayed_log, replayed_log(problem, unknowns, shape, fit.told[1]))


def test_without_replays_one_fit_is_enough(fit):
    problem, shape = Problem(made(0, users=(1,))), blank_calibration("", "", 1)
    found = solve_through_replays(problem, design(problem), shape, np.ones(1, dtype=bool))
    assert len(fit.asked) == 1
    assert found.solution is fit.told[0]
    np.testing.assert_array_equal(found.replayed_log, fit.told[0].predicted_log)


def test_cases_take_the_constants_of_a_solution():
    problem, shape = Problem(made()), blank_calibration("", "", 1)
    values = np.array([shape.values_link(one) for one in problem.features])
    values[:, shape.constants.index("step_overhead_s")] = math.log(0.123)
    for one in cases_with_constants(problem, [0, 3], values, shape):
        assert one.replica.deployment.constants.step_overhead_s == pytest.approx(0.123)
        assert float(one.replica.step_model.overhead_s) > 0.123


def test_a_held_out_source_is_not_seen(fit):
    """Its cases come back with the constants of the second fit, which was asked for all others alone."""
    own = [replace(one, measurement=replace(one.measurement, source_id="own")) for one in made()[:2]]
    cases = [*made(), *own]
    found = held_out_cases(cases, "own", blank_calibration("", "", 1))
    assert [one.measurement for one in found] == [one.measurement for one in own]
    assert all((kept == [True] * 7 + [False] * 2).all() for _, kept in fit.asked)
    mine, theirs = (one.replica.deployment.constants for one in (found[0], own[0]))
    assert mine.source != theirs.source
    assert mine.step_overhead_s != theirs.step_overhead_s


def points(rates=("1", "10", "100"), **cells: str):
    rows = [row(**PATIL, request_rate=rate, output_tok_s_total=str(255 * float(rate)), **cells) for rate in rates]
    found = predict_corpus(rows, CATALOG)
    return rate_points(found, source_id="patil-2606.11690", input_tokens=512, output_tokens=256)


def test_usd_per_million_tokens_is_the_price_of_all_gpus_over_their_tokens():
    one = points(num_gpus="2", tp="2")[0]
    assert one.measured_usd_per_mtok == pytest.approx(2 * 6.98 / (255 * 3600) * 1e6)
    assert one.usd_per_mtok == pytest.approx(2 * 6.98 / (one.prediction.output_tokens_per_s * 3600) * 1e6)
    assert one.off_frac == pytest.approx(255 / one.prediction.output_tokens_per_s - 1)


def test_the_penalty_is_one_where_tokens_are_cheapest():
    (curve,) = penalty_curves(points())
    assert curve.offered_requests_per_s == (1.0, 10.0, 100.0)
    assert curve.measured_ratio == pytest.approx((100.0, 10.0, 1.0))
    assert curve.predicted_ratio[2] == 1.0
    assert curve.predicted_ratio[0] > 5 * curve.predicted_ratio[1] > 5.0


def test_two_rates_make_no_curve_and_repeats_are_one_point():
    assert penalty_curves(points(rates=("1", "10"))) == ()
    (curve,) = penalty_curves(points(rates=("1", "1", "10", "100")))
    assert len(curve.offered_requests_per_s) == 3


def test_other_lengths_bursts_and_modes_are_not_among_the_points():
    assert len(points()) == 3
    assert not points(osl_mean="255")
    assert not points(mode="batch", batch="4")
    bursty = row(**PATIL | {"note": "burstiness(gamma)=0.25"}, output_tok_s_total="255")
    held = rate_points(
        predict_corpus([bursty], CATALOG), source_id="patil-2606.11690", input_tokens=512, output_tokens=256
    )
    assert held == ()


def test_a_source_without_a_price_says_so():
    assert source_gpu_usd_per_hour(row(**PATIL)) == 6.98
    with pytest.raises(MissingFact, match="source_prices"):
        source_gpu_usd_per_hour(row())

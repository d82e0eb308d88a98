"""The laws of own measurements: nothing from nothing, narrower with more, and no order among them."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokonomics.catalog.load import load_catalog
from tokonomics.errors import InputError
from tokonomics.measure.ask import scenario_evidence
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.intervals import predicted_cases
from tokonomics.measure.own_points import UsualLengths, own_cases
from tokonomics.measure.posterior import _level_tangent, _points, _tangent, posterior
from tokonomics.physics.calibration import calibration
from tokonomics.physics.deployment import deployment
from tokonomics.physics.step import stack_step_models, step_model
from tokonomics.physics.uncertainty import spread_at, spread_model
from tokonomics.workload.scenario import Scenario

CATALOG = load_catalog()
FIT = calibration()
BATCHES = np.geomspace(1.0, 300.0, 7)
few = settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])

systems = st.sampled_from(
    [
        ("llama-3.3-70b", "h100-sxm", 4, "fp8", "vllm"),
        ("llama-3.1-8b", "a100-sxm-80", 1, "bf16", "vllm"),
        ("deepseek-v3", "b200-sxm", 8, "fp8", "sglang"),
        ("gpt-oss-120b", "h200-sxm", 2, "mxfp4", "trtllm"),
    ]
)
loads = st.lists(st.sampled_from([1, 4, 16, 64, 200]), min_size=1, max_size=4)
off = st.floats(-0.7, 0.7)
COLUMNS = {"tpot_ms": 2, "ttft_ms": 3, "output_tokens_per_s": 0}


def asked(system, points):
    model, gpu, num_gpus, precision, engine = system
    return Scenario.from_dict(
        {
            "models": [model],
            "traffic": {"requests_per_s": 2.0, "input_tokens": 1000, "output_tokens": 300},
            "gpus": [gpu],
            "num_gpus": [num_gpus],
            "precisions": [precision],
            "engine": engine,
            "measured": points,
        }
    )


def points_off(system, loads, misses, key="tpot_ms"):
    """Points at `loads` that miss the prediction by the factors exp(misses)."""
    bare = asked(system, [{"concurrency": load, "tpot_ms": 1.0} for load in loads])
    cases = own_cases(bare, CATALOG, lambda: UsualLengths(input_tokens=1000.0, cached_tokens=0.0, output_tokens=300.0))
    column = COLUMNS[key]
    values = np.exp(predicted_cases(cases, FIT).value_log[:, column] + np.resize(misses, len(loads)))
    unit = 1.0 if column == 0 else 1e3
    return [{"concurrency": load, key: float(value * unit)} for load, value in zip(loads, values)]


def told(system, points):
    """Evidence of the points; None where one is beyond the roofline, which is refused by design."""
    try:
        return scenario_evidence(asked(system, points), CATALOG)
    except InputError as refused:
        if "roofline" not in str(refused):
            raise
        return None


def spreads(system, evidence):
    model, gpu, num_gpus, precision, engine = system
    dep = deployment(
        CATALOG.model(model), CATALOG.accelerator(gpu), tensor_parallel=num_gpus, precision=precision, engine=engine,
        evidence=evidence,
    )  # fmt: skip
    found = spread_at(spread_model([dep]).column(), stack_step_models([step_model(dep)]).column(), BATCHES, 1150.0)
    return np.concatenate([found.rate_sd_log, found.itl_sd_log, found.ttft_sd_log])


@few
@given(systems, loads, st.lists(off, min_size=4, max_size=4), st.sampled_from(list(COLUMNS)))
def test_a_point_never_widens(system, loads, misses, key):
    evidence = told(system, points_off(system, loads, misses, key))
    if evidence is not None:
        assert np.all(spreads(system, evidence) <= spreads(system, ()) * (1 + 1e-12))
        for effect in evidence[0].effects:
            assert effect.sd_after_log <= effect.sd_before_log * (1 + 1e-12)


@few
@given(systems, loads)
def test_consistent_points_narrow_one_by_one(system, loads):
    """Points that say what was predicted anyway move nothing, and each narrows what is left."""
    points = points_off(system, loads, [0.0])
    before = spreads(system, ())
    for number in range(1, len(points) + 1):
        evidence = told(system, points[:number])
        assert np.abs(evidence[0].shift_link).max() < 1e-6
        after = spreads(system, evidence)
        assert np.all(after <= before * (1 + 1e-6))
        assert after.sum() < before.sum()
        before = after


@few
@given(systems, loads, st.lists(off, min_size=4, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_points_does_not_matter(system, loads, misses, random):
    points = points_off(system, loads, misses)
    mixed = random.sample(points, len(points))
    one, other = told(system, points), told(system, mixed)
    assert (one is None) == (other is None)
    if one is not None:
        assert one[0].shift_link.tolist() == other[0].shift_link.tolist()
        assert one[0].known_frac.tolist() == other[0].known_frac.tolist()
        assert one[0].to_dict() == other[0].to_dict()


@few
@given(systems, st.sampled_from([1, 16, 200]), st.floats(0.15, 0.7), st.sampled_from([-1.0, 1.0]))
def test_a_point_pulls_the_prediction_to_its_side_and_not_beyond(system, load, size, side):
    points = points_off(system, [load], [side * size])
    evidence = told(system, points)
    if evidence is not None:
        moved = np.log(evidence[0].effects[0].change_ratio)
        assert 0.0 < side * moved <= size * 1.05


@few
@given(systems, st.sampled_from([4, 64]), st.floats(1.6, 6.0))
def test_what_is_far_off_is_refused(system, load, miss):
    with pytest.raises(InputError, match="times off"):
        scenario_evidence(asked(system, points_off(system, [load], [miss])), CATALOG)


@few
@given(systems, loads, st.lists(st.floats(-1.4, 1.4), min_size=4, max_size=4))
def test_the_shift_is_the_bottom_of_the_cost(system, loads, misses):
    """No constant alone can be moved to where points and prior are likelier, however far off the points are."""
    cases = own_cases(
        asked(system, points_off(system, loads, misses)),
        CATALOG,
        lambda: UsualLengths(input_tokens=1000.0, cached_tokens=0.0, output_tokens=300.0),
    )
    points, tangent = _points(cases, FIT), _level_tangent(cases, FIT)
    shift = posterior(cases, FIT).shift.ravel()

    def cost(moved):
        return points.cost(tangent(moved)[0], moved)

    best = cost(shift)
    assert best <= cost(np.zeros_like(shift))
    for place in range(len(shift)):
        for sign in (1.0, -1.0):
            moved = shift.copy()
            moved[place] += sign * 0.1
            assert cost(moved) >= best - 1e-6 - 1e-3 * best


@few
@given(systems, loads)
def test_slopes_at_once_equal_slopes_alone(system, loads):
    """Differential: the posterior moves all constants in one evaluation, the fit one after the other."""
    scenario = asked(system, [{"concurrency": load, "tpot_ms": 1.0} for load in loads])
    cases = own_cases(
        scenario, CATALOG, lambda: UsualLengths(input_tokens=900.0, cached_tokens=50.0, output_tokens=99.0)
    )
    problem = Problem(cases)
    values = np.array([FIT.values_link(one) for one in problem.features])[problem.deployments]
    at, slopes = _tangent(cases, FIT)(values)
    want = problem.predicted_log(values, FIT)
    np.testing.assert_allclose(at, want, rtol=1e-12)
    np.testing.assert_allclose(slopes, problem.jacobian(values, FIT, want), rtol=1e-6, atol=1e-9)
    assert posterior(cases, FIT).covariance.shape == (3 * len(FIT.constants),) * 2

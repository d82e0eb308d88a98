"""What a point says of its own layout, of other layouts of its format, and of other formats."""

from dataclasses import replace

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.measure.calibration.labels import noise_sd_log
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.intervals import predicted_cases
from tokonomics.measure.own_evidence import own_evidence
from tokonomics.measure.own_points import UsualLengths, own_cases
from tokonomics.measure.posterior import posterior, shifted
from tokonomics.measure.predict import METRICS
from tokonomics.physics.calibration import calibration
from tokonomics.physics.deployment import deployment
from tokonomics.physics.evidence import Evidence, levels_of
from tokonomics.workload.scenario import Scenario

CATALOG, FIT = load_catalog(), calibration()
TPOT = METRICS.index("tpot_s")
OWN, SAME_FORMAT, OTHER_FORMAT = (4, "fp8"), (8, "fp8"), (4, "bf16")
USUAL = UsualLengths(input_tokens=1000.0, cached_tokens=0.0, output_tokens=300.0)


def case_of(layout, load=16):
    """A case of 70B on H100 with the TPOT that is predicted."""
    num_gpus, precision = layout
    point = {"concurrency": load, "tpot_ms": 1.0, "num_gpus": num_gpus, "precision": precision}
    scenario = Scenario.from_dict(
        {
            "models": ["llama-3.3-70b"],
            "traffic": {"requests_per_s": 2.0, "input_tokens": 1000, "output_tokens": 300},
            "gpus": ["h100-sxm"],
            "measured": [point],
        }
    )
    (case,) = own_cases(scenario, CATALOG, lambda: USUAL)
    return off_by(case, 0.0)


def off_by(case, miss_log):
    tpot_s = float(np.exp(predicted_cases([case], FIT).value_log[0, TPOT] + miss_log))
    return replace(case, measurement=replace(case.measurement, tpot_s=tpot_s))


def with_evidence(case, told):
    dep = case.replica.deployment
    return replace(case, replica=replace(case.replica, deployment=replace(dep, evidence=told.at(dep.layout))))


def change_log(case, told):
    """Change of the log TPOT of `case` by the evidence."""
    before, after = (predicted_cases([one], FIT).value_log[0, TPOT] for one in (case, with_evidence(case, told)))
    return float(after - before)


def known_sum(case, told):
    """What is known of the constants, added up: shares of prior variances."""
    return float(np.square(told.at(case.replica.deployment.layout).known_frac).sum())


@pytest.mark.parametrize("miss_log", [-0.15, 0.3])
def test_a_point_says_most_of_its_layout_and_least_of_another_format(miss_log):
    told = own_evidence([off_by(case_of(OWN), miss_log)], FIT)[0]
    cases = [case_of(layout) for layout in (OWN, SAME_FORMAT, OTHER_FORMAT)]
    own, near, far = (np.sign(miss_log) * change_log(case, told) for case in cases)
    assert own > near > far > 0.0
    own, near, far = (known_sum(case, told) for case in cases)
    assert own > near > far > 0.0


def test_layouts_that_contradict_each_other_are_both_believed():
    """One shift for both would leave each where it was; the third layout takes the mean, which is nothing much."""
    points = [off_by(case_of(OWN), 0.3), off_by(case_of(SAME_FORMAT), -0.15)]
    told = own_evidence(points, FIT)[0]
    slower, faster, other = (change_log(case_of(layout), told) for layout in (OWN, SAME_FORMAT, (2, "fp8")))
    assert faster < -0.03 < 0.03 < slower
    assert faster < other < slower


def test_levels_are_those_of_the_measured_layouts_each_once():
    found = posterior([case_of(OWN), case_of(OWN, 64), case_of(SAME_FORMAT), case_of(OTHER_FORMAT)], FIT)
    four, eight, other = (case_of(one).replica.deployment.layout for one in (OWN, SAME_FORMAT, OTHER_FORMAT))
    assert four == ("fp8", 4, 1, False, False)
    assert found.levels == ((), ("fp8",), four, eight, ("bf16",), other)
    assert found.shift.shape == (6, len(FIT.constants))
    assert found.known_frac.shape[1:] == (6, len(FIT.constants))


def test_evidence_equals_the_posterior_of_layouts_measured_and_not():
    points = [off_by(case_of(OWN), 0.2), off_by(case_of(SAME_FORMAT, 64), 0.1)]
    told, found = own_evidence(points, FIT)[0], posterior(points, FIT)
    asked = [case_of(one, 32) for one in (OWN, SAME_FORMAT, (2, "fp8"), OTHER_FORMAT)]
    mine = predicted_cases([with_evidence(case, told) for case in asked], FIT)
    np.testing.assert_allclose(mine.value_log[:, TPOT], shifted(asked, FIT, found).predicted_log[:, TPOT], rtol=1e-12)


def test_a_built_deployment_takes_the_evidence_of_its_layout():
    """What a quote prices is what was judged here."""
    told = own_evidence([off_by(case_of(OWN), 0.2), off_by(case_of(OTHER_FORMAT), -0.1)], FIT)
    for num_gpus, precision in (OWN, SAME_FORMAT, OTHER_FORMAT):
        dep = deployment(
            CATALOG.model("llama-3.3-70b"),
            CATALOG.accelerator("h100-sxm"),
            tensor_parallel=num_gpus,
            precision=precision,
            evidence=told,
        )
        values = FIT.values_link(dep.features) + told[0].at(dep.layout).shift_link
        natural = dict(zip(FIT.constants, FIT.natural_ratio(values), strict=True))
        assert {name: getattr(dep.constants, name) for name in natural} == pytest.approx(natural)
        assert dep.evidence is told[0].at(dep.layout)


def test_what_is_known_of_every_layout_is_what_a_dense_solution_leaves():
    """Oracle: covariances of whole deployments, conditioned on the points, with no levels in the arithmetic."""
    points = [case_of(OWN), case_of(SAME_FORMAT, 64), case_of(OTHER_FORMAT, 4)]
    asked = [*points, case_of((2, "fp8")), case_of((8, "bf16"))]
    found, size = posterior(points, FIT), len(FIT.constants)
    layouts = [case.replica.deployment.layout for case in asked]
    common = np.array([[_shared_frac(one, other) for other in layouts] for one in layouts])
    covariance = np.kron(common, np.diag(found.prior))
    problem = Problem(points)
    values = np.array([FIT.values_link(one) for one in problem.features])[problem.deployments]
    moved = values + [sum_over_levels(found, layout) for layout in layouts[:3]]
    slopes = problem.jacobian(moved, FIT, problem.predicted_log(moved, FIT))[:, TPOT]
    told = np.zeros((3, len(asked) * size))
    for place, row in enumerate(slopes):
        told[place, place * size : (place + 1) * size] = row
    noise = np.diag(noise_sd_log(points, FIT.noise_sd_log)[:, TPOT] ** 2)
    gain = covariance @ told.T @ np.linalg.inv(told @ covariance @ told.T + noise)
    left = covariance - gain @ told @ covariance
    evidence = own_evidence(points, FIT)[0]
    deviations = np.sqrt(found.prior)
    for place, layout in enumerate(layouts):
        known_frac = evidence.at(layout).known_frac
        want = left[place * size : (place + 1) * size, place * size : (place + 1) * size]
        got = np.outer(deviations, deviations) * (np.eye(size) - known_frac.T @ known_frac)
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-8)


def _shared_frac(one, other):
    shares = (0.35, 0.35, 0.3)
    return sum(share for share, mine, its in zip(shares, levels_of(one), levels_of(other)) if mine == its)


def sum_over_levels(found, layout):
    return sum(shift for shift, level in zip(found.shift, found.levels) if level in levels_of(layout))


def test_the_sum_is_over_the_levels_of_a_layout_alone():
    mine, other = ("fp8", 4, 1, False, False), ("bf16", 4, 1, False, False)
    told = Evidence(
        model="m", accelerator="a", engine="vllm", num_points=2, layouts=(),
        levels=((), ("fp8",), mine), shift_link=np.array([[1.0], [10.0], [100.0]]),
        known_frac=np.array([[[0.1], [0.2], [0.4]]]),
    )  # fmt: skip
    for layout, shift, known in ((mine, 111.0, 0.7), (("fp8", 8, 1, False, False), 11.0, 0.3), (other, 1.0, 0.1)):
        found = told.at(layout)
        assert found.shift_link.tolist() == [shift]
        assert found.known_frac == pytest.approx(np.array([[known]]))
        assert found.num_points == 2

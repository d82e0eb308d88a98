"""The calibration: its file, its links, the fit itself, and what a measured point changes."""

from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.errors import InputError, UnknownName
from tokonomics.measure.calibration.calibrate import calibration_json
from tokonomics.measure.calibration.design import CONSTANTS, PRIOR_MEAN, block_variance, blocks, design
from tokonomics.measure.calibration.folds import fold_numbers
from tokonomics.measure.calibration.labels import case_stretch_factors, stretch_factors
from tokonomics.measure.calibration.problem import Problem, _derated
from tokonomics.measure.calibration.solve import solve
from tokonomics.measure.calibration.spread import stretches
from tokonomics.measure.case import Case, CaseBuilder
from tokonomics.measure.corpus import Measurement, parse_corpus
from tokonomics.measure.intervals import predict_with_intervals
from tokonomics.measure.posterior import posterior, shifted
from tokonomics.physics.calibration import calibration, parse_calibration
from tokonomics.physics.constants import calibrated_constants, check_engine, constants_at, engines, ideal_constants
from tokonomics.physics.deployment import deployment
from tokonomics.physics.evidence import Known
from tokonomics.physics.step import step_model

CATALOG = load_catalog()
HEADER = (
    "source_id,model,weight_dtype,gpu,num_gpus,tp,engine,mode,isl_mean,osl_mean,concurrency,tpot_ms_p50,ttft_ms_p50"
)


def corpus(*lines: str) -> tuple[Measurement, ...]:
    return parse_corpus("\n".join([HEADER, *lines]))


def cases(*lines: str) -> list[Case]:
    builder = CaseBuilder(CATALOG)
    found = [builder.case(row) for row in corpus(*lines)]
    assert all(isinstance(one, Case) for one in found)
    return [one for one in found if isinstance(one, Case)]


def sweep(model="llama-3.3-70b", gpu="h100-sxm", tp=4, engine="vllm", precision="fp8", tpot="", users=(1, 8, 32, 128)):
    return [f"made,{model},{precision},{gpu},{tp},{tp},{engine},concurrency,1024,1024,{n},{tpot}," for n in users]


def test_the_file_is_small_and_tells_where_it_came_from():
    text = files("tokonomics.physics").joinpath("data", "calibration.json").read_text("utf-8")
    fit = calibration()
    assert len(text) < 500_000
    assert fit.constants == CONSTANTS
    assert fit.num_rows > 7000
    assert len(fit.corpus_digest) == 12
    assert calibration_json(parse_calibration(text)) == text, "five digits survive a round trip"


def test_no_feature_is_an_exact_configuration():
    known = {f"{block}:" for block in blocks()}
    models = set(CATALOG.models)
    for name in calibration().weight:
        assert any(name.startswith(one) for one in known)
        assert not models & set(name.partition(":")[2].split("/")), f"{name} names a model"


def test_efficiencies_stay_below_the_peak_for_any_engine_and_part():
    for engine in engines():
        for part in CATALOG.accelerators.values():
            k = deployment(CATALOG.model("llama-3.1-8b"), part, engine=engine).constants
            shares = [getattr(k, name) for name in CONSTANTS if name.endswith("efficiency_frac")]
            assert all(0.0 < share <= 1.0 for share in shares)
            assert k.expert_imbalance_ratio >= 1.0


def test_an_unknown_engine_is_refused_with_the_names():
    with pytest.raises(UnknownName, match="vllm"):
        check_engine("vlm")


def test_the_ideal_engine_is_the_roofline():
    part = CATALOG.accelerator("h100-sxm")
    dep = deployment(CATALOG.model("llama-3.1-8b"), part, engine="roofline")
    assert dep.constants == calibrated_constants("roofline", dep.features) == ideal_constants()


@pytest.mark.parametrize(
    ("model", "gpu", "kwargs"),
    [
        ("llama-3.3-70b", "h100-sxm", {"tensor_parallel": 4, "precision": "fp8"}),
        ("qwen3-235b-a22b", "h200-sxm", {"tensor_parallel": 8, "expert_parallel": True, "precision": "fp8"}),
        ("deepseek-v3", "b200-sxm", {"tensor_parallel": 8, "engine": "sglang"}),
        ("llama-3.1-8b", "rtx4090", {"engine": "llama.cpp", "precision": "gguf-q4_k_m"}),
        ("llama-3.1-70b", "a100-sxm-80", {"tensor_parallel": 2, "pipeline_parallel": 2}),
    ],
)
def test_the_fit_and_the_physics_build_the_same_step_model(model, gpu, kwargs):
    """The fit derates rooflines in arrays, `step_model` one deployment at a time: two paths to the same numbers."""
    dep = deployment(CATALOG.model(model), CATALOG.accelerator(gpu), **kwargs)
    want = step_model(dep)
    ep = "8" if kwargs.get("expert_parallel") else ""
    line = (
        f"made,{dep.model.id},{dep.precision.id.removeprefix('gguf-')},{gpu},{dep.num_gpus},{dep.tensor_parallel},{dep.constants.engine},"
        f"concurrency,100,100,4,1,,{dep.pipeline_parallel},{ep}"
    )
    rows = parse_corpus(f"{HEADER},pp,ep\n{line}")
    case = CaseBuilder(CATALOG).case(rows[0])
    assert isinstance(case, Case)
    case = replace(case, replica=replace(case.replica, deployment=dep))
    problem = Problem([case])
    natural = {name: np.array([getattr(dep.constants, name)]) for name in CONSTANTS}
    got = _derated(problem._modes[0].ideal, natural)
    for name in want.__dataclass_fields__:
        assert getattr(got, name)[0] == pytest.approx(float(getattr(want, name)), rel=1e-12), name


def test_the_fit_recovers_constants_that_made_the_measurements():
    """Differential: times made by the physics at shifted constants; the fit must foretell sizes it did not see."""
    lines = [
        *sweep(model="llama-3.1-8b", tp=1, tpot="1", users=(1, 2, 4, 16, 64, 128, 256)),
        *sweep(model="llama-3.3-70b", tp=4, tpot="1", users=(1, 2, 4, 16, 64, 128, 256)),
        *sweep(model="qwen3-32b", tp=2, tpot="1", users=(1, 4, 16, 64, 256)),
    ]
    problem, fit = Problem(cases(*lines)), replace(calibration(), mean_link=PRIOR_MEAN, weight={})
    shift = np.zeros(len(CONSTANTS))
    shift[[0, 5, 7]] = [-0.6, 0.5, 0.7]
    truth = problem.predicted_log(np.tile(PRIOR_MEAN + shift, (len(lines), 1)), fit)
    problem.measured_log = np.where(np.isfinite(problem.measured_log), truth, np.nan)
    unknowns, unseen = design(problem), np.arange(len(lines)) % 3 == 1
    found = solve(problem, unknowns, fit, ~unseen)
    before = problem.predicted_log(np.tile(PRIOR_MEAN, (len(lines), 1)), fit)
    assert np.nanmax(np.abs((found.predicted_log - truth)[unseen, 2])) < 0.02
    assert np.nanmax(np.abs((before - truth)[unseen, 2])) > 0.15


def test_priors_name_constants_that_exist():
    assert set(blocks()) == set(calibration().prior_variance)
    assert np.all(block_variance("engine") > 0)
    assert block_variance("format")[CONSTANTS.index("request_overhead_s")] == 0


def test_folds_keep_equal_keys_together_and_are_even():
    keys = np.repeat(np.arange(20), 7)
    folds = fold_numbers(keys, 4)
    assert all(len(set(folds[keys == key])) == 1 for key in range(20))
    assert np.bincount(folds).tolist() == [35] * 4


def test_stretches_hold_four_fifths():
    sizes = np.abs(np.random.default_rng(0).normal(size=(4000, 1))) * 3.0
    factor = stretches(sizes, [[["tpot_s/any"]] * 4000], np.ones(4000))["tpot_s/any"]
    assert np.mean(sizes <= factor) == pytest.approx(0.8, abs=0.01)


def test_a_row_of_twice_the_weight_stretches_like_two_rows():
    rng = np.random.default_rng(1)
    sizes, weights = rng.exponential(size=(300, 1)), rng.integers(1, 4, 300)
    labels = ["tpot_s/any"]
    whole = stretches(np.repeat(sizes, weights, axis=0), [[labels] * int(weights.sum())], np.ones(weights.sum()))
    told = stretches(sizes, [[labels] * 300], weights.astype(float))
    # few rows shrink a factor towards 1, and these are 300 rows against some 600
    unshrunk = [np.log(one["tpot_s/any"]) * (num + 40) / num for one, num in ((whole, weights.sum()), (told, 300))]
    assert unshrunk[0] == pytest.approx(unshrunk[1], abs=0.02)


def test_intervals_hold_the_prediction_and_widen_where_nothing_was_seen():
    lines = [
        *sweep(tpot="10", users=(32,)),
        *sweep(model="llama-3.1-8b", gpu="tpu-v5e", tp=1, engine="sglang", tpot="10", users=(32,)),
    ]
    known, unseen = predict_with_intervals(corpus(*lines), CATALOG)
    for one in (known, unseen):
        low, high = one.interval("tpot_s") or (0.0, 0.0)
        assert 0 < low < (one.tpot_s or 0.0) < high
    assert (unseen.sd_log[2] or 0.0) > (known.sd_log[2] or 0.0)


def test_a_new_source_is_less_sure_than_one_that_the_fit_knows_until_it_has_been_measured():
    fit = calibration()
    (new,) = cases(*sweep(users=(32,)))
    known = replace(new, measurement=replace(new.measurement, source_id="aic-silicon-public-sweep"))
    dep = new.replica.deployment
    evidence = Known(num_points=1, shift_link=np.zeros(len(CONSTANTS)), known_frac=np.zeros((1, len(CONSTANTS))))
    measured = replace(new, replica=replace(new.replica, deployment=replace(dep, evidence=evidence)))
    factors = case_stretch_factors([new, known, measured], fit)
    assert "aic-silicon-public-sweep" in fit.sources
    assert new.measurement.source_id not in fit.sources
    assert (factors[1] == factors[2]).all()
    assert (factors[0] == stretch_factors([new], fit.new_source_stretch)[0]).all()
    assert (factors[1] == stretch_factors([new], fit.stretch)[0]).all()
    assert (factors[0] != factors[1]).any()


def test_a_measured_point_moves_the_group_towards_it_and_narrows():
    fit, one = calibration(), cases(*sweep(tpot="25", users=(32,)))
    others = cases(*sweep(users=(8, 64)))
    found = posterior(one, fit)
    prior = replace(found, levels=(), shift=np.zeros((0, len(CONSTANTS))), covariance=np.zeros((0, 0)))
    before, after = shifted(others, fit, prior), shifted(others, fit, found)
    assert np.all(after.predicted_log[:, 2] > before.predicted_log[:, 2]), "25 ms is slower than foretold"
    assert np.all(np.exp(after.predicted_log[:, 2]) < 0.05)
    assert np.all(after.sd_log[:, 2] < before.sd_log[:, 2])


def test_points_of_two_groups_are_refused():
    with pytest.raises(InputError, match="one group at a time"):
        posterior([*cases(*sweep(tpot="9")), *cases(*sweep(model="llama-3.1-8b", tp=1, tpot="9"))], calibration())


def test_constants_at_are_in_their_own_units():
    fit = calibration()
    k = constants_at("vllm", PRIOR_MEAN, fit)
    assert k.memory_efficiency_frac == pytest.approx(1 / (1 + np.exp(-1.2)))
    assert k.step_overhead_s == pytest.approx(2e-3)
    assert k.expert_imbalance_ratio == pytest.approx(1.2)


def test_constants_fall_back_to_the_engine():
    """A part of a family that no measurement had: the engine's own constants, neither an error nor the roofline's."""
    model, part = CATALOG.model("llama-3.1-8b"), replace(CATALOG.accelerator("h100-sxm"), id="new", family="new")
    unseen, known = (
        calibrated_constants("vllm", deployment(model, one).features) for one in (part, CATALOG.accelerator("h100-sxm"))
    )
    assert unseen.engine == known.engine == "vllm"
    assert 0.3 < unseen.memory_efficiency_frac < 1.0
    assert unseen.memory_efficiency_frac != known.memory_efficiency_frac

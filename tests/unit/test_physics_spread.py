"""How sure a step is: whole arrays against one deployment at a time, against the numbers of a loop, and by its laws."""

from dataclasses import fields, replace

import numpy as np
import pytest
from tests.oracles.spread_loop import spread_of

from tokonomics.catalog.load import load_catalog
from tokonomics.physics.calibration import calibration
from tokonomics.physics.deployment import deployment
from tokonomics.physics.evidence import Evidence, evidence_of
from tokonomics.physics.step import stack_step_models, step_model, step_time
from tokonomics.physics.uncertainty import Spread, _shares, spread_at, spread_model, step_spread

CATALOG = load_catalog()
NUM_CONSTANTS = len(calibration().constants)
NAMES = [field.name for field in fields(Spread)]
KINDS = (
    ("llama-3.3-70b", "h100-sxm", {"tensor_parallel": 4, "precision": "fp8"}),
    ("llama-3.1-8b", "rtx4090", {"engine": "llama.cpp", "precision": "gguf-q4_k_m"}),
    ("deepseek-v3", "b200-sxm", {"tensor_parallel": 8, "engine": "sglang", "kv_format": "fp8"}),
    ("qwen3-235b-a22b", "h200-sxm", {"tensor_parallel": 8, "expert_parallel": True, "precision": "fp8"}),
    ("llama-3.1-70b", "a100-sxm-80", {"tensor_parallel": 2, "pipeline_parallel": 2}),
    ("gemma-3-27b", "tpu-v5e", {"tensor_parallel": 4}),
    ("llama-3.1-8b", "h100-sxm", {"engine": "roofline"}),
)


def built(model, gpu, evidence=(), **more):
    return deployment(CATALOG.model(model), CATALOG.accelerator(gpu), evidence=evidence, **more)


DEPLOYMENTS = [built(model, gpu, **more) for model, gpu, more in KINDS]
STEP = stack_step_models([step_model(dep) for dep in DEPLOYMENTS])
POINTS = [(1.0, 100.0, 0.0, 0.0), (32.0, 1500.0, 48.0, 500.0), (256.0, 9000.0, 4096.0, 2000.0)]


def made_evidence(shift=0.0, known=0.0, group=("llama-3.3-70b", "h100-sxm", "vllm"), seed=1):
    """Evidence with random directions; `known` is the share of a prior variance that each of three takes away."""
    rng = np.random.default_rng(seed)
    rows = np.linalg.qr(rng.normal(size=(NUM_CONSTANTS, 3)))[0].T * np.sqrt(known)
    model, accelerator, engine = group
    return Evidence(
        model=model, accelerator=accelerator, engine=engine, num_points=3, layouts=("4x h100-sxm fp8",),
        levels=((),), shift_link=rng.normal(size=(1, NUM_CONSTANTS)) * shift, known_frac=rows[:, None],
    )  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_arrays_equal_the_loop(point):
    """Differential: the shares of the closed form against difference quotients, constant by constant."""
    found = step_spread(DEPLOYMENTS, STEP, *point)
    for place, dep in enumerate(DEPLOYMENTS):
        want = spread_of(dep, *point)
        for name in NAMES:
            assert getattr(found, name)[place] == pytest.approx(want[name], rel=1e-5), (dep.name, name)


def test_one_sweep_equals_its_points():
    """A row of operating points for every deployment at once is each point asked alone."""
    batch = np.geomspace(1.0, 512.0, 7)
    swept = spread_at(spread_model(DEPLOYMENTS).column(), STEP.column(), batch, 2000.0, batch * 2.0, 1000.0)
    for column, one in enumerate(batch):
        alone = step_spread(DEPLOYMENTS, STEP, one, 2000.0, one * 2.0, 1000.0)
        for name in NAMES:
            np.testing.assert_allclose(getattr(swept, name)[:, column], getattr(alone, name), rtol=1e-12)


def test_picked_deployments_keep_their_spread():
    batch, index = np.full(len(DEPLOYMENTS), 16.0), np.array([3, 0])
    whole = spread_at(spread_model(DEPLOYMENTS), STEP, batch, 800.0)
    part = spread_at(spread_model(DEPLOYMENTS).pick(index), STEP.pick(index), batch[index], 800.0)
    for name in NAMES:
        assert getattr(part, name).tolist() == getattr(whole, name)[index].tolist()


def test_no_deployments_have_no_spread():
    empty = spread_model([])
    assert (empty.sd_log.shape[1], empty.stretch_factor.shape, empty.step_s.shape) == (0, (3, 0), (0,))


@pytest.mark.parametrize("point", POINTS)
def test_shares_of_the_step_add_up(point):
    spread = spread_model(DEPLOYMENTS)
    shares = _shares(spread, STEP, step_time(STEP, *point), point[0], point[2])
    floor = shares[2]  # a part of the share of compute, whose two constants scale one product
    np.testing.assert_allclose(sum(shares) - floor, 1.0, rtol=1e-12)
    assert all(np.all(share >= -1e-15) for share in shares)


def test_the_ideal_engine_is_certain():
    found = step_spread(DEPLOYMENTS[-1:], stack_step_models([step_model(DEPLOYMENTS[-1])]), 8.0, 1000.0)
    assert [getattr(found, name).tolist() for name in NAMES] == [[0.0]] * 3


def test_variances_at_once_equal_those_alone():
    fit, features = calibration(), [dep.features for dep in DEPLOYMENTS]
    table = fit.variances_link(features)
    for row, one in zip(table, features):
        np.testing.assert_allclose(row, fit.variance_link(one), rtol=1e-13)
    assert fit.variances_link([]).shape == (0, NUM_CONSTANTS)


def test_an_unseen_feature_takes_the_prior_of_its_block():
    fit = calibration()
    unseen = fit.variances_link([(("engine:brand-new", 2.0),)])[0]
    np.testing.assert_allclose(unseen, 4.0 * fit.prior_variance["engine"] + fit.group_variance_link)


def test_evidence_is_for_its_group_alone():
    told = made_evidence(shift=0.3, known=0.5)
    mine = built("llama-3.3-70b", "h100-sxm", (told,), tensor_parallel=4, precision="fp8")
    plain = built("llama-3.3-70b", "h100-sxm", tensor_parallel=4, precision="fp8")
    assert mine.evidence is told.at(mine.layout)
    assert mine.constants != plain.constants
    assert "3 of this group" in mine.constants.source
    assert mine.without_evidence() == plain
    assert plain.without_evidence() is plain
    for model, gpu, more in KINDS[1:]:
        assert built(model, gpu, (told,), **more) == built(model, gpu, **more)
    other = built("llama-3.3-70b", "h100-sxm", (told,), tensor_parallel=4, engine="sglang")
    assert other.evidence is None
    assert evidence_of((told,), "llama-3.3-70b", "h200-sxm", "vllm") is None


def test_knowledge_narrows_its_deployment_and_no_other():
    told = made_evidence(known=0.8)
    group = [built("llama-3.3-70b", "h100-sxm", (told,), tensor_parallel=4, precision="fp8"), *DEPLOYMENTS[1:]]
    before, after = (step_spread(deps, STEP, 32.0, 1500.0, 48.0, 500.0) for deps in (DEPLOYMENTS, group))
    for name in NAMES:
        assert getattr(after, name)[0] < getattr(before, name)[0]
        assert getattr(after, name)[1:].tolist() == getattr(before, name)[1:].tolist()


def test_all_known_leaves_the_noise():
    told = replace(made_evidence(), known_frac=np.eye(NUM_CONSTANTS)[:, None])
    dep = built("llama-3.3-70b", "h100-sxm", (told,), tensor_parallel=4, precision="fp8")
    found = spread_at(spread_model([dep]), stack_step_models([step_model(dep)]), 32.0, 1500.0)
    noise = calibration().noise_sd_log["tpot_s/concurrency"]
    stretch = spread_model([dep]).stretch_factor[1, 0]
    assert found.itl_sd_log[0] == pytest.approx(stretch * noise)


def test_a_shift_never_widens():
    """Constants may move to where a step is less sure; the old spread then stays. Sweeps keep their broadcasting."""
    batch = np.geomspace(1.0, 400.0, 9)
    for seed in range(5):
        told = made_evidence(shift=0.8, known=0.1, seed=seed)
        deps = [built("llama-3.3-70b", "h100-sxm", (told,), tensor_parallel=tp) for tp in (2, 4, 8)]
        plain = [dep.without_evidence() for dep in deps]
        after, before = (
            spread_at(
                spread_model(group).column(),
                stack_step_models([step_model(dep) for dep in group]).column(),
                batch, 1500.0, batch, 500.0,
            )
            for group in (deps, plain)
        )  # fmt: skip
        for name in NAMES:
            assert getattr(after, name).shape == (3, 9)
            assert np.all(getattr(after, name) <= getattr(before, name))
    picked = spread_model(deps).pick(np.array([1])).before
    assert picked is not None
    assert picked.step.overhead_s.shape == (1,)

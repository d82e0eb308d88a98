"""Log predictions of every measured value as a function of the constants, whole corpora at a time."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokonomics.measure.case import Case
from tokonomics.measure.loads import case_load
from tokonomics.measure.modes.load import Load
from tokonomics.measure.predict import METRICS, speed_of_mode
from tokonomics.physics.calibration import Calibration, Values
from tokonomics.physics.constants import ideal_constants
from tokonomics.physics.features import Feature
from tokonomics.physics.step import StepModel, stack_step_models, step_model

Ints = NDArray[np.intp]

_JACOBIAN_STEP = 1e-3


@dataclass(frozen=True, kw_only=True)
class _Ideal:
    """Roofline coefficients of the cases of a mode, and what their constants multiply; arrays of shape (cases,)."""

    step_model: StepModel
    num_layers: Values
    num_collectives: Values
    has_whole_experts: Values
    expert_flop: Values


@dataclass(frozen=True, kw_only=True)
class _ModeCases:
    """The cases of one mode, by their places in the corpus."""

    mode: str
    places: Ints
    ideal: _Ideal
    load: Load


class Problem:
    """Cases with at least one measured value, their features, and their log measurements, shape (cases, metrics).

    `shift_log` is added to every prediction; see `shifted`.
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = tuple(cases)
        self.measured_log = _logs(cases)
        self.shift_log = np.zeros_like(self.measured_log)
        self.num_working = np.array([case.num_working for case in cases], dtype=float)
        by_mode: dict[str, list[int]] = {}
        for place, case in enumerate(cases):
            by_mode.setdefault(case.measurement.mode, []).append(place)
        self._modes = [_mode_cases(mode, places, self.cases) for mode, places in by_mode.items()]

    @cached_property
    def groups(self) -> Ints:
        """Number of the model x accelerator x engine of every case."""
        return _numbered([_group_name(case) for case in self.cases])

    @cached_property
    def sources(self) -> Ints:
        """Number of the source of every case."""
        return _numbered([case.measurement.source_id for case in self.cases])

    @cached_property
    def features(self) -> tuple[tuple[Feature, ...], ...]:
        """Features of the distinct deployments."""
        return tuple(case.replica.deployment.features for case in self._first_of_deployment)

    @cached_property
    def deployments(self) -> Ints:
        """Number of the deployment of every case, an index into `features`."""
        return _numbered([str(id(case.replica)) for case in self.cases])

    @property
    def _first_of_deployment(self) -> list[Case]:
        _, first = np.unique(self.deployments, return_index=True)
        return [self.cases[int(place)] for place in first]

    def predicted_log(self, values: Values, fit: Calibration) -> Values:
        """Log predictions, shape (cases, metrics), at link-scale constants `values`, shape (cases, constants)."""
        found = np.full((len(self.cases), len(METRICS)), np.nan)
        for held in self._modes:
            natural = dict(zip(fit.constants, fit.natural_ratio(values[held.places]).T, strict=True))
            found[held.places] = _mode_logs(held, natural, self.num_working[held.places])
        return np.asarray(found + self.shift_log)

    def shifted(self, shift_log: Values) -> "Problem":
        """The problem with `shift_log`, shape (cases, metrics), added to its log predictions."""
        other = copy(self)
        other.shift_log = self.shift_log + shift_log
        return other

    def jacobian(self, values: Values, fit: Calibration, at: Values) -> Values:
        """Slopes of the log predictions, shape (cases, metrics, constants), about `at` = the predictions there."""
        columns = []
        for place in range(values.shape[1]):
            moved = values.copy()
            moved[:, place] += _JACOBIAN_STEP
            columns.append((self.predicted_log(moved, fit) - at) / _JACOBIAN_STEP)
        slopes = np.stack(columns, axis=-1)
        return np.asarray(np.where(np.isfinite(slopes), slopes, 0.0))


def _logs(cases: Sequence[Case]) -> Values:
    table = [[getattr(case.measurement, name) or np.nan for name in METRICS] for case in cases]
    return np.asarray(np.log(np.array(table, dtype=float).reshape(len(cases), len(METRICS))))


def _numbered(names: Sequence[str]) -> Ints:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.intp)


def _group_name(case: Case) -> str:
    dep = case.replica.deployment
    return f"{dep.model.id} {dep.accelerator.id} {dep.constants.engine}"


def _mode_cases(mode: str, places: Sequence[int], cases: Sequence[Case]) -> _ModeCases:
    held = [cases[place] for place in places]
    return _ModeCases(mode=mode, places=np.array(places), ideal=_ideal(held), load=case_load(held))


def _ideal(cases: Sequence[Case]) -> _Ideal:
    deps = [case.replica.deployment for case in cases]
    models = {id(case.replica): case.replica.deployment for case in cases}
    ideal = {key: step_model(replace(dep, constants=ideal_constants())) for key, dep in models.items()}
    return _Ideal(
        step_model=stack_step_models([ideal[id(case.replica)] for case in cases]),
        num_layers=np.array([dep.model.num_layers for dep in deps], dtype=float),
        num_collectives=np.array(
            [2.0 * dep.model.num_layers / dep.pipeline_parallel * (dep.tensor_parallel > 1) for dep in deps]
        ),
        has_whole_experts=np.array([dep.expert_parallel and dep.tensor_parallel > 1 for dep in deps], dtype=float),
        expert_flop=np.array(
            [
                2.0 * dep.model.params.experts * dep.model.num_active_experts / max(dep.model.num_experts, 1)
                / dep.num_gpus
                for dep in deps
            ]
        ),
    )  # fmt: skip


def _mode_logs(held: _ModeCases, k: Mapping[str, Values], num_working: Values) -> Values:
    load = replace(
        held.load,
        request_overhead_s=k["request_overhead_s"],
        token_overhead_s=k["token_overhead_s"],
        num_admission_steps=k["num_admission_steps"],
    )
    with np.errstate(all="ignore"):
        speed = speed_of_mode(held.mode)(_derated(held.ideal, k), load)
        found = np.stack([np.broadcast_to(getattr(speed, name), held.places.shape) for name in METRICS], axis=-1)
        scale = np.where([name.endswith("per_s") for name in METRICS], num_working[:, None], 1.0)
        return np.asarray(np.log(np.where(np.isfinite(found) & (found > 0), found * scale, np.nan)))


def _derated(ideal: _Ideal, k: Mapping[str, Values]) -> StepModel:
    """The step model at constants `k`, as `physics.step.step_model` builds it (held to it by a test)."""
    m, extra = ideal.step_model, ideal.has_whole_experts * (k["expert_imbalance_ratio"] - 1.0)
    return replace(
        m,
        overhead_s=k["step_overhead_s"] + k["layer_overhead_s"] * ideal.num_layers,
        sequence_overhead_s=k["sequence_overhead_s"],
        prompt_overhead_s=k["prompt_layer_overhead_s"] * ideal.num_layers,
        expert_bytes=m.expert_bytes * (1.0 + extra),
        gemm_flop_per_token=m.gemm_flop_per_token + ideal.expert_flop * extra,
        gemm_floor_tokens=k["gemm_floor_tokens"],
        memory_bytes_per_s=m.memory_bytes_per_s * k["memory_efficiency_frac"],
        gemm_flop_per_s=m.gemm_flop_per_s * k["compute_efficiency_frac"],
        kv_bytes_per_s=m.kv_bytes_per_s * k["kv_efficiency_frac"],
        attention_flop_per_s=m.attention_flop_per_s * k["attention_efficiency_frac"],
        link_bytes_per_s=m.link_bytes_per_s * k["link_efficiency_frac"],
        collective_s=ideal.num_collectives * k["collective_latency_s"],
        request_overhead_s=k["request_overhead_s"],
        token_overhead_s=k["token_overhead_s"],
        num_admission_steps=k["num_admission_steps"],
    )

"""How sure a predicted rate or latency is: from the spread of the engine's constants through the terms of the step.

The slope of the logarithm of a step's time with the logarithm of a constant is the share of the term that the constant
scales, so the spread costs no second evaluation. To it come the noise of single measurements, and the stretch that made
80 % of measurements, unseen by the fit, fall into their 10-90 % intervals (`physics.calibration`).

What depends on the deployment alone is a `SpreadModel`, made once; `spread_at` then answers whole arrays of operating
points, as `step_time` does for the time itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokonomics.physics.calibration import Calibration, calibration
from tokonomics.physics.constants import IDEAL_ENGINE
from tokonomics.physics.deployment import Deployment
from tokonomics.physics.step import Floats, StepModel, StepTime, stack_step_models, step_model, step_time

Z90: Final = 1.2815515655446004
"""Standard deviations from the median to the 90th percentile of a normal variable."""

_STEADY_MODE: Final = "concurrency"
_METRICS: Final = ("output_tokens_per_s", "tpot_s", "ttft_s")
"""Of the rate, the time between tokens and the wait for the first, in the order of `Spread`."""
_CONSTANTS: Final = (
    "memory_efficiency_frac",
    "compute_efficiency_frac",
    "gemm_floor_tokens",
    "kv_efficiency_frac",
    "attention_efficiency_frac",
    "link_efficiency_frac",
    "collective_latency_s",
    "step_overhead_s",
    "layer_overhead_s",
    "sequence_overhead_s",
    "prompt_layer_overhead_s",
)
"""Constants that move a step, in the order of `_shares`."""
_values_of: Final = attrgetter(*_CONSTANTS)
_IS_SHARE: Final = np.array([name.endswith("efficiency_frac") for name in _CONSTANTS])


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Standard deviations of logarithms, one for each deployment or operating point: 0.1 is about 10 %."""

    rate_sd_log: Floats
    itl_sd_log: Floats
    ttft_sd_log: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class SpreadModel:
    """What of a spread depends on the deployment alone; in every array the deployments are the last axis.

    `sd_log` (constants, n) is the standard deviation of the logarithm of each constant that moves a step; `known_frac`
    (directions, constants, n) is what own measurements took from it (`physics.evidence`). `step_s` and `layer_s` (n,)
    are parts of the overhead of a step. `noise_sd_log` and `stretch_factor` (metrics, n) widen the result, 0 for a
    bound that has no spread. `before` holds the deployments as they were before own measurements; None without any.
    """

    sd_log: Floats
    known_frac: Floats
    step_s: Floats
    layer_s: Floats
    noise_sd_log: Floats
    stretch_factor: Floats
    before: "Before | None" = None

    def column(self) -> "SpreadModel":
        """Give the deployments an axis of length 1 after them, so that they broadcast against a row of points."""
        return _each(self, lambda values: values[..., None], StepModel.column)

    def pick(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> "SpreadModel":
        """Select deployments by `index` (integers or a mask)."""
        return _each(self, lambda values: values[..., index], lambda model: model.pick(index))


@dataclass(frozen=True, kw_only=True, slots=True)
class Before:
    """The step and its spread without own measurements, of the same deployments in the same order."""

    step: StepModel
    spread: SpreadModel


def step_spread(
    deployments: Sequence[Deployment],
    model: StepModel,
    batch: ArrayLike,
    context_tokens: ArrayLike,
    prefill_tokens: ArrayLike = 0.0,
    prefill_context_tokens: ArrayLike = 0.0,
) -> Spread:
    """How sure the step of each of `deployments` is, whose coefficients `model` holds, at one operating point each."""
    spread = spread_model(deployments)
    return spread_at(spread, model, batch, context_tokens, prefill_tokens, prefill_context_tokens)


def spread_model(deployments: Sequence[Deployment]) -> SpreadModel:
    """What the spreads of `deployments` have that no operating point changes; the ideal engine has none."""
    fit, num = calibration(), len(deployments)
    constants = np.array([_values_of(dep.constants) for dep in deployments], dtype=float).reshape(num, len(_CONSTANTS))
    places = [fit.constants.index(name) for name in _CONSTANTS]
    variance = fit.variances_link([dep.features for dep in deployments])[:, places]
    chain = np.where(_IS_SHARE, 1.0 - constants, 1.0)  # slope of the logarithm with the link: log odds or logarithm
    layers = np.array([dep.model.num_layers for dep in deployments], dtype=float)
    return SpreadModel(
        sd_log=(np.sqrt(variance) * chain).T,
        known_frac=_known(deployments, places),
        step_s=constants[:, _CONSTANTS.index("step_overhead_s")],
        layer_s=constants[:, _CONSTANTS.index("layer_overhead_s")] * layers,
        noise_sd_log=np.array([[fit.noise_sd_log[f"{metric}/{_STEADY_MODE}"]] * num for metric in _METRICS]),
        stretch_factor=_stretches(fit, deployments),
        before=_before(deployments),
    )


def spread_at(
    spread: SpreadModel,
    model: StepModel,
    batch: ArrayLike,
    context_tokens: ArrayLike,
    prefill_tokens: ArrayLike = 0.0,
    prefill_context_tokens: ArrayLike = 0.0,
) -> Spread:
    """How sure a step is, broadcast over deployments and operating points; the arguments of `step_time`.

    The wait for a first token is taken to be as sure as the step, but for its own noise, which is larger. Own
    measurements never widen a spread: where they move the constants to where a step is less sure, the old one stays.
    """
    point = (batch, context_tokens, prefill_tokens, prefill_context_tokens)
    moved = _moved(spread, _shares(spread, model, step_time(model, *point), batch, prefill_tokens))
    noise, stretch = spread.noise_sd_log, spread.stretch_factor
    found = [factor * np.sqrt(moved + sd**2) for factor, sd in zip(stretch, noise)]
    if spread.before is not None:
        most = spread_at(spread.before.spread, spread.before.step, *point)
        found = [np.minimum(one, getattr(most, field.name)) for one, field in zip(found, fields(Spread))]
    return Spread(rate_sd_log=found[0], itl_sd_log=found[1], ttft_sd_log=found[2])


def _each(
    spread: SpreadModel, change: Callable[[Floats], Floats], change_step: Callable[[StepModel], StepModel]
) -> SpreadModel:
    """`spread` with `change` made to every array, and to those of the deployments before own measurements."""
    before = spread.before
    if before is not None:
        before = Before(step=change_step(before.step), spread=_each(before.spread, change, change_step))
    arrays = {field.name: change(getattr(spread, field.name)) for field in fields(spread) if field.name != "before"}
    return replace(spread, **arrays, before=before)


def _shares(
    spread: SpreadModel, m: StepModel, time: StepTime, batch: ArrayLike, prefill_tokens: ArrayLike
) -> tuple[Floats, ...]:
    """Shares of the step that move with each of `_CONSTANTS`; they add up to 1."""
    whole = 1.0 / time.total_s
    read, compute = np.square(np.square(time.weight_read_s)), np.square(np.square(time.gemm_compute_s))
    gemm = time.gemm_s * whole
    of_compute = gemm * (compute / (read + compute))
    rows = (np.asarray(batch, dtype=float) + np.asarray(prefill_tokens, dtype=float)) / m.num_stages
    collective = m.num_stages * m.collective_s
    return (
        gemm - of_compute,
        of_compute,
        of_compute * (m.gemm_floor_tokens / (rows + m.gemm_floor_tokens + 1e-300)),
        time.decode_attention_s * whole,
        time.prefill_attention_s * whole,
        (time.communication_s - collective) * whole,
        collective * whole,
        spread.step_s * whole,
        spread.layer_s * whole,
        m.sequence_overhead_s * np.asarray(batch, dtype=float) * whole,
        m.prompt_overhead_s * (np.asarray(prefill_tokens, dtype=float) > 0.0) * whole,
    )


def _moved(spread: SpreadModel, shares: Sequence[Floats]) -> Floats:
    """Variance of the logarithm of the step that its constants leave: all of it, less what is known of directions."""
    slopes = [share * sd for share, sd in zip(shares, spread.sd_log)]
    total = np.asarray(sum(np.square(slope) for slope in slopes))
    for direction in spread.known_frac:
        total = total - np.square(sum(slope * part for slope, part in zip(slopes, direction)))
    return np.asarray(np.maximum(total, 0.0))


def _known(deployments: Sequence[Deployment], places: list[int]) -> Floats:
    """What evidence knows of the constants of each deployment, (directions, constants, n); 0 where there is none."""
    found = [(n, dep.evidence.known_frac[:, places]) for n, dep in enumerate(deployments) if dep.evidence is not None]
    known = np.zeros((max((len(rows) for _, rows in found), default=0), len(places), len(deployments)))
    for n, rows in found:
        known[: len(rows), :, n] = rows
    return known


def _before(deployments: Sequence[Deployment]) -> Before | None:
    """The deployments without their evidence; None where none has any."""
    if all(dep.evidence is None for dep in deployments):
        return None
    plain = [dep.without_evidence() for dep in deployments]
    return Before(step=stack_step_models([step_model(dep) for dep in plain]), spread=spread_model(plain))


def _stretches(fit: Calibration, deployments: Sequence[Deployment]) -> Floats:
    """Stretch of each metric and deployment, (metrics, n); 0 for the ideal engine, which is a bound.

    The machines of a user are a source that the fit has not seen, until they have been measured.
    """
    kinds = [(dep.constants.engine, dep.precision.id, dep.evidence is not None) for dep in deployments]
    known = {kind: [_stretch(fit, *kind, metric) for metric in _METRICS] for kind in set(kinds)}
    return np.array([known[kind] for kind in kinds], dtype=float).reshape(len(kinds), len(_METRICS)).T


def _stretch(fit: Calibration, engine: str, precision: str, is_measured: bool, metric: str) -> float:
    stretch = fit.stretch if is_measured else fit.new_source_stretch
    labels = (_STEADY_MODE, f"engine:{engine}", f"format:{precision}")
    factors = [stretch.get(f"{metric}/{label}", 1.0) for label in labels]
    return 0.0 if engine == IDEAL_ENGINE else float(np.prod(factors))

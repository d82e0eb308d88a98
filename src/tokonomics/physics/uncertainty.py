"""How sure a predicted rate or latency is: from the spread of the engine's constants through the terms of the step.

The slope of the logarithm of a step's time with the logarithm of a constant is the share of the term that the constant
scales, so the spread costs no second evaluation. To it come the noise of single measurements, and the stretch that made
80 % of measurements, unseen by the fit, fall into their 10-90 % intervals (`physics.calibration`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from tokonomics.physics.calibration import Calibration, calibration
from tokonomics.physics.constants import IDEAL_ENGINE
from tokonomics.physics.deployment import Deployment
from tokonomics.physics.step import Floats, StepModel, StepTime, step_time

Z90: Final = 1.2815515655446004
"""Standard deviations from the median to the 90th percentile of a normal variable."""

_STEADY_MODE: Final = "concurrency"
_SHARES: Final = {
    "memory_efficiency_frac": "weight_read",
    "compute_efficiency_frac": "gemm_compute",
    "gemm_floor_tokens": "gemm_floor",
    "kv_efficiency_frac": "decode_attention",
    "attention_efficiency_frac": "prefill_attention",
    "link_efficiency_frac": "link",
    "collective_latency_s": "collective",
    "step_overhead_s": "step",
    "layer_overhead_s": "layer",
    "sequence_overhead_s": "sequence",
}
"""The share of the step that moves with each constant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Standard deviations of logarithms, arrays of shape (deployments,): 0.1 is about 10 %."""

    rate_sd_log: Floats
    itl_sd_log: Floats
    ttft_sd_log: Floats


def step_spread(
    deployments: Sequence[Deployment],
    model: StepModel,
    batch: ArrayLike,
    context_tokens: ArrayLike,
    prefill_tokens: ArrayLike = 0.0,
    prefill_context_tokens: ArrayLike = 0.0,
) -> Spread:
    """How sure the step of each of `deployments` is, whose coefficients `model` holds, at one operating point each.

    The ideal engine is a bound and has no spread. The wait for a first token is taken to be as sure as the step, but
    for its own noise, which is larger.
    """
    fit = calibration()
    time = step_time(model, batch, context_tokens, prefill_tokens, prefill_context_tokens)
    shares = _shares(deployments, model, time, batch, prefill_tokens)
    slopes = np.stack([shares[_SHARES[name]] * _chain(deployments, name) for name in _SHARES], axis=-1)
    places = [fit.constants.index(name) for name in _SHARES]
    variance = np.array([fit.variance_link(dep.features) for dep in deployments])[:, places]
    moved = np.einsum("nj,nj->n", slopes**2, variance)
    return Spread(
        rate_sd_log=_with_noise(fit, deployments, moved, "output_tokens_per_s"),
        itl_sd_log=_with_noise(fit, deployments, moved, "tpot_s"),
        ttft_sd_log=_with_noise(fit, deployments, moved, "ttft_s"),
    )


def _shares(
    deployments: Sequence[Deployment], m: StepModel, time: StepTime, batch: ArrayLike, prefill_tokens: ArrayLike
) -> dict[str, Floats]:
    """Shares of the step by what scales them; they add up to 1."""
    read, compute = time.weight_read_s**4, time.gemm_compute_s**4
    rows = (np.asarray(batch, dtype=float) + np.asarray(prefill_tokens, dtype=float)) / m.num_stages
    of_compute = time.gemm_s * compute / (read + compute)
    layer = np.array([dep.constants.layer_overhead_s * dep.model.num_layers for dep in deployments])
    step = np.array([dep.constants.step_overhead_s for dep in deployments])
    parts = {
        "weight_read": time.gemm_s * read / (read + compute),
        "gemm_compute": of_compute,
        "gemm_floor": of_compute * m.gemm_floor_tokens / (rows + m.gemm_floor_tokens + 1e-300),
        "decode_attention": time.decode_attention_s,
        "prefill_attention": time.prefill_attention_s,
        "link": time.communication_s - m.num_stages * m.collective_s,
        "collective": m.num_stages * m.collective_s,
        "step": step,
        "layer": layer,
        "sequence": time.overhead_s - step - layer,
    }
    return {name: part / time.total_s for name, part in parts.items()}


def _chain(deployments: Sequence[Deployment], constant: str) -> Floats:
    """Slope of the logarithm of a constant with its link: 1 for logarithms, 1 - share for log odds."""
    if not constant.endswith("efficiency_frac"):
        return np.ones(len(deployments))
    return np.array([1.0 - getattr(dep.constants, constant) for dep in deployments])


def _with_noise(fit: Calibration, deployments: Sequence[Deployment], moved: Floats, metric: str) -> Floats:
    noise = fit.noise_sd_log[f"{metric}/{_STEADY_MODE}"]
    return np.array(
        [
            0.0 if dep.constants.engine == IDEAL_ENGINE else _stretch(fit, dep, metric) * np.sqrt(one + noise**2)
            for dep, one in zip(deployments, moved)
        ]
    )


def _stretch(fit: Calibration, dep: Deployment, metric: str) -> float:
    labels = (_STEADY_MODE, f"engine:{dep.constants.engine}", f"format:{dep.precision.id}")
    return float(np.prod([fit.stretch.get(f"{metric}/{label}", 1.0) for label in labels]))

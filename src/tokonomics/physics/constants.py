"""Constants of engines on hardware: how far a deployment stays from the roofline, and what surrounds its steps."""

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.errors import UnknownName
from tokonomics.physics.calibration import Calibration, calibration
from tokonomics.physics.evidence import Known
from tokonomics.physics.features import Feature

IDEAL_ENGINE: Final = "roofline"
"""The ideal machine: no inefficiency and no overhead, a bound and not a prediction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineConstants:
    """How one engine serves one deployment.

    `*_efficiency_frac` are shares of the catalogue's peak rates. A step costs `step_overhead_s` +
    `layer_overhead_s` a layer + `sequence_overhead_s` a running sequence whatever it computes; a collective costs
    `collective_latency_s` before its first byte. `gemm_floor_tokens` rows' worth of compute time is paid by every
    matrix product, however thin. The busiest rank has `expert_imbalance_ratio` times the mean work where experts are
    whole on a rank. A step that holds prompts costs `prompt_layer_overhead_s` more a layer, for it is not captured as
    a graph. A request pays `request_overhead_s` and `token_overhead_s` a prompt token at the front end; its prefill
    begins `num_admission_steps` decode steps after a busy engine could have begun it. `memory_use_frac` of the memory
    less `reserved_bytes` may be used; activations take `activation_copies_ratio` hidden states a token of the step.
    """

    engine: str
    memory_efficiency_frac: float
    compute_efficiency_frac: float
    kv_efficiency_frac: float
    attention_efficiency_frac: float
    link_efficiency_frac: float
    step_overhead_s: float
    layer_overhead_s: float
    sequence_overhead_s: float
    collective_latency_s: float
    gemm_floor_tokens: float
    expert_imbalance_ratio: float
    request_overhead_s: float
    token_overhead_s: float
    prompt_layer_overhead_s: float
    num_admission_steps: float
    memory_use_frac: float
    reserved_bytes: float
    activation_copies_ratio: float
    status: str
    source: str


_FITTED: Final = tuple(field.name for field in fields(EngineConstants))[1:16]
_IDEAL: Final = {
    name: 1.0 if name.endswith("efficiency_frac") or name == "expert_imbalance_ratio" else 0.0 for name in _FITTED
}
_MEMORY_USE: Final = {"llama.cpp": (0.95, 4.0), "transformers": (0.95, 8.0)}
_USUAL_MEMORY_USE: Final = (0.90, 16.0)
"""Share of the memory an engine takes (vLLM's default `gpu_memory_utilization`), and hidden states kept a token."""


def engines() -> tuple[str, ...]:
    """Names of the engines that have constants."""
    return (IDEAL_ENGINE, *calibration().engines)


def check_engine(engine: str) -> None:
    """Raise UnknownName when there is no such engine."""
    if engine not in engines():
        raise UnknownName("engine", engine, engines())


@cache
def ideal_constants() -> EngineConstants:
    """Constants of the ideal machine.

    >>> ideal_constants().memory_efficiency_frac
    1.0
    """
    return EngineConstants(
        engine=IDEAL_ENGINE,
        **_IDEAL,
        memory_use_frac=_USUAL_MEMORY_USE[0],
        reserved_bytes=0.0,
        activation_copies_ratio=0.0,
        status="assumed",
        source="the ideal machine: no inefficiency and no overhead, a bound and not a prediction",
    )


def calibrated_constants(engine: str, features: tuple[Feature, ...], known: Known | None = None) -> EngineConstants:
    """Constants of `engine` for a deployment of `features`, shifted by what is `known` of it.

    Raises UnknownName when there is no such engine.
    """
    check_engine(engine)
    if engine == IDEAL_ENGINE:
        return ideal_constants()
    fit = calibration()
    if known is None:
        return constants_at(engine, fit.values_link(features), fit)
    shifted = constants_at(engine, fit.values_link(features) + known.shift_link, fit)
    return replace(shifted, source=f"{shifted.source}; shifted by own measurements, {known.num_points} of this group")


def constants_at(engine: str, values: NDArray[np.float64], fit: Calibration) -> EngineConstants:
    """Constants from `values`, shape (constants,), on the link scale of `fit` (log odds of shares, else logarithms)."""
    natural = dict(zip(fit.constants, fit.natural_ratio(values).tolist(), strict=True))
    use, copies = _MEMORY_USE.get(engine, _USUAL_MEMORY_USE)
    return EngineConstants(
        engine=engine,
        **natural,
        memory_use_frac=use,
        reserved_bytes=0.0,
        activation_copies_ratio=copies,
        status="modelled",
        source=f"calibration of {fit.fitted_on} to {fit.num_rows:,} public measurements, corpus {fit.corpus_digest}",
    )

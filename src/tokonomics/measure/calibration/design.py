"""Which features may move which constants, and how far: the priors of the fit, on the link scale."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tokonomics.measure.calibration.problem import Problem
from tokonomics.physics.calibration import Values

CONSTANTS: Final = (
    "memory_efficiency_frac", "compute_efficiency_frac", "kv_efficiency_frac", "attention_efficiency_frac",
    "link_efficiency_frac", "step_overhead_s", "layer_overhead_s", "sequence_overhead_s", "collective_latency_s",
    "gemm_floor_tokens", "expert_imbalance_ratio", "request_overhead_s", "token_overhead_s", "prompt_layer_overhead_s",
    "num_admission_steps",
)  # fmt: skip

PRIOR_MEAN: Final = np.array(
    [1.2, 0.4, 0.8, -0.3, 0.3, *np.log([2e-3, 2e-5, 3e-5, 1.5e-5, 48.0, 0.2, 0.03, 1e-5, 5e-5, 1.0])]
)
"""Where nothing is known: 0.77, 0.60, 0.69, 0.43 and 0.57 of the peaks; 2 ms a step, 20 us a layer, and so on."""

_EFFICIENCIES: Final = CONSTANTS[:5]
_KERNELS: Final = ("memory_efficiency_frac", "compute_efficiency_frac", "layer_overhead_s", "gemm_floor_tokens")
_STEP: Final = CONSTANTS[:10]
_SHAPED: Final = (*_STEP, "expert_imbalance_ratio", "prompt_layer_overhead_s")

_BLOCKS: Final[Mapping[str, tuple[float, Sequence[str]]]] = {
    "all": (1.0, CONSTANTS),
    "engine": (0.2, CONSTANTS),
    "family": (0.1, (*_STEP, "request_overhead_s", "prompt_layer_overhead_s")),
    "cell": (0.1, CONSTANTS),
    "accelerator": (0.05, (*_EFFICIENCIES, "step_overhead_s", "collective_latency_s")),
    "format": (0.1, (*_KERNELS, "attention_efficiency_frac")),
    "format-engine": (0.05, _KERNELS),
    "format-family": (0.05, ("memory_efficiency_frac", "compute_efficiency_frac", "gemm_floor_tokens")),
    "flag": (0.075, _SHAPED),
    "flag-engine": (0.05, _SHAPED),
    "scale": (0.05, _SHAPED),
    "scale-engine": (0.025, _SHAPED),
}
"""By block: prior standard deviation of a weight, and the constants it moves. Chosen by cross-validation over groups
among a dozen scalings of one pattern: wide by engine, narrower the finer the kind."""

_SIGMA_LOG: Final = np.array([0.07, 0.12, 0.07, 0.2])
"""Spread of single measurements that the fit assumes, by metric; larger misses count by Student's t."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """The unknowns: a weight for each feature and constant, shape (features, constants).

    `table` holds the features of the distinct deployments, shape (deployments, features). `prior_variance` is that of
    each weight; 0 where a feature may not move a constant, whose weight then stays 0.
    """

    names: tuple[str, ...]
    table: Values
    prior_variance: Values

    @property
    def num_weights(self) -> int:
        """Weights that may differ from 0."""
        return int(np.count_nonzero(self.prior_variance))

    def values(self, weights: Values) -> Values:
        """Constants on the link scale, shape (deployments, constants)."""
        return np.asarray(PRIOR_MEAN + self.table @ weights)


def block_variance(block: str) -> Values:
    """Prior variance of a weight of `block` on each constant, shape (constants,); 0 where it moves none."""
    sd, moved = _BLOCKS[block]
    return np.array([sd**2 if name in moved else 0.0 for name in CONSTANTS])


def blocks() -> tuple[str, ...]:
    """Names of the blocks of features."""
    return tuple(_BLOCKS)


def sigma_log() -> Values:
    """Spread of single measurements that the fit assumes, shape (metrics,)."""
    return _SIGMA_LOG


def design(problem: Problem, only: Collection[str] = ()) -> Design:
    """The unknowns of `problem`: features of all blocks, or of those in `only`."""
    kept = only or tuple(_BLOCKS)
    every = dict.fromkeys(name for one in problem.features for name, _ in one)
    names = tuple(name for name in every if name.partition(":")[0] in kept)
    place = {name: i for i, name in enumerate(names)}
    table = np.zeros((len(problem.features), len(names)))
    for row, one in enumerate(problem.features):
        for name, value in one:
            if name in place:
                table[row, place[name]] = value
    variances = [block_variance(name.partition(":")[0]) for name in names]
    return Design(names=names, table=table, prior_variance=np.array(variances).reshape(len(names), len(CONSTANTS)))

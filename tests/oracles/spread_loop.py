"""The spread of one deployment at one operating point, in plain Python: slow, obvious, and the judge of the arrays.

It shares no code with `physics.uncertainty` but the calibration, the deployment and the step: every constant is looked
up by its name, and its slope is a difference quotient of the step's time, not a share of it.
"""

import math
from dataclasses import replace

from tokonomics.physics.calibration import calibration
from tokonomics.physics.constants import IDEAL_ENGINE, constants_at
from tokonomics.physics.step import step_model, step_time

IN_THE_STEP = (
    "memory_efficiency_frac", "compute_efficiency_frac", "gemm_floor_tokens", "kv_efficiency_frac",
    "attention_efficiency_frac", "link_efficiency_frac", "collective_latency_s", "step_overhead_s", "layer_overhead_s",
    "sequence_overhead_s", "prompt_layer_overhead_s",
)  # fmt: skip
METRICS = {"rate_sd_log": "output_tokens_per_s", "itl_sd_log": "tpot_s", "ttft_sd_log": "ttft_s"}


def spread_of(dep, batch, context, prefill=0.0, earlier=0.0):
    """Standard deviations by field of `Spread`."""
    if dep.constants.engine == IDEAL_ENGINE:
        return dict.fromkeys(METRICS, 0.0)
    moved = _moved(replace(dep, evidence=None), batch, context, prefill, earlier)
    return {field: _sd(dep, metric, moved) for field, metric in METRICS.items()}


def _moved(dep, batch, context, prefill, earlier):
    fit, total = calibration(), 0.0
    values = fit.values_link(dep.features)
    for place, name in enumerate(fit.constants):
        if name not in IN_THE_STEP:
            continue
        slope = _slope(dep, fit, values, place, (batch, context, prefill, earlier))
        variance = fit.group_variance_link[place]
        for feature, value in dep.features:
            known = fit.variance.get(feature)
            own = known[place] if known is not None else fit.prior_variance[feature.split(":")[0]][place]
            variance += value * value * own
        total += slope * slope * variance
    return total


def _slope(dep, fit, values, place, point, step=1e-4):
    ends = []
    for sign in (1.0, -1.0):
        moved = values.copy()
        moved[place] += sign * step
        k = constants_at(dep.constants.engine, moved, fit)
        ends.append(math.log(float(step_time(step_model(replace(dep, constants=k)), *point).total_s)))
    return (ends[0] - ends[1]) / (2.0 * step)


def _sd(dep, metric, moved):
    fit = calibration()
    stretch, factors = 1.0, fit.new_source_stretch if dep.evidence is None else fit.stretch
    for label in ("concurrency", f"engine:{dep.constants.engine}", f"format:{dep.precision.id}"):
        stretch *= factors.get(f"{metric}/{label}", 1.0)
    return stretch * math.sqrt(moved + fit.noise_sd_log[f"{metric}/concurrency"] ** 2)

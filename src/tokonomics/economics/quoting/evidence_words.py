"""What own measurements changed, in a sentence."""

import math
from typing import Final

from tokonomics.physics.evidence import Effect, Evidence
from tokonomics.physics.uncertainty import Z90

_NAMES: Final = {"tpot_s": "TPOT", "ttft_s": "TTFT", "output_tokens_per_s": "output rate"}


def evidence_sentence(evidence: Evidence) -> str:
    """Say how many points shifted which predictions, and what became of their 10-90 % range.

    >>> import numpy as np
    >>> effect = Effect(metric="tpot_s", change_ratio=0.92, sd_before_log=0.09, sd_after_log=0.05)
    >>> none = np.zeros(0)
    >>> evidence_sentence(
    ...     Evidence(
    ...         model="m", accelerator="h100-sxm", engine="vllm", num_points=3, layouts=("4x h100-sxm fp8",),
    ...         levels=(), shift_link=none, known_frac=none, effects=(effect,),
    ...     )
    ... )
    'm on h100-sxm in vllm: shifted by your 3 measurements of 4x h100-sxm fp8: TPOT -8 %, range 12 -> 7 %'
    """
    counted = f"{evidence.num_points} measurement{'s' if evidence.num_points != 1 else ''}"
    changes = "; ".join(map(_change, evidence.effects))
    group = f"{evidence.model} on {evidence.accelerator} in {evidence.engine}"
    return f"{group}: shifted by your {counted} of {', '.join(evidence.layouts)}: {changes}"


def _change(effect: Effect) -> str:
    before, after = (round(100.0 * math.expm1(Z90 * sd)) for sd in (effect.sd_before_log, effect.sd_after_log))
    return f"{_NAMES[effect.metric]} {100.0 * (effect.change_ratio - 1.0):+.0f} %, range {before} -> {after} %"

"""What cross-validation found, as a table: accuracy and coverage of rows, groups and sources that a fit did not see."""

from collections.abc import Mapping, Sequence

import numpy as np

from tokonomics.measure.calibration.calibrate import Calibrated
from tokonomics.measure.predict import METRICS
from tokonomics.physics.calibration import Values
from tokonomics.physics.uncertainty import Z90


def cross_validation(found: Calibrated) -> dict[str, object]:
    """Scores by split and metric, overall and by engine and weight format with over 100 rows."""
    engines = [case.replica.deployment.constants.engine for case in found.cases]
    formats = [case.replica.deployment.precision.id for case in found.cases]
    return {
        "corpus_digest": found.calibration.corpus_digest,
        "num_cases": len(found.cases),
        "scores": [
            {"split": split, "metric": metric, **_score(misses[:, m], found.sd_log[split][:, m])}
            for split, misses in found.misses.items()
            for m, metric in enumerate(METRICS)
        ],
        "coverage": [
            *_coverages("engine", engines, found.misses, found.sd_log),
            *_coverages("precision", formats, found.misses, found.sd_log),
        ],
    }


def _score(misses: Values, sd_log: Values) -> dict[str, float]:
    known = np.isfinite(misses)
    off = np.abs(np.expm1(-misses[known]))
    return {
        "num_rows": int(known.sum()),
        "mdape_frac": round(float(np.median(off)), 4),
        "p90ape_frac": round(float(np.quantile(off, 0.9)), 4),
        "coverage_10_90_frac": round(_covered(misses[known], sd_log[known]), 4),
    }


def _covered(misses: Values, sd_log: Values) -> float:
    return float(np.mean(np.abs(misses) <= Z90 * sd_log))


def _coverages(
    by: str, names: Sequence[str], misses: Mapping[str, Values], sd_log: Mapping[str, Values]
) -> list[dict[str, str | int | float]]:
    labels = np.array(names)
    rows: list[dict[str, str | int | float]] = []
    for split, one in misses.items():
        for name in sorted(set(names)):
            here = (labels == name)[:, None] & np.isfinite(one)
            if here.any(axis=1).sum() > 100:
                covered = round(_covered(one[here], sd_log[split][here]), 4)
                rows.append({"split": split, "by": by, "value": name, "coverage_10_90_frac": covered})
    return rows

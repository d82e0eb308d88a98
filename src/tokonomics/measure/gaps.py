"""Measured values that have no prediction, each with its reason."""

from collections.abc import Iterable
from dataclasses import dataclass

from tokonomics.measure.predict import METRICS, Prediction


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A measured value without a prediction, and why."""

    line: int
    source_id: str
    metric: str
    reason: str


def gaps(predictions: Iterable[Prediction]) -> tuple[Gap, ...]:
    """Every measured value that has no prediction, with the reason, in the order of the corpus."""
    return tuple(
        Gap(line=one.measurement.line, source_id=one.measurement.source_id, metric=metric, reason=_reason(one, metric))
        for one in predictions
        for metric in METRICS
        if getattr(one.measurement, metric) is not None and getattr(one, metric) is None
    )


def _reason(one: Prediction, metric: str) -> str:
    return one.reason or f"mode {one.measurement.mode} gives no {metric} from what the row states"

"""Predictions as a CSV file: one row a measurement, in the order of the corpus, in base units."""

import csv
from collections.abc import Iterable
from io import StringIO

from tokonomics.measure.predict import METRICS, Prediction

COLUMNS = (
    "line", "source_id", "model", "gpu", "engine", "mode", "model_id", "accelerator_id", "engine_id", "precision",
    *(f"measured_{name}" for name in METRICS), *METRICS,
    *(f"{name}_{end}" for name in METRICS for end in ("p10", "p90")), "exclusion", "reason",
)  # fmt: skip


def predictions_csv(predictions: Iterable[Prediction]) -> str:
    """CSV text of `predictions`; what is not known or not predicted is empty."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_cells(one) for one in predictions)
    return out.getvalue()


def _cells(one: Prediction) -> list[str | int]:
    row = one.measurement
    return [
        row.line, row.source_id, row.model, row.gpu, row.engine, row.mode,
        one.model, one.accelerator, one.engine, one.precision,
        *(_number(getattr(row, name)) for name in METRICS), *(_number(getattr(one, name)) for name in METRICS),
        *(_number(end) for name in METRICS for end in one.interval(name) or (None, None)),
        one.exclusion, one.reason,
    ]  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"

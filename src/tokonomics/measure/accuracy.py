"""How far predictions are from measurements: medians and tails of relative errors, overall and by group."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tokonomics.measure.predict import METRICS, Prediction

GROUPINGS: Final[Mapping[str, Callable[[Prediction], str]]] = {
    "source": lambda one: one.measurement.source_id,
    "accelerator": lambda one: one.accelerator or one.measurement.gpu,
    "model": lambda one: one.model or one.measurement.model,
    "precision": lambda one: one.precision or one.measurement.weight_dtype,
    "engine": lambda one: one.measurement.engine,
    "mode": lambda one: one.measurement.mode,
}
"""By what scores are broken down: the catalogue's name where it knows one, else the publication's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How well one metric is predicted over some rows.

    Of `num_rows` with a measured value, the catalogue knows model and accelerator of `num_known`, and `num_predicted`
    have a prediction. `mdape_frac` and `p90ape_frac` are the median and 90th percentile of |predicted/measured - 1|;
    `bias_frac` is the median of predicted/measured - 1. `coverage_10_90_frac` is the share of measured values inside
    the 10-90 % interval of those that have one, None where none has.
    """

    metric: str
    num_rows: int
    num_known: int
    num_predicted: int
    mdape_frac: float | None
    p90ape_frac: float | None
    bias_frac: float | None
    coverage_10_90_frac: float | None = None

    @property
    def predicted_frac(self) -> float:
        """Share of the rows that have a prediction."""
        return self.num_predicted / self.num_rows

    @property
    def predicted_of_known_frac(self) -> float | None:
        """Share, of the rows whose model and accelerator the catalogue knows, that have a prediction."""
        return self.num_predicted / self.num_known if self.num_known else None


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupScore:
    """The score of the rows whose `by` is `value`."""

    by: str
    value: str
    score: Score


def judged(predictions: Iterable[Prediction]) -> tuple[Prediction, ...]:
    """Those whose measurement may judge the model: nothing in its note excludes it."""
    return tuple(one for one in predictions if not one.exclusion)


def scores(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
    """One score for each metric that was measured at all."""
    found = (_score(metric, predictions) for metric in METRICS)
    return tuple(score for score in found if score.num_rows)


def group_scores(predictions: Sequence[Prediction]) -> tuple[GroupScore, ...]:
    """Scores by every grouping, largest groups first; rows that are excluded are grouped by the reason for it."""
    kept = judged(predictions)
    excluded = [one for one in predictions if one.exclusion]
    found = [row for by, name in GROUPINGS.items() for row in _grouped(by, name, kept)]
    return (*found, *_grouped("exclusion", lambda one: one.exclusion, excluded))


def worst_groups(
    predictions: Sequence[Prediction], *, num_groups: int = 12, least_rows: int = 10
) -> tuple[GroupScore, ...]:
    """Groups of one source, engine, accelerator and mode with the largest median error, at least `least_rows` each."""

    def name(one: Prediction) -> str:
        row = one.measurement
        return f"{row.source_id}, {one.engine} on {one.accelerator}, {row.mode}"

    groups = [row for row in _grouped("case", name, judged(predictions)) if row.score.num_predicted >= least_rows]
    return tuple(sorted(groups, key=lambda row: -(row.score.mdape_frac or 0.0))[:num_groups])


def _grouped(by: str, name: Callable[[Prediction], str], predictions: Iterable[Prediction]) -> list[GroupScore]:
    held: dict[str, list[Prediction]] = defaultdict(list)
    for one in predictions:
        held[name(one) or "not stated"].append(one)
    by_size = sorted(held.items(), key=lambda item: (-len(item[1]), item[0]))
    return [GroupScore(by=by, value=value, score=score) for value, rows in by_size for score in scores(rows)]


def _score(metric: str, predictions: Sequence[Prediction]) -> Score:
    rows = [one for one in predictions if getattr(one.measurement, metric) is not None]
    pairs = [
        (getattr(one, metric), getattr(one.measurement, metric)) for one in rows if getattr(one, metric) is not None
    ]
    errors = np.array([predicted / measured - 1.0 for predicted, measured in pairs])
    size = np.abs(errors)
    return Score(
        metric=metric,
        num_rows=len(rows),
        num_known=sum(one.is_known for one in rows),
        num_predicted=len(pairs),
        mdape_frac=float(np.median(size)) if pairs else None,
        p90ape_frac=float(np.quantile(size, 0.9)) if pairs else None,
        bias_frac=float(np.median(errors)) if pairs else None,
        coverage_10_90_frac=_coverage(metric, rows),
    )


def _coverage(metric: str, rows: Iterable[Prediction]) -> float | None:
    """Share of measured values inside their interval, of those that have one."""
    held = [(one.interval(metric), getattr(one.measurement, metric)) for one in rows]
    inside = [bounds[0] <= measured <= bounds[1] for bounds, measured in held if bounds is not None]
    return float(np.mean(inside)) if inside else None

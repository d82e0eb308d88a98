"""From a corpus to the calibration: cases, cross-validation, the fit of everything, its uncertainty, and the file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tokonomics.catalog.load import Catalog
from tokonomics.measure.calibration.design import CONSTANTS, PRIOR_MEAN, Design, block_variance, blocks, design
from tokonomics.measure.calibration.folds import SPLITS, held_out_logs
from tokonomics.measure.calibration.labels import noise_sd_log, stretch_factors, stretch_labels
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.calibration.replayed import solve_through_replays
from tokonomics.measure.calibration.solve import Solution
from tokonomics.measure.calibration.spread import (
    feature_variances,
    group_spread,
    predictive_sd_log,
    stretches,
    weight_variances,
)
from tokonomics.measure.case import Case, CaseBuilder
from tokonomics.measure.corpus import Measurement
from tokonomics.measure.predict import METRICS, ready_case
from tokonomics.physics.calibration import Calibration, Values
from tokonomics.physics.uncertainty import Z90

_DIGITS: Final = 5
_SEEN_SOURCES: Final = ("rows", "groups")
"""Splits whose held-out rows are of sources that the fit had other rows of."""


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """The calibration, and what cross-validation said of `cases`: by split, log misses and spreads (cases, metrics)."""

    calibration: Calibration
    cases: tuple[Case, ...]
    misses: Mapping[str, Values]
    sd_log: Mapping[str, Values]


def calibration_cases(corpus: Sequence[Measurement], catalog: Catalog) -> tuple[Case, ...]:
    """The rows of `corpus` that can be predicted, have a measured value, and are not excluded by their notes."""
    builder = CaseBuilder(catalog)
    cases = (ready_case(builder.case(row)) for row in corpus)
    return tuple(
        case
        for case in cases
        if isinstance(case, Case)
        and not case.note.exclusion
        and any(getattr(case.measurement, name) is not None for name in METRICS)
    )


def calibrate(cases: Sequence[Case], *, fitted_on: str, corpus_digest: str, num_jobs: int = 2) -> Calibrated:
    """Fit the constants to `cases`, with cross-validated uncertainty."""
    problem, blank = Problem(cases), blank_calibration(fitted_on, corpus_digest, len(cases))
    unknowns = design(problem)
    held_out = held_out_logs(problem, unknowns, blank, num_jobs)
    misses = {split: problem.measured_log - held_out[split] for split in SPLITS}
    found = solve_through_replays(problem, unknowns, blank, np.ones(len(cases), dtype=bool))
    solution = found.solution
    fitted = _with_weights(blank, unknowns, solution, weight_variances(problem, unknowns, solution))
    return _with_spread(fitted, found.problem, unknowns.values(solution.weights), solution.predicted_log, misses)


def blank_calibration(fitted_on: str, corpus_digest: str, num_rows: int) -> Calibration:
    """Priors alone: what is known before any measurement."""
    none: Mapping[str, Values] = {}
    return Calibration(
        constants=CONSTANTS,
        mean_link=PRIOR_MEAN,
        weight=none,
        variance=none,
        prior_variance={block: block_variance(block) for block in blocks()},
        group_variance_link=np.zeros(len(CONSTANTS)),
        noise_sd_log={},
        stretch={},
        new_source_stretch={},
        sources=frozenset(),
        fitted_on=fitted_on,
        corpus_digest=corpus_digest,
        num_rows=num_rows,
    )


def _with_weights(blank: Calibration, unknowns: Design, solution: Solution, variances: Values) -> Calibration:
    weight = dict(zip(unknowns.names, solution.weights, strict=True))
    return replace(blank, weight=weight, variance=dict(zip(unknowns.names, variances, strict=True)))


def _with_spread(
    fitted: Calibration, problem: Problem, values: Values, at: Values, misses: Mapping[str, Values]
) -> Calibrated:
    jacobian = problem.jacobian(values[problem.deployments], fitted, at)
    spread = group_spread(problem, misses["groups"], jacobian)
    variance = spread.variance + feature_variances(problem, fitted.variance)[problem.deployments]
    noise = noise_sd_log(problem.cases, spread.noise_sd_log)
    sd_log = predictive_sd_log(jacobian, variance, noise)
    sizes = {split: np.abs(misses[split]) / (Z90 * sd_log) for split in SPLITS}
    known, new = _SEEN_SOURCES, ("sources",)
    whole = replace(
        fitted,
        group_variance_link=spread.variance,
        noise_sd_log=spread.noise_sd_log,
        stretch=_stretches(problem, [sizes[split] for split in known]),
        new_source_stretch=_stretches(problem, [sizes[split] for split in new]),
        sources=frozenset(case.measurement.source_id for case in problem.cases),
    )
    stretch = dict.fromkeys(known, whole.stretch) | dict.fromkeys(new, whole.new_source_stretch)
    widened = {split: sd_log * stretch_factors(problem.cases, stretch[split]) for split in SPLITS}
    return Calibrated(calibration=whole, cases=problem.cases, misses=misses, sd_log=widened)


def _stretches(problem: Problem, sizes: Sequence[Values]) -> Mapping[str, float]:
    """Factors over the `sizes` of some splits; a source of n rows has the weight of the root of n.

    Misses of a source are alike, so the largest must not speak for all, nor a handful of rows as loudly as thousands.
    """
    weights = np.bincount(problem.sources)[problem.sources] ** -0.5
    kinds = [list(labels) * len(sizes) for labels in stretch_labels(problem.cases)]
    return stretches(np.concatenate(sizes), kinds, np.tile(weights, len(sizes)))


def calibration_json(fit: Calibration) -> str:
    """The file's text: five digits, the same bytes for the same fit."""

    def short(values: Values) -> list[float]:
        return [float(f"{value:.{_DIGITS}g}") for value in values]

    def table(rows: Mapping[str, Values]) -> dict[str, list[float]]:
        return {name: short(rows[name]) for name in sorted(rows)}

    def numbers(rows: Mapping[str, float]) -> dict[str, float]:
        return {name: float(f"{rows[name]:.{_DIGITS}g}") for name in sorted(rows)}

    body = {
        "fitted_on": fit.fitted_on,
        "corpus_digest": fit.corpus_digest,
        "num_rows": fit.num_rows,
        "constants": list(fit.constants),
        "mean": short(fit.mean_link),
        "group_variance": short(fit.group_variance_link),
        "noise_sd_log": numbers(fit.noise_sd_log),
        "stretch": numbers(fit.stretch),
        "new_source_stretch": numbers(fit.new_source_stretch),
        "sources": sorted(fit.sources),
        "prior_variance": table(fit.prior_variance),
        "weight": table(fit.weight),
        "variance": table(fit.variance),
    }
    lines = ",\n".join(f" {json.dumps(key)}: {_lines(value)}" for key, value in body.items())
    return "{\n" + lines + "\n}\n"


def _lines(value: object) -> str:
    """A table one row a line, anything else on one."""
    if isinstance(value, dict):
        rows = ",\n".join(
            f"  {json.dumps(key)}: {json.dumps(one, separators=(',', ':'))}" for key, one in value.items()
        )
        return "{\n" + rows + "\n }"
    return json.dumps(value)

"""What measured points of one's own buy: held-out groups before and after Bayes' rule on a few of their rows.

OMP_NUM_THREADS=1 python benchmarks/own_points.py CORPUS.csv

Every closed-loop group with enough rows is left out of the fit with its fold; then points drawn from it shift its
constants, and its other rows are judged. Writes `benchmarks/results/own_points.csv`; some ten minutes on two cores.
"""

import csv
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tokonomics.catalog.load import load_catalog
from tokonomics.measure.calibration.calibrate import blank_calibration, calibration_cases
from tokonomics.measure.calibration.design import CONSTANTS, Design, design
from tokonomics.measure.calibration.folds import fold_numbers
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.calibration.replayed import solve_through_replays
from tokonomics.measure.case import Case
from tokonomics.measure.corpus import read_corpus
from tokonomics.measure.posterior import Posterior, posterior, shifted
from tokonomics.physics.calibration import Calibration, Values, calibration

RESULTS = Path(__file__).parent / "results" / "own_points.csv"
TPOT = 2
NUM_FOLDS = 8
NUM_DRAWS = 5
NUM_POINTS = (0, 1, 3, 6)
LEAST_ROWS = 12


def main() -> None:
    """Fit the folds, then draw points."""
    every = calibration_cases(read_corpus(Path(sys.argv[1])), load_catalog())
    problem = Problem(every)
    unknowns, folds = design(problem), fold_numbers(problem.groups, NUM_FOLDS)
    _JOBS.extend((problem, unknowns, folds != fold) for fold in range(NUM_FOLDS))
    with multiprocessing.get_context("fork").Pool(2) as pool:  # workers inherit the jobs: cases cannot be sent
        weights = pool.map(_fitted, range(NUM_FOLDS), chunksize=1)
    fits = [replace(calibration(), weight=weight) for weight in weights]
    groups = [(rows, fits[folds[rows[0]]]) for rows in _large_groups(problem)]
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["num_points", "drawn_from", "num_groups", "num_rows", "tpot_mdape_frac", "median_of_groups_frac"]
        )
        for is_same_layout in (False, True):
            for num in NUM_POINTS:
                missed = [_missed(every, rows, fit, num, is_same_layout) for rows, fit in groups]
                off = np.concatenate([one for one in missed if one.size])
                medians = [float(np.median(one)) for one in missed if one.size]
                where = "the layout and format" if is_same_layout else "the group"
                row = [num, where, len(medians), off.size, f"{np.median(off):.4f}", f"{np.median(medians):.4f}"]
                writer.writerow(row)
                print(*row, flush=True)


_JOBS: list[tuple[Problem, Design, np.ndarray]] = []


def _fitted(place: int) -> dict[str, Values]:
    """Weights of a fit that did not see a fold."""
    problem, unknowns, kept = _JOBS[place]
    found = solve_through_replays(problem, unknowns, blank_calibration("", "", 0), kept).solution
    return dict(zip(unknowns.names, found.weights, strict=True))


def _large_groups(problem: Problem) -> Iterator[np.ndarray]:
    has_tpot = np.isfinite(problem.measured_log[:, TPOT])
    is_loop = np.array([case.measurement.mode == "concurrency" for case in problem.cases])
    for group in np.unique(problem.groups):
        rows = np.flatnonzero((problem.groups == group) & has_tpot & is_loop)
        if len(rows) >= LEAST_ROWS:
            yield rows


def _missed(every: Sequence[Case], rows: np.ndarray, fit: Calibration, num: int, is_same_layout: bool) -> Values:
    """Relative misses of TPOT on rows that were not drawn; with `is_same_layout` on those of the layout drawn from."""
    rng = np.random.default_rng(0)
    layouts = np.array([id(every[row].replica) for row in rows])
    found: list[Values] = []
    for _ in range(NUM_DRAWS):
        among = rows
        if is_same_layout:
            among = rows[layouts == rng.choice(layouts)]
        if len(among) < num + 3:
            continue
        drawn = rng.choice(among, num, replace=False)
        rest = [every[row] for row in np.setdiff1d(among, drawn)]
        after = posterior([every[row] for row in drawn], fit) if num else _nothing()
        measured = np.log([case.measurement.tpot_s for case in rest])
        found.append(np.abs(np.expm1(shifted(rest, fit, after).predicted_log[:, TPOT] - measured)))
    return np.concatenate(found) if found else np.zeros(0)


def _nothing() -> Posterior:
    none, size = np.zeros((0, 0)), len(CONSTANTS)
    return Posterior(
        levels=(), shift=np.zeros((0, size)), covariance=none, known_frac=np.zeros((0, 0, size)), prior=np.zeros(size)
    )


if __name__ == "__main__":
    main()

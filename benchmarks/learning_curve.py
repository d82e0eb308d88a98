"""What each kind of feature bought: cross-validated errors of fits with more and more of them.

OMP_NUM_THREADS=1 python benchmarks/learning_curve.py CORPUS.csv

Writes `benchmarks/results/learning_curve.csv`; some twenty minutes on two busy cores.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from tokonomics.catalog.load import load_catalog
from tokonomics.measure.calibration.calibrate import blank_calibration, calibration_cases
from tokonomics.measure.calibration.design import design
from tokonomics.measure.calibration.folds import held_out_logs
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.corpus import read_corpus
from tokonomics.measure.predict import METRICS

RESULTS = Path(__file__).parent / "results" / "learning_curve.csv"
ADDED = (
    ("all",),
    ("engine",),
    ("family", "cell"),
    ("format", "format-engine", "format-family"),
    ("flag", "flag-engine"),
    ("scale", "scale-engine"),
    ("accelerator",),
)


def main() -> None:
    """Fit with one more group of blocks each time."""
    problem = Problem(calibration_cases(read_corpus(Path(sys.argv[1])), load_catalog()))
    blank, kept = blank_calibration("", "", len(problem.cases)), ()
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["added", "weights", "split", *(f"{metric}_mdape_frac" for metric in METRICS)])
        for added in ADDED:
            kept = (*kept, *added)
            unknowns = design(problem, kept)
            for split, logs in held_out_logs(problem, unknowns, blank, 2, ("rows", "groups")).items():
                off = np.nanmedian(np.abs(np.expm1(logs - problem.measured_log)), axis=0)
                row = [" ".join(added), unknowns.num_weights, split, *(f"{one:.4f}" for one in off)]
                writer.writerow(row)
                file.flush()
                print(*row)


if __name__ == "__main__":
    main()

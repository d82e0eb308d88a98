"""Cross-validation: predictions of rows, groups and sources by fits that did not see them."""

import multiprocessing
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tokonomics.measure.calibration.design import Design
from tokonomics.measure.calibration.problem import Ints, Problem
from tokonomics.measure.calibration.replayed import solve_through_replays
from tokonomics.physics.calibration import Calibration, Values

SPLITS: Final = ("rows", "groups", "sources")
"""What is held out together: single rows; a model x accelerator x engine; all rows of one source."""
_NUM_FOLDS: Final[Mapping[str, int]] = {"rows": 4, "groups": 8, "sources": 6}

_Job = tuple[Problem, Design, Calibration, Ints, int]


def fold_numbers(keys: Ints, num_folds: int, seed: int = 0) -> Ints:
    """A fold for each key, the same for equal keys; the folds hold equally many keys, give or take one."""
    distinct, place = np.unique(keys, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(distinct))
    fold = np.empty(len(distinct), dtype=np.intp)
    fold[order] = np.arange(len(distinct)) % num_folds
    return fold[place]


def held_out_logs(
    problem: Problem, unknowns: Design, shape: Calibration, num_jobs: int, splits: Sequence[str] = SPLITS
) -> Mapping[str, Values]:
    """By split, the log prediction of every case, shape (cases, metrics), by the fit that did not see it."""
    keys = {"rows": np.arange(len(problem.cases)), "groups": problem.groups, "sources": problem.sources}
    folds = {split: fold_numbers(keys[split], _NUM_FOLDS[split]) for split in splits}
    jobs = [(problem, unknowns, shape, folds[split], k) for split in splits for k in range(_NUM_FOLDS[split])]
    found = {split: np.full(problem.measured_log.shape, np.nan) for split in splits}
    names = [split for split in splits for _ in range(_NUM_FOLDS[split])]
    for split, job, predicted in zip(names, jobs, _run(jobs, num_jobs), strict=True):
        out = job[3] == job[4]
        found[split][out] = predicted[out]
    return found


def _run(jobs: Sequence[_Job], num_jobs: int) -> list[Values]:
    """Fits of all `jobs`; the workers inherit the problem by forking, so that nothing large is sent."""
    global _jobs
    _jobs = jobs
    with multiprocessing.get_context("fork").Pool(num_jobs) as pool:
        return pool.map(_one, range(len(jobs)), chunksize=1)


_jobs: Sequence[_Job] = ()


def _one(place: int) -> Values:
    problem, unknowns, shape, folds, fold = _jobs[place]
    return solve_through_replays(problem, unknowns, shape, folds != fold).replayed_log

"""Fitting through replays: the event kernel answers open loops, the closed form lends its slopes.

A replay is too slow for every slope of the fit, and jumps where a request falls into another step. So the fit descends
a second time on the closed form, shifted row by row by what replays said beyond it at the first solution; predictions
are judged by replays at the second.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tokonomics.measure.calibration.design import Design, design
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.calibration.solve import Solution, solve
from tokonomics.measure.case import Case, Replica
from tokonomics.measure.predict import replayed_values
from tokonomics.measure.replay import replays
from tokonomics.physics.calibration import Calibration, Values
from tokonomics.physics.constants import constants_at
from tokonomics.physics.step import step_model


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The second solution, the shifted problem that it solves, and predictions with replays, (cases, metrics)."""

    solution: Solution
    problem: Problem
    replayed_log: Values


def solve_through_replays(problem: Problem, unknowns: Design, shape: Calibration, kept: NDArray[np.bool_]) -> Fitted:
    """Fit the weights to the `kept` cases (a mask), open loops through their replays; once where there are none."""
    solution = solve(problem, unknowns, shape, kept)
    if not any(map(replays, problem.cases)):
        return Fitted(solution=solution, problem=problem, replayed_log=solution.predicted_log)
    beyond = replayed_log(problem, unknowns, shape, solution) - solution.predicted_log
    shifted = problem.shifted(np.where(np.isfinite(beyond), beyond, 0.0))
    solution = solve(shifted, unknowns, shape, kept)
    return Fitted(solution=solution, problem=shifted, replayed_log=replayed_log(problem, unknowns, shape, solution))


def replayed_log(problem: Problem, unknowns: Design, shape: Calibration, solution: Solution) -> Values:
    """Log predictions at a solution, those of open loops by replay; shape (cases, metrics)."""
    values = unknowns.values(solution.weights)
    places = [place for place, case in enumerate(problem.cases) if replays(case)]
    found = problem.predicted_log(values[problem.deployments], shape) - problem.shift_log
    for at, answer in replayed_values(cases_with_constants(problem, places, values, shape)).items():
        found[places[at]] = np.log([np.nan if value is None else value for value in answer])
    return found


def held_out_cases(cases: Sequence[Case], source_id: str, shape: Calibration) -> tuple[Case, ...]:
    """The cases of a source, with the constants of a fit to all others; `shape` carries the links of the constants."""
    problem = Problem(cases)
    kept = np.array([case.measurement.source_id != source_id for case in cases])
    unknowns = design(problem)
    solution = solve_through_replays(problem, unknowns, shape, kept).solution
    places = np.flatnonzero(~kept).tolist()
    return tuple(cases_with_constants(problem, places, unknowns.values(solution.weights), shape))


def cases_with_constants(problem: Problem, places: Sequence[int], values: Values, shape: Calibration) -> list[Case]:
    """The cases at `places` with the constants of their deployments at `values`, shape (deployments, constants)."""
    built: dict[int, Replica] = {}
    for place in places:
        number = int(problem.deployments[place])
        if number not in built:
            replica = problem.cases[place].replica
            constants = constants_at(replica.deployment.constants.engine, values[number], shape)
            dep = replace(replica.deployment, constants=constants)
            built[number] = replace(replica, deployment=dep, step_model=step_model(dep))
    return [replace(problem.cases[place], replica=built[int(problem.deployments[place])]) for place in places]

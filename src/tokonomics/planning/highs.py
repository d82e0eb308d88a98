"""The one place that calls the solver: HiGHS, on one thread and with a fixed seed, so that a plan repeats."""

from dataclasses import dataclass
from typing import Any, Final

import highspy
import numpy as np
from numpy.typing import NDArray

from tokonomics.planning.linear_model import LinearModel

_MINIMISE: Final = 1
_ROW_WISE: Final = 2
_OPTIONS: Final = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "mip_abs_gap": 1e-9,
    "mip_feasibility_tolerance": 1e-7,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ModelResult:
    """Values of the columns (None: nothing feasible was found), and the bound that nothing can be cheaper than.

    `row_duals` belong to a model without whole numbers. `is_infeasible`: proven so, whatever the limits.
    `num_iterations` measures effort in a way that repeats, as time does not.
    """

    values: NDArray[Any] | None
    row_duals: NDArray[Any]
    cost_usd: float
    bound_usd: float
    num_nodes: int
    num_iterations: int
    is_infeasible: bool


_NOTHING: Final = ModelResult(
    values=np.zeros(0),
    row_duals=np.zeros(0),
    cost_usd=0.0,
    bound_usd=0.0,
    num_nodes=0,
    num_iterations=0,
    is_infeasible=False,
)


def solve_model(
    model: LinearModel,
    *,
    max_gap_frac: float = 0.0,
    time_limit_s: float = 60.0,
    max_nodes: int = 100_000,
    start: NDArray[Any] | None = None,
) -> ModelResult:
    """Solve `model` until cost and bound are within `max_gap_frac`, from the values `start` where given.

    A limit of nodes repeats exactly; one of time does not, and is there for safety.
    """
    if not model.cost.size:
        return _NOTHING
    solver = highspy._Highs()  # type: ignore[attr-defined]  # its public subclass prints a banner when it is made
    for name, value in _OPTIONS.items():
        solver.setOptionValue(name, value)
    limits = {"mip_rel_gap": max_gap_frac, "time_limit": max(time_limit_s, 0.01), "mip_max_nodes": max_nodes}
    for name, value in limits.items():
        solver.setOptionValue(name, value)
    solver.passModel(*_arguments(model))
    if start is not None:
        solver.setSolution(start.size, np.arange(start.size, dtype=np.int32), start)
    solver.run()
    return _result(solver, bool(model.is_integer.any()))


def _arguments(model: LinearModel) -> tuple[Any, ...]:
    sizes = (model.cost.size, model.row_lower.size, model.coefficient.size)
    columns = (model.cost, model.lower, model.upper, model.row_lower, model.row_upper)
    matrix = (model.row_start, model.column_index, model.coefficient)
    return (*sizes, _ROW_WISE, _MINIMISE, 0.0, *columns, *matrix, model.is_integer.astype(np.int32))


def _result(solver: Any, has_integers: bool) -> ModelResult:
    info, solution, status = solver.getInfo(), solver.getSolution(), solver.getModelStatus()
    is_found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    is_optimal = status == highspy.HighsModelStatus.kOptimal
    cost = info.objective_function_value if is_found else np.inf
    lp_bound = cost if is_optimal else -np.inf
    return ModelResult(
        values=np.array(solution.col_value) if is_found else None,
        row_duals=np.array(solution.row_dual),
        cost_usd=float(cost),
        bound_usd=float(info.mip_dual_bound if has_integers else lp_bound),
        num_nodes=int(info.mip_node_count) if has_integers else 0,
        num_iterations=int(info.simplex_iteration_count),
        is_infeasible=status == highspy.HighsModelStatus.kInfeasible,
    )

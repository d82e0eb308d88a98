"""The cheapest fleet for a load, by passes that are a list to read: check, prune, merge, search, settle, verify."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tokonomics.planning.bundles import Fleet, fleet_of, settled, total_usd_per_month, violations
from tokonomics.planning.decompose import base_and_burst
from tokonomics.planning.fleet_answer import fleet_solution
from tokonomics.planning.fleet_arrays import FleetArrays, fleet_arrays
from tokonomics.planning.fleet_checks import check_problem
from tokonomics.planning.fleet_model import FleetModel, fleet_model
from tokonomics.planning.fleet_problem import FleetProblem, FleetSolution
from tokonomics.planning.highs import solve_model
from tokonomics.planning.linear_model import with_row
from tokonomics.planning.merge import merge_equal_buckets
from tokonomics.planning.prune import prune_choices, prune_dominated, prune_modes, prune_ways
from tokonomics.planning.relax import explain_infeasible, over_budget, require_ways

MOST_WHOLE: Final = 240
"""Whole numbers up to which the programme is solved in one piece; beyond, base and burst."""

_MAX_NODES: Final = 20_000


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Search:
    """What the passes hand on: the arrays that are left, the best fleet so far, and the bound."""

    problem: FleetProblem
    fleet: FleetArrays
    deadline_s: float
    clock: Callable[[], float]
    found: Fleet | None = None
    bound_usd_per_month: float = -np.inf
    num_nodes: int = 0

    @property
    def left_s(self) -> float:
        """Time until the limit."""
        return self.deadline_s - self.clock()


Pass = Callable[[Search], Search]


def prune(search: Search) -> Search:
    """Leave out what no cheapest plan needs; Infeasible where a class is left with no way."""
    fleet = prune_modes(search.fleet)
    require_ways(search.problem, fleet)
    return replace(search, fleet=prune_dominated(prune_choices(prune_ways(fleet))))


def merge(search: Search) -> Search:
    """Make equal buckets one, where that loses no plan."""
    is_exact = search.fleet.min_quality_frac is None
    return replace(search, fleet=merge_equal_buckets(search.fleet)) if is_exact else search


def search_fleet(search: Search) -> Search:
    """Find a fleet and a bound: the whole programme where it is small, base and burst where it is large."""
    model = fleet_model(search.fleet)
    if model.model.is_integer.sum() <= MOST_WHOLE:
        return _search_whole(search, model)
    merged = replace(search, fleet=merge_equal_buckets(search.fleet))
    found, bound = base_and_burst(merged.fleet, max_gap_frac=search.problem.max_gap_frac)
    if found is None:
        return _search_whole(replace(search, bound_usd_per_month=bound), model)
    return replace(merged, found=found, bound_usd_per_month=bound)


def settle(search: Search) -> Search:
    """Route anew with the bundles as whole as they are, so that cost and shares are exact; Infeasible without any."""
    found = search.found and settled(search.fleet, search.found)
    if found is None:
        raise explain_infeasible(search.problem, search.fleet)
    return replace(search, found=found)


def keep_budget(search: Search) -> Search:
    """Infeasible where the fleet costs more than the budget; where the bound does not, after one more search in it."""
    budget = search.problem.budget_usd_per_month
    if budget is None or _usd(search) <= budget * (1 + 1e-9):
        return search
    cheaper = _search_in_budget(search, budget) if search.bound_usd_per_month <= budget else search
    if _usd(cheaper) > budget * (1 + 1e-6):
        raise over_budget(search.problem, _usd(cheaper), cheaper.bound_usd_per_month)
    return cheaper


def verify(search: Search) -> Search:
    """Hold the fleet against every limit anew, without the solver."""
    assert search.found is not None
    wrong = violations(search.fleet, search.found)
    assert not wrong, wrong
    return search


PASSES: Final[tuple[Pass, ...]] = (prune, merge, search_fleet, settle, keep_budget, verify)


def solve_fleet(problem: FleetProblem, *, clock: Callable[[], float] = time.perf_counter) -> FleetSolution:
    """The cheapest fleet for `problem`, with the bound that proves how near it is.

    Raises InputError with all that is wrong with the problem; Infeasible, naming what binds and by how little it would
    have to give, where no fleet serves the demand within the limits.
    The same problem gives the same answer, unless its time limit cuts the search short.
    """
    check_problem(problem)
    begin_s = clock()
    search = Search(
        problem=problem, fleet=fleet_arrays(problem), deadline_s=begin_s + problem.time_limit_s, clock=clock
    )
    for one in PASSES:
        search = one(search)
    assert search.found is not None
    return fleet_solution(
        problem, search.fleet, search.found, bound_usd_per_month=search.bound_usd_per_month, num_nodes=search.num_nodes
    )


def _search_whole(search: Search, model: FleetModel) -> Search:
    result = solve_model(
        model.model,
        max_gap_frac=search.problem.max_gap_frac,
        time_limit_s=search.left_s,
        max_nodes=_MAX_NODES,
    )
    if result.values is None:
        return search
    is_exact = search.fleet.min_quality_frac is None or search.fleet.hours.size == search.fleet.bucket_index.size
    bound = max(search.bound_usd_per_month, result.bound_usd if is_exact else -np.inf)
    found = fleet_of(model, result.values)
    return replace(search, found=found, bound_usd_per_month=bound, num_nodes=search.num_nodes + result.num_nodes)


def _search_in_budget(search: Search, budget_usd: float) -> Search:
    """The search again, with the budget as a row: any fleet within it will do."""
    model = fleet_model(search.fleet)
    inside = replace(model, model=with_row(model.model, model.model.cost, upper=budget_usd))
    found = _search_whole(search, inside)
    return settle(found)


def _usd(search: Search) -> float:
    assert search.found is not None
    return total_usd_per_month(search.fleet, search.found)

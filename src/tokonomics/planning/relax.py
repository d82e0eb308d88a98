"""Why nothing serves the demand: which limits bind, and how little they would have to give."""

import numpy as np

from tokonomics.errors import Infeasible
from tokonomics.planning.bundles import pick
from tokonomics.planning.fleet_arrays import FleetArrays
from tokonomics.planning.fleet_model import can_serve, fleet_model
from tokonomics.planning.fleet_problem import FleetProblem
from tokonomics.planning.highs import solve_model
from tokonomics.planning.prune import prune_ways

_LEAST_SLACK = 1e-7
_MAX_NODES = 500


def require_ways(problem: FleetProblem, fleet: FleetArrays) -> None:
    """Raise Infeasible, naming each class that is asked for and that no way can serve.

    `fleet` still has its ways of unknown quality, so that the sentence can say where these are what is missing.
    """
    asked = fleet.demand_requests_per_s.max(axis=0) > 0
    served, allowed = (np.asarray(can_serve(one).any(axis=1)) for one in (fleet, prune_ways(fleet)))
    lines = []
    for place in np.flatnonzero(asked & ~allowed):
        peak = fleet.demand_requests_per_s[:, place].max()
        why = "only ways of unknown quality serve it" if served[place] else "no way serves it"
        advice = "give their quality" if served[place] else "relax the SLO, or add a backend that can carry it"
        lines.append(f"class {place}: {why}; demand={peak:,.3g} requests/s; {advice} or leave the class out")
    if lines:
        raise Infeasible(*lines)


def explain_infeasible(problem: FleetProblem, fleet: FleetArrays) -> Infeasible:
    """The error for a problem that cannot be served whatever the cost: the least sum of relative relaxations.

    Each limit may be exceeded at the price of its relative excess; those that are exceeded in the cheapest solution
    bind, and what they reach there would do.
    """
    model = fleet_model(fleet, is_elastic=True)
    result = solve_model(model.model, max_nodes=_MAX_NODES, max_gap_frac=0.01)
    if result.values is None:
        return Infeasible(
            "no fleet serves the demand; limit=the choices and APIs given; add a backend or lower the demand"
        )
    slack = pick(result.values, model.slack)
    lines = [
        _most_replicas_line(problem, fleet, int(place), slack[place])
        for place in np.flatnonzero(slack[: fleet.num_choices] > _LEAST_SLACK)
    ]
    quotas, gpus = np.split(slack[fleet.num_choices : -1], [fleet.api_tier.size])
    lines += [_gpus_line(problem, int(place), gpus[place]) for place in np.flatnonzero(gpus > _LEAST_SLACK)]
    lines += [_quota_line(problem, int(place), quotas[place]) for place in np.flatnonzero(quotas > _LEAST_SLACK)]
    if slack[-1] > _LEAST_SLACK:
        lines.append(_quality_line(problem, fleet, float(slack[-1])))
    return Infeasible(*(lines or [_not_found(problem)]))


def over_budget(problem: FleetProblem, usd_per_month: float, bound_usd_per_month: float) -> Infeasible:
    """The error for a plan that costs more than the budget."""
    budget = problem.budget_usd_per_month
    proof = "proven" if budget is not None and bound_usd_per_month > budget else "the cheapest found"
    return Infeasible(
        f"budget={budget:,.0f} USD/month; the cheapest plan costs {usd_per_month:,.0f} ({proof}; none costs less than "
        f"{bound_usd_per_month:,.0f}); raise the budget, or lower the demand or the quality"
    )


def _not_found(problem: FleetProblem) -> str:
    """Nothing has to be relaxed, so that a fleet exists; the search was too short."""
    return f"no fleet was found within time_limit_s={problem.time_limit_s:g} s, though one exists; raise the time limit"


def _most_replicas_line(problem: FleetProblem, fleet: FleetArrays, place: int, slack: float) -> str:
    choice = problem.choices[int(fleet.choice_index[place])]
    enough = int(np.ceil(max(choice.max_replicas or 0, 1) * slack + (choice.max_replicas or 0) - 1e-6))
    return f"max_replicas={choice.max_replicas} of {choice.name}; the demand needs {enough}; raise it to {enough}"


def _gpus_line(problem: FleetProblem, place: int, slack: float) -> str:
    limit = problem.gpu_limits[place]
    enough = int(np.ceil(limit.max_gpus + slack * max(limit.max_gpus, 1) - 1e-6))
    return f"max_gpus={limit.max_gpus} of {limit.name}; the demand needs {enough}; raise it to {enough}"


def _quota_line(problem: FleetProblem, place: int, slack: float) -> str:
    api = problem.apis[place]
    quota = api.max_requests_per_s or 0.0
    enough = quota + slack * max(quota, 1e-9)
    return f"quota={quota:,.4g} requests/s of {api.name}; the demand needs {enough:,.4g}; ask for a higher quota"


def _quality_line(problem: FleetProblem, fleet: FleetArrays, slack: float) -> str:
    limit = problem.min_quality_frac or 0.0
    return (
        f"min_quality_frac={limit:g}; the best mix reaches {limit - slack:.4g}; lower the limit to it, "
        "or add a way of higher quality"
    )

"""The planner's fleet is the cheapest: equal to enumeration on small problems, never worse than any rule of thumb."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import fleets
from tests.oracles.cases import examples

from tokonomics.planning.fleet_arrays import fleet_arrays
from tokonomics.planning.prune import prune_choices, prune_dominated, prune_modes
from tokonomics.planning.solve import solve_fleet


@settings(max_examples=examples(40))
@given(fleets.problems(num_choices=2, num_buckets=2, num_classes=1))
def test_equals_enumeration_with_two_choices_and_two_buckets(problem):
    solution = solve_fleet(problem)
    fleets.assert_feasible(problem, solution)
    assert solution.usd_per_month == pytest.approx(fleets.least_usd(problem), rel=1e-5, abs=1e-3)


@settings(max_examples=examples(25))
@given(fleets.problems(num_choices=1, num_buckets=2, num_classes=2))
def test_equals_enumeration_with_two_classes(problem):
    solution = solve_fleet(problem)
    fleets.assert_feasible(problem, solution)
    assert solution.usd_per_month == pytest.approx(fleets.least_usd(problem), rel=1e-5, abs=1e-3)


@settings(max_examples=examples(20))
@given(fleets.problems(num_choices=3, num_buckets=3, num_classes=2, tiers=("t", "u")))
def test_is_feasible_and_never_worse_than_a_rule_of_thumb(problem):
    solution = solve_fleet(problem)
    fleets.assert_feasible(problem, solution)
    for rule, usd in fleets.heuristics_usd(problem).items():
        assert solution.usd_per_month <= usd * (1 + 1e-6) + 1e-6, rule


@settings(max_examples=examples(25))
@given(fleets.problems(num_choices=5, num_buckets=2, num_classes=2), st.data())
def test_pruning_loses_no_optimum(problem, data):
    """With near copies among the choices, so that much is dominated."""
    copies = tuple(
        replace(
            one,
            name=f"{one.name}-copy",
            max_replicas=None,
            on_demand_usd_per_hour=data.draw(fleets.PRICES),
            replicas_per_bundle=data.draw(st.sampled_from([1, 2, 4])),
        )
        for one in problem.choices[:3]
    )
    problem = replace(problem, choices=problem.choices + copies)
    arrays = prune_modes(fleet_arrays(problem))
    kept = prune_dominated(prune_choices(arrays)).choice_index
    pruned = replace(problem, choices=tuple(problem.choices[int(place)] for place in kept))
    from tokonomics.planning.fleet_model import fleet_model
    from tokonomics.planning.highs import solve_model

    whole, part = (solve_model(fleet_model(fleet_arrays(one)).model) for one in (problem, pruned))
    assert part.cost_usd == pytest.approx(whole.cost_usd, rel=1e-6, abs=1e-4)


@settings(max_examples=examples(15))
@given(fleets.problems(num_choices=2, num_buckets=2, num_classes=2))
def test_the_answer_repeats(problem):
    first, second = solve_fleet(problem), solve_fleet(problem)
    assert first.usd_per_month == second.usd_per_month
    assert (first.backend_requests_per_s == second.backend_requests_per_s).all()
    assert (first.num_on_demand == second.num_on_demand).all()
    assert first.terms == second.terms


@settings(max_examples=examples(15))
@given(fleets.problems(num_choices=2, num_buckets=2, num_classes=1))
def test_more_demand_never_costs_less(problem):
    more = replace(problem, demand_requests_per_s=problem.demand_requests_per_s * 1.5)
    assert solve_fleet(more).usd_per_month >= solve_fleet(problem).usd_per_month - 1e-4


@settings(max_examples=examples(15))
@given(fleets.problems(num_choices=2, num_buckets=2, num_classes=1))
def test_splitting_a_bucket_in_two_equal_ones_changes_nothing(problem):
    split = replace(
        problem,
        hours=np.repeat(problem.hours / 2, 2),
        demand_requests_per_s=np.repeat(problem.demand_requests_per_s, 2, axis=0),
    )
    assert solve_fleet(split).usd_per_month == pytest.approx(solve_fleet(problem).usd_per_month, rel=1e-6, abs=1e-4)

"""One bucket alone, and buckets parted by prices: the bounds are bounds, whatever the prices and the first look."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.oracles import fleets
from tests.oracles.cases import examples

from tokonomics.planning import solve
from tokonomics.planning.bucket_search import burst_pattern, priced_pattern
from tokonomics.planning.bundles import fixed
from tokonomics.planning.decompose import base_and_burst
from tokonomics.planning.fleet_arrays import fleet_arrays
from tokonomics.planning.fleet_model import fleet_model
from tokonomics.planning.highs import solve_model
from tokonomics.planning.merge import some_buckets
from tokonomics.planning.pattern_master import prices_of, together
from tokonomics.planning.solve import solve_fleet

MONTH_HOURS = 730.0
MANY = fleets.problems(num_choices=5, num_buckets=3, num_classes=2, tiers=("t", "u"))


def borne(data, fleet):
    """Some price of a committed bundle in each bucket, at most its own over all of them."""
    share = np.array([data.draw(st.sampled_from([0.0, 0.2, 0.5])) for _ in range(fleet.hours.size)])
    share = share / max(share.sum(), 1.0)
    sold = np.isfinite(fleet.committed_usd_per_hour)[:, None]
    price = np.where(sold, np.where(sold, fleet.committed_usd_per_hour[:, None], 0.0) * MONTH_HOURS, np.inf)
    return np.where(sold, np.where(sold, price, 0.0) * share, np.inf)


def whole_usd(fleet, bucket, usd=None, base=None):
    """The least cost of a bucket by the whole programme, over all choices at once."""
    one = some_buckets(fleet, slice(bucket, bucket + 1))
    if base is None:
        on_demand = fleet.on_demand_usd_per_hour * one.hours
        by_the_hour = np.where(np.isfinite(np.minimum(on_demand, usd)), 0.0, np.inf)  # sold; the price is `usd`
        one = replace(
            one, committed_usd_per_hour=np.full(fleet.num_choices, np.inf), on_demand_usd_per_hour=by_the_hour
        )
        return solve_model(fleet_model(one, on_demand_usd=np.minimum(on_demand, usd)[:, None]).model).cost_usd
    free = replace(one, committed_usd_per_hour=np.where(base > 0, 0.0, np.inf))
    model = fleet_model(free)
    return solve_model(fixed(model.model, (model.committed, base))).cost_usd


def pattern_usd(fleet, pattern, usd):
    """What a pattern costs where a running bundle costs `usd` (K,)."""
    runs = pattern.num_running > 0
    return pattern.other_usd + float(pattern.num_running[runs] @ usd[runs])


@settings(max_examples=examples(40))
@given(MANY, st.data())
def test_a_priced_bucket_is_as_cheap_as_the_whole_programme_wherever_the_search_begins(problem, data):
    fleet, bucket = fleet_arrays(problem), data.draw(st.integers(0, 2))
    prices = borne(data, fleet)[:, bucket]
    looked_at = np.array([data.draw(st.booleans()) for _ in problem.choices])
    found = priced_pattern(fleet, bucket, prices, None, looked_at)
    least = whole_usd(fleet, bucket, usd=prices)
    usd = pattern_usd(fleet, found, np.minimum(fleet.on_demand_usd_per_hour * fleet.hours[bucket], prices))
    assert found.bound_usd <= least + 1e-6 * max(least, 1.0)
    assert least * (1 - 1e-6) - 1e-6 <= usd <= least * 1.003 + 1e-6


@settings(max_examples=examples(40))
@given(MANY, st.data())
def test_a_burst_beside_a_base_is_as_cheap_as_the_whole_programme(problem, data):
    fleet, bucket = fleet_arrays(problem), data.draw(st.integers(0, 2))
    base = np.where(np.isfinite(fleet.committed_usd_per_hour) & ~fleet.is_limited, data.draw(st.integers(0, 1)), 0)
    found = burst_pattern(fleet, bucket, base, None, np.zeros(fleet.num_choices, dtype=bool))
    least = whole_usd(fleet, bucket, base=base)
    rented = np.maximum(found.num_running - base, 0)
    usd = found.other_usd + float(rented[rented > 0] @ fleet.on_demand_usd_per_hour[rented > 0]) * fleet.hours[bucket]
    assert found.bound_usd <= least + 1e-6 * max(least, 1.0)
    assert least * (1 - 1e-6) - 1e-6 <= usd <= least * 1.003 + 1e-6


@settings(max_examples=examples(40))
@given(MANY, st.data())
def test_parted_buckets_bound_the_month_at_any_prices(problem, data):
    fleet = fleet_arrays(problem)
    prices = borne(data, fleet)
    everything = np.ones(fleet.num_choices, dtype=bool)
    parts = [priced_pattern(fleet, bucket, prices[:, bucket], None, everything) for bucket in range(3)]
    optimum = solve_fleet(problem).usd_per_month
    assert sum(one.bound_usd for one in parts) <= optimum * (1 + 1e-6) + 1e-6


@settings(max_examples=examples(40))
@given(MANY, st.data())
def test_the_master_parts_no_more_than_the_price_and_its_choice_is_no_cheaper_than_divided(problem, data):
    fleet = fleet_arrays(problem)
    everything = np.ones(fleet.num_choices, dtype=bool)
    bases = (np.zeros(fleet.num_choices, dtype=np.int64), np.isfinite(fleet.committed_usd_per_hour) & ~fleet.is_limited)
    patterns = [
        burst_pattern(fleet, bucket, base.astype(np.int64), None, everything) for base in bases for bucket in range(3)
    ]
    prices, divided = prices_of(fleet, patterns)
    sold = np.isfinite(fleet.committed_usd_per_hour)
    total = prices.borne_usd[sold].sum(axis=1)
    assert (total <= fleet.committed_usd_per_hour[sold] * MONTH_HOURS * (1 + 1e-9)).all()
    chosen = together(fleet, patterns)
    assert chosen.usd >= divided * (1 - 1e-6) - 1e-6
    assert [one.bucket for one in chosen.patterns] == [0, 1, 2]


@settings(max_examples=examples(40))
@given(MANY, st.sampled_from([None, 0.8]))
def test_base_and_burst_brackets_the_optimum(problem, least_quality):
    ways = tuple(replace(way, quality_frac=quality) for way, quality in zip(problem.ways, (0.7, 0.9)))
    problem = replace(problem, ways=ways, min_quality_frac=least_quality)
    assume(problem.demand_requests_per_s.any())
    optimum = solve_fleet(problem)
    fleet = solve.prune(
        solve.Search(problem=problem, fleet=fleet_arrays(problem), deadline_s=0.0, clock=lambda: 0.0)
    ).fleet
    assume(fleet.num_choices > 0)
    found, bound = base_and_burst(fleet, max_gap_frac=0.0)
    assert bound <= optimum.usd_per_month * (1 + 1e-6) + 1e-6
    if found is not None:
        usd = solve.total_usd_per_month(fleet, found)
        assert usd >= optimum.usd_per_month * (1 - 1e-6) - 1e-6
        assert not solve.violations(fleet, found)


@pytest.mark.parametrize("least_quality", [None, 0.8])
def test_the_gap_of_a_day_of_unlike_hours_is_small(least_quality, monkeypatch):
    """One instance that the whole programme solves, put to base and burst: no dearer than 3 % above the optimum."""
    from tests.unit.test_fleet_solve import many_buckets

    asked = many_buckets(num_buckets=24, min_quality_frac=least_quality)
    optimum = solve_fleet(replace(asked, max_gap_frac=1e-4))
    monkeypatch.setattr(solve, "MOST_WHOLE", 0)
    found = solve_fleet(asked)
    assert found.usd_per_month <= optimum.usd_per_month * 1.03
    assert found.bound_usd_per_month <= optimum.usd_per_month * (1 + 1e-6)

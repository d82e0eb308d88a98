"""What the solver says of problems with known answers, with none, and with wrong input."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracles import fleets

from tokonomics.errors import Infeasible, InputError
from tokonomics.planning import solve
from tokonomics.planning.fleet_arrays import fleet_arrays
from tokonomics.planning.fleet_problem import ApiChoice, FleetChoice, FleetProblem, Way
from tokonomics.planning.merge import at_levels, level_of_bucket, merge_equal_buckets
from tokonomics.planning.prune import not_dominated, prune_dominated, prune_modes
from tokonomics.planning.solve import solve_fleet

HOURS = np.array([500.0, 230.0])


def gpu(name="gpu", rate=2.0, tier="", **terms):
    terms = terms or {"on_demand_usd_per_hour": 1.0}
    return FleetChoice(name=name, tier=tier, requests_per_s=np.atleast_1d(rate).astype(float), **terms)


def problem(*choices, demand=((1.0,), (5.0,)), apis=(), ways=None, hours=HOURS, **limits):
    names = dict.fromkeys(one.tier or one.name for one in (*choices, *apis))
    ways = ways or tuple(Way(name=name, calls=((name, 1.0),)) for name in names)
    limits = {"max_gap_frac": 0.0, **limits}
    return FleetProblem(
        hours=np.asarray(hours),
        demand_requests_per_s=np.asarray(demand),
        choices=choices,
        apis=apis,
        ways=ways,
        **limits,
    )


def api(usd=1e-3, name="api", tier="", **limits):
    return ApiChoice(name=name, tier=tier, usd_per_request=np.atleast_1d(usd).astype(float), **limits)


class TestAnswers:
    def test_on_demand_follows_the_load(self):
        found = solve_fleet(problem(gpu()))
        assert found.num_on_demand.tolist() == [[1, 3]]
        assert found.usd_per_month == pytest.approx(500 + 3 * 230)
        assert found.gap_frac == pytest.approx(0, abs=1e-9)
        assert found.is_optimal

    def test_a_base_is_committed_and_the_burst_rented(self):
        found = solve_fleet(problem(gpu(on_demand_usd_per_hour=1.0, committed_usd_per_hour=0.6)))
        assert found.num_committed.tolist() == [1]
        assert found.num_on_demand.tolist() == [[0, 2]]
        assert found.usd_per_month == pytest.approx(0.6 * 730 + 2 * 230)

    def test_break_even_of_commitment_is_the_price_ratio(self):
        """A replica that is needed for 230 of 730 hours is committed below 230/730 of the price on demand."""
        for price, expected in ((0.31, 3), (0.32, 1)):
            found = solve_fleet(problem(gpu(on_demand_usd_per_hour=1.0, committed_usd_per_hour=price)))
            assert found.num_committed.tolist() == [expected]

    def test_a_bundle_is_bought_whole(self):
        box = gpu(on_demand_usd_per_hour=8.0, replicas_per_bundle=8)
        assert solve_fleet(problem(box)).num_on_demand.tolist() == [[1, 1]]

    def test_spares_stand_by_only_where_there_is_work(self):
        spare = gpu(on_demand_usd_per_hour=1.0, num_spare_replicas=1)
        found = solve_fleet(problem(spare, demand=((0.0,), (5.0,))))
        assert found.num_on_demand.tolist() == [[0, 4]]

    def test_spot_counts_for_what_is_up(self):
        spot = gpu(spot_usd_per_hour=0.3, spot_availability_frac=0.5)
        assert solve_fleet(problem(spot)).num_spot.tolist() == [[1, 5]]

    def test_availability_limits_the_share_of_spot(self):
        """Of n on demand and s on spot that is up for half the time, (n + s/2)/(n + s) is at least 0.75: s <= n."""
        mixed = gpu(spot_usd_per_hour=0.1, on_demand_usd_per_hour=1.0, spot_availability_frac=0.5)
        found = solve_fleet(problem(mixed, min_availability_frac=0.75))
        assert (found.num_spot <= found.num_on_demand).all()
        assert found.num_spot.sum() > 0

    def test_the_api_takes_what_a_replica_is_too_dear_for(self):
        """A replica costs 1 USD an hour; the API 0.36 USD an hour for each 0.1 requests/s."""
        found = solve_fleet(problem(gpu(tier="t"), demand=((0.2,), (2.0,)), apis=(api(tier="t"),)))
        assert found.num_on_demand.tolist() == [[0, 1]]
        assert found.usd_per_month == pytest.approx(0.72 * 500 + 230)

    def test_a_quota_sends_the_rest_to_replicas(self):
        cheap = api(usd=1e-6, tier="t", max_requests_per_s=1.0)
        found = solve_fleet(problem(gpu(tier="t"), apis=(cheap,)))
        assert found.num_on_demand.tolist() == [[0, 2]]

    def test_quality_mixes_two_tiers_to_the_limit(self):
        ways = (
            Way(name="s", calls=(("small", 1.0),), quality_frac=0.6),
            Way(name="l", calls=(("large", 1.0),), quality_frac=0.9),
        )
        apis = (api(usd=1e-4, name="small"), api(usd=1e-3, name="large"))
        found = solve_fleet(problem(apis=apis, ways=ways, min_quality_frac=0.75))
        assert found.quality_frac == pytest.approx(0.75)
        requests = (500 * 1 + 230 * 5) * 3600
        assert found.usd_per_month == pytest.approx(requests * 0.5 * (1e-4 + 1e-3))

    def test_a_cascade_pays_for_both_its_tiers(self):
        ways = (
            Way(name="cascade", calls=(("small", 1.0), ("large", 0.3)), quality_frac=0.88),
            Way(name="large", calls=(("large", 1.0),), quality_frac=0.9),
        )
        apis = (api(usd=1e-4, name="small"), api(usd=1e-3, name="large"))
        found = solve_fleet(problem(apis=apis, ways=ways, min_quality_frac=0.88))
        assert found.share_frac[:, 0].tolist() == [[1.0, 0.0], [1.0, 0.0]]
        assert found.usd_per_month == pytest.approx((500 * 1 + 230 * 5) * 3600 * (1e-4 + 0.3e-3))

    def test_a_way_of_unknown_quality_competes_only_without_a_limit(self):
        ways = (Way(name="s", calls=(("small", 1.0),)), Way(name="l", calls=(("large", 1.0),), quality_frac=0.9))
        apis = (api(usd=1e-4, name="small"), api(usd=1e-3, name="large"))
        free = solve_fleet(problem(apis=apis, ways=ways))
        bound = solve_fleet(problem(apis=apis, ways=ways, min_quality_frac=0.1))
        assert free.share_frac[0, 0].tolist() == [1.0, 0.0]
        assert free.quality_frac is None
        assert bound.share_frac[0, 0].tolist() == [0.0, 1.0]

    def test_owned_hardware_is_used_up_to_what_there_is(self):
        owned = gpu(name="owned", tier="t", committed_usd_per_hour=0.0, max_replicas=2)
        found = solve_fleet(problem(owned, gpu(tier="t")))
        assert found.num_on_demand[1].tolist() == [0, 1]

    def test_nothing_asked_costs_nothing(self):
        found = solve_fleet(problem(gpu(), demand=((0.0,), (0.0,))))
        assert (found.usd_per_month, found.gap_frac, found.terms) == (0.0, 0.0, ())

    def test_a_budget_that_suffices_changes_nothing(self):
        assert solve_fleet(problem(gpu(), budget_usd_per_month=1190.0)).usd_per_month == pytest.approx(1190)


class TestInfeasible:
    def test_budget_names_the_cheapest_plan(self):
        with pytest.raises(Infeasible, match=r"budget=1,000 USD/month; the cheapest plan costs 1,190 \(proven"):
            solve_fleet(problem(gpu(), budget_usd_per_month=1000.0))

    def test_a_class_that_nothing_serves(self):
        with pytest.raises(Infeasible, match="class 1: no way serves it; demand=2 requests/s"):
            solve_fleet(problem(gpu(rate=(2.0, 0.0)), demand=((1.0, 2.0), (1.0, 1.0))))

    def test_a_class_that_only_unknown_quality_serves(self):
        with pytest.raises(Infeasible, match="class 0: only ways of unknown quality"):
            solve_fleet(problem(gpu(), min_quality_frac=0.5))

    def test_quality_names_the_best_mix(self):
        ways = (Way(name="gpu", calls=(("gpu", 1.0),), quality_frac=0.7),)
        with pytest.raises(Infeasible, match=r"min_quality_frac=0.8; the best mix reaches 0.7;"):
            solve_fleet(problem(gpu(), ways=ways, min_quality_frac=0.8))

    def test_quota_names_what_is_needed(self):
        with pytest.raises(Infeasible, match=r"quota=3 requests/s of api; the demand needs 5;"):
            solve_fleet(problem(apis=(api(max_requests_per_s=3.0),)))

    def test_most_replicas_names_what_is_needed(self):
        with pytest.raises(Infeasible, match=r"max_replicas=2 of gpu; the demand needs 3; raise it to 3"):
            solve_fleet(problem(gpu(on_demand_usd_per_hour=1.0, max_replicas=2)))

    def test_only_the_cheapest_relaxation_is_named(self):
        """The API lacks a tenth of its quota, the replicas more than all there are."""
        mixed = (gpu(tier="t", on_demand_usd_per_hour=1.0, max_replicas=1),)
        with pytest.raises(Infeasible) as error:
            solve_fleet(problem(*mixed, apis=(api(tier="t", max_requests_per_s=2.8),)))
        assert len(error.value.violations) == 1
        assert "quota=2.8" in str(error.value)

    def test_spot_alone_below_the_asked_availability(self):
        spot = gpu(spot_usd_per_hour=0.3, spot_availability_frac=0.5)
        with pytest.raises(Infeasible, match="class 0: no way serves it"):
            solve_fleet(problem(spot, min_availability_frac=0.9))


class TestInput:
    def test_every_violation_is_named(self):
        bad = FleetChoice(
            name="bad",
            requests_per_s=np.array([np.nan]),
            on_demand_usd_per_hour=-1.0,
            spot_availability_frac=1.5,
            replicas_per_bundle=0,
            num_spare_replicas=-1,
            max_replicas=-2,
        )
        with pytest.raises(InputError) as error:
            solve_fleet(
                problem(
                    bad,
                    demand=((np.nan,), (-1.0,)),
                    ways=(Way(name="w", calls=(("nothing", 1.0),), quality_frac=2.0), Way(name="w", calls=())),
                    max_gap_frac=-1.0,
                    budget_usd_per_month=np.nan,
                )
            )
        text = str(error.value)
        for part in (
            "demand_requests_per_s[0, 0]=nan", "demand_requests_per_s[1, 0]=-1", "bad: requests_per_s[0]=nan", "bad: on_demand_usd_per_hour=-1",
            "spot_availability_frac=1.5", "replicas_per_bundle=0", "num_spare_replicas=-1", "max_replicas=-2", "quality_frac=2",
            "w: calls is empty", "two ways are called 'w'", "calls 'nothing', which no backend serves", "max_gap_frac=-1", "budget_usd_per_month=nan",
        ):  # fmt: skip
            assert part in text

    def test_more_than_a_month_is_refused(self):
        with pytest.raises(InputError, match="hours add up to 1000 h"):
            solve_fleet(problem(gpu(), hours=(500.0, 500.0)))

    def test_shapes_are_checked(self):
        with pytest.raises(InputError, match="reshape"):
            solve_fleet(problem(gpu(rate=(1.0, 2.0))))
        with pytest.raises(InputError, match="reshape"):
            solve_fleet(problem(gpu(), hours=(730.0,)))

    def test_a_long_list_is_cut(self):
        bad = tuple(gpu(name=f"g{one}", rate=np.nan) for one in range(50))
        with pytest.raises(InputError, match="30 more like these"):
            solve_fleet(problem(*bad))


class TestPruning:
    def test_the_dearer_twin_goes_and_of_equals_the_first_stays(self):
        twins = [
            gpu(name=name, tier="t", on_demand_usd_per_hour=usd) for name, usd in (("a", 2.0), ("b", 1.0), ("c", 1.0))
        ]
        assert prune_dominated(fleet_arrays(problem(*twins))).choice_index.tolist() == [1]

    @pytest.mark.parametrize(
        "better",
        [
            {"max_replicas": 3},
            {"num_spare_replicas": 1},
            {"replicas_per_bundle": 3, "on_demand_usd_per_hour": 2.9},
            {"on_demand_usd_per_hour": None, "spot_usd_per_hour": 0.5, "spot_availability_frac": 0.9},
        ],
    )
    def test_what_is_better_in_one_way_and_worse_in_another_dominates_nothing(self, better):
        plain = gpu(name="plain", tier="t")
        other = replace(gpu(name="other", tier="t", on_demand_usd_per_hour=0.9), **better)
        assert 0 in prune_dominated(fleet_arrays(problem(plain, other))).choice_index

    def test_small_bundles_stand_in_for_a_large_one(self):
        small = gpu(name="small", tier="t", on_demand_usd_per_hour=1.0)
        box = gpu(name="box", tier="t", on_demand_usd_per_hour=8.0, replicas_per_bundle=8)
        assert prune_dominated(fleet_arrays(problem(box, small))).choice_index.tolist() == [1]

    def test_another_tier_is_never_dominated(self):
        pair = (gpu(name="a", tier="t"), gpu(name="b", tier="u", on_demand_usd_per_hour=9.0))
        assert prune_dominated(fleet_arrays(problem(*pair))).num_choices == 2

    def test_useless_modes_go(self):
        one = gpu(on_demand_usd_per_hour=1.0, committed_usd_per_hour=1.0, spot_usd_per_hour=1.2)
        left = prune_modes(fleet_arrays(problem(one)))
        assert np.isinf(left.committed_usd_per_hour[0])
        assert np.isinf(left.spot_usd_per_hour[0])

    def test_fifty_thousand_choices_are_pruned_to_those_that_enumeration_keeps(self):
        rng = np.random.default_rng(0)
        few = [
            gpu(
                name=str(one),
                tier="t",
                rate=rng.choice([1, 2, 3, 4], 3),
                on_demand_usd_per_hour=float(rng.integers(1, 9)),
            )
            for one in range(60)
        ]
        arrays = fleet_arrays(problem(*few, demand=((1.0, 1.0, 1.0), (1.0, 1.0, 1.0))))
        rate, price = arrays.replica_requests_per_s, arrays.on_demand_usd_per_hour
        beats = (rate[:, None] >= rate).all(axis=2) & (price[:, None] <= price)
        strictly = beats & ~(beats.T & (np.arange(60)[:, None] >= np.arange(60)))
        np.fill_diagonal(strictly, False)
        assert not_dominated(arrays).tolist() == (~strictly.any(axis=0)).tolist()


class TestManyBuckets:
    def test_equal_buckets_become_one(self):
        merged = merge_equal_buckets(fleet_arrays(problem(gpu(), demand=((1.0,),) * 2)))
        assert merged.hours.tolist() == [730.0]
        assert merged.bucket_index.tolist() == [0, 0]

    def test_equal_buckets_may_differ_where_quality_is_limited(self):
        """Half the month by machines of one quality and half by an endpoint of the other: a mix of whole bundles."""
        ways = tuple(Way(name=tier, calls=((tier, 1.0),), quality_frac=q) for tier, q in (("good", 0.9), ("bad", 0.7)))
        asked = problem(
            gpu(tier="good", rate=2.0, on_demand_usd_per_hour=1.0), apis=(api(1e-5, "bad-api", "bad"),), ways=ways,
            demand=((1.0,), (1.0,)), hours=np.full(2, 365.0), min_quality_frac=0.8,
        )  # fmt: skip
        found = solve_fleet(asked)
        assert sorted(found.num_on_demand[0].tolist()) == [0, 1]
        assert found.usd_per_month == pytest.approx(365.0 + 365 * 3600 * 1e-5)
        assert found.bound_usd_per_month == pytest.approx(found.usd_per_month)

    def test_levels_keep_the_requests_of_the_month(self):
        rng = np.random.default_rng(1)
        fleet = fleet_arrays(problem(gpu(), demand=rng.uniform(0, 9, (100, 1)), hours=np.full(100, 7.3)))
        level = level_of_bucket(fleet, 10)
        coarse = at_levels(fleet, level)
        assert level.max() + 1 <= 10
        assert coarse.hours @ coarse.demand_requests_per_s == pytest.approx(fleet.hours @ fleet.demand_requests_per_s)
        assert (at_levels(fleet, level, is_peak=True).demand_requests_per_s[level] >= fleet.demand_requests_per_s).all()

    @pytest.mark.parametrize("limits", [{}, {"min_quality_frac": 0.8}, {"min_availability_frac": 0.8}])
    def test_base_and_burst_holds_every_promise_and_brackets_the_optimum(self, monkeypatch, limits):
        asked = many_buckets(num_buckets=6, **limits)
        optimum = solve_fleet(asked)
        monkeypatch.setattr(solve, "MOST_WHOLE", 0)
        found = solve_fleet(asked)
        fleets.assert_feasible(asked, found)
        assert found.bound_usd_per_month <= optimum.usd_per_month * (1 + 1e-6)
        assert found.usd_per_month >= optimum.usd_per_month * (1 - 1e-6)
        assert found.gap_frac == pytest.approx(1 - found.bound_usd_per_month / found.usd_per_month)
        assert found.usd_per_month <= optimum.usd_per_month * 1.1

    def test_a_week_of_hours_is_feasible_and_no_worse_than_a_rule_of_thumb(self):
        asked = many_buckets(num_buckets=168)
        found = solve_fleet(asked)
        fleets.assert_feasible(asked, found)
        for rule, usd in fleets.heuristics_usd(asked).items():
            assert found.usd_per_month <= usd * (1 + 1e-6), rule


def many_buckets(num_buckets, **limits):
    """Two tiers of two GPU types each, two APIs, and a load that rises and falls."""
    hour = np.arange(num_buckets)
    load = (1.2 + np.sin(2 * np.pi * hour / 24 * (1 if num_buckets > 24 else 4))) * 6
    types = [
        gpu("s1", (6.0, 2.0), "small", on_demand_usd_per_hour=1.0, committed_usd_per_hour=0.6),
        gpu("s2", (20.0, 9.0), "small", on_demand_usd_per_hour=3.5, spot_usd_per_hour=1.5, spot_availability_frac=0.7),
        gpu("l1", (3.0, 1.0), "large", on_demand_usd_per_hour=2.0, committed_usd_per_hour=1.1),
        gpu("l2", (9.0, 5.0), "large", on_demand_usd_per_hour=6.0),
    ]
    ways = (
        Way(name="s", calls=(("small", 1.0),), quality_frac=0.7),
        Way(name="l", calls=(("large", 1.0),), quality_frac=0.9),
    )
    return problem(
        *types,
        demand=np.stack([load, 0.4 * load], axis=1),
        apis=(api((2e-4, 5e-4), "as", "small"), api((1e-3, 2e-3), "al", "large")),
        ways=ways,
        hours=np.full(num_buckets, 730 / num_buckets),
        **limits,
    )

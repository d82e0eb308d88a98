"""The passes of a plan one by one: shortlist, repair, chances, the value of knowing, and the crossing."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.catalog.offer import Offer
from tokonomics.planning.buckets import Buckets
from tokonomics.planning.chances import GROWTH, Contender, chances
from tokonomics.planning.crossing import crossing_of, months_until
from tokonomics.planning.deciding import swings
from tokonomics.planning.draft import Call, Draft, Purchase
from tokonomics.planning.draft import draft as drafted
from tokonomics.planning.endurance import Endurance, endurance
from tokonomics.planning.engine_hardware import runs_on
from tokonomics.planning.families import FAMILIES, Market, StopRule, pose
from tokonomics.planning.fleet_problem import Way
from tokonomics.planning.hosted import Hosted
from tokonomics.planning.market import Sale, sales
from tokonomics.planning.repair import repaired, trimmed
from tokonomics.planning.shortlist import Item, _unbeaten
from tokonomics.planning.solve import solve_fleet
from tokonomics.units import HOURS_PER_MONTH, SECONDS_PER_HOUR
from tokonomics.workload.scenario import Scenario

CATALOG = load_catalog()
SELF, ALL_API, HYBRID = (
    next(one for one in FAMILIES if one.name == name) for name in ("self_hosted", "all_api", "hybrid")
)
BOTH = {"any": frozenset({"own", "api"})}
FLAT = Buckets(
    hours=np.array([500.0, 230.0]),
    requests_per_s=np.array([4.0, 10.0]),
    mean_requests_per_s=np.array([4.0, 10.0]),
    bucket_of_hour=None,
    source="made",
)


@dataclass(frozen=True)
class Part:
    id: str


@dataclass(frozen=True)
class Constants:
    engine: str = "vllm"


@dataclass(frozen=True)
class Dep:
    """What the passes read of a deployment."""

    accelerator: Part
    num_gpus: int = 1
    pipeline_parallel: int = 1
    expert_parallel: bool = False
    constants: Constants = Constants()
    model: Part = Part("m")
    precision: Part = Part("fp8")
    name: str = "1x gpu fp8"


def sale(usd=1.0, *, gpus=1, purchase="on_demand", provider="seller", part="gpu"):
    offer = Offer(
        provider=provider, instance=f"{gpus}x", accelerator_id=part, num_gpus=gpus, region="", as_of="2026", source="s",
        on_demand_usd_per_hour=usd * gpus, spot_usd_per_hour=None, reserved_1yr_usd_per_hour=None,
    )  # fmt: skip
    return Sale(offer=offer, purchase=purchase, gpu_usd_per_hour=usd)


def item(usd=1.0, rate=3.0, *, per_bundle=1, **of_sale):
    sold = sale(usd, gpus=per_bundle, **of_sale)
    return Item(
        index=0, deployment=Dep(Part(sold.offer.accelerator_id)), sale=sold, tier="any", requests_per_s=rate, max_sequences=8,
        replicas_per_bundle=per_bundle, gpus_per_bundle=per_bundle, bundle_usd_per_hour=usd * per_bundle,
    )  # fmt: skip


def endpoint(usd_per_request=1e-4, name="x/y"):
    price = replace(CATALOG.api_price("novita/meta-llama/llama-3.1-8b-instruct"), provider=name[0], model=name[2:])
    return Hosted(
        price=price, tier="any", input_usd_per_mtok=1.0, output_usd_per_mtok=1.0, usd_per_request=usd_per_request
    )


def made(*bought, calls=(), buckets=FLAT, family=SELF):
    purchases = tuple(
        Purchase(item=one, num_replicas=np.full(buckets.hours.size, num, dtype=np.int64)) for one, num in bought
    )
    way = Way(name="any", calls=(("any", 1.0),))
    return Draft(
        family=family,
        buckets=buckets,
        purchases=purchases,
        calls=tuple(calls),
        way=way,
        quality_frac=None,
        gap_frac=0.0,
    )


def solved(items, hosted=(), *, family=HYBRID, buckets=FLAT, gap=1e-6):
    way = Way(name="any", calls=(("any", 1.0),))
    market = Market(items=tuple(items), hosted=tuple(hosted), ways=(way,), spot_availability_frac=0.99)
    posed = pose(family, way, BOTH, market, buckets, StopRule(max_gap_frac=gap))
    return drafted(posed, solve_fleet(posed.problem), buckets)


class Failing:
    """A replay that misses whatever runs."""

    misses = ("ttft_p95 2 s > 1 s",)
    api_frac = 0.0
    overflows_too_much = False


class TestShortlist:
    def test_what_costs_more_and_carries_less_is_beaten(self):
        best, dear, small = item(1.0, 3.0), item(1.1, 3.0, provider="dear"), item(0.5, 1.0, provider="small")
        assert set(_unbeaten([dear, best, small], 1)) == {best, small}
        assert set(_unbeaten([dear, best, small], 2)) == {best, dear, small}

    def test_a_larger_bundle_stays_where_it_carries_more(self):
        assert len(list(_unbeaten([item(1.0, 3.0), item(1.0, 3.0, per_bundle=8)], 1))) == 2

    def test_names_are_unique_by_what_is_sold(self):
        names = {one.name for one in (item(), item(purchase="spot"), item(provider="b"), item(per_bundle=8))}
        assert len(names) == 4


class TestMarket:
    def asked(self, **keys):
        traffic = {"preset": "chat", "requests_per_s": 1.0}
        return Scenario.from_dict({"models": ["llama-3.1-8b"], "traffic": traffic, **keys})

    def test_all_ways_to_buy_are_for_sale_and_each_has_a_price(self):
        found = sales(CATALOG, self.asked(), today=date(2026, 11, 23))
        assert {"on_demand", "spot"} <= {one.purchase for one in found}
        assert all(one.gpu_usd_per_hour > 0 for one in found)
        assert all(one.low_ratio <= 1.0 <= one.high_ratio for one in found)
        assert all(one.offer.status == "listed" for one in found)

    def test_no_spot_means_none(self):
        found = sales(CATALOG, self.asked(plan={"no_spot": True}), today=date(2026, 11, 23))
        assert "spot" not in {one.purchase for one in found}

    def test_engines_run_where_their_makers_say(self):
        nvidia, amd = CATALOG.accelerator("h100-sxm"), CATALOG.accelerator("mi300x")
        assert runs_on("trtllm", nvidia)
        assert not runs_on("trtllm", amd)
        assert runs_on("vllm", amd)
        assert runs_on("my own", amd)


class TestDraft:
    def test_what_cannot_follow_is_paid_all_month(self):
        follows = replace(FLAT, bucket_of_hour=np.zeros(168, dtype=np.int64))
        changing = Purchase(item=item(1.0), num_replicas=np.array([1, 4]))
        assert changing.usd_per_month(FLAT) == pytest.approx(4 * HOURS_PER_MONTH)
        assert changing.usd_per_month(follows) == pytest.approx(500 + 4 * 230)

    def test_bundles_are_whole(self):
        bought = Purchase(item=item(1.0, per_bundle=8), num_replicas=np.array([9]))
        assert bought.num_bundles.tolist() == [2]
        assert made((item(1.0, per_bundle=8), 9)).num_gpus == 16

    def test_endpoints_cost_what_they_are_called(self):
        one = made(calls=[Call(hosted=endpoint(2e-4), calls_ratio=0.5)], family=ALL_API)
        requests = (500 * 4 + 230 * 10) * SECONDS_PER_HOUR
        assert one.requests_per_month == pytest.approx(requests)
        assert one.usd_per_month == pytest.approx(requests * 1e-4)

    def test_the_optimiser_and_the_draft_agree_on_the_cost(self):
        for items, hosted in (
            ([item(1.0, 3.0)], []),
            ([item(1.0, 3.0)], [endpoint(5e-4)]),
            ([item(9.0, 3.0)], [endpoint(1e-5)]),
        ):
            family = HYBRID if hosted else SELF
            way = Way(name="any", calls=(("any", 1.0),))
            market = Market(items=tuple(items), hosted=tuple(hosted), ways=(way,), spot_availability_frac=0.99)
            posed = pose(family, way, BOTH, market, FLAT, StopRule(max_gap_frac=1e-6))
            solution = solve_fleet(posed.problem)
            assert drafted(posed, solution, FLAT).usd_per_month == pytest.approx(solution.usd_per_month, rel=1e-6)


class TestBoundedMix:
    """A mix whose endpoint may answer a share of the requests at most, because nobody knows how fast it is."""

    def bought(self, most_hosted_frac, buckets=FLAT, usd_per_request=1e-5):
        way = Way(name="any", calls=(("any", 1.0),))
        market = Market(
            items=(item(9.0, 1.0),),
            hosted=(endpoint(usd_per_request),),
            ways=(way,),
            spot_availability_frac=0.99,
            most_hosted_frac=most_hosted_frac,
        )
        posed = pose(HYBRID, way, BOTH, market, buckets, StopRule(max_gap_frac=1e-9))
        return drafted(posed, solve_fleet(posed.problem), buckets)

    def test_without_a_bound_the_cheap_endpoint_takes_all(self):
        assert not self.bought(1.0).purchases
        assert self.bought(1.0).api_frac == pytest.approx(1.0)

    @pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.3, 0.7, 0.99])
    def test_machines_that_stand_are_as_few_as_leave_the_share_beyond_them(self, share):
        found, asked = self.bought(share), FLAT.hours * FLAT.requests_per_s
        few, many = (
            np.maximum(FLAT.requests_per_s - num, 0.0) @ FLAT.hours
            for num in (found.purchases[0].most_replicas, found.purchases[0].most_replicas - 1)
        )
        assert few <= share * asked.sum() * (1 + 1e-9) < many
        assert found.api_frac <= share + 1e-9

    @pytest.mark.parametrize("share", [0.05, 0.3])
    def test_machines_that_follow_the_hours_answer_their_share_in_each(self, share):
        follows = replace(FLAT, bucket_of_hour=np.zeros(168, dtype=np.int64))
        found = self.bought(share, follows)
        wanted = np.ceil(FLAT.requests_per_s * (1.0 - share))
        assert found.purchases[0].num_replicas.tolist() == wanted.tolist()
        assert found.api_frac <= share + 1e-9

    def test_a_dear_endpoint_is_called_no_more_than_it_would_be(self):
        free, bound = self.bought(1.0, usd_per_request=2e-2), self.bought(0.5, usd_per_request=2e-2)
        assert bound.usd_per_month == pytest.approx(free.usd_per_month)

    def test_a_repair_of_too_much_overflow_adds_machines_and_lowers_no_threshold(self):
        class TooMuch(Replays):
            def __call__(self, draft, overflow):
                seen = super().__call__(draft, None)
                seen.overflows_too_much = bool(seen.misses)
                return seen

        start = made((item(), 2), calls=[Call(hosted=endpoint(), calls_ratio=0.5)])
        found = repaired(start, TooMuch(4), lambda ratio: ratio)
        assert found.draft.purchases[0].most_replicas == 4
        assert found.overflow == 1.0


class Replays:
    """Stands for the simulator: the limits hold from `need` replicas on, one less for each lower threshold."""

    def __init__(self, need):
        self.need, self.asked = need, []

    def __call__(self, draft, overflow):
        num = sum(one.most_replicas for one in draft.purchases)
        self.asked.append((num, overflow))
        need = self.need - (0 if overflow is None or overflow >= 1.0 else 1)

        @dataclass
        class Seen:
            misses: tuple = () if num >= need else (f"late with {num}",)
            api_frac: float = 0.0 if overflow is None else 0.1
            overflows_too_much: bool = False

        return Seen()


class TestRepair:
    def test_replicas_are_added_until_the_limits_hold_and_each_step_is_said(self):
        found = repaired(made((item(), 2)), Replays(4), lambda ratio: None)
        assert found.is_kept
        assert found.draft.purchases[0].most_replicas == 4
        assert found.reasons == (
            "3 replicas in place of 2 replicas: late with 2",
            "4 replicas in place of 3 replicas: late with 3",
        )

    def test_the_threshold_is_lowered_first_where_requests_may_overflow(self):
        found = repaired(
            made((item(), 3), calls=[Call(hosted=endpoint(), calls_ratio=0.5)]), Replays(4), lambda ratio: ratio
        )
        assert found.draft.purchases[0].most_replicas == 3
        assert found.overflow < 1.0
        assert "overflow starts at 60%" in found.reasons[0]
        assert found.draft.api_frac == pytest.approx(0.1)

    def test_it_ends(self):
        found = repaired(made((item(), 1)), Replays(10**9), lambda ratio: None)
        assert not found.is_kept
        assert found.reasons

    def test_whole_bundles_are_added(self):
        found = repaired(made((item(per_bundle=8), 8)), Replays(9), lambda ratio: None)
        assert found.draft.purchases[0].most_replicas == 16

    def test_room_to_spare_is_taken_out_again_but_not_the_margin(self):
        start = repaired(made((item(), 6)), Replays(3), lambda ratio: None)
        assert trimmed(start, Replays(3), Replays(4)).draft.purchases[0].most_replicas == 4
        assert trimmed(start, Replays(3), Replays(3)).draft.purchases[0].most_replicas == 3
        assert "in place of 6 replicas" in trimmed(start, Replays(3), Replays(3)).reasons[-1]


class TestEndurance:
    def run(self, edge):
        @dataclass
        class Seen:
            misses: tuple
            api_frac: float

        return lambda ratio: Seen(("late",) if ratio > edge else (), ratio / 10)

    @pytest.mark.parametrize("edge", [0.6, 0.9, 1.0, 1.3, 1.9])
    def test_the_edge_is_found(self, edge):
        run = self.run(edge)
        found = endurance(run, run(1.0))
        assert found.most_slower_ratio == pytest.approx(edge, rel=0.03)
        assert found.most_slower_ratio <= edge
        assert list(found.slower_ratios) == sorted(found.slower_ratios)

    def test_the_share_of_the_endpoint_is_read_between_the_replays(self):
        found = Endurance(most_slower_ratio=1.5, slower_ratios=(1.0, 2.0), api_fracs=(0.1, 0.3))
        assert found.expected_api_frac(np.array([0.5, 1.5, 3.0])).tolist() == pytest.approx([0.1, 0.2, 0.3])


def contender(name, draft, *, sd=0.2, slack=1.2, kept=True):
    held = Endurance(most_slower_ratio=slack, slower_ratios=(1.0, 2.0), api_fracs=(draft.api_frac, 1.0))
    if not draft.purchases:
        return Contender(name=name, draft=draft, endurance=None, rate_sd_log=0.0, is_kept=kept)
    return Contender(name=name, draft=draft, endurance=held, rate_sd_log=sd, is_kept=kept)


class TestQuota:
    def test_a_repair_grows_what_the_quota_leaves_room_for(self):
        plan = made((item(1.0, part="a"), 3), (item(1.0, part="b"), 1))
        grown = repaired(plan, lambda one, _: Failing(), lambda _: None, max_gpus=3)
        assert [one.most_replicas for one in grown.draft.purchases] == [3, 3]
        assert grown.reasons[-1].startswith("max_gpus=3 allows no more replicas")

    def test_all_items_of_a_kind_from_a_seller_count_together(self):
        plan = made((item(1.0), 3), (item(2.0, per_bundle=8), 8))
        assert plan.exceeds(10)
        assert not plan.exceeds(11)
        assert not plan.exceeds(None)
        assert not made((item(1.0), 3), (item(1.0, provider="other"), 3)).exceeds(3)


class TestChances:
    near = contender("near", made((item(1.0, part="a"), 4)))
    far = contender("far", made((item(3.0, part="b"), 4)))
    api = contender("api", made(calls=[Call(hosted=endpoint(3.2e-4), calls_ratio=1.0)], family=ALL_API))

    def drawn(self, *contenders, **keys):
        return chances(contenders, growth_frac=keys.pop("growth", None), num_draws=2000, seed=keys.pop("seed", 0))

    def test_the_same_inputs_are_drawn_for_all_and_again(self):
        alone, beside = self.drawn(self.near), self.drawn(self.far, self.near, self.api)
        assert np.array_equal(alone.usd_per_month[0], beside.usd_per_month[1])
        assert not np.array_equal(alone.usd_per_month, self.drawn(self.near, seed=1).usd_per_month)

    def test_who_is_always_cheaper_is_always_cheapest(self):
        found = self.drawn(self.near, self.far)
        assert [one.cheapest_probability for one in found.odds] == [
            pytest.approx(1.0, abs=0.02),
            pytest.approx(0.0, abs=0.02),
        ]

    def test_equals_share_and_what_misses_a_limit_never_wins(self):
        twin = contender("twin", self.near.draft)
        assert [one.cheapest_probability for one in self.drawn(self.near, twin).odds] == [0.5, 0.5]
        missed = replace(self.near, name="missed", is_kept=False)
        assert [one.cheapest_probability for one in self.drawn(missed, self.far).odds] == [0.0, 1.0]

    def test_the_chance_of_the_limits_is_that_of_the_speed(self):
        exactly = contender("x", self.near.draft, slack=1.0)
        surely = contender("y", self.near.draft, slack=2.0, sd=0.01)
        found = self.drawn(exactly, surely, self.api)
        assert [one.slo_probability for one in found.odds] == [pytest.approx(0.5), pytest.approx(1.0), None]

    def test_no_draw_goes_without_the_spares(self):
        fast = contender("fast", made((item(purchase="spot", part="a"), 2)), slack=2.0)
        bare = contender("bare", made((item(part="a"), 2)), slack=2.0)
        least = {one.name: self.drawn(one).usd_per_month.min() / one.draft.usd_per_month for one in (fast, bare)}
        assert least["fast"] > 0.7
        assert least["bare"] < 0.6
        spared = replace(bare, name="spared", num_spare_replicas=1)
        assert self.drawn(spared).usd_per_month.min() / spared.draft.usd_per_month > 0.7

    def test_a_perfectly_known_price_has_no_range(self):
        assert (self.drawn(self.api).odds[0].low_ratio, self.drawn(self.api).odds[0].high_ratio) == (1.0, 1.0)

    def test_growth_costs_more_at_the_endpoint(self):
        odds = self.drawn(self.api, growth=0.1).odds[0]
        assert odds.high_ratio == pytest.approx(1.1**10.8, rel=0.05)

    def test_knowing_is_worth_nothing_where_the_answer_never_changes(self):
        found = self.drawn(self.near, self.far)
        shown = swings(found, (self.near, self.far), best="near", kept=("near", "far"), growth_frac=None)
        assert all(one.knowing_usd_per_month < 0.01 * self.near.draft.usd_per_month for one in shown)

    def test_knowing_the_speed_is_worth_most_where_it_decides(self):
        price = self.near.draft.usd_per_month * 1.15 / self.api.draft.requests_per_month
        rival = contender("api", made(calls=[Call(hosted=endpoint(price), calls_ratio=1.0)], family=ALL_API))
        unsure = replace(self.near, rate_sd_log=0.4)
        found = self.drawn(unsure, rival)
        shown = swings(found, (unsure, rival), best="near", kept=("near", "api"), growth_frac=None)
        assert shown[0].name.startswith("speed of")
        assert shown[0].knowing_usd_per_month > 0.02 * rival.draft.usd_per_month
        assert shown[0].can_change_answer
        ideal = np.minimum(found.usd_per_month[0], found.usd_per_month[1]).mean()
        assert shown[0].knowing_usd_per_month <= found.usd_per_month.mean(axis=1).min() - ideal + 1e-9

    def test_growth_is_an_input(self):
        found = self.drawn(self.near, self.api, growth=0.2)
        assert GROWTH in found.inputs


class TestCrossing:
    def test_the_closed_form(self):
        found = crossing_of([item(1.0, 3.0)], [endpoint(1e-3 / 3.6)], peak_ratio=1.0)
        assert found.requests_per_s == pytest.approx(1.0)
        assert crossing_of([item(1.0, 0.9)], [endpoint(1e-3 / 3.6)], peak_ratio=1.0) is None
        assert crossing_of([item(1.0, 3.0)], [endpoint(1e-3 / 3.6)], peak_ratio=4.0) is None
        assert crossing_of([item(1.0, 3.0)], [], peak_ratio=1.0) is None

    def test_the_optimiser_crosses_where_the_closed_form_says(self):
        items, hosted = [item(1.0, 3.0), item(0.4, 0.3, provider="small")], [endpoint(1e-3 / 3.6)]
        even = crossing_of(items, hosted, peak_ratio=1.0).requests_per_s
        for ratio, own in ((0.98, False), (1.02, True)):
            load = np.array([even * ratio])
            buckets = replace(FLAT, hours=np.array([HOURS_PER_MONTH]), requests_per_s=load, mean_requests_per_s=load)
            found = solved(items, hosted, buckets=buckets)
            assert bool(found.purchases) is own

    def test_months_of_growth(self):
        assert months_until(3.0, 1.0, 1.0) == 2
        assert months_until(3.0, 1.0, -0.1) is None

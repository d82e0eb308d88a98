"""Laws of tiers, prompts, waste, levers, elasticity, declines, commitments and distillations."""

import math
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.economics.hardware.commitment import Future, Term, advise_commitment, term_usd
from tokonomics.economics.optimisation.levers import System, lever_shares, rank_systems
from tokonomics.economics.outlook.decline import decline_factor, fit_decline
from tokonomics.economics.outlook.elasticity import forecast_spend, volume_growth_ratio
from tokonomics.economics.quality.cascade import Tier, cascade_cost, cascade_month
from tokonomics.economics.quality.cascade_curve import upper_hull
from tokonomics.economics.quality.cascade_eval import TwoTier, evaluate_cascade, split_halves, threshold_curve
from tokonomics.economics.quality.cascade_quality import cascade_quality, cascade_verdict
from tokonomics.economics.quality.distillation_roi import Distillation, distillation_roi
from tokonomics.economics.tokens.few_shot import TokenPrices, few_shot, workload_share
from tokonomics.economics.tokens.prompt_cost import InputRate, prompt_cost
from tokonomics.economics.tokens.useful_tokens import WASTE_CLASSES, useful_cost

law = settings(max_examples=60, deadline=None)

fractions = st.floats(0.0, 1.0)
prices = st.floats(0.001, 100.0)
factors = st.floats(1.0, 20.0)


@st.composite
def tiers_of(draw: st.DrawFn) -> tuple[Tier, ...]:
    count = draw(st.integers(1, 5))
    weights = [draw(st.floats(0.01, 1.0)) for _ in range(count)]
    shares = [weight / sum(weights) for weight in weights]
    return tuple(
        Tier(
            name=f"tier {index}",
            tier_usd_per_mtok=draw(prices),
            share_frac=share,
            quality_frac=draw(fractions),
            length_ratio=draw(st.floats(0.1, 10)),
            sampling_ratio=draw(st.floats(1, 20)),
            verifier_usd_per_mtok=draw(st.floats(0, 1)),
            floor_usd_per_month=draw(st.floats(0, 5000)),
        )
        for index, share in enumerate(shares)
    )


@law
@given(tiers=tiers_of())
def test_a_cascade_family_costs_usd_per_month_least_its_cheapest_tier_and_at_least_a_free_router(
    tiers: tuple[Tier, ...],
) -> None:
    cost = cascade_cost(tiers)
    cheapest = min(tier.tier_usd_per_mtok for tier in tiers)
    assert cost.cascade_usd_per_mtok >= cheapest * (1 - 1e-9)
    assert cost.router_usd_per_mtok >= cheapest * (1 - 1e-9)
    assert cost.escalation_usd_per_mtok >= -1e-9
    assert all(tier.model_usd_per_mtok >= 0 and tier.verifier_usd_per_mtok >= 0 for tier in cost.tiers)


@law
@given(tiers=tiers_of(), factor=factors, volume=st.floats(1e3, 1e13))
def test_cascade_cost_scales_with_prices_and_never_undercuts_its_floors(
    tiers: tuple[Tier, ...], factor: float, volume: float
) -> None:
    dearer = tuple(
        replace(
            tier,
            tier_usd_per_mtok=tier.tier_usd_per_mtok * factor,
            verifier_usd_per_mtok=tier.verifier_usd_per_mtok * factor,
        )
        for tier in tiers
    )
    ratio = cascade_cost(dearer).cascade_usd_per_mtok / cascade_cost(tiers).cascade_usd_per_mtok
    assert abs(ratio - factor) <= 1e-9 * factor
    month = cascade_month(tiers, volume_tokens_per_month=volume)
    assert month.cascade_usd_per_month >= sum(tier.floor_usd_per_month for tier in tiers) * (1 - 1e-9)
    assert month.cascade_usd_per_month >= month.usage_usd_per_month * (1 - 1e-9)
    assert month.idle_floor_usd >= -1e-6 * month.cascade_usd_per_month
    more = cascade_month(tiers, volume_tokens_per_month=2 * volume)
    assert more.cascade_usd_per_month >= month.cascade_usd_per_month * (1 - 1e-9)


@law
@given(tiers=tiers_of(), low=fractions, high=fractions, bar=fractions)
def test_better_routing_never_lowers_quality(tiers: tuple[Tier, ...], low: float, high: float, bar: float) -> None:
    low, high = sorted((low, high))
    worse, better = (cascade_quality(tiers, routing_frac=each) for each in (low, high))
    assert worse.blended_frac <= better.blended_frac + 1e-9
    assert better.random_frac <= better.perfect_frac + 1e-9
    assert better.perfect_frac <= max(tier.quality_frac or 0.0 for tier in tiers) + 1e-9
    verdict = cascade_verdict(tiers, routing_frac=high, min_quality_frac=bar)
    if verdict.winner is not None:
        assert verdict.winner.rival_usd_per_mtok <= min(each.rival_usd_per_mtok for each in verdict.adequate)


@law
@given(points=st.lists(st.tuples(st.floats(0, 100), fractions), min_size=1, max_size=30))
def test_a_hull_lies_above_every_point(points: list[tuple[float, float]]) -> None:
    hull = upper_hull([cost for cost, _ in points], [quality for _, quality in points])
    assert np.all(np.diff(hull.cost_usd) > 0)
    assert np.all(np.diff(hull.quality_frac) > 0)
    for cost, quality in points:
        assert np.interp(cost, hull.cost_usd, hull.quality_frac) >= quality - 1e-9


@law
@given(seed=st.integers(0, 1000), size=st.integers(4, 60), target=fractions)
def test_a_cascade_stays_within_its_oracle(seed: int, size: int, target: float) -> None:
    rng = np.random.default_rng(seed)
    data = TwoTier.of(
        weak_score=rng.integers(0, 2, size),
        weak_cost_usd=rng.random(size),
        strong_score=rng.integers(0, 2, size),
        strong_cost_usd=rng.random(size) + 1,
        confidence=rng.integers(0, 6, size) / 5,
    )
    curve = threshold_curve(data)
    assert curve.escalated_frac[0] == 0
    assert curve.escalated_frac[-1] == 1
    assert np.all(np.diff(curve.cost_usd) >= 0)
    result = evaluate_cascade(data, fit=split_halves(size, rng), of_strong_frac=target)
    assert result.quality_frac <= result.oracle_quality_frac + 1e-12
    assert 0 <= result.escalated_frac <= 1


@law
@given(
    rate=prices, cached=fractions, hit=fractions, tokens=st.floats(0, 1e6), requests=st.floats(0, 1e8), factor=factors
)
def test_prompt_cost_is_linear_and_falls_with_hits(
    rate: float, cached: float, hit: float, tokens: float, requests: float, factor: float
) -> None:
    plain = InputRate(usd_per_mtok=rate)
    cost = prompt_cost(plain, prompt_tokens=tokens, requests_per_day=requests)
    longer = prompt_cost(plain, prompt_tokens=tokens * factor, requests_per_day=requests)
    assert math.isclose(longer.prompt_usd_per_month, factor * cost.prompt_usd_per_month, rel_tol=1e-9, abs_tol=1e-9)
    hits = InputRate(usd_per_mtok=rate, cached_usd_per_mtok=cached * rate, hit_frac=hit)
    cheaper = prompt_cost(hits, prompt_tokens=tokens, requests_per_day=requests)
    assert 0 <= cheaper.prompt_usd_per_month <= cost.prompt_usd_per_month * (1 + 1e-9)


@law
@given(one=prices, other=prices, examples=st.integers(0, 50), tokens=st.floats(0, 1e4), saved=st.floats(0, 1e5))
def test_examples_pay_exactly_above_their_break_even(
    one: float, other: float, examples: int, tokens: float, saved: float
) -> None:
    pair = TokenPrices(input_usd_per_mtok=one, output_usd_per_mtok=other)
    result = few_shot(pair, num_examples=examples, example_tokens=tokens, saved_output_tokens=saved)
    if abs(saved - result.break_even_saved_tokens) > 1e-6 * (1 + saved):
        assert result.pays == (saved > result.break_even_saved_tokens)
    share = workload_share(pair, input_tokens=tokens + 1, output_tokens=saved)
    assert math.isclose(share.input_frac + share.output_frac, 1.0)


@law
@given(
    usd=st.floats(0, 1e6),
    delivered=st.floats(1, 1e12),
    waste=st.dictionaries(st.sampled_from(WASTE_CLASSES), st.floats(0, 1e12)),
)
def test_waste_and_delivery_share_the_bill(usd: float, delivered: float, waste: dict[str, float]) -> None:
    cost = useful_cost(total_usd=usd, delivered_tokens=delivered, waste_tokens=waste)
    assert cost.overhead_ratio is not None
    assert cost.overhead_ratio >= 1
    assert math.isclose(cost.waste_usd + usd / cost.overhead_ratio, usd, rel_tol=1e-9, abs_tol=1e-9)
    assert (cost.useful_usd_per_useful_mtok or 0) >= (cost.all_usd_per_mtok or 0) * (1 - 1e-9)


systems = st.builds(System, name=st.text(min_size=1, max_size=4), usd_per_hour=prices, tokens_per_s=st.floats(0.1, 1e6))


@law
@given(before=systems, after=systems)
def test_lever_shares_add_up(before: System, after: System) -> None:
    shares = lever_shares(before, after)
    assert math.isclose(shares.total_factor, shares.price_factor * shares.yield_factor)
    if shares.price_frac is not None and shares.yield_frac is not None:
        assert math.isclose(shares.price_frac + shares.yield_frac, 1.0, abs_tol=1e-6)
    first, last = rank_systems([before, after])
    assert first.system_usd_per_mtok <= last.system_usd_per_mtok
    assert math.isclose(first.system_usd_per_mtok * first.system_tokens_per_usd, 1e6, rel_tol=1e-9)


@law
@given(exponent=st.floats(0, 5), fall=st.floats(0.01, 1.0), base=st.floats(1, 1e12))
def test_spending_moves_with_the_sign_of_elasticity_less_one(exponent: float, fall: float, base: float) -> None:
    path = forecast_spend([1.0, fall], elasticity=exponent, base_tokens_per_month=base)
    if fall < 0.999 and abs(exponent - 1) > 1e-3:
        assert (path[1].spend_ratio > 1) == (exponent > 1)
    there = volume_growth_ratio(price_ratio=fall, elasticity=exponent)
    back = volume_growth_ratio(price_ratio=1 / fall, elasticity=exponent)
    assert math.isclose(there * back, 1.0, rel_tol=1e-9)


@law
@given(start=prices, yearly=st.floats(0.2, 20), num_years=st.integers(2, 8))
def test_a_fit_recovers_an_exact_decline(start: float, yearly: float, num_years: int) -> None:
    years = list(range(num_years))
    paid = [start / yearly**year for year in years]
    if paid[-1] > 1e-12:
        fit = fit_decline(years, paid)
        assert math.isclose(fit.yearly_factor, yearly, rel_tol=1e-6)
        ends = decline_factor(
            start_usd_per_mtok=paid[0], end_usd_per_mtok=paid[-1], span_years=num_years - 1, per_years=1
        )
        assert math.isclose(ends, yearly, rel_tol=1e-6)


@law
@given(
    demand=st.lists(st.integers(0, 20), min_size=1, max_size=18),
    market=st.floats(0.1, 20),
    discount=st.floats(0, 0.8),
    length=st.integers(1, 12),
)
def test_no_term_is_worse_than_on_demand_when_the_market_stands_still(
    demand: list[int], market: float, discount: float, length: int
) -> None:
    future = Future.of("one", probability_frac=1.0, num_gpus=demand, market_usd_per_hour=market)
    on_demand = Term(name="on-demand", length_months=0, discount_frac=0.0)
    term = Term(name="term", length_months=length, discount_frac=discount)
    advice = advise_commitment([on_demand, term], [future])
    by_name = {cost.term.name: cost for cost in advice.costs}
    assert 0 <= by_name["term"].expected_usd <= by_name["on-demand"].expected_usd * (1 + 1e-9) + 1e-9
    assert min(cost.max_regret_usd for cost in advice.costs) == 0
    assert all(regret >= 0 for cost in advice.costs for regret in cost.regrets_usd)
    for count in range(21):
        assert by_name["term"].expected_usd <= term_usd(term, future, num_committed_gpus=count) * (1 + 1e-9) + 1e-9


plans = st.builds(
    Distillation,
    num_samples=st.integers(1, 10**6),
    sample_input_tokens=st.floats(0, 1e4),
    sample_output_tokens=st.floats(0, 1e4),
    teacher_input_usd_per_mtok=prices,
    teacher_output_usd_per_mtok=prices,
    num_runs=st.integers(1, 20),
    training_gpu_hours=st.floats(0, 1e4),
    training_usd_per_hour=prices,
    evaluation_usd=st.floats(0, 1e4),
    engineer_hours=st.floats(0, 1e3),
    engineer_usd_per_hour=prices,
    volume_tokens_per_month=st.floats(0, 1e13),
    served_teacher_usd_per_mtok=prices,
    served_student_usd_per_mtok=prices,
    deployment_usd_per_month=st.floats(0, 1e4),
    retraining_months=st.one_of(st.none(), st.floats(0.5, 24)),
    refresh_frac=fractions,
)


@law
@given(plan=plans)
def test_payback_substitutes_back_and_costs_are_never_negative(plan: Distillation) -> None:
    roi = distillation_roi(plan)
    assert roi.upfront_usd >= 0
    assert roi.upkeep_usd_per_month >= 0
    parts = roi.generation_usd + roi.training_usd + roi.evaluation_usd + roi.engineering_usd
    assert math.isclose(roi.upfront_usd, parts, rel_tol=1e-9, abs_tol=1e-9)
    if roi.payback_months is not None and 1e-6 < roi.payback_months < 1e9:
        at_payback = distillation_roi(plan, horizon_months=roi.payback_months)
        assert abs(at_payback.horizon_gain_usd) <= 1e-6 * (1 + roi.upfront_usd)
    more = distillation_roi(replace(plan, volume_tokens_per_month=plan.volume_tokens_per_month * 2))
    if plan.served_teacher_usd_per_mtok >= plan.served_student_usd_per_mtok:
        assert more.net_saving_usd_per_month >= roi.net_saving_usd_per_month - 1e-9

"""Price and yield: who made the token cheaper."""

import math

import pytest

from tokonomics.economics.optimisation.levers import System, lever_shares, rank_systems, step_shares
from tokonomics.errors import InputError


def system(name: str, usd: float, rate: float) -> System:
    return System(name=name, usd_per_hour=usd, tokens_per_s=rate)


def test_slower_but_cheaper() -> None:
    ranked = rank_systems([system("fast", 10, 1000), system("slow", 1, 200), system("worst", 5, 10)])
    assert [row.system.name for row in ranked] == ["slow", "fast", "worst"]
    assert [row.is_slower_but_cheaper for row in ranked] == [True, False, False]
    assert ranked[1].dearer_ratio == pytest.approx(2.0)
    assert ranked[1].system_usd_per_mtok == pytest.approx(2.77778, abs=1e-5)
    assert ranked[0].system_tokens_per_usd == pytest.approx(720_000)


def test_one_system_is_neither() -> None:
    (only,) = rank_systems([system("only", 2, 100)])
    assert only.dearer_ratio == 1
    assert not only.is_slower_but_cheaper


def test_shares_add_up_even_when_levers_pull_apart() -> None:
    shares = lever_shares(system("a", 2.0, 100), system("b", 4.0, 800))
    assert shares.total_factor == pytest.approx(4.0)
    assert shares.price_frac == pytest.approx(-0.5)
    assert shares.yield_frac == pytest.approx(1.5)


def test_no_change_has_no_shares() -> None:
    shares = lever_shares(system("a", 2.0, 100), system("b", 4.0, 200))
    assert shares.total_factor == 1
    assert shares.price_frac is None
    assert shares.yield_frac is None


def test_the_waterfall_of_the_article() -> None:
    steps = step_shares([("naive", 34), ("int4", 78), ("flash", 95), ("bs16", 680), ("bs64", 1850), ("paged", 2400)])
    factors = [step.step_factor for step in steps]
    assert factors[1] == pytest.approx(2.294, abs=1e-3)
    assert steps[4].cumulative_factor / steps[2].cumulative_factor == pytest.approx(19.47, abs=0.005)
    assert steps[-1].cumulative_factor == pytest.approx(70.59, abs=0.005)
    assert sum(step.log_frac or 0.0 for step in steps) == pytest.approx(1.0)
    assert math.prod(factors) == pytest.approx(steps[-1].cumulative_factor)


def test_a_sequence_that_ends_where_it_began() -> None:
    assert all(step.log_frac is None for step in step_shares([("a", 10), ("b", 20), ("c", 10)]))


def test_nonsense_is_refused() -> None:
    with pytest.raises(InputError, match="no system"):
        rank_systems([])
    with pytest.raises(InputError) as caught:
        step_shares([("a", 0.0), ("b", math.nan)])
    assert len(caught.value.violations) == 2
    with pytest.raises(InputError) as both:
        System(name="x", usd_per_hour=-1, tokens_per_s=0)
    assert len(both.value.violations) == 2


def test_the_levers_of_the_article_s_introduction() -> None:
    shares = lever_shares(system("fast", 10, 1000), system("slow", 1, 200))
    assert shares.total_factor == pytest.approx(2.0)  # half the cost: a tenth of the price, a fifth of the yield
    assert shares.price_frac == pytest.approx(3.32, abs=0.005)

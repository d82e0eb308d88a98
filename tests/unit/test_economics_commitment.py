"""Terms against futures."""

import numpy as np
import pytest

from tokonomics.economics.hardware.commitment import (
    Future,
    Term,
    advise_commitment,
    known_terms,
    launch_market_usd_per_hour,
    term_usd,
)
from tokonomics.errors import InputError

ON_DEMAND = Term(name="on-demand", length_months=0, discount_frac=0.0)
SPOT = Term(name="spot", length_months=0, discount_frac=0.6, rework_frac=0.2)
QUARTER = Term(name="3-month", length_months=3, discount_frac=0.10)
YEAR = Term(name="1-year", length_months=12, discount_frac=0.24)
FLAT = Future.of("flat", probability_frac=1.0, num_gpus=np.full(12, 4.0), market_usd_per_hour=2.0)


def test_stable_volume_takes_the_longest_discount() -> None:
    advice = advise_commitment([ON_DEMAND, QUARTER, YEAR], [FLAT])
    assert advice.cheapest is YEAR
    assert [cost.num_committed_gpus for cost in advice.costs] == [4, 4, 0]
    assert advice.costs[0].expected_usd == pytest.approx(4 * 2.0 * 0.76 * 730 * 12)
    assert advice.costs[-1].max_regret_usd == pytest.approx(4 * 2.0 * 0.24 * 730 * 12)


def test_spot_pays_for_its_rework() -> None:
    assert term_usd(SPOT, FLAT) == pytest.approx(4 * 2.0 * 0.4 / 0.8 * 730 * 12)


def test_a_launch_makes_the_long_commitment_regretted() -> None:
    dropped = launch_market_usd_per_hour(num_months=12, usd_per_hour=2.0, launch_month=3, price_after_ratio=0.4)
    assert dropped.tolist() == pytest.approx([2.0] * 3 + [0.8] * 9)
    launch = Future.of("launch", probability_frac=1.0, num_gpus=np.full(12, 4.0), market_usd_per_hour=dropped)
    advice = advise_commitment([ON_DEMAND, QUARTER, YEAR], [launch])
    assert advice.cheapest is QUARTER  # renewed at the lower price after three months
    by_name = {cost.term.name: cost for cost in advice.costs}
    assert by_name["1-year"].num_committed_gpus == 0  # committing to nothing is then the best of a year
    locked = term_usd(YEAR, launch, num_committed_gpus=4)
    assert locked == pytest.approx(4 * 2.0 * 0.76 * 730 * 12)
    assert locked > term_usd(ON_DEMAND, launch)


def test_cheapest_and_safest_may_differ() -> None:
    growth = Future.of("stays", probability_frac=0.9, num_gpus=np.full(12, 10.0), market_usd_per_hour=2.0)
    collapse = Future.of("collapses", probability_frac=0.1, num_gpus=np.zeros(12), market_usd_per_hour=2.0)
    advice = advise_commitment([ON_DEMAND, YEAR], [growth, collapse])
    assert advice.cheapest is YEAR
    assert advice.safest is ON_DEMAND
    by_name = {cost.term.name: cost for cost in advice.costs}
    assert by_name["1-year"].regrets_usd[0] == 0
    assert by_name["on-demand"].regrets_usd[1] == 0


def test_commitment_is_paid_when_unused_and_topped_up_when_short() -> None:
    swing = Future.of("swing", probability_frac=1, num_gpus=[1.0, 5.0], market_usd_per_hour=[1.0, 3.0])
    term = Term(name="2-month", length_months=2, discount_frac=0.5)
    cost = term_usd(term, swing, num_committed_gpus=2)
    assert cost == pytest.approx(730 * (2 * 0.5 + 2 * 0.5 + 3 * 3.0))


def test_only_priced_terms_are_known() -> None:
    assert [term.name for term in known_terms()] == ["on-demand", "1-year"]
    assert known_terms()[1].discount_frac == pytest.approx(0.241, abs=5e-4)


def test_nonsense_is_refused() -> None:
    half = Future.of("half", probability_frac=0.5, num_gpus=[1.0], market_usd_per_hour=1.0)
    with pytest.raises(InputError, match=r"chances add up to 0\.5"):
        advise_commitment([ON_DEMAND], [half])
    with pytest.raises(InputError, match="no term"):
        advise_commitment([], [FLAT])
    with pytest.raises(InputError, match="num_gpus of x"):
        Future.of("x", probability_frac=1, num_gpus=[-1.0], market_usd_per_hour=1.0)
    with pytest.raises(InputError, match="one finite price a month"):
        Future.of("x", probability_frac=1, num_gpus=[1.0], market_usd_per_hour=[1.0, 2.0])
    with pytest.raises(InputError, match="rework_frac"):
        Term(name="odd", length_months=12, discount_frac=0.1, rework_frac=0.1)
    with pytest.raises(InputError) as caught:
        Term(name="odd", length_months=-1, discount_frac=1.0, rework_frac=2.0)
    assert len(caught.value.violations) == 4

"""Prompts, examples, thinking: input beside output."""

import math
from datetime import date

import pytest

from tokonomics.economics.tokens.few_shot import (
    TokenPrices,
    few_shot,
    output_saving_usd_per_month,
    workload_share,
)
from tokonomics.economics.tokens.prompt_cost import InputRate, prompt_cost, prompt_growth, prompt_versus_output
from tokonomics.economics.tokens.reasoning import input_tokens_for_ratio, reasoning_cost
from tokonomics.errors import InputError
from tokonomics.units import usd_per_mtok

OWN = InputRate(usd_per_mtok=0.17)
PRICES = TokenPrices(input_usd_per_mtok=0.17, output_usd_per_mtok=0.69)
RATIO_4 = TokenPrices(input_usd_per_mtok=1.0, output_usd_per_mtok=4.0)


@pytest.mark.parametrize(
    ("rate", "usd"),
    [
        (OWN, 22_950),
        (InputRate(usd_per_mtok=usd_per_mtok(2.49, 4000)), 23_344),
        (InputRate(usd_per_mtok=2.50), 337_500),
        (InputRate(usd_per_mtok=2.50, cached_usd_per_mtok=1.25, hit_frac=1.0), 168_750),
        (InputRate(usd_per_mtok=0.17, cached_usd_per_mtok=0.0, hit_frac=1.0), 0),
    ],
)
def test_prompt_bloat_at_every_rate(rate: InputRate, usd: float) -> None:
    cost = prompt_cost(rate, prompt_tokens=4500, requests_per_day=1e6, days_per_month=30)
    assert cost.prompt_usd_per_month == pytest.approx(usd, abs=0.5)
    assert cost.prompt_usd_per_day * 30 == pytest.approx(cost.prompt_usd_per_month)


def test_a_hit_rate_needs_the_price_of_a_hit() -> None:
    with pytest.raises(InputError, match="without cached_usd_per_mtok"):
        InputRate(usd_per_mtok=2.5, hit_frac=0.5)


def test_growth_of_a_prompt() -> None:
    history = [(date(2025, 7, 1), 5000.0), (date(2025, 1, 1), 500.0), (date(2025, 4, 1), 2000.0)]
    growth = prompt_growth(OWN, history=history, requests_per_day=1e6, days_per_month=30)
    assert growth.added_tokens == 4500
    assert growth.growth_ratio == 10
    assert growth.is_alarming
    assert growth.growth_tokens_per_month == pytest.approx(4500 / (181 / (730 / 24)))
    assert growth.added.prompt_usd_per_month == pytest.approx(22_950)


def test_a_prompt_that_shrank_costs_nothing_more() -> None:
    history = [(date(2025, 1, 1), 900.0), (date(2025, 1, 1), 400.0)]
    growth = prompt_growth(OWN, history=list(reversed(history)), requests_per_day=1e6)
    assert growth.growth_tokens_per_month is None
    shrunk = prompt_growth(OWN, history=[(date(2025, 1, 1), 900.0), (date(2025, 2, 1), 400.0)], requests_per_day=1)
    assert shrunk.added_tokens == -500
    assert shrunk.added.prompt_usd_per_month == 0
    assert not shrunk.is_alarming


def test_growth_needs_two_versions() -> None:
    with pytest.raises(InputError, match="at least two"):
        prompt_growth(OWN, history=[(date(2025, 1, 1), 900.0)], requests_per_day=1)


def test_ten_thousand_tokens_are_not_negligible() -> None:
    versus = prompt_versus_output(OWN, prompt_tokens=10_000, output_tokens=500, output_usd_per_mtok=0.69)
    assert versus.prompt_usd == pytest.approx(0.0017)
    assert versus.output_usd == pytest.approx(0.000345)
    assert versus.prompt_over_output_ratio == pytest.approx(4.93, abs=0.005)


def test_few_shot_breaks_even_at_493_tokens() -> None:
    at = few_shot(PRICES, num_examples=10, example_tokens=200, saved_output_tokens=0.0)
    assert at.added_tokens == 2000
    assert at.added_usd == pytest.approx(0.00034)
    assert at.break_even_saved_tokens == pytest.approx(492.754, abs=1e-3)
    again = few_shot(PRICES, num_examples=10, example_tokens=200, saved_output_tokens=at.break_even_saved_tokens)
    assert again.net_usd == pytest.approx(0.0, abs=1e-15)


def test_few_shot_may_pay_by_retries_alone() -> None:
    result = few_shot(
        PRICES, num_examples=10, example_tokens=200, saved_output_tokens=0, retries_saved_frac=0.5, retry_usd=0.001
    )
    assert result.break_even_saved_tokens == 0
    assert result.pays
    assert result.net_usd == pytest.approx(0.0005 - 0.00034)


@pytest.mark.parametrize(
    ("tokens_in", "tokens_out", "percent_in", "percent_out", "phase"),
    [
        (100, 50, 33.3, 66.7, "decode"),
        (5000, 500, 71.4, 28.6, "prefill"),
        (2000, 2000, 20.0, 80.0, "decode"),
        (1000, 20_000, 1.2, 98.8, "decode"),
    ],
)
def test_workload_shares(
    tokens_in: float, tokens_out: float, percent_in: float, percent_out: float, phase: str
) -> None:
    share = workload_share(RATIO_4, input_tokens=tokens_in, output_tokens=tokens_out)
    assert 100 * share.input_frac == pytest.approx(percent_in, abs=0.05)
    assert 100 * share.output_frac == pytest.approx(percent_out, abs=0.05)
    assert share.expensive_phase == phase
    assert share.request_usd == share.input_usd + share.output_usd


def test_reasoning_is_81_times_and_reaches_100_below_812_tokens() -> None:
    cost = reasoning_cost(PRICES, input_tokens=1000, thinking_tokens=20_000, answer_tokens=0)
    assert cost.output_over_input_ratio == pytest.approx(81.18, abs=0.005)
    limit = input_tokens_for_ratio(PRICES, output_tokens=20_000, output_over_input_ratio=100)
    assert limit == pytest.approx(811.8, abs=0.05)
    again = reasoning_cost(PRICES, input_tokens=limit, thinking_tokens=20_000)
    assert again.output_over_input_ratio == pytest.approx(100)


def test_thinking_is_its_own_share() -> None:
    cost = reasoning_cost(RATIO_4, input_tokens=4000, thinking_tokens=3000, answer_tokens=1000)
    assert cost.thinking_frac == pytest.approx(12 / 20)
    assert cost.request_usd == pytest.approx(20e-3)


def test_shorter_outputs() -> None:
    common = {"output_tokens": 500.0, "requests_per_month": 1e6}
    assert output_saving_usd_per_month(PRICES, kept_frac=1.0, **common) == 0
    assert output_saving_usd_per_month(PRICES, kept_frac=0.0, **common) == pytest.approx(345)


def test_nonsense_is_refused() -> None:
    with pytest.raises(InputError):
        TokenPrices(input_usd_per_mtok=0.0, output_usd_per_mtok=math.nan)
    with pytest.raises(InputError, match="0 tokens"):
        workload_share(PRICES, input_tokens=0, output_tokens=0)
    with pytest.raises(InputError, match="prompt_tokens=-1"):
        prompt_cost(OWN, prompt_tokens=-1, requests_per_day=1)
    with pytest.raises(InputError, match="num_examples"):
        few_shot(PRICES, num_examples=-1, example_tokens=1, saved_output_tokens=1)

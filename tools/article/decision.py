"""Sections 9 and 10: what to do at which volume, the table of strategies, and prompts that grow."""

from dataclasses import replace
from datetime import date

from tokonomics.economics.build_or_buy.cost_curve import CostCurve
from tokonomics.economics.build_or_buy.strategies import (
    at_utilisation_usd_per_mtok,
    strategy_spread_ratio,
    strategy_table,
)
from tokonomics.economics.build_or_buy.volume_bands import volume_bands
from tokonomics.economics.figures.assumptions import assumed_values
from tokonomics.economics.hardware.on_prem import OnPrem, on_prem_cost
from tokonomics.economics.tokens.blended import blended_usd_per_mtok
from tokonomics.economics.tokens.prompt_cost import InputRate
from tokonomics.economics.tokens.prompt_cost import prompt_growth as growth_of
from tokonomics.units import MTOK, usd_per_mtok
from tools.article import build_or_buy
from tools.article.asymmetry import api_price
from tools.article.values import Range
from tools.article.world import reference

HALF_A_YEAR = (date(2025, 1, 1), date(2025, 7, 1))


def cheapest(mtok: float, api: str = "") -> str:
    """Which of API and own GPUs is cheapest at a daily volume; the API is GPT-4o unless named."""
    bands = volume_bands([_api(api), build_or_buy.own()], up_to_tokens_per_day=mtok * MTOK)
    return bands[-1].name


def api_part(low_mtok: float, high_mtok: float) -> float:
    """The share of a range of volumes in which the API is cheapest, percent."""
    bands = volume_bands([build_or_buy.api(), build_or_buy.own()], up_to_tokens_per_day=high_mtok * MTOK)
    own = sum(
        max(0.0, band.high_tokens_per_day - max(band.low_tokens_per_day, low_mtok * MTOK))
        for band in bands
        if band.name == "API"
    )
    return 100.0 * own / ((high_mtok - low_mtok) * MTOK)


def at_use(strategy: str, use: float) -> Range:
    """A strategy's range of prices when its accelerators are busy for `use` of the time."""
    row = next(row for row in strategy_table() if row.strategy == strategy.replace("_", " "))
    low, high = (
        at_utilisation_usd_per_mtok(usd, utilisation_frac=use) for usd in (row.low_usd_per_mtok, row.high_usd_per_mtok)
    )
    return low, high


def owned_range(rates: tuple[float, ...]) -> Range:
    """USD per million tokens of the owned H100 at two rates."""
    hour_usd = on_prem_cost(OnPrem(**assumed_values("on_prem"))).effective_usd_per_hour
    low, high = (usd_per_mtok(hour_usd, rate) for rate in rates)
    return low, high


def spread() -> float:
    """Dearest end of all strategies over the cheapest."""
    return strategy_spread_ratio(strategy_table())


def prompt_growth(field: str, first: float, last: float, requests: float) -> float:
    """A term of a prompt that grew from `first` to `last` tokens, at some requests a day."""
    rate = InputRate(usd_per_mtok=reference()["prefill_usd_per_mtok"])
    growth = growth_of(
        rate,
        history=list(zip(HALF_A_YEAR, (first, last))),
        requests_per_day=requests,
        days_per_month=reference()["days_per_month"],
    )
    return float(getattr(growth if field == "added_tokens" else growth.added, field))


def _api(name: str) -> CostCurve:
    if not name:
        return build_or_buy.api()
    price = blended_usd_per_mtok(
        input_usd_per_mtok=api_price(name, "input"),
        output_usd_per_mtok=api_price(name, "output"),
        input_frac=reference()["input_frac"],
    )
    return replace(build_or_buy.api(), usd_per_mtok=price)

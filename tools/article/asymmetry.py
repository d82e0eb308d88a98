"""Section 4: input tokens against output tokens."""

from datetime import UTC, datetime
from typing import Any

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.tokens.few_shot import TokenPrices, workload_share
from tokonomics.economics.tokens.few_shot import few_shot as few_shot_of
from tokonomics.economics.tokens.prompt_cost import InputRate, PromptVersus, prompt_cost, prompt_versus_output
from tokonomics.economics.tokens.reasoning import reasoning_cost
from tokonomics.units import MTOK, usd_per_mtok
from tools.article.values import Range
from tools.article.world import catalogue, reference

_DAY = datetime(2025, 3, 31, 8, tzinfo=UTC)


def api_price(name: str, side: str) -> float:
    """A list price, USD per million tokens of `side` (input or output)."""
    return _side(catalogue().api_price(name), side)


def daytime_price(name: str, side: str) -> float:
    """The provider's own list by day, which a later catalogue still holds."""
    return _side(load_catalog(with_genai_prices=False).api_price(name).rates(at=_DAY), side)


def ratio(name: str) -> float:
    """Output price over input price."""
    price = catalogue().api_price(name)
    return _prices(_side(price, "input"), _side(price, "output")).output_over_input_ratio


def ratio_range() -> Range:
    """The least and the largest of those ratios in the table."""
    ratios = [ratio(price.name) for price in catalogue().api_prices]
    return min(ratios), max(ratios)


def token_usd(usd_per_hour: float, tokens_per_s: float) -> float:
    """USD of one token."""
    return usd_per_mtok(usd_per_hour, tokens_per_s) / MTOK


def phase_ratio(prefill: float, decode: float) -> float:
    """Cost of an output token over that of an input token, from the two rates (tokens/s)."""
    hour_usd = reference()["gpu_usd_per_hour"]
    return _prices(usd_per_mtok(hour_usd, prefill), usd_per_mtok(hour_usd, decode)).output_over_input_ratio


def prompt_usd(tokens: float) -> float:
    """A prompt at the article's price of prefill."""
    return prompt_cost(_own_rate(), prompt_tokens=tokens, requests_per_day=1.0).request_usd


def output_usd(tokens: float) -> float:
    """An output at the article's price of decode."""
    return _versus(1.0, tokens).output_usd


def prompt_over_output(prompt: float, output: float) -> float:
    """Cost of a prompt over the cost of an output."""
    return _versus(prompt, output).prompt_over_output_ratio


def few_shot(field: str, examples: float, tokens: float) -> float:
    """A term of some examples in a prompt, which save nothing."""
    added = few_shot_of(_own(), num_examples=int(examples), example_tokens=tokens, saved_output_tokens=0.0)
    return float(getattr(added, field))


def reasoning(input_tokens: float, thinking_tokens: float) -> float:
    """Cost of thinking over the cost of the input."""
    cost = reasoning_cost(_own(), input_tokens=input_tokens, thinking_tokens=thinking_tokens)
    return cost.output_over_input_ratio


def share(side: str, input_tokens: float, output_tokens: float, dearer: float) -> float:
    """Share of a side in the cost of a request when output is `dearer` times the price of input, percent."""
    shares = workload_share(_prices(1.0, dearer), input_tokens=input_tokens, output_tokens=output_tokens)
    return 100.0 * float(getattr(shares, f"{side}_frac"))


def _prices(input_usd: float, output_usd: float) -> TokenPrices:
    return TokenPrices(input_usd_per_mtok=input_usd, output_usd_per_mtok=output_usd)


def _own() -> TokenPrices:
    return _prices(reference()["prefill_usd_per_mtok"], reference()["decode_usd_per_mtok"])


def _own_rate() -> InputRate:
    return InputRate(usd_per_mtok=reference()["prefill_usd_per_mtok"])


def _versus(prompt: float, output: float) -> PromptVersus:
    decode = reference()["decode_usd_per_mtok"]
    return prompt_versus_output(_own_rate(), prompt_tokens=prompt, output_tokens=output, output_usd_per_mtok=decode)


def _side(price: Any, side: str) -> float:
    return float(getattr(price, f"{side}_usd_per_mtok"))

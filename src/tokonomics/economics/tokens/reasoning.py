"""What thinking before answering costs, and how far output then outweighs input."""

from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.tokens.few_shot import TokenPrices
from tokonomics.units import MTOK


@dataclass(frozen=True, kw_only=True, slots=True)
class ReasoningCost:
    """A request that thinks before it answers.

    `output_over_input_ratio` counts thinking as output; `thinking_frac` is its share of the cost of the
    request.
    """

    input_usd: float
    thinking_usd: float
    answer_usd: float
    request_usd: float
    output_over_input_ratio: float
    thinking_frac: float


def reasoning_cost(
    prices: TokenPrices, *, input_tokens: float, thinking_tokens: float, answer_tokens: float = 0.0
) -> ReasoningCost:
    """What thinking costs, and how far output then outweighs input.

    Source: the article, section 4: 20,000 thinking tokens on 1,000 of input are 81 times, not 100 times,
    dearer.

    >>> prices = TokenPrices(input_usd_per_mtok=0.17, output_usd_per_mtok=0.69)
    >>> round(reasoning_cost(prices, input_tokens=1000, thinking_tokens=20_000).output_over_input_ratio, 1)
    81.2
    """
    checks = Checks().positive(input_tokens=input_tokens)
    checks.non_negative(thinking_tokens=thinking_tokens, answer_tokens=answer_tokens).done()
    input_usd = input_tokens / MTOK * prices.input_usd_per_mtok
    thinking_usd = thinking_tokens / MTOK * prices.output_usd_per_mtok
    answer_usd = answer_tokens / MTOK * prices.output_usd_per_mtok
    total = input_usd + thinking_usd + answer_usd
    return ReasoningCost(
        input_usd=input_usd,
        thinking_usd=thinking_usd,
        answer_usd=answer_usd,
        request_usd=total,
        output_over_input_ratio=(thinking_usd + answer_usd) / input_usd,
        thinking_frac=thinking_usd / total,
    )


def input_tokens_for_ratio(prices: TokenPrices, *, output_tokens: float, output_over_input_ratio: float) -> float:
    """The input at which output costs a given multiple of it.

    >>> prices = TokenPrices(input_usd_per_mtok=0.17, output_usd_per_mtok=0.69)
    >>> round(input_tokens_for_ratio(prices, output_tokens=20_000, output_over_input_ratio=100))
    812
    """
    checks = Checks().positive(output_tokens=output_tokens, output_over_input_ratio=output_over_input_ratio)
    checks.done()
    return output_tokens * prices.output_over_input_ratio / output_over_input_ratio

"""Input against output: few-shot examples that pay, which phase to improve, and outputs made shorter."""

from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks
from tokonomics.units import MTOK


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenPrices:
    """Prices of an input and of an output token, USD per million, both above 0."""

    input_usd_per_mtok: float
    output_usd_per_mtok: float

    def __post_init__(self) -> None:
        Checks().positive(
            input_usd_per_mtok=self.input_usd_per_mtok, output_usd_per_mtok=self.output_usd_per_mtok
        ).done()

    @property
    def output_over_input_ratio(self) -> float:
        """How much dearer an output token is."""
        return self.output_usd_per_mtok / self.input_usd_per_mtok


@dataclass(frozen=True, kw_only=True, slots=True)
class FewShot:
    """Examples in a prompt: what they add, what they must save, and the net per request (positive: they pay)."""

    added_tokens: float
    added_usd: float
    break_even_saved_tokens: float
    saved_usd: float
    net_usd: float
    pays: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkloadShare:
    """One request split by phase; `expensive_phase` is `prefill` or `decode`, the one to improve first."""

    input_usd: float
    output_usd: float
    request_usd: float
    input_frac: float
    output_frac: float
    expensive_phase: str


def few_shot(
    prices: TokenPrices,
    *,
    num_examples: int,
    example_tokens: float,
    saved_output_tokens: float,
    retries_saved_frac: float = 0.0,
    retry_usd: float = 0.0,
) -> FewShot:
    """Do examples in the prompt pay? They save output tokens, and retries of `retry_usd` each.

    Source: the article, section 4: ten examples of 200 tokens, which must save 493 output tokens.

    >>> result = few_shot(TokenPrices(input_usd_per_mtok=0.17, output_usd_per_mtok=0.69), num_examples=10,
    ...                   example_tokens=200, saved_output_tokens=400)
    >>> round(result.break_even_saved_tokens), result.pays
    (493, False)
    """
    checks = Checks().count(0, num_examples=num_examples).fraction(retries_saved_frac=retries_saved_frac)
    checks.non_negative(
        example_tokens=example_tokens, saved_output_tokens=saved_output_tokens, retry_usd=retry_usd
    ).done()
    added_tokens = num_examples * example_tokens
    added_usd = added_tokens / MTOK * prices.input_usd_per_mtok
    retry_saving_usd = retries_saved_frac * retry_usd
    saved_usd = saved_output_tokens / MTOK * prices.output_usd_per_mtok + retry_saving_usd
    return FewShot(
        added_tokens=added_tokens,
        added_usd=added_usd,
        break_even_saved_tokens=max(0.0, added_usd - retry_saving_usd) / prices.output_usd_per_mtok * MTOK,
        saved_usd=saved_usd,
        net_usd=saved_usd - added_usd,
        pays=saved_usd > added_usd,
    )


def workload_share(prices: TokenPrices, *, input_tokens: float, output_tokens: float) -> WorkloadShare:
    """How a request's cost divides between its input and its output.

    >>> four = TokenPrices(input_usd_per_mtok=1.0, output_usd_per_mtok=4.0)
    >>> round(workload_share(four, input_tokens=5000, output_tokens=500).input_frac, 3)
    0.714
    """
    checks = Checks().non_negative(input_tokens=input_tokens, output_tokens=output_tokens)
    checks.that(input_tokens + output_tokens != 0, "a request of 0 tokens has no shares; give some tokens").done()
    input_usd = input_tokens / MTOK * prices.input_usd_per_mtok
    output_usd = output_tokens / MTOK * prices.output_usd_per_mtok
    total = input_usd + output_usd
    return WorkloadShare(
        input_usd=input_usd,
        output_usd=output_usd,
        request_usd=total,
        input_frac=input_usd / total,
        output_frac=output_usd / total,
        expensive_phase="prefill" if input_usd > output_usd else "decode",
    )


def output_saving_usd_per_month(
    prices: TokenPrices, *, output_tokens: float, kept_frac: float, requests_per_month: float
) -> float:
    """What shortening outputs to `kept_frac` of their length saves, by prompting, constraints or a student.

    >>> prices = TokenPrices(input_usd_per_mtok=2.5, output_usd_per_mtok=10.0)
    >>> output_saving_usd_per_month(prices, output_tokens=400, kept_frac=0.75, requests_per_month=1e6)
    1000.0
    """
    checks = Checks().fraction(kept_frac=kept_frac)
    checks.non_negative(output_tokens=output_tokens, requests_per_month=requests_per_month).done()
    return output_tokens * (1.0 - kept_frac) * requests_per_month / MTOK * prices.output_usd_per_mtok

"""What a prompt costs: per request and per month, as it grows, and beside the output it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tokonomics.economics.figures.checks import Checks
from tokonomics.units import DAYS_PER_MONTH, MTOK


@dataclass(frozen=True, kw_only=True, slots=True)
class InputRate:
    """The price of input tokens: uncached, read from a prefix cache, and the share of them that is read so.

    `cached_usd_per_mtok` is 0 for a cache of one's own, and the provider's price for an API. None means that
    nothing is sold cached, so `hit_frac` must be 0.
    """

    usd_per_mtok: float
    cached_usd_per_mtok: float | None = None
    hit_frac: float = 0.0

    def __post_init__(self) -> None:
        checks = Checks().non_negative(usd_per_mtok=self.usd_per_mtok, cached_usd_per_mtok=self.cached_usd_per_mtok)
        checks.fraction(hit_frac=self.hit_frac)
        checks.that(
            self.cached_usd_per_mtok is not None or not self.hit_frac > 0,
            f"hit_frac={self.hit_frac:g} without cached_usd_per_mtok; give the price of a cached token",
        ).done()

    @property
    def effective_usd_per_mtok(self) -> float:
        """The mean price of an input token under its hit rate."""
        return (1.0 - self.hit_frac) * self.usd_per_mtok + self.hit_frac * (self.cached_usd_per_mtok or 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptCost:
    """Prompt tokens as money: one request, and a month of them."""

    prompt_tokens: float
    effective_usd_per_mtok: float
    request_usd: float
    prompt_usd_per_day: float
    prompt_usd_per_month: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptGrowth:
    """How a prompt grew over its versions, and what the growth costs.

    `growth_tokens_per_month` is the mean over the history, None where it spans no time.
    """

    first_tokens: float
    last_tokens: float
    added_tokens: float
    growth_ratio: float
    growth_tokens_per_month: float | None
    added: PromptCost
    is_alarming: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptVersus:
    """A prompt beside an output: what each costs, and the prompt that would cost as much as the output."""

    prompt_usd: float
    output_usd: float
    prompt_over_output_ratio: float
    equal_prompt_tokens: float


def prompt_cost(
    rate: InputRate,
    *,
    prompt_tokens: float,
    requests_per_day: float,
    days_per_month: float = DAYS_PER_MONTH,
) -> PromptCost:
    """What `prompt_tokens` on every request cost.

    Source: the article, section 9: 4,500 added tokens on a million requests a day, 22,950 USD a month.

    >>> cost = prompt_cost(InputRate(usd_per_mtok=0.17), prompt_tokens=4500, requests_per_day=1e6,
    ...                    days_per_month=30)
    >>> round(cost.request_usd, 6), round(cost.prompt_usd_per_month)
    (0.000765, 22950)
    """
    checks = Checks().non_negative(prompt_tokens=prompt_tokens, requests_per_day=requests_per_day)
    checks.positive(days_per_month=days_per_month).done()
    request_usd = prompt_tokens / MTOK * rate.effective_usd_per_mtok
    return PromptCost(
        prompt_tokens=prompt_tokens,
        effective_usd_per_mtok=rate.effective_usd_per_mtok,
        request_usd=request_usd,
        prompt_usd_per_day=request_usd * requests_per_day,
        prompt_usd_per_month=request_usd * requests_per_day * days_per_month,
    )


def prompt_growth(
    rate: InputRate,
    *,
    history: Sequence[tuple[date, float]],
    requests_per_day: float,
    days_per_month: float = DAYS_PER_MONTH,
    alarm_ratio: float = 2.0,
) -> PromptGrowth:
    """Audit the versions of a prompt, each a date and its tokens: growth, its cost, and whether it alarms.

    A prompt that shrank adds nothing. It alarms when it grew to `alarm_ratio` times its first size or more.
    Raises: InputError for fewer than two versions, or a version without tokens.
    """
    checks = Checks().at_least(1.0, alarm_ratio=alarm_ratio)
    checks.that(len(history) > 1, f"{len(history)} version(s) of the prompt; give at least two")
    checks.positive(**{f"tokens of {on.isoformat()}": tokens for on, tokens in history}).done()
    ordered = sorted(history)
    (first_on, first), (last_on, last) = ordered[0], ordered[-1]
    months = (last_on - first_on).days / DAYS_PER_MONTH
    added = prompt_cost(
        rate,
        prompt_tokens=max(0.0, last - first),
        requests_per_day=requests_per_day,
        days_per_month=days_per_month,
    )
    return PromptGrowth(
        first_tokens=first,
        last_tokens=last,
        added_tokens=last - first,
        growth_ratio=last / first,
        growth_tokens_per_month=(last - first) / months if months else None,
        added=added,
        is_alarming=last / first >= alarm_ratio,
    )


def prompt_versus_output(
    rate: InputRate, *, prompt_tokens: float, output_tokens: float, output_usd_per_mtok: float
) -> PromptVersus:
    """Is a long prompt negligible? Its cost beside the cost of the output.

    Source: the article, section 4, which calls 10,000 prompt tokens negligible beside 500 output tokens.

    >>> versus = prompt_versus_output(InputRate(usd_per_mtok=0.17), prompt_tokens=10_000, output_tokens=500,
    ...                               output_usd_per_mtok=0.69)
    >>> round(versus.prompt_over_output_ratio, 1), round(versus.equal_prompt_tokens)
    (4.9, 2029)
    """
    checks = Checks().non_negative(prompt_tokens=prompt_tokens)
    checks.positive(output_tokens=output_tokens, output_usd_per_mtok=output_usd_per_mtok)
    checks.positive(effective_usd_per_mtok=rate.effective_usd_per_mtok).done()
    prompt_usd = prompt_tokens / MTOK * rate.effective_usd_per_mtok
    output_usd = output_tokens / MTOK * output_usd_per_mtok
    return PromptVersus(
        prompt_usd=prompt_usd,
        output_usd=output_usd,
        prompt_over_output_ratio=prompt_usd / output_usd,
        equal_prompt_tokens=output_usd / rate.effective_usd_per_mtok * MTOK,
    )

"""From the versions of a prompt and what surrounds it to its cost, its growth, and what would make it cheaper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from tokonomics.economics.figures.explanation import Explanation, Term
from tokonomics.economics.figures.inputs import AS_STATED, stated_term
from tokonomics.economics.tokens.few_shot import (
    FewShot,
    TokenPrices,
    WorkloadShare,
    few_shot,
    output_saving_usd_per_month,
    workload_share,
)
from tokonomics.economics.tokens.prompt_cost import (
    InputRate,
    PromptCost,
    PromptGrowth,
    PromptVersus,
    prompt_cost,
    prompt_growth,
    prompt_versus_output,
)
from tokonomics.economics.tokens.reasoning import ReasoningCost, input_tokens_for_ratio, reasoning_cost
from tokonomics.economics.tokens.useful_tokens import UsefulCost, useful_cost
from tokonomics.errors import InputError
from tokonomics.units import DAYS_PER_MONTH, MTOK

Stated = Mapping[str, float | None]
ESTIMATED: Final = "estimated"


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A prompt on a day; `num_chars` is what its tokens were estimated from, None where they are stated."""

    name: str
    on: date
    version_tokens: float
    num_chars: int | None

    @property
    def count(self) -> str:
        """How its tokens are known."""
        return "as stated" if self.num_chars is None else f"{ESTIMATED} from {self.num_chars:,} characters"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Tokens of a request that share a price."""

    name: str
    part_tokens: float
    part_usd_per_mtok: float

    @property
    def usd(self) -> float:
        """Their cost, USD a request."""
        return self.part_tokens / MTOK * self.part_usd_per_mtok


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """Prices with their sources, by name; `as_of` is the date of the catalogue row, empty without one."""

    name: str
    terms: Mapping[str, Term]
    as_of: str

    def price_usd_per_mtok(self, name: str) -> float | None:
        """A price in USD per million tokens; None where there is none."""
        return float(self.terms[name].value) if name in self.terms else None

    def rate(self, hit_frac: float) -> InputRate:
        """The price of the prompt under a hit rate; what misses a cache that bills writing pays for it."""
        plain = self.price_usd_per_mtok("cache_write_usd_per_mtok") if hit_frac > 0 else None
        return InputRate(
            usd_per_mtok=(self.price_usd_per_mtok("input_usd_per_mtok") or 0.0) if plain is None else plain,
            cached_usd_per_mtok=self.price_usd_per_mtok("cached_usd_per_mtok"),
            hit_frac=hit_frac,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptTold:
    """The answer; a part that was not asked for is None. `costs` are of `versions`, the last one being the prompt."""

    card: Card
    inputs: Mapping[str, Term]
    versions: Sequence[Version]
    costs: Sequence[PromptCost]
    parts: Sequence[Part]
    requests_per_month: float
    growth: PromptGrowth | None
    share: WorkloadShare | None
    versus: PromptVersus | None
    examples: FewShot | None
    reasoning: ReasoningCost | None
    equal_input_tokens: float | None
    useful: UsefulCost | None
    saving_usd_per_month: float | None
    changes_tier: bool

    @property
    def request_usd(self) -> float:
        """One request, all its parts."""
        return sum(part.usd for part in self.parts)

    @property
    def added_usd_per_month(self) -> float:
        """What the last version costs beyond the first, each at its own prices; negative where it saves."""
        return self.costs[-1].prompt_usd_per_month - self.costs[0].prompt_usd_per_month


def tell_prompt(versions: Sequence[Version], cards: Sequence[Card], stated: Stated, *, is_dated: bool) -> PromptTold:
    """Price the last of `versions`, each with its card, and whatever else `stated` gives numbers for.

    Raises: InputError where a share of cached tokens leaves nothing to compare with.
    """
    order = sorted(range(len(versions)), key=lambda index: versions[index].on)
    versions, cards = [versions[index] for index in order], [cards[index] for index in order]
    value = {name: number or 0.0 for name, number in stated.items()}
    days = stated.get("days_per_month") or DAYS_PER_MONTH
    rate = cards[-1].rate(value["hit_frac"])
    costs = [
        prompt_cost(
            card.rate(value["hit_frac"]),
            prompt_tokens=one.version_tokens,
            requests_per_day=value["requests_per_day"],
            days_per_month=days,
        )
        for one, card in zip(versions, cards)
    ]
    parts = _parts(cards[-1], rate, versions[-1].version_tokens, value)
    return PromptTold(
        card=cards[-1],
        inputs={**_load_terms(versions[-1], stated, days), **cards[-1].terms},
        versions=versions,
        costs=costs,
        parts=parts,
        requests_per_month=value["requests_per_day"] * days,
        growth=_growth(rate, versions, days, stated, is_dated) if len(versions) > 1 else None,
        versus=_versus(cards[-1], rate, versions[-1].version_tokens, value["output_tokens"]),
        examples=_examples(cards[-1], parts, rate, value) if value["num_examples"] else None,
        useful=_useful(parts, value) if value["thinking_tokens"] and value["output_tokens"] else None,
        changes_tier=len({card.price_usd_per_mtok("input_usd_per_mtok") for card in cards}) > 1,
        **_phases(cards[-1], parts, stated, days),
    )


def _parts(card: Card, rate: InputRate, prompt_tokens: float, value: Mapping[str, float]) -> list[Part]:
    """A request by part, those without tokens left out."""
    plain, output = (
        card.price_usd_per_mtok("input_usd_per_mtok") or 0.0,
        card.price_usd_per_mtok("output_usd_per_mtok") or 0.0,
    )
    parts = [
        Part(name="prompt", part_tokens=prompt_tokens, part_usd_per_mtok=rate.effective_usd_per_mtok),
        Part(name="rest of the input", part_tokens=value["user_tokens"], part_usd_per_mtok=plain),
        Part(name="thinking", part_tokens=value["thinking_tokens"], part_usd_per_mtok=output),
        Part(name="answer", part_tokens=value["output_tokens"], part_usd_per_mtok=output),
    ]
    return [part for part in parts if part.part_tokens]


def _phases(card: Card, parts: Sequence[Part], stated: Stated, days: float) -> dict[str, Any]:
    """Input against output: shares, thinking, and what a shorter answer saves; None where not asked for."""
    phases: dict[str, Any] = dict.fromkeys(("share", "reasoning", "equal_input_tokens", "saving_usd_per_month"))
    inputs = [part for part in parts if part.name not in ("thinking", "answer")]
    thinking, answer = stated.get("thinking_tokens") or 0.0, stated.get("output_tokens") or 0.0
    if not thinking and not answer:
        return phases
    whole = sum(part.part_tokens for part in inputs)
    prices = _token_prices(card, sum(part.usd for part in inputs) / whole * MTOK)
    phases["share"] = workload_share(prices, input_tokens=whole, output_tokens=answer + thinking)
    ratio, kept = stated.get("thinking_ratio"), stated.get("kept_frac")
    if thinking:
        phases["reasoning"] = reasoning_cost(prices, input_tokens=whole, thinking_tokens=thinking, answer_tokens=answer)
    if ratio is not None:
        phases["equal_input_tokens"] = input_tokens_for_ratio(
            prices, output_tokens=thinking + answer, output_over_input_ratio=ratio
        )
    if kept is not None:
        requests = (stated.get("requests_per_day") or 0.0) * days
        phases["saving_usd_per_month"] = output_saving_usd_per_month(
            prices, output_tokens=answer, kept_frac=kept, requests_per_month=requests
        )
    return phases


def _token_prices(card: Card, input_usd_per_mtok: float) -> TokenPrices:
    if not input_usd_per_mtok > 0:
        raise InputError("the input costs nothing beside its output; give --hit-frac below 1 or a price above 0")
    return TokenPrices(
        input_usd_per_mtok=input_usd_per_mtok, output_usd_per_mtok=card.price_usd_per_mtok("output_usd_per_mtok") or 0.0
    )


def _growth(rate: InputRate, versions: Sequence[Version], days: float, stated: Stated, is_dated: bool) -> PromptGrowth:
    alarm = stated.get("alarm_ratio")
    grown = prompt_growth(
        rate,
        history=[(one.on, one.version_tokens) for one in versions],
        requests_per_day=stated.get("requests_per_day") or 0.0,
        days_per_month=days,
        **({} if alarm is None else {"alarm_ratio": alarm}),
    )
    return grown if is_dated else replace(grown, growth_tokens_per_month=None)


def _versus(card: Card, rate: InputRate, prompt_tokens: float, output_tokens: float) -> PromptVersus | None:
    """The prompt beside the answer; None without an answer, or where the prompt costs nothing."""
    output = card.price_usd_per_mtok("output_usd_per_mtok")
    if not output_tokens or not output or not rate.effective_usd_per_mtok > 0:
        return None
    return prompt_versus_output(
        rate, prompt_tokens=prompt_tokens, output_tokens=output_tokens, output_usd_per_mtok=output
    )


def _examples(card: Card, parts: Sequence[Part], rate: InputRate, value: Mapping[str, float]) -> FewShot:
    """Examples stand in the prompt, so they are read from its cache as often; a retry repeats the whole request."""
    return few_shot(
        _token_prices(card, rate.effective_usd_per_mtok),
        num_examples=round(value["num_examples"]),
        example_tokens=value["example_tokens"],
        saved_output_tokens=value["saved_output_tokens"],
        retries_saved_frac=value["retries_saved_frac"],
        retry_usd=sum(part.usd for part in parts),
    )


def _useful(parts: Sequence[Part], value: Mapping[str, float]) -> UsefulCost:
    return useful_cost(
        total_usd=sum(part.usd for part in parts if part.name in ("thinking", "answer")),
        delivered_tokens=value["output_tokens"],
        waste_tokens={"reasoning": value["thinking_tokens"]},
    )


def _load_terms(version: Version, stated: Stated, days: float) -> dict[str, Term]:
    """Tokens, requests and days as inputs."""
    standing = "assumed" if version.num_chars is None else ESTIMATED
    per_day = stated.get("requests_per_day") or 0.0
    terms = {
        "prompt_tokens": Term("prompt_tokens", version.version_tokens, "tokens", standing, version.count),
        "hit_frac": _hits(stated.get("hit_frac")),
        "requests_per_day": Term("requests_per_day", per_day, "requests a day", "assumed", AS_STATED),
        "days_per_month": Term("days_per_month", days, "days a month", "assumed", "convention: 730 hours"),
    }
    if stated.get("days_per_month") is not None:
        terms["days_per_month"] = stated_term("days_per_month", days)
    return terms


def _hits(hit_frac: float | None) -> Term:
    if hit_frac is not None:
        return stated_term("hit_frac", hit_frac)
    return Term("hit_frac", 0.0, "share", "assumed", "no prefix cache; give --hit-frac")


def explain_prompt(told: PromptTold) -> Explanation:
    """The cost of the prompt a month with its formula and terms."""
    return Explanation(
        number="prompt_usd_per_month",
        option=told.card.name,
        value=told.costs[-1].prompt_usd_per_month,
        unit="USD a month",
        formula="tokens / 1e6 x ((1 - hits) x price of a miss + hits x cached price) x requests a day x days",
        terms=tuple(told.inputs.values()),
    )

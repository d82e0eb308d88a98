"""A prompt as people read it: the request by part, how the prompt grew, and what would make it cheaper."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tokonomics.economics.figures.inputs import input_sentences
from tokonomics.economics.tokens.prompt_ask import PromptTold, explain_prompt
from tokonomics.report.bars import Bar, Bars
from tokonomics.report.explained import explained_table, inputs_dict
from tokonomics.report.facts import Facts
from tokonomics.report.numbers import percent, significant
from tokonomics.report.view import Cell, Column, Table, View

_PART_COLUMNS = (
    Column(title="part"),
    Column(title="tokens", key="part_tokens", style="count"),
    Column(title="USD/M", key="part_usd_per_mtok", style="number"),
    Column(title="USD", key="usd_per_request", unit="a request", style="number"),
    Column(title="USD", key="usd_per_month", unit="a month", style="number", digits=4),
    Column(title="share", key="share_frac", style="percent"),
)
_VERSION_COLUMNS = (
    Column(title="version"),
    Column(title="tokens", key="version_tokens", style="count"),
    Column(title="count"),
    Column(title="growth", key="growth_ratio", unit="times the first", style="number"),
    Column(title="USD", key="request_usd", unit="a request", style="number"),
    Column(title="USD", key="prompt_usd_per_month", unit="a month", style="number", digits=4),
)


def prompt_dict(told: PromptTold) -> dict[str, Any]:
    """The body of the document: the request by part, the versions, and whatever else was asked."""
    asked = ("growth", "share", "versus", "examples", "reasoning", "useful")
    return {
        "inputs": inputs_dict(told.inputs),
        "rate": told.card.name,
        "prompt": asdict(told.costs[-1]),
        "parts": [{**asdict(part), "usd": part.usd} for part in told.parts],
        "request_usd": told.request_usd,
        "requests_per_month": told.requests_per_month,
        "request_usd_per_month": told.request_usd * told.requests_per_month,
        "versions": [
            {"name": one.name, "is_estimated": one.num_chars is not None, "num_chars": one.num_chars, **asdict(cost)}
            for one, cost in zip(told.versions, told.costs)
        ],
        "added_usd_per_month": told.added_usd_per_month if told.growth else None,
        **{name: asdict(part) if (part := getattr(told, name)) else None for name in asked},
        "equal_input_tokens": told.equal_input_tokens,
        "output_saving_usd_per_month": told.saving_usd_per_month,
        "explanation": explain_prompt(told).to_dict(),
    }


def prompt_view(told: PromptTold, facts: Facts, *, explained: bool = False) -> View:
    """Lay out the answer; `explained` adds the formula with its terms."""
    tables = [_request_table(told)]
    if told.growth:
        tables.append(_versions_table(told))
    if explained:
        tables.append(explained_table(explain_prompt(told)))
    total = told.request_usd
    bars = [
        Bar(label=part.name, share_frac=part.usd / total, text=percent(part.usd / total))
        for part in told.parts
        if total and len(told.parts) > 1
    ]
    charts = (Bars(title="Where the money of a request goes", bars=bars),) if bars else ()
    return View(headline=tuple(_headline(told)), tables=tables, charts=charts, notes=tuple(_notes(told, facts)))


def _request_table(told: PromptTold) -> Table:
    total, requests = told.request_usd, told.requests_per_month
    rows: list[tuple[Cell, ...]] = [
        (
            part.name,
            part.part_tokens,
            part.part_usd_per_mtok,
            part.usd,
            part.usd * requests,
            part.usd / total if total else None,
        )
        for part in told.parts
    ]
    if len(rows) > 1:
        rows.append(("request", sum(part.part_tokens for part in told.parts), None, total, total * requests, None))
    return Table(columns=_PART_COLUMNS, rows=rows)


def _versions_table(told: PromptTold) -> Table:
    first = told.versions[0].version_tokens
    rows = [
        (
            one.name,
            one.version_tokens,
            one.count,
            one.version_tokens / first,
            cost.request_usd,
            cost.prompt_usd_per_month,
        )
        for one, cost in zip(told.versions, told.costs)
    ]
    return Table(title="How it grew", columns=_VERSION_COLUMNS, rows=rows)


def _headline(told: PromptTold) -> Iterator[str]:
    cost = told.costs[-1]
    yield (
        f"PROMPT     {cost.prompt_tokens:,.0f} tokens, {told.versions[-1].count}: {significant(cost.request_usd)} USD a"
        f" request, {significant(cost.prompt_usd_per_month, 4)} USD a month, at {told.card.name}"
    )
    if told.growth:
        alarm = "; ALARM" if told.growth.is_alarming else ""
        pace = told.growth.growth_tokens_per_month
        speed = f", {pace:+,.0f} tokens a month" if pace is not None else ""
        added = significant(told.added_usd_per_month, 4)
        times = significant(told.growth.growth_ratio)
        yield f"GROWTH     {told.growth.added_tokens:+,.0f} tokens, {times} times the first{speed}{alarm}"
        yield f"           the change costs {added} USD a month"
    yield from _asides(told)


def _asides(told: PromptTold) -> Iterator[str]:
    if told.share:
        phase = told.share.expensive_phase
        yield f"WORKLOAD   input is {percent(told.share.input_frac)} of the cost; improve {phase} first"
    if told.versus:
        times, equal = significant(told.versus.prompt_over_output_ratio), told.versus.equal_prompt_tokens
        yield f"AGAINST    the answer: {times} times its cost; equal at {equal:,.0f} prompt tokens"
    if told.examples:
        one = told.examples
        verdict = "they pay" if one.pays else "they do not pay"
        need, net = f"{one.break_even_saved_tokens:,.0f}", significant(one.net_usd * told.requests_per_month, 4)
        yield f"EXAMPLES   {one.added_tokens:,.0f} tokens must save {need} output tokens; {verdict}: {net} USD a month"
    if told.reasoning:
        times, part = significant(told.reasoning.output_over_input_ratio), percent(told.reasoning.thinking_frac)
        yield f"THINKING   {part} of the request; output costs {times} times the input"
    if told.equal_input_tokens is not None:
        yield f"           that ratio is reached at {told.equal_input_tokens:,.0f} input tokens or fewer"
    if told.useful and told.useful.useful_usd_per_useful_mtok is not None:
        useful = significant(told.useful.useful_usd_per_useful_mtok)
        yield f"           {useful} USD per M output tokens that the user reads"
    if told.saving_usd_per_month is not None:
        yield f"SHORTER    an answer cut so saves {significant(told.saving_usd_per_month, 4)} USD a month"


def _notes(told: PromptTold, facts: Facts) -> Iterator[str]:
    if any(one.num_chars is not None for one in told.versions):
        yield "tokens of a file are estimated from its characters; count them with the model's tokenizer for a bill"
    if told.changes_tier:
        yield "the versions fall into different price tiers by size; each is priced by its own"
    if "cache_write_usd_per_mtok" in told.card.terms:
        yield "what misses the cache is written to it, and billed at the price of writing"
    yield from input_sentences(told.inputs)
    if told.card.as_of:
        yield from facts.notes([told.card.as_of], "api_price" if "/" in told.card.name else "on_demand")

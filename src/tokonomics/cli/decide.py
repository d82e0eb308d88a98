"""`tok decide`: five steps to a strategy."""

import sys
from typing import TYPE_CHECKING

import click

from tokonomics.cli.listings import facts_options
from tokonomics.cli.money_options import explain_option, number_options
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.economics.build_or_buy.decide import QUALITIES, Circumstances
from tokonomics.economics.build_or_buy.decide import decide as decide_strategy
from tokonomics.economics.figures.inputs import resolve_inputs, values_of
from tokonomics.errors import InputError

if TYPE_CHECKING:
    from tokonomics.report.facts import Facts

_INPUTS = {
    "gpu_usd_per_hour": "Price of one accelerator-hour",
    "prefill_tokens_per_s": "Input tokens/s of the 70B on one accelerator that only reads",
    "decode_tokens_per_s": "Output tokens/s of the 70B on one accelerator that only writes",
    "api_input_usd_per_mtok": "Price of input of the frontier API",
    "api_output_usd_per_mtok": "Price of output of the frontier API",
    "input_frac": "Share of all tokens that is input",
    "ops_usd_per_month": "People who keep it running, USD a month",
    "days_per_month": "Days of a month",
}


@click.command()
@click.option("--tokens-per-day", type=click.FLOAT, metavar="N", help="Tokens a day, in and out. Asked when left out.")
@click.option("--quality", type=click.Choice(tuple(QUALITIES)), help="What the answers must keep. Asked when left out.")
@click.option("--task-defined/--any-task", default=None, help="Whether one defined task is served  [any task].")
@click.option("--api", metavar="TEXT", help="Frontier API of the catalogue, as provider/model, instead of prices.")
@click.option("--budget-api", default="openai/gpt-4o-mini", metavar="TEXT", help="Small API  [openai/gpt-4o-mini].")
@number_options(_INPUTS, topic="reference")
@explain_option
@facts_options
@output_options
def decide(
    output: OutputOptions,
    facts: "Facts",
    explained: bool,
    stated: dict[str, float | None],
    tokens_per_day: float | None,
    quality: str | None,
    task_defined: bool | None,
    api: str | None,
    budget_api: str,
) -> None:
    """Walk the five steps from a volume and a quality to a strategy with its figures.

    At a terminal the two answers that everything hangs on are asked for when left out.
    """
    from tokonomics.economics.hardware.list_prices import token_price
    from tokonomics.economics.tokens.blended import blended_usd_per_mtok  # the catalogue loads only when asked
    from tokonomics.report.decide_view import decide_dict, decide_view
    from tokonomics.report.json import document

    volume, wanted = _answers(tokens_per_day, quality)
    inputs = resolve_inputs("reference", stated, tuple(_INPUTS))
    if api is not None:
        inputs |= token_price(facts.catalog, api, today=facts.today).terms()
    budget = token_price(facts.catalog, budget_api, today=facts.today)
    known = values_of(inputs)
    decision = decide_strategy(
        Circumstances(
            volume_tokens_per_day=volume,
            quality=wanted,
            task_defined=bool(task_defined),
            inputs=known,
            budget_usd_per_mtok=blended_usd_per_mtok(
                input_usd_per_mtok=budget.input_usd_per_mtok,
                output_usd_per_mtok=budget.output_usd_per_mtok,
                input_frac=known["input_frac"],
            ),
        )
    )
    body = {**facts.envelope(), **decide_dict(decision, inputs)}
    emit(document("decide", body), decide_view(decision, inputs, explained=explained), output)


def _answers(tokens_per_day: float | None, quality: str | None) -> tuple[float, str]:
    """The two answers, asked for on stderr where somebody watches; else InputError naming what is missing."""
    if sys.stdin.isatty():
        volume = tokens_per_day or click.prompt("Tokens a day, input and output", type=click.FLOAT, err=True)
        return volume, quality or click.prompt("Quality", type=click.Choice(tuple(QUALITIES)), err=True)
    missing = [] if tokens_per_day is not None else ["the volume is not known; give --tokens-per-day"]
    missing += [] if quality else [f"the quality is not known; give --quality {'|'.join(QUALITIES)}"]
    if missing or tokens_per_day is None or quality is None:
        raise InputError(*missing)
    return tokens_per_day, quality

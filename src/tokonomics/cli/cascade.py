"""`tok cascade`: several models in a row, at what every tier that was tried costs, against one cheaper model."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokonomics.cli.listings import names_in
from tokonomics.cli.money_options import explain_option, key_values, number_options
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.errors import InputError, raise_all

if TYPE_CHECKING:
    from tokonomics.economics.quality.routing_data import ModelPrice

_RATE = {"gpu_usd_per_hour": "Price of one accelerator-hour, for the article's tiers"}
_NUMBERS = {
    "router_usd_per_mtok": "What a predictive router costs per M tokens  [0]",
    "routing_frac": "Skill of the routing: 0 a coin, 1 perfect  [1]",
}
_TIER_HELP = (
    "A tier, the cheapest first, as name=7b,usd_per_mtok=0.05,share=0.3; further keys quality, length, sampling,"
    " verifier, floor; may be repeated  [the article's three]."
)
_PRICE_KEYS = {
    "model": "model",
    "request": "request_usd",
    "input": "input_usd_per_mtok",
    "output": "output_usd_per_mtok",
}
_ONLY_DATA = ("use_models", "prices", "levels", "dataset", "by", "weak", "strong", "seed")


@click.command()
@click.option("--tier", "tiers", multiple=True, metavar="KEY=VALUE,...", help=_TIER_HELP)
@click.option(
    "--single",
    "singles",
    multiple=True,
    metavar="KEY=VALUE,...",
    help="One model for everything, as name=13b,usd_per_mtok=0.07,quality=0.85; may be repeated.",
)
@number_options(_RATE, topic="reference")
@number_options(_NUMBERS)
@click.option("--min-quality", type=click.FLOAT, metavar="N", help="Quality to reach, 0..1  [what the cascade keeps].")
@click.option(
    "--tokens-per-month", "volumes", multiple=True, type=click.FLOAT, metavar="N", help="Volume; may be repeated."
)
@click.option("--data", type=click.Path(path_type=Path), metavar="FILE", help="Parquet of scored answers to judge on.")
@click.option("--dataset", metavar="TEXT", help="With --data: only the rows of this dataset.")
@click.option("--use-model", "use_models", multiple=True, metavar="TEXT", help="With --data: only these models.")
@click.option(
    "--price",
    "prices",
    multiple=True,
    metavar="KEY=VALUE,...",
    help="With --data: model=gpt-4,input=30,output=60 in USD per M tokens, or model=any,request=0.01.",
)
@click.option("--by", metavar="COLUMN", help="With --data: column that a router routes by  [subset, else dataset].")
@click.option("--weak", metavar="TEXT", help="With --data: first tier  [cheapest cascade on the tuned half].")
@click.option("--strong", metavar="TEXT", help="With --data: second tier  [the best on the tuned half].")
@click.option(
    "--of-best",
    "levels",
    multiple=True,
    type=click.FLOAT,
    metavar="N",
    help="With --data: share of the best single model's quality; may be repeated  [0.95 and 1].",
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="With --data: which half tunes  [0].")
@explain_option
@output_options
def cascade(output: OutputOptions, explained: bool, stated: dict[str, float | None], **flags: Any) -> None:
    """Price a cascade of models, where an escalated request pays every tier that it tried.

    One cheaper model for everything comes first: a cascade is credited only with what it saves beyond that. With
    --data, threshold or router are chosen on one half of the queries and judged on the other.
    """
    if flags["data"] is not None:
        _refuse(flags, stated, ("tiers", "singles", "volumes", "min_quality"), "works without --data")
        _judge(flags, output, explained=explained)
        return
    _refuse(flags, {}, _ONLY_DATA, "needs --data FILE")
    from tokonomics.economics.quality.cascade_ask import CascadeQuestion, ask_cascade  # NumPy loads only when asked
    from tokonomics.report.cascade_view import cascade_dict, cascade_view
    from tokonomics.report.json import document

    question = CascadeQuestion(
        tiers=key_values(flags["tiers"], "--tier"),
        singles=key_values(flags["singles"], "--single"),
        volumes=flags["volumes"],
        min_quality_frac=flags["min_quality"],
        **stated,
    )
    told = ask_cascade(question)
    emit(document("cascade", cascade_dict(told)), cascade_view(told, explained=explained), output)


def _judge(flags: dict[str, Any], output: OutputOptions, *, explained: bool) -> None:
    """Judge a cascade or a router on per-query data."""
    import numpy as np  # slow to import, and only data need it

    from tokonomics.economics.quality.routing_answer import DEFAULT_LEVELS, answer_routing
    from tokonomics.economics.quality.routing_data import Selection, read_routing_data
    from tokonomics.report.json import document
    from tokonomics.report.routing_view import routing_dict, routing_view

    selection = Selection(
        dataset=flags["dataset"] or "", models=names_in(flags["use_models"]), by=(flags["by"] or "").lower()
    )
    data = read_routing_data(flags["data"], selection=selection, prices=_prices(flags["prices"]))
    answer = answer_routing(
        data,
        rng=np.random.default_rng(flags["seed"] or 0),
        levels=flags["levels"] or DEFAULT_LEVELS,
        weak=flags["weak"] or "",
        strong=flags["strong"] or "",
    )
    body = {"file": flags["data"].name, "seed": flags["seed"] or 0, **routing_dict(answer)}
    emit(document("cascade-data", body), routing_view(answer, explained=explained), output)


def _prices(texts: tuple[str, ...]) -> "list[ModelPrice]":
    from tokonomics.economics.quality.routing_data import ModelPrice

    blocks = key_values(texts, "--price")
    problems = [
        f"--price {key}={value}: unknown key or no number; keys: {', '.join(_PRICE_KEYS)}"
        for block in blocks
        for key, value in block.items()
        if key not in _PRICE_KEYS or (isinstance(value, str) and key != "model")
    ]
    problems += ["--price has no model=NAME; add it, or model=any" for block in blocks if "model" not in block]
    raise_all(problems)
    fields: list[dict[str, Any]] = [{_PRICE_KEYS[key]: value for key, value in block.items()} for block in blocks]
    return [ModelPrice(**{**one, "model": str(one["model"])}) for one in fields]


def _refuse(flags: dict[str, Any], stated: dict[str, float | None], names: tuple[str, ...], why: str) -> None:
    """Raise InputError for every flag that the other way of asking owns."""
    words = {"use_models": "use-model", "levels": "of-best", "volumes": "tokens-per-month"}
    given = [name for name in names if flags[name] not in (None, ())]
    given += [name for name, value in stated.items() if value is not None]
    options = [words.get(name, name.rstrip("s") if name.endswith("s") else name).replace("_", "-") for name in given]
    if options:
        raise InputError(*[f"--{option} {why}" for option in options])

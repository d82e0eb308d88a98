"""`tok hybrid`: own the base of a load and buy its peaks."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokonomics.cli.build_options import build_options
from tokonomics.cli.listings import facts_options, names_in
from tokonomics.cli.money_options import explain_option, number_options
from tokonomics.cli.output import OutputOptions, emit, output_options

if TYPE_CHECKING:
    from tokonomics.report.facts import Facts

_LOAD = {
    "steady_tokens_per_day": "Rate outside the peak, tokens a day",
    "peak_tokens_per_day": "Rate in the peak, as if it lasted a day",
    "peak_hours": "Hours of the peak in a day",
    "served_frac": "Share that the rule of thumb serves in-house",
}
_API_HELP = "Hosted model that takes the overflow, as provider/model."
_WINDOW_HELP = "Seconds over which demand is averaged  [60]."
_SINGLE = ("stated", "gpu", "purchase", "model", "precision", "slo", "trace")


@click.command()
@click.option(
    "--trace", type=click.Path(path_type=Path), metavar="FILE", help="Recorded requests, or a table of rates."
)
@click.option("--window-s", type=click.FloatRange(1, 1e7), default=60.0, metavar="N", help=_WINDOW_HELP)
@number_options(_LOAD, topic="hybrid")
@click.option("--api", metavar="TEXT", help=_API_HELP)
@build_options
@explain_option
@facts_options
@output_options
def hybrid(output: OutputOptions, facts: "Facts", explained: bool, **flags: Any) -> None:
    """Own the base of a load and buy its peaks: the split that costs least.

    Without flags it is the article's load of 10 M tokens a day with peaks at 40 M. A trace says more.
    """
    from tokonomics.economics.build_or_buy.build_ask import (
        BuildQuestion,
        price_dates,
    )  # NumPy and the catalogue load only when asked
    from tokonomics.economics.build_or_buy.hybrid_case import ask_hybrid
    from tokonomics.report.hybrid_view import hybrid_dict, hybrid_view
    from tokonomics.report.json import document

    words: dict[str, Any] = {name: flags[name] for name in _SINGLE}
    apis = (flags["api"],) if flags["api"] else ()
    question = BuildQuestion(**words, apis=apis, providers=names_in(flags["providers"]))
    told, found = ask_hybrid(facts.catalog, question, today=facts.today, window_s=flags["window_s"])
    body = {**facts.envelope(), **hybrid_dict(told)}
    emit(document("hybrid", body), hybrid_view(told, facts, as_ofs=price_dates(found), explained=explained), output)

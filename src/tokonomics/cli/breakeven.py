"""`tok breakeven`: the volume from which building beats buying."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokonomics.cli.build_options import build_options
from tokonomics.cli.listings import facts_options, names_in
from tokonomics.cli.money_options import explain_option, key_values, number_options
from tokonomics.cli.output import OutputOptions, emit, output_options

if TYPE_CHECKING:
    from tokonomics.report.facts import Facts

_FLEET = {
    "peak_ratio": "Peak over mean load; the fleet is sized for the peak",
    "num_spare_replicas": "Replicas beyond what the peak needs",
}
_HIDDEN = {
    "engineer_usd_per_hour": "Price of an engineer's hour",
    "amortise_months": "Months over which one-off costs are spread",
}
_RULES = {
    "num_models": "Rule: models in use, each with a deployment",
    "num_candidates": "Rule: models tried a month",
    "trial_hours": "Rule: hours that a trial keeps a deployment running",
    "trial_tokens": "Rule: tokens of a trial",
    "setup_usd_per_candidate": "Rule: work to set up one candidate, USD",
    "compliance_usd_per_month": "Rule: what the certificates of --need would cost",
    "burst_ratio": "Rule: height of a daily burst over the steady load",
    "burst_hours": "Rule: hours of that burst",
}
_API_HELP = "Hosted model to compare with, as provider/model; may be repeated."
_HIDDEN_HELP = "A line of the register of hidden costs, as name=monitoring,event_engineer_hours=8,interval_months=1."
_NEED_HELP = "Rule: a certificate that is needed, such as soc2."
_VOLUME_HELP = "Volume to compare at; may be repeated."
_SWING_HELP = "Share by which the tornado moves each input  [0.25]."
_SINGLE = ("stated", "gpu", "purchase", "model", "precision", "slo", "trace", "volumes", "swing_frac")
_LISTS = ("apis", "providers", "needs", "api_covers")


@click.command()
@click.option("--api", "apis", multiple=True, metavar="TEXT", help=_API_HELP)
@build_options
@number_options(_FLEET)
@click.option("--hidden-cost", "hidden", multiple=True, metavar="KEY=VALUE,...", help=_HIDDEN_HELP)
@number_options(_HIDDEN, topic="hidden_costs")
@number_options(_RULES)
@click.option("--need", "needs", multiple=True, metavar="TEXT", help=_NEED_HELP)
@click.option("--api-covers", multiple=True, metavar="TEXT", help="Rule: a certificate that the API holds.")
@click.option("--tokens-per-day", "volumes", multiple=True, type=click.FLOAT, metavar="N", help=_VOLUME_HELP)
@click.option("--trace", type=click.Path(path_type=Path), metavar="FILE", help="Requests: volume, mix and peak.")
@click.option("--swing", "swing_frac", type=click.FLOAT, default=0.25, metavar="N", help=_SWING_HELP)
@explain_option
@facts_options
@output_options
def breakeven(output: OutputOptions, facts: "Facts", explained: bool, **flags: Any) -> None:
    """Find the volume from which building beats buying.

    Without flags it solves the article's case with its dated figures. Name --gpu, --model and --api to price your own.
    """
    from tokonomics.economics.build_or_buy.build_ask import (  # NumPy and the catalogue load only when asked
        BuildQuestion,
        ask_build,
    )
    from tokonomics.report.breakeven_dict import breakeven_dict
    from tokonomics.report.breakeven_view import breakeven_view
    from tokonomics.report.json import document

    words: dict[str, Any] = {name: flags[name] for name in _SINGLE}
    words |= {name: names_in(flags[name]) for name in _LISTS}
    question = BuildQuestion(**words, hidden=key_values(flags["hidden"], "--hidden-cost"))
    told = ask_build(facts.catalog, question, today=facts.today)
    body = {**facts.envelope(), **breakeven_dict(told)}
    emit(document("breakeven", body), breakeven_view(told, facts, explained=explained), output)

"""`tok breakeven`: the volume from which building beats buying."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokonomics.cli.listings import facts_options, names_in
from tokonomics.cli.money_options import explain_option, gpu_options, key_values, number_options
from tokonomics.cli.options import complete_models
from tokonomics.cli.output import OutputOptions, emit, output_options

if TYPE_CHECKING:
    from tokonomics.report.facts import Facts

_INPUTS = {
    "gpu_usd_per_hour": "Price of one accelerator-hour, instead of --gpu",
    "num_gpus": "Accelerators of a replica",
    "replica_tokens_per_s": "Tokens/s of a replica, input and output together",
    "prefill_tokens_per_s": "Input tokens/s of a replica that only reads",
    "decode_tokens_per_s": "Output tokens/s of a replica that only writes",
    "api_input_usd_per_mtok": "Price of input, instead of --api",
    "api_output_usd_per_mtok": "Price of output, instead of --api",
    "input_frac": "Share of all tokens that is input",
    "ops_usd_per_month": "People who keep it running, USD a month",
    "peak_ratio": "Peak over mean load; the fleet is sized for the peak",
    "num_spare_replicas": "Replicas beyond what the peak needs",
    "days_per_month": "Days of a month; 30.42 (730 hours) where an hour is priced",
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
_LENGTHS = {"input_tokens": "Tokens of a prompt, for --model", "output_tokens": "Tokens of an answer, for --model"}
_HIDDEN_HELP = "A line of the register of hidden costs, as name=monitoring,event_engineer_hours=8,interval_months=1."


@click.command()
@click.option(
    "--api",
    "apis",
    multiple=True,
    metavar="TEXT",
    help="Hosted model to compare with, as provider/model; may be repeated.",
)
@gpu_options
@click.option("--model", shell_complete=complete_models, metavar="TEXT", help="Model whose rate on --gpu is modelled.")
@click.option("--precision", metavar="TEXT", help="Weight format of --model, such as fp8  [its own, or fp8].")
@click.option("--slo", default="", metavar="TEXT", help="Limits on latency that a replica of --model keeps.")
@number_options(_LENGTHS)
@number_options(_INPUTS, topic="reference")
@click.option("--hidden-cost", "hidden", multiple=True, metavar="KEY=VALUE,...", help=_HIDDEN_HELP)
@number_options(_HIDDEN, topic="hidden_costs")
@number_options(_RULES)
@click.option(
    "--need", "needs", multiple=True, metavar="TEXT", help="Rule: a certificate that is needed, such as soc2."
)
@click.option("--api-covers", multiple=True, metavar="TEXT", help="Rule: a certificate that the API holds.")
@click.option(
    "--tokens-per-day",
    "volumes",
    multiple=True,
    type=click.FLOAT,
    metavar="N",
    help="Volume to compare at; may be repeated.",
)
@click.option(
    "--trace", type=click.Path(path_type=Path), metavar="FILE", help="Recorded requests: volume, mix and peak."
)
@click.option(
    "--swing",
    "swing_frac",
    type=click.FLOAT,
    default=0.25,
    metavar="N",
    help="Share by which the tornado moves each input  [0.25].",
)
@explain_option
@facts_options
@output_options
def breakeven(output: OutputOptions, facts: "Facts", explained: bool, **flags: Any) -> None:
    """Find the volume from which building beats buying.

    Without flags it solves the article's case with its dated figures. Name --gpu, --model and --api to price your own.
    """
    from tokonomics.economics.build_ask import BuildQuestion, ask_build  # NumPy and the catalogue load only when asked
    from tokonomics.report.breakeven_view import breakeven_dict, breakeven_view
    from tokonomics.report.json import document

    stated = flags["stated"]
    question = BuildQuestion(
        stated=stated,
        apis=names_in(flags["apis"]),
        gpu=flags["gpu"],
        providers=names_in(flags["providers"]),
        purchase=flags["purchase"],
        model=flags["model"],
        precision=flags["precision"],
        slo=flags["slo"],
        trace=flags["trace"],
        hidden=key_values(flags["hidden"], "--hidden-cost"),
        needs=names_in(flags["needs"]),
        api_covers=names_in(flags["api_covers"]),
        volumes=flags["volumes"],
        swing_frac=flags["swing_frac"],
    )
    told = ask_build(facts.catalog, question, today=facts.today)
    body = {**facts.envelope(), **breakeven_dict(told)}
    emit(document("breakeven", body), breakeven_view(told, facts, explained=explained), output)

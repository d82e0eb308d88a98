"""`tok onprem`: what an hour of an accelerator that you own costs."""

from typing import TYPE_CHECKING

import click

from tokonomics.cli.listings import facts_options, names_in
from tokonomics.cli.money_options import explain_option, number_options
from tokonomics.cli.options import complete_gpus
from tokonomics.cli.output import OutputOptions, emit, output_options

if TYPE_CHECKING:
    from tokonomics.report.facts import Facts

_INPUTS = {
    "purchase_usd": "Price of one accelerator, USD",
    "device_watts": "Power of one accelerator at full load, W",
    "electricity_usd_per_kwh": "Price of electricity, USD per kWh",
    "hosting_usd_per_year": "Rack, cooling and connection, USD a year per accelerator",
    "horizon_years": "Years until it is written off",
    "utilisation_frac": "Share of its hours in which it works",
    "host_usd": "Share of chassis, processor, network and spares, USD per accelerator",
    "host_watts": "Share of the chassis in the power, W per accelerator",
    "staff_usd_per_year": "People who run it, USD a year per accelerator",
    "pue_factor": "Power of the building over power of its machines, 1 or more",
    "idle_draw_frac": "Share of full power drawn while idle",
    "capital_cost_frac": "Yearly price of money, as a share: 0.08 is 8 percent",
    "resale_frac": "Share of the purchase price that a sale brings at the end",
}


@click.command()
@click.option(
    "--gpu",
    metavar="TEXT",
    shell_complete=complete_gpus,
    help="Accelerator: its price, power and rents by the catalogue.",
)
@click.option("--provider", "providers", multiple=True, metavar="TEXT", help="Compare only with these sellers.")
@number_options(_INPUTS, topic="on_prem")
@click.option("--top", "num_rows", type=click.IntRange(1, 1000), default=8, help="Rents to show  [8].")
@click.option(
    "--swing",
    "swing_frac",
    type=click.FLOAT,
    default=0.25,
    metavar="N",
    help="Share that the tornado moves each input by  [0.25].",
)
@explain_option
@facts_options
@output_options
def onprem(
    output: OutputOptions,
    facts: "Facts",
    explained: bool,
    swing_frac: float,
    num_rows: int,
    stated: dict[str, float | None],
    providers: tuple[str, ...],
    gpu: str | None,
) -> None:
    """Price an hour of an accelerator that you own, and compare it with every way to rent one.

    Without flags it is the article's H100, with its electricity recomputed. The same names are keys of --owned.
    """
    from tokonomics.economics.hardware.on_prem_case import answer_on_prem  # loads only when the command runs
    from tokonomics.report.json import document
    from tokonomics.report.onprem_view import onprem_dict, onprem_view

    answer = answer_on_prem(
        stated, catalog=facts.catalog, gpu=gpu, providers=names_in(providers), swing_frac=swing_frac
    )
    body = {**facts.envelope(), **onprem_dict(answer)}
    emit(document("onprem", body), onprem_view(answer, facts, num_rows=num_rows, explained=explained), output)

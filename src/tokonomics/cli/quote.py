"""`tok quote`: price models at your load under every way to serve them."""

from datetime import UTC, datetime
from typing import Any

import click

from tokonomics.cli.options import complete_models, measured_option, scenario_from_flags, scenario_options
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.workload.scenario_names import unknown_names_placed

_EXPLAIN_HELP = (
    "Print formula, terms and dated sources of a number of an option, such as usd_per_mtok.blended.allocation; "
    "without NUMBER, of all."
)


@click.command()
@click.argument("models", nargs=-1, metavar="MODEL...", shell_complete=complete_models)
@scenario_options
@measured_option
@click.option("--top", "num_rows", type=click.IntRange(1, 1000), default=10, help="Rows of the table  [10].")
@click.option("--explain", "number", is_flag=False, flag_value="all", metavar="[NUMBER]", help=_EXPLAIN_HELP)
@click.option(
    "--option", "option_name", metavar="NAME", help="The option to explain, as in the table  [the best that has it]."
)
@click.option("--strict", is_flag=True, help="Exit 5 when an option is unpriced, or the best price is stale.")
@output_options
def quote(
    output: OutputOptions,
    num_rows: int,
    number: str | None,
    option_name: str | None,
    strict: bool,
    models: tuple[str, ...],
    **flags: Any,
) -> None:
    """Price MODEL... at your load under every way to serve them.

    MODEL is a model of the catalogue (`tok models list`), or PROVIDER/MODEL for a hosted API. State the load by
    --rps with --in and --out, by --users, --tokens-per-month, --preset or --trace.
    """
    from tokonomics.economics.quoting.ask import check_strict  # NumPy and the catalogue load only when asked
    from tokonomics.economics.quoting.explain import explain, explain_all, explainable
    from tokonomics.measure.ask import ask
    from tokonomics.report.json import document
    from tokonomics.report.quote_view import quote_view

    scenario = scenario_from_flags({"models": models or None, **flags})
    with unknown_names_placed(flags["scenario_file"]):
        answer = ask(scenario, today=datetime.now(UTC).date())
    if strict:
        check_strict(answer)
    result = answer.quote
    named = result.option(option_name) if option_name else None
    if number == "all":
        explained = explain_all(result, named or result.best)
    else:
        explained = () if number is None else (explain(result, named or explainable(result, number), number),)
    view = quote_view(result, num_rows=num_rows, explanations=explained)
    emit(document("quote", answer.to_dict(explained)), view, output)

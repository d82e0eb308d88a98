"""`tok prices`: list and show the prices of hosted APIs."""

from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from tokonomics.cli.listings import facts_options, names_in
from tokonomics.cli.options import complete_models
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.errors import InputError, TokonomicsError

if TYPE_CHECKING:
    from tokonomics.catalog.api_price import ApiPrice
    from tokonomics.report.facts import Facts


def complete_prices(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Endpoints that begin with `incomplete`, for the shell."""
    from tokonomics.catalog.load import load_catalog  # a completing shell may wait for it, `--help` may not

    try:
        names = load_catalog().price_book.names()
    except TokonomicsError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.group()
def prices() -> None:
    """List and show the prices of hosted APIs."""


@prices.command("list")
@click.option("--provider", "providers", multiple=True, metavar="TEXT", help="Only these providers.")
@click.option(
    "--model", metavar="MODEL", shell_complete=complete_models, help="Only APIs that serve these open weights."
)
@click.option("--match", "text", metavar="TEXT", help="Only endpoints whose name contains TEXT.")
@click.option("--disputed", is_flag=True, help="Only prices on which two public lists disagree.")
@facts_options
@output_options
def list_prices(
    output: OutputOptions,
    facts: "Facts",
    providers: tuple[str, ...],
    model: str | None,
    text: str | None,
    disputed: bool,
) -> None:
    """List the API prices in force."""
    from tokonomics.report.json import document  # views load only when a command runs
    from tokonomics.report.prices_view import prices_document, prices_view

    found = _in_force(facts, names_in(providers), model)
    found = [price for price in found if text is None or text.lower() in price.name.lower()]
    if disputed:
        found = [price for price in found if price.second is not None and price.second.agrees is False]
    if not found:
        raise InputError("no price is left; widen --provider, --model, --match or --disputed")
    emit(document("prices", prices_document(facts, found)), prices_view(facts, found), output)


@prices.command("show")
@click.argument("name", metavar="PROVIDER/MODEL", shell_complete=complete_prices)
@facts_options
@output_options
def show_price(output: OutputOptions, facts: "Facts", name: str) -> None:
    """Show every price of one API: tiers, windows, batch, past and scheduled changes, and a second opinion."""
    from tokonomics.errors import MissingFact
    from tokonomics.report.json import document  # views load only when a command runs
    from tokonomics.report.prices_view import price_document, price_view

    try:
        current: ApiPrice | None = facts.catalog.api_price(name, at=facts.today)
    except MissingFact:
        current = None
    rows = facts.catalog.price_book.history(current.name if current else name)
    emit(document("price", price_document(facts, rows, current)), price_view(facts, rows, current), output)


def _in_force(facts: "Facts", providers: tuple[str, ...], model: str | None) -> list["ApiPrice"]:
    book = facts.catalog.price_book
    known = {name.partition("/")[0] for name in book.names()}
    unknown = [name for name in providers if name not in known]
    if unknown:
        raise InputError(f"no price of provider {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    wanted = facts.catalog.model(model).id if model else None
    found = (book.price(name, facts.today) for name in book.names())
    return [
        price
        for price in found
        if price is not None
        and (not providers or price.provider in providers)
        and (wanted is None or price.model_id == wanted)
    ]

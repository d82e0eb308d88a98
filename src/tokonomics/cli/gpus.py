"""`tok gpus`: list and show accelerators and what renting them costs."""

from typing import TYPE_CHECKING

import click

from tokonomics.cli.listings import facts_options, names_in
from tokonomics.cli.options import complete_gpus
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.errors import InputError

if TYPE_CHECKING:
    from tokonomics.catalog.load import Catalog
    from tokonomics.report.facts import Facts

_PURCHASES = ("on_demand", "spot", "reserved_1yr", "prepaid")


@click.group()
def gpus() -> None:
    """List and show accelerators and what renting them costs."""


@gpus.command("list")
@click.option("--gpu", "names", multiple=True, metavar="TEXT", shell_complete=complete_gpus, help="Only these.")
@click.option("--family", "families", multiple=True, metavar="TEXT", help="Only these families, such as hopper.")
@click.option("--vendor", "vendors", multiple=True, metavar="TEXT", help="Only these vendors.")
@click.option("--provider", "providers", multiple=True, metavar="TEXT", help="Only what these providers offer.")
@click.option("--purchase", type=click.Choice(_PURCHASES), default="on_demand", help="Way to buy  [on_demand].")
@facts_options
@output_options
def list_gpus(
    output: OutputOptions,
    facts: "Facts",
    names: tuple[str, ...],
    families: tuple[str, ...],
    vendors: tuple[str, ...],
    providers: tuple[str, ...],
    purchase: str,
) -> None:
    """List accelerators with their cheapest hour.

    Each row has the cheapest offer in good standing; with --provider, of that provider, whatever its standing.
    """
    from tokonomics.report.gpus_view import gpus_document, gpus_view  # views load only when a command runs
    from tokonomics.report.json import document

    sellers = _known_providers(facts.catalog, names_in(providers))
    parts = [facts.catalog.accelerator(name) for name in names_in(names)] or list(facts.catalog.accelerators.values())
    parts = [part for part in parts if _is_one_of(part.family, families) and _is_one_of(part.vendor, vendors)]
    if sellers:
        sold = {offer.accelerator_id for offer in facts.catalog.offers if offer.provider in sellers}
        parts = [part for part in parts if part.id in sold]
    if not parts:
        raise InputError("no accelerator is left; widen --gpu, --family, --vendor or --provider")
    emit(
        document("gpus", gpus_document(facts, parts, sellers, purchase)),
        gpus_view(facts, parts, sellers, purchase),
        output,
    )


@gpus.command("show")
@click.argument("name", metavar="GPU", shell_complete=complete_gpus)
@click.option("--provider", "providers", multiple=True, metavar="TEXT", help="Only offers of these providers.")
@click.option("--purchase", type=click.Choice(_PURCHASES), default="on_demand", help="Rank offers by  [on_demand].")
@facts_options
@output_options
def show_gpu(output: OutputOptions, facts: "Facts", name: str, providers: tuple[str, ...], purchase: str) -> None:
    """Show one accelerator: its figures, how sure they are, and every offer."""
    from tokonomics.report.gpus_view import gpu_document, gpu_view  # views load only when a command runs
    from tokonomics.report.json import document

    part = facts.catalog.accelerator(name)
    sellers = _known_providers(facts.catalog, names_in(providers))
    offers = [one for one in facts.catalog.offers_of(part.id) if not sellers or one.provider in sellers]
    emit(document("gpu", gpu_document(facts, part, offers)), gpu_view(facts, part, offers, purchase), output)


def _is_one_of(value: str, wanted: tuple[str, ...]) -> bool:
    names = [name.lower() for name in names_in(wanted)]
    return not names or value.lower() in names


def _known_providers(catalog: "Catalog", names: tuple[str, ...]) -> tuple[str, ...]:
    known = dict.fromkeys(offer.provider for offer in catalog.offers)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"no offer of provider {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return names

"""`tok models`: list and show models, or read a config.json."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tokonomics.cli.listings import facts_options
from tokonomics.cli.options import complete_models
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.errors import InputError

if TYPE_CHECKING:
    from tokonomics.catalog.load import Catalog
    from tokonomics.catalog.model import Model
    from tokonomics.report.facts import Facts


@click.group()
def models() -> None:
    """List and show models, or read a config.json."""


@models.command("list")
@click.option("--match", "text", metavar="TEXT", help="Only models whose id or hub id contains TEXT.")
@click.option("--moe/--dense", "is_moe", default=None, help="Only mixtures of experts, or only dense models.")
@click.option("--with-api", is_flag=True, help="Only models that an API in the catalogue serves.")
@facts_options
@output_options
def list_models(output: OutputOptions, facts: "Facts", text: str | None, is_moe: bool | None, with_api: bool) -> None:
    """List the models of the catalogue with their size and cache."""
    from tokonomics.report.json import document  # views load only when a command runs
    from tokonomics.report.models_view import models_document, models_view

    served = {price.model_id for price in facts.catalog.api_prices} if with_api else set()
    found = [
        model
        for model in facts.catalog.models.values()
        if (text is None or text.lower() in f"{model.id} {model.hf_id}".lower())
        and (is_moe is None or model.is_moe == is_moe)
        and (not with_api or model.id in served)
    ]
    if not found:
        raise InputError("no model is left; widen --match, --moe or --with-api")
    emit(document("models", models_document(facts, found)), models_view(facts, found), output)


@models.command("show")
@click.argument("name", metavar="MODEL", shell_complete=complete_models)
@facts_options
@output_options
def show_model(output: OutputOptions, facts: "Facts", name: str) -> None:
    """Show the parameters and the cache of MODEL by part; MODEL may be the path of a config.json."""
    from tokonomics.report.json import document  # views load only when a command runs
    from tokonomics.report.models_view import model_document, model_view

    model = _model(facts.catalog, name)
    prices = facts.catalog.api_prices_of(model.id, at=facts.today)
    emit(document("model", model_document(facts, model, prices)), model_view(facts, model, prices), output)


def _model(catalog: "Catalog", name: str) -> "Model":
    """A file or folder is read as a config.json; anything else is a name."""
    from tokonomics.catalog.hf_config import model_from_config

    path = Path(name)
    is_file = name.endswith(".json") or path.is_dir()
    return model_from_config(path) if is_file and name not in catalog.models else catalog.model(name)

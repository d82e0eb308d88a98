"""`tok init`: a commented scenario file to start from."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import click

from tokonomics.cli.schema import schema_text
from tokonomics.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """What differs between the starting points; all figures are examples to be replaced."""

    load: str
    slo: str


TEMPLATES: Final = {
    "chat": Template(load="requests_per_s: 3", slo="ttft_p95=1s,itl_p95=50ms"),
    "rag": Template(load="requests_per_s: 2", slo="ttft_p95=2s,itl_p95=50ms"),
    "code": Template(load="requests_per_s: 5", slo="ttft_p95=500ms,itl_p95=30ms"),
    "batch": Template(load="tokens_per_month: 3e+9", slo=""),
}


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="tok.yaml")
@click.option(
    "--template", type=click.Choice(tuple(TEMPLATES)), default="chat", show_default=True, help="Kind of traffic."
)
@click.option("--force", is_flag=True, help="Overwrite FILE when it exists.")
def init(file: Path, template: str, force: bool) -> None:
    """Write a commented scenario to FILE [tok.yaml], and its JSON Schema beside it for editors.

    Price it with `tok quote --scenario FILE`.
    """
    if file.suffix not in (".yaml", ".yml"):
        raise InputError(f"{file} does not end in .yaml; choose another name")
    schema = file.with_suffix(".schema.json")
    if file.exists() and not force:
        raise InputError(f"{file} exists; choose another name, or overwrite it with --force")
    try:
        file.write_text(scenario_text(template, schema.name), encoding="utf-8")
        schema.write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {error.filename}: {error.strerror}; choose another place") from None
    click.echo(f"tok: wrote {file} and {schema}; next: tok quote --scenario {file}", err=True)


def scenario_text(template: str, schema: str) -> str:
    """The text of a scenario file of this `template` whose editor help is the file `schema`."""
    chosen = TEMPLATES[template]
    page = files("tokonomics.cli").joinpath("scenario_template.yaml").read_text(encoding="utf-8")
    fill = {"@SCHEMA@": schema, "@PRESET@": template, "@LOAD@": chosen.load, "@SLO@": chosen.slo or '""'}
    for mark, text in fill.items():
        page = page.replace(mark, text)
    return page

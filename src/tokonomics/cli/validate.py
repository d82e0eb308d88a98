"""`tok validate`: check a scenario file and list every mistake."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.cli.schema import schema_text
from tokonomics.errors import TokonomicsError, raise_all
from tokonomics.report.json import document
from tokonomics.report.view import View
from tokonomics.workload.scenario_file import load_scenario

if TYPE_CHECKING:
    from tokonomics.workload.scenario import Scenario


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of scenario files instead.")
@output_options
def validate(file: Path | None, schema: bool, output: OutputOptions) -> None:
    """Check the scenario FILE, its names included, and list every mistake with its line and column."""
    if schema:
        click.echo(schema_text(), nl=False)
        return
    if file is None:
        raise click.UsageError("Missing argument 'FILE'", click.get_current_context())
    scenario = load_scenario(file)
    raise_all([f"{file}: {problem}" for problem in _unknown_names(scenario)])
    body = {"file": str(file), "scenario": scenario.to_dict()}
    emit(document("validation", body), View(headline=[f"{file} is a valid scenario"]), output)


def _unknown_names(scenario: "Scenario") -> Iterator[str]:
    """Names that no catalogue or table knows, and files that are not there."""
    from tokonomics.catalog.load import load_catalog  # the catalogue and NumPy load only to check names
    from tokonomics.physics.constants import check_engine
    from tokonomics.physics.formats import kv_element_bytes, weight_format

    for path in (scenario.traffic.trace, scenario.price_overrides):
        if path is not None and not Path(path).is_file():
            yield f"cannot read {path}: no such file; check the path"
            return
    overrides = Path(scenario.price_overrides) if scenario.price_overrides else None
    catalog = load_catalog(snapshot=scenario.snapshot, overrides=overrides)
    hosted = [name for name in scenario.models if "/" in name and any(p.name == name for p in catalog.api_prices)]
    yield from _refused(catalog.model, [name for name in scenario.models if name not in hosted])
    points = scenario.measured
    yield from _refused(catalog.model, [one.model for one in points if one.model])
    parts = [*(one.gpu for one in scenario.owned), *(one.gpu for one in points if one.gpu)]
    yield from _refused(catalog.accelerator, [*scenario.gpus, *parts])
    overflow = scenario.simulation.overflow if scenario.simulation else None
    yield from _refused(catalog.api_price, [*scenario.apis, *([overflow] if overflow else [])])
    yield from _refused(weight_format, [*scenario.precisions, *(one.precision for one in points if one.precision)])
    yield from _refused(kv_element_bytes, [scenario.kv_format] if scenario.kv_format else [])
    yield from _refused(check_engine, [scenario.engine, *(one.engine for one in points if one.engine)])


def _refused(find: Callable[[str], object], names: "list[str] | tuple[str, ...]") -> Iterator[str]:
    for name in names:
        try:
            find(name)
        except TokonomicsError as error:
            yield from error.violations

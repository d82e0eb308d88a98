"""Flags that the commands on one replica share: what its hour costs, numbers by name, and a chart as a file."""

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tokonomics.cli.listings import names_in
from tokonomics.cli.money_options import PURCHASES, key_values
from tokonomics.cli.output import OutputOptions, remark
from tokonomics.errors import InputError, raise_all

if TYPE_CHECKING:
    from tokonomics.report.chart_spec import Drawing

F = TypeVar("F", bound=Callable[..., Any])


def rent_options(command: F) -> F:
    """Add --usd-per-hour, --provider and --purchase; the command receives `rent: Rent`."""

    @wraps(command)
    def with_rent(*args: Any, **kwargs: Any) -> Any:
        from tokonomics.economics.hardware.replica_price import Rent  # the catalogue loads only when a command runs

        rent = Rent(
            gpu_usd_per_hour=kwargs.pop("gpu_usd_per_hour"),
            providers=names_in(kwargs.pop("providers")),
            purchase=kwargs.pop("purchase"),
        )
        return command(*args, rent=rent, **kwargs)

    decorators = (
        click.option(
            "--usd-per-hour",
            "gpu_usd_per_hour",
            type=click.FLOAT,
            metavar="N",
            help="Price of one accelerator-hour  [the cheapest listed offer].",
        ),
        click.option("--provider", "providers", multiple=True, metavar="TEXT", help="Only what these sellers offer."),
        click.option("--purchase", type=click.Choice(PURCHASES), default="on_demand", help="Way to rent  [on_demand]."),
    )
    result: Any = with_rent
    for decorator in reversed(decorators):
        result = decorator(result)
    return result  # type: ignore[no-any-return]  # a decorated function keeps its kind


def numbers_of(text: str | None, flag: str) -> dict[str, float]:
    """The pairs of a flag, all of them numbers. Raises: InputError naming each that is not.

    >>> numbers_of("tok_s=95,batch=1", "--check")
    {'tok_s': 95.0, 'batch': 1.0}
    """
    if text is None:
        return {}
    (block,) = key_values((text,), flag)
    raise_all([f"{flag} {key}={value!r} is no number" for key, value in block.items() if isinstance(value, str)])
    return {key: float(value) for key, value in block.items()}


def chart_option(command: F) -> F:
    """Add --chart; the command receives `chart: Path | None`."""
    return click.option(
        "--chart",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Draw the chart to FILE (.svg .png .html; .json for Vega-Lite).",
    )(command)


def write_chart(chart: "Drawing | Sequence[Drawing]", path: Path, output: OutputOptions) -> None:
    """Draw `chart` to `path`; several stand one below the other.

    Raises: InputError for another suffix, where no drawer is installed, or where the file cannot be written.
    """
    from tokonomics.report.chart_spec import chart_file  # a chart is drawn only when asked

    content = chart_file(chart, path)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another --chart") from None
    remark(f"wrote {path}", output)

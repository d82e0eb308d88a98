"""Flags that every command on facts shares: which catalogue, whose own prices, and as of which date."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tokonomics.report.facts import Facts

F = TypeVar("F", bound=Callable[..., Any])


def facts_options(command: F) -> F:
    """Add --snapshot, --price-overrides and --today; the command receives `facts: Facts`."""

    @wraps(command)
    def with_facts(*args: Any, **kwargs: Any) -> Any:
        chosen = {name: kwargs.pop(name) for name in ("snapshot", "price_overrides", "today")}
        return command(*args, facts=read_facts(**chosen), **kwargs)

    decorators = (
        click.option(
            "--snapshot", envvar="TOKONOMICS_SNAPSHOT", metavar="DATE", help="Catalogue of DATE  [the newest]."
        ),
        click.option(
            "--price-overrides",
            envvar="TOKONOMICS_PRICE_OVERRIDES",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="File of your own prices, which replace those of the catalogue.",
        ),
        click.option(
            "--today",
            envvar="TOKONOMICS_TODAY",
            type=click.DateTime(["%Y-%m-%d"]),
            metavar="DATE",
            help="Date whose prices hold and against which they age  [today].",
        ),
    )
    result: Any = with_facts
    for decorator in reversed(decorators):
        result = decorator(result)
    return result  # type: ignore[no-any-return]  # a decorated function keeps its kind


def read_facts(snapshot: str | None, price_overrides: Path | None, today: datetime | None) -> "Facts":
    """Load the catalogue that the flags ask for."""
    from tokonomics.catalog.load import load_catalog  # the catalogue loads only when a command runs
    from tokonomics.report.facts import Facts

    catalog = load_catalog(snapshot=snapshot, overrides=price_overrides)
    return Facts(catalog=catalog, today=day_of(today))


def day_of(today: datetime | None) -> date:
    """The date asked for, else today's in UTC."""
    return (today or datetime.now(UTC)).date()


def names_in(values: tuple[str, ...]) -> tuple[str, ...]:
    """Names from a flag that may be repeated, each time with several between commas.

    >>> names_in(("a, b", "c"))
    ('a', 'b', 'c')
    """
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())

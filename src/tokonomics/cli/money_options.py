"""Flags that the commands on money share: numbers with a dated default, and prices named from the catalogue."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final, TypeVar

import click

from tokonomics.cli.options import complete_gpus
from tokonomics.economics.figures.assumptions import assumptions
from tokonomics.economics.figures.explanation import short_number
from tokonomics.errors import raise_all

F = TypeVar("F", bound=Callable[..., Any])

# Short names beside the full ones, the same as those of a scenario where it has them.
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "gpu_usd_per_hour": ("--usd-per-hour",),
    "replica_tokens_per_s": ("--tokens-per-s",),
    "input_tokens": ("--in",),
    "output_tokens": ("--out",),
    "num_spare_replicas": ("--spares",),
}
PURCHASES: Final = ("on_demand", "spot", "reserved_1yr")


def number_options(helps: Mapping[str, str], *, topic: str = "") -> Callable[[F], F]:
    """Add a flag for each name; its default, where `topic` of the table of assumptions has one, stands in its help.

    The command receives `stated: dict[str, float | None]`; used twice, it receives one dict with all of them.
    """

    def decorate(command: F) -> F:
        @wraps(command)
        def with_numbers(*args: Any, **kwargs: Any) -> Any:
            own = {name: kwargs.pop(name) for name in helps}
            return command(*args, stated={**own, **kwargs.pop("stated", {})}, **kwargs)

        result: Any = with_numbers
        for name, text in reversed(list(helps.items())):
            result = _number_option(name, text, topic)(result)
        return result  # type: ignore[no-any-return]  # a decorated function keeps its kind

    return decorate


def gpu_options(command: F) -> F:
    """Add --gpu, --provider and --purchase: which hour of the catalogue is rented."""
    decorators = (
        click.option(
            "--gpu", metavar="TEXT", shell_complete=complete_gpus, help="Accelerator, priced by the catalogue."
        ),
        click.option("--provider", "providers", multiple=True, metavar="TEXT", help="Only what these sellers offer."),
        click.option("--purchase", type=click.Choice(PURCHASES), default="on_demand", help="Way to rent  [on_demand]."),
    )
    result: Any = command
    for decorator in reversed(decorators):
        result = decorator(result)
    return result  # type: ignore[no-any-return]  # a decorated function keeps its kind


def explain_option(command: F) -> F:
    """Add --explain; the command receives `explained: bool`."""
    flag = click.option("--explain", "explained", is_flag=True, help="Print formula, terms and dated source of each.")
    return flag(command)


def _number_option(name: str, text: str, topic: str) -> Callable[[F], F]:
    row = assumptions(topic).get(name) if topic else None
    default = (
        f"  [{short_number(row.value)}; {row.source}, {row.as_of}]" if row is not None and row.value is not None else ""
    )
    kind = click.INT if name.startswith("num_") else click.FLOAT
    flags = (f"--{name.replace('_', '-')}", *_ALIASES.get(name, ()))
    return click.option(*flags, name, type=kind, metavar="N", help=f"{text}{default}.")


def key_values(texts: tuple[str, ...], flag: str) -> tuple[dict[str, float | str], ...]:
    """Read every `key=value,key=value` of a flag that may be repeated; what is no number stays text.

    Raises: InputError naming each part that is no pair, or repeats a key.

    >>> key_values(("name=monitoring,event_engineer_hours=8",), "--hidden-cost")
    ({'name': 'monitoring', 'event_engineer_hours': 8.0},)
    """
    problems: list[str] = []
    blocks = tuple(_block(text, flag, problems) for text in texts)
    raise_all(problems)
    return blocks


def _block(text: str, flag: str, problems: list[str]) -> dict[str, float | str]:
    block: dict[str, float | str] = {}
    for pair in text.split(","):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not key or key in block:
            problems.append(f"{flag} {pair.strip()!r} is not KEY=VALUE, each key once; separate pairs by commas")
        block[key] = _number_or_text(value)
    return block


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text

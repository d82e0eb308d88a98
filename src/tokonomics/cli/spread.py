"""Where replays and plans run: the flags for processes and for a Ray cluster, and what spreads works over them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, TypeVar

import click

from tokonomics.cli.long_work import long_work
from tokonomics.cli.main import EXIT_INTERRUPTED
from tokonomics.cli.output import OutputOptions
from tokonomics.errors import InputError

_Work = TypeVar("_Work")
_Result = TypeVar("_Result")
F = TypeVar("F", bound=Callable[..., Any])

_DISTRIBUTE_HELP: Final = "Where --jobs run: here, or on a Ray cluster (extra `ray`)  [processes]."


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How many run at once, and on which cluster."""

    num_jobs: int
    on_ray: bool
    address: str | None


def spread_options(jobs_help: str) -> Callable[[F], F]:
    """Add --jobs, --distribute and --address; the command receives `spread: Spread`."""

    def decorated(command: F) -> F:
        @wraps(command)
        def with_spread(*args: Any, num_jobs: int, distribute: str, address: str | None, **kwargs: Any) -> Any:
            if address is not None and distribute != "ray":
                raise InputError("--address is that of a Ray cluster; add --distribute ray, or leave it out")
            spread = Spread(num_jobs=num_jobs, on_ray=distribute == "ray", address=address)
            return command(*args, spread=spread, **kwargs)

        decorators = (
            click.option("--jobs", "num_jobs", type=click.IntRange(1, 256), default=1, metavar="N", help=jobs_help),
            click.option(
                "--distribute", type=click.Choice(["processes", "ray"]), default="processes", help=_DISTRIBUTE_HELP
            ),
            click.option("--address", metavar="HOST:PORT", help="The Ray cluster  [one that is started here]."),
        )
        result: Any = with_spread
        for decorator in reversed(decorators):
            result = decorator(result)
        return result  # type: ignore[no-any-return]  # a decorated function keeps its kind

    return decorated


def made(
    make: Callable[[_Work], _Result], works: Sequence[_Work], label: str, spread: Spread, output: OutputOptions
) -> tuple[list[_Result | None], bool]:
    """Make all `works`, here or on a cluster; whether Ctrl-C left some out."""
    from tokonomics.simulation import many  # NumPy and numba load only when asked
    from tokonomics.simulation.ray_runs import spread_on_ray

    with long_work(label, output) as work:

        def goes_on(num_done: int) -> bool:
            return work.goes_on(num_done, len(works))

        if spread.on_ray:
            results = spread_on_ray(make, works, address=spread.address, num_jobs=spread.num_jobs, keep_going=goes_on)
        else:
            results = many.spread(make, works, num_jobs=spread.num_jobs, keep_going=goes_on)
    return results, any(result is None for result in results)


def end(is_stopped: bool) -> None:
    """Say by the exit code that Ctrl-C cut the work short."""
    if is_stopped:
        raise click.exceptions.Exit(EXIT_INTERRUPTED)

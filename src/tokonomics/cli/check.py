"""`tok check`: hold a result against limits, and exit 3 where one is broken."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.errors import LimitViolated, raise_all

if TYPE_CHECKING:
    from tokonomics.planning.ask_outcome import Way
    from tokonomics.planning.outcome import Outcome
    from tokonomics.planning.outcome_document import Pick
    from tokonomics.planning.subject import Subject

F = TypeVar("F", bound=Callable[..., Any])

_FILE = click.Path(path_type=Path)
_FLAGS = {
    "max_usd_per_month": "Most that a month may cost, USD.",
    "max_usd_per_mtok": "Most that a million tokens may cost, USD.",
    "max_increase_usd_per_month": "Most that a month may cost more than BASE, USD.",
    "max_increase_frac": "Most that a month may cost more than BASE, as a share: 0.1 is 10 percent.",
    "min_slo_probability": "Least chance that every latency limit holds, 0 to 1.",
    "min_quality_frac": "Least quality, 0 to 1, where the result has one.",
    "min_margin_frac": "Least share of the revenue that is left after the cost.",
    "revenue_usd_per_month": "What a month brings in, USD.",
    "revenue_usd_per_mtok": "What a million tokens bring in, USD.",
}


def limit_options(command: F) -> F:
    """Add a flag for each limit; the command receives them by name, None where not given."""
    decorated: Any = click.option(
        "--forbid-stale-prices", is_flag=True, default=None, help="No price may be stale or undated."
    )(command)
    for name, text in reversed(_FLAGS.items()):
        flag = f"--{name.replace('_', '-')}"
        decorated = click.option(flag, name, type=click.FLOAT, metavar="N", help=text)(decorated)
    return decorated  # type: ignore[no-any-return]  # a decorated function keeps its kind


@click.command()
@click.argument("result", type=_FILE)
@click.option("--base", type=_FILE, help="What an increase is measured from: a result, a plan or a scenario.")
@click.option("--limits", "limits_file", type=_FILE, metavar="FILE", help="Limits as YAML; flags stand over it.")
@limit_options
@click.option(
    "--of", "pick", type=click.Choice(("best", "self_host", "api")), default="best", help="Option to judge  [best]."
)
@click.option(
    "--by", "way", type=click.Choice(("quote", "simulation", "plan")), help="How scenarios are asked  [quote]."
)
@output_options
def check(
    output: OutputOptions,
    result: Path,
    base: Path | None,
    limits_file: Path | None,
    pick: "Pick",
    way: "Way | None",
    **flags: Any,
) -> None:
    """Hold RESULT, a result, a plan or a scenario, against limits.

    Exits 3 and names every broken limit; 0 when all are kept. A figure that nobody knows keeps no limit.
    A comparison of `tok diff -o FILE.json` brings its own base.
    """
    from tokonomics.planning.limits import read_limits  # NumPy and the catalogue load only when asked
    from tokonomics.planning.subject import read_subject
    from tokonomics.planning.verdicts import judge
    from tokonomics.report.check_view import check_dict, check_view
    from tokonomics.report.json import document

    limits = read_limits(limits_file, flags)
    subject = read_subject(result, pick=pick)
    found = (subject, _outcome(subject, pick, way))
    before = _before(subject, base, pick, way)
    verdicts = judge(limits, found[1], before[1] if before else None)
    emit(document("check", check_dict(limits, verdicts, found, before)), check_view(verdicts, found), output)
    raise_all([one.sentence for one in verdicts if not one.is_kept], LimitViolated)


def _before(subject: "Subject", base: Path | None, pick: "Pick", way: "Way | None") -> "tuple[Subject, Outcome] | None":
    """The base by name, else the start of a comparison."""
    from tokonomics.planning.subject import read_subject

    if base is not None:
        other = read_subject(base, pick=pick)
        return other, _outcome(other, pick, way)
    return (subject, subject.before) if subject.before is not None else None


def _outcome(subject: "Subject", pick: "Pick", way: "Way | None") -> "Outcome":
    """What the subject states; a scenario is asked."""
    from tokonomics.planning.ask_outcome import asking

    if subject.outcome is not None:
        return subject.outcome
    assert subject.scenario is not None
    question = asking(way or "quote", today=datetime.now(UTC).date(), clock=time.perf_counter, pick=pick)
    return question(subject.scenario)

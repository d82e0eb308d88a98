"""`tok diff`: what changed between two scenarios, plans or results, and which input did it."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tokonomics.cli.deploy import stored_plan
from tokonomics.cli.listings import names_in
from tokonomics.cli.money_options import explain_option
from tokonomics.cli.options import complete_models, scenario_from_flags, scenario_options
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.errors import InputError

if TYPE_CHECKING:
    from tokonomics.planning.ask_outcome import Way
    from tokonomics.planning.outcome_document import Pick
    from tokonomics.planning.subject import Subject
    from tokonomics.workload.scenario import Scenario

_FILE = click.Path(path_type=Path)
_ORDER_HELP = "Changed inputs to switch first; what each is charged with depends on the order."


@click.command()
@click.argument("before", type=_FILE)
@click.argument("after", type=_FILE, required=False)
@click.option("--model", "models", multiple=True, shell_complete=complete_models, help="Models of AFTER.")
@click.option("--scale", "load_ratio", type=click.FLOAT, metavar="N", help="Times the load of AFTER, such as 3.")
@click.option(
    "--of", "pick", type=click.Choice(("best", "self_host", "api")), default="best", help="Option to compare  [best]."
)
@click.option(
    "--by", "way", type=click.Choice(("quote", "simulation", "plan")), help="How scenarios are asked  [quote]."
)
@click.option("--order", multiple=True, metavar="KEY,...", help=_ORDER_HELP)
@click.option("--no-attribution", is_flag=True, help="Do not ask which input did it.")
@scenario_options
@explain_option
@output_options
def diff(
    output: OutputOptions,
    explained: bool,
    before: Path,
    after: Path | None,
    load_ratio: float | None,
    pick: "Pick",
    way: "Way | None",
    order: tuple[str, ...],
    no_attribution: bool,
    **flags: Any,
) -> None:
    """Compare BEFORE with AFTER: USD, latency and quality, and which input did it.

    Each is a scenario, a plan or a result of `tok ... -o FILE.json`. Without AFTER it is BEFORE with the flags below
    over it, as in `tok diff tok.yaml --scale 3`. The changed inputs are switched one after another, and the
    question is asked again each time.
    """
    from tokonomics.planning.ask_outcome import WAYS, asking, remembered
    from tokonomics.planning.diff import compare  # NumPy and the catalogue load only when asked
    from tokonomics.report.diff_dict import diff_dict
    from tokonomics.report.diff_view import diff_view, explanations
    from tokonomics.report.json import document

    everywhere, own = _by_source(flags)
    old = _subject(before, everywhere, {}, pick)
    new = _after(before, after, everywhere, own, pick, load_ratio)
    kinds = [one.kind for one in (old, new) if one.kind in WAYS]
    today = datetime.now(UTC).date()
    chosen: Way = way or (kinds[0] if kinds else "quote")
    ask = remembered(asking(chosen, today=today, clock=time.perf_counter, pick=pick))
    result = compare(old, new, ask, today=today, first=names_in(order), is_attributed=not no_attribution)
    body = diff_dict(result)
    if explained:
        body["explanations"] = [one.to_dict() for one in explanations(result)]
    emit(document("diff", body), diff_view(result, explained=explained), output)


def _after(
    before: Path,
    after: Path | None,
    everywhere: Mapping[str, Any],
    own: dict[str, Any],
    pick: "Pick",
    load_ratio: float | None,
) -> "Subject":
    """The second side: its file, else the first with the flags over it, at a load of its own."""
    from dataclasses import replace

    from tokonomics.planning.what_if import at_load  # NumPy loads only when asked

    named = own.pop("scenario_file", None)
    if named is not None and after is not None:
        raise InputError(f"{after} contradicts --scenario {named}; keep one of them")
    file = after or named
    if file is None and not own and load_ratio is None:
        raise InputError("nothing to compare with; name AFTER, or state what changes, as --rps 9 or --scale 3")
    subject = _subject(file or before, everywhere, own, pick, is_asked=load_ratio is not None)
    if load_ratio is None:
        return subject
    assert subject.scenario is not None
    return replace(subject, scenario=at_load(subject.scenario, load_ratio))


def _subject(
    path: Path, everywhere: Mapping[str, Any], own: Mapping[str, Any], pick: "Pick", *, is_asked: bool = False
) -> "Subject":
    """What `path` holds; a scenario of its own where flags stand over it."""
    from tokonomics.planning.subject import Subject, read_subject

    if not own and not is_asked:
        subject = read_subject(path, pick=pick)
        if subject.kind != "scenario":
            return subject
    words = " ".join(f"{name}={_shown(value)}" for name, value in own.items())
    scenario = _scenario(path, everywhere, own)
    return Subject(name=f"{path} with {words}" if words else str(path), kind="scenario", scenario=scenario)


def _shown(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _scenario(path: Path, everywhere: Mapping[str, Any], own: Mapping[str, Any]) -> "Scenario":
    """The scenario in `path`, or that which a plan in it was asked, with the flags over it."""
    from tokonomics.workload.scenario_errors import Places
    from tokonomics.workload.scenario_file import ScenarioFile

    plan = stored_plan(path)
    source = None if plan is None else ScenarioFile(raw=plan.scenario, places=Places())
    return scenario_from_flags({**everywhere, **own, "scenario_file": path}, source=source)


def _by_source(flags: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The keys that the environment states, which hold for both sides, and those of the command line."""
    ctx = click.get_current_context()
    given = {name: value for name, value in flags.items() if value not in (None, (), False)}
    outside = {name for name in given if ctx.get_parameter_source(name) is ParameterSource.ENVIRONMENT}
    own = {name: value for name, value in given.items() if name not in outside}
    return {name: given[name] for name in outside}, own

"""`tok plan`: the cheapest way to serve a traffic, proven by replay."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from tokonomics.cli.deploy import deploy_options, stored_plan, write_deployment
from tokonomics.cli.long_work import announce_compiling
from tokonomics.cli.options import complete_models, plan_options, scenario_from_flags, scenario_options
from tokonomics.cli.output import OutputOptions, emit, output_options, remark
from tokonomics.cli.spread import Spread, end, made, spread_options
from tokonomics.cli.sweep_options import chart_option, write_chart
from tokonomics.errors import Infeasible, InputError, raise_all
from tokonomics.workload.scenario_names import unknown_names_placed

if TYPE_CHECKING:
    from tokonomics.planning.deploy_files import Target
    from tokonomics.workload.scenario import Scenario

F = TypeVar("F", bound=Callable[..., Any])

_EXPLAIN_HELP: Final = (
    "Print formula, terms and dated sources of a number of a family, such as usd_per_month; without NUMBER, of all."
)
_MODEL_HELP: Final = "Model that may serve; may be repeated."
_SWEEP_HELP: Final = "Plan at each value: rate=1,10,100, seed=1..20, min_slo_probability=.., ..; may be repeated."
_JOBS_HELP: Final = "Processes for a sweep; any number gives the same result  [1]."
_PLAN_SUFFIXES: Final = (".yaml", ".yml")


def plan_file_option(command: F) -> F:
    """Let `-o FILE.yaml` be the plan file, beside the result on stdout; other suffixes stay what they are elsewhere."""

    @wraps(command)
    def with_plan_file(*args: Any, path: Path | None, **kwargs: Any) -> Any:
        is_plan = path is not None and path.suffix.lower() in _PLAN_SUFFIXES
        return command(*args, plan_path=path if is_plan else None, path=None if is_plan else path, **kwargs)

    return with_plan_file  # type: ignore[return-value]  # a decorated function keeps its kind


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path), metavar="[FILE]", required=False)
@click.option("--model", "models", multiple=True, metavar="TEXT", shell_complete=complete_models, help=_MODEL_HELP)
@scenario_options
@plan_options
@click.option("--explain", "number", is_flag=False, flag_value="all", metavar="[NUMBER]", help=_EXPLAIN_HELP)
@click.option("--family", "family", metavar="NAME", help="The family to explain and to write  [the recommended].")
@deploy_options
@click.option("--sweep", "sweeps", multiple=True, metavar="KEY=VALUES", help=_SWEEP_HELP)
@spread_options(_JOBS_HELP)
@chart_option
@plan_file_option
@output_options
def plan(
    output: OutputOptions,
    plan_path: Path | None,
    scenario: Path | None,
    models: tuple[str, ...],
    number: str | None,
    family: str | None,
    target: "Target | None",
    weights: tuple[str, ...],
    sweeps: tuple[str, ...],
    spread: Spread,
    chart: Path | None,
    **flags: Any,
) -> None:
    """Find the cheapest way to serve this traffic, and prove it by replay.

    FILE is a scenario; flags stand over it. `-o plan.yaml` writes the plan that the gateway runs; any other -o writes
    the result. Name models with --model, as often as needed, and hosted ones with --api.
    """
    from tokonomics.planning.ask import plan as make_plan  # NumPy, numba and the catalogue load only when asked
    from tokonomics.planning.explain import explained
    from tokonomics.planning.plan_record import plan_record
    from tokonomics.report.json import document
    from tokonomics.report.plan_dict import plan_dict
    from tokonomics.report.plan_view import plan_view

    stored = stored_plan(scenario)
    if stored is not None:
        if target is None:
            raise InputError(f"{scenario} is a plan, not a scenario; print it with --deploy, or give its scenario")
        write_deployment(stored, target, weights, output)
        return
    if scenario is not None and flags.get("scenario_file") is not None:
        raise InputError(f"{scenario} contradicts --scenario {flags['scenario_file']}; keep one of them")
    path: Path | None = scenario or flags.get("scenario_file")
    named = {"scenario_file": path, "models": models or None}
    asked = scenario_from_flags({**flags, **named})
    if sweeps:
        single = {"--explain": number, "--family": family, "--deploy": target, "-o plan.yaml": plan_path}
        raise_all([f"{flag} is for one plan; leave it out beside --sweep" for flag, value in single.items() if value])
        _sweep(asked, sweeps, spread, chart, output)
        return
    announce_compiling(output)
    begin_s = time.perf_counter()
    with unknown_names_placed(path):
        planned = make_plan(asked, today=datetime.now(UTC).date())
    wall_s = time.perf_counter() - begin_s
    chosen = planned.family(family) if family else planned.best
    explanations = () if number is None else explained(planned, chosen, number)
    if plan_path is not None:
        _write(plan_path, plan_record(planned, chosen), output)
    if target is not None:
        write_deployment(plan_record(planned, chosen), target, weights, output)
        return
    remark(f"planned in {wall_s:.1f} s", output)
    body = plan_dict(planned, wall_s=wall_s, explanations=explanations)
    view = plan_view(planned, explanations=explanations)
    if chart is not None:
        write_chart(view.charts, chart, output)
    emit(document("plan", body), view, output)


def _sweep(
    asked: "Scenario", sweeps: tuple[str, ...], spread: Spread, chart: Path | None, output: OutputOptions
) -> None:
    """A plan at each point of a grid."""
    from tokonomics.planning.many_plans import (  # NumPy, numba and the catalogue load when asked
        SWEPT,
        PlanRun,
        make_plan,
    )
    from tokonomics.report.json import document
    from tokonomics.report.plan_sweep_view import plan_sweep_dict, plan_sweep_view
    from tokonomics.simulation.sweep import grid, parse_axis

    points = grid(asked, [parse_axis(text, SWEPT) for text in sweeps])
    today = datetime.now(UTC).date()
    results, is_stopped = made(
        make_plan, [PlanRun(scenario=one.scenario, today=today) for one in points], "plans", spread, output
    )
    if not is_stopped and not any(one and one.plan for one in results):
        refused = Infeasible if any(one and one.is_infeasible for one in results) else InputError
        raise refused(*dict.fromkeys(one.problem for one in results if one))
    view = plan_sweep_view(points, results)
    if chart is not None and view.charts:
        write_chart(view.charts, chart, output)
    emit(document("plan-sweep", plan_sweep_dict(asked, points, results, is_partial=is_stopped)), view, output)
    end(is_stopped)


def _write(path: Path, record: Any, output: OutputOptions) -> None:
    from tokonomics.policy.plan_file import plan_text  # YAML loads only when a file is written

    try:
        path.write_text(plan_text(record), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another --output") from None
    remark(f"wrote {path}", output)

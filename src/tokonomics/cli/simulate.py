"""`tok simulate`: replay traffic on a fleet."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from tokonomics.cli.deploy import say_other_catalogue
from tokonomics.cli.long_work import announce_compiling, long_work
from tokonomics.cli.options import complete_models, scenario_from_flags, scenario_options, simulation_options
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.cli.spread import Spread, end, made, spread_options
from tokonomics.cli.sweep_options import chart_option, write_chart
from tokonomics.errors import InputError, TokonomicsError, raise_all

if TYPE_CHECKING:
    from tokonomics.report.facts import Facts
    from tokonomics.simulation.ask import Case
    from tokonomics.simulation.figures import Interval
    from tokonomics.simulation.long_replay import Answer
    from tokonomics.simulation.many import Outcome, Run
    from tokonomics.workload.scenario import Scenario
    from tokonomics.workload.scenario_file import ScenarioFile

_Work = TypeVar("_Work")
_Result = TypeVar("_Result")

_OTHER_TRAFFIC: Final = ("trace", "preset", "input_tokens", "output_tokens")
_REQUESTS_HELP: Final = "Write what each request saw to FILE (.parquet)."
_PLAN_HELP: Final = "Replay the machines of a plan of `tok plan`, on its traffic unless flags name another."
_REPLICATIONS_HELP: Final = "Replay N more traces drawn from blocks of this one, for 95 % intervals."
_SWEEP_HELP: Final = "Replay at each value: rate=.., replicas=1..8, max_sequences=64,256, ..; may be repeated."
_JOBS_HELP: Final = "Processes for replications, sweeps and shards; any number gives the same result  [1]."


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path), metavar="[FILE]", required=False)
@click.option("--model", metavar="TEXT", shell_complete=complete_models, help="Model to serve.")
@scenario_options
@simulation_options
@click.option("--plan", "plan_path", type=click.Path(path_type=Path), metavar="FILE", help=_PLAN_HELP)
@click.option("--replications", "num_replications", type=click.IntRange(2, 1000), metavar="N", help=_REPLICATIONS_HELP)
@click.option("--sweep", "sweeps", multiple=True, metavar="KEY=VALUES", help=_SWEEP_HELP)
@spread_options(_JOBS_HELP)
@click.option("--requests-out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help=_REQUESTS_HELP)
@chart_option
@output_options
def simulate(
    output: OutputOptions,
    scenario: Path | None,
    model: str | None,
    sweeps: tuple[str, ...],
    num_replications: int | None,
    spread: Spread,
    requests_out: Path | None,
    chart: Path | None,
    plan_path: Path | None,
    **flags: Any,
) -> None:
    """Replay traffic on a fleet, request by request.

    FILE is a scenario; flags stand over it. Name one --model, one --gpu and a load: --trace FILE for recorded
    requests, or --preset, or --in and --out, at --rps for --span-s seconds.
    """
    named = _named(scenario, model, flags)
    source, plan_digest = _of_plan(plan_path, named, flags) if plan_path else (None, None)
    asked = scenario_from_flags({**flags, **named}, source=source)
    if sweeps:
        single = {"--replications": num_replications, "--requests-out": requests_out, "--chart": chart}
        raise_all([f"{flag} is for one replay; leave it out beside --sweep" for flag, value in single.items() if value])
        _sweep(asked, sweeps, spread, output)
    else:
        _replay(asked, num_replications or 0, spread, requests_out, chart, output, plan_digest)


def _of_plan(path: Path, named: dict[str, Any], flags: dict[str, Any]) -> "tuple[ScenarioFile, str]":
    """The fleet and the traffic of a plan file, in place of a scenario file; and the digest of its catalogue.

    Another traffic is replayed whole, not the stretch of it that would prove a plan.
    """
    from tokonomics.policy.plan_file import read_plan  # YAML loads only when asked
    from tokonomics.simulation.from_plan import replayed_scenario
    from tokonomics.workload.scenario_errors import Places
    from tokonomics.workload.scenario_file import ScenarioFile

    if named["scenario_file"] is not None:
        raise InputError(f"--plan {path} contradicts {named['scenario_file']}; keep one of them")
    plan = read_plan(path)
    raw = replayed_scenario(plan)
    if any(flags.get(name) is not None for name in _OTHER_TRAFFIC):
        raw["simulation"]["as_planned"] = False
    return ScenarioFile(raw=raw, places=Places()), plan.catalogue_digest


def _replay(
    asked: "Scenario",
    num_replications: int,
    spread: Spread,
    requests_out: Path | None,
    chart: Path | None,
    output: OutputOptions,
    plan_digest: str | None,
) -> None:
    """One replay, and others like it for its intervals."""
    from tokonomics.report.json import document  # NumPy, numba and the catalogue load only when asked
    from tokonomics.report.simulate_dict import simulate_dict
    from tokonomics.report.simulate_view import simulate_chart, simulate_view
    from tokonomics.simulation.ask import Replay
    from tokonomics.simulation.many import Run, shared_case
    from tokonomics.simulation.requests_file import write_requests

    announce_compiling(output)
    case = shared_case(asked, datetime.now(UTC).date())
    if plan_digest is not None:
        say_other_catalogue(plan_digest, case.catalog.digest, output)
    if requests_out is not None and case.demand.windows is not None:
        raise InputError(
            f"--requests-out beside {case.demand.windows.expected_requests:,.0f} requests, which are not kept; cut the"
            " replay with --span-s, or leave it out"
        )
    one, is_stopped = _answered(case, asked, spread, output)
    is_stopped = is_stopped and (one.is_partial or num_replications > 0)
    intervals: tuple[Interval, ...] = ()
    if num_replications and not is_stopped:
        runs = [Run(scenario=asked, today=case.today, replication=index + 1) for index in range(num_replications)]
        outcomes, is_stopped = _run(runs, spread, output)
        intervals = _intervals(outcomes)
    if requests_out is not None and isinstance(one, Replay):
        write_requests(requests_out, one.requests, one.result, one.latency)
    if chart is not None:
        write_chart(simulate_chart(one), chart, output)
    body = simulate_dict(case, one, intervals)
    emit(document("simulation", body), simulate_view(case, one, _facts(case), intervals), output)
    end(is_stopped)


def _answered(case: "Case", asked: "Scenario", spread: Spread, output: OutputOptions) -> "tuple[Answer, bool]":
    """One replay, in shards over the jobs where it is to be; whether Ctrl-C ended it."""
    from tokonomics.simulation.long_replay import answer, put_together
    from tokonomics.simulation.shard import shards_of
    from tokonomics.simulation.shard_runs import ShardRun, longest_first, make_shard

    shards = shards_of(case) if case.demand.windows is not None else ()
    if len(shards) < 2:
        with long_work("requests", output) as work:
            return answer(case, clock=time.perf_counter, watch=work.goes_on), work.is_stopped
    order = longest_first(case, shards)
    runs = [ShardRun(scenario=asked, today=case.today, shard=shards[at], clock=time.perf_counter) for at in order]
    results, is_stopped = made(make_shard, runs, "shards", spread, output)
    by_time = [one for _, one in sorted(zip(order, results, strict=True), key=lambda pair: pair[0])]
    return put_together(case, by_time), is_stopped


def _sweep(asked: "Scenario", sweeps: tuple[str, ...], spread: Spread, output: OutputOptions) -> None:
    """A replay at each point of a grid."""
    from tokonomics.report.json import document  # NumPy, numba and the catalogue load only when asked
    from tokonomics.report.simulate_sweep_view import sweep_dict, sweep_view
    from tokonomics.simulation.ask import build_case
    from tokonomics.simulation.many import Run
    from tokonomics.simulation.sweep import grid, parse_axis

    points = grid(asked, [parse_axis(text) for text in sweeps])
    today = datetime.now(UTC).date()
    outcomes, is_stopped = _run([Run(scenario=at.scenario, today=today) for at in points], spread, output)
    answered = [at for at, outcome in zip(points, outcomes, strict=True) if outcome and outcome.figures]
    case = build_case((answered or points)[0].scenario, today=today)
    if not answered and not is_stopped:
        raise InputError(*dict.fromkeys(outcome.problem for outcome in outcomes if outcome))
    body = sweep_dict(case, asked, points, outcomes, is_partial=is_stopped)
    emit(document("simulation-sweep", body), sweep_view(case, points, outcomes, _facts(case)), output)
    end(is_stopped)


def _run(runs: "list[Run]", spread: Spread, output: OutputOptions) -> "tuple[list[Outcome | None], bool]":
    """Make the runs; whether Ctrl-C left some out."""
    from tokonomics.simulation.many import run_one

    return made(run_one, runs, "replays", spread, output)


def _intervals(outcomes: "list[Outcome | None]") -> "tuple[Interval, ...]":
    """The intervals of the replications that were made; the problems of those that could not be are errors."""
    from tokonomics.simulation.figures import intervals

    finished = [outcome for outcome in outcomes if outcome is not None]
    raise_all(list(dict.fromkeys(outcome.problem for outcome in finished if outcome.problem)), TokonomicsError)
    return intervals([outcome.figures for outcome in finished if outcome.figures is not None])


def _facts(case: "Case") -> "Facts":
    from tokonomics.report.facts import Facts  # the catalogue loads only when a command runs

    return Facts(catalog=case.catalog, today=case.today)


def _named(scenario: Path | None, model: str | None, flags: dict[str, Any]) -> dict[str, Any]:
    """The file and the model, where the command line names them."""
    if scenario is not None and flags.get("scenario_file") is not None:
        raise InputError(f"{scenario} contradicts --scenario {flags['scenario_file']}; keep one of them")
    return {"scenario_file": scenario or flags.get("scenario_file"), "models": (model,) if model else None}

"""The group `tok`: which commands there are, how they load, and how every error ends.

A command is one row of `COMMANDS`. Its module is imported only when the command runs, so the group's own help
needs no catalogue and no NumPy.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

import click

from tokonomics import __version__
from tokonomics.errors import TokonomicsError, nearest_names

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130  # 128 + SIGINT, as shells report it
EXIT_BROKEN_PIPE: Final = 141  # 128 + SIGPIPE

EPILOG: Final = (
    "Exit codes: 0 ok, 1 failure, 2 wrong input, 3 limit violated, 4 infeasible, 5 fact missing or stale "
    "under --strict."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandRow:
    """One command: where it lives and what the help page says of it."""

    section: str
    name: str
    target: str
    help: str


def _row(section: str, name: str, target: str, help: str) -> CommandRow:
    return CommandRow(section=section, name=name, target=f"tokonomics.cli.{target}", help=help)


COMMANDS: Final = (
    _row("Answers", "quote", "quote:quote", "Price models at your load under every way to serve them."),
    _row("Answers", "fit", "fit:fit", "Show what fills the memory of an accelerator."),
    _row("Answers", "frontier", "frontier:frontier", "Trade throughput, latency and cost over the batch."),
    _row("Answers", "stack", "stack:stack", "Say what each optimisation is worth, one after another."),
    _row("Answers", "prompt", "prompt:prompt", "Price a prompt and audit how it grew."),
    _row("Answers", "forecast", "forecast:forecast", "Say where prices, volume and spending are going."),
    _row("Answers", "plan", "plan:plan", "Find the cheapest way to serve a traffic, proven by replay."),
    _row("Decisions", "breakeven", "breakeven:breakeven", "Find the volume from which building beats buying."),
    _row("Decisions", "cascade", "cascade:cascade", "Price models in a row against one cheaper model."),
    _row("Decisions", "useful", "useful:useful", "Divide a bill by the tokens that reached a user."),
    _row("Decisions", "onprem", "onprem:onprem", "Price an hour of an accelerator that you own."),
    _row("Decisions", "decide", "decide:decide", "Walk five steps from a volume to a strategy."),
    _row("Decisions", "hybrid", "hybrid:hybrid", "Own the base of a load and buy its peaks."),
    _row("Answers", "simulate", "simulate:simulate", "Replay traffic on a fleet, request by request."),
    _row("Evidence", "accuracy", "accuracy:accuracy", "Hold the physics against published measurements."),
    _row("Evidence", "calibrate", "calibrate:calibrate", "Turn the measurement of a device into constants."),
    _row("Decisions", "distill", "distill:distill", "Set students beside their teacher and compute the payback."),
    _row("Changes", "diff", "diff:diff", "Say what changed, in USD and latency, and which input did it."),
    _row("Changes", "check", "check:check", "Hold a result against limits; exit 3 where one is broken."),
    _row("Changes", "comment", "comment:comment", "Write a change as a comment on a pull request."),
    _row("Facts", "gpus", "gpus:gpus", "List and show accelerators and what renting them costs."),
    _row("Facts", "models", "models:models", "List and show models, or read a config.json."),
    _row("Facts", "prices", "prices:prices", "List and show the prices of hosted APIs."),
    _row("Facts", "catalog", "catalog:catalog", "Update, compare and verify the catalogue."),
    _row("Setup", "init", "init:init", "Write a commented scenario file to start from."),
    _row("Setup", "validate", "validate:validate", "Check a scenario file and list every mistake."),
    _row("Setup", "completion", "completion:completion", "Print the completion script of a shell."),
)


class LazyGroup(click.Group):
    """A click group that knows its commands from a table and imports one when it is called."""

    rows: tuple[CommandRow, ...] = COMMANDS

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help page."""
        return [row.name for row in self.rows]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command called `cmd_name`; None when the table has no such row."""
        row = next((row for row in self.rows if row.name == cmd_name), None)
        if row is None:
            return None
        module, _, attribute = row.target.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), f"{row.target} is not a click command"
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that `args` begins with; a misspelt one is told its neighbours."""
        names = self.list_commands(ctx)
        if args[0] not in names and not args[0].startswith("-"):
            near = ", ".join(nearest_names(args[0], names))
            raise click.UsageError(f"unknown command: {args[0]!r}; nearest: {near}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections of the help page from the table, without importing a command."""
        for section in dict.fromkeys(row.section for row in self.rows):
            with formatter.section(section):
                formatter.write_dl([(row.name, row.help) for row in self.rows if row.section == section])


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="tok", message="%(prog)s %(version)s")
@click.option("--traceback", is_flag=True, help="On an unexpected error, show where it happened.")
def cli(traceback: bool) -> None:
    """Say what a million LLM tokens really cost at your own load, under every way to serve them.

    Start with `tok quote llama-3.3-70b --rps 3 --in 1500 --out 300 --slo ttft_p95=1s,itl_p95=50ms`. It works
    offline: no account, no network, no set-up.
    """
    if traceback:
        os.environ["TOKONOMICS_TRACEBACK"] = "1"


def main(args: Sequence[str] | None = None) -> int:
    """Run `tok` with `args` (default: those of the process) and return its exit code; never raises.

    >>> main(["--version"])  # doctest: +ELLIPSIS
    tok ...
    0
    """
    given = list(sys.argv[1:] if args is None else args)
    try:
        with cli.make_context("tok", given or ["--help"]) as ctx:
            cli.invoke(ctx)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_BROKEN_PIPE
    except click.ClickException as error:
        return _report_usage(error)
    except TokonomicsError as error:
        return _report(error.violations or ("failed without a reason",), error.exit_code)
    except Exception as error:
        return _report_unexpected(error)
    return 0


def run() -> None:
    """Serve the console script: complete for the shell, or run and exit with the code of the outcome."""
    instruction = os.environ.get("_TOK_COMPLETE")
    if instruction:
        from click.shell_completion import shell_complete  # only a completing shell needs it

        sys.exit(shell_complete(cli, {}, "tok", "_TOK_COMPLETE", instruction))
    code = main()
    if code == EXIT_BROKEN_PIPE:  # the interpreter flushes again on its way out; let that go nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _report(sentences: Sequence[str], exit_code: int) -> int:
    for sentence in sentences:
        click.echo(f"tok: {sentence}", err=True)
    return exit_code


def _report_usage(error: click.ClickException) -> int:
    message = " ".join(error.format_message().split()).rstrip(".")
    where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "tok"
    return _report([f"{message}; see `{where} --help`"], EXIT_USAGE)


def _report_unexpected(error: Exception) -> int:
    if os.environ.get("TOKONOMICS_TRACEBACK"):
        traceback.print_exception(error)
    text = " ".join(str(error).split()) or "no message"
    advice = "this is a defect of tok; run `tok --traceback ...` or set TOKONOMICS_TRACEBACK=1 to see where"
    return _report([f"unexpected {type(error).__name__}: {text}; {advice}"], EXIT_FAILURE)

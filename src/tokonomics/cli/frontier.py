"""`tok frontier`: throughput, latency and cost over the batch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokonomics.cli.listings import facts_options, names_in
from tokonomics.cli.money_options import explain_option
from tokonomics.cli.options import complete_gpus, complete_models
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.cli.sweep_options import chart_option, numbers_of, rent_options, write_chart
from tokonomics.errors import raise_all

if TYPE_CHECKING:
    from tokonomics.report.facts import Facts

_CHECK = "A figure of somebody, as tok_s=95,batch=1 or tok_s=..,batch=..,ms=..,ctx=..; refused when it cannot be."
_DEMAND = "Output tokens/s asked for, as interactive=2000,batch=3000: one fleet or two."


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.argument("gpus", nargs=-1, required=True, metavar="GPU...", shell_complete=complete_gpus)
@click.option("--precision", "precisions", multiple=True, metavar="TEXT", help="Weight format  [the model's own].")
@click.option("--num-gpus", type=click.IntRange(1, 1024), help="Accelerators of a replica  [the fewest that fit].")
@click.option("--kv-format", metavar="TEXT", help="Format of the KV cache, such as fp8  [bf16].")
@click.option("--engine", default="vllm", metavar="TEXT", help="Serving engine; roofline is the ideal machine  [vllm].")
@click.option("--ctx", "context_tokens", type=click.FLOAT, metavar="N", help="Decode only, at this context.")
@click.option("--in", "input_tokens", type=click.FLOAT, metavar="N", help="Tokens of a prompt  [1024].")
@click.option("--out", "output_tokens", type=click.FLOAT, metavar="N", help="Tokens of an answer  [1024].")
@rent_options
@click.option("--batch", "batches", multiple=True, metavar="N,...", help="Batches to show  [powers of two, the limit].")
@click.option(
    "--percentile", "tail_percentile", type=click.FLOAT, default=99.0, metavar="N", help="Percentile of the tail  [99]."
)
@click.option(
    "--slo", "slos", multiple=True, metavar="TEXT", help="Limits to run within, as itl_p99=50ms; may be repeated."
)
@click.option("--concurrency", "num_concurrent", type=click.IntRange(1, 10**6), help="Sequences that want to run.")
@click.option("--demand", metavar="KEY=VALUE,...", help=_DEMAND)
@click.option("--check", metavar="KEY=VALUE,...", help=_CHECK)
@chart_option
@explain_option
@facts_options
@output_options
def frontier(output: OutputOptions, facts: "Facts", explained: bool, chart: Path | None, **flags: Any) -> None:
    """Sweep the batch of MODEL on GPU... from 1 to what memory holds.

    Shows tokens/s, ms a token at the mean and in the tail, and USD per M tokens; where to run for a limit on latency;
    and which constraint binds. A batch that does not fit is refused, not priced.
    """
    from tokonomics.economics.serving.frontier_ask import FrontierQuestion, ask_frontier  # NumPy loads only when asked
    from tokonomics.report.frontier_dict import frontier_dict
    from tokonomics.report.frontier_view import frontier_chart, frontier_view
    from tokonomics.report.json import document

    check, demand = (numbers_of(flags.pop(name), f"--{name}") for name in ("check", "demand"))
    question = FrontierQuestion(
        check=check,
        demand=demand,
        precisions=names_in(flags.pop("precisions")),
        batches=_batches(flags.pop("batches")),
        **flags,
    )
    answer = ask_frontier(facts.catalog, question)
    if chart is not None:
        write_chart(frontier_chart(answer), chart, output)
    body = {**facts.envelope(), **frontier_dict(answer, question)}
    emit(document("frontier", body), frontier_view(answer, facts, explained=explained), output)


def _batches(texts: tuple[str, ...]) -> tuple[int, ...]:
    names = names_in(texts)
    wrong = [f"--batch {name!r} is no whole number above 0" for name in names if not name.isdecimal() or int(name) < 1]
    raise_all(wrong)
    return tuple(int(name) for name in names)

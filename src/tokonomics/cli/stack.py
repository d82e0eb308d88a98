"""`tok stack`: what each optimisation is worth, one after another."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokonomics.cli.listings import facts_options
from tokonomics.cli.money_options import explain_option
from tokonomics.cli.options import complete_gpus, complete_models
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.cli.sweep_options import chart_option, numbers_of, rent_options, write_chart

if TYPE_CHECKING:
    from tokonomics.report.facts import Facts

_ASSUME = (
    "Another value for an assumption, such as cached_input_frac=0.6,num_draft_tokens=3; --explain lists all of them."
)


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.argument("gpu", shell_complete=complete_gpus)
@click.option("--precision", default="int4-awq", metavar="TEXT", help="Weight format to quantise to  [int4-awq].")
@click.option("--kv-format", default="fp8", metavar="TEXT", help="Format to quantise the KV cache to  [fp8].")
@click.option(
    "--num-gpus", type=click.IntRange(1, 1024), help="Accelerators  [the fewest that hold the quantised model]."
)
@click.option("--engine", default="vllm", metavar="TEXT", help="Serving engine; roofline is the ideal machine  [vllm].")
@click.option("--in", "input_tokens", type=click.FLOAT, default=1024.0, metavar="N", help="Tokens of a prompt  [1024].")
@click.option(
    "--out", "output_tokens", type=click.FLOAT, default=1024.0, metavar="N", help="Tokens of an answer  [1024]."
)
@rent_options
@click.option("--slo", default="", metavar="TEXT", help="Limit on the gap between tokens, as itl_p99=50ms.")
@click.option(
    "--percentile", "tail_percentile", type=click.FLOAT, default=99.0, metavar="N", help="Percentile of the tail  [99]."
)
@click.option("--assume", metavar="KEY=VALUE,...", help=_ASSUME)
@chart_option
@explain_option
@facts_options
@output_options
def stack(
    output: OutputOptions, facts: "Facts", explained: bool, chart: Path | None, assume: str | None, **flags: Any
) -> None:
    """Climb the optimisation stack of MODEL on GPU, each step against its predecessor.

    A step that does not fit is shown as such. A step that makes tokens dearer at this load stands aside.
    """
    from tokonomics.economics.optimisation.stack_ask import StackQuestion, ask_stack  # NumPy loads only when asked
    from tokonomics.report.json import document
    from tokonomics.report.stack_dict import stack_dict
    from tokonomics.report.stack_view import stack_chart, stack_view

    question = StackQuestion(stated=numbers_of(assume, "--assume"), **flags)
    answer = ask_stack(facts.catalog, question)
    if chart is not None:
        write_chart(stack_chart(answer.stack), chart, output)
    body = {**facts.envelope(), **stack_dict(answer, question)}
    emit(document("stack", body), stack_view(answer, facts, explained=explained), output)

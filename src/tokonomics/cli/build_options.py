"""Flags that state both sides of build or buy: what is rented or modelled, what it does, and what the API takes."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from tokonomics.cli.money_options import gpu_options, number_options
from tokonomics.cli.options import complete_models

F = TypeVar("F", bound=Callable[..., Any])

_REPLICA: Final = {
    "input_tokens": "Tokens of a prompt, for --model",
    "output_tokens": "Tokens of an answer, for --model",
    "gpu_usd_per_hour": "Price of one accelerator-hour, over the catalogue's",
    "num_gpus": "Accelerators of a replica",
    "replica_tokens_per_s": "Tokens/s of a replica, input and output together",
}
_REFERENCE: Final = {
    "prefill_tokens_per_s": "Input tokens/s of a replica that only reads",
    "decode_tokens_per_s": "Output tokens/s of a replica that only writes",
    "api_input_usd_per_mtok": "Price of input, instead of --api",
    "api_output_usd_per_mtok": "Price of output, instead of --api",
    "input_frac": "Share of all tokens that is input",
    "ops_usd_per_month": "People who keep it running, USD a month",
    "days_per_month": "Days of a month; 30.42 (730 hours) where an hour is priced",
}


def build_options(command: F) -> F:
    """Add --gpu, --model and the numbers of both sides; they arrive under these names and in `stated`."""
    decorators = (
        gpu_options,
        click.option(
            "--model", shell_complete=complete_models, metavar="TEXT", help="Model whose rate on --gpu is modelled."
        ),
        click.option("--precision", metavar="TEXT", help="Weight format of --model, such as fp8  [its own, or fp8]."),
        click.option("--slo", default="", metavar="TEXT", help="Limits on latency that a replica of --model keeps."),
        number_options(_REPLICA),
        number_options(_REFERENCE, topic="reference"),
    )
    result: Any = command
    for decorator in reversed(decorators):
        result = decorator(result)
    return result  # type: ignore[no-any-return]  # a decorated function keeps its kind

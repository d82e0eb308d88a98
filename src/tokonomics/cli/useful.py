"""`tok useful`: what a token costs that reached a user."""

from pathlib import Path
from typing import Any

import click

from tokonomics.cli.money_options import explain_option, number_options
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.economics.tokens.useful_tokens import DELIVERED, WASTE_CLASSES, useful_cost
from tokonomics.errors import InputError, raise_all

_COUNTS = {
    "delivered_tokens": "Output tokens that reached a user",
    "reasoning_tokens": "Output tokens of reasoning",
    "rejected_draft_tokens": "Draft tokens that verification threw away",
    "retried_tokens": "Output tokens of attempts that were made again",
    "discarded_by_escalation_tokens": "Output tokens of tiers whose answer was not taken",
    "cancelled_tokens": "Output tokens of requests that were cancelled",
}
_RATIO_HELP = "Work of a draft token over that of an output token; a draft model is smaller  [1]."


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--usd", "total_usd", type=click.FLOAT, metavar="N", help="The bill for these tokens, USD. Needed.")
@number_options(_COUNTS)
@click.option("--draft-work-ratio", type=click.FLOAT, default=1.0, metavar="N", help=_RATIO_HELP)
@explain_option
@output_options
def useful(
    output: OutputOptions,
    file: Path | None,
    total_usd: float | None,
    stated: dict[str, float | None],
    draft_work_ratio: float,
    explained: bool,
) -> None:
    """Divide a bill by the output tokens that reached a user, and tell where the rest went.

    FILE is a CSV of counts with the columns delivered_tokens, reasoning_tokens, rejected_draft_tokens,
    retried_tokens, discarded_by_escalation_tokens and cancelled_tokens; or state the counts by flags.
    """
    from tokonomics.report.json import document
    from tokonomics.report.useful_view import useful_dict, useful_view

    counts, source = _counts(file, stated)
    problems = [] if total_usd is not None else ["the bill is not known; give --usd"]
    if DELIVERED not in counts:
        problems.append("delivered tokens are not known; give --delivered-tokens, or FILE with that column")
    raise_all(problems)
    cost = useful_cost(
        total_usd=total_usd or 0.0,
        delivered_tokens=counts.pop(DELIVERED),
        waste_tokens=counts,
        work_ratios={"rejected_draft": draft_work_ratio},
    )
    view = useful_view(cost, source=source, explained=explained)
    emit(document("useful", useful_dict(cost, source=source)), view, output)


def _counts(file: Path | None, stated: dict[str, float | None]) -> tuple[dict[str, Any], str]:
    """Counts by class, and where they came from."""
    given = {name: stated[f"{name}_tokens"] for name in (DELIVERED, *WASTE_CLASSES)}
    flags = {name: value for name, value in given.items() if value is not None}
    if file is None:
        return flags, "as stated"
    if flags:
        raise InputError("counts come from FILE and from flags; keep one")
    from tokonomics.economics.tokens.usage_file import read_usage  # needed with a file only

    return read_usage(file), file.name

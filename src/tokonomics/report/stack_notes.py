"""What a step of the stack did besides its factor, in a sentence with the numbers that say why."""

from collections.abc import Callable
from typing import Final

from tokonomics.economics.optimisation.quantisation import format_change
from tokonomics.economics.optimisation.stack import INFEASIBLE, Stack, StackRow
from tokonomics.economics.optimisation.stack_outcome import Outcome
from tokonomics.economics.optimisation.stack_steps import SIXTEEN_BIT, scores_of
from tokonomics.economics.serving.replica import Replica
from tokonomics.report.numbers import duration, percent, significant
from tokonomics.units import GB, MS


def step_note(one: Stack, row: StackRow) -> str:
    """The sentence of a row: why it does not fit, or what changed against the last row that stands."""
    if row.status == INFEASIBLE or row.outcome is None:
        return row.reason
    likely = row.outcome.slo_probability
    chance = () if likely is None else (f"keeps {one.slo} with a chance of {percent(likely)}",)
    return "; ".join([_NOTES[row.lever](one, row, row.outcome, _before(one, row)), *row.outcome.fails, *chance])


def _before(one: Stack, row: StackRow) -> Outcome | None:
    """The last kept row above `row`."""
    above = one.rows[: one.rows.index(row)]
    return next((kept.outcome for kept in reversed(above) if kept in one.kept), None)


_Note = Callable[[Stack, StackRow, Outcome, Outcome | None], str]


def _baseline(one: Stack, row: StackRow, told: Outcome, before: Outcome | None) -> str:
    return f"one request at a time; weights take {_gb(told.replica.box.weight_bytes)} GB a GPU"


def _quantised(one: Stack, row: StackRow, told: Outcome, before: Outcome | None) -> str:
    change = format_change(one.served.model, one.served.accelerator, SIXTEEN_BIT, one.served.precision)
    arithmetic = (
        f"{significant(change.compute_ratio)} times the arithmetic"
        if change.compute_ratio > 1
        else f"no faster arithmetic: it multiplies as {change.computes_as}"
    )
    size = _gb(told.replica.box.weight_bytes)
    return f"weights take {size} GB a GPU, {percent(change.size_ratio)} of 16 bit; {arithmetic}"


def _fused(one: Stack, row: StackRow, told: Outcome, before: Outcome | None) -> str:
    replica = told.replica
    scores = scores_of(
        replica.deployment, replica.load, {name: float(term.value) for name, term in one.assumed.items()}
    )
    share = scores.full_bytes_per_token / max(float(replica.step.kv_bytes_per_token), 1.0)
    return (
        f"frees {_gb(scores.alive_bytes)} GB a GPU of scores while a prompt is read; a decode step read"
        f" {percent(share)} more than its KV cache before"
    )


def _batched(one: Stack, row: StackRow, told: Outcome, before: Outcome | None) -> str:
    if before is None:
        return f"{told.batch:,} sequences share every read of the weights"
    slower, asked = told.mean_itl_s / before.mean_itl_s, row.setup.num_sequences or told.replica.max_batch
    held = f"; {asked:,} would miss {one.slo}" if told.batch < asked else ""
    return f"batch {significant(told.batch / before.batch)} times, each token {significant(slower)} times as long{held}"


def _paged(one: Stack, row: StackRow, told: Outcome, before: Outcome | None) -> str:
    used = percent(float(one.assumed["contiguous_kv_used_frac"].value))
    was = f": {before.replica.max_batch:,} sequences fitted" if before else ""
    return f"in one piece {used} of the cache held tokens{was}; in pages {told.replica.max_batch:,}"


def _prefix(one: Stack, row: StackRow, told: Outcome, before: Outcome | None) -> str:
    return (
        f"{percent(row.setup.cached_input_frac)} of prompt tokens are not read again; their KV cache still takes room"
    )


def _chunked(one: Stack, row: StackRow, told: Outcome, before: Outcome | None) -> str:
    spread = _change(before, told, "longest_step_s")
    fed = told.replica.max_batch
    starved = "" if before is None or fed >= before.batch else f"; a budget this small feeds at most {fed:,} sequences"
    return f"longest step {spread}{starved}"


def _speculated(one: Stack, row: StackRow, told: Outcome, before: Outcome | None) -> str:
    upto = told.speculation_pays_to
    pays = "pays at no batch" if upto is None else f"pays up to batch {upto:,}"
    if upto == told.replica.max_batch:
        pays = "pays at every batch that fits"
    gap = _change(before, told, "mean_itl_s")
    fits = told.replica.max_batch
    crowded = before is not None and fits < before.replica.max_batch
    draft = f"; beside the draft {fits:,} sequences fit" if crowded else ""
    return f"{significant(told.accepted_tokens)} tokens a verification; mean gap {gap}; {pays}{draft}"


def _quantised_kv(one: Stack, row: StackRow, told: Outcome, before: Outcome | None) -> str:
    each, fits = _sequence_bytes(told.replica) / GB, told.replica.max_batch
    if before is not None and fits == before.replica.max_batch:
        return f"a sequence takes {significant(each)} GB a GPU; something other than memory stops at {fits:,}"
    was = f" instead of {before.replica.max_batch:,}" if before else ""
    return f"a sequence takes {significant(each)} GB a GPU; {fits:,} fit{was}"


_NOTES: Final[dict[str, _Note]] = {
    "baseline": _baseline,
    "quantisation": _quantised,
    "attention": _fused,
    "batching": _batched,
    "paging": _paged,
    "prefix cache": _prefix,
    "chunked prefill": _chunked,
    "speculation": _speculated,
    "KV quantisation": _quantised_kv,
}


def _change(before: Outcome | None, told: Outcome, field: str) -> str:
    now = duration(getattr(told, field))
    return now if before is None else f"{significant(getattr(before, field) / MS)} to {now}"


def _sequence_bytes(replica: Replica) -> float:
    return float(replica.box.kv.sequence_bytes(replica.load.shape.context_tokens))


def _gb(size_bytes: float) -> str:
    return significant(size_bytes / GB)

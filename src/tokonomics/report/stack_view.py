"""The optimisation stack as people see it: the waterfall, what each step did, the levers, and the cross test."""

from collections.abc import Iterator, Sequence

from tokonomics.economics.figures.explanation import Term
from tokonomics.economics.figures.inputs import input_sentences
from tokonomics.economics.figures.ranges import ends_of
from tokonomics.economics.optimisation.cross_test import Contender
from tokonomics.economics.optimisation.stack import ASIDE, INFEASIBLE, KEPT, Stack, StackRow
from tokonomics.economics.optimisation.stack_ask import StackAnswer, explain_stack
from tokonomics.report.bars import Bar, Bars
from tokonomics.report.explained import explained_table
from tokonomics.report.facts import UNPRICED, Facts
from tokonomics.report.numbers import percent, significant
from tokonomics.report.ranges import RANGE_TITLE, range_text
from tokonomics.report.stack_notes import step_note
from tokonomics.report.view import Cell, Column, Table, View
from tokonomics.units import MS

_STATUS = {KEPT: "kept", ASIDE: "aside", INFEASIBLE: "does not fit"}
_COLUMNS = (
    Column(title="step"),
    Column(title="status"),
    Column(title="batch", style="count"),
    Column(title="tok/s", key="output_tokens_per_s", unit="out", style="number", digits=4, priority=1),
    Column(title=RANGE_TITLE, key="output_tokens_per_s_range", unit="tok/s", priority=4),
    Column(title="ms/token", key="mean_itl_ms", unit="mean", style="number", priority=2),
    Column(title="ms/token", key="tail_itl_ms", unit="tail", style="number", priority=3),
    Column(title="longest", key="longest_step_ms", unit="ms a step", style="number", priority=5),
    Column(title="keeps it", key="slo_probability", style="percent", priority=2),
    Column(title="USD/M", key="output_usd_per_mtok", unit="output", style="number"),
    Column(title=RANGE_TITLE, key="output_usd_per_mtok_range", unit="USD/M out"),
    Column(title="USD/M", key="blended_usd_per_mtok", unit="blended", style="number", priority=4),
    Column(title="step", key="step_factor", unit="times", style="number"),
    Column(title="so far", key="cumulative_factor", unit="times", style="number"),
)
_NOTE_COLUMNS = (Column(title="step"), Column(title="what it did", key="note"))
_LEVER_COLUMNS = (
    Column(title="lever"),
    Column(title="times", key="lever_factor", style="number"),
    Column(title="share", key="log_frac", style="percent"),
)
_GAIN_COLUMNS = (
    Column(title="batch", style="count"),
    Column(title="at best", key="bound_ratio", unit="times", style="number"),
    Column(title="on the engine", key="engine_ratio", unit="times", style="number"),
)
_CROSS_COLUMNS = (
    Column(title="contender"),
    Column(title="GPUs", key="num_gpus", style="count", missing="none hold it"),
    Column(title="tok/s", key="gpu_tokens_per_s", unit="a GPU", style="number", digits=4),
    Column(title=RANGE_TITLE, key="gpu_tokens_per_s_range", unit="tok/s"),
    Column(title="roofline", key="gpu_bound_tokens_per_s", unit="a GPU", style="number", digits=4),
)


def stack_view(answer: StackAnswer, facts: Facts, *, explained: bool = False) -> View:
    """Lay out the answer; `explained` adds every factor and every assumption with its source."""
    tables = [_waterfall(answer.stack), _did(answer.stack), _levers(answer.stack), _gains(answer), _cross(answer)]
    told = explain_stack(answer) if explained else None
    if told is not None:
        tables.append(explained_table(told))
    return View(
        headline=tuple(_headline(answer)),
        tables=tables,
        charts=(stack_chart(answer.stack),),
        notes=tuple(_notes(answer, facts)),
    )


def stack_chart(one: Stack) -> Bars:
    """Throughput after each step, as a share of the best."""
    best = max((row.outcome.output_tokens_per_s for row in one.rows if row.outcome), default=1.0)
    return Bars(title=f"Output tokens/s, {one.served.model.id}", bars=[_bar(row, best) for row in one.rows])


def _bar(row: StackRow, best: float) -> Bar:
    if row.outcome is None:
        return Bar(label=row.name, share_frac=0.0, text=_STATUS[INFEASIBLE])
    rate = row.outcome.output_tokens_per_s
    aside = " (aside)" if row.status == ASIDE else ""
    return Bar(label=row.name, share_frac=rate / best, text=f"{significant(rate, 4)}{aside}")


def _headline(answer: StackAnswer) -> Iterator[str]:
    one, hourly = answer.stack, answer.price.replica_usd_per_hour
    served = one.served
    price = UNPRICED if hourly is None else f"{significant(hourly)} USD a replica-hour"
    yield (
        f"{served.model.id} on {served.num_gpus} x {served.accelerator.id}, {served.engine};"
        f" {served.input_tokens:,.0f} tokens in, {served.output_tokens:,.0f} out; {price}"
        + (f"; SLO {one.slo}" if one.slo.limits else "")
    )
    if one.total_factor is None:
        yield f"NOTHING FITS  {one.rows[-1].reason}"
        return
    first, lever = one.kept[0], one.largest_lever
    yield f"TOGETHER  {significant(one.total_factor)} times the tokens a dollar of {first.name!r}, the first that fits"
    if lever is not None:
        share = f", {percent(lever.log_frac)} of the whole (by logarithm)" if lever.log_frac is not None else ""
        yield f"LARGEST   {lever.lever}: {significant(lever.lever_factor)} times{share}"
    yield f"CROSS     {_cross_sentence(answer)}"


def _cross_sentence(answer: StackAnswer) -> str:
    cross = answer.cross
    if cross.engine_ratio is None or cross.cheaper is None:
        misfit = cross.first if cross.first.deployment is None else cross.second
        return f"{misfit.name} fits on no number of {answer.stack.served.accelerator.id} that was tried"
    dearer = cross.second if cross.cheaper is cross.first else cross.first
    ratio = max(cross.engine_ratio, 1.0 / cross.engine_ratio)
    return f"{cross.cheaper.name} yields {significant(ratio)} times the tokens a GPU of {dearer.name}"


def _waterfall(one: Stack) -> Table:
    return Table(columns=_COLUMNS, rows=[_row(row) for row in one.rows])


def _row(row: StackRow) -> Sequence[Cell]:
    told, factors = row.outcome, (row.step_factor, row.cumulative_factor)
    if told is None:
        return (row.name, _STATUS[row.status], *(None,) * (len(_COLUMNS) - 4), *factors)
    cost = told.cost
    return (
        row.name,
        _STATUS[row.status],
        told.batch,
        told.output_tokens_per_s,
        range_text(ends_of(told.output_tokens_per_s, told.rate_sd_log)),
        told.mean_itl_s / MS,
        told.tail_itl_s / MS,
        told.longest_step_s / MS,
        told.slo_probability,
        cost.output_usd_per_mtok if cost else UNPRICED,
        range_text(ends_of(cost.output_usd_per_mtok, told.rate_sd_log)) if cost else None,
        cost.blended_usd_per_mtok if cost else UNPRICED,
        *factors,
    )


def _did(one: Stack) -> Table:
    return Table(
        title="What each step did", columns=_NOTE_COLUMNS, rows=[(row.name, step_note(one, row)) for row in one.rows]
    )


def _levers(one: Stack) -> Table:
    rows = [(gain.lever, gain.lever_factor, gain.log_frac) for gain in one.levers]
    return Table(title="Levers, the largest first", columns=_LEVER_COLUMNS, rows=rows)


def _gains(answer: StackAnswer) -> Table:
    change = answer.change
    title = f"{change.new} over {change.old}, a decode step"
    rows = [(gain.batch, gain.bound_ratio, gain.engine_ratio) for gain in answer.gains]
    return Table(title=title, columns=_GAIN_COLUMNS, rows=rows)


def _cross(answer: StackAnswer) -> Table:
    rows = [_contender(one) for one in (answer.cross.first, answer.cross.second)]
    return Table(title="Batching against bits, decode only", columns=_CROSS_COLUMNS, rows=rows)


def _contender(one: Contender) -> Sequence[Cell]:
    num_gpus = one.deployment.num_gpus if one.deployment else None
    rate, sd = one.gpu_tokens_per_s, one.rate_sd_log
    ends = None if rate is None or sd is None else range_text(ends_of(rate, sd))
    return (one.name, num_gpus, rate, ends, one.gpu_bound_tokens_per_s)


def _notes(answer: StackAnswer, facts: Facts) -> Iterator[str]:
    one = answer.stack
    if one.rows[0].status == INFEASIBLE:
        yield f"the 16-bit model does not fit ({one.rows[0].reason}), so no factor against it on these GPUs exists"
    if any(row.status == ASIDE for row in one.rows):
        yield "a step that stands aside makes tokens dearer at this load; the steps after it do without"
    change = answer.change
    if change.compute_ratio <= 1.0 < change.bits_ratio:
        yield (
            f"counting bits promises {change.bits_ratio:g} times; {change.new} kernels also unpack weights, which costs"
            " more at large batches than is modelled here: measure before you rely on it"
        )
    if answer.price.reason:
        yield f"unpriced: {answer.price.reason}"
    elif answer.price.term:
        yield f"price: {significant(float(answer.price.term.value))} USD a GPU-hour, {answer.price.term.source}"
    yield from input_sentences(_used(one))
    yield (
        f"tail is p{one.tail_percentile:g}; latency and throughput are modelled, not measured: the ranges hold 80 %"
        " (docs/accuracy.md), with the assumptions above as they stand; a factor compares two rates that err together,"
        " so it has no range"
    )
    yield from facts.notes([answer.price.as_of] if answer.price.as_of else [], "on_demand")


def _used(one: Stack) -> dict[str, Term]:
    """The assumptions that this waterfall stands on: not those of the regimes and presets of a frontier."""
    others = ("_exponent", "_s", "tolerance_frac")
    return {name: term for name, term in one.assumed.items() if not name.endswith(others)}

"""The tables of a frontier: the sweep, where to run it, how much more of it pays, why it slows, and the ridges."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tokonomics.economics.figures.ranges import ends_of
from tokonomics.economics.serving.frontier import RefusedBatch, SweepPoint
from tokonomics.economics.serving.frontier_ask import FrontierAnswer, SweepAnswer
from tokonomics.economics.serving.latency_growth import latency_growth
from tokonomics.report.facts import UNPRICED
from tokonomics.report.ranges import RANGE_TITLE, range_text
from tokonomics.report.view import Cell, Column, Table
from tokonomics.units import MS

REFUSED = "refused"
_RowsOf = Callable[[SweepAnswer], Iterator[Sequence[Cell]]]
_DEPLOYMENT = Column(title="deployment")
_POINT_COLUMNS = (
    Column(title="batch", style="count"),
    Column(title="tok/s", key="output_tokens_per_s", unit="out", style="number", digits=4),
    Column(title=RANGE_TITLE, key="output_tokens_per_s_range", unit="tok/s", priority=2),
    Column(title="roofline", key="bound_tokens_per_s", unit="tok/s", style="number", digits=4, priority=3),
    Column(title="of it", key="bound_frac", style="percent", priority=3),
    Column(title="ms/token", key="mean_itl_ms", unit="mean", style="number"),
    Column(title="ms/token", key="tail_itl_ms", unit="tail", style="number"),
    Column(title="USD/M", key="output_usd_per_mtok", unit="output", style="number"),
    Column(title=RANGE_TITLE, key="output_usd_per_mtok_range", unit="USD/M out"),
    Column(title="USD/M", key="blended_usd_per_mtok", unit="blended", style="number", priority=4),
    Column(title="MBU", key="bandwidth_use_frac", style="percent", priority=5),
    Column(title="MFU", key="compute_use_frac", style="percent", priority=6),
    Column(title="KV used", key="kv_use_frac", style="percent", priority=7),
    Column(title="binds", priority=2),
    Column(title="regime", priority=1),
    Column(title="best", key="on_frontier", priority=2),
)
_SHOWN_FORMATS = ("bf16", "fp8", "int8", "int4-awq", "nvfp4")
_LIMIT_COLUMNS = (
    Column(title="limit"),
    Column(title="batch", style="count", missing="none"),
    Column(title="tok/s", key="output_tokens_per_s", style="number", digits=4, priority=2),
    Column(title=RANGE_TITLE, key="output_tokens_per_s_range", unit="tok/s", priority=5),
    Column(title="ms/token", key="mean_itl_ms", unit="mean", style="number", priority=4),
    Column(title="ms/token", key="tail_itl_ms", unit="tail", style="number", priority=3),
    Column(title="keeps it", key="slo_probability", style="percent"),
    Column(title="USD/M", key="output_usd_per_mtok", unit="output", style="number"),
    Column(title=RANGE_TITLE, key="output_usd_per_mtok_range", unit="USD/M out"),
    Column(title="premium", key="premium_ratio", unit="times", style="number", priority=1),
    Column(title="stopped by", key="binds"),
)
_BAND_COLUMNS = (
    Column(title="regime"),
    Column(title="from", key="low_batch", unit="batch", style="count"),
    Column(title="to", key="high_batch", unit="batch", style="count"),
    Column(title="elasticity", key="throughput_exponent", style="number", digits=2),
)
_GROWTH_COLUMNS = (
    Column(title="batch", key="low_batch", unit="from", style="count"),
    Column(title="batch", key="high_batch", unit="to", style="count"),
    Column(title="longer by", key="growth_s", style="duration"),
    Column(title="KV", key="kv_frac", style="percent"),
    Column(title="more rows", key="gemm_frac", style="percent"),
    Column(title="prompts", key="prompts_frac", style="percent"),
    Column(title="link", key="communication_frac", style="percent", priority=1),
    Column(title="overhead", key="overhead_frac", style="percent"),
)
_RIDGE_COLUMNS = (
    Column(title="accelerator"),
    Column(title="format", key="precision"),
    Column(title="rows", key="num_rows", style="number"),
    Column(title="multiplies as", key="computes_as"),
    Column(title="faster than 16 bit", key="raises_compute"),
)


def frontier_tables(answer: FrontierAnswer) -> tuple[Table, ...]:
    """All tables, the sweep first; with a column for the deployment where there are several."""
    return (
        _sweep_table(answer),
        _per_sweep(answer, "Where to run it", _by_price(_LIMIT_COLUMNS, answer), _limit_rows),
        _per_sweep(answer, "How much a larger batch still pays", _BAND_COLUMNS, _band_rows),
        _per_sweep(answer, "Why a token takes longer", _GROWTH_COLUMNS, _growth_rows),
        _ridge_table(answer),
    )


def _sweep_table(answer: FrontierAnswer) -> Table:
    """Every batch shown; of several deployments also which points no other beats on latency and cost."""
    rows: list[Sequence[Cell]] = []
    columns = _by_price(_POINT_COLUMNS, answer)
    for one in answer.answers:
        points = [(point.batch, _point_row(point)) for point in one.sweep.points]
        refused = [(gone.batch, _refused_row(gone)) for gone in one.sweep.refused]
        rows += [(one.sweep.name, *row) for _, row in sorted([*points, *refused], key=lambda pair: pair[0])]
    if len(answer.answers) > 1:
        return Table(columns=(_DEPLOYMENT, *columns), rows=rows)
    return Table(columns=columns[:-1], rows=[row[1:-1] for row in rows])


def _by_price(columns: tuple[Column, ...], answer: FrontierAnswer) -> tuple[Column, ...]:
    """The columns; where no hour has a price, the range of the throughput stays rather than that of the cost."""
    if any(one.price.replica_usd_per_hour is not None for one in answer.answers):
        return columns
    swapped = {"output_tokens_per_s": 0, "output_tokens_per_s_range": 0, "output_usd_per_mtok_range": 5}
    return tuple(replace(one, priority=swapped.get(one.key, one.priority)) for one in columns)


def _point_row(point: SweepPoint) -> Sequence[Cell]:
    cost = point.cost
    return (
        point.batch,
        point.output_tokens_per_s,
        _rate_range(point),
        point.bound_tokens_per_s,
        point.output_tokens_per_s / point.bound_tokens_per_s,
        point.mean_itl_s / MS,
        point.tail_itl_s / MS,
        cost.output_usd_per_mtok if cost else UNPRICED,
        _cost_range(point),
        cost.blended_usd_per_mtok if cost else UNPRICED,
        point.bandwidth_use_frac,
        point.compute_use_frac,
        point.kv_use_frac,
        point.binds,
        point.regime,
        not point.is_dominated,
    )


def _rate_range(point: SweepPoint) -> str | None:
    return range_text(ends_of(point.output_tokens_per_s, point.rate_sd_log))


def _cost_range(point: SweepPoint) -> str | None:
    return range_text(ends_of(point.cost.output_usd_per_mtok, point.rate_sd_log)) if point.cost else None


def _refused_row(gone: RefusedBatch) -> Sequence[Cell]:
    nothing: list[Cell] = [None] * (len(_POINT_COLUMNS) - 3)
    return (gone.batch, *nothing, REFUSED, None)


def _limit_rows(one: SweepAnswer) -> Iterator[Sequence[Cell]]:
    for told in one.operating_points:
        point = told.point
        if point is None:
            yield (told.name, *(None,) * 5, told.slo_probability, None, None, None, told.reason)
            continue
        cost = point.cost.output_usd_per_mtok if point.cost else UNPRICED
        gaps = (point.mean_itl_s / MS, point.tail_itl_s / MS)
        rate = (point.output_tokens_per_s, _rate_range(point))
        judged = (*gaps, told.slo_probability, cost, _cost_range(point))
        yield (told.name, told.batch, *rate, *judged, told.premium_ratio, told.binds)


def _band_rows(one: SweepAnswer) -> Iterator[Sequence[Cell]]:
    for band in one.sweep.bands:
        yield (band.name, band.low_batch, band.high_batch, band.throughput_exponent)


def _growth_rows(one: SweepAnswer) -> Iterator[Sequence[Cell]]:
    swept = one.sweep
    spot, last = swept.sweet_spot.batch, swept.replica.max_batch
    for low, high in ((1, spot), (spot, last)):
        if low < high:
            told = latency_growth(swept.replica, low, high)
            shares = (told.kv_frac, told.gemm_frac, told.prompts_frac, told.communication_frac, told.overhead_frac)
            yield (low, high, told.growth_s, *shares)


def _ridge_table(answer: FrontierAnswer) -> Table:
    """The formats swept and the common ones; the document has all."""
    swept = {*_SHOWN_FORMATS, *(one.sweep.deployment.precision.id for one in answer.answers)}
    rows = [
        (part, one.precision, one.num_rows, one.computes_as, one.raises_compute)
        for part, found in answer.ridges.items()
        for one in found
        if one.precision in swept
    ]
    title = "Rows from which arithmetic binds, at best"
    return Table(title=title, columns=_RIDGE_COLUMNS, rows=rows)


def _per_sweep(answer: FrontierAnswer, title: str, columns: tuple[Column, ...], rows_of: _RowsOf) -> Table:
    rows = [(one.sweep.name, *row) for one in answer.answers for row in rows_of(one)]
    return _with_names(answer, Table(title=title, columns=(_DEPLOYMENT, *columns), rows=rows))


def _with_names(answer: FrontierAnswer, table: Table) -> Table:
    """The table as it is, or without the name of the deployment where there is only one."""
    if len(answer.answers) > 1:
        return table
    return Table(title=table.title, columns=table.columns[1:], rows=[row[1:] for row in table.rows])

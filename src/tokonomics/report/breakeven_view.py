"""Build or buy as people read it: the volume that decides, the table of volumes, what is hidden, and what moves it."""

from collections.abc import Iterator, Sequence

from tokonomics.economics.build_or_buy.break_even import BreakEven
from tokonomics.economics.build_or_buy.build_answer import BuildAnswer, explain_break_even
from tokonomics.economics.build_or_buy.build_ask import BuildTold
from tokonomics.economics.build_or_buy.build_case import BuildCurves
from tokonomics.economics.build_or_buy.build_ranges import Ranges, point_ranges, row_ranges, winner_probability
from tokonomics.economics.build_or_buy.cost_curve import CostCurve, monthly_cost
from tokonomics.economics.figures.inputs import input_sentences
from tokonomics.economics.figures.ranges import OpenEnds, ends_of
from tokonomics.economics.figures.sensitivity import TornadoBar
from tokonomics.report.bars import Bar, Bars
from tokonomics.report.chart import Chart, Series
from tokonomics.report.explained import explained_table
from tokonomics.report.facts import Facts
from tokonomics.report.numbers import percent, significant
from tokonomics.report.ranges import RANGE_TITLE, drop_empty, range_clause, range_text
from tokonomics.report.view import Column, Table, View

_CHART_POINTS = 241
_MTOK = 1e6
_VOLUME = Column(title="tokens/day", key="volume_tokens_per_day", style="number")
_VOLUME_COLUMNS = (
    _VOLUME,
    Column(title="build", key="build_usd_per_month", unit="USD/month", style="number", digits=4),
    Column(title=RANGE_TITLE, key="build_usd_per_month_range", unit="of build", priority=1),
    Column(title="buy", key="buy_usd_per_month", unit="USD/month", style="number", digits=4),
    Column(title="replicas", key="num_replicas", style="count", priority=2),
    Column(title="used", key="utilisation_frac", style="percent", priority=3),
    Column(title="winner"),
    Column(title="chance", key="winner_probability", style="percent"),
    Column(title="saves", key="saving_usd_per_month", unit="USD/month", style="number", digits=4),
)
_POINT_COLUMNS = (
    Column(title="against"),
    Column(title="build"),
    Column(title="USD/M", key="usd_per_mtok", unit="of the API", style="number"),
    Column(title="breaks even", key="volume_tokens_per_day", unit="tokens/day", style="number", missing="never"),
    Column(title=RANGE_TITLE, key="volume_tokens_per_day_range", unit="M tokens/day"),
    Column(
        title="for good", key="secure_tokens_per_day", unit="tokens/day", style="number", missing="never", priority=3
    ),
    Column(title="replicas", key="num_replicas", style="count", priority=2),
    Column(title="used", key="utilisation_frac_range", unit=RANGE_TITLE, priority=1),
)
_BAND_COLUMNS = (
    Column(title="from", key="low_tokens_per_day", unit="tokens/day", style="number"),
    Column(title="to", key="high_tokens_per_day", unit="tokens/day", style="number"),
    Column(title="cheapest"),
)
_HIDDEN_COLUMNS = (
    Column(title="hidden cost"),
    Column(title="once", key="once_usd", unit="USD", style="number", digits=4, missing="unpriced"),
    Column(title="recurring", key="recurring_usd_per_month", unit="USD/month", style="number", missing="unpriced"),
    Column(title="covers", priority=2),
    Column(title="source", priority=1),
)
_RULE_COLUMNS = (
    Column(title="rule"),
    Column(title="self-host", key="self_host_usd_per_month", unit="USD/month", style="number", digits=4),
    Column(title="API", key="api_usd_per_month", unit="USD/month", style="number", digits=4),
    Column(title="API wins", key="api_wins"),
    Column(title="reason"),
)


def breakeven_view(told: BuildTold, facts: Facts, *, explained: bool = False) -> View:
    """Lay out the answer; `explained` adds the formula with its terms."""
    answer = told.answer
    tables = [_volumes(answer), _points(answer), _bands(answer), _hidden(answer)]
    if told.rules:
        rows = [
            (one.rule, one.self_host_usd_per_month, one.api_usd_per_month, one.api_wins, one.reason)
            for one in told.rules
        ]
        tables.append(Table(title="When the API wins all the same", columns=_RULE_COLUMNS, rows=rows))
    if explained:
        tables.append(explained_table(explain_break_even(answer)))
    return View(
        headline=tuple(_headline(answer)),
        tables=tables,
        charts=(_staircase(answer), _swings(answer)),
        notes=tuple(_notes(told, facts)),
    )


def _headline(answer: BuildAnswer) -> Iterator[str]:
    point, curves = answer.point, answer.curves
    sd_log, full = answer.case.rate_sd_log, curves.pay_per_use.usd_per_mtok
    sure = range_clause(None if sd_log is None else ends_of(full, sd_log))
    yield (
        f"{answer.case.build_name}: {significant(full)} USD per M tokens when full{sure}; {answer.case.api_name}:"
        f" {significant(curves.api.usd_per_mtok)}; both blended at the same mix"
    )
    yield f"BREAK-EVEN   {_sentence(point, sd_log)}"
    if point.secure_tokens_per_day and point.secure_tokens_per_day != point.volume_tokens_per_day:
        yield f"FOR GOOD     from {_mtok(point.secure_tokens_per_day)}; between the two a new replica loses it again"
    yield f"PER USE      {_sentence(answer.pay_per_use, sd_log)}, where replicas are billed by the work they do"
    yield f"WITH SET-UP  {_sentence(answer.with_hidden, sd_log)}, with the hidden costs that have a figure"


def _sentence(point: BreakEven, sd_log: float | None) -> str:
    ranges = _ranges(point, sd_log)
    sure = range_clause(ranges.get("volume_tokens_per_day"), unit_ratio=_MTOK)
    if point.volume_tokens_per_day is None:
        low = ranges.get("volume_tokens_per_day")
        return point.reason + (f"; at the p90 of its rate from {_mtok(low[0])}" if low else "")
    count = point.num_replicas
    replicas = f", {count} replica{'s' if count > 1 else ''}" if count else ""
    used = f", {percent(point.utilisation_frac)} used" if point.utilisation_frac is not None else ""
    spread = _percents(ranges.get("utilisation_frac"))
    used += f" ({spread})" if used and spread else ""
    cost = f", {significant(point.total_usd_per_month or 0.0, 4)} USD a month either way"
    return f"{_mtok(point.volume_tokens_per_day)}{sure}{replicas}{used}{cost}"


def _ranges(point: BreakEven, sd_log: float | None) -> Ranges:
    return {} if sd_log is None else point_ranges(point, sd_log)


def _percents(ends: OpenEnds | None) -> str | None:
    """The ends of a share in words; None without a range."""
    if ends is None:
        return None
    low, high = (percent(end or 0.0) for end in ends)
    return low if low == high else f"{low} to {high}"


def _mtok(tokens_per_day: float) -> str:
    return f"{significant(tokens_per_day / _MTOK)} M tokens/day"


def _volumes(answer: BuildAnswer) -> Table:
    sd_log, curves = answer.case.rate_sd_log, answer.curves
    pair = (curves.always_on, curves.api)
    rows = [
        (
            row.volume_tokens_per_day,
            row.build_usd_per_month,
            None if sd_log is None else range_text(row_ranges(row, *pair, sd_log)["build_usd_per_month"], digits=4),
            row.buy_usd_per_month,
            row.num_replicas,
            row.utilisation_frac,
            row.winner,
            None if sd_log is None else winner_probability(row, *pair, sd_log),
            row.saving_usd_per_month,
        )
        for row in answer.rows
    ]
    table = Table(columns=_VOLUME_COLUMNS, rows=rows)
    return drop_empty(table, "build_usd_per_month_range", "winner_probability")


def _points(answer: BuildAnswer) -> Table:
    named = [
        ("around the clock", answer.point),
        ("paid per use", answer.pay_per_use),
        ("with set-up", answer.with_hidden),
        *(("around the clock", rival) for rival in answer.rivals),
    ]
    rows = []
    for build, one in named:
        ranges = _ranges(one, answer.case.rate_sd_log)
        rows.append(
            (
                one.buy.name,
                build,
                one.buy.usd_per_mtok,
                one.volume_tokens_per_day,
                range_text(ranges.get("volume_tokens_per_day"), unit_ratio=_MTOK),
                one.secure_tokens_per_day,
                one.num_replicas or None,
                _percents(ranges.get("utilisation_frac")),
            )
        )
    table = Table(title="Break-even", columns=_POINT_COLUMNS, rows=rows)
    return drop_empty(table, "volume_tokens_per_day_range", "utilisation_frac_range")


def _bands(answer: BuildAnswer) -> Table:
    rows = [(band.low_tokens_per_day, band.high_tokens_per_day, band.name) for band in answer.bands]
    return Table(title="Cheapest by volume", columns=_BAND_COLUMNS, rows=rows)


def _hidden(answer: BuildAnswer) -> Table:
    priced = {line.name: line for line in answer.hidden.lines}
    rows = [
        (
            line.name,
            priced[line.name].once_usd if line.name in priced else None,
            priced[line.name].recurring_usd_per_month if line.name in priced else None,
            line.covers,
            f"{line.source} {line.as_of}".strip(),
        )
        for line in answer.register
    ]
    return Table(title="Beyond operations", columns=_HIDDEN_COLUMNS, rows=rows)


def _staircase(answer: BuildAnswer) -> Chart:
    point, curves = answer.point, answer.curves
    volumes = _chart_volumes(point, curves)
    marks = [(point.volume_tokens_per_day, point.total_usd_per_month)] if point.volume_tokens_per_day else []
    return Chart(
        title="Cost against volume",
        x_label="tokens/day",
        y_label="USD a month",
        series=[_series(curve, volumes) for curve in (curves.always_on, curves.api, curves.pay_per_use)],
        marks=[(x, y) for x, y in marks if x and y],
        mark_label="break-even",
    )


def _chart_volumes(point: BreakEven, curves: BuildCurves) -> Sequence[float]:
    """Volumes a factor apart, from far below what matters to several replicas beyond it."""
    step = curves.always_on.replica_tokens_per_day or 1e6
    middle = point.volume_tokens_per_day or step
    low, high = min(middle, step) / 30.0, max(middle, step) * 8.0
    return [low * (high / low) ** (i / (_CHART_POINTS - 1)) for i in range(_CHART_POINTS)]


def _series(curve: CostCurve, volumes: Sequence[float]) -> Series:
    costs = [monthly_cost(curve, volume_tokens_per_day=volume).total_usd_per_month for volume in volumes]
    return Series(name=curve.name, xs=volumes, ys=costs)


def _swings(answer: BuildAnswer) -> Bars:
    """The tornado: how far each input moves the break-even, the widest first."""
    shown = [bar for bar in answer.tornado.bars if bar.swing_ratio > 0]
    widest = max((bar.swing_ratio for bar in shown if bar.swing_ratio < float("inf")), default=0.0)
    bars = [
        Bar(label=bar.name, share_frac=min(bar.swing_ratio / widest, 1.0) if widest else 1.0, text=_swing_text(bar))
        for bar in shown
    ]
    return Bars(title=f"What moves the break-even, {percent(answer.swing_frac)} down and up", bars=bars)


def _swing_text(bar: TornadoBar) -> str:
    low, high = (f"{significant(one / 1e6)} M" if one is not None else "never" for one in bar.outcomes)
    return f"{low} to {high}"


def _range(bar: TornadoBar) -> str:
    return " to ".join(significant(one, 4) for one in bar.inputs)


def _has_own_range(bar: TornadoBar, answer: BuildAnswer) -> bool:
    """Whether an input moves through a range of its own source and not by the common share."""
    low, high = (share * answer.tornado.base[bar.name] for share in (1 - answer.swing_frac, 1 + answer.swing_frac))
    return bar.inputs != (low, high) and bar.inputs != (low, 1.0)


def _notes(told: BuildTold, facts: Facts) -> Iterator[str]:
    answer = told.answer
    if answer.hidden.unpriced:
        names = ", ".join(answer.hidden.unpriced)
        yield f"no figure for {names}: the costs above are a floor; price a line with --hidden-cost name=...,..."
    own = [f"{bar.name} {_range(bar)}" for bar in answer.tornado.bars if _has_own_range(bar, answer)]
    if own:
        yield f"moved through the range of its source: {', '.join(own)}"
    if told.burst is not None:
        idle, hours = percent(told.burst.idle_capacity_frac), percent(told.burst.off_peak_hours_frac)
        yield f"a fleet for that burst has {idle} of its capacity idle, and {hours} of its hours are off peak"
    if answer.case.rate_sd_log is not None:
        yield (
            "throughput is modelled, not measured: the ranges hold 80 %, the chance is that of the winner"
            " (docs/accuracy.md)"
        )
    if told.traffic is not None:
        yield f"traffic: {told.traffic.source}"
    yield from input_sentences(answer.case.inputs)
    yield "an API scales by itself and its models are updated for you; the same price does not mean the same quality"
    if told.prices_as_of:
        yield from facts.notes(told.prices_as_of, "on_demand")

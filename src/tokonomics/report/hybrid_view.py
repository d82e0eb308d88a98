"""Owning the base and buying the peaks as people read it: the best split beside the pure ways and the rule of thumb."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from tokonomics.economics.build_or_buy.hybrid import Strategy
from tokonomics.economics.build_or_buy.hybrid_case import HybridTold, explain_hybrid, load_curve_points
from tokonomics.economics.build_or_buy.hybrid_ranges import choice_ranges, split_ranges
from tokonomics.economics.figures.inputs import input_sentences
from tokonomics.economics.figures.ranges import OpenEnds, ends_of
from tokonomics.report.chart import Chart, Series
from tokonomics.report.explained import explained_table, inputs_dict
from tokonomics.report.facts import Facts
from tokonomics.report.numbers import percent, significant
from tokonomics.report.ranges import RANGE_TITLE, drop_empty, range_clause, range_text, ranges_dict
from tokonomics.report.view import Column, Table, View
from tokonomics.units import SECONDS_PER_DAY

_COLUMNS = (
    Column(title="way", missing=""),
    Column(title="replicas", key="num_replicas", style="count"),
    Column(title="in-house", key="served_frac", style="percent"),
    Column(title="used", key="utilisation_frac", style="percent", priority=1),
    Column(title="replicas", key="replicas_usd_per_month", unit="USD/month", style="number", digits=4, priority=2),
    Column(title="ops", key="ops_usd_per_month", unit="USD/month", style="number", digits=4, priority=3),
    Column(title="overflow", key="overflow_usd_per_month", unit="USD/month", style="number", digits=4, priority=2),
    Column(title="total", key="total_usd_per_month", unit="USD/month", style="number", digits=4),
    Column(title=RANGE_TITLE, key="total_usd_per_month_range", unit="USD/month"),
    Column(title="against API", key="saving_vs_api_frac", unit="saves", style="percent"),
)
_SHOWN_SPLITS = 8


def hybrid_dict(told: HybridTold) -> dict[str, Any]:
    """The body of the document."""
    answer, load, sd_log = told.answer, told.case.load, told.case.rate_sd_log
    return {
        "inputs": inputs_dict(told.case.inputs),
        "load": {
            "source": told.case.load_source,
            "mean_tokens_per_s": load.mean_tokens_per_s,
            "peak_tokens_per_s": load.peak_tokens_per_s,
            "num_windows": int(load.demand_tokens_per_s.size),
        },
        "range": None if sd_log is None else ranges_dict(choice_ranges(load, told.case.terms, sd_log)),
        "best": _strategy_dict(told, answer.best),
        "pure_api": _strategy_dict(told, answer.pure_api),
        "pure_self_host": _strategy_dict(told, answer.pure_self_host),
        "saving_vs_api_frac": answer.saving_vs_api_frac,
        "saving_vs_self_host_frac": answer.saving_vs_self_host_frac,
        "worthwhile_exceeded_frac": answer.worthwhile_exceeded_frac,
        "peak_overflow_tokens_per_s": told.peak_overflow_tokens_per_s,
        "rule": {
            **_strategy_dict(told, told.rule.rule),
            "captured_ratio": told.rule.captured_ratio,
            "regret_usd_per_month": told.rule.regret_usd_per_month,
        },
        "splits": [_strategy_dict(told, split) for split in told.splits],
        "explanation": explain_hybrid(told).to_dict(),
    }


def _strategy_dict(told: HybridTold, one: Strategy) -> dict[str, Any]:
    ranges = _ranges(told, one)
    return {**asdict(one), "range": ranges_dict(ranges) if ranges else None}


def _ranges(told: HybridTold, one: Strategy) -> Mapping[str, OpenEnds | None]:
    """The ranges of a split that has replicas of a modelled rate; else none."""
    case = told.case
    if case.rate_sd_log is None or not one.num_replicas:
        return {}
    return split_ranges(case.load, case.terms, one, case.rate_sd_log)


def hybrid_view(told: HybridTold, facts: Facts, *, as_ofs: tuple[str, ...], explained: bool = False) -> View:
    """Lay out the answer; `as_ofs` are the dates of the catalogue prices in it."""
    tables = [_strategies(told)]
    if explained:
        tables.append(explained_table(explain_hybrid(told)))
    return View(
        headline=tuple(_headline(told)),
        tables=tables,
        charts=tuple(_charts(told)),
        notes=tuple(_notes(told, facts, as_ofs)),
    )


def _headline(told: HybridTold) -> Iterator[str]:
    load, answer, best = told.case.load, told.answer, told.answer.best
    mean, peak = load.mean_tokens_per_s * SECONDS_PER_DAY / 1e6, load.peak_tokens_per_s * SECONDS_PER_DAY / 1e6
    sd_log, rate = told.case.rate_sd_log, told.case.terms.replica_tokens_per_s * SECONDS_PER_DAY / 1e6
    sure = range_clause(None if sd_log is None else ends_of(rate, sd_log))
    yield (
        f"{told.case.load_source}: {significant(mean)} M tokens/day on average, {significant(peak)} M/day at the peak;"
        f" one replica carries {significant(rate)} M/day{sure}"
    )
    split = f"{best.num_replicas} replica{'' if best.num_replicas == 1 else 's'} and the API above"
    way = {"api": "buy everything", "self-host": f"{best.num_replicas} of your own, nothing bought", "hybrid": split}
    cost = range_clause(_ranges(told, best).get("total_usd_per_month"), digits=4)
    yield (
        f"CHEAPEST  {way[best.name]}: {significant(best.total_usd_per_month, 4)} USD a month{cost};"
        f" {_against(answer.saving_vs_api_frac, 'the API alone')},"
        f" {_against(answer.saving_vs_self_host_frac, 'owning the peak')}"
    )
    threshold = answer.worthwhile_exceeded_frac
    pays = f"for more than {percent(threshold)} of the time" if threshold < 1 else "at no share of time"
    yield f"A REPLICA PAYS  when demand exceeds what stands below it {pays}, operations aside"
    yield f"RULE      {_rule(told)}"


def _against(saving_frac: float, rival: str) -> str:
    return f"{percent(saving_frac)} less than {rival}" if saving_frac > 5e-4 else f"the same as {rival}"


def _rule(told: HybridTold) -> str:
    rule = told.rule
    text = (
        f"{percent(rule.rule.served_frac)} in-house costs {significant(rule.rule.total_usd_per_month, 4)} USD a month"
    )
    if rule.captured_ratio is None:
        return f"{text}; owning the peak saves nothing here, so there is no saving to capture"
    return (
        f"{text}: {percent(rule.captured_ratio)} of what owning the peak saves,"
        f" {significant(rule.regret_usd_per_month, 4)} USD above the best split"
    )


def _strategies(told: HybridTold) -> Table:
    """The named ways, those of the same number of replicas in one row, and the splits next to the best."""
    named: dict[int, tuple[list[str], Strategy]] = {}
    for name, one in (
        ("API alone", told.answer.pure_api),
        ("best split", told.answer.best),
        ("rule of thumb", told.rule.rule),
        ("own the peak", told.answer.pure_self_host),
    ):
        named.setdefault(one.num_replicas, ([], one))[0].append(name)
    rows = [(", ".join(names), one) for names, one in named.values()]
    around = sorted(told.splits, key=lambda one: abs(one.num_replicas - told.answer.best.num_replicas))
    rows += [("", one) for one in around if one.num_replicas not in named][:_SHOWN_SPLITS]
    rows.sort(key=lambda pair: pair[1].num_replicas)
    api_usd = told.answer.pure_api.total_usd_per_month
    table = Table(columns=_COLUMNS, rows=[_row(told, name, one, api_usd) for name, one in rows])
    return drop_empty(table, "total_usd_per_month_range")


def _row(told: HybridTold, name: str, one: Strategy, api_usd: float) -> tuple[str | float | None, ...]:
    return (
        name,
        one.num_replicas,
        one.served_frac,
        one.utilisation_frac,
        one.replicas_usd_per_month,
        one.ops_usd_per_month,
        one.overflow_usd_per_month,
        one.total_usd_per_month,
        range_text(_ranges(told, one).get("total_usd_per_month"), digits=4),
        1.0 - one.total_usd_per_month / api_usd,
    )


def _charts(told: HybridTold) -> Iterator[Chart]:
    load, best = told.case.load, told.answer.best
    xs, ys = load_curve_points(load)
    series = [Series(name="demand that is exceeded for this share of time", xs=xs, ys=ys)]
    if best.num_replicas:
        level = best.num_replicas * told.case.terms.replica_tokens_per_s
        series.append(Series(name=f"capacity of {best.num_replicas} replicas", xs=[0.0, 1.0], ys=[level, level]))
    yield Chart(
        title="Load-duration curve",
        x_label="share of time",
        y_label="tokens/s",
        series=series,
        log_x=False,
        log_y=False,
    )
    if len(told.splits) > 2:
        yield Chart(
            title="Cost of every split",
            x_label="replicas of your own",
            y_label="USD a month",
            series=[
                Series(
                    name="replicas, operations and overflow",
                    xs=[one.num_replicas for one in told.splits],
                    ys=[one.total_usd_per_month for one in told.splits],
                )
            ],
            marks=[(best.num_replicas, best.total_usd_per_month)],
            mark_label="best split",
            log_x=False,
            log_y=False,
        )


def _notes(told: HybridTold, facts: Facts, as_ofs: tuple[str, ...]) -> Iterator[str]:
    if told.peak_overflow_tokens_per_s > 0 and told.answer.best.num_replicas:
        minute = told.peak_overflow_tokens_per_s * 60
        yield (
            f"at the peak the API must take {significant(minute)} tokens a minute{_overflow_clause(told)}; ask for that"
            " quota beforehand"
        )
    if told.case.rate_sd_log is not None:
        yield from _sure_notes(told, told.case.rate_sd_log)
    yield (
        "overflow by queue depth or time to first token, not by volume; both models must be good enough, the API's"
        " prompt cache is cold, and what must stay in-house cannot overflow"
    )
    yield from input_sentences(told.case.inputs)
    if as_ofs:
        yield from facts.notes(as_ofs, "on_demand")


def _overflow_clause(told: HybridTold) -> str:
    sd_log = told.case.rate_sd_log
    if sd_log is None:
        return ""
    ends = choice_ranges(told.case.load, told.case.terms, sd_log)["peak_overflow_tokens_per_s"]
    return range_clause(ends, unit_ratio=1 / 60)


def _sure_notes(told: HybridTold, sd_log: float) -> Iterator[str]:
    low, high = choice_ranges(told.case.load, told.case.terms, sd_log)["num_replicas"] or (0.0, 0.0)
    best = told.answer.best.num_replicas
    counts = f"{best}" if low == high else f"{low:.0f} to {high:.0f}"
    yield (
        "throughput is modelled, not measured: the ranges are of its 10-90 % (docs/accuracy.md), over which the"
        f" cheapest number of replicas is {counts}"
    )

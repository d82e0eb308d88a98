"""A simulation as people see it: latency, what became of the requests, where the money went, and the time line."""

from collections.abc import Iterator, Sequence

from tokonomics.report.chart import Chart, Series
from tokonomics.report.facts import UNPRICED, Facts
from tokonomics.report.numbers import duration, percent, significant
from tokonomics.report.ranges import RANGE_TITLE, range_clause, range_text
from tokonomics.report.view import Column, Table, View
from tokonomics.simulation.ask import Case, Replay
from tokonomics.simulation.escalation import Escalation
from tokonomics.simulation.figures import Interval
from tokonomics.simulation.hours import HourCost
from tokonomics.simulation.long_replay import Answer, LongReplay
from tokonomics.simulation.money import Money
from tokonomics.simulation.sureness import CostSureness, cost_sureness
from tokonomics.units import SECONDS_PER_HOUR
from tokonomics.workload.slo import METRICS

_MINUTE_S = 60.0
_MOST_CLASSES = 10
_FEWEST_HOURS = 12
_HOURS_SHOWN = 3
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NAMES = {"ttft": "first token", "itl": "gap between tokens", "e2e": "whole request"}


def simulate_view(case: Case, one: Answer, facts: Facts, intervals: Sequence[Interval] = ()) -> View:
    """Lay out one replay, with the intervals of its replications where there are some."""
    sure = cost_sureness(case, one)
    tables = [_latency_table(one), _request_table(one), _gpu_table(one.money), _cost_table(one.money, sure)]
    if one.summary.slo_checks:
        tables.insert(1, _slo_table(one))
    if isinstance(one, Replay) and one.escalation is not None:
        tables.append(_tier_table(one.escalation, one.money))
    if one.money.classes:
        tables.append(_class_table(one.money))
    if len(one.hours) >= _FEWEST_HOURS:
        tables.append(_hour_table(one))
    if intervals:
        tables.append(_interval_table(intervals))
    return View(
        headline=tuple(_headline(case, one, sure)),
        tables=tables,
        charts=(simulate_chart(one),),
        notes=tuple(_notes(case, one, facts, sure)),
    )


def simulate_chart(one: Answer) -> Chart:
    """Sequences running and requests waiting over time, the fleet as a whole."""
    line = one.timeline
    is_long = one.summary.span_s > 3 * SECONDS_PER_HOUR
    xs = ((line.start_s + line.window_s / 2) / (SECONDS_PER_HOUR if is_long else _MINUTE_S)).tolist()
    lines = [
        Series(name="sequences running", xs=xs, ys=line.batch_sequences.tolist()),
        Series(name="requests waiting", xs=xs, ys=line.queued_requests.tolist()),
    ]
    return Chart(
        title="running and waiting over time",
        x_label="hours since the first arrival" if is_long else "minutes since the first arrival",
        y_label="requests",
        series=lines,
        log_x=False,
        log_y=False,
    )


def _headline(case: Case, one: Answer, sure: CostSureness | None) -> Iterator[str]:
    dep, summary, spec = case.deployed.deployment, one.summary, case.spec
    part = f"PARTIAL: the first {summary.num_requests:,} of {one.num_asked:,} requests; " if one.is_partial else ""
    num = f"{spec.num_prefill_replicas} + {spec.num_replicas}" if spec.num_prefill_replicas else spec.num_replicas
    yield (
        f"{part}{dep.model.id} on {num} x ({dep.name}), {dep.constants.engine}; {summary.num_requests:,} requests over"
        f" {significant(summary.span_s / SECONDS_PER_HOUR)} h; {_price(case)}"
    )
    if summary.ttft and summary.e2e:
        yield (
            f"LATENCY  p95: {duration(summary.ttft.p95_s)} to the first token, {duration(summary.e2e.p95_s)} in all;"
            f" {_goodput(case, one)}"
        )
    cost = one.money.usd_per_mtok
    if cost is not None and one.money.usd is not None:
        ends = sure.usage_usd_per_mtok_ends if sure else None
        yield (
            f"COST     {significant(cost.allocation.blended_usd_per_mtok)} USD/M allocated,"
            f" {significant(cost.usage.blended_usd_per_mtok)} used{range_clause(ends)};"
            f" {significant(one.money.usd, 4)} USD in all; {_used(one)}"
        )


def _used(one: Answer) -> str:
    share = one.utilisation.utilisation_frac
    used = "" if share is None else f"{percent(share)} of capacity used, "
    return f"{used}a step running {percent(one.utilisation.stepping_frac)} of the time"


def _price(case: Case) -> str:
    price = case.price.usd_per_gpu_hour
    return UNPRICED if price is None else f"{significant(price)} USD a GPU-hour"


def _goodput(case: Case, one: Answer) -> str:
    good = one.summary.goodput_frac
    if good is None:
        return "nothing answered whose latency is known"
    return f"{percent(good)} within {case.slo}" if case.slo.limits else f"{percent(good)} answered"


def _latency_table(one: Answer) -> Table:
    rows = []
    for metric in METRICS:
        spread = getattr(one.summary, metric)
        cells = (None,) * 4 if spread is None else (spread.p50_s, spread.p95_s, spread.p99_s, spread.mean_s)
        rows.append((_NAMES[metric], *cells))
    names = ("p50", "p95", "p99", "mean")
    columns = (
        Column(title="latency"), *(Column(title=name, key=f"{name}_s", style="duration") for name in names),
    )  # fmt: skip
    return Table(columns=columns, rows=rows)


def _slo_table(one: Answer) -> Table:
    rows = [(check.limit.name, check.limit.limit_s, check.measured_s, check.is_met) for check in one.summary.slo_checks]
    columns = (
        Column(title="limit"),
        Column(title="at most", key="limit_s", style="duration"),
        Column(title="simulated", key="simulated_s", style="duration"),
        Column(title="met"),
    )
    return Table(columns=columns, rows=rows, title="Limits")


def _tier_table(found: Escalation, money: Money) -> Table:
    rows = [
        (one.backend, one.num_requests, one.num_answered, one.num_escalated, one.usd, one.verifier_usd)
        for one in found.tier_costs(money.fleet_usd)
    ]
    columns = (
        Column(title="tier"), Column(title="asked", key="num_requests", style="count"),
        Column(title="answered", key="num_answered", style="count"),
        Column(title="went up", key="num_escalated", style="count"),
        Column(title="USD", key="usd", style="number", missing=UNPRICED),
        Column(title="verifier USD", key="verifier_usd", style="number"),
    )  # fmt: skip
    return Table(columns=columns, rows=rows, title=f"Tiers: {percent(found.escalation_frac)} went up")


def _request_table(one: Answer) -> Table:
    summary = one.summary
    outputs = {**summary.output_by_status, "done": summary.output_by_status["served"], "cut": None}
    rows = [
        (name, num, num / summary.num_requests, outputs[name])
        for name, num in summary.num_by_status.items()
        if num or name == "done"
    ]
    columns = (
        Column(title="requests"),
        Column(title="number", key="num_requests", style="count"),
        Column(title="share", key="share_frac", style="percent"),
        Column(title="output tokens", style="count"),
    )
    return Table(columns=columns, rows=rows, title="What became of them")


def _gpu_table(money: Money) -> Table:
    time = money.gpu_time
    parts = {"prefill": time.prefill_s, "decode": time.decode_s, "idle": time.idle_s}
    parts |= {"loading": time.loading_s, "lost": time.lost_s, "billed beyond": time.billed_s - time.leased_s}
    rate = None if money.fleet_usd is None or not time.billed_s else money.fleet_usd / time.billed_s
    rows = [
        (name, value / SECONDS_PER_HOUR, value / time.billed_s if time.billed_s else None, rate and rate * value)
        for name, value in parts.items()
        if value or name in ("prefill", "decode", "idle")
    ]
    columns = (
        Column(title="GPU time"),
        Column(title="GPU-hours", key="gpu_hours", style="number", digits=4),
        Column(title="share", key="share_frac", style="percent"),
        Column(title="USD", key="usd", style="number", missing=UNPRICED),
    )
    return Table(columns=columns, rows=rows, title="Where the GPU time went")


def _cost_table(money: Money, sure: CostSureness | None) -> Table:
    cost = money.usd_per_mtok
    ends = {
        "allocation": sure.allocation_usd_per_mtok_ends if sure else None,
        "usage": sure.usage_usd_per_mtok_ends if sure else None,
    }
    rows = [
        (
            basis,
            *(getattr(getattr(cost, basis), f"{part}_usd_per_mtok") if cost else None for part in _PARTS),
            range_text(ends[basis]),
            (money.fleet_usd if basis == "allocation" else money.used_usd),
            money.api_usd,
        )
        for basis in ("allocation", "usage")
    ]
    columns = (
        Column(title="basis"),
        *(
            Column(title="USD/M", key=f"{part}_usd_per_mtok", unit=part, style="number", missing=UNPRICED)
            for part in _PARTS
        ),
        Column(title=RANGE_TITLE, key="blended_usd_per_mtok_range", unit="blended"),
        Column(title="fleet", key="fleet_usd", unit="USD", style="number", digits=4, missing=UNPRICED),
        Column(title="API", key="api_usd", unit="USD", style="number", digits=4),
    )
    return Table(columns=columns, rows=rows, title="What a million tokens cost")


def _class_table(money: Money) -> Table:
    largest = sorted(money.classes, key=lambda one: -(one.input_tokens + one.output_tokens))[:_MOST_CLASSES]
    rows = [(one.class_index, one.num_requests, one.input_tokens, one.output_tokens, one.usd) for one in largest]
    columns = (
        Column(title="client", style="count"),
        Column(title="requests", key="num_requests", style="count"),
        Column(title="input tokens", style="count"),
        Column(title="output tokens", style="count"),
        Column(title="USD", key="usd", style="number", missing=UNPRICED),
    )
    return Table(columns=columns, rows=rows, title=f"Largest of {len(money.classes):,} clients")


def _hour_table(one: Answer) -> Table:
    """The dearest and the cheapest hours of the week."""
    priced = sorted((hour for hour in one.hours if hour.usd_per_mtok is not None), key=lambda hour: -_dear(hour))
    shown = priced[:_HOURS_SHOWN] + priced[max(len(priced) - _HOURS_SHOWN, _HOURS_SHOWN) :]
    rows = [
        (
            f"{_DAYS[hour.hour_of_week // 24]} {hour.hour_of_week % 24:02d}:00",
            hour.num_requests,
            hour.output_tokens,
            hour.usd_per_mtok,
        )
        for hour in shown
    ]
    columns = (
        Column(title="hour, UTC"),
        Column(title="requests", key="num_requests", style="count"),
        Column(title="output tokens", style="count"),
        Column(title="USD/M", key="usd_per_mtok", style="number"),
    )
    return Table(columns=columns, rows=rows, title="The dearest and the cheapest hours of the week")


def _dear(hour: HourCost) -> float:
    return hour.usd_per_mtok or 0.0


def _interval_table(intervals: Sequence[Interval]) -> Table:
    rows = [(one.name, one.value, *one.bounds) for one in intervals]
    columns = (
        Column(title="figure"),
        Column(title="mean", style="number", digits=4),
        Column(title="95 % from", key="low", style="number", digits=4),
        Column(title="to", key="high", style="number", digits=4),
    )
    return Table(columns=columns, rows=rows, title=f"Over {intervals[0].num_replications} replications")


def _notes(case: Case, one: Answer, facts: Facts, sure: CostSureness | None) -> Iterator[str]:
    yield from case.demand.notes
    price = case.price
    if price.reason:
        yield f"unpriced: {price.reason}"
    elif price.provider:
        yield (
            f"price: {significant(price.offer_usd_per_gpu_hour or 0.0)} USD a GPU-hour, {price.purchase} {price.item}"
            f" @{price.provider}; {price.source}"
        )
    if case.spec.overflow is not None and case.spec.api_ttft_s is None and one.summary.overflow_frac > 0:
        yield "the API publishes no latency: its requests count in neither latency nor goodput; --api-ttft-s states it"
    if isinstance(one, LongReplay):
        yield from _long_notes(one)
    if one.is_partial:
        yield "interrupted: an exact replay of the requests that had arrived, not of all"
    yield f"times are modelled, not measured; seed {case.spec.seed}; batch and time line: the whole fleet"
    if sure is not None:
        yield _sure_sentence(sure)
    yield from facts.notes([price.as_of] if price.as_of else [], "on_demand")


def _long_notes(one: LongReplay) -> Iterator[str]:
    yield "too many requests to keep: percentiles are those of a sketch, within 0.5 % of the latency"
    if one.worst_seam_frac is not None:
        yield (
            f"replayed in {one.num_shards} parts that were warmed up; at the worst seam the requests in the system"
            f" differed by {percent(one.worst_seam_frac)}"
        )


def _sure_sentence(sure: CostSureness) -> str:
    leases = (
        "an autoscaled fleet is taken to follow the work" if sure.follows_load else "what is leased stays as replayed"
    )
    return (
        "the replay is at the central constants; the range of USD/M holds 80 % by the spread of the rate at the mean"
        f" operating point, {significant(sure.at.batch_sequences)} sequences of"
        f" {significant(sure.at.context_tokens)} tokens a busy replica (docs/accuracy.md); {leases};"
        " latencies and limits have no range"
    )


_PARTS = ("input", "output", "blended")

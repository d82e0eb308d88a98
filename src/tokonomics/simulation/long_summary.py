"""The sums of a long replay as its summary, its work and its time line."""

from dataclasses import dataclass

import numpy as np

from tokonomics.simulation.ask import Case
from tokonomics.simulation.long_api import ApiSums
from tokonomics.simulation.shard import ShardResult, windows_of
from tokonomics.simulation.sketch import Sketch, quantile_s
from tokonomics.simulation.state import LOST, OVERFLOWED, REJECTED, STATUS_NAMES, Floats, Ints
from tokonomics.simulation.summary import SloCheck, Spread, Summary
from tokonomics.simulation.tally import Tally
from tokonomics.simulation.timeline import Timeline
from tokonomics.simulation.work import Work
from tokonomics.workload.slo import METRICS, SloLimit

MOST_ROWS = 168
"""Rows of the time line of a long replay."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Whole:
    """All shards together, and each."""

    tally: Tally
    api: ApiSums
    sketches: tuple[Sketch, ...]
    results: tuple[ShardResult, ...]

    @property
    def span_s(self) -> float:
        """Time that is accounted for, from the first arrival on."""
        return sum(one.ended.now_s - one.begun.now_s for one in self.results)


def long_work(case: Case, whole: Whole) -> Work:
    """The work of all shards; each counts the fleet's time between its first and its last account."""
    tally = whole.tally
    spans = [(one.begun, one.ended) for one in whole.results]
    inputs = tally.sum_of("served_input")
    return Work(
        num_served=int(tally.status[:2].sum()),
        input_tokens=inputs,
        prompt_tokens=inputs - tally.sum_of("cached_input"),
        output_tokens=tally.sum_of("served_output"),
        busy_s=sum(ended.busy_s - begun.busy_s for begun, ended in spans),
        leased_s=leased_s(case, whole),
        sequence_time_s=sum(ended.sequence_time_s - begun.sequence_time_s for begun, ended in spans),
        kv_token_time_s=sum(ended.kv_token_time_s - begun.kv_token_time_s for begun, ended in spans),
    )


def leased_s(case: Case, whole: Whole) -> float:
    """Seconds that replicas were leased: as accounted in one piece, and of a fixed fleet in shards all the time."""
    accounts = whole.results[0].accounts
    if accounts is not None:
        return float(accounts.leased_s.sum())
    return sum(one.num_replicas for one in case.fleet.replicas) * whole.span_s


def long_summary(case: Case, whole: Whole, work: Work) -> Summary:
    """The numbers of a long replay."""
    tally = whole.tally
    num = int(tally.status.sum())
    served_output, inputs = tally.sum_of("served_output"), tally.sum_of("served_input")
    judged = tally.sum_of("judged")
    leased = max(work.leased_s, 1e-12)
    spreads = {metric: _spread(whole, at) for at, metric in enumerate(METRICS)}
    return Summary(
        num_requests=num,
        num_by_status=dict(zip(STATUS_NAMES, tally.status.tolist())),
        output_by_status={
            "served": served_output,
            "cut": tally.sum_of("cut_output"),
            "rejected": int(tally.asked[REJECTED]),
            "overflowed": int(tally.asked[OVERFLOWED]),
            "lost": int(tally.asked[LOST]),
        },
        ttft=spreads["ttft"],
        itl=spreads["itl"],
        e2e=spreads["e2e"],
        goodput_frac=tally.sum_of("good") / judged if judged else None,
        slo_checks=tuple(_checked(whole, limit) for limit in case.slo.limits),
        stepping_frac=work.busy_s / leased,
        overflow_frac=float(tally.status[OVERFLOWED]) / num,
        input_tokens=int(tally.hours[:, 1].sum()),
        output_tokens=served_output + int(tally.asked[OVERFLOWED]),
        cached_input_frac=tally.sum_of("cached_input") / inputs if inputs else 0.0,
        span_s=whole.span_s,
        mean_batch_sequences=work.sequence_time_s / leased,
        mean_kv_tokens=work.kv_token_time_s / leased,
        num_preemptions=tally.sum_of("preemptions"),
        num_losses=tally.sum_of("losses"),
    )


def long_timeline(case: Case, whole: Whole) -> Timeline:
    """The windows in at most MOST_ROWS rows of equal length; the fleet as a whole. A window that is left out is 0."""
    edges_s = windows_of(case).edges_s
    num = edges_s.size - 1
    group = -(-num // MOST_ROWS)
    starts = np.arange(0, num, group)
    width_s = np.diff(np.append(edges_s[starts], edges_s[-1]))

    def rows(values: Floats | Ints) -> Floats:
        return np.asarray(np.add.reduceat(values.astype(float), starts))

    busy, sequences, tokens = (
        rows(np.sum([getattr(one, name) for one in whole.results], axis=0))
        for name in ("busy_s", "sequence_time_s", "kv_token_time_s")
    )
    arrivals, sent = rows(whole.tally.arrivals), rows(whole.tally.sent)
    replicas = max(leased_s(case, whole) / max(whole.span_s, 1e-12), 1e-12)
    return Timeline(
        window_s=float(width_s[0]),
        start_s=edges_s[starts] - edges_s[0],
        requests_per_s=arrivals / width_s,
        batch_sequences=sequences / width_s,
        queued_requests=rows(whole.tally.waited_s) / width_s,
        kv_tokens=tokens / width_s,
        stepping_frac=np.minimum(busy / width_s / replicas, 1.0),
        overflow_frac=np.divide(sent, arrivals, out=np.zeros(arrivals.size), where=arrivals > 0),
    )


def _spread(whole: Whole, at: int) -> Spread | None:
    known = int(whole.tally.known[at])
    found = [quantile_s(whole.sketches[at], share) for share in (0.5, 0.95, 0.99)]
    if not known or None in found:
        return None
    p50_s, p95_s, p99_s = (value or 0.0 for value in found)
    return Spread(p50_s=p50_s, p95_s=p95_s, p99_s=p99_s, mean_s=float(whole.tally.latency_s[at]) / known)


def _checked(whole: Whole, limit: SloLimit) -> SloCheck:
    at = METRICS.index(limit.metric)
    if limit.percentile == "mean":
        spread = _spread(whole, at)
        return SloCheck(limit=limit, measured_s=spread.mean_s if spread else None)
    return SloCheck(limit=limit, measured_s=quantile_s(whole.sketches[at], limit.percentile / 100.0))

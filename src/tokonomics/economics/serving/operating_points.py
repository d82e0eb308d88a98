"""The batch to run at: the largest that keeps every limit of an SLO, what it costs, and what being quick costs extra.

Throughput rises with the batch, so the largest batch within the limits is the cheapest. A limit names its percentile;
the mean is a choice like any other, and a milder one.
"""

from dataclasses import dataclass

import numpy as np

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.quoting.demand import limit_percentile
from tokonomics.economics.serving.frontier import Sweep, SweepPoint, sweep_point
from tokonomics.economics.serving.replica import Replica, metric_at_s
from tokonomics.economics.serving.replica_spread import limits_probability
from tokonomics.economics.serving.stack_assumptions import assumed_figures
from tokonomics.workload.slo import Slo, SloLimit

UNLIMITED = Slo(limits=())


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatingPoint:
    """Where a deployment runs under `slo`. `batch` is None where not even one sequence keeps it; `reason` says by what.

    `binds` is the limit that stops a larger batch, `capacity` or `sequences` where memory or the engine does.
    `premium_ratio` is its cost of a token over that without any limit; None where it does not run.
    `slo_probability` is the chance that the limits hold at that batch, or at 1 where none is; None without limits.
    """

    name: str
    slo: Slo
    batch: int | None
    point: SweepPoint | None
    premium_ratio: float | None
    slo_probability: float | None
    binds: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedFleet:
    """One fleet at the quick operating point for all work, against one fleet for each kind.

    Replicas are whole; `saving_usd_per_hour` is what two fleets save (negative where they cost more: both rounded up).
    """

    num_shared_replicas: int
    num_interactive_replicas: int
    num_batch_replicas: int
    shared_usd_per_hour: float
    apart_usd_per_hour: float
    saving_usd_per_hour: float
    is_shared_better: bool


def operating_point(one: Sweep, slo: Slo, *, name: str = "") -> OperatingPoint:
    """The largest batch of `one` that keeps every limit of `slo`.

    Raises: InputError for a limit on `ttft` or `e2e` under a load without prompts.

    >>> from tokonomics.catalog.load import load_catalog
    >>> from tokonomics.economics.serving.frontier import sweep
    >>> from tokonomics.economics.serving.steady_load import decode_only
    >>> from tokonomics.physics.deployment import deployment
    >>> from tokonomics.workload.slo import parse_slo
    >>> facts = load_catalog()
    >>> llama, h100 = facts.model("llama-3-70b"), facts.accelerator("h100-sxm")
    >>> swept = sweep(deployment(llama, h100, precision="int4-awq", engine="roofline"), decode_only(1536))
    >>> operating_point(swept, parse_slo("itl_mean=16ms")).batch
    31
    """
    title = name or str(slo) or "no limit"
    replica = one.replica
    kept = [_largest_kept(replica, limit) for limit in slo.limits]
    batch = min([replica.max_batch, *kept])
    if batch == 0:
        reason = "; ".join(_miss(replica, limit) for limit, most in zip(slo.limits, kept) if most == 0)
        return OperatingPoint(
            name=title,
            slo=slo,
            batch=None,
            point=None,
            premium_ratio=None,
            slo_probability=limits_probability(replica, 1.0, slo.limits),
            binds="latency",
            reason=reason,
        )
    point = sweep_point(replica, batch, one.replica_usd_per_hour, one.tail_percentile, one.bands)
    tight = [str(limit) for limit, most in zip(slo.limits, kept) if most == batch < replica.max_batch]
    return OperatingPoint(
        name=title,
        slo=slo,
        batch=batch,
        point=point,
        premium_ratio=float(one.dense.output_tokens_per_s[-1]) / point.output_tokens_per_s,
        slo_probability=limits_probability(replica, float(batch), slo.limits),
        binds=", ".join(tight) or one.changes[-1].binds,
        reason="",
    )


def preset_slos(percentile: float) -> dict[str, Slo]:
    """The article's presets on the gap between tokens, at the mean and at `percentile`, and no limit at all.

    Source: the article, section 5, which states limits without saying of what. Raises: InputError for a percentile
    outside 0..100.

    >>> {name: str(slo) for name, slo in preset_slos(99).items()}["real-time, p99"]
    'itl_p99=50ms'
    """
    found: dict[str, Slo] = {}
    for row, limit_s in assumed_figures("slo_presets").items():
        title = row.removesuffix("_s").replace("_", "-")
        for limit in (
            SloLimit(metric="itl", percentile=percentile, limit_s=limit_s),
            SloLimit(metric="itl", percentile="mean", limit_s=limit_s),
        ):
            found[f"{title}, {limit.name.removeprefix('itl_')}"] = Slo(limits=(limit,))
    return {**found, "batch": UNLIMITED}


def premium_ratio(quick: OperatingPoint, slow: OperatingPoint) -> float | None:
    """What a token costs at `quick` over what it costs at `slow`; None where either does not run.

    Both run on the same replica at the same price, so it is the inverse ratio of their throughputs.
    """
    if quick.point is None or slow.point is None:
        return None
    return slow.point.output_tokens_per_s / quick.point.output_tokens_per_s


def shared_fleet(
    *,
    interactive_tokens_per_s: float,
    batch_tokens_per_s: float,
    quick_tokens_per_s: float,
    slow_tokens_per_s: float,
    replica_usd_per_hour: float,
) -> SharedFleet:
    """Whether one operating point should serve both kinds of work.

    `interactive_tokens_per_s` and `batch_tokens_per_s` are the output asked for, `quick_tokens_per_s` and
    `slow_tokens_per_s` what a replica yields at either point. Peaks are the caller's to put in.

    >>> fleet = shared_fleet(interactive_tokens_per_s=1000, batch_tokens_per_s=1000, quick_tokens_per_s=1520,
    ...                      slow_tokens_per_s=2450, replica_usd_per_hour=2.49)
    >>> fleet.num_shared_replicas, fleet.num_interactive_replicas + fleet.num_batch_replicas, fleet.is_shared_better
    (2, 2, True)
    """
    checks = Checks().non_negative(
        interactive_tokens_per_s=interactive_tokens_per_s, batch_tokens_per_s=batch_tokens_per_s
    )
    checks.positive(
        quick_tokens_per_s=quick_tokens_per_s,
        slow_tokens_per_s=slow_tokens_per_s,
        replica_usd_per_hour=replica_usd_per_hour,
    ).done()
    shared = _replicas(interactive_tokens_per_s + batch_tokens_per_s, quick_tokens_per_s)
    quick = _replicas(interactive_tokens_per_s, quick_tokens_per_s)
    slow = _replicas(batch_tokens_per_s, slow_tokens_per_s)
    saving = (shared - quick - slow) * replica_usd_per_hour
    return SharedFleet(
        num_shared_replicas=shared,
        num_interactive_replicas=quick,
        num_batch_replicas=slow,
        shared_usd_per_hour=shared * replica_usd_per_hour,
        apart_usd_per_hour=(quick + slow) * replica_usd_per_hour,
        saving_usd_per_hour=saving,
        is_shared_better=saving <= 0,
    )


def _largest_kept(replica: Replica, limit: SloLimit) -> int:
    """The largest batch up to which every batch keeps `limit`; 0 where the first does not."""
    values = metric_at_s(replica, replica.batches, limit.metric, limit_percentile(limit))
    misses = np.flatnonzero(~(values <= limit.limit_s))
    return int(misses[0]) if misses.size else replica.max_batch


def _miss(replica: Replica, limit: SloLimit) -> str:
    value = float(metric_at_s(replica, 1.0, limit.metric, limit_percentile(limit)))
    return (
        f"{limit.name}={value:.3g} s at batch 1; limit={limit.limit_s:g} s; use faster memory, more GPUs or fewer bits"
    )


def _replicas(tokens_per_s: float, replica_tokens_per_s: float) -> int:
    return int(np.ceil(tokens_per_s / replica_tokens_per_s - 1e-9))

"""Self-hosted options: every deployment that fits, sized for the traffic and priced at every offer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tokonomics.catalog.offer import Offer
from tokonomics.economics.figures.cost_per_token import CostBases, token_cost
from tokonomics.economics.hardware.bundle_tax import num_boxes
from tokonomics.economics.hardware.owned import ANY_SIZE
from tokonomics.economics.quoting.candidates import Candidates
from tokonomics.economics.quoting.demand import Demand, limit_percentile
from tokonomics.economics.quoting.fleet_size import FleetSizes, Floats, metric_s, size_fleets
from tokonomics.economics.quoting.options import Operation, Option, Price, Range
from tokonomics.economics.quoting.slo_chance import slo_probabilities
from tokonomics.physics.deployment import Deployment
from tokonomics.physics.latency import latency_estimate
from tokonomics.physics.steady import steady_batch
from tokonomics.physics.step import StepModel, step_time
from tokonomics.physics.uncertainty import Z90, step_spread
from tokonomics.units import HOURS_PER_MONTH
from tokonomics.workload.slo import SloLimit

REPORTED_PERCENTILE = 95.0
_METRICS = ("ttft", "itl", "e2e")
_AT_CAPACITY_FRAC = 0.98


@dataclass(frozen=True, kw_only=True, slots=True)
class Fleet:
    """One sized fleet of a deployment, not yet priced."""

    deployment: Deployment
    operation: Operation
    latency_s: dict[str, float]
    fails: tuple[str, ...]
    rate_sd_log: float
    slo_probability: float | None
    num_replicas_p10_p90: tuple[int, int]


def fleets(found: Candidates, demand: Demand, *, num_spare_replicas: int = 0) -> list[Fleet]:
    """Size a fleet for each candidate; those that cannot carry the load at all are dropped."""
    if found.step is None:
        return []
    sizes = size_fleets(found.step, found.max_batch_sequences, demand, num_spare_replicas=num_spare_replicas)
    runs = sizes.num_replicas > 0
    deployments = [dep for dep, keep in zip(found.deployments, runs, strict=True) if keep]
    return _evaluate(deployments, found.step.pick(runs), found.max_batch_sequences[runs], sizes.pick(runs), demand)


def _evaluate(
    deployments: Sequence[Deployment], step: StepModel, max_batch: Floats, sizes: FleetSizes, demand: Demand
) -> list[Fleet]:
    latency = {
        _latency_name(metric, percentile): metric_s(
            latency_estimate(step, sizes.batch_sequences, demand.shape, demand.spread_at(percentile), percentile),
            metric,
        )
        for metric, percentile in _asked(demand.slo.limits)
    }
    steady = steady_batch(step, sizes.batch_sequences, demand.shape)
    per_step = sizes.batch_sequences * demand.shape.input_tokens / demand.shape.output_tokens
    binds = step_time(
        step, sizes.batch_sequences, demand.shape.context_tokens, per_step, demand.shape.input_tokens / 2
    ).binds
    spread = step_spread(
        deployments, step, sizes.batch_sequences, demand.shape.context_tokens, per_step, demand.shape.input_tokens / 2
    )
    likely = slo_probabilities(demand.slo.limits, latency, spread)
    least, most = (_replicas(sizes, demand, np.exp(sign * Z90 * spread.rate_sd_log)) for sign in (1.0, -1.0))
    utilisation = demand.requests_per_s / (sizes.capacity_requests_per_s * sizes.num_replicas)
    return [
        Fleet(
            deployment=dep,
            operation=Operation(
                model=dep.model.id,
                accelerator=dep.accelerator.id,
                precision=dep.precision.id,
                engine=dep.constants.engine,
                gpus_per_replica=dep.num_gpus,
                num_replicas=int(sizes.num_replicas[i]),
                capacity_requests_per_s=float(sizes.capacity_requests_per_s[i]),
                utilisation_frac=float(utilisation[i]),
                batch_sequences=float(sizes.batch_sequences[i]),
                max_batch=int(max_batch[i]),
                output_tokens_per_s=float(steady.output_tokens_per_s[i]),
                prefill_frac=float(steady.prefill_frac[i]),
                binds="capacity" if sizes.batch_sequences[i] > _AT_CAPACITY_FRAC * max_batch[i] else str(binds[i]),
            ),
            latency_s={name: float(values[i]) for name, values in latency.items()},
            fails=tuple(_failed(demand.slo.limits, latency, i)),
            rate_sd_log=float(spread.rate_sd_log[i]),
            slo_probability=None if likely is None else float(likely[i]),
            num_replicas_p10_p90=(int(least[i]), int(most[i])),
        )
        for i, dep in enumerate(deployments)
    ]


def _replicas(sizes: FleetSizes, demand: Demand, faster_ratio: Floats) -> Floats:
    """Replicas that the load would take if each carried `faster_ratio` times as much; spares stay."""
    capacity = sizes.capacity_requests_per_s
    spares = sizes.num_replicas - np.maximum(np.ceil(demand.peak_requests_per_s / capacity - 1e-9), 1.0)
    needed = np.ceil(demand.peak_requests_per_s / (capacity * faster_ratio) - 1e-9)
    return np.asarray(np.maximum(needed, 1.0) + spares)


def _asked(limits: Sequence[SloLimit]) -> list[tuple[str, float | None]]:
    """The latencies to report: p95 of every metric, and whatever the SLO names besides."""
    named = [(limit.metric, limit_percentile(limit)) for limit in limits]
    always = [*((metric, REPORTED_PERCENTILE) for metric in _METRICS), ("e2e", None)]
    return list(dict.fromkeys([*always, *named]))


def _latency_name(metric: str, percentile: float | None) -> str:
    return f"{metric}_mean" if percentile is None else f"{metric}_p{percentile:g}"


def _failed(limits: Sequence[SloLimit], latency: dict[str, Floats], i: int) -> Iterator[str]:
    for limit in limits:
        value = float(latency[limit.name][i])
        if value > limit.limit_s * (1.0 + 1e-9):
            yield f"{limit.name}={value:.3g}s > {limit.limit_s:g}s"


def priced(fleet: Fleet, offer: Offer, purchase: str, demand: Demand) -> Option | None:
    """Price a fleet at an offer; None where the replica does not fit into the offer's box.

    An offer per accelerator is sold in boxes as large as the replica. A replica never spans boxes: tensor
    parallelism needs the link inside one.
    """
    run = fleet.operation
    box_gpus = run.gpus_per_replica if offer.instance == ANY_SIZE else offer.num_gpus
    if run.gpus_per_replica > box_gpus:
        return None
    boxes = num_boxes(num_replicas=run.num_replicas, gpus_per_replica=run.gpus_per_replica, gpus_per_box=box_gpus)
    gpu_hourly = offer.usd_per_gpu_hour(purchase)
    hourly = None if gpu_hourly is None else gpu_hourly * box_gpus
    price = Price(
        provider=offer.provider,
        item=offer.instance,
        region=offer.region,
        purchase=purchase,
        usd_per_hour=hourly,
        num_gpus=box_gpus,
        as_of=offer.as_of,
        source=offer.source,
        status=offer.status,
    )
    month_usd = None if hourly is None else boxes * hourly * HOURS_PER_MONTH
    used_frac = run.num_replicas * run.gpus_per_replica / (boxes * box_gpus)
    option = _option(fleet, price, demand, num_gpus=boxes * box_gpus, month_usd=month_usd, used_frac=used_frac)
    ends = [
        num_boxes(num_replicas=count, gpus_per_replica=run.gpus_per_replica, gpus_per_box=box_gpus) / boxes
        for count in fleet.num_replicas_p10_p90
    ]
    return with_range(option, ratios=(ends[0], ends[1]), usage_sd_log=fleet.rate_sd_log)


def with_range(option: Option, *, ratios: tuple[float, float], usage_sd_log: float) -> Option:
    """`option` with its 10-90 % range: the bill at `ratios` of the expected one, the work as sure as the rate."""
    if option.usd_per_month is None or option.usd_per_mtok is None:
        return option
    both, widening = option.usd_per_mtok, float(np.exp(Z90 * usage_sd_log))
    low, high = ratios
    paid, worked = both.allocation.blended_usd_per_mtok, both.usage.blended_usd_per_mtok
    return replace(
        option,
        usd_per_month_range=Range(p10_usd=option.usd_per_month * low, p90_usd=option.usd_per_month * high),
        allocation_range=Range(p10_usd=paid * low, p90_usd=paid * high),
        usage_range=Range(p10_usd=worked / widening, p90_usd=worked * widening),
    )


def unpriced(fleet: Fleet, demand: Demand) -> Option:
    """The fleet with no price at all: the catalogue has no offer of this part."""
    used = fleet.operation.num_replicas * fleet.operation.gpus_per_replica
    price = Price(
        provider="", item=fleet.operation.accelerator, region="", purchase="", usd_per_hour=None, num_gpus=0,
        as_of="", source="", status="unpriced",
    )  # fmt: skip
    return _option(fleet, price, demand, num_gpus=used, month_usd=None, used_frac=1.0)


def _option(
    fleet: Fleet, price: Price, demand: Demand, *, num_gpus: int, month_usd: float | None, used_frac: float
) -> Option:
    run = fleet.operation
    owner = f" @{price.provider}" if price.provider else ""
    return Option(
        name=f"{run.model} {run.precision} {run.num_replicas}x({run.gpus_per_replica}x {run.accelerator}){owner}",
        kind="self_host",
        price=price,
        usd_per_mtok=None if month_usd is None else _both_bases(month_usd, used_frac, run, demand),
        usd_per_month=month_usd,
        operation=run,
        num_gpus=num_gpus,
        num_used_gpus=run.num_replicas * run.gpus_per_replica,
        latency_s=fleet.latency_s,
        meets_slo=not fleet.fails,
        fails=fleet.fails,
        slo_probability=fleet.slo_probability,
    )


def _both_bases(month_usd: float, used_frac: float, run: Operation, demand: Demand) -> CostBases:
    """Allocation spreads the whole bill; usage only the share of it that worked at the SLO capacity."""
    worked_usd = month_usd * used_frac * min(run.utilisation_frac, 1.0)
    allocation, usage = (
        token_cost(usd, demand.month, input_share_frac=run.prefill_frac) for usd in (month_usd, worked_usd)
    )
    return CostBases(allocation=allocation, usage=usage)


def best_by(options: Sequence[Option], key: Callable[[Option], Any]) -> list[Option]:
    """Keep the best-ranked option of each `key`, in rank order."""
    best: dict[Any, Option] = {}
    for option in sorted(options, key=rank):
        best.setdefault(key(option), option)
    return list(best.values())


def rank(option: Option) -> tuple[bool, bool, float]:
    """Order of preference: within the SLO (or unknown) first, then priced, then cheapest."""
    cost = option.usd_per_month
    return (option.meets_slo is False, cost is None, np.inf if cost is None else cost)

"""What a lower latency costs, for each model with its quality: the frontier of cost, latency and quality.

Every deployment is followed over its batch, machines of one kind at a time: a larger batch carries more and answers
later. What is cheapest within each latency is the line of its model. Spot is left out, for its price needs a replay.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.economics.quoting.fleet_size import headroom_sequences, limited_s, replica_requests_per_s
from tokonomics.planning.ask import Planned
from tokonomics.planning.buckets import Buckets
from tokonomics.planning.market import Sale
from tokonomics.planning.operate import Operated
from tokonomics.planning.search import Searched
from tokonomics.planning.tiers import graded_name
from tokonomics.workload.slo import SloLimit

Floats = NDArray[np.float64]

_NUM_BATCHES: Final = 48
_USUAL: Final = SloLimit(metric="itl", percentile=95.0, limit_s=1.0)
"""What is drawn where the question limits no latency; the limit itself is not used."""
_FOLLOWING: Final = ("on_demand",)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Tradeoff:
    """The least that one model costs within each latency; arrays of shape (points,), the latency rising.

    name: of the model, with a precision whose quality was measured by itself.  quality_frac: as the user's table has
    it, else None.  The cost falls from point to point, and holds up to the next.
    """

    name: str
    quality_frac: float | None
    latency_s: Floats
    usd_per_month: Floats


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Frontier:
    """All models over one latency, `limit`, within all other limits; best quality first.

    plan_point: latency (s) and cost (USD a month) of the recommended plan as replayed; None where it was not.
    hosted_name, hosted_usd_per_month: of the endpoints that could answer everything, "" and None where none can.
    hosted_latency_s: of endpoints, as the user states it, else None.
    """

    limit: SloLimit
    lines: tuple[Tradeoff, ...]
    plan_point: tuple[float, float] | None
    hosted_name: str
    hosted_usd_per_month: float | None
    hosted_latency_s: float | None


def frontier(planned: Planned) -> Frontier:
    """The frontier around the recommended plan, over the limit between tokens where there is one, else the first."""
    slo, searched = planned.asked.slo, planned.searched
    limit = next(iter((*slo.limits_of("itl"), *slo.limits, _USUAL)))
    lines = () if searched.operated is None else tuple(_lines(searched, searched.operated, limit))
    calls = next((one.draft for one in planned.plans if one.name == "all_api"), None)
    stated = {"ttft": planned.asked.simulation.api_ttft_s, "itl": planned.asked.simulation.api_itl_s}
    return Frontier(
        limit=limit,
        lines=tuple(sorted(lines, key=lambda one: (-(one.quality_frac or 0.0), one.name))),
        plan_point=_plan_point(planned, limit),
        hosted_name=", ".join(one.hosted.name for one in calls.calls) if calls else "",
        hosted_usd_per_month=calls.usd_per_month if calls else None,
        hosted_latency_s=stated.get(limit.metric),
    )


def _lines(searched: Searched, operated: Operated, limit: SloLimit) -> Iterator[Tradeoff]:
    latency_s, rates = _operating_points(searched, operated, limit)
    points: dict[tuple[str, float | None], list[tuple[Floats, Floats]]] = {}
    for index, dep in enumerate(operated.deployments):
        costs = _least_usd_per_month(searched, dep.accelerator.id, dep.num_gpus, rates[index])
        if costs is not None:
            graded = graded_name(searched.asked.spec, dep.model.id, dep.precision.id)
            points.setdefault(graded, []).append((latency_s[index], costs))
    for (name, quality_frac), found in points.items():
        xs, ys = _envelope(*(np.concatenate(each) for each in zip(*found, strict=True)))
        if xs.size:
            yield Tradeoff(name=name, quality_frac=quality_frac, latency_s=xs, usd_per_month=ys)


def _operating_points(searched: Searched, operated: Operated, limit: SloLimit) -> tuple[Floats, Floats]:
    """Latency and requests/s of each deployment over its batch, (n, batches); no rate where another limit is missed."""
    demand, columns = searched.asked.demand, operated.step.column()
    most = np.maximum(operated.max_batch_sequences, 1.0)
    batch = np.geomspace(np.ones_like(most), most, _NUM_BATCHES, axis=-1)
    fits = headroom_sequences(batch) <= operated.max_batch_sequences[:, None]
    for other in demand.slo.limits:
        if other != limit:
            fits &= limited_s(columns, batch, demand, other) <= other.limit_s
    return limited_s(columns, batch, demand, limit), np.where(fits, replica_requests_per_s(columns, batch, demand), 0.0)


def _least_usd_per_month(searched: Searched, part: str, num_gpus: int, rates: Floats) -> Floats | None:
    """The cheapest month of machines that carry `rates` (requests/s) each; None where nobody sells a box so large."""
    sold: dict[tuple[int, bool], float] = {}
    for sale in searched.offered:
        if sale.offer.accelerator_id == part and num_gpus <= (sale.most_gpus_per_replica or num_gpus):
            key, usd = _bundle(sale, num_gpus)
            if sale.purchase != "spot":
                sold[key] = min(usd, sold.get(key, np.inf))
    buckets, spares = searched.asked.buckets, searched.market.num_spare_replicas
    each = [
        usd_per_hour * _bundle_hours(buckets, rates, spares, per_bundle, follows)
        for (per_bundle, follows), usd_per_hour in sold.items()
    ]
    return np.min(each, axis=0) if each else None


def _bundle(sale: Sale, num_gpus: int) -> tuple[tuple[int, bool], float]:
    """Replicas in a box and whether it is paid only in the hours that it runs; and what it costs an hour."""
    box = sale.gpus_per_box(num_gpus)
    return (box // num_gpus, sale.purchase in _FOLLOWING), sale.gpu_usd_per_hour * box


def _bundle_hours(buckets: Buckets, rates: Floats, spares: int, per_bundle: int, follows: bool) -> Floats:
    """Bundles times hours of a month, for each of `rates`; inf where they carry nothing."""
    with np.errstate(divide="ignore"):
        replicas = np.ceil(buckets.requests_per_s[:, None] / rates - 1e-9) + spares
    bundles = np.ceil(np.maximum(replicas, 1.0) / per_bundle)
    if follows and buckets.can_follow:
        return np.asarray(buckets.hours @ bundles)
    return np.asarray(bundles.max(axis=0) * buckets.hours.sum())


def _envelope(latency_s: Floats, usd: Floats) -> tuple[Floats, Floats]:
    """The points that no other beats in both, the latency rising.

    >>> _envelope(np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 5.0]))
    (array([1., 3.]), array([2., 1.]))
    """
    kept = np.isfinite(usd) & np.isfinite(latency_s)
    latency_s, usd = latency_s[kept], usd[kept]
    order = np.lexsort((usd, latency_s))
    best = np.minimum.accumulate(usd[order])
    falls = np.concatenate(([True], best[1:] < best[:-1]))[: order.size]
    return latency_s[order][falls], best[falls]


def _plan_point(planned: Planned, limit: SloLimit) -> tuple[float, float] | None:
    """The recommended plan where its replay put it."""
    proven, usd = planned.best.proven, planned.best.draft.usd_per_month
    if proven is None:
        return None
    checks = {one.limit: one.measured_s for one in proven.proof.checks}
    itl = proven.proof.summary.itl
    found = checks.get(limit, itl.p95_s if itl and limit is _USUAL else None)
    return None if found is None else (found, usd)

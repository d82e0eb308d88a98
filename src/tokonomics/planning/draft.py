"""A draft of a plan: what the optimiser buys, before the traffic was replayed on it."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tokonomics.planning.buckets import Buckets
from tokonomics.planning.families import Family, Posed
from tokonomics.planning.fleet_problem import FleetSolution, Way
from tokonomics.planning.hosted import Hosted
from tokonomics.planning.shortlist import Item
from tokonomics.units import SECONDS_PER_HOUR

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_NONE = 1e-9
"""Calls a request below which an endpoint is not called at all: what rounding leaves."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Purchase:
    """An item and how many replicas of it run in each bucket, shape (buckets,); whole bundles are paid."""

    item: Item
    num_replicas: Counts

    @property
    def most_replicas(self) -> int:
        """Replicas in the bucket that has the most."""
        return int(self.num_replicas.max())

    @property
    def num_bundles(self) -> Counts:
        """Bundles that are paid in each bucket, shape (buckets,)."""
        return -(-self.num_replicas // self.item.replicas_per_bundle)

    def paid_bundle_hours(self, buckets: Buckets) -> float:
        """Bundles times hours that are paid in a month; what is committed is paid in all of them."""
        follows = buckets.can_follow and self.item.sale.purchase in ("on_demand", "spot")
        bundles = self.num_bundles if follows else np.full(buckets.hours.shape, self.num_bundles.max())
        return float(bundles @ buckets.hours)

    def usd_per_month(self, buckets: Buckets) -> float:
        """What the bundles cost in the hours of a month that they are paid for."""
        return self.paid_bundle_hours(buckets) * self.item.bundle_usd_per_hour

    def mean_capacity_requests_per_s(self, buckets: Buckets) -> float:
        """What the replicas carry within the SLO, on average over the hours of a month."""
        return self.item.requests_per_s * float(buckets.hours @ self.num_replicas) / float(buckets.hours.sum())

    def with_more(self, num: int) -> Self:
        """`num` replicas more in every bucket, never fewer than none."""
        return replace(self, num_replicas=np.maximum(self.num_replicas + num, 0))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Call:
    """An endpoint, and how many calls it gets for each request of the month; of a cascade it may be called again."""

    hosted: Hosted
    calls_ratio: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Draft:
    """What is bought and called, and how much of the demand each takes.

    calls: of the endpoints, that with most calls first.  way: that of every request.
    gap_frac: how much cheaper another draft of the family could be, as a share.
    """

    family: Family
    buckets: Buckets
    purchases: tuple[Purchase, ...]
    calls: tuple[Call, ...]
    way: Way
    quality_frac: float | None
    gap_frac: float

    @property
    def num_gpus(self) -> int:
        """Accelerators that are paid when most are."""
        return sum(int(one.num_bundles.max()) * one.item.gpus_per_bundle for one in self.purchases)

    def exceeds(self, max_gpus: int | None) -> bool:
        """Whether it takes more than `max_gpus` accelerators of one kind from one seller; None: no limit."""
        counts: dict[str, int] = {}
        for one in self.purchases:
            num_gpus = int(one.num_bundles.max()) * one.item.gpus_per_bundle
            counts[one.item.quota_name] = counts.get(one.item.quota_name, 0) + num_gpus
        return max_gpus is not None and max(counts.values(), default=0) > max_gpus

    @property
    def has_spares(self) -> bool:
        """Whether replicas are there for the case that others are called back."""
        return any(one.item.sale.purchase == "spot" for one in self.purchases)

    @property
    def fleet_usd_per_month(self) -> float:
        """What all machines cost a month."""
        return sum(one.usd_per_month(self.buckets) for one in self.purchases)

    @property
    def requests_per_month(self) -> float:
        """Requests of a month."""
        return float(self.buckets.hours @ self.buckets.mean_requests_per_s) * SECONDS_PER_HOUR

    @property
    def api(self) -> Hosted | None:
        """The endpoint with most calls; None where none is called."""
        return self.calls[0].hosted if self.calls else None

    @property
    def api_frac(self) -> float:
        """Calls of endpoints over requests, at most 1."""
        return min(sum(one.calls_ratio for one in self.calls), 1.0)

    @property
    def api_usd_per_month(self) -> float:
        """What the endpoints cost a month."""
        return self.requests_per_month * sum(one.calls_ratio * one.hosted.usd_per_request for one in self.calls)

    def month_api_frac(self, replayed_frac: float) -> float:
        """The endpoint's share of a month, where a replay of the busiest stretch sent it `replayed_frac`.

        A replay of all levels says it all. One of the busiest hours says nothing of the others: there the endpoint
        takes what the replicas of the hour do not carry.
        """
        if not self.calls or not self.buckets.can_follow:
            return replayed_frac
        asked = self.buckets.hours * self.buckets.mean_requests_per_s
        carried = sum((one.item.requests_per_s * one.num_replicas for one in self.purchases), np.zeros(asked.size))
        beyond = np.maximum(1.0 - carried / self.buckets.requests_per_s, 0.0)
        beyond[-1] = max(beyond[-1], replayed_frac)
        return float(asked @ beyond / asked.sum())

    def with_api_frac(self, api_frac: float) -> Self:
        """The same plan, of whose requests this share really goes to its endpoint.

        Without one it stays as it is, and so does a cascade, whose share was measured.
        """
        if not self.calls or len(self.way.calls) > 1:
            return self
        return replace(self, calls=(replace(self.calls[0], calls_ratio=api_frac),))

    @property
    def usd_per_month(self) -> float:
        """Machines and endpoint together."""
        return self.fleet_usd_per_month + self.api_usd_per_month

    @property
    def capacity_requests_per_s(self) -> float:
        """What all replicas carry within the SLO, in the bucket with the most of them."""
        return sum(one.item.requests_per_s * one.most_replicas for one in self.purchases)


def draft(posed: Posed, solution: FleetSolution, buckets: Buckets) -> Draft:
    """Read what `solution` buys. Bundles of all modes are replicas; what carries nothing is left out."""
    committed = solution.num_committed[:, None]
    bundles = committed + solution.num_on_demand + solution.num_spot
    purchases = tuple(
        Purchase(item=item, num_replicas=np.asarray(row * item.replicas_per_bundle, dtype=np.int64))
        for item, row in zip(posed.items, bundles, strict=True)
        if row.max() > 0
    )
    return Draft(
        family=posed.family,
        buckets=buckets,
        purchases=purchases,
        calls=_calls(posed, solution, buckets),
        way=posed.problem.ways[0],
        quality_frac=posed.problem.ways[0].quality_frac,
        gap_frac=solution.gap_frac if solution.gap_frac > _NONE else 0.0,
    )


def _calls(posed: Posed, solution: FleetSolution, buckets: Buckets) -> tuple[Call, ...]:
    """The endpoints that are called, most calls first."""
    per_bucket = solution.backend_requests_per_s[:, :, len(posed.items) :].sum(axis=1)
    weight = buckets.hours * buckets.mean_requests_per_s / buckets.requests_per_s
    ratios = weight @ per_bucket / float(buckets.hours @ buckets.mean_requests_per_s)
    called = [Call(hosted=one, calls_ratio=float(ratio)) for one, ratio in zip(posed.hosted, ratios) if ratio > _NONE]
    return tuple(sorted(called, key=lambda one: (-one.calls_ratio, one.hosted.name)))

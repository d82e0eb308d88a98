"""What the optimiser is asked and what it answers: choices to buy, APIs, ways to serve a request, and the fleet.

A *tier* is a set of interchangeable backends (same answers, any hardware or endpoint); a *way* sends a request through
one tier, or through several (a cascade). The optimiser splits each tier's calls freely over its backends.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FleetChoice:
    """A deployment that replicas of can be bought, with all the modes in which it is sold.

    tier: whose calls it can take; empty: a tier of its own, with its name.
    requests_per_s: (num_classes,) what one replica carries of each class alone within the SLO; 0: it cannot. A mix
        of classes takes the sum of their shares of a replica.
    committed_usd_per_hour: a bundle, paid in every hour of the month; on_demand_usd_per_hour, spot_usd_per_hour: a
        bundle, in the hours of the buckets that it runs in; None: not sold so.
    replicas_per_bundle: replicas that are bought at once (a box of eight GPUs is bought whole).
    spot_availability_frac: expected share of time that a spot replica is up; its capacity is derated by it.
    max_replicas: most replicas of all modes together at any time; None: no limit.
    num_spare_replicas: replicas beyond what the work takes, in every bucket in which this choice does any.
    """

    name: str
    requests_per_s: Floats
    tier: str = ""
    committed_usd_per_hour: float | None = None
    on_demand_usd_per_hour: float | None = None
    spot_usd_per_hour: float | None = None
    replicas_per_bundle: int = 1
    spot_availability_frac: float = 1.0
    max_replicas: int | None = None
    num_spare_replicas: int = 0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ApiChoice:
    """An endpoint priced by the request.

    usd_per_request: (num_classes,), of one call of each class; inf: it cannot serve the class.
    max_requests_per_s: quota over all classes; None: no limit.
    """

    name: str
    usd_per_request: Floats
    tier: str = ""
    max_requests_per_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """A route of a request: how many calls of each tier it makes.

    calls: (tier, calls per request); a simple way is one tier with 1.0, a cascade its first tier with 1.0 and the
        next with the escalated share, and a verifier with its calls. A backend without a tier is named directly.
    quality_frac: mean quality of its answers; None: unknown, so it competes only where no quality is asked.
    tags: the families of plans that it belongs to, for the caller.
    """

    name: str
    calls: tuple[tuple[str, float], ...]
    quality_frac: float | None = None
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuLimit:
    """A quota of accelerators that several choices share, such as those of one kind from one seller.

    choices: (name of a choice, accelerators of one of its bundles).  max_gpus: of all of them together at any time.
    """

    name: str
    choices: tuple[tuple[str, int], ...]
    max_gpus: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FleetProblem:
    """The load, what can be bought, and the limits.

    hours: (num_buckets,) hours a month of each bucket, an hour of the week or a level of load; at most 730 together.
    demand_requests_per_s: (num_buckets, num_classes), to be served in full.
    min_quality_frac: least mean of the ways' quality over all requests of the month.
    min_availability_frac: least expected share of replicas that are up, of each choice in each bucket:
        (committed + on-demand + availability x spot) / (committed + on-demand + spot) >= it.
    max_gap_frac: stop when cost exceeds the proven bound by no more than this share of it.
    """

    hours: Floats
    demand_requests_per_s: Floats
    choices: tuple[FleetChoice, ...]
    apis: tuple[ApiChoice, ...]
    ways: tuple[Way, ...]
    gpu_limits: tuple[GpuLimit, ...] = ()
    min_quality_frac: float | None = None
    budget_usd_per_month: float | None = None
    min_availability_frac: float | None = None
    max_gap_frac: float = 0.01
    time_limit_s: float = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetTerm:
    """One term of the cost: what is paid to a backend in one mode, and of how much."""

    name: str
    how: str
    usd_per_month: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FleetSolution:
    """The cheapest fleet found, and how much cheaper any other could be.

    gap_frac: (cost - bound) / cost; is_optimal: it is within the asked `max_gap_frac`.
    num_committed: (num_choices,); num_on_demand, num_spot: (num_choices, num_buckets); all in bundles.
    way_requests_per_s: (num_buckets, num_classes, num_ways) requests sent by each way.
    backend_requests_per_s: (num_buckets, num_classes, num_choices + num_apis) calls, choices first.
    backend_usd_per_month: (num_choices + num_apis,).
    quality_frac: mean over requests; None where a way in use has none.
    terms: what the cost is made of; they add up to it. num_nodes: of the search.
    """

    usd_per_month: float
    bound_usd_per_month: float
    gap_frac: float
    is_optimal: bool
    num_committed: Counts
    num_on_demand: Counts
    num_spot: Counts
    way_requests_per_s: Floats
    backend_requests_per_s: Floats
    backend_usd_per_month: Floats
    quality_frac: float | None
    num_nodes: int
    terms: tuple[FleetTerm, ...]

    @property
    def share_frac(self) -> Floats:
        """(num_buckets, num_classes, num_ways) share of each way; 0 where there is no demand."""
        total = self.way_requests_per_s.sum(axis=2, keepdims=True)
        shares: Floats = self.way_requests_per_s / np.where(total > 0, total, 1.0)
        return shares

"""The problem as arrays, the one form that the passes work on; absent prices and limits are infinite here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokonomics.planning.fleet_problem import Counts, FleetProblem, Floats

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FleetArrays:
    """Choices (K), APIs (A), ways (W), tiers (T), buckets (B) and classes (C).

    replica_requests_per_s (K, C); the three prices, spot_availability_frac, num_most_replicas (K,), inf: not sold, no
    limit; num_per_bundle, num_spares, choice_tier (K,); api_usd_per_request (A, C); api_tier, quota_requests_per_s
    (A,); calls (W, T); quality_frac (W,), nan: unknown; hours (B,); demand_requests_per_s (B, C).
    bundle_gpus (L, K): accelerators of a bundle that count towards each shared limit, 0: none; most_gpus (L,).
    choice_index, way_index: place of each in the problem; bucket_index: (all buckets of the problem,) place here.
    """

    replica_requests_per_s: Floats
    committed_usd_per_hour: Floats
    on_demand_usd_per_hour: Floats
    spot_usd_per_hour: Floats
    spot_availability_frac: Floats
    num_most_replicas: Floats
    num_per_bundle: Counts
    num_spares: Counts
    choice_tier: Counts
    api_usd_per_request: Floats
    api_tier: Counts
    quota_requests_per_s: Floats
    calls: NDArray[Any]
    quality_frac: Floats
    hours: Floats
    demand_requests_per_s: Floats
    choice_index: Counts
    way_index: Counts
    bucket_index: Counts
    bundle_gpus: Floats
    most_gpus: Floats
    min_quality_frac: float | None
    min_availability_frac: float

    @property
    def num_choices(self) -> int:
        """Choices that are left."""
        return self.choice_tier.size

    @property
    def is_limited(self) -> Mask:
        """(K,) whether there may be only so many of a choice, by its own limit or by one that it shares."""
        limited: Mask = np.isfinite(self.num_most_replicas) | (self.bundle_gpus > 0).any(axis=0)
        return limited

    def with_choices(self, kept: Mask | Counts) -> "FleetArrays":
        """The same with these choices only."""
        of_choices = {name: getattr(self, name)[kept] for name in _OF_CHOICES}
        return replace(self, **of_choices, bundle_gpus=self.bundle_gpus[:, kept])

    def with_ways(self, kept: Mask) -> "FleetArrays":
        """The same with these ways only."""
        return replace(self, **{name: getattr(self, name)[kept] for name in ("calls", "quality_frac", "way_index")})


_OF_CHOICES = (
    "replica_requests_per_s",
    "committed_usd_per_hour",
    "on_demand_usd_per_hour",
    "spot_usd_per_hour",
    "spot_availability_frac",
    "num_most_replicas",
    "num_per_bundle",
    "num_spares",
    "choice_tier",
    "choice_index",
)


def fleet_arrays(problem: FleetProblem) -> FleetArrays:
    """The arrays of `problem`, with nothing left out."""
    tier_of = {
        name: index for index, name in enumerate(dict.fromkeys(tier for way in problem.ways for tier, _ in way.calls))
    }
    num_classes = problem.demand_requests_per_s.shape[1]
    choices, apis = problem.choices, problem.apis
    return FleetArrays(
        replica_requests_per_s=_rows([one.requests_per_s for one in choices], num_classes),
        committed_usd_per_hour=_or_inf([one.committed_usd_per_hour for one in choices]),
        on_demand_usd_per_hour=_or_inf([one.on_demand_usd_per_hour for one in choices]),
        spot_usd_per_hour=_or_inf([one.spot_usd_per_hour for one in choices]),
        spot_availability_frac=np.array([one.spot_availability_frac for one in choices], dtype=float),
        num_most_replicas=_or_inf([one.max_replicas for one in choices]),
        num_per_bundle=np.array([one.replicas_per_bundle for one in choices], dtype=np.int64),
        num_spares=np.array([one.num_spare_replicas for one in choices], dtype=np.int64),
        choice_tier=np.array([tier_of.get(one.tier or one.name, -1) for one in choices], dtype=np.int64),
        api_usd_per_request=_rows([one.usd_per_request for one in apis], num_classes),
        api_tier=np.array([tier_of.get(one.tier or one.name, -1) for one in apis], dtype=np.int64),
        quota_requests_per_s=_or_inf([one.max_requests_per_s for one in apis]),
        calls=_calls(problem, tier_of),
        quality_frac=np.array([np.nan if way.quality_frac is None else way.quality_frac for way in problem.ways]),
        hours=np.asarray(problem.hours, dtype=float),
        demand_requests_per_s=np.asarray(problem.demand_requests_per_s, dtype=float),
        choice_index=np.arange(len(choices)),
        way_index=np.arange(len(problem.ways)),
        bucket_index=np.arange(len(problem.hours)),
        bundle_gpus=_bundle_gpus(problem),
        most_gpus=np.array([one.max_gpus for one in problem.gpu_limits], dtype=float),
        min_quality_frac=problem.min_quality_frac,
        min_availability_frac=problem.min_availability_frac or 0.0,
    )


def _bundle_gpus(problem: FleetProblem) -> Floats:
    gpus = np.zeros((len(problem.gpu_limits), len(problem.choices)))
    place = {one.name: index for index, one in enumerate(problem.choices)}
    for row, limit in enumerate(problem.gpu_limits):
        for name, num_gpus in limit.choices:
            gpus[row, place[name]] += num_gpus
    return gpus


def _or_inf(values: Sequence[float | None]) -> Floats:
    return np.array([np.inf if value is None else value for value in values], dtype=float)


def _rows(rows: Sequence[Floats], num_classes: int) -> Floats:
    return np.array(rows, dtype=float).reshape(len(rows), num_classes)


def _calls(problem: FleetProblem, tier_of: dict[str, int]) -> Floats:
    calls = np.zeros((len(problem.ways), len(tier_of)))
    for row, way in enumerate(problem.ways):
        for tier, per_request in way.calls:
            calls[row, tier_of[tier]] += per_request
    return calls

"""The families of plans: the same load and the same optimiser, with other things to choose from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.planning.buckets import Buckets
from tokonomics.planning.fleet_problem import ApiChoice, FleetChoice, FleetProblem, GpuLimit, Way
from tokonomics.planning.hosted import Hosted
from tokonomics.planning.shortlist import Item

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_COMMITTED: Final = ("reserved_1yr", "prepaid")


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """A kind of plan. `purchases` are the ways to buy that it may use; `effort` is what it takes to set it up.

    needs: purchases of which one at least must be for sale, else the family does not exist here.
    """

    name: str
    title: str
    purchases: tuple[str, ...]
    needs: tuple[str, ...]
    uses_apis: bool
    uses_cascades: bool
    effort: str

    @property
    def is_mix(self) -> bool:
        """Whether it needs machines and an endpoint for the same requests."""
        return self.uses_apis and bool(self.needs)


Backing = Mapping[str, frozenset[str]]
"""What may serve each tier: `own` machines, an `api`, or both."""

FAMILIES: Final = (
    Family(
        name="all_api", title="all API", purchases=(), needs=(), uses_apis=True, uses_cascades=False,
        effort="an account and a key",
    ),
    Family(
        name="self_hosted", title="self-hosted", purchases=("on_demand",), needs=("on_demand",), uses_apis=False,
        uses_cascades=False, effort="an engine on rented machines, and who looks after it",
    ),
    Family(
        name="hybrid", title="hybrid", purchases=("on_demand",), needs=("on_demand",), uses_apis=True,
        uses_cascades=False, effort="an engine on rented machines, a key, and a gateway that overflows",
    ),
    Family(
        name="cascade", title="cascade", purchases=("on_demand",), needs=(), uses_apis=True, uses_cascades=True,
        effort="two models, a judge of confidence, and a gateway that escalates",
    ),
    Family(
        name="spot_heavy", title="spot-heavy", purchases=("spot", "on_demand"), needs=("spot",), uses_apis=False,
        uses_cascades=False, effort="an engine that is moved when machines are called back",
    ),
    Family(
        name="on_premises", title="on-premises", purchases=("owned",), needs=("owned",), uses_apis=False,
        uses_cascades=False, effort="machines that are bought, housed and staffed",
    ),
    Family(
        name="committed", title="committed", purchases=("on_demand", *_COMMITTED), needs=_COMMITTED, uses_apis=False,
        uses_cascades=False, effort="an engine on machines that are paid for a term",
    ),
)  # fmt: skip
"""Every family, in the order in which plans are listed where they cost the same."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Market:
    """All that a plan may use: items to buy, hosted models, and ways to serve a request with them.

    spot_availability_frac: share of time that a spot replica is up.  max_gpus: accelerators of one kind from one
    seller, all items together; None: no limit.
    """

    items: tuple[Item, ...]
    hosted: tuple[Hosted, ...]
    ways: tuple[Way, ...]
    spot_availability_frac: float
    num_spare_replicas: int = 0
    max_gpus: int | None = None
    most_hosted_frac: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class StopRule:
    """When the search may stop."""

    max_gap_frac: float = 0.01
    time_limit_s: float = 10.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Posed:
    """A family as a problem, with what its choices and endpoints stand for, in the order of the problem."""

    family: Family
    problem: FleetProblem
    items: tuple[Item, ...]
    hosted: tuple[Hosted, ...]


def ways_of(family: Family, market: Market, *, min_quality_frac: float | None) -> tuple[Way, ...]:
    """The ways that `family` may follow, one at a time: no router sends a request here or there by its quality.

    A family of cascades has those alone, any other the simple ways. Where a quality is asked, each must have it.
    """
    least = min_quality_frac
    return tuple(
        one
        for one in market.ways
        if (len(one.calls) > 1) == family.uses_cascades
        and (least is None or (one.quality_frac is not None and one.quality_frac >= least))
    )


def backings(way: Way) -> Iterator[Backing]:
    """Who may serve the tiers of `way`: of a cascade each tier has machines or an endpoint, else both may be mixed."""
    tiers = [tier for tier, _ in way.calls]
    if len(tiers) == 1:
        yield {tiers[0]: frozenset({"own", "api"})}
        return
    for kinds in product(("own", "api"), repeat=len(tiers)):
        yield {tier: frozenset({kind}) for tier, kind in zip(tiers, kinds, strict=True)}


def pose(family: Family, way: Way, backing: Backing, market: Market, buckets: Buckets, stop: StopRule) -> Posed | None:
    """The problem of `family` with every request going by `way`, each tier served as `backing` says.

    None where what it needs is not for sale.
    """
    tiers = {tier for tier, _ in way.calls}
    own, api = ({tier for tier in tiers if kind in backing[tier]} for kind in ("own", "api"))
    items = tuple(one for one in market.items if one.sale.purchase in family.purchases and one.tier in own)
    endpoints = tuple(one for one in market.hosted if family.uses_apis and one.tier in api)
    if family.needs and not {one.sale.purchase for one in items} & set(family.needs):
        return None
    if not tiers <= {one.tier for one in items} | {one.tier for one in endpoints}:
        return None
    demand = _by_class(buckets, market.most_hosted_frac if items and endpoints else 1.0)
    num_classes = demand.shape[1]
    problem = FleetProblem(
        hours=buckets.hours,
        demand_requests_per_s=demand,
        choices=tuple(_choice(one, market, buckets, num_classes) for one in items),
        apis=tuple(_api(one, buckets, num_classes) for one in endpoints),
        ways=(way,),
        gpu_limits=tuple(_gpu_limits(items, market.max_gpus)) if market.max_gpus is not None else (),
        max_gap_frac=stop.max_gap_frac,
        time_limit_s=stop.time_limit_s,
    )
    return Posed(family=family, problem=problem, items=items, hosted=endpoints)


def _by_class(buckets: Buckets, most_hosted_frac: float) -> Floats:
    """Requests/s of each bucket, shape (buckets, classes): what machines must answer where there are any, and the rest.

    Machines that follow the hours must answer their share in every bucket. Others stand all month for the least that
    leaves no more than `most_hosted_frac` of the month's requests beyond them.
    """
    rates = buckets.requests_per_s
    if most_hosted_frac >= 1.0:
        return rates[:, None]
    own = rates * (1.0 - most_hosted_frac)
    if not buckets.can_follow:
        own = np.minimum(rates, _least_standing_requests_per_s(buckets, most_hosted_frac))
    return np.stack([own, rates - own], axis=1)


def _least_standing_requests_per_s(buckets: Buckets, beyond_frac: float) -> float:
    """The least capacity, the same in every bucket, that `beyond_frac` of a month's requests exceed."""
    rates = np.append(0.0, np.sort(buckets.requests_per_s))
    asked = buckets.hours * buckets.mean_requests_per_s
    beyond = np.maximum(1.0 - rates[:, None] / buckets.requests_per_s, 0.0) @ asked / asked.sum()
    return float(np.interp(beyond_frac, beyond[::-1], rates[::-1]))


def _gpu_limits(items: Sequence[Item], max_gpus: int) -> Iterator[GpuLimit]:
    """The quota of each kind of accelerator at each seller, which all its items share."""
    for name in dict.fromkeys(one.quota_name for one in items):
        sharing = tuple((one.name, one.gpus_per_bundle) for one in items if one.quota_name == name)
        yield GpuLimit(name=name, choices=sharing, max_gpus=max_gpus)


def _choice(item: Item, market: Market, buckets: Buckets, num_classes: int) -> FleetChoice:
    """An item as the optimiser takes it: what cannot follow the load is paid in every hour of the month.

    Spot has a spare replica at least: one that is called back takes its share of the load with it.
    """
    capacity, usd = item.requests_per_s, item.bundle_usd_per_hour
    mode = _MODES.get(item.sale.purchase, "committed")
    up_frac = market.spot_availability_frac if item.sale.purchase == "spot" else 1.0
    if not buckets.can_follow:
        capacity, mode, up_frac = capacity * up_frac, "committed", 1.0
    return FleetChoice(
        name=item.name,
        tier=item.tier,
        requests_per_s=np.full(num_classes, capacity),
        committed_usd_per_hour=usd if mode == "committed" else None,
        on_demand_usd_per_hour=usd if mode == "on_demand" else None,
        spot_usd_per_hour=usd if mode == "spot" else None,
        replicas_per_bundle=item.replicas_per_bundle,
        spot_availability_frac=up_frac,
        num_spare_replicas=max(market.num_spare_replicas, int(item.sale.purchase == "spot")),
    )


def _api(one: Hosted, buckets: Buckets, num_classes: int) -> ApiChoice:
    """An endpoint, which answers the last class alone.

    The buckets count the requests of their busiest window all the time, so a call costs less there.
    """
    usd = np.full(num_classes, np.inf)
    usd[-1] = one.usd_per_request * buckets.sizing_ratio
    return ApiChoice(name=one.name, tier=one.tier, usd_per_request=usd)


_MODES: Final = {"on_demand": "on_demand", "spot": "spot"}

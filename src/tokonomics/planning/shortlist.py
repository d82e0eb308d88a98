"""Every deployment at every sale, and the few of them that no other beats."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokonomics.physics.deployment import Deployment
from tokonomics.physics.latency import batch_at_percentile
from tokonomics.planning.market import Sale
from tokonomics.planning.operate import Operated
from tokonomics.units import SECONDS_PER_HOUR

Floats = NDArray[np.float64]

_PERCENTILE = 95.0
"""The batch that is exceeded for the rest of the time."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Item:
    """A deployment at a sale: what can be bought, in whole bundles.

    index: of the deployment in `Operated`.  tier: the answers that it gives, interchangeable with all of that tier.
    requests_per_s: what one replica carries within the SLO.  max_sequences: the batch at that rate, with its usual
    fluctuation: a larger one breaks the SLO.  bundle_usd_per_hour: a box with all its replicas.
    """

    index: int
    deployment: Deployment
    sale: Sale
    tier: str
    requests_per_s: float
    max_sequences: int
    replicas_per_bundle: int
    gpus_per_bundle: int
    bundle_usd_per_hour: float

    @property
    def name(self) -> str:
        """Model, format, engine and parts, and where they come from; unique among items."""
        dep = self.deployment
        layout = f"{dep.num_gpus}x {dep.accelerator.id}" + (f" pp{dep.pipeline_parallel}" * (dep.pipeline_parallel > 1))
        layout += " ep" * dep.expert_parallel
        where = f"@{self.sale.offer.provider} {self.sale.offer.instance}"
        place = f" {self.sale.offer.region}" if self.sale.offer.region else ""
        return f"{dep.model.id} {dep.precision.id} {dep.constants.engine} {layout} {where}{place} {self.sale.purchase}"

    @property
    def quota_name(self) -> str:
        """The kind of accelerator and its seller, whose quota all items of both share."""
        return f"{self.deployment.accelerator.id} from {self.sale.offer.provider}"

    @property
    def usd_per_request(self) -> float:
        """USD of a request at full load: what items are compared by at a glance."""
        return self.bundle_usd_per_hour / (self.requests_per_s * self.replicas_per_bundle * SECONDS_PER_HOUR)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shortlist:
    """Items that no other beats, cheapest a request first, and how many there were.

    num_candidates: deployments times sales.  num_meeting: of these, those that can meet the SLO at some load.
    """

    items: tuple[Item, ...]
    num_candidates: int
    num_meeting: int


def shortlist(operated: Operated, offered: Sequence[Sale], tier_of: Mapping[int, str], *, num_layers: int) -> Shortlist:
    """Pair deployments and sales; keep those that are not beaten by `num_layers` others of their tier and way to buy.

    One beats another when its bundle costs no more and carries no less, so that any plan with the other is no dearer
    with it; only a quota can make the second best worth keeping. `tier_of` maps the deployments that compete to tiers.
    """
    by_part: dict[str, list[Sale]] = {}
    for sale in offered:
        by_part.setdefault(sale.offer.accelerator_id, []).append(sale)
    groups: dict[tuple[str, str], list[Item]] = {}
    num_candidates = num_meeting = 0
    for index, dep in enumerate(operated.deployments):
        able = bool(operated.can_meet[index]) and index in tier_of
        for sale in by_part.get(dep.accelerator.id, ()):
            if dep.num_gpus > (sale.most_gpus_per_replica or dep.num_gpus):
                continue
            num_candidates += 1
            num_meeting += able
            if able:
                item = _item(operated, index, sale, tier_of[index])
                groups.setdefault((item.tier, sale.purchase), []).append(item)
    kept = [one for group in groups.values() for one in _unbeaten(group, num_layers)]
    return Shortlist(
        items=tuple(sorted(kept, key=lambda one: (one.usd_per_request, one.name))),
        num_candidates=num_candidates,
        num_meeting=num_meeting,
    )


def _item(operated: Operated, index: int, sale: Sale, tier: str) -> Item:
    dep = operated.deployments[index]
    box = sale.gpus_per_box(dep.num_gpus)
    return Item(
        index=index,
        deployment=dep,
        sale=sale,
        tier=tier,
        requests_per_s=float(operated.capacity_requests_per_s[index]),
        max_sequences=_most_sequences(operated, index),
        replicas_per_bundle=box // dep.num_gpus,
        gpus_per_bundle=box,
        bundle_usd_per_hour=sale.gpu_usd_per_hour * box,
    )


def _most_sequences(operated: Operated, index: int) -> int:
    mean, most = operated.batch_sequences[index], operated.max_batch_sequences[index]
    return max(int(min(np.ceil(batch_at_percentile(mean, _PERCENTILE)), most)), 1)


def _unbeaten(group: Sequence[Item], num_layers: int) -> Iterator[Item]:
    """The first `num_layers` layers of the group that nothing left beats."""
    rest = sorted(group, key=lambda one: (one.bundle_usd_per_hour, -_capacity(one), one.name))
    for _ in range(num_layers):
        best, beaten = -1.0, []
        for one in rest:
            if _capacity(one) > best:
                best = _capacity(one)
                yield one
            else:
                beaten.append(one)
        rest = beaten


def _capacity(one: Item) -> float:
    return one.requests_per_s * one.replicas_per_bundle

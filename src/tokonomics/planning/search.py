"""What could serve the traffic: everything for sale, sized, and the few offers that no other beats."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tokonomics.economics.quoting.candidates import Search
from tokonomics.errors import MissingFact
from tokonomics.planning.engine_hardware import runs_on
from tokonomics.planning.families import Market
from tokonomics.planning.hosted import Hosted, endpoint_names, hosted
from tokonomics.planning.market import Sale, most_gpus_of, sales
from tokonomics.planning.operate import Operated, num_layouts_set_aside, operate
from tokonomics.planning.question import Question, searches
from tokonomics.planning.refusal import require_some_fit, require_some_meet, require_some_quality
from tokonomics.planning.shortlist import Shortlist, shortlist
from tokonomics.planning.tiers import deployment_tiers, endpoint_tier, ways
from tokonomics.simulation.spot_life import spot_life
from tokonomics.units import SECONDS_PER_HOUR

_MOST_GPUS: Final = 8
"""The largest replica on hardware that is sold or owned in any number."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Searched:
    """What is for sale and what it carries, before anything is chosen.

    num_set_aside: candidates in formats that do not compete unless they are named.
    """

    asked: Question
    offered: tuple[Sale, ...]
    operated: Operated | None
    found: Shortlist
    hosted: tuple[Hosted, ...]
    market: Market
    num_set_aside: int

    @property
    def num_candidates(self) -> int:
        """Deployments at sales, those set aside included, and hosted models."""
        return self.found.num_candidates + self.num_set_aside + len(self.hosted)


def search(asked: Question) -> Searched:
    """Enumerate what is for sale, size it, and keep what nothing else beats."""
    offered = sales(asked.catalog, asked.scenario, today=asked.today)
    most = most_gpus_of(offered, unbounded=_MOST_GPUS)
    parts = [asked.catalog.accelerator(name) for name in most]
    wanted = searches(asked, most)
    operated = operate(asked.models, parts, asked.demand, wanted) if asked.models else None
    found = Shortlist(items=(), num_candidates=0, num_meeting=0)
    if operated is not None:
        tiers = deployment_tiers(operated.deployments, asked.spec)
        found = shortlist(operated, offered, tiers, num_layers=3 if asked.spec.max_gpus else 1)
    endpoints = _hosted(asked)
    if not endpoints:
        require_some_fit(asked, operated, wanted, list(most))
        require_some_meet(asked, operated)
    aside = num_layouts_set_aside(asked.models, parts, asked.demand, wanted[0])
    found_ways = ways(asked.spec, [*(one.tier for one in found.items), *(one.tier for one in endpoints)])
    require_some_quality(asked, found_ways)
    return Searched(
        asked=asked,
        offered=offered,
        operated=operated,
        found=found,
        hosted=endpoints,
        market=Market(
            items=found.items,
            hosted=endpoints,
            ways=found_ways,
            spot_availability_frac=_up_frac(asked),
            num_spare_replicas=asked.scenario.num_spare_replicas,
            max_gpus=asked.spec.max_gpus,
        ),
        num_set_aside=sum(
            num * _num_sales(offered, *key) * _num_engines(wanted, asked, key[0]) for key, num in aside.items()
        ),
    )


def _num_engines(wanted: Sequence[Search], asked: Question, part_id: str) -> int:
    return sum(runs_on(one.engine, asked.catalog.accelerator(part_id)) for one in wanted)


def _num_sales(offered: Sequence[Sale], part_id: str, num_gpus: int) -> int:
    return sum(
        one.offer.accelerator_id == part_id and num_gpus <= (one.most_gpus_per_replica or num_gpus) for one in offered
    )


def _hosted(asked: Question) -> tuple[Hosted, ...]:
    """The endpoints that may be called; one that was named must have a price, any other is left out without one."""
    if asked.spec.no_api:
        return ()
    found = []
    for name in endpoint_names(asked.catalog, asked.scenario, [one.id for one in asked.models], at=asked.today):
        price = asked.catalog.api_price(name, at=asked.today)
        tier = endpoint_tier(price.name, price.model_id, asked.spec)
        try:
            if tier is not None:
                found.append(hosted(price, asked.demand, tier))
        except MissingFact:
            if name in asked.scenario.apis:
                raise
    return tuple(found)


def _up_frac(asked: Question) -> float:
    """Share of time that a spot replica is up: as stated, else by its life and how long a replacement takes."""
    life = spot_life(asked.simulation)
    load_hours = life.load_s / SECONDS_PER_HOUR
    return asked.spec.spot_availability_frac or life.mean_life_hours / (life.mean_life_hours + load_hours)

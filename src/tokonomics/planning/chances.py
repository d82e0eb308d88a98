"""What is not known for sure, drawn many times, the same draws for every family: who is cheapest, and how often.

Speeds of engines on accelerators are log-normal about the model, as sure as its calibration; prices of rented machines,
the life of spot replicas and the growth of the load are drawn from the ranges of the table of assumptions and of the
offers. A family answers a draw by having as many replicas as its limits then need, at the prices of the draw.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tokonomics.economics.figures.assumptions import assumptions
from tokonomics.planning.draft import Draft, Purchase
from tokonomics.planning.endurance import Endurance
from tokonomics.units import SECONDS_PER_HOUR

Floats = NDArray[np.float64]

GROWTH: Final = "growth of the load"
SPOT_LIFE: Final = "life of spot replicas"
_HORIZON_MONTHS: Final = 12.0
_NUM_SIZES_UP: Final = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Contender:
    """A family in the draws. rate_sd_log: of the machines that carry most; 0 where it has none.

    num_spare_replicas: of each purchase, beyond what its work takes; spot has one at least.
    """

    name: str
    draft: Draft
    endurance: Endurance | None
    rate_sd_log: float
    is_kept: bool
    num_spare_replicas: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Odds:
    """What the draws say of a family.

    low_ratio, high_ratio: the 10-90 % range of its cost over the expected one.  slo_probability: that the limits hold
    on these machines, given how sure their speed is; None where nobody knows the latency.
    """

    name: str
    cheapest_probability: float
    slo_probability: float | None
    low_ratio: float
    high_ratio: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Chances:
    """Draws of the inputs by name and the cost of each family under them, USD a month, shape (families, draws)."""

    names: tuple[str, ...]
    inputs: Mapping[str, Floats]
    usd_per_month: Floats
    odds: tuple[Odds, ...]


def chances(contenders: Sequence[Contender], *, growth_frac: float | None, num_draws: int, seed: int) -> Chances:
    """Draw every input that a contender depends on, and price all of them under each draw."""
    inputs: dict[str, Floats] = {}

    def drawn(name: str, make: Maker) -> Floats:
        if name not in inputs:
            inputs[name] = make(np.random.default_rng([seed, crc32(name.encode())]), num_draws)
        return inputs[name]

    usd = _costs(contenders, growth_frac, drawn, num_draws)
    cheapest = _cheapest_frac(usd, np.array([one.is_kept for one in contenders]))
    odds = tuple(_odds(one, usd[i], float(cheapest[i])) for i, one in enumerate(contenders))
    return Chances(names=tuple(one.name for one in contenders), inputs=inputs, usd_per_month=usd, odds=odds)


def family_costs_usd_per_month(
    contenders: Sequence[Contender], inputs: Mapping[str, Floats], *, growth_frac: float | None
) -> Floats:
    """USD a month of each family, shape (families, points), at given values of all inputs, each of shape (points,)."""
    num = next(iter(inputs.values())).size if inputs else 1
    return _costs(contenders, growth_frac, lambda name, _: inputs[name], num)


Maker = Callable[[np.random.Generator, int], Floats]
Drawn = Callable[[str, Maker], Floats]


def _costs(contenders: Sequence[Contender], growth_frac: float | None, drawn: Drawn, num: int) -> Floats:
    load = np.ones(num)
    if growth_frac:
        load = (1.0 + growth_frac) ** drawn(GROWTH, lambda rng, size: rng.uniform(0.0, _HORIZON_MONTHS, size))
    return np.array([_usd(one, load, drawn, num) for one in contenders])


def speed_name(purchase: Purchase) -> str:
    """The input that is the speed of a purchase: one engine on one accelerator."""
    dep = purchase.item.deployment
    return f"speed of {dep.model.id} {dep.precision.id} with {dep.constants.engine} on {dep.accelerator.id}"


def price_name(purchase: Purchase) -> str:
    """The input that is the price of a purchase: one seller's, of one way to buy."""
    sale = purchase.item.sale
    return f"price of {purchase.item.deployment.accelerator.id} at {sale.offer.provider}, {sale.purchase}"


def _usd(one: Contender, load: Floats, drawn: Drawn, num_draws: int) -> Floats:
    """USD a month of a family under every draw."""
    total = np.zeros(num_draws)
    slower = _slower(one, drawn, num_draws)
    for bought in one.draft.purchases:
        count = _replicas(one, bought, load * slower * _up_ratio(bought, drawn, num_draws))
        bundles = np.ceil(count / bought.item.replicas_per_bundle - _NUM_SIZES_UP)
        share = bundles / float(bought.num_bundles.max())
        total += bought.usd_per_month(one.draft.buckets) * share * _price_ratio(bought, drawn, num_draws)
    if one.draft.api is not None:
        usual = one.draft.api_frac
        now = one.endurance.expected_api_frac(load * slower) if one.endurance else np.full(num_draws, usual)
        total += one.draft.api_usd_per_month * load * (now / usual if usual > 0.0 else 1.0)
    return total


def _slower(one: Contender, drawn: Drawn, num_draws: int) -> Floats:
    """How many times as long as modelled a step takes; the machines that carry most stand for all."""
    if not one.draft.purchases:
        return np.ones(num_draws)
    main = max(one.draft.purchases, key=lambda bought: bought.item.requests_per_s * bought.most_replicas)
    return np.asarray(np.exp(-one.rate_sd_log * drawn(speed_name(main), _normal)))


def _normal(rng: np.random.Generator, size: int) -> Floats:
    return rng.standard_normal(size)


def _replicas(one: Contender, bought: Purchase, heavier: Floats) -> Floats:
    """Replicas that keep the limits when the load is so many times as heavy for the machines, spares included.

    With an endpoint for what exceeds them the machines stay as they are.
    """
    planned = float(bought.most_replicas)
    is_relieved = one.draft.api is not None and len(one.draft.way.calls) == 1
    if is_relieved or one.endurance is None:
        return np.full(heavier.shape, planned)
    needed = max(planned / one.endurance.most_slower_ratio, planned - 1.0 + 1e-6)
    least = 1 + max(one.num_spare_replicas, int(bought.item.sale.purchase == "spot"))
    return np.asarray(np.maximum(np.ceil(needed * heavier - _NUM_SIZES_UP), min(least, planned)))


def _price_ratio(bought: Purchase, drawn: Drawn, num_draws: int) -> Floats:
    """The price of a draw over that of the plan. What is owned or committed is paid already."""
    sale = bought.item.sale
    if sale.purchase not in ("on_demand", "spot"):
        return np.ones(num_draws)
    low, high = assumptions("plan")["on_demand_price_ratio"].span or (1.0, 1.0)
    ends = (sale.low_ratio * low, sale.high_ratio * high)
    return drawn(price_name(bought), lambda rng, size: rng.uniform(*ends, size))


def _up_ratio(bought: Purchase, drawn: Drawn, num_draws: int) -> Floats:
    """How much more the replicas that are up have to carry than expected, where some are called back."""
    if bought.item.sale.purchase != "spot":
        return np.ones(num_draws)
    life, load = assumptions("plan")["spot_life_hours"], assumptions("plan")["load_s"]
    low, high = life.span or (life.value or 1.0, life.value or 1.0)
    hours = drawn(SPOT_LIFE, lambda rng, size: np.exp(rng.uniform(np.log(low), np.log(high), size)))
    away_hours = (load.value or 0.0) / SECONDS_PER_HOUR
    expected = life.value or 1.0
    return np.asarray((expected / (expected + away_hours)) / (hours / (hours + away_hours)))


def _cheapest_frac(usd: Floats, kept: NDArray[np.bool_]) -> Floats:
    """Share of draws in which each is cheapest of those that keep the limits; equals share a draw."""
    if not kept.any():
        return np.zeros(kept.size)
    allowed = np.where(kept[:, None], usd, np.inf)
    winners = allowed <= allowed.min(axis=0) * (1.0 + 1e-12)
    return np.asarray((winners / winners.sum(axis=0)).mean(axis=1))


def _odds(one: Contender, usd: Floats, cheapest: float) -> Odds:
    low, high = np.percentile(usd, (10.0, 90.0)) / one.draft.usd_per_month
    return Odds(
        name=one.name,
        cheapest_probability=cheapest,
        slo_probability=_slo_probability(one),
        low_ratio=float(min(low, 1.0)),
        high_ratio=float(max(high, 1.0)),
    )


def _slo_probability(one: Contender) -> float | None:
    """Chance that steps take no longer than the replays allow."""
    if one.endurance is None:
        return None
    if one.rate_sd_log <= 0.0:
        return float(one.is_kept)
    return NormalDist().cdf(float(np.log(one.endurance.most_slower_ratio)) / one.rate_sd_log)

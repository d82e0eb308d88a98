"""Two levers move the cost of a token: the price of an hour and the tokens it yields.

cost = price / yield, so a saving factor is (price before / after) x (yield after / before), and the
logarithms of the two factors divide it without remainder.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks
from tokonomics.units import SECONDS_PER_HOUR, usd_per_mtok


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """Something that costs an hourly price and yields tokens at a rate."""

    name: str
    usd_per_hour: float
    tokens_per_s: float

    def __post_init__(self) -> None:
        checks = Checks().positive(usd_per_hour=self.usd_per_hour, tokens_per_s=self.tokens_per_s)
        checks.done()


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedSystem:
    """A system by what its tokens cost; `is_slower_but_cheaper` when a faster one in the list costs more."""

    system: System
    system_usd_per_mtok: float
    system_tokens_per_usd: float
    dearer_ratio: float
    is_slower_but_cheaper: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LeverShares:
    """What each lever did. A factor above 1 makes tokens cheaper; the two factors multiply to `total_factor`.

    The shares are of the logarithm and add up to 1; above 1 or below 0 where the levers pull apart; None
    where nothing changed.
    """

    price_factor: float
    yield_factor: float
    total_factor: float
    price_frac: float | None
    yield_frac: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StepShare:
    """One step of a sequence against the one before it, and against the first.

    `log_frac` is its share of the whole change; None where the sequence ends where it began.
    """

    name: str
    step_factor: float
    cumulative_factor: float
    log_frac: float | None


def rank_systems(systems: Sequence[System]) -> tuple[RankedSystem, ...]:
    """Compare systems by the cost of a token, cheapest first.

    Source: the article, introduction: 1,000 tok/s at 10 USD/h against 200 tok/s at 1 USD/h.

    >>> fast = System(name="fast", usd_per_hour=10, tokens_per_s=1000)
    >>> slow = System(name="slow", usd_per_hour=1, tokens_per_s=200)
    >>> first = rank_systems([fast, slow])[0]
    >>> first.system.name, round(first.system_usd_per_mtok, 2), first.is_slower_but_cheaper
    ('slow', 1.39, True)
    """
    Checks().that(len(systems) > 0, "no system to compare; give at least one").done()
    lowest = min(_cost_usd_per_mtok(each) for each in systems)
    ranked = [_rank(each, lowest, systems) for each in systems]
    return tuple(sorted(ranked, key=lambda row: (row.system_usd_per_mtok, row.system.name)))


def lever_shares(before: System, after: System) -> LeverShares:
    """How much of a change in the cost of a token came from the price, and how much from the yield.

    >>> shares = lever_shares(System(name="a", usd_per_hour=4, tokens_per_s=100),
    ...                       System(name="b", usd_per_hour=2, tokens_per_s=400))
    >>> shares.total_factor, round(shares.price_frac, 3), round(shares.yield_frac, 3)
    (8.0, 0.333, 0.667)
    """
    price_factor = before.usd_per_hour / after.usd_per_hour
    yield_factor = after.tokens_per_s / before.tokens_per_s
    total = math.log(price_factor) + math.log(yield_factor)
    changed = abs(total) > 1e-12
    return LeverShares(
        price_factor=price_factor,
        yield_factor=yield_factor,
        total_factor=price_factor * yield_factor,
        price_frac=math.log(price_factor) / total if changed else None,
        yield_frac=math.log(yield_factor) / total if changed else None,
    )


def step_shares(steps: Sequence[tuple[str, float]]) -> tuple[StepShare, ...]:
    """Attribute a sequence of yields (tokens/s): each step against its predecessor, the first is the baseline.

    Source: the article, section 3: batch 1 to 64 is 1,850 / 95 = 19.5 times, not 23.

    >>> [round(step.step_factor, 2) for step in step_shares([("naive", 34), ("int4", 78), ("flash", 95)])]
    [1.0, 2.29, 1.22]
    """
    checks = Checks().that(len(steps) > 0, "no step to attribute; give at least the baseline")
    checks.positive(**{f"tokens_per_s of {name}": rate for name, rate in steps}).done()
    first, last = steps[0][1], steps[-1][1]
    total = math.log(last / first)
    previous = [first, *(rate for _, rate in steps[:-1])]
    return tuple(
        StepShare(
            name=name,
            step_factor=rate / before,
            cumulative_factor=rate / first,
            log_frac=math.log(rate / before) / total if abs(total) > 1e-12 else None,
        )
        for (name, rate), before in zip(steps, previous)
    )


def _cost_usd_per_mtok(system: System) -> float:
    return usd_per_mtok(system.usd_per_hour, system.tokens_per_s)


def _rank(system: System, lowest_usd_per_mtok: float, systems: Sequence[System]) -> RankedSystem:
    cost = _cost_usd_per_mtok(system)
    faster = [each for each in systems if each.tokens_per_s > system.tokens_per_s]
    return RankedSystem(
        system=system,
        system_usd_per_mtok=cost,
        system_tokens_per_usd=system.tokens_per_s * SECONDS_PER_HOUR / system.usd_per_hour,
        dearer_ratio=cost / lowest_usd_per_mtok,
        is_slower_but_cheaper=any(_cost_usd_per_mtok(each) > cost for each in faster),
    )

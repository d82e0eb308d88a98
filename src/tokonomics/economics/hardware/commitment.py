"""How long to commit: every term against every future, with what is regretted if another future comes.

A commitment fixes a number of accelerators at the price of the day it is signed; demand above it is rented on
demand, and what is not used is paid all the same. A term without length follows the market month by month.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokonomics.economics.figures.assumptions import number_or_none, read_table
from tokonomics.economics.figures.checks import Checks
from tokonomics.errors import InputError
from tokonomics.units import HOURS_PER_MONTH

MAX_MONTHS = 600

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """A way to buy: its length in months (0: none), its discount on the market, and work lost to interruption."""

    name: str
    length_months: int
    discount_frac: float
    rework_frac: float = 0.0

    def __post_init__(self) -> None:
        checks = Checks().count(0, length_months=self.length_months).fraction(rework_frac=self.rework_frac)
        checks.that(self.rework_frac != 1, "rework_frac=1; work would never finish")
        checks.that(
            self.length_months == 0 or self.rework_frac == 0,
            f"rework_frac={self.rework_frac} on a commitment; only capacity without a term is interrupted",
        )
        checks.that(-10 <= self.discount_frac < 1, f"discount_frac={self.discount_frac:g}; must lie below 1").done()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Future:
    """One course of events: accelerators needed and the market price of an hour, both of shape (months,)."""

    name: str
    probability_frac: float
    num_gpus: Array
    market_usd_per_hour: Array

    @classmethod
    def of(cls, name: str, *, probability_frac: float, num_gpus: ArrayLike, market_usd_per_hour: ArrayLike) -> "Future":
        """Check and pair the series; a scalar market price holds in every month."""
        Checks().fraction(probability_frac=probability_frac).done()
        demand = np.asarray(num_gpus, dtype=np.float64)
        if demand.ndim != 1 or not 0 < demand.size <= MAX_MONTHS or not _is_sane(demand):
            raise InputError(f"num_gpus of {name}; give 1 to {MAX_MONTHS} finite months, 0 or more each")
        market = np.asarray(market_usd_per_hour, dtype=np.float64)
        market = np.broadcast_to(market, demand.shape) if market.ndim == 0 else market
        if market.shape != demand.shape or not _is_sane(market):
            raise InputError(f"market_usd_per_hour of {name} has shape {market.shape}; give one finite price a month")
        return cls(name=name, probability_frac=probability_frac, num_gpus=demand, market_usd_per_hour=market)


@dataclass(frozen=True, kw_only=True, slots=True)
class TermCost:
    """A term over all futures, in the order of the futures.

    `num_committed_gpus` is the number with the least expected cost. A regret is the cost above the best term
    of the same future; `max_regret_usd` is the largest.
    """

    term: Term
    num_committed_gpus: int
    futures_usd: tuple[float, ...]
    regrets_usd: tuple[float, ...]
    expected_usd: float
    max_regret_usd: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitmentAdvice:
    """Every term, cheapest in expectation first; `safest` has the least maximal regret."""

    costs: tuple[TermCost, ...]
    cheapest: Term
    safest: Term


def known_terms() -> tuple[Term, ...]:
    """The terms with a published price for the reference accelerator; the rest of the table is unpriced."""
    rows = [row for row in read_table("commitment_terms") if row["discount_frac"]]
    return tuple(
        Term(
            name=row["name"],
            length_months=int(row["length_months"]),
            discount_frac=float(row["discount_frac"]),
            rework_frac=number_or_none(row["rework_frac"]) or 0.0,
        )
        for row in rows
    )


def term_usd(term: Term, future: Future, *, num_committed_gpus: int = 0) -> float:
    """What a term costs over one future; a commitment is renewed at the market price of its last month plus one.

    >>> future = Future.of("flat", probability_frac=1, num_gpus=[2, 2], market_usd_per_hour=1.0)
    >>> term_usd(Term(name="on-demand", length_months=0, discount_frac=0.0), future)
    2920.0
    """
    Checks().count(0, num_committed_gpus=num_committed_gpus).done()
    price = 1.0 - term.discount_frac
    if term.length_months == 0:
        hourly = future.num_gpus * future.market_usd_per_hour * price / (1.0 - term.rework_frac)
        return float(hourly.sum()) * HOURS_PER_MONTH
    months = np.arange(future.num_gpus.size)
    signed = months - months % term.length_months
    committed = num_committed_gpus * future.market_usd_per_hour[signed] * price
    above = np.maximum(future.num_gpus - num_committed_gpus, 0.0) * future.market_usd_per_hour
    return float((committed + above).sum()) * HOURS_PER_MONTH


def advise_commitment(terms: Sequence[Term], futures: Sequence[Future]) -> CommitmentAdvice:
    """Every term against every future: expected cost, and the regret in the worst of them.

    Each commitment takes the number of accelerators with the least expected cost. A commitment that outlasts
    the futures is charged only for their months.

    Raises: InputError unless the chances add up to 1 and all futures have the same months.
    """
    _check(terms, futures)
    counts = [_best_count(term, futures) for term in terms]
    table = np.array(
        [[term_usd(term, each, num_committed_gpus=count) for each in futures] for term, count in zip(terms, counts)]
    )
    regrets = table - table.min(axis=0)
    chances = np.array([each.probability_frac for each in futures])
    costs = [
        TermCost(
            term=term,
            num_committed_gpus=counts[row],
            futures_usd=tuple(table[row].tolist()),
            regrets_usd=tuple(regrets[row].tolist()),
            expected_usd=float(table[row] @ chances),
            max_regret_usd=float(regrets[row].max()),
        )
        for row, term in enumerate(terms)
    ]
    ranked = tuple(sorted(costs, key=lambda cost: (cost.expected_usd, cost.term.length_months, cost.term.name)))
    safest = min(ranked, key=lambda cost: cost.max_regret_usd)
    return CommitmentAdvice(costs=ranked, cheapest=ranked[0].term, safest=safest.term)


def launch_market_usd_per_hour(
    *, num_months: int, usd_per_hour: float, launch_month: int, price_after_ratio: float
) -> Array:
    """A market price that moves to a ratio of itself when a new generation launches; of shape (months,).

    `launch_month` counts from 0; at or beyond `num_months` nothing launches.
    """
    checks = Checks().count(1, num_months=num_months).count(0, launch_month=launch_month)
    checks.positive(usd_per_hour=usd_per_hour, price_after_ratio=price_after_ratio).done()
    ratio = np.where(np.arange(num_months) >= launch_month, price_after_ratio, 1.0)
    return usd_per_hour * ratio


def _best_count(term: Term, futures: Sequence[Future]) -> int:
    """The committed number with the least expected cost: cost is piecewise linear, so it lies at a demand."""
    if term.length_months == 0:
        return 0
    demands = np.unique(np.concatenate([each.num_gpus for each in futures]))
    counts: set[int] = {0, *np.floor(demands).astype(int).tolist(), *np.ceil(demands).astype(int).tolist()}
    return min(sorted(counts), key=lambda count: _expected_usd(term, futures, count))


def _expected_usd(term: Term, futures: Sequence[Future], count: int) -> float:
    return sum(each.probability_frac * term_usd(term, each, num_committed_gpus=count) for each in futures)


def _check(terms: Sequence[Term], futures: Sequence[Future]) -> None:
    chance = sum(each.probability_frac for each in futures)
    checks = Checks().that(len(terms) > 0, "no term to compare; give at least on-demand")
    checks.that(len(futures) > 0, "no future to compare; give at least one")
    checks.that(not futures or abs(chance - 1.0) < 1e-6, f"chances add up to {chance:g}; make them add up to 1")
    checks.that(len({each.num_gpus.size for each in futures}) <= 1, "futures differ in months; give all the same")
    checks.done()


def _is_sane(values: Array) -> bool:
    return bool(np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1e12)

"""Own the base of the load and buy its peaks: the number of replicas that costs least, and the pure strategies.

cost(n) = n x replica + operations (if n > 0) + API price x tokens above the capacity of n replicas

The last replica pays while demand exceeds it for a larger share of the time than
(its cost per hour) / (API cost of the work it does in an hour): the best baseline is a quantile, not a mean.
"""

import math
from dataclasses import dataclass

from tokonomics.economics.build_or_buy.duration_curve import (
    LoadDuration,
    capacity_for_share_tokens_per_s,
    capacity_split,
    exceeded_level_tokens_per_s,
)
from tokonomics.economics.figures.checks import Checks
from tokonomics.units import DAYS_PER_MONTH, MTOK, SECONDS_PER_DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class HybridTerms:
    """Prices of both sides: a replica and its rate, the fixed cost of operating any, and a token at the API."""

    replica_usd_per_month: float
    replica_tokens_per_s: float
    api_usd_per_mtok: float
    ops_usd_per_month: float = 0.0
    days_per_month: float = DAYS_PER_MONTH

    def __post_init__(self) -> None:
        checks = Checks().positive(
            replica_usd_per_month=self.replica_usd_per_month,
            replica_tokens_per_s=self.replica_tokens_per_s,
            api_usd_per_mtok=self.api_usd_per_mtok,
            days_per_month=self.days_per_month,
        )
        checks.non_negative(ops_usd_per_month=self.ops_usd_per_month).done()

    @property
    def worthwhile_exceeded_frac(self) -> float:
        """Owned cost over API cost of the same work: a replica pays when demand exceeds it for longer."""
        month_mtok = self.replica_tokens_per_s * SECONDS_PER_DAY * self.days_per_month / MTOK
        return self.replica_usd_per_month / (month_mtok * self.api_usd_per_mtok)


@dataclass(frozen=True, kw_only=True, slots=True)
class Strategy:
    """One split of the load, with its terms. `name` is `api`, `hybrid` or `self-host`."""

    name: str
    num_replicas: int
    served_frac: float
    overflow_tokens_per_day: float
    utilisation_frac: float | None
    replicas_usd_per_month: float
    ops_usd_per_month: float
    overflow_usd_per_month: float
    total_usd_per_month: float


@dataclass(frozen=True, kw_only=True, slots=True)
class HybridAnswer:
    """The cheapest split beside both pure strategies; a saving is a share of the pure strategy's cost."""

    best: Strategy
    pure_api: Strategy
    pure_self_host: Strategy
    saving_vs_api_frac: float
    saving_vs_self_host_frac: float
    worthwhile_exceeded_frac: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ShareRule:
    """A rule of thumb such as 80/20, evaluated: what serving that share in-house captures.

    `captured_ratio` is its saving over the API as a multiple of the saving of pure self-hosting at the peak;
    None where pure self-hosting saves nothing. `regret_usd_per_month` is what it costs more than the best
    split.
    """

    rule: Strategy
    best: Strategy
    captured_ratio: float | None
    regret_usd_per_month: float


def split_cost(
    terms: HybridTerms, *, num_replicas: int, total_tokens_per_day: float, overflow_tokens_per_day: float
) -> Strategy:
    """The month of a split whose overflow is known.

    Source: the article, section 6, with 15 M tokens a day at the API for 2,812.50 and not 18,750 USD.

    >>> terms = HybridTerms(replica_usd_per_month=1800, replica_tokens_per_s=150, api_usd_per_mtok=6.25,
    ...                     days_per_month=30)
    >>> split_cost(terms, num_replicas=1, total_tokens_per_day=15e6, overflow_tokens_per_day=5e6).total_usd_per_month
    2737.5
    """
    checks = Checks().count(0, num_replicas=num_replicas).positive(total_tokens_per_day=total_tokens_per_day)
    checks.non_negative(overflow_tokens_per_day=overflow_tokens_per_day)
    checks.that(
        not overflow_tokens_per_day > total_tokens_per_day * (1 + 1e-9),
        f"overflow_tokens_per_day={overflow_tokens_per_day:g} exceeds total_tokens_per_day; lower it",
    ).done()
    replicas_usd = num_replicas * terms.replica_usd_per_month
    ops_usd = terms.ops_usd_per_month if num_replicas else 0.0
    overflow_usd = overflow_tokens_per_day * terms.days_per_month / MTOK * terms.api_usd_per_mtok
    served = total_tokens_per_day - overflow_tokens_per_day
    capacity = num_replicas * terms.replica_tokens_per_s * SECONDS_PER_DAY
    return Strategy(
        name=_name(num_replicas, overflow_tokens_per_day),
        num_replicas=num_replicas,
        served_frac=served / total_tokens_per_day,
        overflow_tokens_per_day=overflow_tokens_per_day,
        utilisation_frac=served / capacity if capacity else None,
        replicas_usd_per_month=replicas_usd,
        ops_usd_per_month=ops_usd,
        overflow_usd_per_month=overflow_usd,
        total_usd_per_month=replicas_usd + ops_usd + overflow_usd,
    )


def strategy(load: LoadDuration, terms: HybridTerms, *, num_replicas: int) -> Strategy:
    """The month of owning `num_replicas` and buying what they cannot carry."""
    Checks().count(0, num_replicas=num_replicas).done()
    split = capacity_split(load, capacity_tokens_per_s=num_replicas * terms.replica_tokens_per_s)
    return split_cost(
        terms,
        num_replicas=num_replicas,
        total_tokens_per_day=load.mean_tokens_per_s * SECONDS_PER_DAY,
        overflow_tokens_per_day=split.overflow_tokens_per_s * SECONDS_PER_DAY,
    )


def best_hybrid(load: LoadDuration, terms: HybridTerms) -> HybridAnswer:
    """The cheapest number of replicas, beside none and enough for the peak; never dearer than either.

    Cost is convex in replicas above zero, so the best whole number is next to the cost-optimal quantile.
    """
    peak = math.ceil(load.peak_tokens_per_s / terms.replica_tokens_per_s * (1.0 - 1e-12))
    level = exceeded_level_tokens_per_s(load, exceeded_frac=min(1.0, terms.worthwhile_exceeded_frac))
    near = math.floor(level / terms.replica_tokens_per_s)
    counts = sorted({0, peak, *(min(max(near + step, 0), peak) for step in (-1, 0, 1, 2))})
    plans = [strategy(load, terms, num_replicas=count) for count in counts]
    best = min(plans, key=lambda plan: plan.total_usd_per_month)
    return HybridAnswer(
        best=best,
        pure_api=plans[0],
        pure_self_host=plans[-1],
        saving_vs_api_frac=1.0 - best.total_usd_per_month / plans[0].total_usd_per_month,
        saving_vs_self_host_frac=1.0 - best.total_usd_per_month / plans[-1].total_usd_per_month,
        worthwhile_exceeded_frac=terms.worthwhile_exceeded_frac,
    )


def share_rule(load: LoadDuration, terms: HybridTerms, *, served_frac: float = 0.8) -> ShareRule:
    """Evaluate "serve this share in-house, buy the rest", with the whole replicas that it takes."""
    capacity = capacity_for_share_tokens_per_s(load, served_frac=served_frac)
    count = math.ceil(capacity / terms.replica_tokens_per_s * (1.0 - 1e-12))
    rule, answer = strategy(load, terms, num_replicas=count), best_hybrid(load, terms)
    api_usd = answer.pure_api.total_usd_per_month
    full_saving = api_usd - answer.pure_self_host.total_usd_per_month
    return ShareRule(
        rule=rule,
        best=answer.best,
        captured_ratio=(api_usd - rule.total_usd_per_month) / full_saving if full_saving > 0 else None,
        regret_usd_per_month=rule.total_usd_per_month - answer.best.total_usd_per_month,
    )


def _name(num_replicas: int, overflow_tokens_per_day: float) -> str:
    if not num_replicas:
        return "api"
    return "hybrid" if overflow_tokens_per_day > 0 else "self-host"

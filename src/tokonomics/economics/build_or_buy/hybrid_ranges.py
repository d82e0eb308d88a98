"""How sure a split is where the physics gave the rate: what a number of replicas costs and serves at its p10 to p90."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tokonomics.economics.build_or_buy.duration_curve import LoadDuration
from tokonomics.economics.build_or_buy.hybrid import HybridTerms, Strategy, best_hybrid, strategy
from tokonomics.economics.figures.ranges import OpenEnds, ends_of, hull, solved_ends

_OF_A_SPLIT: Final = ("served_frac", "utilisation_frac", "overflow_usd_per_month", "total_usd_per_month")


def split_ranges(load: LoadDuration, terms: HybridTerms, one: Strategy, sd_log: float) -> Mapping[str, OpenEnds | None]:
    """The ranges of a split with the replicas that it has: a slower one leaves more to the API.

    All of its figures only fall or rise with the rate, so both ends of the rate give theirs.
    """
    slow, fast = (
        strategy(load, faster_terms(terms, ratio), num_replicas=one.num_replicas) for ratio in ends_of(1.0, sd_log)
    )
    return {name: hull([getattr(slow, name), getattr(one, name), getattr(fast, name)]) for name in _OF_A_SPLIT}


def choice_ranges(load: LoadDuration, terms: HybridTerms, sd_log: float) -> Mapping[str, OpenEnds | None]:
    """The ranges of what depends on the rate before any split is chosen, and of the best number of replicas.

    `peak_overflow_tokens_per_s` is that of the best split at the estimated rate.
    """
    num_chosen = best_hybrid(load, terms).best.num_replicas

    def solve(ratio: float) -> dict[str, float | None]:
        told = best_hybrid(load, faster_terms(terms, ratio))
        owned = num_chosen * terms.replica_tokens_per_s * ratio
        return {
            "num_replicas": told.best.num_replicas,
            "worthwhile_exceeded_frac": told.worthwhile_exceeded_frac,
            "peak_overflow_tokens_per_s": max(load.peak_tokens_per_s - owned, 0.0),
        }

    return solved_ends(solve, sd_log)


def faster_terms(terms: HybridTerms, ratio: float) -> HybridTerms:
    """The same prices where a replica does `ratio` times as much."""
    return replace(terms, replica_tokens_per_s=terms.replica_tokens_per_s * ratio)

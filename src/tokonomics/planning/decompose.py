"""Base and burst: for many buckets, what is committed is chosen on levels of load, then each bucket on its own.

Buckets share only what is committed and the mean quality. Give each bucket a part of the price of every commitment,
and quality a price, and they fall apart (Lagrange): for any such parts the least costs of the buckets add up to no more
than the month's, which is the bound. Good parts are found on few levels of load, whose patterns are put together by a
master programme (Dantzig and Wolfe); wrong ones would be valid too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tokonomics.planning.bucket_search import Pattern, burst_pattern, priced_pattern
from tokonomics.planning.bundles import Fleet, settled
from tokonomics.planning.fleet_arrays import FleetArrays, Mask
from tokonomics.planning.fleet_problem import Counts, Floats
from tokonomics.planning.merge import at_levels, level_of_bucket
from tokonomics.planning.parting import Parting, parting_of
from tokonomics.planning.pattern_master import Prices, Together, prices_of, together
from tokonomics.units import SECONDS_PER_HOUR

_MOST_LEVELS: Final = 20
_WORTHS: Final = (1.0, 1.4)
_FINE_WORTHS: Final = (1.1,)
_MANY_WORTHS: Final = (0.7, 1.3)
_MOST_ROUNDS: Final = 6
_STEP: Final = 0.4
_ENOUGH_FRAC: Final = 0.25
"""Share of the asked gap that the levels, or the buckets that are not solved again, may spend."""
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Sweep:
    """All buckets solved at the same prices: the patterns, one a bucket."""

    prices: Prices
    patterns: tuple[Pattern, ...]

    @property
    def bound_usd(self) -> float:
        """What no fleet can be cheaper than."""
        return sum(one.bound_usd for one in self.patterns)


def base_and_burst(fleet: FleetArrays, *, max_gap_frac: float) -> tuple[Fleet | None, float]:
    """A fleet for `fleet` (None: none was found) and a bound, in USD a month, that no fleet can be cheaper than."""
    is_coarse = fleet.hours.size > _MOST_LEVELS
    level = level_of_bucket(fleet, _MOST_LEVELS) if is_coarse else np.arange(fleet.hours.size)
    levels = at_levels(fleet, level)
    parting = parting_of(levels)
    if parting is None:
        return None, -np.inf
    spend_frac = _ENOUGH_FRAC * max_gap_frac
    on_levels = _on_levels(levels, parting, spend_frac, is_final=not is_coarse)
    if on_levels is None:
        return None, -np.inf
    sweep, chosen, worth = on_levels
    if is_coarse:
        looked_at = parting.is_used | (chosen.num_committed > 0)[:, None]
        on_buckets = _on_buckets(fleet, level, sweep.prices, looked_at, chosen.num_committed, worth, spend_frac)
        if on_buckets is None:
            return None, -np.inf
        sweep, chosen = on_buckets
    return settled(fleet, _bought(fleet, chosen)), sweep.bound_usd


def _on_levels(
    levels: FleetArrays, parting: Parting, spend_frac: float, *, is_final: bool
) -> tuple[_Sweep, Together, float | None] | None:
    """The best prices found, the best choice of patterns, and what quality is worth beside its base.

    None where some level cannot be served.
    """
    prices = _first_prices(levels, parting)
    patterns = _first_patterns(levels, parting, prices)
    best = _best_sweep(levels, parting, prices, patterns, spend_frac)
    chosen = together(levels, patterns)
    if best is None or chosen is None:
        return None
    beside = prices_of(levels, patterns, chosen.num_committed)
    worth = beside[0].quality_usd_per_request if beside else None
    if is_final and worth and best.bound_usd < chosen.usd * (1.0 - spend_frac):
        patterns += _more_patterns(levels, parting, chosen, replace(best.prices, quality_usd_per_request=worth))
        chosen = together(levels, patterns) or chosen
    return best, chosen, worth


def _best_sweep(
    levels: FleetArrays, parting: Parting, prices: Prices, patterns: list[Pattern], spend_frac: float
) -> _Sweep | None:
    """The sweep of the highest bound, by steps of the prices; every sweep adds to `patterns`."""
    best = _sweep(levels, prices, parting.is_used)
    step = _STEP
    patterns += best.patterns if best else ()
    for _ in range(_MOST_ROUNDS - 1):
        balanced = prices_of(levels, patterns)
        if best is None or balanced is None or best.bound_usd >= balanced[1] * (1.0 - spend_frac):
            break
        sweep = _sweep(levels, _between(best.prices, balanced[0], step), parting.is_used)
        is_better = sweep is not None and sweep.bound_usd > best.bound_usd
        patterns += sweep.patterns if sweep else ()
        best, step = (sweep, step) if is_better else (best, step / 2)
    return best


def _more_patterns(levels: FleetArrays, parting: Parting, chosen: Together, prices: Prices) -> list[Pattern]:
    """Patterns beside the chosen base: few buckets mix coarsely, so that each gets a range of qualities."""
    base, everywhere = chosen.num_committed, np.arange(levels.hours.size)
    found = _bursts(levels, base, prices, parting.is_used, _MANY_WORTHS, everywhere)
    for aims_frac in (parting.quality_frac, _qualities(levels, chosen)):
        found += _aimed(levels, base, parting.is_used, aims_frac)
    return found


def _on_buckets(
    fleet: FleetArrays,
    level: Counts,
    prices: Prices,
    is_used: Mask,
    base: Counts,
    worth: float | None,
    spend_frac: float,
) -> tuple[_Sweep, Together] | None:
    """Every bucket at the prices of its level; then anew beside `base`, those that lose most by it first."""
    own = _at_buckets(fleet, level, prices)
    sweep = _sweep(fleet, own, is_used[:, level])
    if sweep is None:
        return None
    lost = np.array([_lost_usd(fleet, one, own, base) for one in sweep.patterns])
    order = np.argsort(-lost, kind="stable")
    left = np.append(np.cumsum(lost[order][::-1])[::-1], 0.0)
    num = int(np.argmax(left <= spend_frac * sweep.bound_usd))
    worths = (None,) if fleet.min_quality_frac is None else _FINE_WORTHS
    beside = replace(own, quality_usd_per_request=worth)
    anew = _bursts(fleet, base, beside, is_used[:, level], worths, order[:num])
    kept = [one for one, usd in zip(sweep.patterns, lost) if np.isfinite(usd)]
    chosen = together(fleet, [*kept, *anew], base)
    if chosen is None and fleet.min_quality_frac is not None:
        anew += _aimed(fleet, base, is_used[:, level], np.full(fleet.hours.size, fleet.min_quality_frac))
        chosen = together(fleet, [*kept, *anew], base)
    return None if chosen is None else (sweep, chosen)


def _at_buckets(fleet: FleetArrays, level: Counts, prices: Prices) -> Prices:
    """The prices of levels, each shared by its buckets in proportion to their hours."""
    of_level = np.bincount(level, weights=fleet.hours)[level]
    share = np.divide(fleet.hours, of_level, out=np.zeros_like(of_level), where=of_level > 0)
    is_sold = np.isfinite(fleet.committed_usd_per_hour)[:, None]
    borne = np.where(is_sold, prices.borne_usd[:, level], 0.0) * share
    return replace(prices, borne_usd=np.where(is_sold, borne, np.inf))


def _first_prices(levels: FleetArrays, parting: Parting) -> Prices:
    sold = np.isfinite(levels.committed_usd_per_hour)[:, None]
    worth = None if levels.min_quality_frac is None else parting.quality_usd_per_request
    return Prices(borne_usd=np.where(sold, parting.committed_usd, np.inf), quality_usd_per_request=worth)


def _first_patterns(levels: FleetArrays, parting: Parting, prices: Prices) -> list[Pattern]:
    """Bursts beside the base of the relaxation and beside none, at several worths of quality."""
    worths = (None,) if levels.min_quality_frac is None else _WORTHS
    bases = {one.tobytes(): one for one in (parting.num_committed, np.zeros_like(parting.num_committed))}
    everywhere = np.arange(levels.hours.size)
    found = [
        one for base in bases.values() for one in _bursts(levels, base, prices, parting.is_used, worths, everywhere)
    ]
    if levels.min_quality_frac is not None:
        found += [*_aimed(levels, parting.num_committed, parting.is_used, parting.quality_frac)]
        found += [
            *_aimed(levels, parting.num_committed, parting.is_used, np.full(everywhere.size, levels.min_quality_frac))
        ]
    return found


def _bursts(
    fleet: FleetArrays,
    base: Counts,
    prices: Prices,
    is_used: Mask,
    worths: Sequence[float | None],
    buckets: Counts,
) -> list[Pattern]:
    """Patterns of `buckets` beside `base`, one for each of `worths` times the price of quality."""
    found = (
        burst_pattern(fleet, int(bucket), base, _times(prices.quality_usd_per_request, worth), is_used[:, bucket])
        for worth in worths
        for bucket in buckets
    )
    return [one for one in found if one is not None]


def _aimed(fleet: FleetArrays, base: Counts, is_used: Mask, aims_frac: Floats) -> Iterator[Pattern]:
    """Patterns beside `base` that reach a quality of their own in each bucket (B,), so that the month does."""
    for bucket, aim in enumerate(aims_frac):
        found = burst_pattern(
            fleet, bucket, base, None, is_used[:, bucket], aim_frac=max(float(aim) - _ROUNDING, _ROUNDING)
        )
        if found is not None:
            yield found


def _qualities(fleet: FleetArrays, chosen: Together) -> Floats:
    """(B,) mean quality of the chosen patterns, less what the month has too much of."""
    requests = fleet.hours * fleet.demand_requests_per_s.sum(axis=1) * SECONDS_PER_HOUR
    surplus = np.array([one.num_surplus_requests for one in chosen.patterns])
    own = np.divide(surplus, requests, out=np.zeros_like(requests), where=requests > 0)
    aims: Floats = (fleet.min_quality_frac or 0.0) + own - surplus.sum() / requests.sum()
    return aims


def _times(quality_usd_per_request: float | None, worth: float | None) -> float | None:
    return None if quality_usd_per_request is None or worth is None else quality_usd_per_request * worth


def _sweep(fleet: FleetArrays, prices: Prices, is_used: Mask) -> _Sweep | None:
    """Every bucket at `prices`; None where one cannot be served."""
    patterns = []
    for bucket in range(fleet.hours.size):
        borne, worth = prices.borne_usd[:, bucket], prices.quality_usd_per_request
        found = priced_pattern(fleet, bucket, borne, worth, is_used[:, bucket])
        if found is None:
            return None
        patterns.append(found)
    return _Sweep(prices=prices, patterns=tuple(patterns))


def _between(best: Prices, new: Prices, step: float) -> Prices:
    """A step from `best` towards `new`; a choice that the new prices say nothing of stays."""
    is_known = np.isfinite(new.borne_usd) & (new.borne_usd.sum(axis=1) > 0)[:, None]
    stepped = np.where(is_known, new.borne_usd, 0.0) * step + np.where(is_known, best.borne_usd, 0.0) * (1.0 - step)
    worth = new.quality_usd_per_request
    if worth is not None and best.quality_usd_per_request is not None:
        worth = worth * step + best.quality_usd_per_request * (1.0 - step)
    return Prices(borne_usd=np.where(is_known, stepped, best.borne_usd), quality_usd_per_request=worth)


def _lost_usd(fleet: FleetArrays, one: Pattern, prices: Prices, base: Counts) -> float:
    """How much cheaper the bucket may be beside `base` than `one` is there; inf where `one` may not run beside it."""
    if (fleet.is_limited & (base > one.num_running)).any():
        return float("inf")
    hours = float(fleet.hours[one.bucket])
    rented = np.maximum(one.num_running - base, 0)
    if np.isinf(fleet.on_demand_usd_per_hour[rented > 0]).any():
        return float("inf")
    usd = one.other_usd + float((rented[rented > 0] * fleet.on_demand_usd_per_hour[rented > 0]).sum()) * hours
    usd -= (prices.quality_usd_per_request or 0.0) * one.num_surplus_requests
    paid = float((base[base > 0] * prices.borne_usd[base > 0, one.bucket]).sum())
    return max(usd - (one.bound_usd - paid), 0.0)


def _bought(fleet: FleetArrays, chosen: Together) -> Fleet:
    """Bundles that nothing is routed to as yet."""
    running = np.array([one.num_running for one in chosen.patterns]).T
    nothing = np.zeros(0)
    return Fleet(
        num_committed=chosen.num_committed,
        num_on_demand=np.maximum(running - chosen.num_committed[:, None], 0),
        num_spot=np.array([one.num_spot for one in chosen.patterns]).T,
        sent=nothing,
        routed=nothing,
    )

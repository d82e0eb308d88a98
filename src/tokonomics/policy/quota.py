"""Quotas of so many a minute, held over every sliding minute, in memory that does not grow.

Use is counted by the second, and what may still lie within a minute is kept: the second that is running and the 60
before it. A window of 60 s touches at most these 61, so no sliding minute exceeds the limit; in return up to one
second of use is counted for longer than a minute. The two functions on a ring of counts take a list or an array
and no object, so that the event kernel can compile them.
"""

from collections.abc import MutableSequence
from dataclasses import dataclass, replace
from typing import Final

NUM_SLOTS: Final = 61
TICK_S: Final = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class QuotaUse:
    """What was used in each of the last 61 seconds: second t stands in counts[t % 61]; `last_tick` is the newest."""

    last_tick: int = 0
    counts: tuple[int, ...] = (0,) * NUM_SLOTS

    @property
    def num_used(self) -> int:
        """Sum over the seconds that are kept."""
        return sum(self.counts)


def expire_slots(counts: MutableSequence[int], last_tick: int, now_tick: int) -> int:
    """Empty the slots of the seconds after `last_tick` up to `now_tick`; return how much they held.

    >>> expire_slots([5, 7, 9], 4, 5)
    9
    """
    num_slots = len(counts)
    num_stale = min(now_tick - last_tick, num_slots)
    num_expired = 0
    for step in range(num_stale):
        slot = (last_tick + 1 + step) % num_slots
        num_expired += counts[slot]
        counts[slot] = 0
    return num_expired


def fits_quota(num_used: int, num_wanted: int, num_allowed: int) -> bool:
    """Whether `num_wanted` more stay within `num_allowed`; a negative allowance means no limit."""
    return num_allowed < 0 or num_used + num_wanted <= num_allowed


def quota_at(use: QuotaUse, now_s: float) -> QuotaUse:
    """`use` as it stands at `now_s`: what is older than a minute is forgotten. A clock that goes back stands still."""
    now_tick = int(now_s // TICK_S)
    if now_tick <= use.last_tick:
        return use
    counts = list(use.counts)
    expire_slots(counts, use.last_tick, now_tick)
    return QuotaUse(last_tick=now_tick, counts=tuple(counts))


def with_use(use: QuotaUse, num_wanted: int) -> QuotaUse:
    """`use` with `num_wanted` more in its newest second."""
    slot = use.last_tick % NUM_SLOTS
    counts = (*use.counts[:slot], use.counts[slot] + num_wanted, *use.counts[slot + 1 :])
    return replace(use, counts=counts)

"""A replay too long to hold: its shards, put together into the numbers that any replay has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

from tokonomics.errors import TokonomicsError
from tokonomics.simulation.ask import Case, Replay, replay, utilisation_of
from tokonomics.simulation.fleet import Watch
from tokonomics.simulation.hours import HourCost
from tokonomics.simulation.long_money import long_gpu_time, long_hours, long_money
from tokonomics.simulation.long_summary import Whole, long_summary, long_timeline, long_work
from tokonomics.simulation.money import Money
from tokonomics.simulation.shard import ShardResult, run_shard, shards_of, windows_of
from tokonomics.simulation.sketch import merged
from tokonomics.simulation.summary import Summary
from tokonomics.simulation.tally import Tally
from tokonomics.simulation.timeline import Timeline
from tokonomics.simulation.utilisation import Utilisation
from tokonomics.simulation.work import Work


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LongReplay:
    """A replay and its numbers, without its requests; percentiles are within 0.5 %.

    num_shards: parts it was replayed in; 1 is exact.
    worst_seam_frac: at the worst seam between two parts, how many more or fewer requests were in the system than the
    part before had left, as a share of those; None without seams.
    kernel_wall_s: of all parts together, whichever ran at the same time.
    """

    summary: Summary
    money: Money
    hours: tuple[HourCost, ...]
    timeline: Timeline
    work: Work
    utilisation: Utilisation
    kernel_wall_s: float
    num_asked: int
    is_partial: bool
    num_shards: int
    worst_seam_frac: float | None


Answer = Replay | LongReplay
"""A replay, with its requests or without."""


def answer(case: Case, *, clock: Callable[[], float], watch: Watch | None = None, replication: int = 0) -> Answer:
    """Replay the traffic of `case` in this process, window by window where it is too long to hold.

    Args:      as of `replay`.
    """
    if case.demand.windows is None:
        return replay(case, clock=clock, watch=watch, replication=replication)
    results = []
    for shard in shards_of(case):
        results.append(run_shard(case, shard, clock=clock, watch=watch, replication=replication))
        if results[-1].is_partial:
            break
    return put_together(case, results)


def put_together(case: Case, results: Sequence[ShardResult | None]) -> LongReplay:
    """One replay of its shards, in order of time; None stands for one that was not made.

    Raises: TokonomicsError where none was made.
    """
    made = [one for one in results if one is not None and one.num_requests]
    if not made:
        raise TokonomicsError("ended before a part of the replay was done; give it more time, or smaller --shard-hours")
    whole = Whole(
        tally=reduce(Tally.plus, (one.tally for one in made)),
        api=reduce(lambda one, other: one.plus(other), (one.api for one in made)),
        sketches=tuple(merged([one.sketches[at] for one in made]) for at in range(len(made[0].sketches))),
        results=tuple(made),
    )
    is_partial = len(made) < len(shards_of(case)) or any(one.is_partial for one in made)
    work = long_work(case, whole)
    time = long_gpu_time(case, whole)
    used = utilisation_of(case, work)
    money = long_money(case, whole, time, used_frac=used.used_frac)
    num = int(whole.tally.status.sum())
    return LongReplay(
        summary=long_summary(case, whole, work),
        money=money,
        hours=long_hours(case, whole, money),
        timeline=long_timeline(case, whole),
        work=work,
        utilisation=used,
        kernel_wall_s=sum(one.kernel_wall_s for one in made),
        num_asked=max(round(windows_of(case).expected_requests), num) if is_partial else num,
        is_partial=is_partial,
        num_shards=len(made),
        worst_seam_frac=_worst_seam(results),
    )


def _worst_seam(results: Sequence[ShardResult | None]) -> float | None:
    seams = [
        abs(after.num_found - before.num_left) / max(before.num_left, 1)
        for before, after in pairwise(results)
        if before is not None and after is not None
    ]
    return max(seams, default=None)

"""The shards of a long replay, over processes or a Ray cluster: the same bits wherever they ran."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from tokonomics.simulation.ask import Case
from tokonomics.simulation.many import shared_case
from tokonomics.simulation.shard import Shard, ShardResult, run_shard, windows_of
from tokonomics.workload.scenario import Scenario


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardRun:
    """One shard to replay; `clock` (seconds) must be one that another process can find by its name."""

    scenario: Scenario
    today: date
    shard: Shard
    clock: Callable[[], float]


def longest_first(case: Case, shards: Sequence[Shard]) -> list[int]:
    """The order in which to begin `shards`, by index: the most requests first, so that all processes end together."""
    windows = windows_of(case)
    return sorted(range(len(shards)), key=lambda at: -windows.expected_part_requests(shards[at].begin, shards[at].end))


def make_shard(run: ShardRun) -> ShardResult:
    """Replay one shard."""
    return run_shard(shared_case(run.scenario, run.today), run.shard, clock=run.clock)

"""Many replays, in one process or over several: the same answers in the same order for any number of them."""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, TypeVar

from tokonomics.errors import TokonomicsError
from tokonomics.simulation.ask import Case, build_case
from tokonomics.simulation.figures import Figures, figures
from tokonomics.simulation.long_replay import answer
from tokonomics.simulation.worker_memory import keep_freed_memory
from tokonomics.workload.scenario import Scenario

_MOST_POOLS: Final = 3
_LOOK_S: Final = 0.2

KeepGoing = Callable[[int], bool]
"""Told how many runs are done; says whether to go on."""
_Work = TypeVar("_Work")
_Made = TypeVar("_Made")


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One replay to make: of a scenario, at prices of `today`, with its trace drawn again unless replication is 0."""

    scenario: Scenario
    today: date
    replication: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The figures of a run, or why it has none."""

    figures: Figures | None
    problem: str = ""


def run_one(run: Run) -> Outcome:
    """Make one replay; what a user could mend becomes the problem of the outcome."""
    try:
        case = shared_case(run.scenario, run.today)
        return Outcome(figures=figures(answer(case, clock=_still_clock, replication=run.replication)))
    except TokonomicsError as error:
        return Outcome(figures=None, problem="; ".join(error.violations))


def run_all(
    runs: Sequence[Run], *, num_jobs: int = 1, keep_going: KeepGoing = lambda num_done: True
) -> list[Outcome | None]:
    """Make all `runs`; None for those that were not made because `keep_going` said no. Raises as `spread` does."""
    return spread(run_one, runs, num_jobs=num_jobs, keep_going=keep_going)


def spread(
    make: Callable[[_Work], _Made],
    works: Sequence[_Work],
    *,
    num_jobs: int = 1,
    keep_going: KeepGoing = lambda num_done: True,
) -> list[_Made | None]:
    """`make` of every one of `works`, in order; None for those not made because `keep_going` said no.

    A worker process that dies takes nothing with it: what it had is made again. Raises TokonomicsError where workers
    die again and again, and what `make` raises.
    """
    done: dict[int, _Made] = {}
    if num_jobs > 1 and len(works) > 1:
        _in_processes(make, works, min(num_jobs, len(works)), done, keep_going)
    else:
        for index, work in enumerate(works):
            if not keep_going(index):
                break
            done[index] = make(work)
    return [done.get(index) for index in range(len(works))]


@lru_cache(maxsize=4)
def shared_case(scenario: Scenario, today: date) -> Case:
    """The case of a scenario; replications and shards of one scenario share what was read for it."""
    return build_case(scenario, today=today)


def _in_processes(
    make: Callable[[_Work], _Made],
    works: Sequence[_Work],
    num_jobs: int,
    done: dict[int, _Made],
    keep_going: KeepGoing,
) -> None:
    for _ in range(_MOST_POOLS):
        waiting = [index for index in range(len(works)) if index not in done]
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(num_jobs, mp_context=context, initializer=_begin_worker) as pool:
            try:
                _gather({pool.submit(make, works[index]): index for index in waiting}, done, keep_going)
            except BrokenProcessPool:
                continue
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
            return
    raise TokonomicsError(f"worker processes died {_MOST_POOLS} times; lower --jobs, or give the machine more memory")


def _gather(futures: dict[Future[_Made], int], done: dict[int, _Made], keep_going: KeepGoing) -> None:
    open_ones = set(futures)
    while open_ones and keep_going(len(done)):
        ready, open_ones = wait(open_ones, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
        for future in ready:
            done[futures[future]] = future.result()


def _still_clock() -> float:
    """No figure holds a time of the machine."""
    return 0.0


def _begin_worker() -> None:
    """Workers finish what they have, the parent decides when to stop; and they keep the memory that they free."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()

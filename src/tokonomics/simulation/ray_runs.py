"""Many replays on a Ray cluster: the same answers in the same order as in one process. Ray is an extra.

A worker needs this package and the files that the scenarios name. What a lost worker had is made again by another.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, TypeVar

from tokonomics.errors import InputError, TokonomicsError
from tokonomics.simulation.many import KeepGoing, Outcome, Run, run_one

_Work = TypeVar("_Work")
_Made = TypeVar("_Made")

_LOOK_S: Final = 0.5
_MOST_RETRIES: Final = 5
_PATIENCE_S: Final = 20.0
_NO_RAY: Final = (
    "spreading replays over machines needs Ray, which is not installed; run `pip install 'tokonomics[ray]'`"
)


def run_on_ray(
    runs: Sequence[Run], *, address: str | None = None, num_jobs: int = 1, keep_going: KeepGoing = lambda num_done: True
) -> list[Outcome | None]:
    """Make all `runs` on a cluster; None for those that `keep_going` left out. Raises as `spread_on_ray` does."""
    return spread_on_ray(run_one, runs, address=address, num_jobs=num_jobs, keep_going=keep_going)


def spread_on_ray(
    make: Callable[[_Work], _Made],
    works: Sequence[_Work],
    *,
    address: str | None = None,
    num_jobs: int = 1,
    keep_going: KeepGoing = lambda num_done: True,
) -> list[_Made | None]:
    """`make` of all `works` on the cluster at `address`, or on one of `num_jobs` workers that is started here.

    None for those that were not made because `keep_going` said no. A cluster that this process is already part of is
    used, and left running. Raises InputError where Ray is not installed or the address does not answer,
    TokonomicsError where workers die again and again.
    """
    ray = _ray()
    is_ours = not ray.is_initialized()
    if is_ours:
        _join(ray, address, num_jobs)
    try:
        remote = ray.remote(num_cpus=1, max_retries=_MOST_RETRIES)(make)
        return _gathered(ray, [remote.remote(work) for work in works], keep_going)
    except ray.exceptions.RayTaskError as error:
        raise error.cause if isinstance(error.cause, TokonomicsError) else error from None
    except ray.exceptions.RayError as error:
        raise TokonomicsError(f"the Ray cluster failed: {str(error).splitlines()[0]}; see its logs") from None
    finally:
        if is_ours:
            ray.shutdown()


def _gathered(ray: Any, references: list[Any], keep_going: KeepGoing) -> list[Any]:
    done: dict[int, Any] = {}
    waiting = {reference: index for index, reference in enumerate(references)}
    while waiting and keep_going(len(done)):
        ready, _ = ray.wait(list(waiting), num_returns=1, timeout=_LOOK_S)
        for reference in ready:
            done[waiting.pop(reference)] = ray.get(reference)
    for reference in waiting:
        ray.cancel(reference)
    return [done.get(index) for index in range(len(references))]


def _join(ray: Any, address: str | None, num_jobs: int) -> None:
    """Connect to the cluster at `address`, or start one on this machine that listens to nobody else."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of ours reports home
    quiet = {"log_to_driver": False, "include_dashboard": False, "logging_level": "error"}
    try:
        if address is not None:
            _require_answer(address)
            ray.init(address=address, log_to_driver=False, logging_level="error")
        else:
            ray.init(num_cpus=num_jobs, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"no Ray cluster at {address or 'this machine'}: {str(error).splitlines()[0]}") from None


def _require_answer(address: str) -> None:
    """Ask the cluster for its health first: joining one that does not answer waits for many minutes."""
    if ":" not in address or "://" in address:  # "auto" and clients' addresses are looked up by Ray itself
        return
    command = (sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address)
    try:
        is_well = subprocess.run(command, capture_output=True, timeout=_PATIENCE_S, check=False).returncode == 0  # noqa: S603  # own command, no shell
    except subprocess.TimeoutExpired:
        is_well = False
    if not is_well:
        raise InputError(
            f"no Ray cluster answers at {address}; limit={_PATIENCE_S:g} s; check --address and the cluster"
        )


def _ray() -> Any:
    try:
        return import_module("ray")  # an extra, and a second that only a cluster needs
    except ImportError:
        raise InputError(_NO_RAY) from None

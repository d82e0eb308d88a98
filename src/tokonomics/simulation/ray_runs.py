"""Many replays on a Ray cluster: the same answers in the same order as in one process. Ray is an extra.

A worker needs this package and the files that the scenarios name. What a lost worker had is made again by another.
Ray waits for ever for what never comes: a cluster that is gone, a free CPU, a worker that starts. Nothing here does.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final, TypeVar

from tokonomics import __version__
from tokonomics.errors import InputError, TokonomicsError
from tokonomics.simulation.many import KeepGoing, Outcome, Run, run_one

_Work = TypeVar("_Work")
_Made = TypeVar("_Made")

_LOOK_S: Final = 0.5
_MOST_RETRIES: Final = 5
_PATIENCE_S: Final = 20.0
_START_S: Final = 120.0
_NO_RAY: Final = (
    "spreading replays over machines needs Ray, which is not installed; run `pip install 'tokonomics[ray]'`"
)
_DEFAULTS: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing of ours reports home
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # under `uv run` Ray would copy the folder and install anew for each worker
    "RAY_task_oom_retries": str(_MOST_RETRIES),  # Ray's own default is for ever
}


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
    used, and left running. Raises InputError where Ray is not installed, the address does not answer or its workers
    lack this version, TokonomicsError where no worker comes or workers die again and again.
    """
    ray = _ray()
    is_ours = not ray.is_initialized()
    if is_ours:
        _join(ray, address, num_jobs)
    try:
        if not _is_greeted(ray, keep_going):
            return [None] * len(works)
        remote = ray.remote(num_cpus=1, max_retries=_MOST_RETRIES)(make)
        return _gathered(ray, [remote.remote(work) for work in works], keep_going)
    except ray.exceptions.RayTaskError as error:
        raise error.cause if isinstance(error.cause, TokonomicsError) else error from None
    except ray.exceptions.RayError as error:
        raise TokonomicsError(f"the Ray cluster failed: {_first_line(error)}; see its logs, then run again") from None
    finally:
        if is_ours:
            ray.shutdown()


def _is_greeted(ray: Any, keep_going: KeepGoing) -> bool:
    """Wait for a first worker, and see that it is of this version; False where `keep_going` said no before."""
    greeting = ray.remote(num_cpus=1, max_retries=_MOST_RETRIES)(_version).remote()
    for _ in range(round(_START_S / _LOOK_S)):
        if not keep_going(0):
            ray.cancel(greeting)
            return False
        if ray.wait([greeting], timeout=_LOOK_S)[0]:
            _require_same_version(ray, greeting)
            return True
    ray.cancel(greeting)
    raise TokonomicsError(
        f"no worker of the Ray cluster began within {_START_S:g} s: {_num_cpus(ray)} CPUs in all; "
        "see `ray status`; free or add a CPU, or leave --distribute out"
    )


def _require_same_version(ray: Any, greeting: Any) -> None:
    advice = f"install tokonomics {__version__} on every node of the cluster"
    try:
        version = ray.get(greeting, timeout=_START_S)
    except ray.exceptions.RayTaskError as error:
        why = str(error).strip().splitlines()[-1]
        raise InputError(f"the workers of the Ray cluster cannot run this package: {why}; {advice}") from None
    if version != __version__:
        raise InputError(f"the workers of the Ray cluster have version={version}; limit={__version__}; {advice}")


def _version() -> str:
    """What a worker answers to a greeting."""
    return __version__


def _gathered(ray: Any, references: list[Any], keep_going: KeepGoing) -> list[Any]:
    """What became of `references`. However it ends, nothing of them goes on."""
    done: dict[int, Any] = {}
    waiting = {reference: index for index, reference in enumerate(references)}
    num_idle_looks = 0
    try:
        while waiting and keep_going(len(done)):
            ready, _ = ray.wait(list(waiting), num_returns=1, timeout=_LOOK_S)
            num_idle_looks = 0 if ready else num_idle_looks + 1
            if num_idle_looks * _LOOK_S >= _START_S:
                _require_a_worker(ray, len(waiting))
                num_idle_looks = 0
            for reference in ready:
                done[waiting[reference]] = ray.get(reference, timeout=_START_S)
                del waiting[reference]
    finally:
        for reference in waiting:
            ray.cancel(reference)
    return [done.get(index) for index in range(len(references))]


def _require_a_worker(ray: Any, num_waiting: int) -> None:
    """A replay may take hours, but not on a cluster whose nodes are all gone."""
    if _num_cpus(ray) < 1:
        raise TokonomicsError(
            f"the Ray cluster has no CPU left, and {num_waiting} replays to make; add a node, or leave --distribute out"
        )


def _num_cpus(ray: Any) -> int:
    return int(ray.cluster_resources().get("CPU", 0))


def _join(ray: Any, address: str | None, num_jobs: int) -> None:
    """Connect to the cluster at `address`, or start one on this machine that listens to nobody else.

    It is "local" that starts one: left out, Ray would look for another's, and wait for one that is gone.
    """
    where = address or "this machine"
    quiet = {"log_to_driver": False, "logging_level": "error"}
    local = {"address": "local", "num_cpus": num_jobs, "include_dashboard": False}
    try:
        if address is not None:
            _require_answer(address)
        with _limited_to(_START_S):
            ray.init(**quiet, **({"address": address} if address is not None else local))
    except TimeoutError:
        ray.shutdown()
        raise InputError(
            f"no Ray cluster at {where}: not up within {_START_S:g} s; wait until the machine is less busy, or leave"
            " --distribute out"
        ) from None
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise InputError(f"no Ray cluster at {where}: {_first_line(error)}") from None


@contextmanager
def _limited_to(limit_s: float) -> Iterator[None]:
    """Raise TimeoutError when the block takes longer. Only the main thread can be rung; elsewhere there is no limit.

    A second thread would not do: what Ray starts dies with the thread that started it.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s, _LOOK_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _ring(*_: object) -> None:
    raise TimeoutError


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


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _ray() -> Any:
    """Ray itself, told its defaults before it is imported."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    try:
        return import_module("ray")  # an extra, and a second that only a cluster needs
    except ImportError:
        raise InputError(_NO_RAY) from None

"""What Ray would wait for in vain ends with advice; a stand-in plays a cluster, so that no Ray is needed."""

import os
import signal
import threading
import time
from types import SimpleNamespace

import pytest

from tokonomics import __version__
from tokonomics.errors import InputError, TokonomicsError
from tokonomics.simulation import ray_runs


class RayError(Exception):
    pass


class RayTaskError(RayError):
    cause = None


class StandIn:
    """A cluster of no processes: `num_lazy` looks go by before a task is done; with None it never is."""

    def __init__(self, *, num_lazy=0, num_cpus=2, version=__version__, init=lambda **how: None):
        self.exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)
        self.num_lazy, self.num_cpus, self.version, self.begin = num_lazy, num_cpus, version, init
        self.num_looks, self.is_up, self.how = 0, False, {}
        self.cancelled, self.asked = [], []

    def is_initialized(self):
        return self.is_up

    def init(self, **how):
        self.how = how
        self.begin(**how)
        self.is_up = True

    def shutdown(self):
        self.is_up = False

    def remote(self, **options):
        def of(make):
            def ask(*work):
                self.asked.append((make, work))
                return len(self.asked) - 1

            return SimpleNamespace(remote=ask)

        return of

    def wait(self, references, *, timeout, num_returns=1):
        self.num_looks += 1
        is_ready = self.num_lazy is not None and self.num_looks > self.num_lazy
        return (references[:1], references[1:]) if is_ready else ([], references)

    def get(self, reference, *, timeout):
        assert timeout > 0
        make, work = self.asked[reference]
        if make is ray_runs._version:
            if isinstance(self.version, Exception):
                raise self.version
            return self.version
        return make(*work)

    def cancel(self, reference):
        self.cancelled.append(reference)

    def cluster_resources(self):
        return {"CPU": self.num_cpus} if self.num_cpus else {}


def double(work):
    return 2 * work


def spread(monkeypatch, cluster, works=(1, 2, 3), **how):
    monkeypatch.setattr(ray_runs, "_ray", lambda: cluster)
    return ray_runs.spread_on_ray(double, works, **how)


def test_results_are_in_the_order_of_the_works(monkeypatch):
    cluster = StandIn()
    assert spread(monkeypatch, cluster) == [2, 4, 6]
    assert not cluster.is_up
    assert cluster.cancelled == []


def test_a_cluster_of_ones_own_is_not_another_that_the_environment_names(monkeypatch):
    cluster = StandIn()
    spread(monkeypatch, cluster, num_jobs=3)
    assert (cluster.how["address"], cluster.how["num_cpus"]) == ("local", 3)


def test_a_cluster_that_one_is_part_of_is_left_running(monkeypatch):
    cluster = StandIn()
    cluster.is_up = True
    assert spread(monkeypatch, cluster) == [2, 4, 6]
    assert cluster.is_up


def test_a_worker_that_never_comes_is_an_error(monkeypatch):
    cluster = StandIn(num_lazy=None, num_cpus=0)
    with pytest.raises(TokonomicsError, match=r"no worker .* began within 120 s: 0 CPUs in all; see `ray status`"):
        spread(monkeypatch, cluster)
    assert cluster.num_looks * ray_runs._LOOK_S == ray_runs._START_S
    assert cluster.cancelled == [0]
    assert not cluster.is_up


def test_a_worker_that_comes_late_is_waited_for(monkeypatch):
    assert spread(monkeypatch, StandIn(num_lazy=200)) == [2, 4, 6]


def test_one_may_stop_before_a_worker_comes(monkeypatch):
    cluster = StandIn(num_lazy=None)
    assert spread(monkeypatch, cluster, keep_going=lambda num_done: cluster.num_looks < 3) == [None] * 3
    assert cluster.cancelled == [0]


def test_one_may_stop_between_two_works(monkeypatch):
    cluster = StandIn()
    assert spread(monkeypatch, cluster, keep_going=lambda num_done: num_done < 2) == [2, 4, None]
    assert cluster.cancelled == [3]


def test_a_worker_of_another_version_is_an_error(monkeypatch):
    with pytest.raises(InputError, match=rf"version=0\.0\.9; limit={__version__}; install tokonomics {__version__}"):
        spread(monkeypatch, StandIn(version="0.0.9"))


def test_a_worker_without_this_package_is_an_error(monkeypatch):
    missing = RayTaskError("worker 1\nModuleNotFoundError: No module named 'tokonomics'")
    with pytest.raises(InputError, match="cannot run this package: ModuleNotFoundError.*install tokonomics"):
        spread(monkeypatch, StandIn(version=missing))


class Deserted(StandIn):
    """A cluster whose nodes go with the first result."""

    def wait(self, references, *, timeout, num_returns=1):
        ready, rest = super().wait(references, timeout=timeout)
        if self.num_looks > 2:
            self.num_cpus = self.left
            return [], references
        return ready, rest


def test_nodes_that_are_all_gone_are_an_error_and_their_works_are_cancelled(monkeypatch):
    cluster = Deserted()
    cluster.left = 0
    with pytest.raises(TokonomicsError, match="no CPU left, and 2 replays to make; add a node"):
        spread(monkeypatch, cluster)
    assert cluster.cancelled == [2, 3]


def test_a_long_work_on_a_living_node_is_waited_for(monkeypatch):
    cluster = Deserted()
    cluster.left = 1
    most = 5 * ray_runs._START_S / ray_runs._LOOK_S
    found = spread(monkeypatch, cluster, keep_going=lambda num_done: cluster.num_looks < most)
    assert found == [2, None, None]


def test_what_the_work_raises_is_raised_and_the_rest_is_cancelled(monkeypatch):
    class Failing(StandIn):
        def get(self, reference, *, timeout):
            if reference == 2:
                error = RayTaskError("told at length")
                error.cause = InputError("a mistake")
                raise error
            return super().get(reference, timeout=timeout)

    cluster = Failing()
    with pytest.raises(InputError, match="^a mistake$"):
        spread(monkeypatch, cluster)
    assert cluster.cancelled == [2, 3]


def test_a_failure_without_a_message_is_still_told(monkeypatch):
    class Failing(StandIn):
        def get(self, reference, *, timeout):
            raise RayError

    with pytest.raises(TokonomicsError, match="the Ray cluster failed: RayError; see its logs"):
        spread(monkeypatch, Failing())


def test_a_start_that_takes_too_long_is_an_error(monkeypatch):
    monkeypatch.setattr(ray_runs, "_START_S", 0.2)
    begin = time.monotonic()
    with pytest.raises(InputError, match=r"no Ray cluster at this machine: not up within 0\.2 s; wait until"):
        spread(monkeypatch, StandIn(init=lambda **how: time.sleep(30.0)))
    assert time.monotonic() - begin < 10.0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_start_that_hides_the_first_alarm_hears_the_next(monkeypatch):
    def stubborn(**how):
        try:
            time.sleep(30.0)
        except TimeoutError:
            time.sleep(30.0)

    monkeypatch.setattr(ray_runs, "_START_S", 0.1)
    monkeypatch.setattr(ray_runs, "_LOOK_S", 0.1)
    with pytest.raises(InputError, match="not up within"):
        spread(monkeypatch, StandIn(init=stubborn))


@pytest.mark.parametrize("error", [ConnectionError("gone\nmore"), ValueError("gone"), RayError("gone")])
def test_whatever_a_start_raises_is_advice(monkeypatch, error):
    def fails(**how):
        raise error

    with pytest.raises(InputError, match="^no Ray cluster at this machine: gone$"):
        spread(monkeypatch, StandIn(init=fails))


def test_the_alarm_of_others_is_put_back():
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        with ray_runs._limited_to(5.0):
            assert signal.getitimer(signal.ITIMER_REAL)[0] > 0.0
        assert signal.getsignal(signal.SIGALRM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGALRM, before)


def test_beside_the_main_thread_there_is_no_alarm():
    seen = []

    def body():
        with ray_runs._limited_to(5.0):
            seen.append(signal.getitimer(signal.ITIMER_REAL)[0])

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [0.0]


def test_the_defaults_of_ray_are_those_of_the_user_where_there_are_any(monkeypatch):
    environment = {"RAY_task_oom_retries": "1"}
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr(ray_runs, "import_module", lambda name: name)
    assert ray_runs._ray() == "ray"
    assert environment["RAY_task_oom_retries"] == "1"
    assert environment["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] == "0"

"""The same sweep on a local Ray cluster of two workers, and the loss of one of them. Needs the extra `ray`."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import tokonomics
from tokonomics.cli.main import main
from tokonomics.errors import InputError, TokonomicsError
from tokonomics.planning.many_plans import SWEPT, PlanRun, make_plan
from tokonomics.simulation import ray_runs
from tokonomics.simulation.ask import build_case
from tokonomics.simulation.long_replay import put_together
from tokonomics.simulation.many import Run, run_all, run_one, spread
from tokonomics.simulation.shard import shards_of
from tokonomics.simulation.shard_runs import ShardRun, make_shard
from tokonomics.simulation.sweep import grid, parse_axis
from tokonomics.workload.scenario import Scenario

SCENARIO = Scenario.from_dict(
    {
        "models": ["llama-3.1-8b"],
        "gpus": ["h100-sxm"],
        "traffic": {"preset": "chat", "requests_per_s": 5.0},
        "simulation": {"span_s": 30.0, "gpu_usd_per_hour": 2.0, "spot_life_hours": 0.01, "load_s": 1.0},
    }
)
DAY = date(2026, 11, 23)
RUNS = [Run(scenario=SCENARIO, today=DAY, replication=index) for index in range(4)]
NEEDS_RAY = "needs the extra ray: pip install 'tokonomics[ray]'"


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray", reason=NEEDS_RAY)
    for name, value in ray_runs._DEFAULTS.items():
        os.environ.setdefault(name, value)
    with ray_runs._limited_to(ray_runs._START_S):
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield ray
    ray.shutdown()


@pytest.fixture
def shard_runs(scenario_in_parts):
    """Four parts of two hours of a real table of clients."""
    scenario = Scenario.from_dict(scenario_in_parts)
    case = build_case(scenario, today=DAY)
    return case, [ShardRun(scenario=scenario, today=DAY, shard=one, clock=time.perf_counter) for one in shards_of(case)]


def told(case, results):
    """All that a replay of shards says, but for how long the machine took."""
    return {
        name: repr(getattr(one, name))
        for one in (put_together(case, results),)
        for name in ("summary", "money", "hours", "timeline", "work", "utilisation", "num_asked", "worst_seam_frac")
    }


def test_two_workers_say_what_one_process_says(cluster):
    assert ray_runs.run_on_ray(RUNS) == run_all(RUNS)


def test_plans_are_the_same_on_one_process_two_processes_and_a_cluster(cluster):
    raw = SCENARIO.to_dict() | {"slo": "ttft_p95=1s,itl_p95=50ms", "plan": {"engines": ["vllm"], "num_draws": 50}}
    points = grid(Scenario.from_dict(raw), [parse_axis("rate=1,20", SWEPT), parse_axis("seed=0,1", SWEPT)])
    runs = [PlanRun(scenario=one.scenario, today=DAY) for one in points]
    here = spread(make_plan, runs)
    assert all(one.plan is not None for one in here)
    assert here[0] != here[2]
    assert spread(make_plan, runs, num_jobs=2) == here
    assert ray_runs.spread_on_ray(make_plan, runs) == here


def test_a_lost_worker_loses_no_run(cluster, monkeypatch, tmp_path):
    marker = tmp_path / "died"

    def dies_once(run):
        if run.replication == 2 and not marker.exists():
            marker.write_text("")
            os._exit(1)
        return run_one(run)

    monkeypatch.setattr(ray_runs, "run_one", dies_once)
    assert ray_runs.run_on_ray(RUNS) == run_all(RUNS)
    assert marker.exists()


def test_the_parts_of_a_long_replay_are_those_of_one_process(cluster, shard_runs):
    case, runs = shard_runs
    assert len(runs) == 4
    assert told(case, ray_runs.spread_on_ray(make_shard, runs)) == told(case, spread(make_shard, runs))


def test_a_worker_killed_amid_a_part_loses_no_part(cluster, shard_runs, tmp_path):
    """Not the task itself but its process is killed, from outside, while it replays."""
    case, runs = shard_runs
    pids = tmp_path / "pids"
    pids.mkdir()

    def slow_part(run):
        (pids / str(os.getpid())).write_text("")
        time.sleep(1.0)
        return make_shard(run)

    killed = []

    def kill_first():
        for _ in range(600):
            found = list(pids.iterdir())
            if found:
                time.sleep(0.3)
                killed.append(int(found[0].name))
                os.kill(killed[0], signal.SIGKILL)
                return
            time.sleep(0.1)

    killer = threading.Thread(target=kill_first)
    killer.start()
    found = ray_runs.spread_on_ray(slow_part, runs)
    killer.join()
    assert len(killed) == 1
    assert len(list(pids.iterdir())) >= 2
    assert told(case, found) == told(case, spread(make_shard, runs))


def test_workers_that_always_die_are_an_error(cluster):
    with pytest.raises(TokonomicsError, match="the Ray cluster failed: .*; see its logs"):
        ray_runs.spread_on_ray(lambda work: os._exit(1), [1])


def test_what_was_not_run_is_none(cluster):
    assert ray_runs.run_on_ray(RUNS, keep_going=lambda num_done: False) == [None] * 4


def test_a_mistake_is_an_outcome(cluster):
    wrong = replace(RUNS[0], scenario=SCENARIO.model_copy(update={"gpus": ()}))
    (found,) = ray_runs.run_on_ray([wrong])
    assert "--gpu is missing" in found.problem


def test_the_sweep_of_the_command(cluster, capsys, monkeypatch):
    monkeypatch.setenv("TOKONOMICS_TODAY", "2026-11-23")
    words = ("simulate", "--model", "llama-3.1-8b", "--gpu", "h100-sxm", "--preset", "chat", "--rps", "5", "--json")
    words = (*words, "--span-s", "30", "--usd-per-hour", "2", "--sweep", "replicas=1..3")

    def told(*more):
        assert main((*words, *more)) == 0
        return json.loads(capsys.readouterr().out)

    assert told("--distribute", "ray") == told()


def test_an_address_without_ray_is_a_mistake(capsys):
    words = ("simulate", "--model", "m", "--gpu", "g", "--preset", "chat", "--rps", "1", "--address", "here:1")
    assert main(words) == 2
    assert "add --distribute ray" in capsys.readouterr().err


def test_without_ray_the_advice_names_the_extra(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(ray_runs, "import_module", missing)
    with pytest.raises(InputError, match=r"tokonomics\[ray\]"):
        ray_runs.run_on_ray(RUNS)


def test_an_address_that_does_not_answer_is_said_soon(monkeypatch):
    pytest.importorskip("ray", reason=NEEDS_RAY)
    monkeypatch.setattr(ray_runs, "_PATIENCE_S", 5.0)
    with pytest.raises(InputError, match="no Ray cluster answers at 127.0.0.1:1"):
        ray_runs._require_answer("127.0.0.1:1")


ALONE = """
import os, sys
from tokonomics.planning.many_plans import SWEPT, PlanRun, make_plan
from tokonomics.simulation import ray_runs

ray_runs._START_S = float(sys.argv[2])
if sys.argv[1] == "no-cpu":
    ray = ray_runs._ray()
    ray.init(address="local", num_cpus=0, include_dashboard=False, log_to_driver=False, logging_level="error")
def double(work):
    return 2 * work

try:
    print(ray_runs.spread_on_ray(double, [1, 2, 3], num_jobs=2))
except Exception as error:
    print(type(error).__name__, error)
"""


def alone(*words, **environment):
    """What another process prints that is part of no cluster yet."""
    pytest.importorskip("ray", reason=NEEDS_RAY)
    source = str(Path(tokonomics.__file__).parents[1])
    ran = subprocess.run(
        (sys.executable, "-c", ALONE, *words),
        env={**os.environ, "PYTHONPATH": source, **environment},
        capture_output=True,
        text=True,
        timeout=150,
        check=True,
    )
    return ran.stdout


def test_a_cluster_is_started_though_the_environment_names_one_that_is_gone():
    assert alone("start", "60", RAY_ADDRESS="127.0.0.1:1") == "[2, 4, 6]\n"


def test_a_cluster_without_a_cpu_is_said():
    assert alone("no-cpu", "3").startswith("TokonomicsError no worker of the Ray cluster began within 3 s: 0 CPUs")

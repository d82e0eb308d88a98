"""The same sweep on a local Ray cluster of two workers, and the loss of one of them. Needs the extra `ray`."""

import json
import os
from dataclasses import replace
from datetime import date

import pytest

from tokonomics.cli.main import main
from tokonomics.errors import InputError
from tokonomics.simulation import ray_runs
from tokonomics.simulation.many import Run, run_all, run_one
from tokonomics.workload.scenario import Scenario

SCENARIO = Scenario.from_dict(
    {
        "models": ["llama-3.1-8b"],
        "gpus": ["h100-sxm"],
        "traffic": {"preset": "chat", "requests_per_s": 5.0},
        "simulation": {"span_s": 30.0, "gpu_usd_per_hour": 2.0, "spot_life_hours": 0.01, "load_s": 1.0},
    }
)
RUNS = [Run(scenario=SCENARIO, today=date(2026, 11, 23), replication=index) for index in range(4)]


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray", reason="needs the extra ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield ray
    ray.shutdown()


def test_two_workers_say_what_one_process_says(cluster):
    assert ray_runs.run_on_ray(RUNS) == run_all(RUNS)


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
    pytest.importorskip("ray", reason="needs the extra ray")
    monkeypatch.setattr(ray_runs, "_PATIENCE_S", 5.0)
    with pytest.raises(InputError, match="no Ray cluster answers at 127.0.0.1:1"):
        ray_runs._require_answer("127.0.0.1:1")

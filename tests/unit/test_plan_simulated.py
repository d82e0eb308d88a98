"""A plan's fleet on the simulator's own command: the same figures, and what one command cannot replay."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from tokonomics.cli.main import main
from tokonomics.economics.quoting.ask import ask as quote
from tokonomics.errors import InputError
from tokonomics.planning.ask import plan
from tokonomics.planning.plan_record import plan_record
from tokonomics.policy.backend import ReplicaHour
from tokonomics.policy.plan_file import plan_text
from tokonomics.simulation.ask import build_case, replay
from tokonomics.simulation.from_plan import replayed_scenario
from tokonomics.workload.scenario import Scenario


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    """Twenty minutes of Poisson arrivals."""
    rng = np.random.default_rng(5)
    path = tmp_path_factory.mktemp("trace") / "t.csv"
    rows = [f"{at:.4f},{int(n)},{int(m)}" for at, n, m in zip(
        np.sort(rng.random(8000) * 1200.0), rng.integers(200, 1500, 8000), rng.integers(20, 300, 8000)
    )]  # fmt: skip
    path.write_text("\n".join(["arrival_s,input_tokens,output_tokens", *rows]) + "\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def planned(trace):
    scenario = Scenario.from_dict(
        {
            "models": ["llama-3.1-8b"],
            "traffic": {"trace": str(trace)},
            "slo": "ttft_p95=1s,itl_p95=50ms",
            "gpus": ["rtx4090"],
            "plan": {"engines": ["vllm"], "num_draws": 50},
        }
    )
    return plan(scenario, today=date(2026, 11, 23))


@pytest.mark.parametrize("family", ["self_hosted", "hybrid"])
def test_the_simulator_says_what_the_plan_said(planned, family):
    if family not in {one.name for one in planned.plans}:
        pytest.skip("this load has no such plan")
    record = plan_record(planned, planned.family(family))
    one = replay(build_case(Scenario.from_dict(replayed_scenario(record))), clock=lambda: 0.0)
    assert one.summary.ttft.p95_s == pytest.approx(record.expected.ttft_p95_s)
    assert one.summary.itl.p95_s == pytest.approx(record.expected.itl_p95_s)


def test_quote_plan_and_replay_mean_the_same_by_usage(planned, trace):
    """One steady load on one fleet: the share of its bill that works, by three commands."""
    record = plan_record(planned, planned.family("self_hosted"))
    money = replay(build_case(Scenario.from_dict(replayed_scenario(record))), clock=lambda: 0.0).money
    asked = {name: record.scenario[name] for name in ("models", "traffic", "slo", "gpus", "today")}
    quoted = next(
        one for one in quote(Scenario.from_dict(asked)).quote.options
        if one.operation and one.operation.precision == "fp8" and one.price.provider == record.fleets[0].provider
    )  # fmt: skip
    expected_usd = pytest.approx(record.expected.usage.expected_usd, rel=0.02)
    assert money.usd_per_mtok.usage.blended_usd_per_mtok == expected_usd
    assert quoted.usd_per_mtok.usage.blended_usd_per_mtok == expected_usd
    stepping_usd = money.gpu_time.busy_s / 3600 * record.fleets[0].usd_per_gpu_hour
    assert money.used_usd < 0.9 * stepping_usd  # steps run nearly all the time: that is not what is used


def test_the_command_takes_the_plan_and_flags_over_it(planned, tmp_path, capsys):
    path = tmp_path / "plan.yaml"
    path.write_text(plan_text(plan_record(planned, planned.family("self_hosted"))), "utf-8")
    assert main(["simulate", "--plan", str(path), "--scale", "2"]) == 0
    assert "rtx4090" in capsys.readouterr().out
    assert main(["simulate", "--plan", str(path), str(path)]) == 2
    assert "contradicts" in capsys.readouterr().err


def test_a_plan_of_another_catalogue_is_said_to_be_one(planned, tmp_path, capsys):
    record = plan_record(planned, planned.family("self_hosted"))
    path = tmp_path / "plan.yaml"
    path.write_text(plan_text(record), "utf-8")
    assert main(["simulate", "--plan", str(path)]) == 0
    assert "catalogue" not in capsys.readouterr().err
    path.write_text(plan_text(record).replace(record.catalogue_digest, "f" * 64), "utf-8")
    assert main(["simulate", "--plan", str(path)]) == 0
    assert "the plan was made with catalogue ffffffffffff" in capsys.readouterr().err


def test_schedules_become_capacity_plans(planned):
    record = plan_record(planned, planned.family("self_hosted"))
    most = record.fleets[0].num_replicas
    hours = (ReplicaHour(hour_of_week=0, num_replicas=1), ReplicaHour(hour_of_week=9, num_replicas=most))
    moving = replace(record, fleets=(replace(record.fleets[0], hours=hours),))
    found = Scenario.from_dict(replayed_scenario(moving)).simulation
    assert (found.num_replicas, found.capacity_plan) == (1, f"0=1,9={most}")


def test_what_one_command_cannot_replay_is_said(planned):
    record = plan_record(planned, planned.family("self_hosted"))
    fleet = record.fleets[0]
    with pytest.raises(InputError, match="runs 2 fleets"):
        replayed_scenario(replace(record, fleets=(fleet, replace(fleet, name="b"))))
    with pytest.raises(InputError, match="pipeline_parallel=2"):
        replayed_scenario(replace(record, fleets=(replace(fleet, pipeline_parallel=2),)))
    with pytest.raises(InputError, match="runs 0 fleets"):
        replayed_scenario(plan_record(planned, planned.family("all_api")))

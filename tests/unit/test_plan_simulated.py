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
from tokonomics.planning.race import runner
from tokonomics.planning.unplayed import played_hours
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


def _week(rng, days, per_hour):
    """Requests of whole days, six times as busy from eight to twenty as at night."""
    hours = [day * 24 + hour for day in range(days) for hour in range(24)]
    at = [
        hour * 3600 + t
        for hour in hours
        for t in np.sort(rng.random(per_hour * (6 if 8 <= hour % 24 < 20 else 1)) * 3600)
    ]
    return [f"{t:.3f},{int(n)},{int(m)}" for t, n, m in zip(
        at, rng.integers(2000, 8000, len(at)), rng.integers(100, 900, len(at)), strict=True
    )]  # fmt: skip


@pytest.fixture(scope="module")
def loads(tmp_path_factory):
    """Traffic of every kind that a plan replays otherwise than it is recorded."""
    rng, folder = np.random.default_rng(11), tmp_path_factory.mktemp("loads")
    header = "arrival_s,input_tokens,output_tokens"
    short = [f"{t:.3f},{int(n)},200" for t, n in zip(np.sort(rng.random(900) * 200), rng.integers(100, 2000, 900))]
    for name, rows in (("short", short), ("days", _week(rng, 2, 900))):
        (folder / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return {
        "a trace too short, played again": {"trace": str(folder / "short.csv")},
        "a trace sped up and cut": {"trace": str(folder / "short.csv"), "requests_per_s": 40},
        "a preset": {"preset": "chat", "requests_per_s": 20},
        "a peak that nothing dates": {
            "input_tokens": 800, "output_tokens": 150, "requests_per_s": 12, "peak_ratio": 2.5, "arrival_cv": 1.5,
        },
        "days whose hours a fleet follows": {"trace": str(folder / "days.csv")},
    }  # fmt: skip


KINDS = (
    "a trace too short, played again", "a trace sped up and cut", "a preset", "a peak that nothing dates",
    "days whose hours a fleet follows",
)  # fmt: skip


@pytest.mark.parametrize(("purchase", "part"), [("on_demand", "l40s"), ("spot", "h100-sxm")])
@pytest.mark.parametrize("kind", KINDS)
def test_the_replay_of_a_plan_file_is_the_proof_to_the_digit(loads, kind, purchase, part):
    raw = {
        "models": ["llama-3.1-8b"],
        "traffic": loads[kind],
        "slo": "ttft_p95=2s,itl_p95=60ms",
        "gpus": [part],
        "num_gpus": [1],
        "purchase": purchase,
        "simulation": {"seed": 3, "failure_hours": 1.0, "num_replicas": 7},
        "plan": {"engines": ["vllm"], "num_draws": 20, "families": ["self_hosted", "spot_heavy", "hybrid"]},
    }
    planned = plan(Scenario.from_dict(raw), today=date(2026, 11, 23))
    replayed = [one for one in planned.plans if one.proven and len(one.draft.purchases) == 1]
    assert replayed
    for one in replayed:
        record = plan_record(planned, one)
        found = replay(build_case(Scenario.from_dict(replayed_scenario(record))), clock=lambda: 0.0)
        proof = one.proven.proof
        assert np.array_equal(found.requests.arrival_s, planned.asked.traffic.requests.arrival_s)
        assert np.array_equal(found.requests.output_tokens, planned.asked.traffic.requests.output_tokens)
        assert found.summary == proof.summary
        assert found.summary.ttft.p95_s == record.expected.ttft_p95_s
    if kind.startswith("days") and part == "l40s":
        assert any(record.fleets[0].hours for record in (plan_record(planned, one) for one in replayed))


def test_machines_of_the_night_are_replayed_at_night(loads):
    """The one fleet of a plan in two: one that serves the busy hours, one that serves the others alone."""
    raw = {
        "models": ["llama-3.1-8b"], "traffic": {**loads[KINDS[-1]], "requests_per_s": 1.0}, "slo": "ttft_p95=2s,itl_p95=60ms", "gpus": ["l40s"],
        "plan": {"engines": ["vllm"], "num_draws": 20, "families": ["self_hosted"]},
    }  # fmt: skip
    planned = plan(Scenario.from_dict(raw), today=date(2026, 11, 23))
    made = planned.best.draft
    assert not planned.best.proven.proof.others
    (bought,) = made.purchases
    seen = np.isin(np.arange(made.buckets.hours.size), made.buckets.bucket_of_hour[played_hours(planned.asked.traffic)])
    halves = [replace(bought, num_replicas=np.where(mask, bought.num_replicas, 0)) for mask in (seen, ~seen)]
    parted = replace(made, purchases=tuple(halves))
    (hour, proof), *more = runner(planned.asked, 1.0)(parted, None).others.items()
    assert not more
    assert not seen[made.buckets.bucket_of_hour[hour]]
    assert not proof.misses
    assert proof.summary.num_requests > 500
    slow = runner(planned.asked, 6.0)(parted, None)
    assert any(f"in hour {hour} of the week" in words for words in slow.misses)


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


@pytest.mark.parametrize(
    ("stick_s", "sides", "found"),
    [
        (0.0, ("api",), (None, None)),
        (9.0, (), (None, None)),
        (9.0, ("fleet",), (9.0, "fleet")),
        (9.0, ("api", "fleet"), (9.0, "both")),
    ],
)
def test_an_overflow_that_sticks_is_replayed_so(planned, stick_s, sides, found):
    record = plan_record(planned, planned.family("hybrid"))
    sticky = replace(record.policy.overflow, stick_s=stick_s, sticky_sides=sides)
    block = replayed_scenario(replace(record, policy=replace(record.policy, overflow=sticky)))["simulation"]
    assert (block.get("overflow_stick_s"), block.get("overflow_sticks_to")) == found
    assert Scenario.from_dict(replayed_scenario(record)).simulation.overflow_stick_s is None


def test_what_one_command_cannot_replay_is_said(planned):
    record = plan_record(planned, planned.family("self_hosted"))
    fleet = record.fleets[0]
    with pytest.raises(InputError, match="runs 2 fleets"):
        replayed_scenario(replace(record, fleets=(fleet, replace(fleet, name="b"))))
    with pytest.raises(InputError, match="pipeline_parallel=2"):
        replayed_scenario(replace(record, fleets=(replace(fleet, pipeline_parallel=2),)))
    with pytest.raises(InputError, match="runs 0 fleets"):
        replayed_scenario(plan_record(planned, planned.family("all_api")))

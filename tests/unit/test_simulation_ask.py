"""From a scenario to a replay: the deployment, the traffic, replications, many processes, sweeps, compiled code."""

import os
import sys
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from datetime import date
from typing import get_args

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.cli.long_work import announce_compiling
from tokonomics.cli.output import OutputOptions
from tokonomics.errors import InputError, TokonomicsError
from tokonomics.physics.capacity import memory_box
from tokonomics.policy.route import ROUTERS
from tokonomics.simulation import compiled, many
from tokonomics.simulation.ask import build_case, replay, replicated_trace
from tokonomics.simulation.deploy import num_kv_blocks
from tokonomics.simulation.figures import intervals
from tokonomics.simulation.fleet import simulate_fleet
from tokonomics.simulation.many import Run, run_all
from tokonomics.simulation.sweep import grid, parse_axis
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_simulation import Router, SimulationSpec, plan_lines

DAY = date(2026, 11, 23)


def scenario(**changes):
    traffic = changes.pop("traffic", {"preset": "chat", "requests_per_s": 5.0})
    top = {"models": ["llama-3.1-8b"], "gpus": ["h100-sxm"], "traffic": traffic}
    top |= {name: changes.pop(name) for name in list(changes) if name in Scenario.model_fields}
    return Scenario.from_dict({**top, "simulation": {"span_s": 40.0, "gpu_usd_per_hour": 2.0, **changes}})


def figures_of(**changes):
    (outcome,) = run_all([Run(scenario=scenario(**changes), today=DAY)])
    assert outcome.problem == ""
    return outcome.figures


def test_the_routers_of_a_file_are_those_of_the_policy():
    assert get_args(Router) == ROUTERS


def test_defaults_are_those_of_the_engine():
    case = build_case(scenario())
    options, dep = case.fleet.replicas[0].options, case.deployed.deployment
    assert (options.max_sequences, options.step_budget_tokens) == (dep.max_sequences, dep.step_budget_tokens)
    assert options.num_kv_blocks == case.deployed.num_kv_blocks


def test_blocks_fill_the_memory_that_is_left():
    case = build_case(scenario())
    box = memory_box(case.deployed.deployment)
    trace = case.demand.trace
    mean = float((trace.input_tokens + trace.output_tokens / 2).mean())
    held = case.deployed.kv_tokens / mean * float(box.kv.sequence_bytes(mean))
    assert held == pytest.approx(box.kv_room_bytes, rel=1e-4)
    assert num_kv_blocks(box, mean) == case.deployed.num_kv_blocks


def test_without_a_count_the_fewest_that_hold_the_longest_request():
    case = build_case(scenario(models=["llama-3.3-70b"], precisions=["fp8"]))
    assert case.deployed.deployment.num_gpus == 2


def test_pools_hand_over():
    case = build_case(scenario(num_replicas=2, num_prefill_replicas=1, kv_transfer_tokens_per_s=1e5))
    assert [(one.role, one.num_replicas) for one in case.fleet.replicas] == [("prefill", 1), ("decode", 2)]
    one = replay(case, clock=lambda: 0.0)
    assert one.summary.num_by_status["done"] == one.requests.num_requests


def test_a_plan_of_capacity_is_in_hours():
    assert plan_lines("8=4,20=1") == ((8.0, 4), (20.0, 1))
    case = build_case(scenario(capacity_plan="0.5=3"))
    assert case.fleet.replicas[0].capacity_plan == ((1800.0, 3),)


@pytest.mark.parametrize("text", ["8", "8:4", "a=1", "1=-1", "=", "1=1;2=2"])
def test_what_is_no_plan(text):
    with pytest.raises(InputError, match="is not HOURS=REPLICAS"):
        scenario(capacity_plan=text)


def test_a_rounded_clock_is_spread(tmp_path):
    rows = [f"{3 * (k // 20)},100,20" for k in range(400)]
    (tmp_path / "t.csv").write_text("\n".join(["arrival_s,input_tokens,output_tokens", *rows]) + "\n")
    trace = build_case(scenario(traffic={"trace": str(tmp_path / "t.csv")})).demand.trace
    assert np.unique(trace.arrivals_s).size == trace.num_requests > 250


def test_the_first_seconds_of_a_trace(tmp_path):
    rows = [f"{k},100,20" for k in range(100)]
    (tmp_path / "t.csv").write_text("\n".join(["arrival_s,input_tokens,output_tokens", *rows]) + "\n")
    case = build_case(scenario(traffic={"trace": str(tmp_path / "t.csv")}))
    assert case.demand.trace.num_requests == 41


def test_a_span_too_short_for_a_request():
    with pytest.raises(InputError, match="lengthen --span"):
        build_case(scenario(traffic={"preset": "chat", "requests_per_s": 1e-6}))


class TestLaws:
    def test_more_replicas_never_wait_longer(self):
        waits = [figures_of(num_replicas=num)["ttft_mean_s"] for num in (1, 2, 4)]
        assert waits[0] >= waits[1] >= waits[2]

    def test_a_slower_clock_spreads_the_load(self):
        fast, slow = (figures_of(rate_ratio=x, num_replicas=1) for x in (4.0, 1.0))
        assert fast["itl_mean_s"] > slow["itl_mean_s"]
        assert fast["blended_allocation_usd_per_mtok"] < slow["blended_allocation_usd_per_mtok"]
        assert fast["output_tokens"] == slow["output_tokens"]

    def test_usage_never_exceeds_allocation(self):
        for num in (1, 8):
            found = figures_of(num_replicas=num)
            assert found["blended_usage_usd_per_mtok"] <= found["blended_allocation_usd_per_mtok"] * (1 + 1e-12)

    @pytest.mark.parametrize("chunk", [1, 7, 64])
    def test_cuts_of_the_run_change_nothing(self, monkeypatch, chunk):
        case = build_case(scenario(num_replicas=2, autoscale_requests=3.0, autoscale_interval_s=1.0, load_s=1.0))
        whole = replay(case, clock=lambda: 0.0)
        monkeypatch.setattr("tokonomics.simulation.fleet.CHUNK_REQUESTS", chunk)
        seen = []
        cut = replay(case, clock=lambda: 0.0, watch=lambda done, num: seen.append(done) is None)
        np.testing.assert_array_equal(cut.result.finish_s, whole.result.finish_s)
        np.testing.assert_array_equal(cut.result.accounts.billed_s, whole.result.accounts.billed_s)
        assert seen[-1] == whole.requests.num_requests
        assert not cut.is_partial

    def test_a_run_that_is_ended_is_a_replay_of_its_head(self, monkeypatch):
        case = build_case(scenario(num_replicas=2))
        monkeypatch.setattr("tokonomics.simulation.fleet.CHUNK_REQUESTS", 50)
        part = replay(case, clock=lambda: 0.0, watch=lambda done, num: False)
        assert part.is_partial
        assert part.requests.num_requests == 50
        head = {name: getattr(part.requests, name) for name in ("arrival_s", "input_tokens", "output_tokens")}
        whole = replay(case, clock=lambda: 0.0).requests
        spec = replace(case.fleet, expected_output_tokens=float(whole.output_tokens.mean()))
        alone = simulate_fleet(replace(part.requests, **head), spec, rng=np.random.default_rng([0, 0]))
        np.testing.assert_array_equal(part.result.finish_s, alone.finish_s)


class TestReplications:
    def test_the_first_is_the_trace_and_the_others_are_like_it(self):
        case = build_case(scenario())
        trace = case.demand.trace
        assert replicated_trace(case, 0) is trace
        first, second = replicated_trace(case, 1), replicated_trace(case, 2)
        assert not np.array_equal(first.input_tokens, second.input_tokens)
        np.testing.assert_array_equal(first.arrivals_s, replicated_trace(case, 1).arrivals_s)
        assert first.num_requests == pytest.approx(trace.num_requests, rel=0.5)

    def test_an_interval_holds_the_mean(self):
        (one,) = intervals([{"usd": 1.0, "x": None}, {"usd": 2.0, "x": 1.0}, {"usd": 3.0, "x": 1.0}])
        assert (one.name, one.value) == ("usd", 2.0)
        assert one.bounds[1] - 2.0 == pytest.approx(4.303 / np.sqrt(3), rel=1e-3)
        assert intervals([{"usd": 1.0}]) == ()


class TestMany:
    runs = tuple(Run(scenario=scenario(num_replicas=num), today=DAY) for num in (1, 2, 3))

    def test_processes_change_nothing(self):
        assert run_all(self.runs) == run_all(self.runs, num_jobs=2)

    def test_what_was_not_run_is_none(self):
        found = run_all(self.runs, keep_going=lambda num_done: num_done < 1)
        assert [one is None for one in found] == [False, True, True]
        assert run_all(self.runs, num_jobs=2, keep_going=lambda num_done: False) == [None, None, None]

    def test_a_mistake_is_an_outcome(self):
        (found,) = run_all([Run(scenario=scenario(gpus=[]), today=DAY)])
        assert found.figures is None
        assert "--gpu is missing" in found.problem

    def test_a_lost_worker_loses_no_run(self, monkeypatch):
        """The first pool breaks after one run; what is left is made by the next."""
        plain, calls = many._gather, []

        def gather(futures, done, keep_going):
            calls.append(len(futures))
            if len(calls) == 1:
                first = next(iter(futures))
                done[futures[first]] = first.result()
                raise BrokenProcessPool
            plain(futures, done, keep_going)

        monkeypatch.setattr(many, "_gather", gather)
        assert run_all(self.runs, num_jobs=2) == run_all(self.runs)
        assert calls == [3, 2]

    def test_workers_that_always_die(self, monkeypatch):
        def gather(futures, done, keep_going):
            raise BrokenProcessPool

        monkeypatch.setattr(many, "_gather", gather)
        with pytest.raises(TokonomicsError, match="worker processes died 3 times"):
            run_all(self.runs, num_jobs=2)


class TestSweep:
    def test_the_last_axis_is_the_fastest(self):
        points = grid(scenario(), [parse_axis("replicas=1,2"), parse_axis("rate=3,4")])
        assert [dict(point.values) for point in points] == [
            {"num_replicas": n, "rate": r} for n in (1, 2) for r in (3, 4)
        ]
        assert points[3].scenario.simulation.num_replicas == 2
        assert points[3].scenario.traffic.requests_per_s == 4
        assert points[3].scenario.simulation.gpu_usd_per_hour == 2.0

    def test_a_rate_replaces_users(self):
        asked = scenario(traffic={"preset": "chat", "users": 100, "think_time_s": 10.0})
        (point,) = grid(asked, [parse_axis("rate=2.5")])
        assert point.scenario.traffic.users is None

    def test_every_number_of_the_block_can_be_swept(self):
        for name, field in SimulationSpec.model_fields.items():
            if "int" in str(field.annotation) or "float" in str(field.annotation):
                assert parse_axis(f"{name}=1").key == name

    def test_values_stand_once(self):
        assert parse_axis("num_gpus=1,2,1..3").values == (1, 2, 3)

    def test_all_that_is_refused_is_said(self):
        with pytest.raises(InputError) as caught:
            grid(scenario(), [parse_axis("acceptance_frac=2,3")])
        assert len(caught.value.violations) == 2


class TestCompiledCode:
    def test_only_what_is_compiled_decides_the_folder(self):
        names = {path.stem for path in compiled.kernel_sources()}
        assert {
            "kernel",
            "fleet_kernel",
            "fixed_kernel",
            "coefficients",
            "state",
            "control",
            "route_rules",
            "schedule",
        } <= names
        assert not {"ask", "money", "summary", "timeline"} & names

    def test_old_folders_go(self, tmp_path):
        for age, name in enumerate(("compiled-new", "compiled-a", "compiled-b", "compiled-c", "compiled-d")):
            (tmp_path / name).mkdir()
            (tmp_path / name / "x.nbi").write_text("")
            os.utime(tmp_path / name, (10**9 - age, 10**9 - age))
        (tmp_path / "other").mkdir()
        compiled.prune(tmp_path, keep="compiled-new")
        assert {one.name for one in tmp_path.iterdir()} == {"compiled-new", "compiled-a", "compiled-b", "other"}

    def test_a_read_only_installation_uses_the_users_folder(self, tmp_path, monkeypatch):
        """Nothing can be made beside the sources: a file stands where the folder would be."""
        (tmp_path / "compiled.py").write_text("")
        (tmp_path / "__pycache__").write_text("in the way")
        monkeypatch.setattr(compiled, "__file__", str(tmp_path / "compiled.py"))
        monkeypatch.setenv("TOKONOMICS_HOME", str(tmp_path / "home"))
        folder = compiled._cache_dir.__wrapped__()
        assert folder.startswith(str(tmp_path / "home" / "cache" / "compiled-"))
        monkeypatch.setenv("TOKONOMICS_HOME", str(tmp_path / "compiled.py"))
        assert compiled._cache_dir.__wrapped__() is None

    @pytest.mark.parametrize(
        ("kept", "is_said"), [("fixed_kernel.run_fixed-1.1.nbc", False), ("blocks.f-1.1.nbc", True)]
    )
    def test_who_watches_is_told_of_a_first_compilation(self, tmp_path, monkeypatch, capsys, kept, is_said):
        (tmp_path / "simulation").mkdir()
        (tmp_path / "simulation" / kept).write_text("")
        monkeypatch.setattr(compiled, "_cache_dir", lambda: str(tmp_path))
        announce_compiling(OutputOptions())
        assert not capsys.readouterr().err  # nobody watches
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        announce_compiling(OutputOptions())
        assert ("compiling the simulator" in capsys.readouterr().err) == is_said


def test_the_catalogue_is_that_of_the_scenario():
    assert build_case(scenario()).catalog is load_catalog()

"""`tok simulate` as a user runs it: the document, conservation, files, sweeps, Ctrl-C, and every kind of mistake."""

import json
import os
import signal
import subprocess
import sys
from itertools import pairwise

import duckdb
import numpy as np
import pytest

from tokonomics.cli import long_work
from tokonomics.cli.main import main
from tokonomics.cli.simulate import simulate
from tokonomics.simulation import fleet
from tokonomics.workload.scenario_simulation import SimulationSpec

DEPLOYED = ("--model", "llama-3.1-8b", "--gpu", "h100-sxm", "--usd-per-hour", "2")
API = "together/meta-llama/Llama-3.3-70B-Instruct-Turbo"
ROUTERS = ("session_affine", "least_outstanding_tokens")
STICKY = ("--overflow-stick-s", "1000")
OVERFLOW = ("--overflow", API, "--overflow-ttft-s", "0.05")


@pytest.fixture
def run(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("TOKONOMICS_TODAY", "2026-11-23")

    def call(*args):
        code = main(("simulate", *map(str, args)))
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    """Four hundred requests in bursts."""
    rng = np.random.default_rng(5)
    path = tmp_path_factory.mktemp("trace") / "t.csv"
    arrivals = np.cumsum(rng.gamma(0.3, 1 / 0.3, 400) * 0.05)
    inputs, outputs = rng.integers(20, 3000, 400), rng.integers(1, 400, 400)
    rows = [f"{t - arrivals[0]:.4f},{i},{o}" for t, i, o in zip(arrivals, inputs, outputs)]
    path.write_text("\n".join(["arrival_s,input_tokens,output_tokens", *rows]) + "\n")
    return path


def tokens_of(path):
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    return int(rows[:, 1].sum()), int(rows[:, 2].sum())


class TestDocument:
    def test_it_has_what_is_promised(self, ask, trace):
        answer = ask(*DEPLOYED, "--trace", trace, "--slo", "ttft_p95=1s", "--seed", "7")
        assert answer["schema"] == "tokonomics/simulation/1"
        assert answer["num_requests"] == 400
        assert answer["seed"] == 7
        assert answer["kernel_wall_s"] > 0
        for metric in ("ttft_s", "itl_s", "e2e_s"):
            spread = answer[metric]
            assert set(spread) == {"p50", "p95", "p99", "mean"}
            assert 0 < spread["p50"] <= spread["p95"] <= spread["p99"]
        for name in ("goodput_frac", "stepping_frac", "overflow_frac"):
            assert 0 <= answer[name] <= 1
        assert answer["utilisation_frac"] > 1, "the limit is missed: more was served than a replica carries within it"
        assert answer["ttft_s"]["p95"] > 1.0
        assert 0 < ask(*DEPLOYED, "--trace", trace, "--scale", "0.3")["utilisation_frac"] < 1
        assert answer["num_rejected"] == 0
        assert {part: set(bases) for part, bases in answer["usd_per_mtok"].items()} == {
            part: {"allocation", "usage"} for part in ("input", "output", "blended")
        }
        assert (answer["input_tokens"], answer["output_tokens"]) == tokens_of(trace)

    def test_money_adds_up(self, ask, trace):
        answer = ask(*DEPLOYED, "--trace", trace, "--replicas", "3", "--num-gpus", "2")
        time = answer["gpu_time"]
        parts = sum(time[f"{name}_s"] for name in ("prefill", "decode", "idle", "loading", "lost"))
        assert parts == pytest.approx(time["leased_s"], rel=1e-9)
        assert time["leased_s"] == pytest.approx(answer["span_s"] * 3 * 2, rel=1e-9)
        assert answer["gpu_hours"] == pytest.approx(time["billed_s"] / 3600)
        assert answer["usd"] == pytest.approx(answer["gpu_hours"] * 2.0)
        per, tokens = answer["usd_per_mtok"], answer["input_tokens"] + answer["output_tokens"]
        assert per["blended"]["allocation"] * tokens / 1e6 == pytest.approx(answer["usd"])
        apart = (
            per["input"]["allocation"] * answer["input_tokens"] + per["output"]["allocation"] * answer["output_tokens"]
        )
        assert apart / 1e6 == pytest.approx(answer["usd"])
        busy = time["prefill_s"] + time["decode_s"]
        assert answer["stepping_frac"] == pytest.approx(busy / time["leased_s"])
        used_usd = time["leased_s"] / 3600 * answer["utilisation_frac"] * 2.0
        assert answer["used_usd"] == pytest.approx(used_usd)
        assert per["blended"]["usage"] / per["blended"]["allocation"] == pytest.approx(used_usd / answer["usd"])

    @pytest.mark.parametrize(
        "fate",
        [
            ("--max-queued-requests", "2", "--max-sequences", "4"),
            ("--max-output-tokens", "50"),
            ("--overflow", API, "--overflow-ttft-s", "0.05"),
            ("--spot-life-hours", "0.002", "--spot-notice-s", "0", "--load-s", "1", "--replicas", "2"),
            ("--autoscale-requests", "8", "--load-s", "2", "--autoscale-interval-s", "1", "--max-replicas", "4"),
            ("--num-prefill-replicas", "1", "--kv-transfer-latency-s", "0.01"),
        ],
        ids=lambda words: words[0],
    )
    def test_no_token_is_lost_or_doubled(self, ask, trace, fate):
        answer = ask(*DEPLOYED, "--trace", trace, *fate)
        assert sum(answer["num_by_status"].values()) == 400
        assert sum(answer["output_tokens_by_status"].values()) == tokens_of(trace)[1]
        time = answer["gpu_time"]
        parts = sum(time[f"{name}_s"] for name in ("prefill", "decode", "idle", "loading", "lost"))
        assert parts == pytest.approx(time["leased_s"], rel=1e-9)
        counted = {
            "--max-queued-requests": answer["num_rejected"],
            "--max-output-tokens": answer["num_by_status"]["cut"],
            "--overflow": answer["num_by_status"]["overflowed"],
            "--spot-life-hours": answer["num_losses"],
            "--autoscale-requests": time["loading_s"],
            "--num-prefill-replicas": answer["num_by_status"]["done"],
        }
        assert counted[fate[0]] > 0

    def test_the_same_seed_gives_the_same_bytes(self, run, trace):
        words = (*DEPLOYED, "--trace", trace, "--spot-life-hours", "0.01", "--replicas", "2", "--json")

        def told(*more):
            lines = run(*words, *more)[1].splitlines()
            return [line for line in lines if "kernel_wall_s" not in line]

        assert told() == told()
        assert told("--seed", "1") != told("--seed", "2")

    def test_the_result_can_be_asked_again(self, ask, trace, tmp_path):
        first = ask(*DEPLOYED, "--trace", trace, "--scale", "2", "--max-sequences", "16")
        (tmp_path / "r.json").write_text(json.dumps(first))
        again = ask(tmp_path / "r.json")
        assert {**again, "kernel_wall_s": 0} == {**first, "kernel_wall_s": 0}

    def test_a_scenario_file_is_the_flags(self, ask, trace, tmp_path):
        (tmp_path / "t.yaml").write_text(
            f"models: [llama-3.1-8b]\ngpus: [h100-sxm]\ntraffic: {{trace: {trace}}}\nslo: ttft_p95=1s\n"
            "simulation: {num_replicas: 2, router: round_robin, gpu_usd_per_hour: 2}\n"
        )
        filed = ask(tmp_path / "t.yaml")
        flagged = ask(*DEPLOYED, "--trace", trace, "--replicas", "2", "--router", "round_robin", "--slo", "ttft_p95=1s")
        assert filed["e2e_s"] == flagged["e2e_s"]
        assert ask(tmp_path / "t.yaml", "--replicas", "3")["scenario"]["simulation"]["num_replicas"] == 3

    def test_overflow_is_priced_by_the_price_book(self, ask, trace):
        answer = ask(*DEPLOYED, "--trace", trace, "--overflow", API, "--overflow-ttft-s", "9", "--replicas", "0")
        assert answer["overflow_frac"] == 1.0
        assert answer["ttft_s"] is None
        assert answer["goodput_frac"] is None
        inputs, outputs = tokens_of(trace)
        assert answer["api_usd"] == pytest.approx(0.88 * (inputs + outputs) / 1e6)
        assert answer["usd"] == answer["api_usd"]

    def test_stated_latency_of_the_api_counts(self, ask, trace):
        words = ("--overflow", API, "--overflow-ttft-s", "9", "--replicas", "0", "--slo", "ttft_p95=1s")
        answer = ask(*DEPLOYED, "--trace", trace, *words, "--api-ttft-s", "0.4", "--api-itl-s", "0.02")
        assert answer["ttft_s"]["p95"] == pytest.approx(0.4)
        assert answer["goodput_frac"] == 1.0

    def test_rejected_requests_are_no_goodput(self, ask, trace):
        words = ("--max-queued-requests", "2", "--max-sequences", "4", "--slo", "ttft_p95=1000s")
        answer = ask(*DEPLOYED, "--trace", trace, *words)
        assert answer["goodput_frac"] == pytest.approx(1 - answer["num_rejected"] / 400)


class TestTraffic:
    def test_twice_as_fast_takes_half_the_time(self, ask, trace):
        plain, fast = (ask(*DEPLOYED, "--trace", trace, "--replicas", "64", "--scale", x) for x in (1, 2))
        assert fast["span_s"] < 0.75 * plain["span_s"]
        assert fast["output_tokens"] == plain["output_tokens"]

    def test_repeat_multiplies_everything(self, ask, trace):
        once, thrice = (ask(*DEPLOYED, "--trace", trace, "--repeat", n) for n in (1, 3))
        assert thrice["num_requests"] == 3 * once["num_requests"]
        assert thrice["input_tokens"] == 3 * once["input_tokens"]

    def test_a_stated_rate_scales_the_trace(self, ask, trace):
        answer = ask(*DEPLOYED, "--trace", trace, "--rps", "40", "--replicas", "64")
        assert 399 / answer["span_s"] == pytest.approx(40, rel=0.4)

    def test_a_preset_is_made_up_by_the_seed(self, ask):
        words = (*DEPLOYED, "--preset", "chat", "--rps", "5", "--span-s", "60")
        one, same, other = (ask(*words, "--seed", seed) for seed in (1, 1, 2))
        assert one["e2e_s"] == same["e2e_s"] != other["e2e_s"]
        assert one["num_requests"] == pytest.approx(300, rel=0.3)

    def test_a_trace_with_blocks_uses_its_prefix_cache(self, ask, tmp_path):
        rows = [
            {"timestamp": 1000 * k, "input_length": 1100, "output_length": 10, "hash_ids": [1, 2, 100 + k]}
            for k in range(50)
        ]
        (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
        answer = ask(*DEPLOYED, "--trace", tmp_path / "m.jsonl")
        assert answer["cached_input_frac"] == pytest.approx(49 * 1024 / (50 * 1100))
        stated = ask(*DEPLOYED, "--trace", tmp_path / "m.jsonl", "--cached-input", "0.5")
        assert stated["cached_input_frac"] == pytest.approx(544 / 1100)

    def test_clients_of_a_table_are_made_one_by_one(self, ask, run, shared_dir):
        path = shared_dir / "data" / "traces" / "servegen_language_m_large_clients_10min.parquet"
        answer = ask(*DEPLOYED, "--trace", path, "--rps", "3", "--span-s", "1200", "--replicas", "2")
        assert 1 < len(answer["classes"]) <= 162
        assert sum(one["usd"] for one in answer["classes"]) == pytest.approx(answer["usd"])
        code, _, err = run(*DEPLOYED, "--trace", path)
        assert code == 4
        assert "the fleet does not carry this load: add --replicas" in err

    def test_a_recorded_conversation(self, ask, shared_dir):
        path = shared_dir / "data" / "traces" / "trace_azure2023_conv.parquet"
        answer = ask(*DEPLOYED, "--trace", path, "--replicas", "2")
        assert answer["num_requests"] == 19366
        assert answer["num_by_status"]["done"] == 19366


class TestFiles:
    def test_a_row_a_request(self, run, trace, tmp_path):
        code, _, err = run(
            *DEPLOYED, "--trace", trace, "--requests-out", tmp_path / "r.parquet", "--max-output-tokens", "9"
        )
        assert code == 0, err
        table = duckdb.sql(f"select * from '{tmp_path / 'r.parquet'}'")
        rows = table.fetchnumpy()
        assert rows["arrival_s"].size == 400
        assert set(rows["status"]) == {"done", "cut"}
        np.testing.assert_allclose(rows["ttft_s"], rows["first_token_s"] - rows["arrival_s"])
        assert rows["served_tokens"].max() == 9

    def test_what_never_happened_is_null(self, run, trace, tmp_path):
        words = ("--overflow", API, "--overflow-ttft-s", "9", "--replicas", "0")
        run(*DEPLOYED, "--trace", trace, *words, "--requests-out", tmp_path / "r.parquet")
        found = duckdb.sql(
            f"select count(*), count(ttft_s), count(finish_s) from '{tmp_path / 'r.parquet'}'"
        ).fetchall()
        assert found == [(400, 0, 0)]

    @pytest.mark.parametrize("name", ["r.csv", "none/r.parquet"])
    def test_a_file_that_cannot_be(self, run, trace, tmp_path, name):
        code, out, err = run(*DEPLOYED, "--trace", trace, "--requests-out", tmp_path / name)
        assert (code, out) == (2, "")
        assert "cannot write" in err

    def test_the_chart_is_a_file(self, run, trace, tmp_path):
        assert run(*DEPLOYED, "--trace", trace, "--chart", tmp_path / "c.json")[0] == 0
        assert json.loads((tmp_path / "c.json").read_text())["title"] == "running and waiting over time"


class TestPage:
    def test_people_see_it(self, run, trace):
        code, out, _ = run(*DEPLOYED, "--trace", trace, "--slo", "itl_p95=1ms")
        assert code == 0
        for words in ("LATENCY", "COST", "Where the GPU time went", "running and waiting over time", "seed 0", "no"):
            assert words in out

    def test_unpriced_is_said(self, run, trace):
        code, out, _ = run("--model", "llama-3.1-8b", "--gpu", "h100-sxm", "--trace", trace, "--region", "nowhere")
        assert code == 0
        assert "unpriced" in out


class TestReplications:
    def test_intervals_hold_any_number_of_processes(self, ask, trace):
        words = (*DEPLOYED, "--trace", trace, "--replications", "3")
        alone, together = ask(*words), ask(*words, "--jobs", "2")
        assert alone["replications"] == together["replications"]
        by_name = {one["name"]: one for one in alone["replications"]}
        usd = by_name["usd"]
        assert usd["low"] < usd["mean"] < usd["high"]
        assert by_name["goodput_frac"]["num_replications"] == 3


class TestSweep:
    def test_the_grid_is_the_same_for_any_number_of_processes(self, ask, trace):
        words = (*DEPLOYED, "--trace", trace, "--sweep", "replicas=1..2", "--sweep", "max_sequences=4,64")
        alone, together = ask(*words), ask(*words, "--jobs", "2")
        assert alone == together
        values = [point["values"] for point in alone["points"]]
        assert values == [{"num_replicas": n, "max_sequences": m} for n in (1, 2) for m in (4, 64)]
        lone = ask(*DEPLOYED, "--trace", trace, "--replicas", "2", "--max-sequences", "64")
        assert alone["points"][3]["figures"]["ttft_p95_s"] == lone["ttft_s"]["p95"]
        assert alone["points"][3]["figures"]["usd"] == lone["usd"]

    def test_a_point_that_cannot_run_says_why(self, run, ask, trace):
        words = (*DEPLOYED, "--trace", trace, "--sweep", "step_budget_tokens=8,8192")
        bad, good = ask(*words)["points"]
        assert bad["figures"] is None
        assert "max_sequences" in bad["problem"]
        assert good["problem"] == ""
        assert "max_sequences" in run(*words)[1]

    @pytest.mark.parametrize(
        ("sweep", "sentence"),
        [
            ("replicas", "is not KEY=VALUES"),
            ("replicaz=1", "unknown sweep key: 'replicaz'; nearest: replicas"),
            ("replicas=a", "'a' is no number and no range"),
            ("replicas=9..1", "'9..1' is no number and no range"),
            ("replicas=-1", "simulation.num_replicas=-1; limit=at least 0"),
            ("rate=0", "traffic.requests_per_s=0; limit=above 0"),
            ("replicas=1..9999,1..10000,0", ""),
        ],
    )
    def test_what_is_no_sweep(self, run, trace, sweep, sentence):
        code, out, err = run(
            *DEPLOYED, "--trace", trace, "--sweep", sweep, *(("--sweep", "max_sequences=1,2") * (not sentence))
        )
        assert (code, out) == (2, "")
        assert (sentence or "points; limit=10000") in err

    def test_flags_of_one_replay(self, run, trace):
        code, _, err = run(
            *DEPLOYED, "--trace", trace, "--sweep", "replicas=1", "--replications", "3", "--chart", "c.svg"
        )
        assert code == 2
        assert err.count("is for one replay") == 2


class TestInterrupt:
    @pytest.fixture
    def interrupted(self, monkeypatch):
        """Ctrl-C arrives while the first piece of work is done."""
        plain = long_work.Work.goes_on

        def goes_on(work, num_done, num_all):
            if num_done >= 1:
                os.kill(os.getpid(), signal.SIGINT)
            return plain(work, num_done, num_all)

        monkeypatch.setattr(long_work.Work, "goes_on", goes_on)
        monkeypatch.setattr(fleet, "CHUNK_REQUESTS", 100)

    def test_a_replay_keeps_what_had_arrived(self, run, trace, interrupted, tmp_path):
        code, out, err = run(*DEPLOYED, "--trace", trace, "--json", "--requests-out", tmp_path / "r.parquet")
        assert code == 130
        assert "ending with what there is" in err
        answer = json.loads(out)
        assert answer["is_partial"] is True
        assert (answer["num_requests"], answer["num_asked"]) == (100, 400)
        assert answer["num_by_status"]["done"] == 100
        assert duckdb.sql(f"select count(*) from '{tmp_path / 'r.parquet'}'").fetchall() == [(100,)]

    def test_the_page_says_so(self, run, trace, interrupted):
        out = run(*DEPLOYED, "--trace", trace)[1]
        assert "PARTIAL: the first 100 of 400 requests" in out
        assert "interrupted" in out

    def test_a_sweep_keeps_its_points(self, run, trace, interrupted):
        code, out, _ = run(*DEPLOYED, "--trace", trace, "--json", "--sweep", "replicas=1..4")
        assert code == 130
        answer = json.loads(out)
        assert answer["is_partial"] is True
        assert [point["figures"] is not None for point in answer["points"]] == [True, False, False, False]

    def test_what_was_served_is_the_start_of_the_whole(self, ask, run, trace, interrupted, monkeypatch, tmp_path):
        part = json.loads(run(*DEPLOYED, "--trace", trace, "--json")[1])
        monkeypatch.undo()
        lines = trace.read_text().splitlines()
        (tmp_path / "head.csv").write_text("\n".join(lines[:101]) + "\n")
        head = ask(*DEPLOYED, "--trace", tmp_path / "head.csv")
        assert head["num_requests"] == part["num_requests"]
        assert part["output_tokens"] == head["output_tokens"]


ROWS = "arrival_s,input_tokens,output_tokens\n"


class TestSessions:
    """A trace with a column session_id: forty conversations, and requests of none between them."""

    @pytest.fixture
    def talk(self, trace):
        header, *rows = trace.read_text().splitlines()
        names = [f"s{place % 41}" if place % 41 else "" for place in range(len(rows))]
        path = trace.with_name("talk.csv")
        path.write_text("\n".join([f"{header},session_id", *(f"{row},{one}" for row, one in zip(rows, names))]) + "\n")
        return path

    @pytest.fixture
    def rows(self, run, talk, tmp_path):
        def rows(*words):
            code, _, err = run(*DEPLOYED, "--trace", talk, *words, "--requests-out", tmp_path / "r.parquet")
            assert code == 0, err
            columns = "session, replica, status, arrival_s"
            found = duckdb.sql(f"select {columns} from '{tmp_path / 'r.parquet'}'").fetchall()
            return [(session, replica, status) for session, replica, status, _ in found]

        return rows

    def test_a_session_stays_on_its_replica(self, rows):
        on = {
            router: {one[:2] for one in rows("--replicas", "2", "--router", router) if one[0] is not None}
            for router in ROUTERS
        }
        assert len(on["session_affine"]) == 40
        assert len(on["least_outstanding_tokens"]) > 60

    def test_a_repeated_play_has_its_own_sessions(self, rows):
        found = rows("--router", "session_affine", "--repeat", "3")
        assert len({session for session, _, _ in found if session is not None}) == 120
        assert sum(session is None for session, _, _ in found) == 3 * 10

    def test_replications_scaling_and_sweeps_know_them(self, ask, talk):
        words = (*DEPLOYED, "--trace", talk, "--replicas", "2", "--router", "session_affine")
        assert ask(*words, "--replications", "2", "--scale", "2")["replications"]
        assert all(one["figures"] for one in ask(*words, "--sweep", "rate=5,9")["points"])

    @pytest.mark.parametrize(
        ("words", "comes_back", "leaves"),
        [((), True, True), (STICKY, False, True), ((*STICKY, "--overflow-sticks-to", "both"), False, False),
         ((*STICKY, "--overflow-sticks-to", "fleet"), True, False)],
        ids=["not", "api", "both", "fleet"],
    )  # fmt: skip
    def test_overflow_that_sticks(self, rows, words, comes_back, leaves):
        went = {}
        for session, _, status in rows(*OVERFLOW, *words):
            if session is not None:
                went.setdefault(session, []).append(status == "overflowed")
        moves = {move for sides in went.values() for move in pairwise(sides)}
        assert ((True, False) in moves) == comes_back
        assert ((False, True) in moves) == leaves

    def test_the_scenario_file_says_the_same_as_the_flags(self, ask, talk, tmp_path):
        block = {"router": "session_affine", "num_replicas": 2, "overflow": API, "overflow_ttft_s": 0.05,
                 "overflow_stick_s": 1000, "overflow_sticks_to": "both"}  # fmt: skip
        (tmp_path / "s.yaml").write_text(json.dumps({"simulation": block, "traffic": {"trace": str(talk)}}))
        file = ask(*DEPLOYED, "--scenario", tmp_path / "s.yaml")
        flags = ask(*DEPLOYED, "--trace", talk, "--replicas", "2", "--router", "session_affine", *OVERFLOW, *STICKY,
                    "--overflow-sticks-to", "both")  # fmt: skip
        assert file["num_by_status"] == flags["num_by_status"]
        assert file["usd"] == flags["usd"]

    def test_parts_of_a_replay_are_refused(self, run, talk):
        words = ("--router", "session_affine", "--repeat", "3", "--shard-hours", "1")
        code, out, err = run(*DEPLOYED, "--trace", talk, *words)
        assert (code, out) == (2, "")
        assert "sessions need all requests at once" in err

    def test_requests_that_are_made_up_have_none(self, run):
        words = ("--preset", "chat", "--rps", "2", "--span-s", "60", "--router", "session_affine")
        code, out, err = run(*DEPLOYED, *words)
        assert (code, out) == (2, "")
        assert "router=session_affine beside chat, whose requests name no session" in err
        assert len(err.strip().splitlines()) == 1


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "sentences"),
        [
            (ROWS, ["is empty"]),
            (ROWS + "0,10,5\n3,10,5\n1,10,5\n", ["line 4", "arrives before the request above it"]),
            (ROWS + "0,10,5\n1,10,0\n", ["line 3", "0 tokens"]),
            (ROWS + "0,10,5\n1,nan,7\n2,-4,7\n", ["line 3", "line 4"]),
            (ROWS + "0,10,5\n1,10,5\n2,5000000,5\n", ["by arrival request 3", "limit="]),
        ],
        ids=["empty", "unsorted", "no output", "no number", "never fits"],
    )
    def test_traces(self, run, tmp_path, text, sentences):
        (tmp_path / "bad.csv").write_text(text)
        code, out, err = run(*DEPLOYED, "--num-gpus", "1", "--trace", tmp_path / "bad.csv")
        assert (code, out) == (2, "")
        assert "Traceback" not in err
        for sentence in sentences:
            assert sentence in err

    def test_capping_the_output_makes_a_request_fit(self, ask, tmp_path):
        (tmp_path / "t.csv").write_text(ROWS + "0,10,5\n1,10,5000000\n")
        answer = ask(*DEPLOYED, "--num-gpus", "1", "--trace", tmp_path / "t.csv", "--max-output-tokens", "100")
        assert answer["num_by_status"]["cut"] == 1

    @pytest.mark.parametrize(
        ("words", "code", "sentence"),
        [
            (("--gpu", "h100-sxm"), 2, "models is missing"),
            (("--model", "llama-9", "--gpu", "h100-sxm"), 2, "unknown model: 'llama-9'"),
            (("--model", "llama-3.1-8b"), 2, "--gpu is missing"),
            (("--model", "llama-3.1-8b", "--gpu", "h100-sxm,l40s"), 2, "--gpu names 2"),
            (("--model", "llama-3.1-8b", "--gpu", "h100-sxm", "--num-gpus", "1,2"), 2, "--num-gpus names 2"),
            (("--model", "llama-3.3-70b", "--gpu", "l4", "--num-gpus", "1"), 4, "does not fit"),
            ((*DEPLOYED, "--overflow", "acme/none", "--overflow-ttft-s", "1"), 2, "unknown price: 'acme/none'"),
            ((*DEPLOYED, "--overflow", API), 2, "say when to overflow"),
            ((*DEPLOYED, "--overflow-ttft-s", "1"), 2, "without overflow"),
            ((*DEPLOYED, "--router", "prefix_affine"), 2, "prefix_affine"),
            (
                (*DEPLOYED, "--router", "session_affine"),
                2,
                "router=session_affine beside t.csv, whose requests name no",
            ),
            ((*DEPLOYED, *OVERFLOW, "--overflow-stick-s", "9"), 2, "overflow_stick_s=9 s beside t.csv"),
            ((*DEPLOYED, "--overflow-stick-s", "9"), 2, "overflow_stick_s without overflow"),
            ((*DEPLOYED, *OVERFLOW, "--overflow-sticks-to", "both"), 2, "without overflow_stick_s"),
            (
                (*DEPLOYED, *OVERFLOW, "--overflow-stick-s", "9", "--overflow-sticks-to", "us"),
                2,
                "--overflow-sticks-to",
            ),
            ((*DEPLOYED, "--capacity-plan", "8:4"), 2, "is not HOURS=REPLICAS"),
            ((*DEPLOYED, "--start-at", "noon"), 2, "2026-11-23T09:00"),
            ((*DEPLOYED, "--min-replicas", "9", "--max-replicas", "2"), 2, "min_replicas=9"),
            ((*DEPLOYED, "--scale", "nan"), 2, "rate_ratio"),
            ((*DEPLOYED, "--seed", "-1"), 2, "seed=-1"),
        ],
    )
    def test_flags(self, run, trace, words, code, sentence):
        found, out, err = run(*words, "--trace", trace)
        assert (found, out) == (code, "")
        assert sentence in err

    def test_a_seller_that_sells_none(self, run, trace):
        code, _, err = run("--model", "llama-3.1-8b", "--gpu", "h100-sxm", "--trace", trace, "--provider", "nobody")
        assert code == 2
        assert "no offer of h100-sxm by nobody; known: " in err

    def test_two_scenarios(self, run, tmp_path):
        code, _, err = run(tmp_path / "a.yaml", "--scenario", tmp_path / "b.yaml")
        assert code == 2
        assert "contradicts" in err


def test_every_key_of_the_block_is_a_flag():
    flags = {flag for param in simulate.params for flag in param.opts}
    assert {f"--{key.replace('_', '-')}" for key in SimulationSpec.model_fields} <= flags


def test_help_needs_no_numba():
    code = (
        "import sys; from tokonomics.cli.main import main; main(['simulate', '--help']); print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"

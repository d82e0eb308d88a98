"""Ranges as a user meets them: in the documents and the tables of every command whose figures are modelled."""

import json
import math

import pytest

from tokonomics.physics.uncertainty import Z90

COLUMNS = 80

BUILD = ("--model", "llama-3.3-70b", "--gpu", "h100-sxm", "--provider", "lambda", "--in", "1000", "--out", "1000")
HOSTED = ("breakeven", *BUILD, "--api", "groq/llama-3.3-70b-versatile", "--tokens-per-day", "8e8")
SPLIT = (
    "hybrid", *BUILD, "--usd-per-hour", "2", "--ops-usd-per-month", "0", "--api", "openai/gpt-4o-mini",
    "--steady-tokens-per-day", "2e9", "--peak-tokens-per-day", "6e9", "--peak-hours", "3",
)  # fmt: skip
SWEEP = ("frontier", "llama-3-70b", "h100-sxm", "--precision", "int4-awq", "--usd-per-hour", "2.49")
STACK = ("stack", "llama-3.1-8b", "h100-sxm", "--in", "4000", "--out", "300", "--slo", "itl_p99=30ms")
REPLAY = (
    "simulate", "--model", "llama-3.1-8b", "--gpu", "h100-sxm", "--usd-per-hour", "2", "--in", "500", "--out", "200",
    "--rps", "5", "--span-s", "60",
)  # fmt: skip
UNSOLD = "dgx-spark"
ALL = (HOSTED, SPLIT, SWEEP, STACK, REPLAY)


def holds(ends, value) -> bool:
    """Whether the ends stand in order about `value`, with room on at least one side."""
    return ends["p10"] <= value * (1 + 1e-9) and value <= ends["p90"] * (1 + 1e-9) and ends["p10"] < ends["p90"]


@pytest.mark.parametrize("args", ALL, ids=lambda args: args[0])
def test_the_page_shows_ranges_within_80_columns(run, args):
    code, out, err = run(*args)
    assert code == 0, err
    assert "10-90 %" in out
    assert "80 %" in out
    assert "docs/accuracy.md" in " ".join(out.split())
    assert not [line for line in out.splitlines() if len(line) > 80]


@pytest.mark.parametrize("args", ALL[:-1], ids=lambda args: args[0])
def test_explain_says_where_the_range_comes_from(run, args):
    code, out, err = run(*args, "--explain", "-f", "md")
    assert code == 0, err
    assert ", 10-90 %" in out
    assert "docs/model-cards/calibration.md" in out


class TestBreakEven:
    def test_every_figure_of_the_point(self, ask):
        answer = ask(*HOSTED)
        for key in ("break_even", "break_even_pay_per_use", "break_even_with_hidden_costs"):
            point = answer[key]
            assert holds(point["range"]["volume_tokens_per_day"], point["volume_tokens_per_day"])
        used = answer["break_even"]
        assert holds(used["range"]["utilisation_frac"], used["utilisation_frac"])
        assert holds(answer["self_host_full_usd_per_mtok_range"], answer["self_host_full_usd_per_mtok"])

    def test_rows_say_their_range_and_the_chance_of_the_winner(self, ask):
        for row in ask(*HOSTED)["volumes"]:
            ends = row["range"]["build_usd_per_month"]
            assert ends["p10"] <= row["build_usd_per_month"] <= ends["p90"]
            assert row["winner_probability"] is None or 0 <= row["winner_probability"] <= 1

    def test_the_tornado_moves_the_rate_through_its_own_range(self, ask):
        answer = ask(*HOSTED)
        (rate,) = (bar for bar in answer["tornado"] if bar["name"] == "replica_tokens_per_s")
        ends = answer["break_even"]["range"]["volume_tokens_per_day"]
        assert sorted(rate["outcomes_tokens_per_day"]) == pytest.approx([ends["p10"], ends["p90"]])

    def test_a_stated_rate_has_none_and_the_page_is_silent(self, ask, run):
        answer = ask("breakeven", "--tokens-per-s", "1500")
        assert answer["break_even"]["range"] is None
        assert answer["self_host_full_usd_per_mtok_range"] is None
        assert {row["winner_probability"] for row in answer["volumes"]} == {None}
        assert "10-90 %" not in run("breakeven", "--tokens-per-s", "1500")[1]

    def test_what_never_pays_at_the_estimate_may_at_a_faster_rate(self, ask, run):
        dear = (*HOSTED, "--usd-per-hour", "6.5")
        point = ask(*dear)["break_even"]
        assert point["volume_tokens_per_day"] is None
        assert point["range"]["volume_tokens_per_day"]["p10"] > 0
        assert point["range"]["volume_tokens_per_day"]["p90"] is None
        text = " ".join(run(*dear)[1].split())
        assert "at the p90 of its rate from" in text
        assert "to never" in text


class TestHybrid:
    def test_every_split_with_replicas(self, ask):
        answer = ask(*SPLIT)
        for one in answer["splits"]:
            if one["num_replicas"]:
                ends = one["range"]["total_usd_per_month"]
                assert ends["p10"] <= one["total_usd_per_month"] <= ends["p90"]
            else:
                assert one["range"] is None
        counts = answer["range"]["num_replicas"]
        assert counts["p10"] <= answer["best"]["num_replicas"] <= counts["p90"]

    def test_a_stated_rate_has_none(self, ask, run):
        answer = ask("hybrid", "--tokens-per-s", "1500")
        assert answer["range"] is None
        assert answer["best"]["range"] is None
        assert "10-90 %" not in run("hybrid", "--tokens-per-s", "1500")[1]


class TestFrontier:
    def test_every_point(self, ask):
        (one,) = ask(*SWEEP)["deployments"]
        for point in one["points"]:
            for name in ("output_tokens_per_s", "mean_itl_s", "tail_itl_s"):
                assert holds(point[f"{name}_range"], point[name])
            for name, ends in point["cost_range"].items():
                assert holds(ends, point["cost"][name])

    def test_the_chance_of_each_limit(self, ask, run):
        (one,) = ask(*SWEEP, "--slo", "itl_p99=40ms", "--slo", "itl_p99=10s", "--slo", "itl_mean=10ms")["deployments"]
        binding, loose, missed = (told["slo_probability"] for told in one["operating_points"])
        assert missed < binding < loose
        assert binding == pytest.approx(0.5, abs=0.1)
        assert "keeps it" in run(*SWEEP)[1]

    def test_fleets_range_in_whole_replicas(self, ask):
        (one,) = ask(*SWEEP, "--demand", "interactive=2000,batch=9000")["deployments"]
        shared = one["shared_fleet"]
        for name, ends in shared["range"].items():
            assert ends["p10"] <= shared[name] <= ends["p90"]

    def test_without_a_price_the_throughput_has_the_range(self, run):
        _, out, _ = run("frontier", "llama-3.1-8b", UNSOLD)
        assert "unpriced" in out
        assert "tok/s" in next(line for line in out.splitlines() if line.startswith("batch"))

    def test_the_ideal_machine_has_one_number(self, ask):
        (one,) = ask(*SWEEP, "--engine", "roofline")["deployments"]
        for point in one["points"]:
            ends = point["output_tokens_per_s_range"]
            assert ends["p10"] == ends["p90"] == point["output_tokens_per_s"]


class TestStack:
    def test_every_step_that_fits(self, ask):
        answer = ask(*STACK)
        outcomes = [step["outcome"] for step in answer["steps"] if step["outcome"]]
        assert outcomes
        for told in outcomes:
            assert holds(told["output_tokens_per_s_range"], told["output_tokens_per_s"])
            assert holds(told["cost_range"]["output_usd_per_mtok"], told["cost"]["output_usd_per_mtok"])
            assert 0 <= told["slo_probability"] <= 1
        assert holds(answer["cross_test"]["first"]["gpu_tokens_per_s_range"],
                     answer["cross_test"]["first"]["gpu_tokens_per_s"])  # fmt: skip

    def test_notes_say_the_chance_of_the_limit_only_where_there_is_one(self, run):
        assert "with a chance of" in " ".join(run(*STACK)[1].split())
        assert "with a chance of" not in " ".join(run(*STACK[:-2])[1].split())


class TestSimulate:
    def test_the_cost_of_work_has_a_range_and_idle_leases_none(self, ask):
        answer = ask(*REPLAY)
        usage, allocation = (answer["usd_per_mtok_range"][basis] for basis in ("usage", "allocation"))
        assert holds(usage, answer["usd_per_mtok"]["blended"]["usage"])
        assert allocation is None  # the leases are fixed, whatever the speed
        basis = answer["range_basis"]
        assert basis["name"] == "spread of the rate at the mean operating point of the replay"
        assert basis["batch_sequences"] > 0
        assert not basis["leases_follow_load"]

    def test_the_ideal_machine_is_sure(self, ask):
        answer = ask(*REPLAY, "--engine", "roofline")
        usage = answer["usd_per_mtok_range"]["usage"]
        assert usage["p10"] == usage["p90"] == pytest.approx(answer["usd_per_mtok"]["blended"]["usage"])

    def test_what_the_api_takes_stays(self, ask):
        sent = (*REPLAY, "--rps", "40", "--overflow", "openai/gpt-4o-mini", "--overflow-queue-tokens", "1000")
        answer = ask(*sent)
        usage, usd = answer["usd_per_mtok_range"]["usage"], answer["used_usd"] + answer["api_usd"]
        assert answer["api_usd"] > 0
        ratio = usage["p90"] / answer["usd_per_mtok"]["blended"]["usage"]
        grown = (ratio * usd - answer["api_usd"]) / answer["used_usd"]
        assert math.log(grown) == pytest.approx(Z90 * answer["range_basis"]["rate_sd_log"])

    def test_an_autoscaled_fleet_follows_the_work(self, ask):
        answer = ask(*REPLAY, "--autoscale-requests", "8", "--max-replicas", "4")
        assert answer["range_basis"]["leases_follow_load"]
        assert holds(answer["usd_per_mtok_range"]["allocation"], answer["usd_per_mtok"]["blended"]["allocation"])

    def test_the_page_names_what_the_range_is_of(self, run):
        assert "the replay is at the central constants" in " ".join(run(*REPLAY)[1].split())


@pytest.mark.parametrize(
    "args", [("onprem",), ("decide", "--tokens-per-day", "2e7", "--quality", "max"), ("cascade",), ("distill",)]
)
def test_what_the_physics_does_not_give_has_no_range(run, args):
    code, out, err = run(*args, "--json")
    assert code == 0, err
    assert '"p10"' not in json.dumps(json.loads(out))

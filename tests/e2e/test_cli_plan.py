"""`tok plan` as a user runs it: the document, the plan file, the proof on a recorded trace, and every kind of refusal."""

import json

import pytest

from tokonomics.cli.main import main
from tokonomics.policy.plan_file import read_plan

SLO = ("--slo", "ttft_p95=1s,itl_p95=50ms")
SMALL = (
    "--preset",
    "chat",
    "--model",
    "llama-3.1-8b",
    "--gpu",
    "rtx4090",
    "--engines",
    "vllm",
    "--num-draws",
    "100",
    *SLO,
)
THREE = ("--model", "llama-3.1-8b", "--model", "llama-3.3-70b", "--model", "deepseek-v3.1")
FAMILY_KEYS = {
    "name", "usd_per_month", "usd_per_mtok", "num_gpus", "ttft_p95_s", "itl_p95_s", "slo_probability",
    "cheapest_probability", "replayed",
}  # fmt: skip


@pytest.fixture
def run(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TOKONOMICS_TODAY", "2026-11-23")

    def call(*args):
        code = main(("plan", *map(str, args)))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_the_document_has_what_programs_need(ask):
    found = ask(*SMALL, "--rps", 10)
    assert (found["schema"], found["kind"]) == ("tokonomics/plan/1", "plan")
    assert {"families", "recommended", "num_candidates", "gap_frac", "wall_s"} <= set(found)
    for family in found["families"]:
        assert set(family) >= FAMILY_KEYS
        assert set(family["usd_per_mtok"]["blended"]) == {"allocation", "usage"}
    assert found["recommended"] in {one["name"] for one in found["families"]}
    assert 0.0 <= found["gap_frac"] <= 0.011
    assert found["wall_s"] > 0.0


def test_the_page_fits_eighty_columns_and_names_the_gap(run):
    code, out, _ = run(*SMALL, "--rps", 10)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "PLAN  Run" in out
    assert "gap at most" in out
    assert "changes the answer" in out


def test_the_charts_are_drawn_to_one_file(run, tmp_path):
    code, out, err = run(*SMALL, "--rps", 10, "--chart", tmp_path / "c.json")
    assert code == 0, err
    titles = [one["title"] for one in json.loads((tmp_path / "c.json").read_text("utf-8"))["vconcat"]]
    assert len(titles) == 3
    assert all(title in out for title in titles)
    assert run(*SMALL, "--rps", 10, "--chart", tmp_path / "c.gif")[0] == 2


def test_the_plan_file_is_the_same_bytes_again_and_reads_back(run, tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    for path in (first, second):
        code, out, err = run(*SMALL, "--rps", 10, "--json", "-o", path)
        assert code == 0, err
        assert f"wrote {path}" in err
    assert first.read_bytes() == second.read_bytes()
    plan, found = read_plan(first), json.loads(out)
    best = next(one for one in found["families"] if one["name"] == found["recommended"])
    assert plan.family == found["recommended"]
    assert plan.expected.month.expected_usd == best["usd_per_month"]
    assert plan.expected.ttft_p95_s == best["ttft_p95_s"]
    assert plan.slo == found["slo"]


def test_a_plan_file_is_compared_with_itself_under_other_flags(run, tmp_path):
    path = tmp_path / "plan.yaml"
    assert run(*SMALL, "--rps", 5, "--no-api", "-o", path)[0] == 0
    assert main(["diff", str(path), "--rps", "50", "--no-attribution", "--by", "plan"]) == 0
    assert main(["diff", str(path), "--rps", "50", "--no-attribution", "--by", "plan", "--seed", "-1"]) == 2


def test_a_sweep_plans_each_point_as_one_command_does(run, ask, tmp_path):
    path = tmp_path / "s.json"
    args = (*SMALL, "--rps", 1, "--sweep", "rate=2,20", "--sweep", "min_slo_probability=0.5,0.9", "--json", "-o", path)
    code, _, err = run(*args)
    assert code == 0, err
    found = json.loads(path.read_text("utf-8"))
    assert [tuple(one["values"].values()) for one in found["points"]] == [(2, 0.5), (2, 0.9), (20, 0.5), (20, 0.9)]
    alone = ask(*SMALL, "--rps", 20, "--min-slo-probability", 0.9)
    best = next(one for one in alone["families"] if one["name"] == alone["recommended"])
    swept = found["points"][-1]
    assert swept["recommended"] == alone["recommended"]
    for key in ("usd_per_month", "num_gpus", "ttft_p95_s", "itl_p95_s", "slo_probability", "cheapest_probability"):
        assert swept["figures"][key] == best[key], key
    by_two = tmp_path / "two.json"
    assert run(*args[:-1], by_two, "--jobs", 2)[0] == 0
    assert by_two.read_bytes() == path.read_bytes()


def test_a_point_that_cannot_be_says_why_and_all_of_them_exit_with_four(run):
    code, out, _ = run(*SMALL, "--rps", 1, "--sweep", "budget_usd_per_month=1,100000")
    assert code == 0
    assert "budget_usd_per_month=1: " in out
    code, out, err = run(*SMALL, "--rps", 1, "--sweep", "budget_usd_per_month=1,2")
    assert (code, out) == (4, "")
    assert "the cheapest relaxation is --budget-usd-per-month" in err


def test_what_is_of_one_plan_is_refused_beside_a_sweep(run, tmp_path):
    code, _, err = run(
        *SMALL, "--rps", 1, "--sweep", "rate=1,2", "--explain", "-o", tmp_path / "p.yaml", "--deploy", "compose"
    )
    assert code == 2
    for flag in ("--explain", "-o plan.yaml", "--deploy"):
        assert f"{flag} is for one plan" in err


def test_another_family_can_be_written(run, tmp_path):
    code, _, err = run(*SMALL, "--rps", 10, "--family", "all_api", "-o", tmp_path / "p.yaml")
    assert code == 0, err
    assert read_plan(tmp_path / "p.yaml").apis[0].endpoint


def test_a_scenario_file_equals_its_flags(ask, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(
        "models: [llama-3.1-8b]\ngpus: [rtx4090]\nslo: ttft_p95=1s,itl_p95=50ms\n"
        "traffic: {preset: chat, requests_per_s: 10}\nplan: {engines: [vllm], num_draws: 100}\n",
        "utf-8",
    )
    by_file, by_flags = ask(path), ask(*SMALL, "--rps", 10)
    for one in (by_file, by_flags):
        del one["wall_s"]
    assert by_file == by_flags


def test_a_result_asks_itself_again(ask, tmp_path):
    found = ask(*SMALL, "--rps", 10)
    path = tmp_path / "r.json"
    path.write_text(json.dumps(found), "utf-8")
    again = ask(path)
    for one in (found, again):
        del one["wall_s"]
    assert again == found


def test_a_bad_scenario_says_all_with_line_and_column(run, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(
        "models: [llama-3.1-8b]\ntraffic: {preset: chat, requests_per_s: -1}\n"
        "plan:\n  min_quality: 0.5\n  max_gap_frac: 7\n  families: [spot]\nslo: ttft=1s\n",
        "utf-8",
    )
    code, _, err = run(path)
    assert code == 2
    for line, words in ((2, "requests_per_s"), (4, "min_quality"), (5, "max_gap_frac"), (6, "families"), (7, "ttft")):
        assert any(f"s.yaml:{line}:" in one and words in one for one in err.splitlines()), (line, err)


@pytest.mark.parametrize("suffix", ["yaml", "toml"])
def test_a_name_that_nobody_knows_is_said_where_the_file_has_it(run, tmp_path, suffix):
    texts = {
        "yaml": "models:\n  - llama-3.1-8b\n  - no-such-model\ntraffic: {preset: chat, requests_per_s: 1}\nregions: [mars]\n",
        "toml": "models = ['no-such-model']\nregions = ['mars']\n[traffic]\npreset = 'chat'\nrequests_per_s = 1\n",
    }
    path = tmp_path / f"s.{suffix}"
    path.write_text(texts[suffix], "utf-8")
    code, _, err = run(path, "--gpu", "h1000")
    assert code == 2
    places = {"yaml": ("s.yaml:3:5: ", "s.yaml:5:11: "), "toml": ("s.toml: ", "s.toml: ")}[suffix]
    for place, words in zip(
        (*places, "tok: "), ("model: 'no-such-model'", "region: 'mars'", "gpu: 'h1000'"), strict=True
    ):
        assert f"{place}unknown {words}" in err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--slo", "ttft_p95=1ms,itl_p95=0.1ms"), "the least that any reaches, each for itself: ttft_p95 "),
        (("--slo", "ttft_p95=0.001ms"), "ttft_p95=0.001ms binds"),
        (("--budget-usd-per-month", 1), "the budget binds; the cheapest relaxation"),
        (("--max-gpus", 1, "--rps", 900, "--no-api"), "max_gpus=1 binds"),
        (("--max-gpus", 2, "--spares", 4, "--no-api"), "the cheapest relaxation is --max-gpus"),
        (
            ("--purchase", "reserved_1yr", "--no-api"),
            "no accelerator is for sale under --gpu rtx4090 and --purchase reserved_1yr together; the cheapest"
            " relaxation is to leave --purchase out (rtx4090 from ",
        ),
        (
            ("--provider", "aws", "--no-spot", "--no-api"),
            "--gpu rtx4090 and --provider aws and --no-spot together; the cheapest relaxation is to leave --provider",
        ),
        (("--licences", "MIT", "--no-api"), "plan.licences=MIT admits no model of the plan"),
        (("--model", "deepseek-v3.1", "--no-api"), ""),
    ],
)
def test_what_cannot_be_exits_with_four(run, args, words):
    code, out, err = run(*SMALL, "--rps", 10, *args)
    if words:
        assert code == 4, err
        assert words in err
        assert not out
    else:  # one model that does not fit beside one that does is no reason to refuse
        assert code == 0, err


def test_the_relaxation_of_a_quota_is_the_least_that_does(run):
    asked = (*SMALL, "--rps", 10, "--no-api", "--spares", 2)
    code, _, err = run(*asked, "--max-gpus", 1)
    assert code == 4
    least = int(err.rpartition("--max-gpus ")[2].partition(",")[0])
    assert run(*asked, "--max-gpus", least - 1)[0] == 4
    assert run(*asked, "--max-gpus", least)[0] == 0


def test_every_wrong_name_and_every_contradiction_is_said_at_once(run):
    wrong = (
        "--engines",
        "nope",
        "--precision",
        "fp99",
        "--kv-format",
        "q1",
        "--region",
        "mars",
        "--provider",
        "nobody",
    )
    torn = ("--no-spot", "--purchase", "spot", "--no-api", "--api", "openai/gpt-4o-mini")
    code, _, err = run(*SMALL, "--rps", 1, *wrong, *torn)
    assert code == 2
    for words in (
        "unknown engine: 'nope'", "unknown precision: 'fp99'", "unknown kv format: 'q1'", "unknown region: 'mars'",
        "unknown provider: 'nobody'", "plan.no_spot contradicts purchase=spot",
        "plan.no_api contradicts apis=openai/gpt-4o-mini",
    ):  # fmt: skip
        assert words in err


def test_no_gpu_fits(run):
    code, _, err = run("--preset", "chat", "--rps", 1, "--model", "deepseek-v3.1", "--gpu", "rtx4090", "--no-api")
    assert code == 4
    assert "does not fit" in err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--min-quality-frac", 0.5), "without quality"),
        (("--quality", "model=a,quality_frac=2"), "plan.quality[0].quality_frac=2.0; limit=at most 1"),
        (("--quality", "model=a"), "quality_frac is missing"),
        (("--family", "none"), "unknown family"),
        (("--no-api", "--families", "all_api"), "keep one of them"),
    ],
)
def test_mistakes_are_said(run, args, words):
    code, _, err = run(*SMALL, "--rps", 10, *args)
    assert code == 2
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize("rps", [1, 10, 100])
def test_on_a_recorded_trace_the_replayed_p95s_keep_the_claimed_limits(ask, shared_dir, rps):
    trace = shared_dir / "data/traces/trace_azure2023_conv.parquet"
    found = ask("--trace", trace, "--rps", rps, *THREE, *SLO, "--num-draws", 200)
    assert found["num_candidates"] > 50_000
    best = next(one for one in found["families"] if one["name"] == found["recommended"])
    assert best["replayed"]
    for family in found["families"]:
        if family["replayed"] and family["meets_slo"]:
            assert family["ttft_p95_s"] <= 1.0
            assert family["itl_p95_s"] <= 0.050
        assert family["gap_frac"] <= 0.01
    by_name = {one["name"]: one for one in found["families"]}
    if rps == 1:
        assert by_name["all_api"]["usd_per_month"] < best["usd_per_month"]
    else:
        assert best["usd_per_month"] < by_name["all_api"]["usd_per_month"]

"""`tok cascade` and `tok distill` as a user runs them: the article set right, real queries, plans and mistakes."""

import csv
import io

import duckdb
import numpy as np
import pytest

MOT_PRICES = ("--price", "model=gpt-4,input=30,output=60", "--price", "model=any,input=0.5,output=1.5")
TWO = ("--tier", "name=small,usd_per_mtok=0.1,share=0.7,quality=0.7", "--tier", "name=big,usd_per_mtok=1,share=0.3")


@pytest.fixture
def answers(tmp_path):
    """Write a Parquet file of answers: rows of a SELECT."""

    def write(select):
        path = tmp_path / "answers.parquet"
        duckdb.sql(select).write_parquet(str(path))
        return path

    return write


# --- tok cascade: tiers


def test_the_articles_cascade_pays_every_tier_tried(ask):
    told = ask("cascade")
    assert told["cost"]["cascade_usd_per_mtok"] == pytest.approx(0.0862, abs=5e-5)
    assert told["cost"]["router_usd_per_mtok"] == pytest.approx(0.0728, abs=5e-5)
    assert told["cost"]["best_tier_ratio"] == pytest.approx(5.28, abs=0.01)
    assert told["quality"]["random_frac"] == pytest.approx(0.694)
    assert told["quality"]["perfect_frac"] == pytest.approx(0.88)


def test_stated_tiers_by_hand(ask):
    told = ask("cascade", *TWO[:3], TWO[3] + ",quality=1,length=2", "--router-usd-per-mtok", "0.01")
    # tokens: 0.7 and 0.6 of 1.3
    hard = 0.6 / 1.3
    assert told["cost"]["cascade_usd_per_mtok"] == pytest.approx(0.1 + hard)
    assert told["cost"]["router_usd_per_mtok"] == pytest.approx(0.1 * (1 - hard) + hard + 0.01)
    assert told["quality"]["blended_frac"] == pytest.approx(1.0)  # 70 % are easy, and the small tier knows 70 %


def test_sampling_and_verifier_are_paid_at_every_try_but_the_last(ask):
    told = ask("cascade", TWO[0], TWO[1] + ",sampling=20,verifier=0.05", TWO[2], TWO[3])
    assert told["cost"]["cascade_usd_per_mtok"] == pytest.approx(20 * 0.1 + 0.05 + 0.3)


def test_substitution_is_judged_first(ask):
    told = ask("cascade", "--min-quality", "0.85")
    assert told["verdict"]["substitute"]["name"] == "13b awq"
    assert told["verdict"]["credit_frac"] < 0  # swapping one model is cheaper than router and cascade
    at_its_best = ask("cascade")
    assert at_its_best["verdict"]["substitute"]["name"] == "13b fp16"
    assert at_its_best["verdict"]["credit_frac"] == pytest.approx(1 - 0.07278 / 0.13301, abs=1e-3)


def test_a_stated_single_model_replaces_the_articles(ask):
    told = ask("cascade", "--single", "name=mine,usd_per_mtok=0.03,quality=0.95")
    assert told["verdict"]["winner"]["name"] == "mine"
    assert [one["name"] for one in told["singles"]] == ["mine"]


def test_routing_skill_scales_quality(ask):
    coin, half = (ask("cascade", "--routing-frac", skill)["quality"]["blended_frac"] for skill in (0, 0.5))
    assert coin == pytest.approx(0.694)
    assert half == pytest.approx((0.694 + 0.88) / 2)


def test_the_skill_that_a_bar_needs(ask):
    assert ask("cascade", "--min-quality", "0.787")["skill_needed_frac"] == pytest.approx(0.5)
    assert ask("cascade", "--min-quality", "0.95")["skill_needed_frac"] is None  # the article's 95 % is out of reach


def test_floors_by_month(ask):
    rows = ask("cascade", "--tokens-per-month", "1e9", "--tokens-per-month", "1e11")["months"]
    floor = 2.49 * 730
    assert rows[0]["cascade_usd_per_month"] == pytest.approx(3 * floor)
    assert rows[0]["winner"] == "13b fp16"
    assert rows[1]["cascade_usd_per_month"] == pytest.approx(0.0862 * 1e5, rel=1e-3)
    assert rows[1]["winner"] == "cascade"


def test_an_hour_that_costs_twice_doubles_every_price(ask):
    once, twice = (ask("cascade", "--gpu-usd-per-hour", usd)["cost"]["cascade_usd_per_mtok"] for usd in (2, 4))
    assert twice == pytest.approx(2 * once)


def test_unknown_quality_prices_and_does_not_rank(ask, run):
    told = ask("cascade", *TWO)
    assert told["verdict"] is told["quality"] is None
    assert told["cost"]["cascade_usd_per_mtok"] == pytest.approx(0.4)
    assert "unknown" in run("cascade", *TWO)[1]


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--tier", "name=a,usd_per_mtok=1,share=0.5"], 2, ["shares add up to 0.5"]),
        (["--tier", "nme=a,usd_per_mtok=x"], 2, ["unknown key nme", "lacks name=", "lacks share=", "is no number"]),
        (["--tier", "name=a,usd_per_mtok=-1,share=2"], 2, ["tier a: tier_usd_per_mtok=-1", "tier a: share_frac=2"]),
        (["--single", "name=a,usd_per_mtok=-1,quality=2"], 2, ["a: usd_per_mtok=-1", "a: quality=2"]),
        (["--single", "name=a,usd_per_mtok=0.01,quality=0.1", "--tokens-per-month", "nan"], 2, ["finite"]),
        (["--min-quality", "1.5"], 2, ["min_quality_frac=1.5"]),
        (["--gpu-usd-per-hour", "0", "--routing-frac", "2"], 2, ["gpu_usd_per_hour=0", "routing_frac=2"]),
        ([*TWO[:3], TWO[3] + ",quality=0.8", "--min-quality", "0.9"], 4, ["the best reaches 0.8"]),
        (["--weak", "x", "--seed", "3"], 2, ["--weak needs --data", "--seed needs --data"]),
        (["--data", "none.parquet"], 2, ["no such file"]),
        (["--data", "x", "--tier", "a=1", "--min-quality", "1"], 2, ["--tier works without", "--min-quality works"]),
    ],
)
def test_mistakes_in_a_cascade_are_named_at_once(run, flags, code, said):
    found, out, err = run("cascade", *flags)
    assert (found, out) == (code, "")
    for part in said:
        assert part in err
    assert "Traceback" not in err
    assert "defect" not in err


@pytest.mark.parametrize("command", ["cascade", "distill"])
def test_every_format(run, command):
    code, out, _ = run(command, "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert len(rows) >= 6
    assert any(float(row[key]) > 0 for row in rows for key in row if key.endswith("usd_per_mtok"))
    assert run(command, "-f", "md")[1].count("|") > 20
    formula = "USD per M tokens = "
    assert formula not in " ".join(run(command)[1].split())
    assert formula in " ".join(run(command, "--explain")[1].split())


# --- tok cascade --data


def test_a_confidence_that_knows_everything(ask, answers):
    path = answers("""
        select 'q' || i query_id, m model, case when m = 'strong' or i % 2 = 0 then 1.0 else 0.0 end score,
               case when m = 'strong' then 1.0 else 0.1 end cost_usd,
               case when m = 'weak' then (i % 2 = 0)::double end confidence
        from range(40) t(i), (values ('weak'), ('strong')) v(m)
    """)
    told = ask("cascade", "--data", path, "--of-best", "1")
    assert told["method"] == "cascade"
    assert told["auroc_frac"] == 1.0
    [way] = [one for one in told["ways"] if one["way"] == "cascade"]
    assert way["is_met"]
    wrong = (way["way_usd_per_request"] - 0.1) / 1.0  # the share that was escalated is the share that is wrong
    assert 0.2 < wrong < 0.8
    [perfect] = [one for one in told["ways"] if one["way"] == "perfect confidence"]
    assert perfect["way_usd_per_request"] == pytest.approx(way["way_usd_per_request"])


def test_a_confidence_of_a_dearer_model_is_no_cascade(ask, answers):
    path = answers("""
        select 'q' || i query_id, m model, (m = 'good' or i % 2 = 0)::double score,
               case when m = 'good' then 0.1 else 1.0 end cost_usd, (i % 3)::double confidence
        from range(40) t(i), (values ('bad'), ('good')) v(m)
    """)
    told = ask("cascade", "--data", path)
    assert told["method"] == "router"
    assert told["ways"][1]["models"] == "good"
    assert any("no cascade" in note for note in told["notes"])


def test_a_router_that_topics_decide(ask, answers):
    path = answers("""
        select 'q' || i query_id, m model, case when i % 2 = 0 then 'easy' else 'hard' end dataset,
               (m = 'strong' or i % 2 = 0)::double score, case when m = 'strong' then 1.0 else 0.1 end cost_usd
        from range(200) t(i), (values ('weak'), ('strong')) v(m)
    """)
    told = ask("cascade", "--data", path, "--of-best", "1")
    [way] = [one for one in told["ways"] if one["way"] == "router"]
    assert way["quality_frac"] == 1.0
    assert way["saving_frac"] == pytest.approx(0.45, abs=0.1)  # half of the queries are easy
    assert told["credits_frac"][0] == pytest.approx(way["saving_frac"])
    areas = {one["name"]: one["area_frac"] for one in told["curves"]}
    assert areas["random mixing"] < areas["router"] == areas["perfect router"]


def test_incomplete_and_contaminated_answers_are_left_out(ask, answers):
    path = answers("""
        select 'q' || i query_id, m model, 0.5 score, i = 3 contaminated, 1.0 cost_usd
        from range(20) t(i), (values ('a'), ('b')) v(m) where not (i = 7 and m = 'b')
    """)
    told = ask("cascade", "--data", path)
    assert told["num_tuned"] + told["num_judged"] == 18
    assert "2 answers marked contaminated were left out" in told["notes"]
    assert "1 of 19 queries lack an answer of some model and were left out" in told["notes"]


def test_tokens_are_priced_where_there_is_no_cost(ask, answers):
    path = answers("""
        select 'q' || i query_id, m model, 'x' as method, 0.5 score, 1000 input_tokens, 100 output_tokens
        from range(20) t(i), (values ('a'), ('b')) v(m)
    """)
    told = ask("cascade", "--data", path, "--price", "model=a,input=1,output=10", "--price", "model=any,request=0.5")
    costs = {one["name"]: one["single_usd_per_request"] for one in told["singles"]}
    assert costs == {"a/x": pytest.approx(0.002), "b/x": pytest.approx(0.5)}


PAIR = "from range(9) t(i), (values ('a'), ('b')) v(m)"


@pytest.mark.parametrize(
    ("select", "flags", "said"),
    [
        ("select 1 as x", [], ["lacks column query_id", "lacks column model", "lacks column score"]),
        (f"select i query_id, m model, 1.0 score {PAIR}", [], ["no price for a, b"]),
        (f"select i query_id, m model, 9.0 score, 1.0 cost_usd {PAIR}", [], ["outside 0..1"]),
        (f"select i query_id, m model, 1.0 score, -1.0 cost_usd {PAIR}", [], ["negative"]),
        (f"select 1 query_id, m model, 1.0 score, 1.0 cost_usd {PAIR}", [], ["answers a query twice"]),
        (f"select i query_id, m model, 'good' score, 1.0 cost_usd {PAIR}", [], ["column score is VARCHAR"]),
        (f"select i query_id, m model, 1.0 score, 1.0 cost_usd {PAIR}", ["--weak", "a"], ["no confidence"]),
        (f"select i query_id, m model, 1.0 score, 1.0 cost_usd {PAIR}", ["--strong", "z"], ["no model 'z'", "a, b"]),
        (f"select i query_id, m model, 1.0 score, 1.0 cost_usd {PAIR}", ["--use-model", "z,y"], ["'z'", "'y'"]),
        (f"select i query_id, m model, 1.0 score, 1.0 cost_usd {PAIR}", ["--use-model", "a"], ["two or more"]),
        (f"select i query_id, m model, 1.0 score, 1.0 cost_usd {PAIR}", ["--by", "color"], ["lacks column color"]),
        (f"select i query_id, m model, 1.0 score, 1.0 cost_usd {PAIR}", ["--of-best", "0"], ["of_best[0]=0"]),
        (f"select i query_id, m model, 1.0 score, 1.0 cost_usd {PAIR}", ["--price", "in=1"], ["in=1", "no model=NAME"]),
        (
            "select i query_id, 'm' || i model, 1.0 score, 1.0 cost_usd from range(9) t(i)",
            [],
            ["no query was answered"],
        ),
        (f"select i query_id, m model, 1.0 score {PAIR}", ["--price", "model=any,output=1"], ["lacks column output_t"]),
        (f"select i query_id, m model, 1.0 score, 'd' as dataset, 1.0 cost_usd {PAIR}", ["--dataset", "e"], ["no row"]),
    ],
)
def test_mistakes_in_data(run, answers, select, flags, said):
    code, out, err = run("cascade", "--data", answers(select), *flags)
    assert (code, out) == (2, "")
    for part in said:
        assert part in err
    assert "defect" not in err


def test_a_file_that_is_no_parquet(run, tmp_path):
    path = tmp_path / "answers.parquet"
    path.write_bytes(np.random.default_rng(0).bytes(500))
    code, _, err = run("cascade", "--data", path)
    assert code == 2
    assert "not readable as Parquet" in err


def test_the_router_benchmark(ask, shared_dir):
    told = ask("cascade", "--data", shared_dir / "data/routing/routing_routerbench_train.parquet")
    ways = {(one["of_best_frac"], one["way"]): one for one in told["ways"]}
    assert told["best"] == "gpt-4-1106-preview"
    assert ways[0.95, "router"]["is_met"]
    assert ways[0.95, "router"]["saving_frac"] == pytest.approx(0.671, abs=0.03)  # as published for this data
    assert ways[0.95, "router"]["saving_frac"] > ways[0.95, "random mixing"]["saving_frac"]
    assert ways[1.0, "router"]["saving_frac"] == pytest.approx(0.0, abs=0.02)
    areas = [one["area_frac"] for one in told["curves"]]
    assert areas == pytest.approx([0.847, 0.818, 0.974], abs=0.006)


def test_a_cascade_on_a_confidence_that_can_be_deployed(ask, shared_dir):
    path = shared_dir / "data/routing/routing_mot_consistency_cascade.parquet"
    tiers = ("--use-model", "gpt-3.5-turbo/pot1,gpt-4/cot2_greedy")
    told = ask("cascade", "--data", path, "--dataset", "date", *tiers, *MOT_PRICES)
    ways = {(one["of_best_frac"], one["way"]): one for one in told["ways"]}
    assert told["auroc_frac"] == pytest.approx(0.754, abs=0.08)
    assert ways[0.95, "cascade"]["saving_frac"] > 0.7
    assert not ways[1.0, "cascade"]["is_met"]  # tuned on one half, 100 % is missed on the other
    assert (ask("cascade", "--data", path, "--dataset", "date", *tiers, *MOT_PRICES)) == told  # the seed decides


def test_data_as_people_read_it(run, shared_dir):
    path = shared_dir / "data/routing/routing_routerbench_train.parquet"
    code, out, err = run("cascade", "--data", path, "--explain")
    assert code == 0, err
    assert "Quality against cost, on the judged half" in out
    assert "as much as gpt-4-1106-preview" in out
    rows = list(csv.DictReader(io.StringIO(run("cascade", "--data", path, "-f", "csv")[1])))
    assert {row["way"] for row in rows} >= {"best single", "substitution", "random mixing", "router"}


# --- tok distill

PLAN = {
    "num-samples": 50_000,
    "sample-input-tokens": 0,
    "sample-output-tokens": 500,
    "num-runs": 2,
    "training-gpu-hours": 10,
    "evaluation-usd": 100,
    "engineer-hours": 10,
    "tokens-per-month": 1e10,
}


def plan(**changed):
    figures = {**PLAN, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return [word for name, value in figures.items() if value is not None for word in (f"--{name}", value)]


def test_the_articles_students_like_for_like(ask):
    rows = {row["name"]: row for row in ask("distill")["students"]}
    assert rows["13b awq"]["student_usd_per_mtok"] == pytest.approx(0.0706, abs=5e-5)
    assert rows["13b awq"]["cheaper_than_ratios"]["70b fp16"] == pytest.approx(6.45, abs=0.01)
    assert rows["13b awq"]["like_for_like_ratio"] == pytest.approx(3.5)
    assert rows["7b awq"]["like_for_like_ratio"] == pytest.approx(5.18, abs=0.01)
    assert rows["13b awq"]["status"] == "impossible"


@pytest.mark.parametrize(
    ("bar", "chosen", "teacher"),
    [
        (0.6, "1.5b awq", "70b awq"),
        (0.85, "13b awq", "70b awq"),
        (0.88, "13b fp16", "70b fp16"),
        (0.9, "70b awq", "70b awq"),
    ],
)
def test_the_cheapest_that_keeps_the_bar(ask, bar, chosen, teacher):
    told = ask("distill", "--min-quality", bar)
    assert (told["chosen"], told["teacher"]) == (chosen, teacher)


def test_a_return_by_hand(ask):
    told = ask("distill", *plan(min_quality=0.75))["plan"]
    [one] = told["returns"]
    assert one["generation_usd"] == pytest.approx(250)  # 50,000 x 500 tokens at 10 USD per M
    assert one["training_usd"] == pytest.approx(2 * 10 * 2.49)
    assert one["upfront_usd"] == pytest.approx(250 + 49.8 + 100 + 639.1)
    assert one["net_saving_usd_per_month"] == pytest.approx(1e4 * (0.247024 - 0.047701), rel=1e-4)
    assert one["payback_months"] == pytest.approx(one["upfront_usd"] / one["net_saving_usd_per_month"])
    assert told["inputs"]["engineer_usd_per_hour"]["value"] == 63.91
    assert told["inputs"]["teacher_output_usd_per_mtok"]["source"] == "article s4, 2025-Q1"


def test_retraining_and_a_deployment_of_its_own_are_upkeep(ask):
    flags = plan(min_quality=0.75, retraining_months=3, refresh_frac=0.5, deployment_usd_per_month=1000)
    [one] = ask("distill", *flags)["plan"]["returns"]
    assert one["retraining_usd"] == pytest.approx(0.5 * 250 + 24.9 + 100)
    assert one["upkeep_usd_per_month"] == pytest.approx(1000 + one["retraining_usd"] / 3)


def test_net_saving_is_linear_in_volume_and_zero_at_break_even(ask):
    flags = plan(min_quality=0.75, retraining_months=3)
    [one] = ask("distill", *flags)["plan"]["returns"]
    even = one["break_even_tokens_per_month"]
    rows = ask("distill", *plan(min_quality=0.75, retraining_months=3, tokens_per_month=even))["plan"]["returns"]
    assert rows[0]["net_saving_usd_per_month"] == pytest.approx(0.0, abs=1e-6)


def test_a_student_that_never_pays_back(ask, run):
    flags = plan(use_student="70b awq", tokens_per_month=None)
    small = plan(min_quality=0.75, retraining_months=1, tokens_per_month=1e6)
    assert ask("distill", *small)["plan"]["returns"][0]["payback_months"] is None
    assert "never pays back" in run("distill", *small)[1]
    code, _, err = run("distill", *flags, "--tokens-per-month", 1e9)
    assert code == 4
    assert "only a teacher" in err or "is a teacher" in err


def test_stated_models_and_prices(ask):
    models = (
        "--student",
        "name=big,tokens_per_s=1000,precision=fp8,quality=1,role=teacher",
        "--student",
        "name=small,tokens_per_s=8000,precision=fp8,quality=0.9",
    )
    told = ask("distill", *models, "--gpu-usd-per-hour", 3.6, "--min-quality", 0.9)
    prices = {row["name"]: row["student_usd_per_mtok"] for row in told["students"]}
    assert prices == {"big": pytest.approx(1.0), "small": pytest.approx(0.125)}
    assert told["chosen"] == "small"
    bought = ask("distill", *models[2:], *plan(min_quality=0.9, served_teacher_usd_per_mtok=6.25))["plan"]
    assert bought["inputs"]["served_teacher_usd_per_mtok"]["source"] == "as stated"
    assert bought["returns"][0]["gross_saving_usd_per_month"] > 6e4 - 1e3


@pytest.mark.parametrize(
    ("flags", "suits", "missing"),
    [
        (["--task", "json extraction", "--inputs-known"], True, 0),
        (["--task", "JSON extraction"], False, 1),
        (["--task", "json extraction", "--no-output-constrained"], False, 2),
        (["--task-defined", "--output-constrained", "--inputs-known"], True, 0),
        (["--task", "general chat", "--inputs-known"], False, 2),
    ],
)
def test_suitability(ask, flags, suits, missing):
    check = ask("distill", *flags)["suitability"]
    assert check["is_suitable"] is suits
    assert len(check["missing"]) == missing


def test_a_return_names_all_that_it_lacks_at_once(run):
    code, out, err = run("distill", "--num-samples", 10)
    assert (code, out) == (2, "")
    for flag in ("sample-input-tokens", "num-runs", "training-gpu-hours", "evaluation-usd", "tokens-per-month"):
        assert f"--{flag}" in err
    assert "--min-quality (or --use-student)" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--min-quality", "1.5", "--gpu-usd-per-hour", "0", "--task", "sql"], 2, ["=1.5", "hour=0", "sql generation"]),
        (["--student", "nme=a"], 2, ["unknown key nme", "lacks name=", "lacks tokens_per_s="]),
        (["--student", "name=a,tokens_per_s=0,quality=2"], 2, ["a: throughput_tokens_per_s=0", "a: quality_frac=2"]),
        (["--student", "name=a,tokens_per_s=1", "--student", "name=a,tokens_per_s=2"], 2, ["share a name"]),
        (["--student", "name=a,tokens_per_s=1,role=boss"], 2, ["role=boss"]),
        (["--student", "name=a,tokens_per_s=fast"], 2, ["tokens_per_s='fast' is no number"]),
        (["--student", "name=a,tokens_per_s=1", "--min-quality", "0.5"], 4, ["none has a measured quality"]),
        (["--use-student", "8b"], 2, ["'8b' is not in the table", "13b awq"]),
        (plan(min_quality=0.75, num_runs=0), 2, ["num_runs"]),
        (plan(min_quality=0.75, refresh_frac=2, tokens_per_month=-1), 2, ["refresh_frac=2", "tokens_per_month[0]=-1"]),
        (plan(min_quality=0.95), 4, ["only a teacher reaches the bar"]),
        (["--student", "name=a,tokens_per_s=1,quality=1", *plan(min_quality=0.75)], 2, ["no teacher to save from"]),
    ],
)
def test_mistakes_in_a_distillation(run, flags, code, said):
    found, out, err = run("distill", *flags)
    assert (found, out) == (code, "")
    for part in said:
        assert part in err
    assert "defect" not in err


def test_what_a_student_keeps_is_measured_from_scores(ask, run, tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("task,student_score,teacher_score\nsql,0.9,1\nsql,0.8,1\nsql,1,1\nchat,0.5,1\n")
    kept = {row["task"]: row for row in ask("distill", "--scores", path)["retention"]}
    assert kept["sql"]["kept_frac"] == pytest.approx(0.9)
    assert kept["sql"]["low_frac"] < 0.9 < kept["sql"]["high_frac"]
    assert kept["chat"]["low_frac"] is None  # one item has no interval
    assert "Quality that is kept, measured" in run("distill", "--scores", path)[1]
    path.write_text("task,student_score,teacher_score\nsql,90,100\n")
    code, _, err = run("distill", "--scores", path)
    assert code == 2
    assert "0 to 1" in err


def test_whole_accelerators_save_nothing_where_one_carries_the_teacher(ask, run):
    flags = plan(min_quality=0.75, retraining_months=6, tokens_per_month=1e9)
    [small] = ask("distill", *flags)["plan"]["returns"]
    assert small["whole_net_usd_per_month"] == pytest.approx(-small["upkeep_usd_per_month"])
    assert "saves nothing" in run("distill", *flags)[1]
    [large] = ask("distill", *plan(min_quality=0.75, tokens_per_month=3e10))["plan"]["returns"]
    # 3e10 tokens a month: 5 teachers at 2,800 tokens/s, 1 student at 14,500
    assert large["whole_net_usd_per_month"] == pytest.approx(4 * 2.49 * 730)

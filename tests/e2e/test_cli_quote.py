"""`tok quote` and `tok fit` as a user runs them: answers, echoes, and every kind of mistake."""

import math

import pytest

COLUMNS = 120

CHAT = ("--preset", "chat", "--rps", "3")
ONE = ("quote", "llama-3.1-8b", "--gpu", "h100-sxm", "--rps", "3", "--in", "1500", "--out", "300")


def test_document_holds_what_the_issue_promises(ask):
    answer = ask(*ONE, "--slo", "ttft_p95=1s,itl_p95=50ms")
    assert {"schema", "kind", "scenario", "catalog_digest", "options"} <= set(answer)
    assert answer["kind"] == "quote"
    keys = {
        "name", "kind", "usd_per_mtok", "usd_per_month", "num_gpus", "num_replicas", "utilisation_frac", "ttft_p95_s",
        "itl_p95_s", "meets_slo", "binds", "price_as_of",
    }  # fmt: skip
    for option in answer["options"]:
        assert keys <= set(option)
        assert option["kind"] in ("self_host", "api")
        for part in ("input", "output", "blended"):
            assert set(option["usd_per_mtok"][part]) == {"allocation", "usage"}


def test_real_trace_is_answered(ask, shared_dir):
    trace = shared_dir / "data" / "traces" / "trace_azure2023_conv.parquet"
    answer = ask("quote", "llama-3.3-70b", "--trace", str(trace), "--slo", "ttft_p95=1s,itl_p95=50ms")
    assert answer["traffic"]["requests_per_s"] == pytest.approx(5.53, abs=0.005)
    assert answer["traffic"]["peak_requests_per_s"] == pytest.approx(8.45, abs=0.01)
    best = answer["options"][0]
    assert best["meets_slo"] in (True, None)
    assert any(option["kind"] == "api" for option in answer["options"])
    assert len(answer["options"]) > 50


def test_asking_the_echo_gives_the_same_bytes(run, tmp_path):
    first = tmp_path / "answer.json"
    assert run(*ONE, "-o", str(first))[0] == 0
    second = tmp_path / "again.json"
    code, _, err = run("quote", "--scenario", str(first), "-o", str(second))
    assert code == 0, err
    assert first.read_bytes() == second.read_bytes()


def test_options_are_ranked_by_slo_then_cost(ask):
    options = ask("quote", "llama-3.3-70b", *CHAT, "--slo", "ttft_p95=1s,itl_p95=30ms")["options"]
    ranks = [(option["meets_slo"] is False, option["usd_per_month"]) for option in options]
    assert ranks == sorted(ranks)
    assert any(option["meets_slo"] is False for option in options)
    assert all(option["fails"] for option in options if option["meets_slo"] is False)


def test_table_shows_answer_curve_and_freshness(run):
    code, out, _ = run("quote", "llama-3.3-70b", *CHAT)
    assert code == 0
    assert "CHEAPEST" in out
    assert "Cost against load" in out
    assert "your load" in out
    assert "prices as of" in out


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal(run, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = run("quote", "llama-3.3-70b", *CHAT)
    too_wide = [line for line in out.splitlines() if len(line) > width]
    assert not too_wide


@pytest.mark.parametrize("number", ["usd_per_month", "usd_per_mtok.output.usage", "num_replicas", "ttft_p95_s"])
def test_every_number_can_be_explained(run, number):
    code, out, err = run(*ONE, "--explain", number)
    assert code == 0, err
    assert number in out
    assert "source" in out


def test_explained_terms_rebuild_the_number(ask):
    best = next(option for option in ask(*ONE)["options"] if option["kind"] == "self_host")
    answer = ask(*ONE, "--explain", "--option", best["name"])
    explained = {one["number"]: one for one in answer["explanations"]}
    for part in ("input", "output", "blended"):
        for basis in ("allocation", "usage"):
            assert explained[f"usd_per_mtok.{part}.{basis}"]["value"] == best["usd_per_mtok"][part][basis]
    terms = {term["name"]: term["value"] for term in explained["usd_per_mtok.blended.usage"]["terms"]}
    rebuilt = terms["month"] * terms["used GPUs"] / terms["billed GPUs"] * terms["utilisation"]
    rebuilt *= 1e6 / (terms["input"] + terms["output"])
    assert rebuilt == pytest.approx(best["usd_per_mtok"]["blended"]["usage"])
    rates = {term["name"]: term["value"] for term in explained["num_replicas"]["terms"]}
    assert math.ceil(rates["peak rate"] / rates["capacity"]) == best["num_replicas"]
    month = {term["name"]: term["value"] for term in explained["usd_per_month"]["terms"]}
    assert month["boxes"] * month["price"] * month["hours"] == pytest.approx(best["usd_per_month"])


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("quote", "llama-3.3-70bb", *CHAT), 2, ["unknown model", "llama-3.3-70b"]),
        (("quote", "llama-3.3-70b", *CHAT, "--gpu", "h10"), 2, ["unknown gpu", "h100"]),
        (("quote", "llama-3.3-70b", *CHAT, "--api", "openai/gpt-4oo"), 2, ["gpt-4o"]),
        (("quote", "llama-3.3-70b", *CHAT, "--precision", "int4-awk"), 2, ["int4-awq"]),
        (("quote", "llama-3.3-70b", *CHAT, "--engine", "vlm"), 2, ["vllm"]),
        (("quote", "llama-3.3-70b", *CHAT, "--explain", "cost"), 2, ["usd_per_m"]),
        (("quote", "llama-3.3-70b", "--rps", "0", "--in", "10", "--out", "10"), 2, ["requests_per_s"]),
        (("quote", "llama-3.3-70b", "--rps", "-1", "--in", "nan", "--out", "0"), 2, ["requests_per_s", "input_tokens", "output_tokens"]),
        (("quote", "llama-3.3-70b", "--rps", "1", "--in", "1e12", "--out", "1"), 2, ["input_tokens"]),
        (("quote", "llama-3.3-70b", "--rps", "inf", "--in", "10", "--out", "1"), 2, ["requests_per_s"]),
        (("quote", "llama-3.3-70b", *CHAT, "--slo", "ttft=1s"), 2, ["percentile"]),
        (("quote", "llama-3.3-70b", "--trace", "no-such-file.csv"), 2, ["no-such-file.csv"]),
        (("quote", "llama-3.3-70b"), 2, ["traffic"]),
        (("quote", *CHAT), 2, ["models"]),
        (("quote", "deepseek-v3", *CHAT, "--gpu", "rtx4090", "--num-gpus", "1", "--precision", "fp8"), 4, ["does not fit", "usable=21.6 GB"]),
        (("fit", "llama-3.3-70b", "rtx4090", "--num-gpus", "2"), 4, ["does not fit", "at least 8 GPUs"]),
        (("fit", "llama-3.3-70b", "h100"), 2, ["h100-sxm"]),
        (("fit",), 2, ["name one model"]),
        (("fit", "llama-3.1-8b", "h100-nvl", "--ctx", "0"), 2, ["ctx"]),
    ],
)  # fmt: skip
def test_mistakes_get_a_sentence_and_the_right_code(run, args, code, words):
    found, out, err = run(*args)
    assert found == code, err
    assert out == ""
    assert "Traceback" not in err
    assert all(line.startswith("tok: ") for line in err.splitlines())
    for word in words:
        assert word in err


def test_unpriced_is_a_word_and_strict_makes_it_an_error(run, ask):
    args = ("quote", "llama-3.1-8b", *CHAT, "--gpu", "h20")
    hosted = [option for option in ask(*args)["options"] if option["kind"] == "self_host"]
    assert hosted
    assert all(option["usd_per_month"] is None and option["price_status"] == "unpriced" for option in hosted)
    assert "unpriced" in run(*args, "--top", "200")[1]
    code, _, err = run(*args, "--strict")
    assert code == 5
    assert "unpriced" in err


def test_strict_refuses_a_stale_price(run):
    old = ("quote", "llama-3.3-70b", *CHAT, "--gpu", "h100-sxm", "--today", "2027-11-23")
    code, _, err = run(*old, "--strict")
    assert code == 5
    assert "stale" in err
    assert "†" in run(*old)[1]


def test_api_only_model_needs_no_gpu(ask):
    answer = ask("quote", "openai/gpt-4o", "--rps", "1", "--in", "1000", "--out", "1000")
    (option,) = answer["options"]
    assert option["kind"] == "api"
    assert option["usd_per_mtok"]["blended"]["allocation"] == pytest.approx(6.25)


def test_owned_hardware_competes(ask):
    options = ask(*ONE, "--owned", "gpu=h100-sxm,purchase_usd=30000,electricity_usd_per_kwh=0.1,horizon_years=3")[
        "options"
    ]
    owned = next(option for option in options if option["provider"] == "owned")
    assert owned["usd_per_month"] == pytest.approx(36_839.6 / 26_280 * 730, rel=1e-4)


def test_override_beats_the_catalogue(ask, tmp_path):
    prices = tmp_path / "prices.csv"
    own = "provider,instance,accelerator_id,num_gpus,on_demand_usd_per_hour,as_of,source\n"
    prices.write_text(own + "mine,contract,h100-sxm,1,0.4,2026-11-01,my contract\n")
    best = ask(*ONE, "--price-overrides", str(prices))["options"][0]
    assert (best["provider"], best["usd_per_month"]) == ("mine", 292.0)


def test_article_snapshot_prices_the_past(ask):
    answer = ask(*ONE, "--snapshot", "2025-03-31")
    assert answer["catalog_snapshot"].startswith("2025-03-31")
    providers = {option["provider"] for option in answer["options"] if option["kind"] == "self_host"}
    assert "coreweave" in providers


def test_waiting_users_ask_slower_than_tireless_ones(ask):
    waiting = ask("quote", "llama-3.1-8b", "--users", "100", "--think-time", "10", "--in", "500", "--out", "300")
    assert 100 / 40 < waiting["traffic"]["requests_per_s"] < 100 / 10


def test_volume_and_rate_agree(ask):
    month = 3.0 * 730 * 3600 * 1800
    by_volume = ask(
        "quote", "llama-3.1-8b", "--gpu", "h100-sxm", "--tokens-per-month", str(month), "--in", "1500", "--out", "300"
    )
    by_rate = ask(*ONE)
    assert by_volume["options"][0]["usd_per_month"] == by_rate["options"][0]["usd_per_month"]


def test_fit_lists_and_draws(run, ask):
    assert ask("fit", "llama-3.3-70b", "h100-sxm")["fits"][0]["num_gpus"] == 4
    code, out, _ = run("fit", "llama-3.3-70b", "h200-sxm", "--precision", "fp8", "--ctx", "4096")
    assert code == 0
    assert "weights" in out
    listed = ask("fit", "deepseek-v3")
    assert all(one["fits"] for one in listed["fits"])
    assert listed["left_out"]


def test_csv_and_markdown_carry_the_table(run):
    _, csv_text, _ = run(*ONE, "-f", "csv")
    assert csv_text.splitlines()[0].startswith("name,")
    _, md_text, _ = run(*ONE, "-f", "md")
    assert "| option |" in md_text

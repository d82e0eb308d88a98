"""`tok hybrid` as a user runs it: the article's load set right, real demand, the rule of thumb, and mistakes."""

import pytest

COMMAND = ("hybrid",)

# The article's own slip: one accelerator for 13 M tokens a day.
SLIP = ("--tokens-per-s", str(13e6 / 86400))
NO_OPS = ("--ops-usd-per-month", "0")


def test_the_articles_load_belongs_to_the_api(ask):
    answer = ask()
    assert answer["pure_api"]["total_usd_per_month"] == pytest.approx(2812.5)
    assert answer["best"]["name"] == "api"
    assert answer["pure_self_host"]["num_replicas"] == 1
    assert answer["load"]["peak_tokens_per_s"] / 1500 == pytest.approx(0.31, abs=0.005)


def test_the_articles_hybrid_under_its_own_slip(ask):
    # At 4.44 h of peak one accelerator of 13 M lets the article's 5 M a day overflow.
    flags = (*SLIP, *NO_OPS, "--peak-hours", str(24 * 5 / 27))
    answer = ask(*flags)
    assert answer["best"]["num_replicas"] == 1
    assert answer["best"]["overflow_tokens_per_day"] == pytest.approx(5e6)
    assert answer["best"]["total_usd_per_month"] == pytest.approx(2737.5)
    assert answer["pure_self_host"]["total_usd_per_month"] == pytest.approx(7200)
    assert answer["saving_vs_self_host_frac"] == pytest.approx(0.62, abs=0.005)
    assert answer["saving_vs_api_frac"] < 0.1


def test_operations_turn_it_round(ask):
    answer = ask(*SLIP)
    one = next(split for split in answer["splits"] if split["num_replicas"] == 1)
    assert one["total_usd_per_month"] > 2.6 * answer["pure_api"]["total_usd_per_month"]
    assert answer["best"]["name"] == "api"


def test_the_best_split_is_the_least_of_all(ask):
    answer = ask("--steady-tokens-per-day", "200e6", "--peak-tokens-per-day", "2000e6", "--peak-hours", "3")
    least = min(split["total_usd_per_month"] for split in answer["splits"])
    assert answer["best"]["total_usd_per_month"] == least
    assert least <= answer["pure_api"]["total_usd_per_month"]
    assert least <= answer["pure_self_host"]["total_usd_per_month"]
    assert answer["rule"]["regret_usd_per_month"] >= 0


def test_real_demand_as_the_page_tells_it(ask, shared_dir):
    trace = str(shared_dir / "data" / "traces" / "servegen_language_m_large_demand_10min.parquet")
    api = ("--api-input-usd-per-mtok", "0.15", "--api-output-usd-per-mtok", "0.6", "--input-frac", "0.85")
    answer = ask("--trace", trace, "--tokens-per-s", "12000", "--num-gpus", "2", "--usd-per-hour", "3", *api)
    assert answer["load"]["num_windows"] == 2016
    assert answer["best"]["name"] == "hybrid"
    assert answer["best"]["served_frac"] == pytest.approx(0.75, abs=0.005)
    assert answer["saving_vs_api_frac"] == pytest.approx(0.18, abs=0.005)
    assert answer["saving_vs_self_host_frac"] == pytest.approx(0.59, abs=0.005)
    assert answer["rule"]["regret_usd_per_month"] < 0.01 * answer["best"]["total_usd_per_month"]
    assert answer["pure_self_host"]["total_usd_per_month"] == pytest.approx(
        2 * answer["pure_api"]["total_usd_per_month"], rel=0.02
    )
    assert answer["peak_overflow_tokens_per_s"] > 0


def test_tokens_of_a_plain_trace_are_counted(ask, tmp_path):
    trace = tmp_path / "t.csv"
    rows = [f"{second},{100 if second < 100 else 900},100" for second in range(0, 241, 2)]
    trace.write_text("arrival_s,input_tokens,output_tokens\n" + "\n".join(rows) + "\n")
    answer = ask("--trace", str(trace), "--window-s", "60", "--tokens-per-s", "100")
    assert answer["load"]["num_windows"] == 4
    assert answer["load"]["peak_tokens_per_s"] == pytest.approx(500)
    assert answer["load"]["mean_tokens_per_s"] == pytest.approx((100 + (100 * 20 + 500 * 10) / 30 + 500 + 500) / 4)


def test_explained_terms_rebuild_the_month(ask):
    answer = ask(*SLIP, *NO_OPS, "--explain")
    terms = {term["name"]: term["value"] for term in answer["explanation"]["terms"]}
    best = answer["best"]
    price = (
        terms["input_frac"] * terms["api_input_usd_per_mtok"]
        + (1 - terms["input_frac"]) * terms["api_output_usd_per_mtok"]
    )
    overflow = best["overflow_tokens_per_day"] * terms["days_per_month"] / 1e6 * price
    assert best["num_replicas"] * terms["gpu_usd_per_month"] + overflow == pytest.approx(answer["explanation"]["value"])


def test_page_tells_quota_and_threshold(run, shared_dir):
    trace = str(shared_dir / "data" / "traces" / "servegen_language_m_large_demand_10min.parquet")
    part = ("--gpu", "h100-sxm", "--usd-per-hour", "2")  # dearer, and everything is bought: nothing overflows
    code, out, _ = run("--trace", trace, "--model", "llama-3.3-70b", *part, "--api", "openai/gpt-4o-mini")
    assert code == 0
    text = " ".join(out.split())
    for words in (
        "tokens a minute, 80 % between",
        "; ask for that quota",
        "A REPLICA PAYS",
        "Load-duration curve",
        "Cost of every split",
        "best split",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--peak-hours", "30"), 2, ["a day has 24"]),
        (("--steady-tokens-per-day", "9e7"), 2, ["below steady_tokens_per_day"]),
        (("--served-frac", "2", "--tokens-per-s", "0"), 2, ["served_frac=2", "replica_tokens_per_s=0"]),
        (("--trace", "nowhere.csv"), 2, ["nowhere.csv"]),
        (("--trace", "nowhere.csv", "--peak-hours", "3"), 2, ["keep one"]),
        (("--peak-tokens-per-day", "nan"), 2, ["finite"]),
        (("--api", "openai/gpt-4oo"), 2, ["gpt-4o"]),
    ],
)
def test_mistakes_get_a_sentence_and_the_right_code(run, args, code, words):
    found, out, err = run(*args)
    assert found == code, err
    assert out == ""
    for word in words:
        assert word in err


def test_a_trace_too_short_for_two_windows_is_refused(run, tmp_path):
    trace = tmp_path / "t.csv"
    trace.write_text("arrival_s,input_tokens,output_tokens\n0,10,10\n5,10,10\n")
    code, _, err = run("--trace", str(trace))
    assert code == 2
    assert "spans no two windows" in err

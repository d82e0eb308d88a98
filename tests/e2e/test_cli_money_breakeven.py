"""`tok breakeven` as a user runs it: the article's case set right, real prices, rules, hidden costs and mistakes."""

import pytest

COMMAND = ("breakeven",)

ARTICLE_VOLUMES = tuple(word for volume in ("1e5", "1e6", "5e6", "1e7", "5e7") for word in ("--tokens-per-day", volume))
MODEL = ("--model", "llama-3.3-70b", "--gpu", "h100-sxm", "--provider", "lambda", "--in", "1000", "--out", "1000")


def mtok(point) -> float:
    return point["volume_tokens_per_day"] / 1e6


def test_the_articles_case_set_right(ask):
    answer = ask()
    assert mtok(answer["break_even"]) == pytest.approx(36.27, abs=0.01)
    assert answer["break_even"]["total_usd_per_month"] == pytest.approx(6800)
    assert mtok(answer["break_even_pay_per_use"]) == pytest.approx(28.1, abs=0.05)
    assert mtok(answer["break_even_with_hidden_costs"]) == pytest.approx(39.7, abs=0.05)
    assert answer["self_host_full_usd_per_mtok"] == pytest.approx(0.318, abs=5e-4)
    assert answer["api_usd_per_mtok"] == 6.25


@pytest.mark.parametrize(
    ("flags", "expected_mtok"),
    [
        (["--tokens-per-s", "1500"], 36.3),
        (["--tokens-per-s", "1500", "--ops-usd-per-month", "20000"], 116.3),
        (["--tokens-per-s", "1500", "--spares", "1"], 45.9),
        (["--usd-per-hour", "3.29", "--days-per-month", "30.4166667"], 38.9),
        (["--tokens-per-s", "1500", "--api-input-usd-per-mtok", "0.59", "--api-output-usd-per-mtok", "0.79"], 763),
        (["--tokens-per-s", "115.74", "--input-frac", "0.5"], 670),
    ],
)
def test_the_other_figures_of_the_audit(ask, flags, expected_mtok):
    assert mtok(ask(*flags)["break_even"]) == pytest.approx(expected_mtok, rel=2e-3)


def test_the_table_of_volumes(ask):
    rows = {round(row["volume_tokens_per_day"]): row for row in ask(*ARTICLE_VOLUMES)["volumes"]}
    assert rows[5_000_000]["buy_usd_per_month"] == pytest.approx(937.5)
    assert rows[5_000_000]["winner"] == rows[10_000_000]["winner"] == "API"
    assert rows[50_000_000]["saving_usd_per_month"] == pytest.approx(2575)
    assert rows[50_000_000]["winner"] == "self-host"
    assert len(rows) == 6  # five that were asked, and the break-even itself


def test_substituting_the_break_even_gives_equal_costs(ask):
    answer = ask(*MODEL, "--api", "openai/gpt-4o", "--api", "groq/llama-3.3-70b-versatile")
    for point in (answer["break_even"], answer["rivals"][0]):
        volume = point["volume_tokens_per_day"]
        row = next(r for r in ask(*MODEL, "--api", point["buy"], "--tokens-per-day", str(volume))["volumes"])
        assert row["build_usd_per_month"] == pytest.approx(row["buy_usd_per_month"])


def test_never_against_a_budget_api(ask, run):
    flags = ("--usd-per-hour", "2.49", "--tokens-per-s", "1500", "--api", "openai/gpt-4o-mini")
    answer = ask(*flags)
    assert answer["break_even"]["volume_tokens_per_day"] is None
    assert "never" in answer["break_even"]["reason"]
    assert [band["name"] for band in answer["bands"]] == ["openai/gpt-4o-mini"]
    code, out, _ = run(*flags)
    assert code == 0
    assert "never: a full replica" in out


def test_bands_are_derived_and_meet_the_crossings(ask):
    answer = ask(*MODEL, "--api", "groq/llama-3.3-70b-versatile")
    ends = [band["high_tokens_per_day"] for band in answer["bands"]]
    assert any(end == pytest.approx(answer["break_even"]["volume_tokens_per_day"]) for end in ends)
    assert any(end == pytest.approx(answer["break_even"]["secure_tokens_per_day"]) for end in ends)
    lows = [band["low_tokens_per_day"] for band in answer["bands"]]
    assert lows == [0.0, *ends[:-1]]


def test_inputs_name_their_source(ask):
    inputs = ask(*MODEL, "--api", "openai/gpt-4o", "--ops-usd-per-month", "7000")["inputs"]
    assert inputs["ops_usd_per_month"]["source"] == "as stated"
    assert inputs["gpu_usd_per_hour"]["status"] == "list"
    assert "lambda" in inputs["gpu_usd_per_hour"]["source"]
    assert "as of 20" in inputs["api_input_usd_per_mtok"]["source"]
    assert inputs["replica_tokens_per_s"]["status"] == "modelled"
    assert all(term["unit"] or name.startswith("num_") for name, term in inputs.items())


def test_explained_terms_rebuild_the_break_even(ask):
    told = ask("--explain")["explanation"]
    terms = {term["name"]: term["value"] for term in told["terms"]}
    price = terms["input_frac"] * terms["api_input_usd_per_mtok"]
    price += (1 - terms["input_frac"]) * terms["api_output_usd_per_mtok"]
    month = terms["gpu_usd_per_month"] + terms["ops_usd_per_month"]
    assert month / price / terms["days_per_month"] * 1e6 == pytest.approx(told["value"])


def test_own_price_stands_over_the_catalogue(ask):
    inputs = ask(*MODEL, "--usd-per-hour", "1.5", "--api", "openai/gpt-4o")["inputs"]
    assert inputs["gpu_usd_per_hour"] == {
        "name": "gpu_usd_per_hour", "value": 1.5, "unit": "USD/h", "status": "assumed", "source": "as stated",
    }  # fmt: skip


def test_an_eight_gpu_box_is_one_step(ask):
    inputs = ask("--gpu", "h100-sxm", "--provider", "coreweave", "--num-gpus", "2", "--api", "openai/gpt-4o")["inputs"]
    assert inputs["num_step_gpus"]["value"] == 8
    assert inputs["num_step_replicas"]["value"] == 4


def test_a_trace_gives_volume_mix_and_peak(ask, shared_dir):
    trace = str(shared_dir / "data" / "traces" / "trace_azure2023_conv.parquet")
    answer = ask("--trace", trace)
    assert answer["inputs"]["input_frac"]["status"] == "measured"
    assert answer["inputs"]["peak_ratio"]["value"] == pytest.approx(1.53, abs=0.01)
    assert len(answer["volumes"]) == 2


class TestHidden:
    def test_a_line_without_a_figure_is_unpriced_not_zero(self, ask, run):
        hidden = ask()["hidden_costs"]
        assert hidden["unpriced"] == ["monitoring", "scaling", "model updates", "availability", "redundancy"]
        assert "unpriced" in run()[1]

    def test_a_stated_line_is_added(self, ask):
        base, more = (
            ask(),
            ask("--hidden-cost", "name=monitoring,event_engineer_hours=10", "--engineer-usd-per-hour", "100"),
        )
        line = next(line for line in more["hidden_costs"]["lines"] if line["name"] == "monitoring")
        assert line["recurring_usd_per_month"] == 1000
        assert (
            more["break_even_with_hidden_costs"]["total_usd_per_month"]
            > base["break_even_with_hidden_costs"]["total_usd_per_month"]
        )
        assert more["break_even"] == base["break_even"]

    def test_a_new_line_may_have_any_name(self, ask):
        lines = ask("--hidden-cost", "name=audit,event_usd=24000,interval_months=12")["hidden_costs"]["lines"]
        assert next(line for line in lines if line["name"] == "audit")["recurring_usd_per_month"] == 2000


class TestRules:
    def test_several_models_need_several_deployments(self, ask):
        (rule,) = ask("--num-models", "5", "--tokens-per-day", "40e6")["rules"]
        assert rule["self_host_usd_per_month"] == 5 * 1800 + 5000
        assert rule["api_wins"] is True

    def test_a_burst_is_sized_in_whole_replicas(self, ask):
        answer = ask("--burst-ratio", "10", "--burst-hours", "2", "--tokens-per-day", "100e6")
        assert answer["burst"]["idle_capacity_frac"] == pytest.approx(0.825)
        assert answer["burst"]["off_peak_hours_frac"] == pytest.approx(22 / 24)
        (rule,) = answer["rules"]
        assert (rule["self_host_usd_per_month"] - 5000) % 1800 == 0

    def test_trying_candidates(self, ask):
        flags = (
            "--num-candidates",
            "4",
            "--trial-hours",
            "100",
            "--trial-tokens",
            "2e6",
            "--setup-usd-per-candidate",
            "500",
        )
        (rule,) = ask(*flags)["rules"]
        assert rule["self_host_usd_per_month"] == pytest.approx(4 * (100 * 1800 / 720 + 500))
        assert rule["api_usd_per_month"] == pytest.approx(4 * 2 * 6.25)

    def test_an_api_that_lacks_the_certificate_cannot_win(self, ask):
        (rule,) = ask("--need", "soc2,hipaa", "--api-covers", "soc2", "--compliance-usd-per-month", "4000")["rules"]
        assert rule["api_wins"] is False
        assert "hipaa" in rule["reason"]


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--model", "llama-3.3-70b", "--input-frac", "2", "--usd-per-hour", "-3", "--num-candidates", "2"), 2,
         ["--gpu", "lengths", "input_frac=2", "gpu_usd_per_hour=-3", "trial_hours", "trial_tokens"]),
        (("--ops-usd-per-month", "nan"), 2, ["ops_usd_per_month=nan"]),
        (("--tokens-per-day", "0"), 2, ["tokens_per_day"]),
        (("--tokens-per-day", "inf"), 2, ["finite"]),
        (("--api", "openai/gpt-4oo"), 2, ["gpt-4o"]),
        (("--gpu", "h10"), 2, ["h100-sxm"]),
        (("--gpu", "h100-sxm", "--provider", "nobody"), 2, ["nobody", "lambda"]),
        (("--gpu", "h100-sxm", "--provider", "lambda", "--purchase", "spot"), 5, ["no spot price"]),
        (("--gpu", "h20"), 5, ["h20", "--usd-per-hour"]),
        (("--api", "openai/gpt-4o", "--api-input-usd-per-mtok", "1"), 2, ["keep one"]),
        (("--hidden-cost", "event_usd=3"), 2, ["name="]),
        (("--hidden-cost", "name=x,colour=3,event_usd=many"), 2, ["colour", "many"]),
        (("--hidden-cost", "name"), 2, ["KEY=VALUE"]),
        (("--need", "soc2"), 2, ["compliance_usd_per_month"]),
        (("--burst-ratio", "10"), 2, ["burst_hours"]),
        (("--trace", "nowhere.csv"), 2, ["nowhere.csv"]),
        (("--model", "deepseek-v3", "--gpu", "rtx4090", "--num-gpus", "1", "--precision", "fp8", "--in", "10", "--out", "10"), 4, ["does not fit"]),
        (("--swing", "3"), 2, ["swing_frac"]),
        ((*MODEL, "--tokens-per-s", "90000"), 2, ["above the roofline", "limit=7,5"]),
        ((*MODEL, "--decode-tokens-per-s", "12800"), 2, ["above the roofline"]),
    ],
)  # fmt: skip
def test_mistakes_get_a_sentence_and_the_right_code(run, args, code, words):
    found, out, err = run(*args)
    assert found == code, err
    assert out == ""
    assert all(line.startswith("tok: ") for line in err.splitlines())
    for word in words:
        assert word in err


def test_a_model_needs_an_slo_that_can_be_met(run):
    code, _, err = run(*MODEL, "--slo", "itl_p95=1ms", "--api", "openai/gpt-4o")
    assert code == 4
    assert "loosen the SLO" in err
    assert run(*MODEL, "--slo", "itl_p95=60ms", "--api", "openai/gpt-4o")[0] == 0


def test_a_price_that_never_crosses_has_no_finite_swing(ask):
    bars = ask("--tokens-per-s", "1500", "--api-input-usd-per-mtok", "0.35", "--api-output-usd-per-mtok", "0.75")[
        "tornado"
    ]
    assert any(bar["swing_ratio"] is None and None in bar["outcomes_tokens_per_day"] for bar in bars)


def test_a_stated_rate_below_the_roofline_stands_over_the_model(ask):
    inputs = ask(*MODEL, "--tokens-per-s", "3000")["inputs"]
    assert inputs["replica_tokens_per_s"] == {
        "name": "replica_tokens_per_s", "value": 3000.0, "unit": "tokens/s", "status": "assumed", "source": "as stated",
    }  # fmt: skip
    assert inputs["num_step_gpus"]["value"] == 2

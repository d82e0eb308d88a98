"""`tok prompt` and `tok forecast` as a user runs them: the article's figures set right, real prices, and mistakes."""

import csv
import io

import pytest

LOAD = ("--requests-per-day", "1e6", "--days-per-month", "30")


def shown(part, *names):
    return tuple(part[name] for name in names)


class TestPrompt:
    def test_the_articles_growth_costs_22950_and_not_22500(self, ask):
        answer = ask("prompt", "--before", "500", "--after", "5000", *LOAD)
        assert answer["added_usd_per_month"] == pytest.approx(22_950)
        assert answer["growth"]["growth_ratio"] == 10
        assert answer["growth"]["is_alarming"] is True
        assert answer["growth"]["growth_tokens_per_month"] is None  # two versions without dates have no pace
        assert answer["growth"]["added"]["prompt_usd_per_month"] == pytest.approx(22_950)

    def test_the_same_growth_at_gpt_4o(self, ask):
        answer = ask("prompt", "--before", "500", "--after", "5000", "--api", "openai/gpt-4o", *LOAD)
        assert answer["added_usd_per_month"] == pytest.approx(337_500)
        assert answer["inputs"]["input_usd_per_mtok"]["status"] == "list"

    def test_the_same_growth_behind_a_prefix_cache(self, ask):
        answer = ask("prompt", "--before", "500", "--after", "5000", "--hit-frac", "1", *LOAD)
        assert answer["added_usd_per_month"] == 0
        assert answer["inputs"]["cached_usd_per_mtok"]["value"] == 0

    def test_a_prompt_that_shrank_saves(self, ask, run):
        answer = ask("prompt", "--before", "5000", "--after", "500", *LOAD)
        assert answer["added_usd_per_month"] == pytest.approx(-22_950)
        assert answer["growth"]["is_alarming"] is False
        assert "ALARM" not in run("prompt", "--before", "5000", "--after", "500", *LOAD)[1]

    def test_dated_versions_have_a_pace_and_any_order(self, ask):
        versions = ("--version", "2026-07-01=3000", "--version", "2026-01-01=1000", "--version", "2026-04-01=1500")
        answer = ask("prompt", *versions, *LOAD)
        assert [one["prompt_tokens"] for one in answer["versions"]] == [1000, 1500, 3000]
        assert answer["prompt"]["prompt_tokens"] == 3000
        assert answer["growth"]["growth_tokens_per_month"] == pytest.approx(2000 / (181 * 24 / 730))

    def test_a_long_prompt_is_not_negligible(self, ask):
        versus = ask("prompt", "--tokens", "10000", "--out", "500", *LOAD)["versus"]
        assert versus["prompt_over_output_ratio"] == pytest.approx(4.93, abs=0.005)
        assert versus["equal_prompt_tokens"] == pytest.approx(2029, abs=1)

    def test_examples_must_save_493_tokens(self, ask):
        flags = ("prompt", "--tokens", "100", "--num-examples", "10", "--example-tokens", "200", *LOAD)
        need = ask(*flags, "--saved-output-tokens", "400")["examples"]
        assert need["break_even_saved_tokens"] == pytest.approx(492.75, abs=0.01)
        assert need["pays"] is False
        assert ask(*flags, "--saved-output-tokens", "493")["examples"]["pays"] is True
        cached = ask(*flags, "--hit-frac", "0.9")["examples"]
        assert cached["break_even_saved_tokens"] == pytest.approx(49.275, abs=0.01)

    def test_a_retry_saved_is_a_request_saved(self, ask):
        flags = ("prompt", "--tokens", "1000", "--out", "500", "--num-examples", "1", "--example-tokens", "100", *LOAD)
        answer = ask(*flags, "--retries-saved-frac", "0.5")
        assert answer["examples"]["saved_usd"] == pytest.approx(answer["request_usd"] / 2)

    def test_thinking_is_81_times_and_not_100(self, ask):
        answer = ask("prompt", "--tokens", "1000", "--thinking-tokens", "20000", "--thinking-ratio", "100", *LOAD)
        assert answer["reasoning"]["output_over_input_ratio"] == pytest.approx(81.18, abs=0.005)
        assert answer["equal_input_tokens"] == pytest.approx(812, abs=0.5)
        assert answer["useful"] is None  # nothing reached the user

    def test_useful_tokens_bear_the_thinking(self, ask):
        useful = ask("prompt", "--tokens", "1", "--thinking-tokens", "1500", "--out", "500", *LOAD)["useful"]
        assert useful["useful_usd_per_useful_mtok"] == pytest.approx(4 * 0.69)
        assert useful["lines"][0]["usd_frac"] == pytest.approx(0.75)

    @pytest.mark.parametrize(
        ("inputs", "outputs", "share"),
        [(100, 50, 1 / 3), (5000, 500, 5 / 7), (2000, 2000, 0.2), (1000, 20_000, 1 / 81)],
    )
    def test_shares_at_a_ratio_of_four(self, ask, inputs, outputs, share):
        prices = ("--input-usd-per-mtok", "1", "--output-usd-per-mtok", "4")
        answer = ask("prompt", "--tokens", str(inputs), "--out", str(outputs), *prices, *LOAD)
        assert answer["share"]["input_frac"] == pytest.approx(share)

    def test_a_shorter_answer(self, ask):
        flags = ("--input-usd-per-mtok", "2.5", "--output-usd-per-mtok", "10", "--requests-per-day", "1e6")
        answer = ask("prompt", "--tokens", "10", "--out", "400", "--kept-frac", "0.75", "--days-per-month", "1", *flags)
        assert answer["output_saving_usd_per_month"] == pytest.approx(1000)

    def test_parts_add_up_to_the_request(self, ask):
        flags = ("--user-tokens", "300", "--out", "200", "--thinking-tokens", "50", "--hit-frac", "0.5")
        answer = ask("prompt", "--tokens", "1000", "--api", "openai/gpt-4o", *flags, *LOAD)
        assert sum(part["usd"] for part in answer["parts"]) == pytest.approx(answer["request_usd"])
        assert answer["request_usd"] == pytest.approx((1000 * (1.25 + 2.5) / 2 + 300 * 2.5 + 250 * 10) / 1e6)
        assert answer["request_usd_per_month"] == pytest.approx(answer["request_usd"] * 30e6)

    def test_an_own_accelerator(self, ask):
        rates = ("--prefill-tokens-per-s", "4000", "--decode-tokens-per-s", "1000")
        answer = ask("prompt", "--tokens", "10000", "--out", "500", "--usd-per-hour", "2.49", *rates, *LOAD)
        assert answer["inputs"]["input_usd_per_mtok"]["value"] == pytest.approx(0.1729, abs=5e-5)
        assert answer["inputs"]["output_usd_per_mtok"]["value"] == pytest.approx(0.6917, abs=5e-5)
        listed = ask("prompt", "--tokens", "10", "--gpu", "h100-sxm", "--provider", "lambda", *rates, *LOAD)
        assert listed["inputs"]["gpu_usd_per_hour"]["status"] == "list"

    def test_what_misses_a_billed_cache_is_written(self, ask):
        flags = ("--api", "anthropic/claude-sonnet-4-6", "--hit-frac", "0.9")
        answer = ask("prompt", "--tokens", "1000", *flags, *LOAD)
        assert answer["prompt"]["effective_usd_per_mtok"] == pytest.approx(0.1 * 3.75 + 0.9 * 0.3)

    def test_a_long_prompt_moves_to_the_price_tier_of_its_size(self, ask, run):
        flags = ("--before", "1000", "--after", "300000", "--api", "google/gemini-2.5-pro", *LOAD)
        before, after = ask("prompt", *flags)["versions"]
        assert after["effective_usd_per_mtok"] == 2 * before["effective_usd_per_mtok"]
        assert "different price tiers" in run("prompt", *flags)[1]

    def test_explained_terms_rebuild_the_cost(self, ask):
        flags = ("--api", "openai/gpt-4o", "--hit-frac", "0.4")
        told = ask("prompt", "--tokens", "1234", *flags, *LOAD)["explanation"]
        term = {one["name"]: one["value"] for one in told["terms"]}
        price = (1 - term["hit_frac"]) * term["input_usd_per_mtok"] + term["hit_frac"] * term["cached_usd_per_mtok"]
        month = term["prompt_tokens"] / 1e6 * price * term["requests_per_day"] * term["days_per_month"]
        assert month == pytest.approx(told["value"])


class TestPromptFile:
    def test_a_file_is_estimated_and_says_so(self, ask, run, tmp_path):
        path = tmp_path / "p.txt"
        path.write_text("ü" * 4000, encoding="utf-8")
        answer = ask("prompt", "--file", str(path), *LOAD)
        assert shown(answer["versions"][0], "prompt_tokens", "is_estimated", "num_chars") == (1000, True, 4000)
        assert answer["inputs"]["prompt_tokens"]["status"] == "estimated"
        assert "estimated from 4,000 characters" in run("prompt", "--file", str(path), *LOAD)[1]
        other = ask("prompt", "--file", str(path), "--chars-per-token", "2", *LOAD)
        assert other["prompt"]["prompt_tokens"] == 2000

    def test_versions_may_be_files(self, ask, tmp_path):
        old, new = tmp_path / "old", tmp_path / "new"
        old.write_text("a" * 400)
        new.write_text("a" * 1200)
        assert ask("prompt", "--before", str(old), "--after", str(new), *LOAD)["growth"]["growth_ratio"] == 3

    @pytest.mark.parametrize(("content", "words"), [(b"", "0 bytes"), (b"\xff\xfe\x00", "UTF-8")])
    def test_no_text_no_price(self, run, tmp_path, content, words):
        path = tmp_path / "p.txt"
        path.write_bytes(content)
        code, _, err = run("prompt", "--file", str(path), *LOAD)
        assert code == 2
        assert words in err


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ((), 2, ["no prompt", "--requests-per-day"]),
        (("--tokens", "nan", "--hit-frac", "3", "--file", "nofile", "--before", "1"), 2,
         ["tokens of prompt=nan", "hit_frac=3", "nofile", "belong together", "keep one", "--requests-per-day"]),
        (("--tokens", "0", *LOAD), 2, ["must be above 0"]),
        (("--tokens", "inf", *LOAD), 2, ["finite"]),
        (("--version", "soon=3", "--version", "2026-01-01=2", *LOAD), 2, ["soon=3"]),
        (("--version", "2026-01-01=2", *LOAD), 2, ["at least two"]),
        (("--tokens", "5", "--api", "openai/gpt-4oo", *LOAD), 2, ["gpt-4o"]),
        (("--tokens", "5", "--api", "openai/gpt-4o", "--usd-per-hour", "2", *LOAD), 2, ["keep one", "--prefill"]),
        (("--tokens", "5", "--num-examples", "3", *LOAD), 2, ["--example-tokens"]),
        (("--tokens", "5", "--kept-frac", "0.5", *LOAD), 2, ["--output-tokens"]),
        (("--tokens", "5", "--input-usd-per-mtok", "1", "--out", "5", *LOAD), 2, ["--output-usd-per-mtok"]),
        (("--tokens", "5", "--input-usd-per-mtok", "1", "--hit-frac", "0.5", *LOAD), 2, ["cached"]),
        (("--tokens", "5", "--hit-frac", "1", "--out", "5", *LOAD), 2, ["--hit-frac below 1"]),
        (("--tokens", "5", "--api", "novita/meta-llama/llama-3.3-70b-instruct", "--hit-frac", "0.5", *LOAD), 5,
         ["no list price as cached_usd_per_mtok"]),
        (("--before", "5", "--after", "6", "--alarm-ratio", "0.5", *LOAD), 2, ["alarm_ratio"]),
        (("--tokens", "1e19", *LOAD), 2, ["at most"]),
    ],
)  # fmt: skip
def test_mistakes_about_a_prompt(run, args, code, words):
    found, out, err = run("prompt", *args)
    assert found == code, err
    assert out == ""
    assert all(line.startswith("tok: ") for line in err.splitlines())
    for word in words:
        assert word in err


def test_prompt_in_every_shape(run):
    flags = ("prompt", "--tokens", "1000", "--out", "10", *LOAD)
    rows = list(csv.DictReader(io.StringIO(run(*flags, "-f", "csv")[1])))
    assert [row["part"] for row in rows] == ["prompt", "answer", "request"]
    assert float(rows[0]["usd_per_request"]) == pytest.approx(0.00017)
    assert "| part" in run(*flags, "-f", "md")[1]
    assert "formula" not in run(*flags)[1]
    assert "price of a miss" in run(*flags, "--explain")[1]


def point_on(answer, day, which=0):
    return next(point for point in answer["forecasts"][which]["points"] if point["on"] == day)


class TestForecast:
    def test_the_articles_case(self, ask):
        answer = ask("forecast")
        decline = answer["forecasts"][0]["decline"]
        assert decline["num_points"] == 4  # 2027 is a forecast of the article, not a price
        assert decline["two_yearly_factor"] == pytest.approx(7.5, abs=0.05)
        assert decline["low_yearly_factor"] < decline["yearly_factor"] < decline["high_yearly_factor"]
        assert answer["elasticity"]["overall_exponent"] == pytest.approx(1.518, abs=5e-4)
        assert answer["elasticity"]["halving_ratio"] == pytest.approx(2.86, abs=0.005)
        assert answer["elasticity"]["spend_ratios"][-1] == pytest.approx(8.33, abs=0.005)

    def test_an_announced_rise_is_scheduled_and_no_fit(self, ask):
        answer = ask("forecast", "--api", "google/gemini-4-argon")
        assert shown(point_on(answer, "2026-11-23"), "basis", "point_usd_per_mtok") == ("listed", 6.0)
        assert shown(point_on(answer, "2026-12-01"), "basis", "point_usd_per_mtok") == ("scheduled", 12.0)
        assert answer["forecasts"][0]["points"][-1]["point_usd_per_mtok"] == 12.0
        assert answer["forecasts"][0]["decline"] is None

    def test_the_path_agrees_with_the_price_in_force(self, ask, run):
        answer = ask("forecast", "--api", "mistral/mistral-large-4", "--input-frac", "1")
        assert point_on(answer, "2026-11-23")["point_usd_per_mtok"] == pytest.approx(0.7)
        assert point_on(answer, "2026-10-20")["point_usd_per_mtok"] == pytest.approx(1.36)
        earlier = ask("forecast", "--api", "openai/o3", "--today", "2025-06-01", "--input-frac", "1")
        assert point_on(earlier, "2025-06-01")["point_usd_per_mtok"] == 10
        assert point_on(earlier, "2025-06-10")["basis"] == "scheduled"

    def test_rows_too_close_are_not_fitted(self, ask, run):
        flags = ("forecast", "--price", "2026-01-01=4", "--price", "2026-02-01=2", "--price", "2026-03-01=1")
        assert ask(*flags)["forecasts"][0]["decline"] is None
        assert "too few or too close" in run(*flags)[1]
        longer = ask(*flags, "--price", "2024-03-01=16")["forecasts"][0]
        assert longer["decline"]["num_points"] == 4
        assert longer["points"][-1]["basis"] == "fitted"

    def test_own_earlier_prices_join_an_endpoint(self, ask):
        flags = ("--price", "2024-01-01=20", "--price", "2025-01-01=12")
        answer = ask("forecast", "--api", "openai/gpt-4o", *flags)
        assert answer["forecasts"][0]["decline"]["num_points"] == 3
        assert point_on(answer, "2026-11-23")["point_usd_per_mtok"] == 6.25

    def test_a_fit_starts_from_the_last_known_price(self, ask):
        prices = [f"--price={year}-01-01={8 / 2 ** (year - 2023)}" for year in range(2023, 2027)]
        answer = ask("forecast", *prices, "--months", "12", "--step", "12")
        last = answer["forecasts"][0]["points"][-1]
        assert last["point_usd_per_mtok"] == pytest.approx(0.5, rel=2e-3)
        assert last["low_usd_per_mtok"] == pytest.approx(0.5, rel=1e-2)  # an exact decline has a narrow band

    def test_explained_terms_rebuild_the_price(self, ask):
        told = ask("forecast")["explanation"]
        term = {one["name"]: one["value"] for one in told["terms"]}
        rebuilt = term["price from 2026-01-01"] / term["yearly_factor"] ** term["span_years"]
        assert rebuilt == pytest.approx(told["value"])

    def test_spending_follows_price_and_elasticity(self, ask):
        flags = ("--price", "2026-01-01=4", "--price", "2027-01-01=2", "--volume-tokens-per-month", "1e9")
        for exponent, ratio in (("2", 2.0), ("1", 1.0), ("0", 0.5)):
            points = ask("forecast", *flags, "--elasticity-exponent", exponent)["forecasts"][0]["points"]
            assert points[0]["spend"] is None  # before today nothing is forecast
            assert points[-1]["spend"]["spend_ratio"] == pytest.approx(ratio)
            assert points[-1]["spend"]["spend_usd_per_month"] == pytest.approx(ratio * 4000)

    def test_demand_gives_the_elasticity(self, ask):
        answer = ask("forecast", "--demand", "4=1", "--demand", "2=4")
        assert answer["inputs"]["elasticity_exponent"]["value"] == pytest.approx(2)
        assert answer["inputs"]["elasticity_exponent"]["status"] == "modelled"

    def test_uses_open_as_the_price_falls(self, ask):
        prices = ("--price", "2026-01-01=20", "--price", "2027-01-01=0.5", "--price", "2028-01-01=0.005")
        points = ask("forecast", *prices, "--months", "24")["forecasts"][0]["points"]
        by_day = {point["on"]: len(point["open_uses"]) for point in points}
        assert (by_day["2026-01-01"], by_day["2027-01-01"], by_day["2028-01-01"]) == (0, 2, 4)

    def test_a_request_against_a_web_search(self, ask):
        answer = ask("forecast", "--price", "2026-01-01=2.5", "--request-tokens", "1000")
        assert answer["anchors"]["web search"] == pytest.approx(0.5)

    def test_generations_compound_with_factors(self, ask):
        flags = ("--price", "2026-01-01=1", "--generation", "h100-sxm", "--generation", "b200-sxm")
        first, second = ask("forecast", *flags, "--factor", "experts=2")["generations"]
        assert shown(first, "bandwidth_factor", "total_factor", "hour_price_ratio") == (1, 1, 1)
        assert second["bandwidth_factor"] == pytest.approx(7700 / 3350)
        assert second["total_factor"] == pytest.approx(2 * 7700 / 3350)
        assert second["steady_hour_usd_per_mtok"] == pytest.approx(1 / second["total_factor"])
        projected = second["steady_hour_usd_per_mtok"] * second["hour_price_ratio"]
        assert second["projected_usd_per_mtok"] == pytest.approx(projected)

    def test_a_generation_that_nobody_rents_is_unpriced(self, ask, run):
        flags = ("forecast", "--generation", "h100-sxm,h20")
        second = ask(*flags)["generations"][1]
        assert shown(second, "hour_price_ratio", "projected_usd_per_mtok") == (None, None)
        assert "unpriced" in run(*flags)[1]

    def test_factors_share_the_logarithm(self, ask):
        factors = ask("forecast", "--generation", "h100-sxm,b200-sxm", "--factor", "a=4", "--factor", "b=2")["factors"]
        assert factors["total_factor"] == 8
        assert dict(factors["shares"])["a"] == pytest.approx(2 / 3)


class TestCommitment:
    STEADY = ("forecast", "--needed-gpus", "4", "--usd-per-hour", "2", "--months", "12", "--year-discount-frac", "0.24")

    def test_steady_demand_takes_the_longest_discount(self, ask):
        commit = ask(*self.STEADY, "--quarter-discount-frac", "0.1")["commitment"]
        assert commit["cheapest"] == commit["safest"] == "1-year"
        assert commit["terms"][0]["expected_usd"] == pytest.approx(4 * 2 * 0.76 * 730 * 12)
        assert commit["unpriced"] == ["spot"]

    def test_a_launch_makes_a_year_regretted(self, ask):
        launch = ("--launch-month", "3", "--launch-frac", "1", "--price-after-ratio", "0.4")
        commit = ask(*self.STEADY, "--quarter-discount-frac", "0.1", *launch)["commitment"]
        assert commit["cheapest"] == "3-month"
        assert [future["name"] for future in commit["futures"]] == ["launch"]

    def test_chances_of_all_futures_add_up(self, ask):
        launch = ("--launch-month", "3", "--launch-frac", "0.3", "--price-after-ratio", "0.4")
        commit = ask(*self.STEADY, *launch, "--low-gpus", "0", "--low-frac", "0.2")["commitment"]
        assert len(commit["futures"]) == 4
        assert sum(future["probability_frac"] for future in commit["futures"]) == pytest.approx(1)
        for term in commit["terms"]:
            chances = [future["probability_frac"] for future in commit["futures"]]
            assert sum(c * usd for c, usd in zip(chances, term["futures_usd"])) == pytest.approx(term["expected_usd"])
            assert min(term["regrets_usd"]) >= 0

    def test_spot_pays_for_lost_work(self, ask):
        spot = ("--spot-discount-frac", "0.6", "--spot-rework-frac", "0.2")
        terms = {one["term"]["name"]: one for one in ask(*self.STEADY, *spot)["commitment"]["terms"]}
        assert terms["spot"]["expected_usd"] == pytest.approx(4 * 2 * 0.4 / 0.8 * 730 * 12)

    def test_spot_without_lost_work_says_so(self, run):
        flags = (*self.STEADY, "--spot-discount-frac", "0.6")
        assert "counts no work lost" in run(*flags)[1]
        assert "counts no work lost" not in run(*flags, "--spot-rework-frac", "0.1")[1]

    def test_listed_terms_of_the_catalogue(self, ask):
        answer = ask("forecast", "--needed-gpus", "4", "--gpu", "h100-sxm", "--provider", "aws", "--months", "12")
        assert answer["inputs"]["gpu_usd_per_hour"]["status"] == "list"
        assert "3-month" in answer["commitment"]["unpriced"]
        for name in {"spot", "1-year"} - set(answer["commitment"]["unpriced"]):
            key = {"spot": "spot_discount_frac", "1-year": "year_discount_frac"}[name]
            term = next(one["term"] for one in answer["commitment"]["terms"] if one["term"]["name"] == name)
            assert answer["inputs"][key]["value"] == pytest.approx(term["discount_frac"])


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--price", "2028-01=1", "--demand", "1=1", "--factor", "x=0", "--launch-month", "3.5", "--input-frac", "2"), 2,
         ["2028-01=1", "one --demand", "--factor x=0", "launch_month=3.5", "input_frac=2", "--needed-gpus"]),
        (("--api", "openai/gpt-4oo"), 2, ["gpt-4o"]),
        (("--price", "2028-01-01=1"), 5, ["no price before 2028-01-01"]),
        (("--price", "2026-01-01=nan"), 2, ["DATE=USD"]),
        (("--price", "2026-01-01=-1"), 2, ["0 or more"]),
        (("--price", "2026-01-01=1", "--price", "2026-01-01=2"), 2, ["repeats 2026-01-01"]),
        (("--price", "2026-01-01=0"), 2, ["must be above 0"]),
        (("--price", "2026-01-01=1", "--api", "openai/o3,openai/gpt-4o"), 2, ["naming one"]),
        (("--price", "2023-01-01=1", "--price", "2024-06-01=1e6", "--price", "2025-01-01=1", "--months", "240"), 2,
         ["scatter too widely"]),
        (("--elasticity-exponent", "nan"), 2, ["elasticity_exponent=nan"]),
        (("--elasticity-exponent", "1", "--demand", "1=1", "--demand", "2=1"), 2, ["keep one"]),
        (("--demand", "1=-1", "--demand", "2=1"), 2, ["volume=-1"]),
        (("--generation", "h100-sxm"), 2, ["one --generation"]),
        (("--generation", "h100-sxm,h10"), 2, ["h100-sxm"]),
        (("--factor", "x=2"), 2, ["--generation"]),
        (("--needed-gpus", "4"), 2, ["either --gpu or --gpu-usd-per-hour"]),
        (("--needed-gpus", "4", "--gpu", "h20"), 5, ["h20"]),
        (("--needed-gpus", "4", "--usd-per-hour", "2", "--launch-month", "3"), 2, ["--price-after-ratio"]),
        (("--needed-gpus", "4", "--usd-per-hour", "2", "--year-discount-frac", "1"), 2, ["must lie below 1"]),
        (("--months", "0"), 2, ["--months"]),
        (("--today", "9999-01-01"), 2, ["beyond the calendar"]),
    ],
)  # fmt: skip
def test_mistakes_about_a_forecast(run, args, code, words):
    found, out, err = run("forecast", *args)
    assert found == code, err
    assert out == ""
    assert all(line.startswith("tok: ") for line in err.splitlines())
    for word in words:
        assert word in err


def test_forecast_in_every_shape(run):
    flags = ("forecast", "--api", "openai/gpt-4o,openai/o3", "--months", "12")
    rows = list(csv.DictReader(io.StringIO(run(*flags, "-f", "csv")[1])))
    assert {row["name"] for row in rows} == {"openai/gpt-4o", "openai/o3"}
    assert {row["standing"] for row in rows} == {"listed"}
    assert rows[0]["low_usd_per_mtok"] == ""
    assert "Price paths" in run(*flags)[1]
    assert "| date" in run(*flags, "-f", "md")[1]
    assert "the row in force" in run(*flags, "--explain")[1]
    assert "the row in force" not in run(*flags)[1]

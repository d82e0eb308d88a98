"""`tok decide`: the strategy follows from the curves, and every step is there."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.economics.build_or_buy.decide import QUALITIES, Circumstances, decide
from tokonomics.economics.figures.assumptions import assumed_values
from tokonomics.errors import InputError

COMMAND = ("decide",)


@pytest.fixture
def ask(run):
    def call(volume, quality, *more):
        code, out, err = run("--tokens-per-day", str(volume), "--quality", quality, "--json", *more)
        assert code == 0, err
        return json.loads(out)

    return call


def circumstances(volume, quality="max", *, task_defined=False, **inputs):
    known = {**assumed_values("reference"), **inputs}
    return Circumstances(
        volume_tokens_per_day=volume,
        quality=quality,
        task_defined=task_defined,
        inputs=known,
        budget_usd_per_mtok=0.375,
    )


def test_low_volume_buys_and_high_volume_builds(ask):
    assert ask(1e6, "max")["recommended"] == "api frontier"
    assert ask(100e6, "max")["recommended"] == "on-prem"


def test_article_says_five_million_and_the_curves_say_thirty_six(ask):
    answer = ask(5e6, "max")
    assert answer["recommended"] == "api frontier"
    rows = {row["strategy"]: row for row in answer["strategies"]}
    assert rows["self-host 70b"]["wins_from_tokens_per_day"] == pytest.approx(36.4e6, rel=0.01)


def test_a_student_needs_a_defined_task(ask):
    rows = {row["strategy"]: row for row in ask(2e8, "good-enough")["strategies"]}
    assert rows["self-host distilled 7b"]["excluded"] == "needs one defined task"
    assert ask(2e8, "good-enough", "--task-defined")["recommended"] == "self-host distilled 7b"


def test_an_unmeasured_model_is_never_chosen(ask):
    for volume in (1e5, 1e7, 1e9):
        assert ask(volume, "good-enough")["recommended"] != "api budget"


def test_all_five_steps_are_shown(run):
    code, out, _ = run("--tokens-per-day", "2e7", "--quality", "max", "--explain")
    assert code == 0
    assert all(f"Step {step}" in out for step in (1, 3, 4, 5))
    assert "usd_per_month of api frontier" in out


def test_catalogue_prices_replace_the_articles(ask):
    cheap = ask(2e7, "max", "--api", "openai/gpt-4o-mini")
    rows = {row["strategy"]: row for row in cheap["strategies"]}
    assert rows["api frontier"]["month"]["blended_usd_per_mtok"] == pytest.approx(0.375)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), ["--tokens-per-day", "--quality max|mixed|good-enough"]),
        (("--tokens-per-day", "0", "--quality", "max"), ["volume_tokens_per_day"]),
        (("--tokens-per-day", "nan", "--quality", "max"), ["volume_tokens_per_day"]),
        (("--tokens-per-day", "1e6", "--quality", "best"), ["best"]),
        (("--tokens-per-day", "1e6", "--quality", "max", "--input-frac", "2"), ["input_frac=2"]),
    ],
)
def test_mistakes_are_sentences(run, args, words):
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert all(word in err for word in words)


@settings(max_examples=40, deadline=None)
@given(st.floats(1e3, 1e10), st.sampled_from(sorted(QUALITIES)), st.booleans())
def test_the_chosen_strategy_is_admitted_and_no_admitted_one_is_cheaper(volume, quality, task_defined):
    decision = decide(circumstances(volume, quality, task_defined=task_defined))
    admitted = [one for one in decision.strategies if not one.excluded]
    assert decision.chosen in admitted
    assert all(decision.chosen.month.total_usd_per_month <= one.month.total_usd_per_month for one in admitted)


@settings(max_examples=25, deadline=None)
@given(st.floats(1e4, 1e9), st.floats(0.5, 20))
def test_bands_name_the_chosen_strategy(volume, hour):
    decision = decide(circumstances(volume, gpu_usd_per_hour=hour))
    cost = {one.row.strategy: one.month.total_usd_per_month for one in decision.strategies}
    band = next(one for one in decision.bands if one.low_tokens_per_day <= volume <= one.high_tokens_per_day)
    assert cost[band.name] == pytest.approx(decision.chosen.month.total_usd_per_month, rel=1e-6)


def test_an_unknown_quality_is_refused():
    with pytest.raises(InputError, match="choose one of max, mixed, good-enough"):
        circumstances(1e6, "perfect")

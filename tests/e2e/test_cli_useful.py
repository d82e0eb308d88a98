"""`tok useful`: counts from flags or a file, and every mistake in them."""

import json

import pytest

COMMAND = ("useful",)


def test_flags_give_the_cost_per_useful_token(run):
    code, out, err = run("--usd", "10", "--delivered-tokens", "4e6", "--reasoning-tokens", "16e6", "--json")
    assert code == 0, err
    answer = json.loads(out)
    assert answer["useful_usd_per_useful_mtok"] == pytest.approx(2.5)
    assert answer["all_usd_per_mtok"] == pytest.approx(0.5)
    assert answer["lines"][0]["usd_frac"] == pytest.approx(0.8)
    assert answer["explanation"]["terms"]


def test_drafts_cost_less_than_answers(run):
    args = ("--usd", "10", "--delivered-tokens", "1e6", "--rejected-draft-tokens", "1e6", "--json")
    dear, cheap = (json.loads(run(*args, "--draft-work-ratio", ratio)[1])["waste_usd"] for ratio in ("1", "0.1"))
    assert dear == pytest.approx(5.0)
    assert cheap == pytest.approx(10 / 11)


def test_a_file_is_summed(run, tmp_path):
    file = tmp_path / "usage.csv"
    file.write_text("id,delivered_tokens,cancelled_tokens\na,100,\nb,300,100\n")
    answer = json.loads(run(str(file), "--usd", "1", "--json")[1])
    assert (answer["delivered_tokens"], answer["total_tokens"]) == (400.0, 500.0)


def test_nothing_delivered_is_said(run):
    code, out, _ = run("--usd", "10", "--delivered-tokens", "0", "--cancelled-tokens", "5")
    assert code == 0
    assert "nothing was delivered" in out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), ["give --usd", "give --delivered-tokens"]),
        (("--usd", "-1", "--delivered-tokens", "-2"), ["total_usd", "delivered_tokens"]),
        (("--usd", "nan", "--delivered-tokens", "1"), ["total_usd"]),
        (("no-such.csv", "--usd", "1"), ["no-such.csv"]),
    ],
)
def test_mistakes_are_named_together(run, args, words):
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert all(word in err for word in words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", ["no column delivered_tokens"]),
        (
            "delivered_tokens,retried_tokens\n1,x\n-3,2\n",
            ["line 2, retried_tokens: 'x'", "line 3, delivered_tokens: '-3'"],
        ),
        ("delivered_tokens\nnan\n", ["line 2"]),
    ],
)
def test_a_bad_file_is_told_by_line_and_column(run, tmp_path, text, words):
    file = tmp_path / "usage.csv"
    file.write_text(text)
    code, _, err = run(str(file), "--usd", "1")
    assert code == 2
    assert all(word in err for word in words)


def test_file_and_flags_are_not_mixed(run, tmp_path):
    file = tmp_path / "usage.csv"
    file.write_text("delivered_tokens\n1\n")
    assert run(str(file), "--usd", "1", "--retried-tokens", "3")[0] == 2

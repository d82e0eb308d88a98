"""What holds for every command on money: all formats, any width, sources beside figures, no traceback."""

import csv
import io
import json

import pytest

COMMANDS = {
    "breakeven": ["breakeven"],
    "breakeven-modelled": ["breakeven", "--model", "llama-3.3-70b", "--gpu", "h100-sxm", "--in", "1000", "--out", "1000", "--api", "openai/gpt-4o", "--num-models", "3"],
    "onprem": ["onprem"],
    "onprem-market": ["onprem", "--gpu", "h100-sxm"],
    "hybrid": ["hybrid"],
    "hybrid-burst": ["hybrid", "--peak-tokens-per-day", "4e9", "--peak-hours", "2", "--gpu", "h100-sxm"],
}  # fmt: skip
each_command = pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)


@each_command
@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal(run, monkeypatch, words, width):
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, _ = run(*words, "--explain")
    assert code == 0
    assert not [line for line in out.splitlines() if len(line) > width]


@each_command
def test_every_figure_that_went_in_has_a_source(run, words):
    code, out, err = run(*words, "--json")
    assert code == 0, err
    answer = json.loads(out)
    assert answer["kind"] == words[0]
    assert {"catalog_digest", "catalog_snapshot", "today"} <= set(answer)
    for term in answer["inputs"].values():
        assert term["source"]
        assert term["status"] in ("measured", "list", "modelled", "assumed")
    assert answer["explanation"]["terms"]
    assert isinstance(answer["explanation"]["value"], float | int)


@each_command
def test_csv_and_markdown_hold_the_same_rows(run, words):
    rows = list(csv.reader(io.StringIO(run(*words, "-f", "csv", "-q")[1])))
    assert len(rows) > 1
    assert len({len(row) for row in rows}) == 1
    page = run(*words, "-f", "md")[1]
    first = next(block for block in page.split("\n\n") if block.startswith("| "))
    assert len(first.splitlines()) == len(rows) + 1  # and the line under the heading


@each_command
def test_explain_adds_the_formula(run, words):
    plain, told = run(*words)[1], run(*words, "--explain")[1]
    formula = json.loads(run(*words, "--json")[1])["explanation"]["formula"]
    squeezed = "".join(told.split())
    assert "".join(formula.split()) in squeezed
    assert "".join(formula.split()) not in "".join(plain.split())


@each_command
def test_an_answer_goes_into_a_file(run, words, tmp_path):
    path = tmp_path / "answer.json"
    code, out, err = run(*words, "-o", str(path))
    assert (code, out) == (0, "")
    assert "wrote" in err
    assert json.loads(path.read_text())["kind"] == words[0]


@each_command
def test_an_override_is_a_price_like_any_other(run, words, tmp_path):
    if "--gpu" not in words:
        pytest.skip("asks for no price of the catalogue")
    prices = tmp_path / "prices.csv"
    header = "provider,instance,accelerator_id,num_gpus,on_demand_usd_per_hour,as_of,source\n"
    prices.write_text(f"{header}mine,contract,h100-sxm,8,0.8,2026-11-01,my contract\n")
    code, out, err = run(*words, "--price-overrides", str(prices))
    assert code == 0, err
    assert "mine" in out


@each_command
def test_a_budget_of_nonsense_is_refused_in_a_sentence(run, words):
    code, out, err = run(*words, "--today", "yesterday")
    assert code == 2
    assert out == ""
    assert "Traceback" not in err

"""The generator of documentation pages."""

import pytest
from tools import make_docs

from tokonomics.errors import InputError


@pytest.fixture
def pages(monkeypatch, tmp_path):
    monkeypatch.setattr(make_docs, "ROOT", tmp_path)
    monkeypatch.setattr(make_docs, "PAGES", {"docs/a.md": lambda: "a\n", "b.txt": lambda: "b\n"})
    return tmp_path


def test_writes_what_is_missing_or_stale_and_nothing_else(pages, capsys):
    (pages / "b.txt").write_text("b\n")
    assert make_docs.main([]) == 0
    assert (pages / "docs/a.md").read_text() == "a\n"
    assert capsys.readouterr().out == "wrote docs/a.md\n"
    assert make_docs.main([]) == 0
    assert capsys.readouterr().out == ""


def test_check_names_every_stale_page_and_writes_none(pages, capsys):
    (pages / "b.txt").write_text("old\n")
    assert make_docs.main(["--check"]) == 1
    error = capsys.readouterr().err
    assert "docs/a.md is out of step" in error
    assert "b.txt is out of step" in error
    assert (pages / "b.txt").read_text() == "old\n"
    assert not (pages / "docs").exists()


def test_check_is_content_when_all_is_in_step(pages):
    make_docs.main([])
    assert make_docs.main(["--check"]) == 0


def test_other_arguments_are_refused(pages, capsys):
    assert make_docs.main(["--chek"]) == 2
    assert "usage" in capsys.readouterr().err


def test_scenario_page_has_every_key_with_type_and_default():
    page = make_docs.scenario_page()
    assert "| `models` | list of text | needed |" in page
    assert "| `purchase` | `on_demand`, `spot`, `reserved_1yr` | `on_demand` |" in page
    assert "| `today` | date |  |" in page
    assert "| `skip_bad` | true or false | `false` |" in page
    assert "| `owned` | list of block |" in page


def test_exit_codes_follow_the_tree_of_errors():
    text = make_docs._exit_codes()
    assert f"| {InputError.exit_code} | `InputError` | A value given by the user is wrong |" in text
    assert "| 4 | `Infeasible` |" in text

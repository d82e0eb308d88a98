"""The page on bringing a trace shows what really happens."""

import re

import pytest

from tokonomics.errors import InputError
from tokonomics.workload.traces import read_trace


@pytest.fixture(scope="module")
def blocks(repo_dir) -> dict[str, str]:
    page = (repo_dir / "docs/howto/bring-your-own-trace.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^```(csv|python|text)\n(.*?)^```", page, re.MULTILINE | re.DOTALL))


def test_the_example_runs(blocks, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text(blocks["csv"])
    exec(compile(blocks["python"], "howto", "exec"), {})
    printed = capsys.readouterr().out
    assert "num_requests=4" in printed
    assert "trace mine.csv (csv): 4 requests over 71 s" in printed


def test_the_errors_are_those_that_are_shown(blocks, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("arrival_s,input_tokens,output_tokens\n0,5,5\n1,many,5\n2,5,0\n")
    with pytest.raises(InputError) as caught:
        read_trace(path)
    assert "\n".join(caught.value.violations) == blocks["text"].strip()

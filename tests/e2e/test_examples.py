"""Every example prints what its page says: one folder a question, with the command and what it prints."""

import os
import shlex
from pathlib import Path

import pytest
from tools.transcripts import SETTING

from tokonomics.cli.main import main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FOLDERS = sorted(path.parent for path in EXAMPLES.rglob("command"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_example(folder: Path, capsys, monkeypatch):
    for name in [name for name in os.environ if name.startswith("TOKONOMICS_")]:
        monkeypatch.delenv(name)
    for name, value in SETTING.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    words = shlex.split((folder / "command").read_text(encoding="utf-8"))
    assert words[0] == "tok"
    code = main(words[1:])
    out, err = capsys.readouterr()
    assert code == 0, err
    assert out == (folder / "expected.out").read_text(encoding="utf-8")


def test_there_are_examples():
    assert FOLDERS

"""What the tests of commands share: `tok` run in this process, and its JSON. A file may name its COMMAND and COLUMNS."""

import json

import pytest

from tokonomics.cli.main import main


@pytest.fixture
def run(request, capsys, monkeypatch):
    """Run `tok` in this process, on one day and as wide as the file says; gives (exit code, stdout, stderr)."""
    monkeypatch.setenv("COLUMNS", str(getattr(request.module, "COLUMNS", 110)))
    monkeypatch.setenv("TOKONOMICS_TODAY", "2026-11-23")
    command = getattr(request.module, "COMMAND", ())

    def call(*args):
        code = main([*command, *map(str, args)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def ask(run):
    def call(*args):
        code, out, err = run(*args, "--json")
        assert code == 0, err
        return json.loads(out)

    return call

"""What `import tokonomics` offers is pinned in a file, and costs next to nothing to import."""

import os
import subprocess
import sys
from pathlib import Path

import tokonomics

PINNED = Path(__file__).with_name("public_names.txt")
HEAVY = {"numpy", "rich", "pydantic", "duckdb", "ruamel", "click", "genai_prices"}


def test_public_names_are_pinned():
    names = sorted(getattr(tokonomics, "__all__", ["__version__"]))
    pinned = PINNED.read_text(encoding="utf-8").split()
    assert names == pinned, f"changed on purpose? then write it to {PINNED.name} and to CHANGELOG.md"


def test_every_public_name_is_there():
    for name in getattr(tokonomics, "__all__", ["__version__"]):
        assert getattr(tokonomics, name) is not None


def imported_by(statement: str) -> set[str]:
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_the_package_is_light():
    assert not imported_by("import tokonomics") & HEAVY


def test_importing_the_command_line_is_light():
    assert imported_by("import tokonomics.cli.main") & HEAVY == {"click"}


QUOTE = ("quote", "llama-3.1-8b", "--gpu", "h100-sxm", "--preset", "chat", "--rps", "1")
# What a plain quote has no use for; each costs 10 to 500 ms of its start.
NEEDLESS = {
    "numpy.ma",
    "numpy.random",
    "numba",
    "duckdb",
    "highspy",
    "ruamel.yaml",
    "tomllib",
    "genai_prices",
    "tokonomics.workload.traces",
    "tokonomics.economics.hardware.on_prem",
    "tokonomics.simulation",
    "tokonomics.planning",
}


def test_a_plain_quote_loads_nothing_that_it_does_not_use():
    code = f"import sys; from tokonomics.__main__ import main; sys.argv = ['tok', *{QUOTE!r}]\ntry: main()\nfinally: "
    code += "print(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    loaded = set(done.stderr.split())
    assert "USD" in done.stdout
    assert "tokonomics.economics.quoting.quote" in loaded
    assert not loaded & NEEDLESS


def test_plugins_of_pydantic_are_off_unless_the_user_says_otherwise(monkeypatch):
    from tokonomics import __main__ as entry

    monkeypatch.setattr(entry.gc, "set_threshold", lambda count: None)
    monkeypatch.setenv("PYDANTIC_DISABLE_PLUGINS", "mine")
    entry._start_fast()
    assert os.environ["PYDANTIC_DISABLE_PLUGINS"] == "mine"
    monkeypatch.delenv("PYDANTIC_DISABLE_PLUGINS")
    entry._start_fast()
    assert os.environ["PYDANTIC_DISABLE_PLUGINS"] == "__all__"


def test_entry_point_needs_no_click():
    assert not imported_by("import tokonomics.__main__") & HEAVY

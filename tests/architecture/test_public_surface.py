"""What `import tokonomics` offers is pinned in a file, and costs next to nothing to import."""

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


def test_entry_point_needs_no_click():
    assert not imported_by("import tokonomics.__main__") & HEAVY

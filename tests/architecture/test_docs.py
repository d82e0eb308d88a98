"""Documentation cannot drift: what is generated is in step, what is linked exists, what is shown runs."""

import doctest
import importlib
import re
from functools import cache
from pathlib import Path

import click
import pytest
from source_tree import REPO, module_names
from tools import make_docs

from tokonomics.cli.main import COMMANDS

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")


@pytest.mark.parametrize("page", make_docs.PAGES)
def test_generated_page_is_in_step(page: str):
    path = REPO / page
    assert path.exists(), f"{page} is missing; run `make docs`"
    assert path.read_text(encoding="utf-8") == make_docs.PAGES[page](), f"{page} is stale; run `make docs`"


def test_stored_help_equals_what_click_prints_at_80_columns(monkeypatch, capsys):
    from tokonomics.cli.main import main

    monkeypatch.setenv("COLUMNS", "80")
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == (REPO / "src/tokonomics/cli/help.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_command_exists_and_speaks(row):
    module, _, attribute = row.target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.name == row.name
    assert row.help.endswith(".")


def test_every_command_and_option_has_help_and_a_place_in_the_reference():
    page = (REPO / "docs/reference/cli.md").read_text(encoding="utf-8")
    mute = []
    for ctx in make_docs.commands():
        assert f"## `{ctx.command_path}`" in page
        if not (ctx.command.help or "").strip():
            mute.append(ctx.command_path)
        for param in ctx.command.params:
            if isinstance(param, click.Option) and not param.hidden:
                mute += [] if (param.help or "").strip() else [f"{ctx.command_path} {param.opts[0]}"]
                assert all(flag in page for flag in (*param.opts, *param.secondary_opts))
    assert not mute, f"without help: {mute}"


@cache
def pages() -> tuple[Path, ...]:
    kept = list(REPO.glob("*.md"))
    for folder in ("docs", "examples", "benchmarks"):
        kept += (REPO / folder).rglob("*.md")
    return tuple(sorted(kept))


def prose(path: Path) -> str:
    return CODE.sub("", FENCE.sub("", path.read_text(encoding="utf-8")))


def anchors(path: Path) -> set[str]:
    """Anchors as GitHub makes them from headings."""
    heads = re.findall(r"^#+ +(.*)$", FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(REPO)))
def test_internal_links_resolve(page: Path):
    broken = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


def linked(page: Path) -> set[Path]:
    """Files that a page links or shows."""
    names = (target.partition("#")[0] for target in LINK.findall(prose(page)))
    return {(page.parent / name).resolve() for name in names if name and ":" not in name}


def test_every_page_of_the_docs_is_reached_from_their_index():
    reached, waiting = set[Path](), {REPO / "docs/index.md"}
    while waiting:
        page = waiting.pop()
        reached.add(page)
        waiting |= {one for one in linked(page) if one.suffix == ".md" and one.is_file()} - reached
    lost = {str(page.relative_to(REPO)) for page in (REPO / "docs").rglob("*.md")} - {
        str(page.relative_to(REPO)) for page in reached if page.is_relative_to(REPO)
    }
    assert not lost, f"no way from docs/index.md to {sorted(lost)}; link them there"


def test_no_file_lies_in_the_docs_unlinked():
    used = set[Path]().union(*(linked(page) for page in pages()))
    lost = [path.name for path in (REPO / "docs").rglob("*.*") if path.suffix != ".md" and path not in used]
    assert not lost, f"no page links or shows {lost}"


@pytest.mark.parametrize("name", sorted(module_names() - {"tokonomics.__main__"}))
def test_examples_in_docstrings_run(name: str):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert not result.failed

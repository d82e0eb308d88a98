"""`docs/capabilities.csv` cannot promise: what provides a capability is importable, and the test that proves it exists."""

import ast
import csv
import re
from functools import cache
from importlib import import_module

import pytest
from source_tree import REPO, imported, modules
from tools.article.claims import claims

from tokonomics.cli.main import COMMANDS

TEXT = (REPO / "docs/capabilities.csv").read_text(encoding="utf-8")
ROWS = list(csv.DictReader(TEXT.splitlines()))
LATER = {"performance model (issue 4)", "simulator (issue 5)", "planner (issue 6)", "gateway", "ledger", "page"}
NODE = re.compile(
    r"(?P<file>tests/[\w/]+\.py)::(?:(?P<group>Test\w+)::)?(?P<test>test_\w+)(?:\[(?P<claim>S\d+-\d{3})\])?"
)
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
PROVIDED = [row for row in ROWS if row["provider"]]
each_provided = pytest.mark.parametrize("row", PROVIDED, ids=lambda row: row["id"])


def test_every_capability_stands_once():
    assert [row["id"] for row in ROWS] == [f"F{number:03d}" for number in range(1, 172)]
    assert TEXT.splitlines()[0] == "id,capability,command,provider,test,waits_for"


@each_row
def test_a_capability_is_provided_and_proven_or_says_what_it_waits_for(row: dict[str, str]):
    assert row["capability"]
    assert bool(row["provider"]) == bool(row["test"])
    assert row["provider"] or row["waits_for"]
    assert set(filter(None, row["waits_for"].split(" and "))) <= LATER


def test_few_capabilities_wait():
    waiting = [row["id"] for row in ROWS if not row["provider"]]
    assert len(waiting) <= 11, waiting


@each_provided
def test_provider_exists(row: dict[str, str]):
    for name in row["provider"].split():
        module, _, attribute = name.partition(":")
        found = getattr(import_module(f"tokonomics.{module}"), attribute)
        assert found.__doc__, name


@pytest.mark.parametrize("row", [row for row in ROWS if row["command"]], ids=lambda row: row["id"])
def test_command_exists_and_reaches_the_provider(row: dict[str, str]):
    """The modules that the command imports, and those that they import, hold one of the providers."""
    targets = {command.name: command.target.partition(":")[0] for command in COMMANDS}
    assert row["command"] in targets
    reached = reach(targets[row["command"]])
    assert any(f"tokonomics.{name.partition(':')[0]}" in reached for name in row["provider"].split())


@each_provided
def test_proof_exists_and_uses_the_provider(row: dict[str, str]):
    node = NODE.fullmatch(row["test"])
    assert node, row["test"]
    assert (node["group"], node["test"]) in names_in(node["file"]), row["test"]
    if node["claim"]:
        assert node["claim"] in {claim.id for claim in claims() if claim.call}
        return
    text = source(node["file"])
    used = [name.partition(":")[2] for name in row["provider"].split()]
    if row["command"]:
        used.append(f'"{row["command"]}"')
    assert any(name in text for name in used), f"{node['file']} never names {used}"


@cache
def reach(module: str) -> frozenset[str]:
    imports = {one.name: {name for name, _ in imported(one)} for one in modules()}
    seen, waiting = set[str](), [module]
    while waiting:
        name = waiting.pop()
        if name in imports and name not in seen:
            seen.add(name)
            waiting.extend(imports[name])
    return frozenset(seen)


@cache
def source(file: str) -> str:
    return (REPO / file).read_text(encoding="utf-8")


@cache
def names_in(file: str) -> frozenset[tuple[str | None, str]]:
    tree = ast.parse(source(file))
    groups = [(None, tree.body), *((node.name, node.body) for node in tree.body if isinstance(node, ast.ClassDef))]
    return frozenset((name, node.name) for name, body in groups for node in body if isinstance(node, ast.FunctionDef))

"""Imports go one way, and siblings do not know each other."""

import ast
from graphlib import CycleError, TopologicalSorter

import pytest
from source_tree import SRC, Module, imported, module_names, modules

# Lower layers first; the packages of one row are siblings and may not import each other.
LAYERS = (
    {"units", "errors"},
    {"files"},
    {"catalog"},
    {"physics", "workload"},
    {"economics"},
    {"policy"},
    {"simulation", "ledger"},
    {"planning", "measure"},
    {"gateway"},
    {"report"},
    {"cli", "web"},
    {"__main__"},
)
RANK = {package: rank for rank, row in enumerate(LAYERS) for package in row}
# The same within `economics`, whose docstring draws it.
FLOORS = (
    {"figures"},
    {"tokens", "hardware", "quality"},
    {"outlook", "quoting"},
    {"serving"},
    {"optimisation", "build_or_buy"},
)
FLOOR = {package: floor for floor, row in enumerate(FLOORS) for package in row}
# What opens a connection; only the refresh of the catalogue does so.
NETWORK = ("urllib.request", "http.client", "socket", "ssl", "requests", "httpx", "httpx2", "aiohttp", "urllib3")
MAY_USE_NETWORK = ("tokonomics.catalog",)


def package_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_imports_go_down(module: Module):
    own = package_of(module.name)
    wrong = [
        f"{module.at(node)}: {own} imports {name}"
        for name, node in imported(module)
        if name.startswith("tokonomics.") and own and not may_import(own, package_of(name))
    ]
    assert not wrong, "\n".join(wrong)


def may_import(own: str, other: str) -> bool:
    return own == other or RANK[other] < RANK[own] or {own, other} == {"units", "errors"}


def test_every_package_has_a_layer():
    homeless = {package_of(name) for name in module_names()} - set(RANK) - {""}
    assert not homeless, f"give {homeless} a row in LAYERS"


IN_ECONOMICS = [module for module in modules() if module.name.startswith("tokonomics.economics.")]


@pytest.mark.parametrize("module", IN_ECONOMICS, ids=lambda module: module.name)
def test_imports_within_economics_go_down(module: Module):
    own = floor_package(module.name)
    wrong = [
        f"{module.at(node)}: {own} imports {name}"
        for name, node in imported(module)
        if name.startswith("tokonomics.economics.")
        and floor_package(name) != own
        and FLOOR[floor_package(name)] >= FLOOR[own]
    ]
    assert not wrong, "\n".join(wrong)


def floor_package(name: str) -> str:
    return name.split(".")[2]


def test_every_module_of_economics_lies_in_a_package_with_a_floor():
    flat = [module.name for module in IN_ECONOMICS if module.path.parent.name == "economics"]
    assert not flat, f"move {flat} into a package of economics"
    assert {floor_package(module.name) for module in IN_ECONOMICS} == set(FLOOR), "give it a place in FLOORS"


def test_the_docstring_of_economics_draws_the_floors():
    drawn = (SRC / "tokonomics/economics/__init__.py").read_text(encoding="utf-8")
    lines = [set(line.strip().split(", ")) for line in drawn.splitlines() if line.startswith("    ")]
    assert lines == list(FLOORS)


def test_only_the_version_comes_from_the_root():
    wrong = [
        f"{module.at(node)}: takes {alias.name} from the root package"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module == "tokonomics" and not node.level
        for alias in node.names
        if alias.name != "__version__" and f"tokonomics.{alias.name}" not in module_names()
    ]
    assert not wrong, "\n".join(wrong)


def test_no_cycles():
    graph = {
        module.name: {
            name for name, _ in imported(module, at_import_time=True) if name in module_names() - {module.name}
        }
        for module in modules()
    }
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"modules import each other: {' -> '.join(error.args[1])}")


def test_only_the_catalogue_touches_the_network():
    wrong = [
        f"{module.at(node)}: imports {name}"
        for module in modules()
        for name, node in imported(module)
        if any(name == one or name.startswith(f"{one}.") for one in NETWORK)
        and not module.name.startswith(MAY_USE_NETWORK)
    ]
    assert not wrong, "\n".join(wrong)

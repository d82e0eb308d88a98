"""Imports go one way, and siblings do not know each other."""

import ast
from graphlib import CycleError, TopologicalSorter

import pytest
from source_tree import Module, imported, module_names, modules

# Lower layers first; the packages of one row are siblings and may not import each other.
LAYERS = (
    {"units", "errors"},
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

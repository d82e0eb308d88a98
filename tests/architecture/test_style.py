"""What the eye would catch in a review, caught before it."""

import ast

import pytest
from source_tree import REPO, Module, modules

# Calls that read the clock or make a seed: only the edge may, everything else is handed `today`, `clock`, `rng`.
READS_CLOCK = {"date.today", "datetime.now", "datetime.utcnow", "datetime.today", "time.time", "time.monotonic"}
MAKES_SEED = {"np.random.default_rng", "numpy.random.default_rng", "default_rng", "random.Random"}
EDGE = ("tokonomics.cli", "tokonomics.__main__")
each_module = pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)


@each_module
def test_has_a_docstring(module: Module):
    assert ast.get_docstring(module.tree), f"{module.at(module.tree)} does not say what it is for"


@each_module
def test_no_star_imports(module: Module):
    stars = [
        module.at(node)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert not stars


@each_module
def test_raises_no_bare_exception(module: Module):
    bare = [
        module.at(node)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call | ast.Name)
        and ast.unparse(node.exc.func if isinstance(node.exc, ast.Call) else node.exc) in ("Exception", "BaseException")
    ]
    assert not bare


@each_module
def test_swallows_no_exception(module: Module):
    """`except Exception` hides defects; only the command line may catch all, to say so in a sentence."""
    wide = [
        module.at(node)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and module.name != "tokonomics.cli.main"
    ]
    assert not wide


@each_module
def test_reads_no_clock_and_makes_no_seed(module: Module):
    if module.name.startswith(EDGE):
        return
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    wrong = [
        f"{module.at(call)}: {ast.unparse(call)}"
        for call in calls
        if ast.unparse(call.func) in READS_CLOCK or (ast.unparse(call.func) in MAKES_SEED and not call.args)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ["base.txt", "build.txt", "test.txt"])
def test_requirements_are_pinned_by_hash_and_name_no_index(name: str):
    text = (REPO / "requirements" / name).read_text(encoding="utf-8")
    assert "://" not in text
    for block in text.replace("\\\n", " ").splitlines():
        if block.strip() and not block.lstrip().startswith("#"):
            assert "==" in block, block
            assert "--hash=sha256:" in block, block

"""A public float says its unit: fields of records, and what functions return."""

import ast
from collections.abc import Iterator
from typing import TypeGuard

import pytest
from source_tree import Module, modules

from tokonomics.units import UNIT_SUFFIXES

QUANTITIES = {"float", "Decimal", "np.float64", "NDArray[np.float64]", "FloatArray", "np.ndarray"}
# The constants and conversions that define the units name them in another way.
UNITLESS_MODULES = ("tokonomics.units",)
# Functions whose result has the unit of what they are given: a cell of a named column, a named limit, a sample.
UNIT_OF_ARGUMENT = {
    "tokonomics.catalog.feeds.cells.feed_number",
    "tokonomics.catalog.tables.money",
    "tokonomics.catalog.tables.number",
    "tokonomics.catalog.validators.limit",
    "tokonomics.economics.figures.assumptions.number_or_none",
    "tokonomics.workload.bounds.as_lengths",
    "tokonomics.workload.percentiles.percentile_value",
    "tokonomics.workload.lengths.shuffled",
}


def is_quantity(annotation: ast.expr | None, names: frozenset[str] = frozenset()) -> bool:
    """Whether an annotation is a number with a unit, alone or beside None."""
    if annotation is None:
        return False
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        sides = [side for side in (annotation.left, annotation.right) if ast.unparse(side) != "None"]
        return bool(sides) and all(is_quantity(side, names) for side in sides)
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) in ("Annotated", "Final"):
        inner = annotation.slice
        return is_quantity(inner.elts[0] if isinstance(inner, ast.Tuple) else inner, names)
    return ast.unparse(annotation).strip("'\"") in QUANTITIES | names


def has_unit(name: str) -> bool:
    return name.startswith("num_") or f"_{name}".lower().endswith(UNIT_SUFFIXES)


def is_clear(module: Module, name: str) -> bool:
    return has_unit(name) or f"{module.name}.{name}" in UNIT_OF_ARGUMENT


def aliases(module: Module) -> set[str]:
    """Names that a module gives to annotated quantities, such as `_Share = Annotated[float, Field(...)]`."""
    return {
        ast.unparse(target)
        for node in module.tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript) and is_quantity(node.value)
        for target in node.targets
    }


def quantities(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Every public field and function of a module whose value is a quantity."""
    names = frozenset(aliases(module))
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            fields = {inner.target.id for inner in node.body if _is_field(inner)}
            for inner in node.body:
                yield from ((at, name) for at, name in _named(inner, names) if not _is_told_beside(name, fields))
        else:
            yield from _named(node, names)


def _is_field(node: ast.stmt) -> TypeGuard[ast.AnnAssign]:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)


def _is_told_beside(name: str, fields: set[str]) -> bool:
    """A record of any quantity holds its `value`, and beside it the unit, or the name that ends in the unit."""
    return name == "value" and bool(fields & {"unit", "name"})


def _named(node: ast.stmt, names: frozenset[str]) -> Iterator[tuple[ast.AST, str]]:
    if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and is_quantity(node.returns, names):
        yield node, node.name
    if _is_field(node) and not node.target.id.startswith("_") and is_quantity(node.annotation, names):
        yield node, node.target.id


@pytest.mark.parametrize("module", [one for one in modules() if one.is_public], ids=lambda module: module.name)
def test_public_quantities_name_their_unit(module: Module):
    if module.name in UNITLESS_MODULES:
        return
    wrong = [f"{module.at(node)}: {name}" for node, name in quantities(module) if not is_clear(module, name)]
    assert not wrong, "name the unit (endings are in units.py), or the count as num_*:\n" + "\n".join(wrong)


def test_exceptions_are_still_needed():
    unclear = {f"{module.name}.{name}" for module in modules() for _, name in quantities(module) if not has_unit(name)}
    assert unclear >= UNIT_OF_ARGUMENT


@pytest.mark.parametrize(
    ("name", "expected"),
    [("ttft_p95_s", True), ("requests_per_s", True), ("cost", False), ("num_gpus", True), ("speed_s_max", False)],
)
def test_the_gate_knows_a_unit(name: str, expected: bool):
    assert has_unit(name) is expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("float", True),
        ("float | None", True),
        ("Annotated[float, Field(gt=0)] | None", True),
        ("NDArray[np.float64]", True),
        ("Decimal | None", True),
        ("int", False),
        ("tuple[float, ...]", False),
        ("float | str", False),
    ],
)
def test_the_gate_knows_a_quantity(annotation: str, expected: bool):
    assert is_quantity(ast.parse(annotation, mode="eval").body) is expected

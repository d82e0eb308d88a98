"""Report how large functions and modules are; it informs reviews and blocks nothing.

python -m tools.sizes
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

LONG_FUNCTION = 60
LONG_MODULE = 400


@dataclass(frozen=True)
class Sizes:
    """Code lines (no blank lines, comments, docstrings) of all functions and modules, and those that are long."""

    num_functions: int
    summary: str


def report(package: Path) -> Sizes:
    """Measure every module under `package`."""
    modules = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(package.rglob("*.py"))}
    functions = dict(_functions(modules, package))
    lengths = sorted(functions.values())
    module_lengths = {str(path.relative_to(package)): code_lines(tree, tree) for path, tree in modules.items()}
    lines = [
        f"sizes: {len(modules)} modules, median {median(module_lengths.values()):.0f} code lines; "
        f"{len(functions)} functions, median {median(lengths):.0f}, p90 {quantiles(lengths, n=10)[-1]:.0f}, "
        f"longest {lengths[-1]}"
    ]
    lines += [f"  long function  {n:4}  {name}" for name, n in functions.items() if n > LONG_FUNCTION]
    lines += [f"  long module    {n:4}  {name}" for name, n in module_lengths.items() if n > LONG_MODULE]
    return Sizes(num_functions=len(functions), summary="\n".join(lines))


def code_lines(node: ast.AST, tree: ast.Module) -> int:
    """Lines of `node` that hold code: blank lines and comments have no node, docstrings of `tree` are left out."""
    return _count(node, _all_docstring_lines(tree))


def _functions(modules: dict[Path, ast.Module], package: Path) -> Iterator[tuple[str, int]]:
    for path, tree in modules.items():
        docs = _all_docstring_lines(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(package)}:{node.lineno} {node.name}", _count(node, docs)


def _count(node: ast.AST, docs: frozenset[int]) -> int:
    lines = {
        line
        for one in ast.walk(node)
        if hasattr(one, "lineno")
        for line in (one.lineno, getattr(one, "end_lineno", None) or one.lineno)
    }
    return len(lines - docs)


def _all_docstring_lines(tree: ast.Module) -> frozenset[int]:
    return frozenset(line for one in ast.walk(tree) for line in _docstring_lines(one))


def _docstring_lines(node: ast.AST) -> range:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if not isinstance(node, kinds) or not ast.get_docstring(node, clean=False):
        return range(0)
    first = node.body[0]
    return range(first.lineno, (first.end_lineno or first.lineno) + 1)


if __name__ == "__main__":
    print(report(Path(__file__).resolve().parents[1] / "src" / "tokonomics").summary)

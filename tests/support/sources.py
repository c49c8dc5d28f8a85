"""Read imports out of source files, without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("tuner", "search_spaces", "storage")


def modules(package: str) -> Iterator[Path]:
    """The source files of a package."""
    return (ROOT / package).rglob("*.py")


def imported(path: Path) -> set[str]:
    """The top-level names that a file imports anywhere, in functions too."""
    return _imports(ast.walk(_tree(path)))


def imported_on_import(path: Path) -> set[str]:
    """The top-level names that are imported as soon as the file is."""
    return _imports(_outside_functions(_tree(path)))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from _outside_functions(child)


def _imports(nodes: Iterator[ast.AST]) -> set[str]:
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}

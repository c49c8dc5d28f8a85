"""What a name in a file of the user's is, found by reading the file: nothing of it is run."""

from __future__ import annotations

import ast
import importlib.util
from contextlib import suppress
from pathlib import Path

from search_spaces.errors import SpaceError
from search_spaces.user_code import source_files

MOST_IMPORTS = 5  # files that are read to follow a name that others import

Definition = ast.FunctionDef | ast.ClassDef | ast.expr
Located = tuple[Path, Definition]  # with its file


def find_definition(name: str) -> Definition | None:
    """Returns where ``path/file.py:name`` or ``package.module:name`` is defined or assigned.

    None where that is not plain: the file cannot be read, or makes the name in another way.
    """
    located = _locate(name)
    return None if located is None else located[1]


def find_methods(name: str) -> dict[str, ast.FunctionDef]:
    """Returns the methods of a class, or of the class of an instance, by their names.

    Those of its bases are among them as far as their files lie beside its own. Empty where the
    name is that of something else.
    """
    located = _locate(name)
    if located is None:
        return {}
    path, node = located
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):  # an instance of it
        made_by = _in_file(path, node.func.id, MOST_IMPORTS)
        path, node = made_by if made_by is not None else located
    return _methods(path, node, MOST_IMPORTS) if isinstance(node, ast.ClassDef) else {}


def files_beside(name: str) -> list[Path]:
    """Returns the Python files in the folder of the one that defines a name, which it may import.

    Empty where the name is not found as ``find_definition`` finds it.
    """
    located = _locate(name)
    return [] if located is None else sorted(located[0].parent.glob("*.py"))


def _locate(name: str) -> Located | None:
    place, _, attribute = name.rpartition(":")
    path = source_files.file_of(name) or _module_file(place, Path.cwd())
    return None if path is None else _in_file(path, attribute, MOST_IMPORTS)


def _methods(path: Path, node: ast.ClassDef, depth: int) -> dict[str, ast.FunctionDef]:
    methods: dict[str, ast.FunctionDef] = {}
    for base in reversed(node.bases if depth else []):
        located = _in_file(path, base.id, MOST_IMPORTS) if isinstance(base, ast.Name) else None
        if located is None or not isinstance(located[1], ast.ClassDef):
            continue
        if located[0].parent == path.parent:  # not an installed package
            methods |= _methods(*located, depth - 1)  # type: ignore[arg-type]
    return methods | {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}


def _in_file(path: Path, name: str, imports: int) -> Located | None:
    try:
        body = ast.parse(source_files.read(path)).body
    except (SpaceError, SyntaxError, ValueError, RecursionError):
        return None
    for statement in reversed(body):  # the last one counts
        if isinstance(statement, ast.FunctionDef | ast.ClassDef) and statement.name == name:
            return path, statement
        if isinstance(statement, ast.Assign) and name in _names(statement.targets):
            same = statement.value
            if isinstance(same, ast.Name):
                return _in_file(path, same.id, imports - 1) if imports else None
            return path, same
        if isinstance(statement, ast.ImportFrom) and imports:
            for alias in statement.names:
                if name == (alias.asname or alias.name):
                    there = _module_file(statement.module or "", path.parent)
                    return None if there is None else _in_file(there, alias.name, imports - 1)
    return None


def _names(targets: list[ast.expr]) -> list[str]:
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _module_file(module: str, folder: Path) -> Path | None:
    """The file of a module: a neighbour, or an installed one; packages above it are not run."""
    beside = folder.joinpath(*module.split("."))
    for path in (beside.with_suffix(".py"), beside / "__init__.py"):
        if module and path.is_file():
            return path
    with suppress(ImportError, ValueError, AttributeError):
        top, *below = module.split(".")
        spec = importlib.util.find_spec(top)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            return _module_file(".".join(below), origin.parent) if below else origin
    return None

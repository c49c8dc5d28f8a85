"""Which hyperparameters a method asks for, found by reading its file: nothing of it is run."""

from __future__ import annotations

import ast

from search_spaces.errors import SpaceError, quoted
from search_spaces.user_code.definitions import find_methods
from search_spaces.user_code.source_files import brief


def names_asked(name: str, method: str) -> tuple[str, ...] | None:
    """Returns what ``method(self, hyperparameters, ...)`` of a class looks up, in its order.

    Args:
        name: ``path/file.py:Class``, which may be defined by a base in a file beside it.
        method: Of which hyperparameters are the first argument.

    Returns:
        None where the class has no such method.

    Raises:
        SpaceError: It does more with them than to look names up that stand in the file.
    """
    node = find_methods(name).get(method)
    if node is None:
        return None
    arguments = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    if len(arguments) != 3:
        raise SpaceError(
            f"Expected {method}(self, hyperparameters, {method}) of {brief(name)}. "
            f"Received: {method}({', '.join(arguments)})."
        )
    uses = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == arguments[1]]
    found = _lookups(node, arguments[1])
    if len(found) < len(uses):
        raise SpaceError(
            f"Expected {method}() of {brief(name)} to ask for hyperparameters by names alone, "
            f"as in {arguments[1]}[{quoted('width')}]: trials that share these share their data. "
            "Received another use of them: look each one up in there."
        )
    return tuple(dict.fromkeys(found))


def _lookups(node: ast.FunctionDef, name: str) -> list[str]:
    """The names in ``NAME["..."]`` and ``NAME.get("...")``."""
    found = []
    for one in ast.walk(node):
        key = None
        if isinstance(one, ast.Subscript) and _is(one.value, name):
            key = one.slice
        elif isinstance(one, ast.Call) and _is_get(one.func, name) and one.args:
            key = one.args[0]
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            found.append(key.value)
    return found


def _is_get(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "get" and _is(node.value, name)


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name

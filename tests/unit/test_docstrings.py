"""Every test says what it shows, and what is public shows how it is used."""

from __future__ import annotations

import ast
import doctest
import importlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.public_objects import public_objects
from tests.support.sources import ROOT


def functions_of(path: Path) -> Iterator[ast.FunctionDef]:
    """The tests of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node


def test_every_test_has_a_docstring():
    """In a sentence of its own: the name alone leaves open what is expected."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    found = [(path, test) for path in files for test in functions_of(path)]
    assert found
    silent = [f"{path.name}: {test.name}" for path, test in found if not ast.get_docstring(test)]
    assert not silent


OBJECTS = public_objects()


@pytest.mark.parametrize("name", OBJECTS)
def test_everything_public_has_an_example(name: str):
    """In its docstring, or those of its methods."""
    finder = doctest.DocTestFinder()
    assert any(found.examples for found in finder.find(OBJECTS[name], name))


@pytest.mark.keras
@pytest.mark.parametrize("name", [name for name in OBJECTS if name.startswith("search_spaces.")])
def test_the_example_answers_what_it_says(name: str):
    """Run as it stands, in the module that it describes; those of `tuner` are run on a study."""
    thing: Any = OBJECTS[name]
    names = dict(vars(importlib.import_module(thing.__module__)))
    runner, told = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS), io.StringIO()
    for found in doctest.DocTestFinder(recurse=False).find(thing, name, globs=names):
        runner.run(found, out=told.write)
    assert runner.summarize(verbose=False).failed == 0, told.getvalue()
    assert runner.tries

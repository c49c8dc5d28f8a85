"""``import keras_tuner`` in a user's file, where that package is not installed.

What a file needs to define models is offered: ``HyperModel`` and ``HyperParameters``. A search that
the file starts itself is refused in one line.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from search_spaces.errors import SpaceError
from search_spaces.keras_tuner.hyperparameters import HyperParameters
from search_spaces.user_code import source_files

NAMES = ("keras_tuner", "kerastuner")  # now, and before version 1.0.2
IMPORTS = re.compile(rf"^\s*(?:import|from)\s+(?:{'|'.join(NAMES)})\b".encode(), re.MULTILINE)


class HyperModel:
    """A class of models, as ``keras_tuner.HyperModel``.

    Args:
        name: Of the class of models.
        tunable: Whether its hyperparameters are searched; if not, they have their defaults.
    """

    def __init__(self, name: str | None = None, tunable: bool = True) -> None:
        self.name, self.tunable = name, tunable
        if not tunable:
            build = self.build
            self.build = lambda hp: build(hp.copy())  # type: ignore[method-assign]

    def build(self, hp: HyperParameters) -> Any:
        """Builds a model; the user's class says how."""
        raise NotImplementedError

    def fit(self, hp: HyperParameters, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Trains a model."""
        return model.fit(*args, **kwargs)


# As if it were defined there: only a ``fit`` of the user's own counts as one.
HyperModel.__module__ = NAMES[0]


@contextmanager
def importable(file: Path | None = None) -> Iterator[None]:
    """Within it ``import keras_tuner`` works, installed or not, and no search begins.

    Args:
        file: That is loaded within; None where that is not known.

    Raises:
        SpaceError: It cannot be read, is no file, or is far too large.
    """
    with _no_search(file), _importable():
        yield


@contextmanager
def _no_search(file: Path | None) -> Iterator[None]:
    """Refuses the searches of the real package, if the file imports it."""
    if file is None or not _installed(NAMES[0]) or not _imports_it(file):
        yield
        return
    tuner = importlib.import_module("keras_tuner.engine.base_tuner").BaseTuner
    search = tuner.search
    tuner.search = lambda *_, **__: _refuse("search()")
    try:
        yield
    finally:
        tuner.search = search


def _imports_it(file: Path) -> bool:
    return bool(IMPORTS.search(source_files.read(file)))


@contextmanager
def _importable() -> Iterator[None]:
    missing = [name for name in NAMES if name not in sys.modules and not _installed(name)]
    for name in missing:
        sys.modules[name] = _module(name)
    try:
        yield
    finally:
        for name in missing:
            sys.modules.pop(name, None)


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _module(name: str) -> ModuleType:
    module = ModuleType(name, __doc__)
    vars(module).update(HyperModel=HyperModel, HyperParameters=HyperParameters)

    def missing(attribute: str) -> Any:
        if attribute.startswith("__"):  # asked by the import system and by inspect
            raise AttributeError(attribute)
        return lambda *_, **__: _refuse(f"{name}.{attribute}()")

    module.__getattr__ = missing  # type: ignore[method-assign]
    return module


def _refuse(call: str) -> Any:
    raise SpaceError(
        f"Expected a file that defines a model and does not search. Received: {call}: remove it, "
        "put it below if __name__ == '__main__', or install keras-tuner."
    )

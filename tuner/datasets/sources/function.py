"""The user's own code: ``path/file.py:function``, called without arguments."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tuner.datasets.arrays import FORMS, Arrays, Rows, from_names
from tuner.datasets.errors import DataError
from tuner.datasets.files import require_file
from tuner.datasets.spec import DataSpec
from tuner.errors import did_you_mean, one_line

FORM = "path/FILE.py:FUNCTION"
SUMMARY = f"a function that returns (x, y), pairs as Keras's sets do, or a dict with {FORMS}"
TAKES_TARGET = False

_RETURNS = (
    "(x, y), (x, y, weights), ((x_train, y_train), (x_test, y_test)), a dict or a tf.data.Dataset"
)


def accepts(source: str) -> bool:
    """Whether the source names a Python file."""
    return source.endswith(".py") or ".py:" in source


def read(spec: DataSpec) -> Arrays:
    """Calls the function and returns the arrays that it returns.

    Raises:
        DataError: The file or the function is not there, either of them raises, or what comes
            back is none of the accepted forms.
    """
    function = _function(spec.source)
    try:
        returned = function()
    except Exception as e:
        raise DataError(
            f"Expected {spec.source} to return {_RETURNS}. Received: {one_line(e)}."
        ) from e
    return _arrays(returned, spec.source)


def _function(source: str) -> Callable[[], Any]:
    path, colon, name = source.rpartition(":")
    if not colon or not path.endswith(".py") or not name:
        raise DataError(
            f"Expected {FORM}. Received: {source}: add a colon and the function's name."
        )
    module = _module(require_file(path).resolve())
    function = getattr(module, name, None)
    if not callable(function):
        own = [key for key, value in vars(module).items() if callable(value)]
        raise DataError(
            f"Expected a function of {path}. Received: {name!r}, which is not in it."
            f"{did_you_mean(name, own)}"
        )
    return function


def _module(path: Path) -> ModuleType:
    """Imports the file under a name of ours, so that a user's ``json.py`` hides nothing."""
    name = f"tuner_user_data_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        # At the end: the file may import its neighbours, which must not hide a real package.
        sys.path.append(str(path.parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as e:
        del sys.modules[name]
        raise DataError(
            f"Expected {path} to be importable. Received: {one_line(e)}: mend the file."
        ) from e
    return module


def _arrays(returned: Any, source: str) -> Arrays:
    if isinstance(returned, Mapping):
        return from_names(returned, source)
    if _is_dataset(returned):
        return Arrays(parts={"train": _rows(*_collected(returned, source))})
    if isinstance(returned, tuple) and len(returned) == 2 and all(map(_is_dataset, returned)):
        train, test = (_collected(dataset, source) for dataset in returned)
        return Arrays(parts={"train": _rows(*train), "test": _rows(*test)})
    if not isinstance(returned, tuple) or len(returned) not in (2, 3):
        raise DataError(
            f"Expected {source} to return {_RETURNS}. Received: {_described(returned)}."
        )
    # Only tuples are pairs: a list of two rows with two values each is an array.
    pairs = all(isinstance(pair, tuple) and len(pair) in (2, 3) for pair in returned)
    if pairs and len(returned) == 2:
        train, test = returned
        return Arrays(parts={"train": _rows(*train), "test": _rows(*test)})
    return Arrays(parts={"train": _rows(*returned)})


def _rows(x: Any, y: Any, weights: Any = None) -> Rows:
    return Rows(x=x, y=y, weights=weights)


def _is_dataset(value: Any) -> bool:
    """Whether it is a ``tf.data.Dataset``; nobody has one who has not imported TensorFlow."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(value, tf.data.Dataset)


def _collected(dataset: Any, source: str) -> tuple[Any, ...]:
    """Returns all rows of a dataset, which may come in batches."""
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) not in (2, 3):
        raise DataError(
            f"Expected {source} to return a dataset of pairs (x, y). Received: one of {spec}."
        )
    kinds = [
        kind for part in spec for kind in (part.values() if isinstance(part, Mapping) else [part])
    ]
    in_batches = all(kind.shape.rank and kind.shape[0] is None for kind in kinds)
    rows = list((dataset.unbatch() if in_batches else dataset).as_numpy_iterator())
    if not rows:
        raise DataError(f"Expected {source} to return rows. Received: an empty dataset.")
    return tuple(_stacked(column) for column in zip(*rows, strict=True))


def _stacked(values: tuple[Any, ...]) -> Any:
    """One array of all rows, or a dict with one for each input."""
    if isinstance(values[0], Mapping):
        return {name: np.stack([value[name] for value in values]) for name in values[0]}
    return np.stack(values)


def _described(returned: Any) -> str:
    if isinstance(returned, tuple):
        return f"a tuple of {len(returned)}"
    return f"a value of type {type(returned).__name__}"

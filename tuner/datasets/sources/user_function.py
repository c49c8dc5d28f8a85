"""The user's own code: ``path/file.py:function``.

Its arguments may be parameters that trials search: such an argument has a range as its default
(``window=Int(12, 72)``), or the file has one of the same name, or it has no default at all and is a
parameter of the search space. Arguments with other defaults are left alone.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from search_spaces.parameters.parameter import Parameter
from search_spaces.user_code.definitions import find_definition
from search_spaces.user_code.isolation import isolated, original
from search_spaces.user_code.process_state import CONFIGURATION
from search_spaces.user_code.source_files import brief
from tuner.datasets import row_stream
from tuner.datasets.array_names import FORMS
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.raw_data import Arrays, Rows, from_names
from tuner.datasets.sources.source import Source
from tuner.datasets.sources.user_files import require_file, require_text
from tuner.errors import did_you_mean, one_line, quoted, shorten
from tuner.resources import memory

FORM = "path/FILE.py:FUNCTION"
ENDLESS = -1  # as tf.data.INFINITE_CARDINALITY
MOST_ROWS = 1_000_000  # of a dataset that does not say how many it has
PATIENCE = 300.0  # seconds for their reading
SHARE = 0.4  # of the free memory that rows may take before they are put together
SMALLEST = 4  # bytes of a value

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
    function = _load_function(spec.source)
    called = shown_call(spec) if spec.arguments else spec.source
    try:
        with isolated(spec.source, passing=(DataError,)):
            if spec.stream:
                return _read_stream(function, spec)
            return _to_arrays(_call(function, spec), called)
    except DataError:
        raise
    except Exception as e:  # of the function, or of what it returned while it is read
        raise DataError(
            f"Expected {called} to return {row_stream.FORMS if spec.stream else _RETURNS}. "
            f"Received: {one_line(original(e))}."
        ) from e


def _read_stream(function: Callable[..., Any], spec: DataSpec) -> Arrays:
    """Looks through one epoch; other parts are held."""
    source = brief(spec.source)
    held = [_held(part, source) for part in row_stream.parts_of(function(), source)[1:]]
    shape = np.shape(held[0].x)[1:]
    stream = row_stream.RowStream(source=source, call=function, shape=shape)
    looked = row_stream.look_through(stream, spec.seed)
    if not looked.is_seeded and spec.scaling != "none":
        raise DataError(
            f"Expected {source} to stream the same rows for the same seeds, or --scaling none, as "
            "all trials must be scaled alike. Received: others at each pass: draw from random, "
            "numpy.random or tf.random, in order."
        )
    again = "exactly" if looked.is_seeded else "with other rows, which no seed decides"
    notes = (
        f"{looked.rows:,} training rows are streamed in every epoch: no shared graph, no refit",
        f"a trial that is resumed goes on from the end of an epoch, {again}",
    )
    validation, *rest = held
    if not rest:
        validation, test = _divided(validation, spec)
        rest = [test]
    parts = {"train": looked.sample, "validation": validation, "test": rest[0]}
    return Arrays(parts=parts, stream=looked, notes=notes)


def _held(part: Any, source: str) -> Rows:
    """A part that is held: arrays, or a data set that ends."""
    if _is_dataset(part):
        return _rows(*_collect(part, source))
    if row_stream.is_pydataset(part):
        columns = zip(*row_stream.items_of(part), strict=True)
        return _rows(*(np.concatenate(list(column)) for column in columns))
    if not isinstance(part, tuple) or len(part) != 2 or any(isinstance(p, Mapping) for p in part):
        raise DataError(
            f"Expected {source} to return {row_stream.FORMS}. Received: {_describe(part)}, as a "
            "part that is held."
        )
    return _rows(np.asarray(part[0]), np.asarray(part[1]))


def _divided(rows: Rows, spec: DataSpec) -> tuple[Rows, Rows]:
    """Validation and test rows of those beside a stream, in the proportion of their shares."""
    order = np.random.default_rng(spec.seed).permutation(len(rows.x))
    border = round(len(order) * spec.validation / (spec.validation + spec.test))
    first, second = order[:border], order[border:]
    return _rows(rows.x[first], rows.y[first]), _rows(rows.x[second], rows.y[second])


def searched_arguments(source: str) -> dict[str, Parameter | None]:
    """Returns the range of each argument that is searched; None where it is the space's.

    The file is run only where the function may have arguments.

    Raises:
        DataError: The file or the function is not there, or the file raises.
    """
    return {} if arguments(source) == () else _searched(_load_function(source))


def arguments(source: str) -> tuple[str, ...] | None:
    """Returns the names of the function's arguments as its file is read; None where nobody knows.

    Nothing of the file is run.
    """
    node = find_definition(source)
    if not isinstance(node, ast.FunctionDef):
        return None
    places = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return tuple(argument.arg for argument in places)


def _searched(function: Callable[..., Any]) -> dict[str, Parameter | None]:
    try:
        arguments = inspect.signature(function).parameters
    except (TypeError, ValueError):  # of code that is not Python
        return {}
    beside = getattr(function, "__globals__", {})
    searched: dict[str, Parameter | None] = {}
    for name, argument in arguments.items():
        places = (argument.default, beside.get(name))
        declared = next((value for value in places if isinstance(value, Parameter)), None)
        variadic = argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD)
        if not variadic and (declared is not None or argument.default is argument.empty):
            searched[name] = declared
    return searched


def _call(function: Callable[..., Any], spec: DataSpec) -> Any:
    """Calls the function with the arguments of the spec, and the defaults of other ranges."""
    searched = _searched(function)
    if not searched:
        return function()
    bound = inspect.signature(function).bind_partial()
    for name, parameter in searched.items():
        if parameter is None and name not in spec.arguments:
            raise without_range(spec.source, name)
        value = spec.arguments.get(name, None if parameter is None else parameter.default)
        bound.arguments[name] = value if parameter is None else parameter.as_declared(value)
    return function(*bound.args, **bound.kwargs)


def shown_call(spec: DataSpec) -> str:
    """Returns ``file.py:load(window=24)``, for messages."""
    values = ", ".join(f"{name}={value!r}" for name, value in spec.arguments.items())
    return shorten(f"{brief(spec.source)}({values})", 60)


def without_range(source: str, name: str) -> DataError:
    """Says that nobody knows what an argument may be."""
    return DataError(
        f"Expected a range for the argument {quoted(name)} of {brief(source)}. Received none: give "
        f"it one as its default, such as {shorten(name, 40)}=Int(12, 72) or Choice([1, 2])."
    )


def _load_function(source: str) -> Callable[..., Any]:
    path, colon, name = source.rpartition(":")
    if not colon or not path.endswith(".py") or not name:
        raise DataError(
            f"Expected {FORM}. Received: {source}: add a colon and the function's name."
        )
    file = require_file(path)
    require_text(file)
    module = _import_file(file.resolve())
    function = getattr(module, name, None)
    if not callable(function):
        own = [key for key, value in vars(module).items() if callable(value)]
        raise DataError(
            f"Expected a function of {path}. Received: {quoted(name)}, which is not in it."
            f"{did_you_mean(name, own)}"
        )
    return function


def _import_file(path: Path) -> ModuleType:
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
        with isolated(f"Loading {path.name}", keep=CONFIGURATION):
            spec.loader.exec_module(module)
    except Exception as e:
        del sys.modules[name]
        raise DataError(
            f"Expected {path} to be importable. Received: {one_line(original(e))}: "
            "correct the file."
        ) from e
    return module


def _to_arrays(returned: Any, source: str) -> Arrays:
    if isinstance(returned, Mapping):
        return from_names(returned, source)
    if _is_dataset(returned):
        return Arrays(parts={"train": _rows(*_collect(returned, source))})
    if isinstance(returned, tuple) and len(returned) == 2 and all(map(_is_dataset, returned)):
        train, test = (_collect(dataset, source) for dataset in returned)
        return Arrays(parts={"train": _rows(*train), "test": _rows(*test)})
    if isinstance(returned, tuple) and returned and row_stream.is_stream(returned[0]):
        raise DataError(
            f"Expected {source} to return {_RETURNS}. Received a stream of rows: add --stream."
        )
    if not isinstance(returned, tuple) or len(returned) not in (2, 3):
        raise DataError(f"Expected {source} to return {_RETURNS}. Received: {_describe(returned)}.")
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


def _collect(dataset: Any, source: str) -> tuple[Any, ...]:
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
    size = int(dataset.cardinality())  # below zero where nobody knows, or there is no end
    if size == ENDLESS:
        raise _endless_dataset(source, "one that repeats forever")
    single = dataset.unbatch() if in_batches else dataset
    rows = list(_check_bounds(single.as_numpy_iterator(), source, ends=size >= 0))
    if not rows:
        raise DataError(f"Expected {source} to return rows. Received: an empty dataset.")
    return tuple(_stack(column) for column in zip(*rows, strict=True))


def _check_bounds(rows: Iterable[Any], source: str, *, ends: bool) -> Iterator[Any]:
    """The rows, as long as they fit into memory.

    Args:
        ends: Whether the dataset says how many it has; else more than a generator makes that
            comes to an end are refused, too.
    """
    room, size, began = memory.available(), 0, time.monotonic()
    for count, row in enumerate(rows):
        size += sum(map(np.size, _values(row))) * SMALLEST
        if room is not None and size > SHARE * room:
            raise DataError(
                f"Expected {source} to return rows that fit into memory. Received: {count:,} rows "
                f"and more that do not fit into {room / 1e9:,.1f} GB: return fewer, "
                "write .npy, or stream them (--stream)."
            )
        if not ends and (count >= MOST_ROWS or time.monotonic() - began > PATIENCE):
            received = f"one that did not end after {count:,} rows and does not say how many it has"
            raise _endless_dataset(source, received)
        yield row


def _values(row: Any) -> Iterator[Any]:
    for part in row:
        yield from part.values() if isinstance(part, Mapping) else (part,)


def _endless_dataset(source: str, received: str) -> DataError:
    return DataError(
        f"Expected {brief(source)} to return a dataset that ends. Received: {received}: leave out "
        "repeat(), or end it with .take(N)."
    )


def _stack(values: tuple[Any, ...]) -> Any:
    """One array of all rows, or a dict with one for each input."""
    if isinstance(values[0], Mapping):
        return {name: np.stack([value[name] for value in values]) for name in values[0]}
    return np.stack(values)


def _describe(returned: Any) -> str:
    if isinstance(returned, tuple):
        return f"a tuple of {len(returned)}"
    return f"a value of type {type(returned).__name__}"


SOURCE = Source(
    form=FORM,
    summary=f"a function that returns (x, y), pairs as Keras's sets do, or a dict with {FORMS}",
    accepts=accepts,
    read=read,
    takes_parts=False,
)

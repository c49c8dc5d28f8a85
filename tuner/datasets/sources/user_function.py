"""The user's own code: ``path/file.py:function``.

Its arguments may be parameters that trials search: such an argument has a range as its default
(``window=Int(12, 72)``), or the file has one of the same name, or it has no default at all and is a
parameter of the search space. Arguments with other defaults are left alone.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
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
from tuner.datasets.sources.held_rows import (
    TooLargeError,
    collect,
    collect_part,
    collect_stream,
    describe,
    is_dataset,
)
from tuner.datasets.sources.source import Source
from tuner.datasets.sources.user_files import require_file, require_text
from tuner.errors import did_you_mean, one_line, quoted, shorten

FORM = "path/FILE.py:FUNCTION"

_RETURNS = (
    "(x, y), (x, y, weights), ((x_train, y_train), (x_test, y_test)), a dict, a tf.data.Dataset, "
    "or a stream of rows and (x_val, y_val)"
)


def accepts(source: str) -> bool:
    """Whether the source names a Python file."""
    return source.endswith(".py") or ".py:" in source


def read(spec: DataSpec) -> Arrays:
    """Calls the function and returns the arrays that it returns.

    Where ``spec.stream`` is None, they are streamed if they come as a stream or do not fit into
    memory; ``Arrays.stream`` tells.

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
            returned = _call(function, spec)
            if spec.stream is None and _is_with_stream(returned):
                return _read_stream(function, spec, why=" (--no-stream holds them)")
            try:
                return _to_arrays(returned, called, function, spec)
            except TooLargeError as e:
                return _stream_instead(returned, function, spec, e)
    except DataError:
        raise
    except Exception as e:  # of the function, or of what it returned while it is read
        raise DataError(
            f"Expected {called} to return {row_stream.FORMS if spec.stream else _RETURNS}. "
            f"Received: {one_line(original(e))}."
        ) from e


def _is_with_stream(returned: Any) -> bool:
    """Whether it is a stream with the parts beside it, of a kind that is nothing else."""
    is_tuple = isinstance(returned, tuple) and len(returned) in (2, 3)
    return is_tuple and row_stream.is_stream(returned[0])


def _stream_instead(
    returned: Any, function: Callable[..., Any], spec: DataSpec, error: TooLargeError
) -> Arrays:
    """Streams rows that do not fit into memory, where nobody said that they are to be held.

    Raises:
        TooLargeError: They cannot be streamed; with what would change that.
    """
    if spec.stream is not None:
        raise error
    if isinstance(returned, tuple) and is_dataset(returned[0]):
        barrier = spec.stream_barrier
        if barrier is not None:
            raise error.advising(f"leave {barrier} out, so that they can be streamed") from error
        if _is_of_pairs(returned[0]):
            return _read_stream(function, spec, why=", as they do not fit into memory")
        raise error.advising("return pairs (x, y) of one array each, which are streamed") from error
    if is_dataset(returned):
        raise error.advising("return (dataset, (x_val, y_val)), which is streamed") from error
    raise error


def _is_of_pairs(dataset: Any) -> bool:
    spec = dataset.element_spec
    is_pair = isinstance(spec, tuple) and len(spec) == 2
    return is_pair and not any(isinstance(part, Mapping) for part in spec)


def _read_stream(function: Callable[..., Any], spec: DataSpec, why: str = "") -> Arrays:
    """Looks through one epoch; other parts are held.

    Args:
        why: Why rows are streamed, where nobody asked for it.
    """
    dataclasses.replace(spec, stream=True)  # refuses what it cannot have
    source = brief(spec.source)
    try:
        held = [collect_part(part, source) for part in row_stream.parts_of(function(), source)[1:]]
    except TooLargeError as e:
        raise e.advising("make the parts beside the stream smaller") from e
    shape = np.shape(held[0].x)[1:]
    stream = row_stream.RowStream(source=source, call=function, shape=shape)
    looked = row_stream.look_through(
        stream, spec.seed, of_classes=spec.task not in ("regression", "labels")
    )
    if not looked.is_seeded and spec.scaling != "none":
        raise DataError(
            f"Expected {source} to stream the same rows for the same seeds, or --scaling none, as "
            "all trials must be scaled alike. Received: others at each pass: draw from random, "
            "numpy.random or tf.random, in order."
        )
    again = "exactly" if looked.is_seeded else "with other rows, which no seed decides"
    streamed = f"{looked.rows:,} training rows are streamed in every epoch{why}"
    notes: tuple[str, ...] = (
        f"{streamed}: no shared graph, no refit",
        f"a trial that is resumed goes on from the end of an epoch, {again}",
    )
    validation, test = _validation_and_test(held, spec)
    if spec.stream is None and len(held) == 1:
        notes += ("the part beside the stream is divided into validation and test rows",)
    parts = {"train": looked.sample, "validation": validation, "test": test}
    return Arrays(parts=parts, stream=looked, notes=notes)


def _hold_stream(returned: Any, function: Callable[..., Any], spec: DataSpec) -> Arrays:
    """Reads one pass of a stream, which is held."""
    source = brief(spec.source)
    held = [collect_part(part, source) for part in row_stream.parts_of(returned, source)[1:]]
    train = collect_stream(lambda: _call(function, spec), source, held[0], spec.seed)
    validation, test = _validation_and_test(held, spec)
    note = f"one pass of the stream is held: {len(train.x):,} training rows, the same in each epoch"
    return Arrays(
        parts={"train": train, "validation": validation, "test": test},
        notes=(note,),
    )


def _validation_and_test(held: list[Rows], spec: DataSpec) -> tuple[Rows, Rows]:
    """The parts beside a stream; a single one is divided in the proportion of the shares."""
    if len(held) > 1:
        return held[0], held[1]
    rows = held[0]
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


def _to_arrays(returned: Any, source: str, function: Callable[..., Any], spec: DataSpec) -> Arrays:
    if isinstance(returned, Mapping):
        return from_names(returned, source)
    if is_dataset(returned):
        return Arrays(parts={"train": collect(returned, source)})
    if _is_with_stream(returned):
        return _hold_stream(returned, function, spec)
    if not isinstance(returned, tuple) or len(returned) not in (2, 3):
        raise DataError(f"Expected {source} to return {_RETURNS}. Received: {describe(returned)}.")
    if is_dataset(returned[0]):
        named = ("train", "test") if len(returned) == 2 else ("train", "validation", "test")
        parts = (collect_part(part, source) for part in returned)
        return Arrays(parts=dict(zip(named, parts, strict=True)))
    # Only tuples are pairs: a list of two rows with two values each is an array.
    pairs = all(isinstance(pair, tuple) and len(pair) in (2, 3) for pair in returned)
    if pairs and len(returned) == 2:
        train, test = returned
        return Arrays(parts={"train": _rows(*train), "test": _rows(*test)})
    return Arrays(parts={"train": _rows(*returned)})


def _rows(x: Any, y: Any, weights: Any = None) -> Rows:
    return Rows(x=x, y=y, weights=weights)


SOURCE = Source(
    form=FORM,
    summary=f"a function that returns (x, y), pairs as Keras's sets do, or a dict with {FORMS}",
    accepts=accepts,
    read=read,
    takes_parts=False,
)

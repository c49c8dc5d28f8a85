"""Rows of data sets and streams that are read once and held, as long as they fit into memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from search_spaces.user_code.source_files import brief
from tuner.datasets import row_stream
from tuner.datasets.errors import DataError
from tuner.datasets.raw_data import Rows
from tuner.resources import memory

ENDLESS = -1  # as tf.data.INFINITE_CARDINALITY
MOST_ROWS = 1_000_000  # of a dataset that does not say how many it has
PATIENCE = 300.0  # seconds for their reading
SHARE = 0.4  # of the free memory that rows may take before they are put together
SMALLEST = 4  # bytes of a value


class TooLargeError(DataError):
    """Rows do not fit into memory.

    Args:
        source: Where they come from, for messages.
        received: How many there are, at least, and how much memory.
        advice: What to do; one piece of a sentence.
    """

    def __init__(self, source: str, received: str, advice: str = "stream them (--stream)") -> None:
        super().__init__(
            f"Expected {source} to return rows that fit into memory. Received: {received}: return "
            f"fewer, write .npy, or {advice}."
        )
        self.source, self.received = source, received

    def advising(self, advice: str) -> TooLargeError:
        """Returns the same with other advice."""
        return TooLargeError(self.source, self.received, advice)


def is_dataset(value: Any) -> bool:
    """Whether it is a ``tf.data.Dataset``; nobody has one who has not imported TensorFlow."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(value, tf.data.Dataset)


def collect(dataset: Any, source: str) -> Rows:
    """Returns all rows of a ``tf.data.Dataset``, which may come in batches.

    Args:
        dataset: Of ``(x, y)`` or ``(x, y, weights)``.
        source: Its name, for messages.

    Raises:
        DataError: It is of something else, has no rows or no end.
        TooLargeError: Its rows do not fit into memory.
    """
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
    x, y, *weights = (_stack(column) for column in zip(*rows, strict=True))
    return Rows(x=x, y=y, weights=weights[0] if weights else None)


def collect_part(part: Any, source: str) -> Rows:
    """Returns the rows of a part beside a stream: arrays, or a data set that ends.

    Raises:
        DataError: It is neither; or as ``collect``.
    """
    if is_dataset(part):
        return collect(part, source)
    if row_stream.is_pydataset(part):
        columns = zip(*row_stream.items_of(part), strict=True)
        x, y = (np.concatenate(list(column)) for column in columns)
        return Rows(x=x, y=y)
    if not isinstance(part, tuple) or len(part) != 2 or any(isinstance(p, Mapping) for p in part):
        raise DataError(
            f"Expected {source} to return {row_stream.FORMS}. Received: {describe(part)}, as a "
            "part that is held."
        )
    return Rows(x=np.asarray(part[0]), y=np.asarray(part[1]))


def collect_stream(call: Callable[[], Any], source: str, held: Rows, seed: int) -> Rows:
    """Returns the rows of one pass of a stream.

    Args:
        call: Calls the function that returns it.
        source: Its name, for messages.
        held: Rows like its own.
        seed: Of all random numbers.

    Raises:
        TooLargeError: They do not fit into memory.
        DataError: As ``RowStream.batches``.
    """
    stream = row_stream.RowStream(source=source, call=call, shape=np.shape(held.x)[1:])
    rows = (row for x, y in stream.batches(seed) for row in zip(x, y, strict=True))
    x, y = zip(*_check_bounds(rows, source, ends=False), strict=True)
    return Rows(x=np.stack(x), y=np.stack(y))


def describe(returned: Any) -> str:
    """Returns what a function returned, for messages."""
    if isinstance(returned, tuple):
        return f"a tuple of {len(returned)}"
    return f"a value of type {type(returned).__name__}"


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
            more = f"{count:,} rows and more that do not fit into {room / 1e9:,.1f} GB"
            raise TooLargeError(source, more)
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

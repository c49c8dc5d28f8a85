"""Training rows that are read anew in every epoch and never held together.

A function of the user's returns ``(stream, validation)`` or ``(stream, validation, test)``. The
stream is a ``tf.data.Dataset``, a ``keras.utils.PyDataset``, a generator, or a function that
returns one, of pairs ``(x, y)`` of rows or of batches. The other parts are held, as ever.

For each pass the function is called anew, with the random numbers of Python, NumPy and TensorFlow
seeded from the trial and the epoch: what goes by them is the same again when an epoch is repeated.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.errors import DataError
from tuner.datasets.raw_data import Rows

SAMPLE = 4096  # rows that are held at most: scaling, classes and baselines go by them
SAMPLE_VALUES = 1 << 26  # of them; a number that no machine decides, as all must scale alike
LABELS = 1000  # different targets that may be classes, of which the sample has a row each
COMPARED = 8  # parts of two passes that tell whether seeds decide them
AT_ONCE = 256  # rows that are put together where they come one by one, at most
PATIENCE = 300.0  # seconds for a pass that does not say how many rows it has
CONTEXT = "tensorflow.python.eager.context"  # the module that knows TensorFlow's seed
ENDLESS = -1  # as tf.data.INFINITE_CARDINALITY
FORMS = "(stream, (x_val, y_val)) or (stream, (x_val, y_val), (x_test, y_test)) for a stream"

Batch = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class RowStream:
    """A source of training rows.

    Attributes:
        source: Its name, for messages.
        call: Calls the user's function.
        shape: Of a row's features.
    """

    source: str
    call: Callable[[], Any]
    shape: tuple[int, ...]

    @property
    def sample_rows(self) -> int:
        """How many rows a sample has at most: fewer where rows are large."""
        return max(1, min(SAMPLE, SAMPLE_VALUES // max(1, math.prod(self.shape))))

    @property
    def rows_at_once(self) -> int:
        """How many rows are put together where they come one by one: fewer where they are large."""
        return max(1, self.sample_rows * AT_ONCE // SAMPLE)

    def batches(self, seed: int) -> Iterator[Batch]:
        """Yields the rows of one pass, raw, as many at once as they come in.

        Args:
            seed: Of all random numbers, in [0, 2**32).

        Raises:
            DataError: What comes is no pair, or of other rows than the validation part, or nothing.
        """
        is_empty = True
        with _seeded(seed):
            stream = parts_of(self.call(), self.source)[0]
            rows: list[Batch] = []
            for item in _items(stream, self.source):
                x, y = _pair(item, self.source)
                is_row = x.shape == self.shape
                if is_row:
                    rows.append((x[None], y[None]))
                if rows and (not is_row or len(rows) == self.rows_at_once):
                    yield from _joined(rows)
                    rows = []
                if not is_row:
                    self._check_batch(x, y)
                    yield x, y
                is_empty = is_empty and x.size == 0
            yield from _joined(rows)
        if is_empty:
            raise DataError(
                f"Expected {self.source} to stream rows in every epoch, each time it is called. "
                "Received: none: make a new generator in each call, and keep only the other parts."
            )

    def _check_batch(self, x: NDArray[Any], y: NDArray[Any]) -> None:
        if not x.ndim or x.shape[1:] != self.shape:
            raise DataError(
                f"Expected {self.source} to stream rows of shape {self.shape}, as those of "
                f"the validation part, or batches of them. Received: {x.shape}."
            )
        if y.shape[:1] != x.shape[:1]:
            raise DataError(
                f"Expected {self.source} to stream a target for each row of a batch. Received: x "
                f"of shape {x.shape} with y of shape {y.shape}."
            )

    def in_batches(self, seed: int, size: int) -> Iterator[Batch]:
        """Yields the rows of one pass, so many at once; the last batch may have fewer."""
        held: list[Batch] = []
        count = 0
        for batch in self.batches(seed):
            held.append(batch)
            count += len(batch[0])
            while count >= size:
                (whole,) = _joined(held)
                yield whole[0][:size], whole[1][:size]
                held, count = [(whole[0][size:], whole[1][size:])], count - size
        if count:
            yield from _joined(held)


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamedRows:
    """A stream as it was looked through once.

    Attributes:
        stream: The rows.
        rows: How many there are in an epoch.
        sample: Some of them, drawn at random, and a row of each class that was not drawn.
        is_seeded: Whether seeds decide all of them.
    """

    stream: RowStream
    rows: int
    sample: Rows
    is_seeded: bool


def look_through(stream: RowStream, seed: int, *, of_classes: bool = True) -> StreamedRows:
    """Counts the rows of an epoch and keeps a sample, holding little more than that.

    Args:
        stream: The rows.
        seed: Of all random numbers, in [0, 2**32).
        of_classes: Whether whole numbers and texts as targets may be classes.

    Raises:
        DataError: There are none, the first time or the second, or no end is in sight.
    """
    drawn = np.random.default_rng(seed)
    kept: list[Batch] = []
    first_of: dict[Any, Batch] = {}
    most, rows, began = stream.sample_rows, 0, time.monotonic()
    for x, y in stream.batches(seed):
        may_be_classes = of_classes and y.size == len(y) and y.dtype.kind != "f"
        for i in range(len(x)):  # Vitter's algorithm R
            place = rows if rows < most else int(drawn.integers(0, rows + 1))
            if place == len(kept):
                kept.append((np.array(x[i]), np.array(y[i])))
            elif place < most:
                kept[place] = np.array(x[i]), np.array(y[i])
            if may_be_classes and len(first_of) < LABELS and (label := y[i].item()) not in first_of:
                first_of[label] = np.array(x[i]), np.array(y[i])
            rows += 1
        if time.monotonic() - began > PATIENCE:
            raise DataError(
                f"Expected {stream.source} to stream an epoch that ends. Received: {rows:,} rows "
                f"within {PATIENCE:.0f} s and no end: leave out repeat(), or let it end."
            )
    seen = {y.item() for _, y in kept if y.size == 1}
    kept += [row for label, row in first_of.items() if label not in seen]
    x, y = (np.stack(column) for column in zip(*kept, strict=True))
    return StreamedRows(
        stream=stream, rows=rows, sample=Rows(x=x, y=y), is_seeded=_is_seeded(stream, seed)
    )


def parts_of(returned: Any, source: str) -> tuple[Any, ...]:
    """Returns the stream and the parts beside it.

    Raises:
        DataError: There are others.
    """
    if not isinstance(returned, tuple) or len(returned) not in (2, 3) or _is_array(returned[0]):
        raise DataError(
            f"Expected {source} to return {FORMS}. Received: "
            f"{f'a tuple of {len(returned)}' if isinstance(returned, tuple) else type(returned)}."
        )
    return returned


def is_pydataset(value: Any) -> bool:
    """Whether it is a ``keras.utils.PyDataset``; nobody has one who has not imported Keras."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.utils.PyDataset)


def is_stream(value: Any) -> bool:
    """Whether it is something that only a stream can be: a generator, a function, a PyDataset."""
    return callable(value) or isinstance(value, Iterator) or is_pydataset(value)


def items_of(dataset: Any) -> Iterator[Any]:
    """The batches of a ``PyDataset`` in the order of their numbers."""
    for number in range(len(dataset)):
        yield dataset[number]


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, list))


def _items(stream: Any, source: str) -> Iterable[Any]:
    if is_pydataset(stream):
        if stream.num_batches is None:
            raise DataError(f"Expected {source} to stream an epoch that ends. Received: no end.")
        order = np.random.permutation(stream.num_batches)
        return (stream[int(number)] for number in order)
    if hasattr(stream, "as_numpy_iterator"):
        if int(stream.cardinality()) == ENDLESS:
            raise DataError(
                f"Expected {source} to stream an epoch that ends. Received: one that repeats "
                "forever: leave out repeat(), or end it with .take(N)."
            )
        items: Iterable[Any] = stream.as_numpy_iterator()
        return items
    if callable(stream):
        stream = stream()
    if not isinstance(stream, Iterable):
        raise DataError(
            f"Expected {source} to return a tf.data.Dataset, a keras.utils.PyDataset or a "
            f"generator first. Received: a value of type {type(stream).__name__}."
        )
    return stream


def _pair(item: Any, source: str) -> Batch:
    if (
        not isinstance(item, (tuple, list))
        or len(item) != 2
        or any(isinstance(p, dict) for p in item)
    ):
        received = f"{len(item)} values" if isinstance(item, (tuple, list)) else type(item).__name__
        raise DataError(
            f"Expected {source} to stream pairs (x, y) of one array each. Received: {received}."
        )
    x, y = (np.asarray(part) for part in item)
    return x, y


def _joined(batches: list[Batch]) -> Iterator[Batch]:
    if len(batches) == 1:
        yield batches[0]
    elif batches:
        yield np.concatenate([x for x, _ in batches]), np.concatenate([y for _, y in batches])


def _is_seeded(stream: RowStream, seed: int) -> bool:
    """Whether two passes with one seed begin with the same rows."""
    size = max(1, stream.rows_at_once // COMPARED)
    first, second = (list(islice(stream.in_batches(seed, size), COMPARED)) for _ in range(2))
    return len(first) == len(second) and all(
        np.array_equal(one, other)
        for mine, theirs in zip(first, second, strict=True)
        for one, other in zip(mine, theirs, strict=True)
    )


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Random numbers of a pass. TensorFlow's are seeded for all that is made within it."""
    python, numpy, tensorflow = random.getstate(), np.random.get_state(), sys.modules.get(CONTEXT)
    before = None if tensorflow is None else tensorflow.global_seed()
    random.seed(seed)
    np.random.seed(seed)
    if tensorflow is not None:
        tensorflow.set_global_seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        if tensorflow is not None:
            tensorflow.set_global_seed(before)

"""The data sets of ``keras.datasets``, from Keras's cache or downloaded into it."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass

import numpy as np

from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.raw_data import Arrays, Rows
from tuner.datasets.sources.dataset_facts import DatasetFacts
from tuner.datasets.sources.source import Source, no_file
from tuner.errors import one_line
from tuner.suppress_output import suppress_output

STEPS = 200  # words of a text
VOCABULARY = 10_000  # words that are told apart


@dataclass(frozen=True, kw_only=True)
class KerasSet(DatasetFacts):
    """A set of Keras's, of both parts that it brings.

    Attributes:
        module: Of ``keras.datasets``.
        vocabulary: Where rows are texts, how many words are told apart; see ``_text``.
    """

    module: str
    vocabulary: int | None = None


def _images(module: str, rows: int, shape: tuple[int, ...], classes: int, what: str) -> KerasSet:
    return KerasSet(
        module=module,
        rows=rows,
        shape=shape,
        task="classes",
        classes=classes,
        summary=f"{what} (via Keras)",
        same_unit=True,
    )


def _houses(module: str, rows: int, columns: int, what: str) -> KerasSet:
    return KerasSet(
        module=module,
        rows=rows,
        shape=(columns,),
        task="regression",
        classes=None,
        summary=f"prices of houses in {what} (via Keras)",
    )


def _text(module: str, rows: int, classes: int, what: str) -> KerasSet:
    """Texts as numbers of words by how common they are, all of one length.

    As Keras numbers them: 0 fills up at the beginning, 1 begins a text, 2 is any rarer word. Of
    longer texts the end is kept.
    """
    return KerasSet(
        module=module,
        rows=rows,
        shape=(STEPS,),
        task="binary" if classes == 2 else "classes",
        classes=classes,
        summary=f"{what}, the last {STEPS} words of {VOCABULARY:,} (via Keras)",
        vocabulary=VOCABULARY,
    )


SETS = {
    "mnist": _images("mnist", 70_000, (28, 28), 10, "handwritten digits, 28x28 pixels"),
    "fashion-mnist": _images(
        "fashion_mnist", 70_000, (28, 28), 10, "photographs of clothes, 28x28 pixels"
    ),
    "cifar10": _images("cifar10", 60_000, (32, 32, 3), 10, "colour photographs of ten kinds"),
    "cifar100": _images("cifar100", 60_000, (32, 32, 3), 100, "colour photographs of 100 kinds"),
    "boston-housing": _houses("boston_housing", 506, 13, "the suburbs of Boston, 1978"),
    "california-housing": _houses("california_housing", 20_640, 8, "districts of California, 1990"),
    "imdb": _text("imdb", 50_000, 2, "reviews of films, good or bad"),
    "reuters": _text("reuters", 11_228, 46, "news by topic"),
}


def accepts(source: str) -> bool:
    """Whether the source is one of the names in ``SETS``."""
    return source in SETS


def read(spec: DataSpec) -> Arrays:
    """Returns the two parts that the set brings, as ``train`` and ``test``, in Keras's order.

    TensorFlow is imported.

    Raises:
        DataError: It is not in Keras's cache and could not be downloaded.
    """
    facts = SETS[spec.source]
    options = {} if facts.vocabulary is None else {"num_words": facts.vocabulary}
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with suppress_output():  # TensorFlow's first lines, and progress bars of downloads
            module = importlib.import_module(f"keras.datasets.{facts.module}")
            train, test = module.load_data(**options)
    except Exception as e:  # Keras raises bare exceptions
        raise DataError(
            f"{spec.source}: expected it in Keras's cache (datasets/ in KERAS_HOME, or else in "
            f"~/.keras), or a network to download it. Received: {one_line(e)}."
        ) from e
    return Arrays(
        parts={"train": _rows(train, facts), "test": _rows(test, facts)},
        same_unit=facts.same_unit,
        vocabulary=facts.vocabulary,
    )


def _rows(pair: tuple[np.ndarray, np.ndarray], facts: KerasSet) -> Rows:
    x, y = pair
    if facts.vocabulary is not None:
        from keras.utils import pad_sequences

        x = pad_sequences(x, maxlen=STEPS)
    return Rows(x=x, y=y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y)


SOURCE = Source(
    form="a name such as mnist",
    summary="a data set of keras.datasets",
    accepts=accepts,
    read=read,
    takes_parts=False,
    sets=SETS,
    files=no_file,
)

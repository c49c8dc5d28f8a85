"""Columns of text: how they are recognised and encoded.

A text becomes a weight for each word known from the training part: how often it is there, times
``log(1 + documents / (1 + documents with the word))``, the whole of length 1 ("tf-idf", Salton and
Buckley, "Term-weighting approaches in automatic text retrieval", 1988). Words go without case and
punctuation, as ``keras.layers.TextVectorization`` takes a text apart, which does this in the model
that leaves the project; like there, only letters of ASCII lose their case.
"""

from __future__ import annotations

import string
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets.errors import DataError
from tuner.datasets.scaling import Floats
from tuner.errors import quoted

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MOST_WORDS = 1000  # of a column
FEWEST_ROWS = 2  # with a word: one in a single row tells nothing of others
_WORDS = 3  # of a text that is taken for one, on average
_SHARED = 2  # of them that other rows have, too
_SHORTEST = 1e-12  # square of a length that is divided by
_LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_PUNCTUATION = string.punctuation.encode()


def are_texts(column: pd.Series) -> bool:
    """Whether text is made of several words a row, of which other rows have some."""
    rows = [words(text) for text in column.dropna().astype(str)]
    counts = _rows_with(rows)
    shared = sum(counts[word] >= FEWEST_ROWS for row in rows for word in row)
    count = max(1, len(rows))
    return sum(map(len, rows)) >= _WORDS * count and shared >= _SHARED * count


def words(text: str) -> list[str]:
    """Returns the words of a text, in their order."""
    plain = text.encode("utf-8", "replace").translate(_LOWER, _PUNCTUATION)
    return [word.decode("utf-8") for word in plain.split()]


def _rows_with(rows: list[list[str]]) -> Counter[str]:
    """In how many rows each word is."""
    return Counter(word for row in rows for word in set(row))


@dataclass(frozen=True, kw_only=True)
class Text:
    """A column of text.

    Attributes:
        words: Those that are known, the most frequent first.
        weights: What a word counts each time it is there.
    """

    name: str
    words: tuple[str, ...]
    weights: tuple[float, ...]

    @property
    def width(self) -> int:
        """Columns that it becomes."""
        return len(self.words)

    def encode(self, texts: NDArray[Any]) -> Floats:
        """Returns ``(rows, width)``; a text without known words is 0."""
        places = {word: place for place, word in enumerate(self.words)}
        counts = np.zeros((len(texts), self.width), np.float32)
        for row, text in enumerate(texts):
            for word in words(text):
                if word in places:
                    counts[row, places[word]] += 1
        counts *= np.array(self.weights, np.float32)
        square = np.square(counts).sum(axis=1, keepdims=True)
        return counts / np.sqrt(np.maximum(square, np.float32(_SHORTEST)))


def fit(name: str, texts: NDArray[Any]) -> Text:
    """Returns how the texts of training rows are encoded.

    Args:
        texts: Python's strings ``(rows,)``.

    Raises:
        DataError: No word is in two rows.
    """
    rows = [words(text) for text in texts]
    counts = _rows_with(rows)
    ranked = [(-count, word) for word, count in counts.items() if count >= FEWEST_ROWS]
    if not ranked:
        raise DataError(
            f"Expected words in column {quoted(name)} that occur in {FEWEST_ROWS} training rows or "
            "more. Received: none: it tells nothing of other rows, remove it."
        )
    chosen = [word for _, word in sorted(ranked)[:MOST_WORDS]]
    weights = np.log(1 + len(rows) / (1 + np.array([counts[word] for word in chosen])))
    return Text(name=name, words=tuple(chosen), weights=tuple(weights.astype(np.float32).tolist()))


def encode_texts(texts: Any, column: Text, *, name: str) -> Any:
    """Returns what ``Text.encode`` computes, by Keras's own layers and operations.

    Args:
        texts: A tensor of strings ``(rows, 1)``.
        name: Of the layer that takes texts apart.
    """
    import keras

    layer = keras.layers.TextVectorization(
        output_mode="tf_idf",
        vocabulary=list(column.words),
        idf_weights=list(column.weights),
        name=name,
    )
    # Of texts of shape (rows, 1) it tells a shape that its answers do not have.
    weights = layer(keras.ops.squeeze(texts, axis=1))
    weights = keras.ops.cast(weights, "float32")[:, 1:]  # without the words that are not known
    square = keras.ops.sum(keras.ops.square(weights), axis=1, keepdims=True)
    return weights / keras.ops.sqrt(keras.ops.maximum(square, _SHORTEST))

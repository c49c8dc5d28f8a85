"""Columns of text: told from categories and identifiers, and as weights of words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.prose import sentences
from tests.support.refusals import error_of
from tuner.datasets import DataSpec, load
from tuner.datasets.cache import load_shared
from tuner.datasets.columns import texts
from tuner.datasets.dataset_profile import profile_dataset


def spec(folder: Path, column: list, **fields) -> DataSpec:
    frame = pd.DataFrame({"said": column, "odd": [row % 2 for row in range(len(column))]})
    frame.to_csv(folder / "words.csv", index=False)
    return DataSpec(source=str(folder / "words.csv"), target="odd", **fields)


def test_real_sentences_are_text(tmp_path: Path):
    """Their words are those of the training rows that two of these have."""
    data = load(spec(tmp_path, sentences()[:400]))
    assert data.encoder.kinds == {"said": "text"}
    (column,) = data.encoder.columns
    rows = [set(texts.words(text)) for text in data.raw("train")["said"][:, 0]]
    counts = [sum(word in row for row in rows) for word in column.words]
    assert min(counts) == 2
    assert counts == sorted(counts, reverse=True)
    assert data.train.x.shape == (len(rows), len(column.words))


def test_a_row_is_tf_idf_of_length_one(tmp_path: Path):
    """Held against the formula, word by word."""
    data = load(spec(tmp_path, sentences()[:200]))
    (column,) = data.encoder.columns
    rows = [texts.words(text) for text in data.raw("train")["said"][:, 0]]
    having = np.array([sum(word in row for row in rows) for word in column.words])
    counts = np.array([[row.count(word) for word in column.words] for row in rows])
    expected = counts * np.log(1 + len(rows) / (1 + having))
    length = np.linalg.norm(expected, axis=1, keepdims=True)
    expected /= np.where(length == 0, 1, length)  # a text of words that no other has
    np.testing.assert_allclose(data.train.x, expected, rtol=1e-5)


def test_case_and_punctuation_do_not_count():
    """Words are split at white space and dashes that stand alone."""
    assert texts.words("Don't SHOUT, straße; -- (at me)!") == [
        "dont",
        "shout",
        "straße",
        "at",
        "me",
    ]


def test_only_the_most_frequent_words_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A long text has no more columns than that."""
    monkeypatch.setattr(texts, "MOST_WORDS", 7)
    assert load(spec(tmp_path, sentences()[:200])).inputs.shape == (7,)


@pytest.mark.parametrize(
    "column",
    [
        [f"id-{row}" for row in range(60)],
        [f"Elm {row}" for row in range(60)],
        [f"{row:04x} {row:05x} {row:06x} {row:07x}" for row in range(60)],
    ],
    ids=["identifiers", "addresses", "several words that nobody shares"],
)
def test_what_looks_like_an_identifier_is_refused_with_a_hint(tmp_path: Path, column: list[str]):
    """Every row has a text of its own."""
    line = error_of(spec(tmp_path, column))
    assert "remove it, or take its words with --text said" in line


def test_whoever_calls_it_text_gets_its_words(tmp_path: Path):
    """Also where it looks like an identifier or a category."""
    column = [f"Elm {row}" for row in range(60)]
    data = load(spec(tmp_path, column, text=("said",)))
    assert data.encoder.columns[0].words == ("elm",)
    few = [("red", "green blue")[row % 2] for row in range(60)]
    assert load(spec(tmp_path, few)).encoder.kinds == {"said": "category"}
    assert load(spec(tmp_path, few, text=("said",))).encoder.kinds == {"said": "text"}


@pytest.mark.parametrize(
    ("column", "text", "told"),
    [
        ([*range(60)], "said", "expected --text to be a column of text. Received: 'said' with 0"),
        (["a b"] * 60, "sayd", "Did you mean 'said'?"),
        (["a b"] * 60, "odd", "beside the target"),
        ([f"w{row}" for row in range(60)], "said", "occur in 2 training rows or more"),
    ],
)
def test_text_that_cannot_be_meant_is_told(tmp_path: Path, column: list, text: str, told: str):
    """A column of numbers, a mistyped one, the target, or one in which no word comes twice."""
    assert told in error_of(spec(tmp_path, column, text=(text,)))


def test_sets_without_columns_have_no_text():
    """The option is for tables."""
    assert "Expected --text with tables" in error_of(DataSpec(source="digits", text=("a",)))


def test_other_words_are_other_data(tmp_path: Path):
    """Texts count in the fingerprint letter by letter, and where one ends."""
    plain = ["the red cat sat here", "the red dog sat there"] * 30
    first = load(spec(tmp_path, plain, text=("said",))).fingerprint
    plain[0] += "!"
    assert load(spec(tmp_path, plain, text=("said",))).fingerprint != first


def test_large_tables_are_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is mapped from the cache is what was encoded."""
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tuner.datasets.cache.LARGE", 1000)
    asked = spec(tmp_path, sentences()[:200])
    plain, first, again = load(asked), load_shared(asked), load_shared(asked)
    assert isinstance(again.train.x, np.memmap)
    assert first.encoder == again.encoder == plain.encoder
    np.testing.assert_array_equal(again.train.x, plain.train.x)
    assert again.raw("test")["said"].tolist() == plain.raw("test")["said"].tolist()


def test_a_portrait_calls_it_text(tmp_path: Path):
    """Without a lowest and highest value."""
    (column,) = profile_dataset(spec(tmp_path, sentences()[:100])).columns
    assert (column.kind, column.missing, column.high) == ("text", 0, None)

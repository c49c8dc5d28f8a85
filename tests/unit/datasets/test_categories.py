"""What a column was taken for is said, and can be said otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tuner.datasets import DataError, DataSpec, load, outline_data

ROWS = 60
CODES = [f"{row % 5:03}" for row in range(ROWS)]


def frame(**columns: object) -> pd.DataFrame:
    x = np.random.default_rng(0).normal(size=ROWS).round(3)
    return pd.DataFrame({"a": x, "y": np.arange(ROWS) % 2, **columns})


def spec(path: Path, table: pd.DataFrame, **fields: object) -> DataSpec:
    table.to_csv(path / "a.csv", index=False)
    fields = {"source": str(path / "a.csv"), "target": "y", **fields}
    return DataSpec(**fields)  # type: ignore[arg-type]


def test_codes_that_lose_their_zeros_are_told(tmp_path: Path):
    """Codes such as 007 are read as numbers, with a note that names `--categories`."""
    data = load(spec(tmp_path, frame(code=CODES, n=range(0, 2 * ROWS, 2))))
    (note,) = data.notes
    assert "'code'" in note
    assert note.endswith("--categories code")
    assert data.encoder is None


def test_codes_are_kept_where_that_is_asked(tmp_path: Path):
    """As they are written, with their zeros; commas join several."""
    asked = spec(tmp_path, frame(code=CODES, n=[3, 5, 5] * 20), categories=("code,n",))
    data = load(asked)
    assert data.encoder is not None
    assert data.encoder.kinds == {"a": "number", "code": "category", "n": "category"}
    assert data.encoder.to_dict()[1]["vocabulary"] == tuple(sorted(set(CODES)))
    assert data.notes == ()


def test_a_target_may_be_codes(tmp_path: Path):
    """Codes of a target are noted too; with `--categories` they are classes and keep zeros."""
    table = frame().assign(y=CODES)
    assert "'y'" in load(spec(tmp_path, table)).notes[0]
    data = load(spec(tmp_path, table, categories=("y",)))
    assert data.classes == ("000", "001", "002", "003", "004")


@pytest.mark.parametrize("missing", [False, True])
def test_numbers_of_a_parquet_file_are_spelt_like_those_of_a_csv(tmp_path: Path, missing: bool):
    """A missing value makes them floats, which are written without a point all the same."""
    table = frame(code=pd.Series([7, 8, 9] * 20, dtype="Int64"))
    if missing:
        table.loc[3, "code"] = pd.NA
    table.to_parquet(tmp_path / "a.parquet")
    options = {"categories": ("code",), "impute": missing}
    in_csv = load(spec(tmp_path, table, **options))
    data = load(spec(tmp_path, table, **options, source=str(tmp_path / "a.parquet")))
    assert data.encoder == in_csv.encoder
    assert data.encoder is not None
    np.testing.assert_array_equal(data.train.x, in_csv.train.x)


@pytest.mark.parametrize(
    ("column", "told", "lenient"),
    [
        ([f"{row}" for row in range(1001)], "at most 1,000 categories", False),
        (["x" * 1001] * 1001, "1,000 letters", True),
    ],
    ids=["many", "long"],
)
def test_too_many_and_too_long_ones(tmp_path: Path, column: list[str], told: str, lenient: bool):
    """Categories that are too long are refused, and in studies of before too many."""
    table = pd.DataFrame({"a": column, "b": 1, "y": [*range(2)] * 500 + [0]})
    with pytest.raises(DataError, match=told):
        load(spec(tmp_path, table, categories=("a",), lenient=lenient))


def test_the_rare_ones_of_many_share_an_input(tmp_path: Path):
    """The most frequent ones of the training part have an input each, and a note says so."""
    many = [f"c{min(row % 7 * row, 900)}" for row in range(1200)]
    table = pd.DataFrame({"c": many, "d": range(0, 2400, 2), "y": [0, 1] * 600})
    data = load(spec(tmp_path, table))
    assert data.encoder is not None
    category = data.encoder.columns[0]
    assert category.width == 1 + 100
    raw = data.raw("train")["c"][:, 0]
    counts = pd.Series(raw).value_counts()
    assert set(counts.index[counts > counts.iloc[100]]) < set(category.vocabulary)
    rare = ~np.isin(raw, category.vocabulary)
    np.testing.assert_array_equal(data.train.x[:, 0], rare)
    assert "the 100 most frequent ones have an input each" in " ".join(data.notes)


def test_a_name_that_is_no_column(tmp_path: Path):
    """A mistyped name of `--categories` is answered with the column that was meant."""
    with pytest.raises(
        DataError, match=r"--categories to be one of its columns.*Did you mean 'code'"
    ):
        load(spec(tmp_path, frame(code=CODES), categories=("cod",)))


@pytest.mark.parametrize("words", [["no", "no ", "yes"], ["no", "No", "yes"], ["a b", "a  b", "c"]])
def test_categories_that_differ_by_what_nobody_sees(tmp_path: Path, words: list[str]):
    """Of features, and of the target."""
    words = words * 20
    data = load(spec(tmp_path, frame(c=words).assign(y=words)))
    notes = [note for note in data.notes if "differ in spaces or case only" in note]
    assert len(notes) == 2
    assert repr(words[1]) in notes[0]


def test_what_differs_in_letters_is_not_told(tmp_path: Path):
    """Categories that differ in more than space or case bring no note."""
    assert load(spec(tmp_path, frame(c=["no", "yes", "perhaps"] * 20))).notes == ()


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (
            {"y": ["no", "no ", "yes"] * 20},
            "task multiclass ('no' 20, 'no ' 20, 'yes' 20); 1 column",
        ),
        ({"y": [row % 26 + 1 for row in range(ROWS)]}, "task regression of 26 different numbers"),
        ({"c": ["u", "v"] * 30}, "task binary (0 30, 1 30); 2 columns (1 number, 1 category)"),
        ({"c": range(ROWS)}, "1 column of numbers; rows 36 training, 12 validation, 12 test"),
    ],
)
def test_the_outline_tells_task_columns_and_parts(tmp_path: Path, columns: dict, told: str):
    """The line of a table names its task, the kinds of its columns and its parts."""
    asked = spec(tmp_path, frame(**columns))
    assert told in outline_data(load(asked), asked)


def test_the_outline_of_a_regression_has_its_own_unit(tmp_path: Path):
    """The range of a regression's targets is shown as it stands in the data, not scaled."""
    asked = spec(tmp_path, frame().assign(y=np.linspace(100, 159.5, ROWS)))
    assert "60 different numbers from 100 to 159.5" in outline_data(load(asked), asked)


def test_the_outline_counts_large_targets_as_they_stand(tmp_path: Path):
    """Numbers that float32 cannot tell apart are not one; their ends are told apart, too."""
    asked = spec(tmp_path, frame().assign(y=1_700_000_000 + np.arange(ROWS) / 4))
    told = "60 different numbers from 1700000000 to 1700000014.75"
    assert told in outline_data(load(asked), asked)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"source": "digits"}, "task multiclass (10: 0 178, 1 182, 2 177, 3 183, 4 181, ...); 64 "),
        ({"source": "digits", "learns": "rows"}, "the rows themselves; "),
        ({"source": "digits", "folds": 4}, "rows 1438 in 4 folds, 359 test"),
    ],
)
def test_the_outline_of_other_sources(fields: dict, told: str):
    """Arrays and bundled sets have a line, too."""
    asked = DataSpec(**fields)
    assert told in outline_data(load(asked), asked)

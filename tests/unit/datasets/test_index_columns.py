"""Columns that count the rows are no features, unless somebody wants them or a study has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tuner.datasets import DataError, DataSpec, array_store, load

ROWS = 40


def frame(**columns: object) -> pd.DataFrame:
    x = np.random.default_rng(0).normal(size=ROWS).round(3)
    return pd.DataFrame({"a": x, "b": x[::-1], "y": np.sort(np.arange(ROWS) % 2), **columns})


def spec(path: Path, **fields: object) -> DataSpec:
    return DataSpec(source=str(path), target="y", **fields)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "house.csv"


@pytest.mark.parametrize("first", [0, 1, 17])
@pytest.mark.parametrize("kind", [int, float])
def test_a_running_column_is_left_out_with_a_warning(path: Path, first: int, kind: type):
    """A column that counts the rows, from any first number, is no feature, and a note says so."""
    frame(id=np.arange(first, first + ROWS).astype(kind)).to_csv(path, index=False)
    data = load(spec(path))
    assert (data.columns, data.dropped) == (("a", "b"), ("id",))
    assert len(data.notes) == 1
    assert "'id'. To keep it: --drop none" in data.notes[0]


def test_a_column_without_a_name_is_left_out_whatever_it_holds(path: Path):
    """Also where a file with one was read and written again, and again."""
    shuffled = frame().sample(frac=1, random_state=0)
    for _ in range(3):
        shuffled.to_csv(path)
        shuffled = pd.read_csv(path)
    data = load(spec(path))
    assert data.columns == ("a", "b")
    assert len(data.dropped) == 3


def test_an_index_as_r_writes_it(path: Path):
    """Rows have a value more than there are names: pandas takes the first for an index."""
    table = frame().set_axis(range(1, ROWS + 1), axis=0)
    path.write_text(table.to_csv().removeprefix(","))
    data = load(spec(path))
    assert (data.columns, data.dropped) == (("a", "b"), ("Unnamed: 0",))


def test_two_values_more_than_names_are_refused(path: Path):
    """One value more than names is an index; two are an error."""
    path.write_text("a,y\n" + "1,2,3,0\n2,2,3,1\n" * 10)
    with pytest.raises(DataError, match="2 names and 4 values a row"):
        load(spec(path))


def test_none_keeps_all(path: Path):
    """With `--drop none` a column that counts the rows is a feature, without a note."""
    frame(id=range(ROWS)).to_csv(path, index=False)
    data = load(spec(path, drop_index=False))
    assert (data.columns, data.dropped, data.notes) == (("a", "b", "id"), (), ())


def test_columns_are_dropped_by_name(path: Path):
    """Each option names one or several; a column that holds nothing usable is out of the way."""
    frame(street=[f"Elm {row}" for row in range(ROWS)]).rename(columns={"b": "b,c"}).to_csv(
        path, index=False
    )
    data = load(spec(path, drop=("b,c", "street")))
    assert (data.columns, data.dropped, data.notes) == (("a",), ("b,c", "street"), ())
    assert load(spec(path, drop=("a,street",))).columns == ("b,c",)


@pytest.mark.parametrize(("name", "told"), [("streat", "Did you mean 'street'"), ("y", "'y'")])
def test_what_cannot_be_dropped_is_refused(path: Path, name: str, told: str):
    """A mistyped column and the target cannot be dropped."""
    frame(street=1).to_csv(path, index=False)
    with pytest.raises(DataError, match=f"expected --drop to be one of its columns .*{told}"):
        load(spec(path, drop=(name,)))


def test_the_only_feature_is_one(path: Path):
    """Such as the day, of a series in time."""
    frame(day=range(ROWS))[["day", "y"]].to_csv(path, index=False)
    assert load(spec(path)).columns == ("day",)


@pytest.mark.parametrize("name", ["year", "Month", "t", "days"])
def test_times_that_go_on_by_one_are_features(path: Path, name: str):
    """A trend is in them, unlike in what only numbers the rows."""
    frame(**{name: range(1956, 1956 + ROWS), "nr": range(ROWS)}).to_csv(path, index=False)
    data = load(spec(path))
    assert data.columns is not None
    assert (name in data.columns, data.dropped) == (True, ("nr",))


def test_identifiers_in_another_order_are_told(path: Path):
    """They may be ranks: they stay."""
    frame(id=np.random.default_rng(1).permutation(ROWS)).to_csv(path, index=False)
    data = load(spec(path))
    assert data.columns == ("a", "b", "id")
    assert "'id'. To leave them out: --drop id" in data.notes[0]


@pytest.mark.parametrize(
    "column", [[5, 6, 7] * 13 + [5], [*range(39), 50], [0.5 + i for i in range(40)]]
)
def test_other_whole_numbers_are_features(path: Path, column: list[float]):
    """Whole numbers that do not count the rows one by one stay, without a note."""
    frame(c=column).to_csv(path, index=False)
    data = load(spec(path))
    assert (data.columns, data.notes) == (("a", "b", "c"), ())


def test_further_parts_may_have_it_or_not(path: Path, tmp_path: Path):
    """There it is another one."""
    frame(id=range(ROWS)).to_csv(path, index=False)
    part = tmp_path / "test.csv"
    frame(id=7).to_csv(part)
    whole = load(spec(path, test_data=str(part)))
    frame().to_csv(part, index=False)
    assert load(spec(path, test_data=str(part))).fingerprint == whole.fingerprint
    np.testing.assert_array_equal(whole.raw("test"), frame()[["a", "b"]])


def test_studies_from_before_keep_theirs(path: Path):
    """What they wrote says nothing of it."""
    frame(id=range(ROWS)).to_csv(path, index=False)
    written = spec(path).to_dict()
    for field in ("drop", "drop_index", "categories"):
        del written[field]
    assert load(DataSpec.from_dict(written)).columns == ("a", "b", "id")
    assert DataSpec.from_dict(spec(path, drop=("a",)).to_dict()) == spec(path, drop=("a",))


@pytest.mark.parametrize("several", [False, True])
def test_a_frame_in_memory_is_checked_as_a_file_is(tmp_path: Path, several: bool):
    """Its running or unnamed column is no feature, in no part, and may be in rows to come."""
    table = frame(id=range(ROWS))
    x, y = table.drop(columns="y").assign(**{"Unnamed: 0": 7.0}), table["y"]
    other = x.sample(frac=1, random_state=0)
    as_given = (
        (lambda f: {"numbers": f, "image": np.zeros((ROWS, 2, 2))}) if several else lambda f: f
    )
    written = array_store.write(((as_given(x), y), (as_given(other), y)), str(tmp_path))
    data = load(DataSpec(source=str(written)))
    columns = data.columns_of["numbers"] if several and data.columns_of else data.columns
    assert (columns, set(data.dropped)) == (("a", "b"), {"id", "Unnamed: 0"})
    assert len(data.notes) == 1
    assert "To keep it: --drop none" in data.notes[0]
    rows = data.raw("test")
    rows = rows["numbers"] if several else rows
    np.testing.assert_array_equal(rows, other[["a", "b"]])
    kept = load(DataSpec(source=str(written), drop_frame_index=False))
    assert (kept.dropped, kept.notes) == ((), ())


def test_a_function_that_returns_a_frame_is_checked_too(tmp_path: Path):
    """Of a study that was made before, the column stays a feature."""
    (tmp_path / "mine.py").write_text(
        "import pandas as pd\n\ndef rows():\n    y = [0, 1] * 20\n"
        "    return pd.DataFrame({'a': [i % 7 for i in range(40)], 'id': range(40)}), y\n"
    )
    asked = DataSpec(source=f"{tmp_path / 'mine.py'}:rows")
    assert load(asked).columns == ("a",)
    written = asked.to_dict()
    del written["drop_frame_index"]
    assert load(DataSpec.from_dict(written)).columns == ("a", "id")


def test_arrays_without_names_are_left_alone(tmp_path: Path):
    """Nobody says that their columns are columns of a table."""
    x = np.column_stack([np.arange(ROWS), np.arange(ROWS) % 7])
    written = array_store.write((x, np.arange(ROWS) % 2), str(tmp_path))
    assert load(DataSpec(source=str(written))).inputs.shape == (2,)

"""Names of columns are kept wherever they come from, and columns found by them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tuner.api.data_frame_files import as_rows
from tuner.datasets import DataError, DataSpec, array_store, load, load_shared
from tuner.datasets.columns.column_names import in_order

PREAMBLE = """
import numpy as np
import pandas as pd
y = np.arange(60) % 2
frame = pd.DataFrame({"b": np.arange(60.0) / 2, "a": np.arange(60.0) ** 2, "c": y * 1.0})
"""


@pytest.fixture
def returning(tmp_path):
    """A function that returns a source: one that returns what is written in text."""

    def write(text: str) -> str:
        (tmp_path / "mine.py").write_text(f"{PREAMBLE}\ndef rows():\n    return {text}\n")
        return f"{tmp_path / 'mine.py'}:rows"

    return write


@pytest.mark.parametrize(
    "text", ["frame, y", "{'x': frame, 'y': y}", "(frame, y), (frame[:9], y[:9])"]
)
def test_a_function_that_returns_a_frame_keeps_its_names(returning, text):
    """The columns of a returned data frame are known by name, also from the cache."""
    assert load_shared(DataSpec(source=returning(text))).columns == ("b", "a", "c")


@pytest.mark.parametrize("text", ["frame.to_numpy(), y", "frame.set_axis([0, 1, 2], axis=1), y"])
def test_what_is_only_numbered_has_no_names(returning, text):
    """An array, and a frame with default column numbers, have no column names."""
    assert load(DataSpec(source=returning(text))).columns is None


def test_two_columns_of_one_name_cannot_be_asked_for(returning):
    """A frame with a name twice goes by position."""
    assert (
        load(DataSpec(source=returning("frame.set_axis(list('aab'), axis=1), y"))).columns is None
    )


def test_numbers_may_be_names(returning):
    """Numbers that are no mere count of columns, such as years, are names."""
    source = returning("frame.set_axis([2019, 2020, 2021], axis=1), y")
    assert load(DataSpec(source=source)).columns == ("2019", "2020", "2021")


def test_columns_of_other_parts_are_found_by_name(returning):
    """The test part has them in another order; one that is renamed is refused."""
    data = load(DataSpec(source=returning("(frame, y), (frame[['a', 'c', 'b']][:9], y[:9])")))
    np.testing.assert_array_equal(data.raw("test")[:, 1], np.arange(9.0) ** 2)
    renamed = returning("(frame, y), (frame.rename(columns={'a': 'd'}), y)")
    with pytest.raises(DataError, match=r"\(missing: a; not known: d\)"):
        load(DataSpec(source=renamed))


@pytest.mark.parametrize("several", [False, True])
def test_frames_in_memory_keep_their_names_in_the_file(tmp_path, several):
    """Two frames with equal numbers and other names are other data."""
    frame = pd.DataFrame({"b": np.arange(60.0) / 2, "a": np.arange(60.0) ** 2})
    y = np.arange(60) % 2

    def x(frame):
        return {"numbers": frame, "image": np.zeros((60, 2, 2))} if several else frame

    path = array_store.write((x(frame), y), str(tmp_path))
    data = load(DataSpec(source=str(path)))
    assert (data.columns_of if several else data.columns) == (
        {"numbers": ("b", "a")} if several else ("b", "a")
    )
    other = frame.set_axis(["x", "z"], axis=1)
    assert array_store.write((x(other), y), str(tmp_path)) != path
    plain = array_store.write((frame.to_numpy(), y), str(tmp_path))
    assert load(DataSpec(source=str(plain))).columns is None


def test_a_part_in_a_file_of_its_own_is_read_by_names(tmp_path):
    """A test part whose columns have another order is put into that of training."""
    x, y = np.arange(120.0).reshape(60, 2), np.arange(60) % 2
    np.savez(tmp_path / "train.npz", x=x, y=y, x_names=["a", "b"])
    np.savez(tmp_path / "last.npz", x=x[:, ::-1], y=y, x_names=["b", "a"])
    spec = DataSpec(source=str(tmp_path / "train.npz"), test_data=str(tmp_path / "last.npz"))
    np.testing.assert_array_equal(load(spec).raw("test"), x)


@pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", "b", "c"]])
def test_names_that_do_not_fit_are_refused(tmp_path, names):
    """`x_names` with too few, too many or repeated names are an error."""
    np.savez(tmp_path / "a.npz", x=np.eye(40, 2), y=np.arange(40) % 2, x_names=names)
    with pytest.raises(DataError, match="a name for each column of x"):
        load(DataSpec(source=str(tmp_path / "a.npz")))


def test_a_name_that_comes_twice_is_refused():
    """A wanted column that a table has twice is refused by name."""
    frame = pd.DataFrame(np.eye(3), columns=["a", "b", "a"])
    with pytest.raises(DataError, match="twice: a"):
        in_order(frame, ["a", "b"], "rows")


def test_rows_in_memory_without_names_go_by_position(tmp_path):
    """As many as there are names, whether they are an array or a numbered frame."""
    (tmp_path / "model.json").write_text('{"data": {"columns": ["b", "a"]}}')
    model = tmp_path / "model.keras"
    for rows in (np.eye(3, 2), pd.DataFrame(np.eye(3, 2))):
        assert as_rows(rows, model).columns.tolist() == ["b", "a"]
    with pytest.raises(DataError, match=r"Expected 2 columns.*Received: 3"):
        as_rows(np.eye(3), model)

"""Tables: numeric columns and a target, and each way in which a table can be wrong."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from tests.support import refusals
from tuner.datasets import DataSpec, describe, load


@pytest.fixture
def table(tmp_path):
    """Returns a function that writes a table and returns its path."""

    def write(text: str):
        path = tmp_path / "house.csv"
        path.write_text(text)
        return str(path)

    return write


def rows(line: str, count: int = 20) -> str:
    return "".join(line.format(i=i, label="yes" if i % 2 else "no") + "\n" for i in range(count))


error_of = partial(refusals.error_of, target="sold")


def test_text_labels_are_encoded_and_kept(table):
    """Models get positions; the labels as they were written can be had for each row."""
    data = load(
        DataSpec(source=table("size,sold,age\n" + rows("{i}.5,{label},3{i}")), target="sold")
    )
    assert data.classes == ("no", "yes")
    assert data.outputs.task == "binary"
    assert data.inputs.shape == (2,)
    labels = np.array(data.classes)[data.test.y]
    np.testing.assert_array_equal(labels, data.raw_targets("test"))
    np.testing.assert_array_equal(labels == "yes", np.floor(data.raw("test")[:, 0]) % 2 == 1)


def test_a_number_with_a_fraction_makes_a_regression(table):
    """Such targets are no classes."""
    data = load(DataSpec(source=table("size,price\n" + rows("{i},{i}.25")), target="price"))
    assert data.outputs.task == "regression"
    assert data.classes is None


def test_true_and_false_are_labels_and_numbers_alike(table):
    """They are labels as a target, and zeros and ones as a feature."""
    text = "new,sold\n" + "True,False\nFalse,True\n" * 10
    data = load(DataSpec(source=table(text), target="sold"))
    assert data.classes == (False, True)
    assert set(data.raw("train").ravel()) == {0.0, 1.0}


def test_a_table_is_described_before_it_is_used(table):
    """Rows, columns, task and number of classes."""
    path = table("size,sold\n" + rows("{i},{label}"))
    row = describe(DataSpec(source=path, target="sold"))
    assert (row.rows, row.shape, row.task, row.classes) == (20, (1,), "binary", 2)


def test_no_target_lists_the_columns(table):
    """The message says which columns may be the target."""
    message = error_of(table("size,sold\n" + rows("{i},{label}")), target=None)
    assert "add --target COLUMN, one of size, sold" in message


def test_a_missing_target_shows_close_matches(table):
    """A mistyped column gets the one that was meant."""
    message = error_of(table("size,sold\n" + rows("{i},{label}")), target="solt")
    assert "Did you mean 'sold'?" in message


def test_a_column_that_is_no_number_and_no_category_is_named_with_a_value(table):
    """With as many different texts as rows nothing can be learned from it."""
    message = error_of(table("size,street,sold\n" + rows("{i},Elm {i},{label}")))
    assert "Received: 'Elm 0' in column 'street' and 19 others in 20 rows" in message


def test_a_mistyped_number_makes_no_category(table):
    """A column of numbers with one that is none is refused, not taken for text."""
    message = error_of(table("size,age,sold\n" + rows("{i},7,{label}") + '3,"7,5",no\n'))
    assert "expected numbers in every feature column. Received: '7,5' in column 'age'" in message


def test_columns_of_text_are_categories(table):
    """They come to the model as one column each, after one for what is not known."""
    text = "size,colour,sold\n" + rows("{i},red,{label}") + rows("{i},blue,{label}")
    data = load(DataSpec(source=table(text), target="sold"))
    assert data.inputs.shape == (1 + 3,)
    raw = data.raw("test")
    assert set(raw) == {"size", "colour"}
    blue = (raw["colour"][:, 0] == "blue").astype(float)
    np.testing.assert_array_equal(data.test.x[:, 1:], np.stack([0 * blue, blue, 1 - blue], axis=1))


def test_what_is_missing_is_imputed_unless_refused(table):
    """By the median, with a column beside it that says where, and a note that counts them."""
    text = "size,colour,sold\n" + rows("{i},red,{label}", 40) + rows(",,{label}", 10)
    path = table(text)
    message = error_of(path, impute=False)
    assert "missing ones, 10 in 'size', 10 in 'colour': fill them in" in message
    assert "add --impute yes" in message
    data = load(DataSpec(source=path, target="sold"))
    assert "missing values are imputed ('size' 10, 'colour' 10)" in data.notes[0]
    assert data.found["impute"]
    missing = np.isnan(data.raw("train")["size"][:, 0])
    np.testing.assert_array_equal(data.train.x[:, 1] == 1, missing)
    sizes = data.raw("train")["size"][~missing]
    filled = (np.median(sizes) - data.encoder.columns[0].centre) / data.encoder.columns[0].spread
    np.testing.assert_allclose(data.train.x[missing, 0], filled, rtol=1e-5)


def test_an_empty_column_is_refused(table):
    """There is no median to impute."""
    message = error_of(table("size,age,sold\n" + rows("{i},,{label}")), impute=True)
    assert "expected a value in column 'age'" in message


def test_mixed_columns_are_not_learned_themselves(table):
    """An autoencoder wants numbers only."""
    text = "size,colour,sold\n" + rows("{i},red,{label}")
    assert "columns of numbers only" in error_of(table(text), learns="rows")


def test_a_missing_feature_is_named_with_its_row(table):
    """Rows are counted from 1 below the header."""
    text = "size,age,sold\n" + rows("{i},7,{label}") + "5,,no\n"
    message = error_of(table(text), impute=False)
    assert "1 missing in column 'age', the first in data row 21" in message


def test_rows_without_a_label_are_left_out(table):
    """They cannot be trained on; a note counts them."""
    data = load(DataSpec(source=table("size,sold\n" + "1,\n" + rows("{i},{label}")), target="sold"))
    assert sum(map(len, (data.train, data.validation, data.test))) == 20
    assert "left out 1 of 21 rows, as no value is in 'sold', the target" in data.notes[0]


def test_a_target_without_any_value_is_refused(table):
    """There is nothing to predict."""
    assert "Received: 20 missing in column 'sold'" in error_of(table("size,sold\n" + rows("{i},")))


def test_infinite_values_are_refused(table):
    """The value is shown with its row."""
    message = error_of(table("size,sold\n" + rows("{i},{label}") + "inf,no\n"))
    assert "Received: inf in row 20" in message


def test_a_single_class_is_refused(table):
    """There is nothing to tell apart."""
    assert "'no' in every row" in error_of(table("size,sold\n" + rows("{i},no")))


def test_a_target_alone_is_no_data(table):
    """At least one other column is wanted."""
    assert "expected feature columns" in error_of(table("sold\n" + rows("{label}")))


def test_a_header_alone_is_no_data(table):
    """The message says that the file has nothing but the header."""
    assert "with a header line only" in error_of(table("size,sold\n"))


def test_an_empty_file(table):
    """The message says that it is empty."""
    assert "which is empty" in error_of(table(""))


def test_a_blank_file(table):
    """Blank lines are no table."""
    assert "Expected a table" in error_of(table("\n\n"))


def test_a_line_with_too_many_values_is_named(table):
    """By its number in the file."""
    message = error_of(table("size,sold\n1,yes\n2,no,maybe,never\n"))
    assert "line 3" in message


def test_a_file_that_is_no_text(tmp_path):
    """The error of decoding is passed on in the line."""
    path = tmp_path / "a.csv"
    path.write_bytes(bytes(range(128, 256)) * 4)
    assert "UnicodeDecodeError" in error_of(str(path))


def test_too_few_rows(table):
    """Two rows do not fill three parts."""
    assert "Expected enough rows" in error_of(table("size,sold\n1,yes\n2,no\n"), task="binary")


def test_a_class_of_one_row(table):
    """It could be in one part only."""
    message = error_of(table("size,sold\n" + rows("{i},{label}") + "3,maybe\n"))
    assert "1 of class 'maybe'" in message

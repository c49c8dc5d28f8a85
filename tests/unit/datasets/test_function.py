"""The user's function: every accepted form of return value, and every way in which it can fail."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tuner.datasets import DataError, DataSpec, describe, load

PREAMBLE = """
import numpy as np
x, y = np.arange(60.0).reshape(30, 2), np.arange(30) % 2
"""


@pytest.fixture
def code(tmp_path, monkeypatch):
    """Returns a function that writes code and returns the source that names its `rows`."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(body: str, function: str = "rows") -> str:
        path = tmp_path / "mine.py"
        path.write_text(PREAMBLE + body)
        return f"{path}:{function}"

    return write


def error_of(source: str) -> str:
    with pytest.raises(DataError) as caught:
        load(DataSpec(source=source))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("returned", "sizes"),
    [
        ("x, y", (18, 6, 6)),
        ("(x, y), (x[:8], y[:8])", (24, 6, 8)),
        ("{'x': x, 'y': y}", (18, 6, 6)),
        ("{'x_train': x, 'y_train': y, 'x_val': x[:5], 'y_val': y[:5]}", (24, 5, 6)),
        ("x.tolist(), y.tolist()", (18, 6, 6)),
        ("x, np.array(['no', 'yes'], dtype=object)[y]", (18, 6, 6)),
        ("x, y[:, None]", (18, 6, 6)),
    ],
)
def test_accepted_forms(code, returned, sizes):
    data = load(DataSpec(source=code(f"def rows(): return {returned}")))
    assert (len(data.train), len(data.validation), len(data.test)) == sizes
    assert data.outputs.task == "binary"


def test_a_list_of_two_rows_is_an_array_and_no_pair(code):
    """Only tuples are pairs, so the error is about the number of rows."""
    message = error_of(code("def rows(): return ([[1, 2], [3, 4]], [0, 1])"))
    assert "Received: 2 rows" in message


def test_the_function_is_described_without_a_table_of_facts(code):
    row = describe(code("def rows(): return x, y"))
    assert (row.rows, row.shape, row.task, row.classes) == (30, (2,), "binary", 2)


def test_neighbouring_files_can_be_imported(code, tmp_path):
    (tmp_path / "helper_of_mine.py").write_text("factor = 3.0\n")
    source = code("import helper_of_mine\ndef rows(): return helper_of_mine.factor * x, y")
    assert load(DataSpec(source=source)).raw("train").max() > 59


def test_the_users_folder_hides_no_package(code, tmp_path):
    (tmp_path / "storage").mkdir()
    load(DataSpec(source=code("def rows(): return x, y")))
    assert sys.path[0] != str(tmp_path)
    assert sys.path[-1] == str(tmp_path)


def test_a_missing_file(tmp_path):
    assert "which does not exist" in error_of(str(tmp_path / "none.py:rows"))


def test_no_function_named(tmp_path):
    assert "add a colon and the function's name" in error_of(str(tmp_path / "mine.py"))


def test_a_function_that_is_not_there_shows_a_close_name(code):
    assert "Did you mean 'rows'?" in error_of(code("def rows(): return x, y", function="row"))


def test_code_that_cannot_be_imported(code):
    assert "SyntaxError" in error_of(code("def rows(:"))
    assert "no_such_module" in error_of(code("import no_such_module"))


def test_a_function_that_raises(code):
    message = error_of(code("def rows(): raise RuntimeError('no\\nmore')"))
    assert "RuntimeError: no" in message


@pytest.mark.parametrize("returned", ["None", "x", "(x, y, x, y)", "[x, y]"])
def test_a_return_value_of_no_known_form(code, returned):
    assert "Expected" in error_of(code(f"def rows(): return {returned}"))


def test_weights_may_come_third(code):
    assert load(DataSpec(source=code("def rows(): return x, y, y + 1"))).train.weights is not None
    message = error_of(code("def rows(): return x, y, x"))
    assert "expected a number as the weight of each of" in message


def test_rows_of_unequal_length(code):
    assert "give every row the same shape" in error_of(
        code("def rows(): return [[1, 2], [3]], [0, 1]")
    )


def test_raw_rows_are_what_the_function_returned(code):
    data = load(DataSpec(source=code("def rows(): return x, y")))
    returned = np.arange(60.0).reshape(30, 2)
    everything = np.concatenate([data.raw(part) for part in ("train", "validation", "test")])
    np.testing.assert_array_equal(np.sort(everything, axis=0), returned)

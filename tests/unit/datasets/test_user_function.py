"""The user's function: every accepted form of return value, and every way in which it can fail."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from tests.support.refusals import error_of
from tuner.datasets import DataSpec, describe, load

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
    """A pair, two or three pairs, and dicts with or without parts; missing parts are cut off."""
    data = load(DataSpec(source=code(f"def rows(): return {returned}")))
    assert (len(data.train), len(data.validation), len(data.test)) == sizes
    assert data.outputs.task == "binary"


def test_a_list_of_two_rows_is_an_array_and_no_pair(code):
    """Only tuples are pairs, so the error is about the number of rows."""
    message = error_of(code("def rows(): return ([[1, 2], [3, 4]], [0, 1])"))
    assert "Received: 2 rows" in message


def test_the_function_is_described_without_a_table_of_facts(code):
    """It is called, and what it returns is counted."""
    row = describe(code("def rows(): return x, y"))
    assert (row.rows, row.shape, row.task, row.classes) == (30, (2,), "binary", 2)


@pytest.mark.parametrize("leave", ["sys.exit(0)", "sys.exit(2)", "exec('raise KeyboardInterrupt')"])
def test_a_function_that_would_end_the_process(code, leave):
    """An error like any other, when the file is loaded or when it is called."""
    told = "SystemExit" if "exit" in leave else "KeyboardInterrupt"
    assert told in error_of(code(f"import sys\ndef rows(): {leave}"))
    assert told in error_of(code(f"import sys\n{leave}\ndef rows(): return x, y"))


def test_a_function_leaves_global_state_as_it_was(code, tmp_path):
    """But for what its file sets up in the environment."""
    body = (
        "import os\nos.environ['TUNER_TEST_DATA'] = 'kept'\n"
        "def rows():\n    os.chdir('/')\n    os.environ['TUNER_TEST_DATA'] = 'gone'\n"
        "    np.random.seed(1)\n    return x, y"
    )
    before, folder = np.random.get_state()[1].copy(), os.getcwd()
    load(DataSpec(source=code(body)))
    assert os.environ.pop("TUNER_TEST_DATA") == "kept"
    assert os.getcwd() == folder
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_neighbouring_files_can_be_imported(code, tmp_path):
    """The user's code finds what lies in its own folder."""
    (tmp_path / "helper_of_mine.py").write_text("factor = 3.0\n")
    source = code("import helper_of_mine\ndef rows(): return helper_of_mine.factor * x, y")
    assert load(DataSpec(source=source)).raw("train").max() > 59


def test_the_users_folder_hides_no_package(code, tmp_path):
    """It is searched last, so that a folder named storage does not replace ours."""
    (tmp_path / "storage").mkdir()
    load(DataSpec(source=code("def rows(): return x, y")))
    assert sys.path[0] != str(tmp_path)
    assert sys.path[-1] == str(tmp_path)


def test_a_missing_file(tmp_path):
    """The message says that it does not exist."""
    assert "which does not exist" in error_of(str(tmp_path / "none.py:rows"))


def test_no_function_named(tmp_path):
    """The message says how to name one."""
    assert "add a colon and the function's name" in error_of(str(tmp_path / "mine.py"))


def test_a_function_that_is_not_there_shows_a_close_name(code):
    """Among what the file defines."""
    assert "Did you mean 'rows'?" in error_of(code("def rows(): return x, y", function="row"))


def test_code_that_cannot_be_imported(code):
    """The error of the import is passed on."""
    assert "SyntaxError" in error_of(code("def rows(:"))
    assert "no_such_module" in error_of(code("import no_such_module"))


def test_a_function_that_raises(code):
    """Its error is passed on, the first line of it."""
    message = error_of(code("def rows(): raise RuntimeError('no\\nmore')"))
    assert "RuntimeError: no" in message


@pytest.mark.parametrize("returned", ["None", "x", "(x, y, x, y)", "[x, y]"])
def test_a_return_value_of_no_known_form(code, returned):
    """None, an array alone, a list, or four things."""
    assert "Expected" in error_of(code(f"def rows(): return {returned}"))


def test_weights_may_come_third(code):
    """One number a row; anything else is refused."""
    assert load(DataSpec(source=code("def rows(): return x, y, y + 1"))).train.weights is not None
    message = error_of(code("def rows(): return x, y, x"))
    assert "expected a number as the weight of each of" in message


def test_rows_of_unequal_length(code):
    """The message says that all need the same shape."""
    assert "give every row the same shape" in error_of(
        code("def rows(): return [[1, 2], [3]], [0, 1]")
    )


def test_raw_rows_are_what_the_function_returned(code):
    """All parts together are its rows, unscaled."""
    data = load(DataSpec(source=code("def rows(): return x, y")))
    returned = np.arange(60.0).reshape(30, 2)
    everything = np.concatenate([data.raw(part) for part in ("train", "validation", "test")])
    np.testing.assert_array_equal(np.sort(everything, axis=0), returned)

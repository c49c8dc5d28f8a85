"""Errors of libraries, worded on one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import gist, quoted, shorten

GRAPH = """Graph execution error:

Detected at node while/dense_1/MatMul defined at (most recent call last):
  File "worker.py", line 241, in main

  File "loop.py", line 24, in train

OOM when allocating tensor with shape[7,7] and type float by allocator cpu
\t [[{{node while/dense_1/MatMul}}]]
Hint: If you want to see a list of allocated tensors when OOM happens, add an option.
 [Op:__inference__steps_1]"""


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (GRAPH, "OOM when allocating tensor with shape[7,7] and type float by allocator cpu"),
        ("Graph execution error:", "Graph execution error:"),
        ("two\n  lines", "two lines"),
        ("", ""),
    ],
)
def test_gist(message: str, line: str):
    """What went wrong stands first, not where in a graph."""
    assert gist(RuntimeError(message)) == line


@given(st.text(max_size=200), st.integers(5, 100))
def test_a_text_keeps_its_ends(text: str, most: int):
    """One that is short enough stays as it is; of a longer one as much of both ends as fits."""
    short = shorten(text, most)
    assert len(short) == min(len(text), most)
    if len(text) > most:
        end = (most - 3) // 2
        begin = most - 3 - end
        assert short[:begin] == text[:begin]
        assert short[begin : begin + 3] == "..."
        assert short[begin + 3 :] == text[len(text) - end :]
    else:
        assert short == text


@pytest.mark.parametrize("value", ["no ", 3, 2.5, None, True, [1, 2]])
def test_a_short_value_is_quoted_as_python_writes_it(value: object):
    """Messages show a short value by its `repr`."""
    assert quoted(value) == repr(value)


@pytest.mark.parametrize("value", ["x" * 10**7, [[[[[[[[[[]]]]]]]]]] * 10**6, {"a": "y" * 10**6}])
def test_a_large_value_is_quoted_in_few_letters(value: object):
    """Messages show a huge value in at most 70 characters."""
    assert len(quoted(value)) <= 70

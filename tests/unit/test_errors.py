"""Errors of libraries, worded on one line."""

from __future__ import annotations

import pytest

from tuner.errors import gist

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

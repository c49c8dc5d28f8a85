"""The task follows from the targets by a written rule, and a given one must fit them."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.datasets import DataError
from tuner.datasets.task import find


@pytest.mark.parametrize(
    ("y", "task", "units"),
    [
        (["b", "a"] * 3, "binary", 1),
        (["b", "a", "c"], "classes", 3),
        ([True, False] * 2, "binary", 1),
        ([0, 1] * 3, "binary", 1),
        ([-1, 1] * 3, "binary", 1),
        ([3, 5, 8] * 2, "classes", 3),
        ([1.0, 2.0, 3.0] * 2, "classes", 3),
        ([1.0, 2.5, 3.0] * 2, "regression", 1),
        (list(range(20)) * 2, "classes", 20),
        (list(range(100)) * 2, "classes", 100),
        (list(range(1, 22)) * 2, "regression", 1),  # 21 values that do not count from 0
        ([float(i) for i in range(21)] * 2, "regression", 1),
        (list(range(1001)) * 2, "regression", 1),
        (list(range(10)), "regression", 1),  # each value once
        ([[0.5, 1.0], [2.0, 3.0]], "regression", 2),
    ],
)
def test_the_rule(y, task, units):
    """What the task is follows from the targets' type, shape and values."""
    targets = find([np.array(y)], None, "here")
    assert (targets.task, targets.units) == (task, units)


@pytest.mark.parametrize(
    ("y", "given", "units"),
    [
        ([0, 1] * 3, "classes", 2),
        ([0, 1] * 3, "regression", 1),
        (list(range(10)), "classes", 10),
        ([[0, 1], [1, 0]], "regression", 2),
        ([[0, 1], [1, 0]], "labels", 2),
        ([[True, False, True], [False, True, False]], "labels", 3),
    ],
)
def test_a_given_task_is_taken(y, given, units):
    """Where the targets could be meant so."""
    targets = find([np.array(y)], given, "here")
    assert (targets.task, targets.units) == (given, units)


@pytest.mark.parametrize(
    ("y", "given", "message"),
    [
        ([1, 1, 1], None, "Received: 1 in every row"),
        (["a", "a"], None, "Received: 'a' in every row"),
        ([2.5, 2.5], "regression", "Received: 2.5 in every row"),
        ([[1.0, 2.0]] * 3, None, "Received: [1.0, 2.0] in every row"),
        ([0, 1, 2], "binary", "Received: 3 (0, 1, 2, ...): give the task multiclass"),
        (["a", "b"], "regression", "labels such as 'a'"),
        ([True, False], "regression", "labels such as False"),
        ([0.5, 1.0], "classes", "fractions such as 0.5"),
        ([0.5, 1.0], "binary", "fractions such as 0.5"),
        ([[0, 1], [1, 0]], None, "makes labels of one-hot rows"),
        ([[0.5, 1], [1, 0]], "classes", "expected one label for each row"),
        ([["a", "b"]] * 2, None, "give one label for each row"),
        ([[True, False], [False, True]], "regression", "expected numbers"),
        ([0, 1, 0], "labels", "Received: (3,): give several columns of 0 and 1"),
        ([[0, 2], [1, 0]], "labels", "Received: 2: give 1 where a row has the label"),
        ([[0, 1], [0, 0]], "labels", "Received: 0 in every row of label '0': leave it out"),
        ([[1, 1], [0, 1]], "labels", "Received: 1 in every row of label '1'"),
    ],
)
def test_targets_that_do_not_fit_are_refused(y, given, message):
    """On one line: targets that are all the same, or a task that they cannot be."""
    with pytest.raises(DataError) as caught:
        find([np.array(y)], given, "here")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_labels_of_all_parts_are_classes():
    """Also one that only a later part has, longer than the others."""
    targets = find([np.array(["a", "b"]), np.array(["longer"])], None, "here")
    assert targets.labels == ("a", "b", "longer")


def test_positions_are_those_of_the_sorted_labels():
    """As int32."""
    targets = find([np.array(["dog", "cat", "dog", "eel"])], None, "here")
    encoded = targets.encode(np.array(["eel", "cat", "dog"]))
    np.testing.assert_array_equal(encoded, [2, 0, 1])
    assert encoded.dtype == np.int32


def test_columns_of_0_and_1_are_labels_where_they_cannot_be_one_hot():
    """A row with none of them, or with two, belongs to no single class."""
    targets = find([np.array([[0, 1], [1, 1], [1, 0]])], None, "here", ("hot", "wet"))
    assert (targets.task, targets.units, targets.names) == ("labels", 2, ("hot", "wet"))
    assert find([np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])], None, "here").task == "labels"


def test_labels_without_names_go_by_their_positions():
    """Flags become float32."""
    targets = find([np.array([[0, 1], [1, 1], [1, 0]])], "labels", "here")
    assert targets.names == ("0", "1")
    assert targets.labels is None
    encoded = targets.encode(np.array([[True, False]]))
    assert (encoded.dtype, encoded.tolist()) == (np.float32, [[1.0, 0.0]])

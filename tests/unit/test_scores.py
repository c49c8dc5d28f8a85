"""Scores by hand-computed examples."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from tuner.datasets import DataSpec, load
from tuner.models.scores import of_classes, of_labels, of_regression, probabilities, score, spelt

RIGHT, WRONG = [0.8, 0.2], [0.4, 0.6]  # for a row of the first class


def test_two_classes():
    """Three rows of the first class, one of them taken for the second; one of the second."""
    scores = of_classes(
        np.array([0, 0, 0, 1]),
        np.array([RIGHT, RIGHT, WRONG, [0.3, 0.7]]),
        ("no", "yes"),
        binary=True,
    )
    assert scores["accuracy"] == 0.75
    assert scores["confusion"] == [[2, 1], [0, 1]]
    no, yes = scores["classes"]
    assert (no["class"], no["precision"], no["recall"], no["rows"]) == ("no", 1.0, 2 / 3, 3)
    assert (yes["precision"], yes["recall"], yes["f1"]) == (0.5, 1.0, pytest.approx(2 / 3))
    assert (scores["precision"], scores["recall"], scores["average"]) == (0.5, 1.0, "binary")
    assert scores["f1"] == pytest.approx(2 / 3)
    assert scores["precision_macro"] == 0.75
    assert scores["f1_macro"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert {"f1", "f1 (macro)"} <= spelt(scores).keys()
    assert scores["auc"] == 1.0
    expected = -np.log([0.8, 0.8, 0.4, 0.7]).mean()
    assert scores["loss"] == pytest.approx(expected)


def test_a_class_without_rows():
    """Nothing is divided by zero, and no AUC is made up."""
    scores = of_classes(np.array([0, 1]), np.eye(3)[:2], ("a", "b", "c"))
    assert (scores["accuracy"], scores["auc"]) == (1.0, None)
    assert scores["classes"][2] == {
        "class": "c", "precision": 0.0, "recall": 0.0, "f1": 0.0, "rows": 0,
    }  # fmt: skip
    assert 0 <= scores["loss"] < 1e-6


def test_a_binary_model_answers_with_the_second_class():
    """The first one has the rest."""
    assert probabilities(np.array([[0.25]])).tolist() == [[0.75, 0.25]]


def test_several_targets():
    """Means, and each for itself."""
    expected = np.array([[0.0, 0.0], [2.0, 4.0]])
    scores = of_regression(expected, expected + np.array([[1.0, 0.0], [-1.0, 0.0]]))
    first, second = scores["targets"]
    assert first == {"mae": 1.0, "rmse": 1.0, "r2": 0.0}
    assert second == {"mae": 0.0, "rmse": 0.0, "r2": 1.0}
    assert scores["mae"] == 0.5


def test_several_targets_go_by_their_names():
    """Each has scores of its own."""
    expected = np.array([[0.0, 0.0], [2.0, 4.0]])
    scores = of_regression(expected, expected, ("width", "height"))
    assert [target["target"] for target in scores["targets"]] == ["width", "height"]


def test_labels():
    """Four rows: of the first label one is missed, of the second one is made up."""
    expected = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], np.float32)
    probable = np.array([[0.9, 0.6], [0.4, 0.8], [0.2, 0.1], [0.3, 0.7]])
    scores = of_labels(expected, probable, ("round", "red"))
    first, second = scores["labels"]
    assert first == {
        "label": "round", "accuracy": 0.75, "precision": 1.0, "recall": 0.5, "f1": 2 / 3,
        "auc": 1.0, "rows": 2,
    }  # fmt: skip
    assert (second["precision"], second["recall"], second["rows"]) == (2 / 3, 1.0, 2)
    assert (scores["accuracy"], scores["exact"]) == (0.75, 0.5)
    of_truth = [[0.9, 0.4], [0.4, 0.8], [0.8, 0.9], [0.7, 0.7]]
    assert scores["loss"] == pytest.approx(-np.log(of_truth).mean())
    assert scores["f1"] == pytest.approx((2 / 3 + 0.8) / 2)
    weighted = of_labels(expected, probable, ("round", "red"), np.array([4.0, 0, 0, 0]))
    assert weighted["loss"] == pytest.approx(-np.log([0.9, 0.4]).mean())


def test_a_label_that_no_row_has():
    """It has no area under a curve, and neither has their mean."""
    scores = of_labels(np.array([[1, 0], [0, 0]]), np.array([[0.9, 0.1], [0.1, 0.2]]), ("a", "b"))
    assert scores["auc"] is None
    assert scores["labels"][1] == {
        "label": "b", "accuracy": 1.0, "precision": 0.0, "recall": 0.0, "f1": 0.0,
        "auc": None, "rows": 0,
    }  # fmt: skip


def test_the_unit_of_a_regression():
    """All is in the targets' own unit, the loss as its square."""
    data = load(DataSpec(source="diabetes"))
    means = np.full((len(data.test), 1), data.target_scaler.centre)
    scores = score(data, "test", means)
    raw = data.raw_targets("test")
    assert scores["mae"] == pytest.approx(np.abs(raw - means[0]).mean(), rel=1e-5)
    assert scores["loss"] == pytest.approx(np.square(raw - means[0]).mean(), rel=1e-5)
    assert scores["rmse"] == pytest.approx(scores["loss"] ** 0.5)


def test_the_loss_of_studies_of_earlier_versions():
    """It stays that of scaled targets, as their trials were compared by."""
    data = load(DataSpec(source="diabetes", in_unit=False))
    scores = score(data, "test", np.full((len(data.test), 1), data.target_scaler.centre))
    assert scores["loss"] == pytest.approx(np.square(data.test.y).mean(), rel=1e-5)


def test_means_over_classes_are_called_so():
    """Of two classes, too; those that are neither there nor predicted are no part of them."""
    expected, probable = np.array([0, 0, 0, 1, 1]), np.eye(3)[[0, 0, 1, 1, 0]]
    scores = of_classes(expected, probable, ("a", "b", "c"))
    assert scores["average"] == "macro"
    for name, function in (("precision", precision_score), ("recall", recall_score)):
        known = function(expected, probable.argmax(axis=1), average="macro")
        assert scores[name] == pytest.approx(known)
    assert {"precision (macro)", "recall (macro)", "f1 (macro)", "accuracy"} <= spelt(scores).keys()

"""A name of a metric means what scikit-learn means by it, or is refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from search_spaces.shapes import Outputs, Unit
from tuner.errors import UserError
from tuner.metrics import METRICS, find, registered_name
from tuner.training.compiled_metrics import made

pytestmark = pytest.mark.keras

SHORT = ("mse", "poisson", "kl_divergence", "squared_hinge", "acc", "f1_score", "auc")
KERAS = [name for name in dir(keras.metrics) if name[0] != "_"]
OURS = sorted({*METRICS, *(also for metric in METRICS.values() for also in metric.also)})
CLASSIFYING = ("binary", "classes", "labels")


def reference(name: str, task: str, y: np.ndarray, p: np.ndarray) -> float:
    """What scikit-learn makes of targets and answers, as arrays ``(rows, units)``."""
    if task == "regression":
        return float(OF_NUMBERS[name](y, p))
    if name in OF_PROBABILITIES:
        return float(OF_PROBABILITIES[name](y, p))
    if task == "classes":
        return float(OF_CLASSES[name](y.argmax(axis=1), p.argmax(axis=1), p))
    flags = (y > 0.5).astype(int), (p > 0.5).astype(int)
    if task == "binary":
        return float(OF_TWO[name](*(each[:, 0] for each in flags), p[:, 0]))
    return float(OF_LABELS[name](*flags, p))


OF_NUMBERS = {
    "mse": sk.mean_squared_error,
    "mae": sk.mean_absolute_error,
    "rmse": sk.root_mean_squared_error,
    "mape": lambda y, p: 100 * sk.mean_absolute_percentage_error(y, p),
    "msle": sk.mean_squared_log_error,
    "r2": sk.r2_score,
    "cosine_similarity": lambda y, p: np.diag(sk.pairwise.cosine_similarity(y, p)).mean(),
}
OF_PROBABILITIES = {name: OF_NUMBERS[name] for name in ("mse", "mae", "rmse")}
OF_TWO = {
    **dict.fromkeys(("accuracy", "binary_accuracy"), lambda y, c, p: sk.accuracy_score(y, c)),
    "balanced_accuracy": lambda y, c, p: sk.balanced_accuracy_score(y, c),
    "precision": lambda y, c, p: sk.precision_score(y, c, zero_division=0),
    "recall": lambda y, c, p: sk.recall_score(y, c, zero_division=0),
    "f1": lambda y, c, p: sk.f1_score(y, c, zero_division=0),
    "iou": lambda y, c, p: sk.jaccard_score(y, c, zero_division=0),
    "mean_iou": lambda y, c, p: sk.jaccard_score(y, c, **MACRO),
    "auc": lambda y, c, p: sk.roc_auc_score(y, p),
    "true_negatives": lambda y, c, p: sk.confusion_matrix(y, c)[0, 0],
    "false_positives": lambda y, c, p: sk.confusion_matrix(y, c)[0, 1],
    "false_negatives": lambda y, c, p: sk.confusion_matrix(y, c)[1, 0],
    "true_positives": lambda y, c, p: sk.confusion_matrix(y, c)[1, 1],
    **dict.fromkeys(("log_loss", "binary_crossentropy"), lambda y, c, p: sk.log_loss(y, p)),
    "hinge": lambda y, c, p: sk.hinge_loss(y, p),
}
MACRO = {"average": "macro", "zero_division": 0}
OF_CLASSES = {
    **dict.fromkeys(
        ("accuracy", "categorical_accuracy", "sparse_categorical_accuracy"),
        lambda y, c, p: sk.accuracy_score(y, c),
    ),
    "top_k_categorical_accuracy": lambda y, c, p: 1.0,  # among five of at most five
    "balanced_accuracy": lambda y, c, p: sk.balanced_accuracy_score(y, c),
    "precision": lambda y, c, p: sk.precision_score(y, c, **MACRO),
    "recall": lambda y, c, p: sk.recall_score(y, c, **MACRO),
    "f1": lambda y, c, p: sk.f1_score(y, c, **MACRO),
    "mean_iou": lambda y, c, p: sk.jaccard_score(y, c, **MACRO),
    "auc": lambda y, c, p: sk.roc_auc_score(np.eye(p.shape[1])[y], p, average="macro"),
    **dict.fromkeys(
        ("log_loss", "categorical_crossentropy", "sparse_categorical_crossentropy"),
        lambda y, c, p: sk.log_loss(y, p, labels=range(p.shape[1])),
    ),
    "categorical_hinge": lambda y, c, p: (
        sk.hinge_loss(y, p) if p.shape[1] > 2 else sk.hinge_loss(y, p[:, 1] - p[:, 0])
    ),
}
OF_LABELS = {
    **dict.fromkeys(("accuracy", "binary_accuracy"), lambda y, c, p: 1 - sk.hamming_loss(y, c)),
    "exact": lambda y, c, p: sk.accuracy_score(y, c),
    "precision": lambda y, c, p: sk.precision_score(y, c, **MACRO),
    "recall": lambda y, c, p: sk.recall_score(y, c, **MACRO),
    "f1": lambda y, c, p: sk.f1_score(y, c, **MACRO),
    "mean_iou": lambda y, c, p: sk.jaccard_score(y, c, **MACRO),
    "auc": lambda y, c, p: sk.roc_auc_score(y, p, average="macro"),
    **{
        name: lambda y, c, p, at=at: sk.multilabel_confusion_matrix(y, c)[:, at[0], at[1]].sum()
        for name, at in {
            "true_negatives": (0, 0), "false_positives": (0, 1),
            "false_negatives": (1, 0), "true_positives": (1, 1),
        }.items()
    },
    **dict.fromkeys(
        ("log_loss", "binary_crossentropy"), lambda y, c, p: sk.log_loss(y.ravel(), p.ravel())
    ),
    "hinge": lambda y, c, p: sk.hinge_loss(y.ravel(), p.ravel()),
}  # fmt: skip


def drawn(task: str, units: int, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets in one-hot form and answers, every class and label with rows and without."""
    random = np.random.default_rng(seed)
    if task == "regression":
        y = random.uniform(0.5, 3, (rows, units))
        return y, np.abs(y + random.normal(size=y.shape))
    if task == "classes":
        y = np.eye(units)[random.permutation(np.arange(rows) % units)]
        return y, random.dirichlet(np.ones(units), rows).round(2) + 1e-3
    y = random.permuted(np.repeat(np.arange(rows)[:, None] % 2, units, axis=1), axis=0)
    return y.astype(float), random.uniform(0.01, 0.99, (rows, units)).round(2)  # with ties


def as_trained_on(task: str, y: np.ndarray) -> np.ndarray:
    """Targets as data sets bring them: classes by number, one column without its axis."""
    if task == "classes":
        return y.argmax(axis=1).astype(np.int32)
    y = y[:, 0] if y.shape[1] == 1 else y
    return y.astype(np.int32) if task == "binary" else y.astype(np.float32)


def measured(name: str, outputs: Outputs, y: np.ndarray, p: np.ndarray, batch: int) -> float:
    """Of rows that come in batches, of which the last one may be smaller."""
    metric = made(name, outputs)
    for start in range(0, len(p), batch):
        metric.update_state(y[start : start + batch], p[start : start + batch].astype(np.float32))
    return float(np.asarray(metric.result()))


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted({*KERAS, *SHORT, *OURS})),
    task=st.sampled_from((*CLASSIFYING, "regression")),
    classes=st.integers(2, 5),
    rows=st.integers(10, 40).map(lambda half: 2 * half + 1),
    batch=st.sampled_from((4, 16, 100)),
    seed=st.integers(0, 99),
)
def test_a_name_means_what_scikit_learn_means_or_is_refused(name, task, classes, rows, batch, seed):
    """Every metric equals scikit-learn, at any batch size, or is refused on a short line."""
    units = 1 if task == "binary" else classes - (task == "regression")
    outputs = Outputs.for_task(task, units)
    y, p = drawn(task, units, rows, seed)
    metric = find(name)
    if metric is None or not metric.fits(task, units):
        with pytest.raises(UserError, match=r"^Expected .*metric.{,250}$"):
            made(name, outputs)
        return
    found = measured(name, outputs, as_trained_on(task, y), p, batch)
    if task == "classes":
        p = p / p.sum(axis=1, keepdims=True) if "loss" in name or "entropy" in name else p
    expected = reference(registered_name(name), task, y, p.astype(np.float32))
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", ["precision", "recall", "F1Score", "AUC"])
@pytest.mark.parametrize("task", CLASSIFYING)
def test_what_every_classification_is_asked_for_is_taken(name, task):
    """Precision, recall, F1 and AUC are metrics of every task with classes."""
    made(name, Outputs.for_task(task, 1 if task == "binary" else 4))


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(OF_NUMBERS)),
    units=st.integers(1, 3),
    centre=st.sampled_from((1.0, 1000.0, 1e6)),
    seed=st.integers(0, 99),
)
def test_metrics_of_a_regression_are_in_the_unit_of_its_targets(name, units, centre, seed):
    """Whatever a model is trained on: here targets of 0 +- 1."""
    if name == "cosine_similarity" and units == 1:
        return
    random = np.random.default_rng(seed)
    spread = centre * random.uniform(0.01, 0.1, units)
    y, p = random.uniform(-1, 1, (2, 33, units)).astype(np.float32)
    unit = Unit(centre=(centre,) * units, spread=tuple(spread))
    outputs = Outputs(task="regression", units=units, activation="linear", loss="mse", unit=unit)
    found = measured(name, outputs, y[:, 0] if units == 1 else y, p, 8)
    expected = OF_NUMBERS[name](y * spread + centre, p * spread + centre)
    assert found == pytest.approx(expected, rel=1e-2 if name == "msle" else 1e-4, abs=1e-6)

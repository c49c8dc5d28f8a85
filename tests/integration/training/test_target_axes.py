"""Models that answer each pixel or step train as in stock Keras.

They are measured as scikit-learn measures the places that count.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics as sk

from search_spaces import Inputs, Outputs, catalog
from tests.support.fits import BASE, Interrupting, batches, fit
from tuner.datasets import Data, DataSpec, load, with_preprocessing
from tuner.models.scores import score
from tuner.training import seeded

pytestmark = pytest.mark.keras

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.normal(size=(60, 4, 6, 1)).astype(np.float32)
NOISE = RANDOM.normal(scale=0.5, size=PIXELS.shape)
TARGETS: dict[str, Any] = {
    "binary": (PIXELS + NOISE > 0).astype(np.int64),
    "classes": np.digitize(PIXELS + NOISE, [-0.5, 0.5]),
    "labels": np.concatenate([PIXELS > 0, PIXELS > 1], axis=-1).astype(np.int64),
    "regression": np.concatenate([PIXELS * 7 + 40, np.abs(PIXELS)], axis=-1),
}
LOSSES = {
    "binary": "binary_crossentropy",
    "classes": "sparse_categorical_crossentropy",
    "labels": "binary_crossentropy",
    "regression": "mse",
}
SMALL = {**BASE, "batch_size": 8, "epochs": 2}
COUNTS = RANDOM.random((60, 4, 6)) > 0.3


def conv(hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs) -> keras.Model:
    """A small network that keeps the size of its rows."""
    rows = keras.Input(inputs.shape)
    hidden = keras.layers.Conv2D(4, 3, padding="same", activation="tanh")(rows)
    answer = keras.layers.Conv2D(outputs.units, 1, activation=outputs.activation)(hidden)
    return keras.Model(rows, answer)


def loaded(folder: Path, task: str, *, masked: bool = False, **options: Any) -> Data:
    """Images with targets of one task; masked, three tenths of their pixels do not count."""
    weights = {"w": COUNTS.astype(np.float32)} if masked else {}
    np.savez(folder / "a.npz", x=PIXELS, y=TARGETS[task], **weights)
    return load(DataSpec(source=str(folder / "a.npz"), **options))


@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
@pytest.mark.parametrize("task", list(LOSSES))
def test_a_training_is_that_of_stock_keras(tmp_path: Path, task: str, masked: bool) -> None:
    """Losses of each epoch, from the usual loss of Keras by its name and weights of pixels."""
    data = loaded(tmp_path, task, masked=masked)
    ours = fit(data, SMALL, build=conv)
    with seeded(5):
        model = conv(SMALL, data.inputs, data.outputs)
    model.compile(keras.optimizers.Adam(0.01), LOSSES[task])
    history = model.fit(
        batches(data.train, SMALL, 5),
        epochs=2,
        steps_per_epoch=-(-len(data.train) // 8),
        validation_data=tuple(data.validation.arrays.values()),
        shuffle=False,
        verbose=0,
    ).history
    for epoch, row in enumerate(ours.epochs):
        for name in ("loss", "val_loss"):
            assert row[name] == pytest.approx(history[name][epoch], abs=1e-5), name
    for mine, theirs in zip(ours.model.get_weights(), model.get_weights(), strict=True):
        assert mine == pytest.approx(theirs, abs=1e-5)


MEASURED: dict[str, dict[str, Any]] = {
    "binary": {
        "accuracy": lambda y, p: sk.accuracy_score(y, p > 0.5),
        "iou": lambda y, p: sk.jaccard_score(y, p > 0.5),
        "mean_iou": lambda y, p: sk.jaccard_score(y, p > 0.5, average="macro"),
        "dice": lambda y, p: sk.f1_score(y, p > 0.5),
        "auc": sk.roc_auc_score,
        "log_loss": sk.log_loss,
    },
    "classes": {
        "accuracy": lambda y, p: sk.accuracy_score(y, p.argmax(1)),
        "mean_iou": lambda y, p: sk.jaccard_score(y, p.argmax(1), average="macro"),
        "dice": lambda y, p: sk.f1_score(y, p.argmax(1), average="macro"),
        "log_loss": sk.log_loss,
    },
    "labels": {
        "accuracy": lambda y, p: (y == (p > 0.5)).mean(),
        "mean_iou": lambda y, p: sk.jaccard_score(y, p > 0.5, average="macro"),
    },
    "regression": {"mae": sk.mean_absolute_error, "r2": sk.r2_score},
}


@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
@pytest.mark.parametrize("task", list(MEASURED))
def test_metrics_are_those_of_scikit_learn_on_places_that_count(
    tmp_path: Path, task: str, masked: bool
) -> None:
    """Of the answers that the exported model gives; so are the scores that evaluate tells."""
    data = loaded(tmp_path, task, masked=masked)
    trained = fit(data, SMALL, build=conv, metrics=list(MEASURED[task]))
    answers = with_preprocessing(trained.model, data).predict(data.raw("test"), verbose=0)
    assert answers.shape[1:] == data.outputs.shape
    measured = trained.result.score(data.test)  # type: ignore[union-attr]
    scores = score(data, "test", answers)
    y, p = (values.reshape(-1, values.shape[-1]) for values in (data.raw_targets("test"), answers))
    if masked:
        assert data.test.weights is not None
        counts = data.test.weights.ravel() > 0
        assert not counts.all()
        y, p = y[counts], p[counts]
    if y.shape[1] == 1:
        y = y[:, 0]
    for name, measure in MEASURED[task].items():
        expected = measure(y, p[:, 0] if p.shape[1] == 1 else _exact(p, task))
        assert measured[name] == pytest.approx(expected, rel=1e-4), name
        if name in scores:
            assert scores[name] == pytest.approx(expected, rel=1e-4), name
    assert scores["loss"] == pytest.approx(measured["loss"], rel=1e-4)


def _exact(answers: np.ndarray, task: str) -> np.ndarray:
    """In float64, where probabilities of classes sum to one."""
    p = answers.astype(np.float64)
    return p / p.sum(axis=1, keepdims=True) if task == "classes" else p


@pytest.mark.parametrize("loss", ["dice", "mae", "categorical_focal_crossentropy"])
def test_other_losses_of_masks_learn(tmp_path: Path, loss: str) -> None:
    """Those of a batch and of places are given masks as rows of zeros and a one."""
    data = loaded(tmp_path, "classes")
    trained = fit(data, {**SMALL, "loss": loss}, build=conv)
    assert trained.epochs[-1]["loss"] < trained.epochs[0]["loss"]


@pytest.mark.parametrize("task", ["classes", "regression"])
def test_a_training_that_was_interrupted_goes_on_as_if_nothing_had_been(
    tmp_path: Path, task: str
) -> None:
    """From its checkpoint, with masked pixels and their metrics."""
    data, metrics = loaded(tmp_path, task, masked=True), list(MEASURED[task])[:1]
    whole = fit(data, SMALL, build=conv, metrics=metrics)
    before = Interrupting()
    fit(data, SMALL, build=conv, metrics=metrics, observer=before)
    rest = fit(data, SMALL, build=conv, metrics=metrics, resume=before.state)
    assert rest.epochs[-1] == pytest.approx(whole.epochs[-1], abs=1e-6)


def test_weights_of_classes_are_those_of_pixels(tmp_path: Path) -> None:
    """The loss of training is the weighted mean over all pixels; that of validation the mean."""
    data = loaded(tmp_path, "classes", class_weights="balanced")
    trained = fit(data, {**SMALL, "learning_rate": 1e-9, "epochs": 1}, build=conv)
    for part, name in ((data.train, "loss"), (data.validation, "val_loss")):
        p = _exact(trained.model.predict(part.x, verbose=0).reshape(-1, 3), "classes")
        weights = None if part.weights is None else part.weights.ravel()
        expected = sk.log_loss(part.y.ravel(), p, sample_weight=weights)
        assert trained.epochs[0][name] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("task", ["classes", "regression"])
def test_a_recurrent_network_answers_each_step(tmp_path: Path, task: str) -> None:
    """The sum of all values so far has a sign, and a size; padded steps are left out."""
    x = RANDOM.normal(size=(300, 6, 1)).astype(np.float32)
    sums = np.cumsum(x, axis=1)
    y = (sums > 0).astype(np.int64) + (sums > 1.5) if task == "classes" else sums * 3 + 100
    y[::2, 4:] = -1
    np.savez(tmp_path / "s.npz", x=x, y=y)
    data = load(DataSpec(source=str(tmp_path / "s.npz"), mask_value=-1))
    space = catalog.load("rnn")
    space.check(data.inputs, data.outputs)
    point = {**space.starting_points()[0], "learning_rate": 0.02, "epochs": 6, "units_0": 16}
    trained = fit(
        data, point, build=space.build, metrics=["accuracy" if task == "classes" else "r2"]
    )
    assert trained.model.output_shape == (None, 6, data.outputs.units)
    assert trained.epochs[-1]["val_accuracy" if task == "classes" else "val_r2"] > 0.8

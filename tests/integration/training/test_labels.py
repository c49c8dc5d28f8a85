"""Several labels a row: each way to train gives the losses of stock ``fit``, and Keras agrees."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tests.integration.training.test_every_family import narrowed
from tests.integration.training.test_graph_epochs import Doubled, NotInLoops, chain
from tests.support.fits import BASE, SPACE, fit, small_data, stock_fit
from tuner.errors import UserError
from tuner.training import check_metrics

pytestmark = pytest.mark.keras

DATA = small_data("labels", 3)
WAYS = {
    "program": SPACE.build,
    "graph of Keras's steps": chain(Doubled),
    "stock fit": chain(NotInLoops),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_losses_of_stock_fit(way: str) -> None:
    """With rows that weigh differently."""
    data = small_data("labels", 3, weighted=("train", "validation"))
    ours = fit(data, BASE, build=WAYS[way])
    assert ours.path.startswith(way)
    assert ours.distance(stock_fit(data, BASE, build=WAYS[way])) < 1e-5


@pytest.mark.parametrize("way", WAYS)
def test_the_accuracy_is_that_of_every_label_by_itself(way: str) -> None:
    """Where Keras's own name would compare the most probable label of each row alone."""
    ours = fit(DATA, BASE, build=WAYS[way])
    assert ours.result is not None
    model, part = ours.model, DATA.validation
    scores = ours.result.score(part)
    model.compile(loss="binary_crossentropy", metrics=["binary_accuracy"])
    expected = model.evaluate(part.x, part.y, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(expected["loss"], abs=1e-6)
    assert scores["accuracy"] == pytest.approx(expected["binary_accuracy"], abs=1e-6)
    right = (model.predict(part.x, verbose=0) > 0.5) == (part.y > 0.5)
    assert scores["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
    assert right.all(axis=1).mean() < right.mean() < 1  # what else it could be is something else


@pytest.mark.parametrize("family", ["mlp", "cnn1d", "jordan", "stacked-autoencoder"])
def test_families_learn_labels(family: str) -> None:
    """All that do not say otherwise: losses are those of ``fit``, outputs are probabilities."""
    space = narrowed(family)
    data = small_data("labels", 3, shape=(7, 2))
    point = space.starting_points()[0]
    ours = fit(data, point, build=space.build)
    assert ours.distance(stock_fit(data, point, build=space.build)) < 1e-5
    answers = ours.model.predict(data.test.x, verbose=0)
    assert answers.shape == (len(data.test), 3)
    assert (answers > 0).all()
    assert (answers < 1).all()
    assert np.abs(answers.sum(axis=1) - 1).max() > 0.01


@pytest.mark.parametrize("metric", ["AUC", "Precision", "accuracy", "F1Score"])
def test_metrics_of_keras(metric: str) -> None:
    """Those that give one number for all labels are taken."""
    check_metrics([metric], DATA.outputs)


@pytest.mark.parametrize("metric", ["categorical_accuracy", "mape", "R2Score"])
def test_metrics_that_say_nothing_of_labels_are_refused(metric: str) -> None:
    """They cannot be compared by."""
    with pytest.raises(UserError, match="can be computed for the task 'multilabel'"):
        check_metrics([metric], DATA.outputs)


def test_the_objective_may_be_a_metric_of_labels() -> None:
    """And is measured the fast way."""
    ours: Any = fit(DATA, BASE, metrics=("AUC",))
    assert ours.path.startswith("program: ")
    assert 0 <= ours.epochs[-1]["val_AUC"] <= 1
    assert isinstance(ours.model, keras.Model)

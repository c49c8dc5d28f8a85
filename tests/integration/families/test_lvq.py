"""Learning vector quantisation: its rules, its answers, and what it reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search_spaces import Inputs, Outputs, SpaceError, catalog
from tests.support.learning import check_resume, point, train
from tuner.cli import main
from tuner.training.compilation import compile_model

pytestmark = pytest.mark.keras

RATE = 0.1
# Two prototypes of each of two classes, on a line.
FIRST = np.array([[0.0, 0.0], [1.0, 0.0], [4.0, 0.0], [5.0, 0.0]], "float32")
LABELS = np.array([0, 0, 1, 1], "int32")


def placed(rule: str, **fixed: Any) -> Any:
    """A model whose prototypes stand at `FIRST`, and that steps by `RATE` times the gradient."""
    words = {"rule": rule, "prototypes": 2, "optimizer": "sgd", "momentum": 0.0, **fixed}
    space = catalog.load("lvq", [f"{name}={value}" for name, value in words.items()])
    outputs = Outputs.for_task("binary")
    model = space.build(point(space), Inputs(shape=(2,)), outputs)
    compile_model(model, {**point(space), "learning_rate": 0.0}, outputs)
    model.train_on_batch(FIRST, LABELS)
    model.optimizer.learning_rate = RATE
    np.testing.assert_array_equal(by_class(model), FIRST)
    return model


def by_class(model: Any) -> Any:
    """The prototypes, those of class 0 first."""
    return model.places.numpy()[[0, 2, 1, 3]]


def after(rule: str, row: list[float], label: int, **fixed: Any) -> Any:
    """How far each prototype went along the line by one row."""
    model = placed(rule, **fixed)
    model.train_on_batch(np.array([row], "float32"), np.array([label], "int32"))
    return (by_class(model) - FIRST)[:, 0]


def test_lvq1_moves_the_winner_alone() -> None:
    """Kohonen 1990: w + a (x - w) where the class is right, w - a (x - w) where not."""
    np.testing.assert_allclose(after("lvq1", [2.0, 0.0], 0), [0, RATE, 0, 0], atol=1e-6)
    np.testing.assert_allclose(after("lvq1", [2.0, 0.0], 1), [0, -RATE, 0, 0], atol=1e-6)


def test_lvq21_moves_both_in_the_window() -> None:
    """Distances 1.4 and 1.6: 1.4 / 1.6 > 0.7 / 1.3; of 1 and 2 it is not so."""
    moved = after("lvq2.1", [2.4, 0.0], 1, window=0.3)
    np.testing.assert_allclose(moved, [0, -1.4 * RATE, -1.6 * RATE, 0], atol=1e-6)
    np.testing.assert_array_equal(after("lvq2.1", [2.0, 0.0], 1, window=0.3), np.zeros(4))
    np.testing.assert_array_equal(after("lvq2.1", [0.5, 0.0], 1, window=0.3), np.zeros(4))


def test_glvq_descends_relative_distances() -> None:
    """Sato and Yamada 1995: with m = (d - e) / (d + e), dS/dw = -S' 4 e (x - w) / (d + e)^2."""
    d, e = 1.0, 4.0  # from 2 to 1 and to 4
    m = (d - e) / (d + e)
    slope = np.exp(-m) / (1 + np.exp(-m)) ** 2
    right = RATE * slope * 4 * e * 1.0 / (d + e) ** 2
    wrong = RATE * slope * 4 * d * 2.0 / (d + e) ** 2
    np.testing.assert_allclose(after("glvq", [2.0, 0.0], 0), [0, right, wrong, 0], atol=1e-6)


def test_a_prototype_goes_by_the_mean_of_what_rows_tell() -> None:
    """Twice the rows, the same step."""
    once, twice = placed("lvq1"), placed("lvq1")
    rows, labels = np.array([[2.0, 0.0], [1.5, 1.0]], "float32"), np.array([0, 0], "int32")
    once.train_on_batch(rows, labels)
    twice.train_on_batch(np.tile(rows, (2, 1)), np.tile(labels, 2))
    np.testing.assert_allclose(by_class(once), by_class(twice), atol=1e-6)
    np.testing.assert_allclose(by_class(once)[1], [1.075, 0.05], atol=1e-6)


@pytest.mark.parametrize("source", ["digits", "breast-cancer"])
def test_answers_are_probabilities_by_distance(source: str) -> None:
    """The softmax of each class's nearest prototype's negative squared distance."""
    from tuner import datasets

    model: Any = train("lvq", source, epochs=5, prototypes=3, batch_size=64).model
    data = datasets.load(datasets.DataSpec(source=source))
    x, classes = data.test.x, model.facts["classes"]
    squares = np.square(x[:, None] - model.places.numpy()[None]).sum(axis=2)
    scores = -np.exp(model.sharpness.numpy()) * squares.reshape(len(x), 3, classes).min(axis=1)
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    expected = odds / odds.sum(axis=1, keepdims=True)
    answers = model.predict(x, verbose=0)
    np.testing.assert_allclose(answers, expected if classes > 2 else expected[:, 1:], atol=1e-3)


@pytest.mark.parametrize("rule", ["glvq", "lvq1", "lvq2.1"])
@pytest.mark.parametrize(("source", "minimum"), [("gaussians", 0.97), ("digits", 0.92)])
def test_every_rule_tells_classes_apart(rule: str, source: str, minimum: float) -> None:
    """The best that can be is 0.983 for the two Gaussians: their means lie 3 sqrt 2 apart."""
    done = train("lvq", source, rule=rule, schedule="cosine", epochs=15)
    assert max(epoch["val_accuracy"] for epoch in done.epochs) >= minimum


def test_a_class_that_is_rare_gets_its_prototypes_late() -> None:
    """One without a place wins nowhere until its class comes."""
    model = placed("lvq1")
    model.filled.assign([0, 0])
    model.train_on_batch(FIRST[:3] + 7, LABELS[:3])
    assert model.filled.numpy().tolist() == [2, 1]
    assert model.get_layer("prototypes").bias.numpy().min() < -1e6  # of the one without a place
    model.train_on_batch(FIRST[3:] + 7, LABELS[3:])
    assert model.filled.numpy().tolist() == [2, 2]
    assert model.get_layer("prototypes").bias.numpy().min() > -1e6


def test_numbers_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By build(), and by a launch before anything is made."""
    space, outputs = catalog.load("lvq"), Outputs.for_task("regression", 2)
    with pytest.raises(SpaceError, match="Expected the task binary or multiclass for lvq"):
        space.build(point(space), Inputs(shape=(2,)), outputs)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["launch", "lvq", "--data", "diabetes", "--workers", "0"])
    assert ended.value.code == 2
    assert "Received: regression: take mlp" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.parametrize("rule", ["glvq", "lvq1", "lvq2.1"])
def test_going_on(rule: str) -> None:
    """Comes out as without a break, by every rule."""
    check_resume("lvq", "digits", after=[2], rule=rule, epochs=5, batch_size=256)

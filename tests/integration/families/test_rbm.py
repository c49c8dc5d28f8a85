"""Restricted Boltzmann machines: their gradient, what they reach, and how they go on."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from search_spaces import Inputs, Outputs, catalog
from tests.support.fits import fit
from tests.support.learning import check_resume, load, point, train
from tuner import datasets
from tuner.datasets import DataSpec
from tuner.datasets.prepared_data import Part
from tuner.training.compilation import compile_model

pytestmark = pytest.mark.keras

VISIBLE, HIDDEN = 4, 3
STATES = np.array(list(itertools.product([0.0, 1.0], repeat=VISIBLE)))
PATTERNS = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]], "float32")
WEIGHTED = np.array([3.0, 1.0, 2.0], "float32")


def machine(**fixed: Any) -> Any:
    """A binary machine of 4 by 3 with weights of a size that matters."""
    words = {"visible": "binary", "hidden": HIDDEN, "optimizer": "sgd", **fixed}
    space = catalog.load("rbm", [f"{name}={value}" for name, value in words.items()])
    outputs = Outputs.for_task("regression", VISIBLE)
    model: Any = space.build(point(space), Inputs(shape=(VISIBLE,)), outputs)
    compile_model(model, point(space), outputs)
    random = np.random.default_rng(1)
    for part in model._trained_variables():
        part.assign(random.normal(scale=0.7, size=part.shape))
    return model


def exact_gradient(model: Any, weights: np.ndarray) -> np.ndarray:
    """Of the negative log-likelihood of `PATTERNS`, summed over all states of the visible units."""
    kernel, hidden, visible = (part.numpy().astype(float) for part in model._trained_variables())

    def correlations(rows: np.ndarray, shares: np.ndarray) -> np.ndarray:
        on = shares[:, None] / (1 + np.exp(-(rows @ kernel + hidden)))
        return np.concatenate([(rows.T @ on).ravel(), on.sum(axis=0), shares @ rows])

    logs = STATES @ visible + np.logaddexp(0, STATES @ kernel + hidden).sum(axis=1)
    odds = np.exp(logs - logs.max())
    mean = weights.mean()
    data = correlations(PATTERNS.astype(float), weights / len(weights))
    return mean * correlations(STATES, odds / odds.sum()) - data


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize(("k", "close"), [(1, 0.8), (30, 0.99)])
@pytest.mark.parametrize("weights", [np.ones(3, "float32"), WEIGHTED])
def test_the_gradient_is_that_of_the_likelihood(k: int, close: float, weights: Any) -> None:
    """In direction from one step on; after many steps of sampling exactly, save for chance."""
    model = machine(k=k)
    repeats = 4000
    parts = model.divergence(np.tile(PATTERNS, (repeats, 1)), np.tile(weights, repeats))
    ours = np.concatenate([np.ravel(part) for part in parts])
    assert cosine(ours, exact_gradient(model, weights)) > close


def test_chains_that_go_on_reach_the_machine_s_distribution() -> None:
    """Tieleman 2008: with weights that stand still, one step at a time is enough."""
    model = machine(k=1, persistent="true", batch_size=4000)
    for _ in range(40):
        parts = model.divergence(PATTERNS)
    ours = np.concatenate([np.ravel(part) for part in parts])
    assert cosine(ours, exact_gradient(model, np.ones(3))) > 0.99


@pytest.mark.parametrize("persistent", ["false", "true"])
def test_gaussian_units_give_digits_back(persistent: str) -> None:
    """Far better than who answers with the mean; the kernels stay transposed."""
    done = train("rbm", "digits", persistent=persistent, epochs=15, optimizer="adam")
    assert "graph" in done.path
    _, data = load("rbm", "digits")
    x = data.validation.x
    last = done.epochs[-1]
    assert last["val_loss"] < np.square(x - x.mean(axis=0)).mean() * 0.6
    assert np.isfinite(last["val_free_energy_gap"])
    model: Any = done.model
    there, back = (model.get_layer(name).kernel.numpy() for name in ("hidden", "visible"))
    np.testing.assert_array_equal(there, back.T)


def test_binary_units_give_digits_back() -> None:
    """Much better than the mean of the rows does."""
    data = datasets.load(DataSpec(source="digits", learns="rows", scaling="minmax"))
    done = train("rbm", data, visible="binary", epochs=15, optimizer="adam", learning_rate=0.01)
    x = data.validation.x
    assert done.epochs[-1]["val_loss"] < np.square(x - x.mean(axis=0)).mean() * 0.65


def test_the_gap_tells_rows_of_another_kind() -> None:
    """Held-out digits have about the free energy of learned ones, digits turned over have more."""
    space, data = load("rbm", "digits", epochs=15, optimizer="adam")
    done = fit(data, point(space), build=space.build)
    assert done.result is not None
    x = np.ascontiguousarray(data.validation.x.reshape(-1, 8, 8).transpose(0, 2, 1)).reshape(-1, 64)
    turned = done.result.score(Part(x=x, y=x))["free_energy_gap"]
    learned, held_out = (
        done.result.score(part)["free_energy_gap"] for part in (data.train, data.validation)
    )
    assert abs(learned) < 1
    assert abs(held_out) < 2
    assert turned > 5


def test_rows_that_are_no_probabilities_are_refused() -> None:
    """Binary units with standardised rows: one line that says what to do."""
    with pytest.raises(Exception, match=r"Expected rows in \[0, 1\] for binary visible units"):
        train("rbm", "digits", visible="binary", epochs=1)


@pytest.mark.parametrize("persistent", ["false", "true"])
def test_going_on(persistent: str) -> None:
    """Comes out as without a break, also with chains that go on."""
    check_resume("rbm", "wine", after=[2], persistent=persistent, epochs=5, optimizer="adam")

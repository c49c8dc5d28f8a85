"""Boltzmann machines: their gradient, what they alone can learn, and how they go on."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces import Inputs, Outputs, SpaceError, catalog
from tests.support.learning import check_resume, point, train
from tuner import datasets
from tuner.cli import main
from tuner.datasets import DataSpec
from tuner.training import seeded
from tuner.training.compilation import compile_model

pytestmark = pytest.mark.keras

PATTERNS = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]], "float32")
WEIGHTED = np.array([3.0, 1.0, 2.0], "float32")


def states(units: int) -> np.ndarray:
    """All of them, (2 ** units, units), the first unit slowest."""
    return np.array(list(itertools.product([0.0, 1.0], repeat=units)))


def machine(visible: int, scale: float, **fixed: Any) -> Any:
    """A machine with weights of a size that matters."""
    space = catalog.load("boltzmann", [f"{name}={value}" for name, value in fixed.items()])
    outputs = Outputs.for_task("regression", visible)
    with seeded(1):
        model: Any = space.build(point(space), Inputs(shape=(visible,)), outputs)
    compile_model(model, point(space), outputs)
    random = np.random.default_rng(1)
    upper = np.triu(random.normal(scale=scale, size=model.matrix.shape), 1)
    model.matrix.assign(upper + upper.T)
    model.biases.assign(random.normal(scale=scale, size=model.biases.shape))
    model._copy_weights()
    return model


def likelihoods(model: Any) -> np.ndarray:
    """p(s) = exp(s W s / 2 + b s) / Z of all states, visible units first."""
    matrix, biases = model.matrix.numpy().astype(float), model.biases.numpy().astype(float)
    all_states = states(len(biases))
    logs = ((all_states @ matrix) * all_states).sum(axis=1) / 2 + all_states @ biases
    odds = np.exp(logs - logs.max())
    found: np.ndarray = odds / odds.sum()
    return found


def exact_gradient(model: Any, weights: np.ndarray) -> np.ndarray:
    """Of the negative log-likelihood of `PATTERNS`, summed over all states of all units."""
    all_states, chances = states(len(model.biases.numpy())), likelihoods(model)

    def correlations(shares: np.ndarray) -> np.ndarray:
        products = np.einsum("s,si,sj->ij", shares, all_states, all_states)
        return np.concatenate([products[np.triu_indices_from(products, 1)], shares @ all_states])

    gradient = weights.mean() * correlations(chances)
    for pattern, weight in zip(PATTERNS, weights, strict=True):
        clamped = chances * (all_states[:, :4] == pattern).all(axis=1)
        gradient -= weight / len(weights) * correlations(clamped / clamped.sum())
    found: np.ndarray = gradient
    return found


@pytest.mark.parametrize("persistent", ["false", "true"])
@pytest.mark.parametrize("weights", [np.ones(3, "float32"), WEIGHTED])
def test_the_gradient_is_that_of_the_likelihood(persistent: str, weights: Any) -> None:
    """After many sweeps, save for chance: correlations free minus clamped, also between equals."""
    model = machine(4, 0.7, hidden=3, sweeps=30, persistent=persistent, batch_size=12000)
    matrix, biases = model.gradient(np.tile(PATTERNS, (4000, 1)), np.tile(weights, 4000))
    matrix = matrix.numpy()
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_array_equal(np.diag(matrix), np.zeros(7))
    ours = np.concatenate([matrix[np.triu_indices(7, 1)], biases])
    np.testing.assert_allclose(ours, exact_gradient(model, weights), atol=0.02 * weights.mean())


def test_chains_that_go_on_reach_the_machine_s_distribution() -> None:
    """Tieleman 2008: with weights that stand still, one sweep a step is enough."""
    model = machine(4, 0.7, hidden=3, sweeps=1, persistent="true", batch_size=8000)
    for _ in range(30):
        model.gradient(PATTERNS)
    drawn = (model.chains.numpy().T @ 2 ** np.arange(6, -1, -1)).astype(int)
    shares = np.bincount(drawn, minlength=2**7) / len(drawn)
    assert np.abs(shares - likelihoods(model)).sum() < 0.15  # of 2; a uniform one is at 0.9


def test_parity_is_learned() -> None:
    """Three bits with an even sum: each pair is independent, hidden units alone can tell.

    The best that a machine without hidden units can do is the uniform distribution, of which half
    has an odd sum.
    """
    fixed = {"optimizer": "adam", "sweeps": 5, "schedule": "constant", "learning_rate": 0.05}
    model = machine(3, 1.0, hidden=4, **fixed)
    even = states(3).sum(axis=1) % 2 == 0
    rows = np.tile(states(3)[even].astype("float32"), (64, 1))
    for _ in range(600):
        model.train_on_batch(rows, rows)
    found = likelihoods(model).reshape(8, -1).sum(axis=1)
    assert found[even].sum() > 0.9
    assert found[even].min() > 0.1
    np.testing.assert_array_equal(model.matrix.numpy(), model.matrix.numpy().T)


def test_answers_are_those_of_the_one_matrix() -> None:
    """No value's answer depends on itself but through hidden units; each part is in its place."""
    model = machine(4, 0.7, hidden=3)
    matrix, biases = model.matrix.numpy(), model.biases.numpy()

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-x)))

    up = PATTERNS @ matrix[:4, 4:] + biases[4:]
    m = sigmoid(up)
    for _ in range(8):
        m = (m + sigmoid(up + m @ matrix[4:, 4:])) / 2
    expected = sigmoid(m @ matrix[4:, :4] + PATTERNS @ matrix[:4, :4] + biases[:4])
    np.testing.assert_allclose(model.predict(PATTERNS, verbose=0), expected, atol=1e-6)


def digits(scaling: str = "minmax") -> Any:
    return datasets.load(DataSpec(source="digits:400", learns="rows", scaling=scaling))


@pytest.mark.parametrize("persistent", ["false", "true"])
def test_digits_come_back(persistent: str) -> None:
    """Far better than who answers with the mean."""
    data = digits()
    fixed = {"optimizer": "adam", "sweeps": 1, "epochs": 8, "learning_rate": 0.02}
    done = train("boltzmann", data, persistent=persistent, **fixed)
    assert "graph" in done.path
    x = data.validation.x
    assert done.epochs[-1]["val_loss"] < np.square(x - x.mean(axis=0)).mean() * 0.6


def test_going_on() -> None:
    """From a snapshot in a new model, chains and all, it is the uninterrupted training."""
    fixed = {"persistent": "true", "epochs": 3, "hidden": 4, "optimizer": "adam"}
    check_resume("boltzmann", digits(), after=[1], **fixed)


def test_rows_that_are_too_long_are_refused() -> None:
    """With a family that takes them."""
    with pytest.raises(SpaceError, match=r"at most 128 values for boltzmann.*784 values.*take rbm"):
        catalog.load("boltzmann").check(Inputs(shape=(28, 28)))


@pytest.mark.parametrize(
    ("family", "options", "message"),
    [
        ("boltzmann", (), "Expected rows in [0, 1] for boltzmann."),
        ("rbm", ("--set", "visible=binary"), "Expected rows in [0, 1] for visible=binary of rbm."),
        ("dbn", ("--set", "visible=gaussian,binary"), "for visible=binary of dbn."),
    ],
)
def test_a_launch_with_rows_that_are_no_probabilities_is_refused(
    family: str,
    options: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line says what to do, before anything is made; with --scaling minmax it is made."""
    monkeypatch.chdir(tmp_path)
    words = ["launch", family, "--data", "iris", "--workers", "0", *options]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert "take --scaling minmax" in line
    assert not list(tmp_path.glob("*.db"))
    with pytest.raises(SystemExit) as ended:
        main([*words, "--scaling", "minmax"])
    assert ended.value.code in (0, None)

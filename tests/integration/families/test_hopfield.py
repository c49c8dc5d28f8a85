"""Hopfield networks: what they store, how they recall it, and how they go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import hadamard

from search_spaces import Inputs, Outputs, SpaceError, catalog
from tests.support.learning import check_resume, load, point, train
from tuner.cli import main
from tuner.training.compilation import compile_model

pytestmark = pytest.mark.keras

UNITS = 64
ORTHOGONAL = hadamard(UNITS)[1:5].astype("float32")


def memory(rows: np.ndarray, **fixed: Any) -> Any:
    """A network that has stored these rows, in the order given."""
    words = {"stored": "rows", "patterns": len(rows), "corruption": 0.0, **fixed}
    space = catalog.load("hopfield", [f"{name}={value}" for name, value in words.items()])
    outputs = Outputs.for_task("regression", rows.shape[1])
    model: Any = space.build(point(space), Inputs(shape=rows.shape[1:]), outputs)
    compile_model(model, point(space), outputs)
    model.train_on_batch(rows, rows)
    return model


def recall(model: Any, rows: np.ndarray) -> Any:
    return model.predict(rows, verbose=0)


def settle(model: Any, states: np.ndarray) -> Any:
    """Units of -1 and 1 after the steps of a recall, whatever values they stand for."""
    import keras

    return np.asarray(keras.Model(model.input, model.get_layer("values").input)(states))


def energies(model: Any, states: np.ndarray) -> Any:
    """E = -1/2 s W s, of Hopfield 1982."""
    patterns = model.stored_patterns().numpy()
    matrix = (patterns.T @ patterns) * (1 - np.eye(patterns.shape[1]))
    return -0.5 * ((states @ matrix) * states).sum(axis=1)


def turned(rows: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Rows with as many units turned over, other ones in each."""
    random = np.random.default_rng(seed)
    rows = rows.copy()
    for row in rows:
        row[random.choice(rows.shape[1], count, replace=False)] *= -1
    return rows


def correlated(count: int, share: float = 0.2) -> np.ndarray:
    """Patterns that are one pattern with a share of its units drawn anew: alike, independent."""
    random = np.random.default_rng(2)
    base = random.choice([-1.0, 1.0], UNITS)
    change = random.uniform(size=(count, UNITS)) < share
    return np.where(change, -base, base).astype("float32")


@pytest.mark.parametrize("update", ["synchronous", "asynchronous"])
@pytest.mark.parametrize("rule", ["hebbian", "pseudo-inverse"])
def test_few_orthogonal_patterns_are_recalled_exactly(rule: str, update: str) -> None:
    """From patterns with an eighth of their units turned over."""
    fixed = {"groups": 16} if update == "asynchronous" else {}
    model = memory(ORTHOGONAL, rule=rule, update=update, steps=2, **fixed)
    np.testing.assert_array_equal(recall(model, ORTHOGONAL), ORTHOGONAL)
    np.testing.assert_array_equal(recall(model, turned(ORTHOGONAL, 8)), ORTHOGONAL)


@pytest.mark.parametrize("self_connections", ["false", "true"])
def test_the_projection_stores_correlated_patterns(self_connections: str) -> None:
    """Personnaz, Guyon and Dreyfus 1985: all that are independent; Hebb's rule loses most."""
    patterns = correlated(12)
    fixed = {"steps": 1, "self_connections": self_connections}
    kept = {
        rule: (recall(memory(patterns, rule=rule, **fixed), patterns) == patterns).all(axis=1).sum()
        for rule in ("hebbian", "pseudo-inverse")
    }
    assert kept["pseudo-inverse"] == 12
    assert kept["hebbian"] < 3


def test_both_rules_are_as_written() -> None:
    """Hopfield's sum of products; X X^+ on numpy's own pseudo-inverse; no unit sees itself."""
    from search_spaces.families.hopfield_model import FINE, hebbian, pseudo_inverse

    patterns = correlated(12)
    np.testing.assert_array_equal(hebbian(patterns), patterns.T @ patterns)
    twice = np.concatenate([patterns, patterns[:3], np.zeros((2, UNITS), "float32")])
    expected = patterns.T @ np.linalg.pinv(patterns.T)
    np.testing.assert_allclose(pseudo_inverse(twice) / FINE, expected, atol=1 / FINE)
    for self_connections, diagonal in (("false", 1), ("true", 25)):
        model = memory(patterns, self_connections=self_connections)
        kernel = model.get_layer("turn_0").kernel.numpy()
        np.testing.assert_array_equal(np.diag(kernel), np.full(UNITS, diagonal))


def test_units_that_take_turns_settle_where_all_at_once_swing() -> None:
    """Two units that want to differ, and are alike: at once they both turn over for ever."""
    stored, alike = np.array([[1, -1]], "float32"), np.array([[1, 1]], "float32")
    at_once = (memory(stored, update="synchronous", steps=steps) for steps in (1, 2))
    assert [settle(model, alike).tolist() for model in at_once] == [[[-1, -1]], [[1, 1]]]
    for steps in (1, 2):
        model = memory(stored, update="asynchronous", groups=2, steps=steps)
        assert settle(model, alike).tolist() == [[-1, 1]]


def test_the_energy_never_grows_where_one_unit_moves_at_a_time() -> None:
    """Hopfield 1982, from random states, with more patterns than can be stored."""
    random = np.random.default_rng(0)
    patterns, states = random.choice([-1.0, 1.0], (2, 40, 12)).astype("float32")
    model = memory(patterns[:6], update="asynchronous", groups=12, steps=1)
    movements: list[int] = []
    for _ in range(4):
        after = settle(model, states)
        moved = (after != states).any(axis=1)
        assert (energies(model, after) < energies(model, states))[moved].all()
        movements.append(moved.sum())
        states = after
    assert movements[0] > 30
    assert movements[-1] == 0


def test_a_unit_without_a_field_stays() -> None:
    """What is stored has nothing in common with it, and cancels out."""
    stored = np.array([[1, 1, 1, 1], [1, -1, 1, -1]], "float32")
    other = np.array([[1, 1, -1, -1]], "float32")
    for rule in ("hebbian", "pseudo-inverse"):
        model = memory(stored, rule=rule, self_connections="true")
        np.testing.assert_array_equal(settle(model, other), other)


def test_clusters_become_their_majorities() -> None:
    """Rows around two patterns, a tenth of their units turned over at random."""
    random, two = np.random.default_rng(4), ORTHOGONAL[:2]
    rows = np.repeat(two, 30, axis=0) * random.choice([1, 1, 1, 1, 1, 1, 1, 1, 1, -1], (60, UNITS))
    model = memory(rows[[0, *range(30, 60), *range(1, 30)]], stored="clusters", patterns=2)
    np.testing.assert_array_equal(model.stored_patterns(), two)
    assert model.counts.numpy().ravel().tolist() == [30, 30]


def test_rows_count_by_their_weights() -> None:
    """In the majority and in the values that units stand for."""
    rows = np.array([[1.0, 1.0], [1.0, -3.0], [1.0, 5.0]], "float32")
    for weights, pattern, high in (([1, 1, 1], 1, 3), ([1, 5, 1], -1, 3), ([3, 0, 1], 1, 2)):
        model = memory(rows[:1], stored="clusters", patterns=1)
        model.sums.assign(np.zeros((2, 2))), model.numbers.assign(np.zeros((2, 2)))
        model.counts.assign([[0.0]])
        model.store(rows, np.array(weights, "float32"))
        assert model.stored_patterns().numpy()[0, 1] == pattern
        layer = model.get_layer("values")
        assert (layer.kernel.numpy() + layer.bias.numpy())[1] == high


def test_answers_are_scaled_values() -> None:
    """Columns of any two values are given back as these; a column with one value, too."""
    rows = np.where(ORTHOGONAL > 0, 0.7, 0.2).astype("float32")
    rows[:, 0], rows[:, 1] = 0.9, 0.1
    model = memory(rows, threshold=0.5)
    np.testing.assert_allclose(recall(model, rows), rows, atol=1e-6)


def test_scores_are_of_corrupted_rows_the_same_in_every_trial() -> None:
    """A tenth of the units, mirrored at the threshold; training rows and answers are untouched."""
    random = np.random.default_rng(0)
    rows = random.uniform(size=(200, UNITS)).astype("float32")
    models = [memory(rows[:4], threshold=0.5, corruption=0.1, rule=r) for r in ("hebbian",) * 2]
    once, again = (np.asarray(model.corrupted(rows)) for model in models)
    np.testing.assert_array_equal(once, again)
    assert np.mean(once != rows) == pytest.approx(0.1, abs=0.01)
    np.testing.assert_allclose(once[once != rows], 1 - rows[once != rows], atol=1e-6)
    expected = np.square(recall(models[0], once) - rows).mean()
    assert models[0].evaluate(rows, rows, batch_size=200, verbose=0) == pytest.approx(expected)


def test_digits_are_recalled() -> None:
    """Better than who answers with the mean of all rows, although a tenth is turned over."""
    fixed = {"rule": "pseudo-inverse", "patterns": 32, "self_connections": "true", "steps": 1}
    done = train("hopfield", "digits", **fixed)
    assert "graph" in done.path
    x = load("hopfield", "digits")[1].validation.x
    assert done.epochs[-1]["val_loss"] < np.square(x - x.mean(axis=0)).mean() * 0.75


def test_going_on() -> None:
    """Comes out as without a break."""
    check_resume("hopfield", "digits", after=[2], patterns=24, epochs=4)


def test_nothing_of_a_gradient_is_searched() -> None:
    """Whatever parameters training has: only what a memory is made of."""
    own = {name for name, p in catalog.load("hopfield").parameters.items() if not p.fixed}
    assert own == {"rule", "stored", "patterns", "self_connections", "update", "steps"}
    with pytest.raises(SpaceError, match="optimizer=sgd: Expected one of adam"):
        catalog.load("hopfield", ["optimizer=sgd"])


def test_rows_that_are_too_long_are_refused() -> None:
    """Weights grow with the square of the row's length."""
    with pytest.raises(SpaceError, match=r"at most 1024 values for hopfield.*3072 values"):
        catalog.load("hopfield").check(Inputs(shape=(32, 32, 3)))


def test_a_threshold_that_tells_nothing_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At launch: with all values above 0 every unit would be 1."""
    monkeypatch.chdir(tmp_path)
    words = ["launch", "hopfield", "--data", "iris", "--workers", "0", "--scaling", "minmax"]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "0 to 1. Received: 0: take --set threshold=0.5" in line
    assert not list(tmp_path.glob("*.db"))

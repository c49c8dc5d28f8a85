"""Adversarial networks: what they are compared by, and the rows they make."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search_spaces import Inputs, Outputs, catalog
from tests.support.learning import check_resume, load, point, train
from tuner import datasets

pytestmark = pytest.mark.keras

BRIEF = {"units": 8, "opponent_units": 8, "opponent_dropout": 0.2, "epochs": 20, "batch_size": 256}


def distance(real: Any, made: Any) -> float:
    from search_spaces.families.gan_model import discrepancy

    return float(discrepancy(np.asarray(real, "float32"), np.asarray(made, "float32")))


def test_the_discrepancy_is_what_its_definition_says() -> None:
    """Written out pair by pair (Gretton et al. 2012, equation 3)."""
    from search_spaces.families.gan_model import WIDTHS

    random = np.random.default_rng(0)
    x, y = random.normal(size=(7, 3)), random.normal(1, 2, size=(7, 3))
    pairs = [(i, j) for i in range(7) for j in range(7) if i != j]
    width = np.mean([np.square(x[i] - x[j]).sum() for i, j in pairs])

    def k(a: Any, b: Any) -> float:
        squares = np.square(a - b).sum()
        return float(np.mean([np.exp(-squares / (2 * share * width)) for share in WIDTHS]))

    expected = np.mean([k(x[i], x[j]) + k(y[i], y[j]) for i, j in pairs])
    expected -= 2 * np.mean([k(a, b) for a in x for b in y])
    assert distance(x, y) == pytest.approx(expected, abs=1e-5)
    assert distance(x[:1], y[:1]) == 0.0


def test_the_discrepancy_has_no_bias() -> None:
    """Of one distribution it is 0 on average; a shift of one deviation shows in 50 rows."""
    random = np.random.default_rng(0)
    same = [distance(*random.normal(size=(2, 50, 2))) for _ in range(200)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(200)
    assert min(same) < 0 < max(same)
    apart = np.array([0.0, 1.0]).reshape(2, 1, 1)
    shifted = [distance(*random.normal(apart, size=(2, 50, 2))) for _ in range(20)]
    assert min(shifted) > max(same)


@pytest.mark.parametrize("source", ["gaussians", "circles"])
def test_rows_are_made_that_are_like_real_ones(source: str) -> None:
    """Nearly as close to the test rows as the validation rows are, and not one row over again."""
    _, data = load("gan", source)
    done = train("gan", data, learning_rate=0.002, units=128, batch_size=64)
    made = done.model.predict(data.test.x, verbose=0)
    real, other = data.test.y, data.validation.y
    rows = min(len(real), len(other))
    assert done.epochs[0]["val_loss"] > 0.1
    assert distance(real, made) < abs(distance(real[:rows], other[:rows])) + 0.02
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=0.3)
    np.testing.assert_allclose(made.std(axis=0), 1, atol=0.25)
    assert len(np.unique(made.round(3), axis=0)) > 0.9 * len(made)


@pytest.mark.parametrize("source", ["gaussians", "digits", "breast-cancer", "sequence-sum"])
def test_noise_is_even_whatever_the_rows_are(source: str) -> None:
    """Each number uniform, none going with another or with the row; the same in every call."""
    import keras
    from scipy import stats

    space, data = load("gan", source, latent=6)
    model = space.build(point(space), data.inputs, data.outputs)
    noise = keras.Model(model.inputs, model.get_layer("uniform").output)
    x = data.train.x
    drawn = noise.predict(x, verbose=0)
    rows = len(np.unique(x.reshape(len(x), -1), axis=0))
    for column in drawn.T:
        assert stats.kstest(column, stats.uniform(-1, 2).cdf).statistic < 2.2 / np.sqrt(rows)
    flat = x.reshape(len(x), -1).astype(float)
    both = np.corrcoef(np.hstack([drawn, flat[:, flat.std(axis=0) > 1e-3]]).T)[:6]
    assert np.abs(both - np.eye(6, both.shape[1])).max() < 6 / np.sqrt(rows)
    np.testing.assert_array_equal(drawn, noise.predict(x, verbose=0))


def test_a_file_makes_as_many_rows_as_it_is_given(tmp_path: Any) -> None:
    """In the unit of the raw rows, and without this project's class."""
    import keras

    _, data = load("gan", "wine")
    done = train("gan", data, learning_rate=0.002, epochs=100)
    datasets.with_preprocessing(done.model, data).save(tmp_path / "model.keras")
    opened = keras.saving.load_model(tmp_path / "model.keras")
    assert "Players" not in str(opened.get_config())
    made = opened.predict(np.random.default_rng(0).normal(size=(500, 13)), verbose=0)
    assert made.shape == (500, 13)
    raw = data.raw("train")
    assert (np.abs(made.mean(axis=0) - raw.mean(axis=0)) < raw.std(axis=0)).all()


def test_the_whole_model_is_saved_with_its_opponent(tmp_path: Any) -> None:
    """It opens again with all weights."""
    import keras

    space = catalog.load("gan", ["units=4", "opponent_units=4"])
    model: Any = space.build(point(space), Inputs(shape=(3, 2)), Outputs.for_task("regression", 6))
    model.save(tmp_path / "model.keras")
    opened = keras.saving.load_model(tmp_path / "model.keras")
    assert len(opened.discriminator.weights) == 6
    for weight, other in zip(opened.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)


def test_going_on() -> None:
    """Comes out as without a break."""
    check_resume("gan", "gaussians", after=[2], **BRIEF)

"""What is told of a regression is in the unit of its targets, as scikit-learn measures it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics as sk

from search_spaces import catalog
from tests.support.fits import BASE, Fit, fit
from tuner.datasets import Data, DataSpec, load, with_preprocessing
from tuner.studies.objective import Objective
from tuner.training.callbacks import make
from tuner.training.unscaled_targets import goal_factor

pytestmark = pytest.mark.keras

METRICS = ("mse", "mae", "RootMeanSquaredError", "mape", "msle", "R2Score")
EXPECTED = {
    "mse": sk.mean_squared_error,
    "mae": sk.mean_absolute_error,
    "RootMeanSquaredError": sk.root_mean_squared_error,
    "mape": lambda y, p: 100 * sk.mean_absolute_percentage_error(y, p),
    "msle": sk.mean_squared_log_error,
    "R2Score": sk.r2_score,
}
STOCK = "import keras\nNone_ = keras.callbacks.Callback\n"
GAP = "def gap(t, p): return keras.ops.mean(abs(t - p), axis=-1)\n"
HUBER = "keras.ops.where(abs(t - p) > 30, 30 * abs(t - p) - 450, (t - p) ** 2 / 2)"


def data(folder: Path, targets: int = 1, **spec: Any) -> Data:
    """Targets of about 1000 +- 54, and 5 +- 0.5; 301 rows."""
    x = np.random.default_rng(0).normal(size=(301, 2))
    y = np.stack([1000 + x @ [50, 20], 5 + x @ [0.3, -0.4]], axis=1)
    np.savez(folder / "a.npz", x=x, y=y[:, 0] if targets == 1 else y)
    return load(DataSpec(source=str(folder / "a.npz"), **spec))


def predicted(found: Fit, known: Data, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Raw targets, and what the model that leaves the project answers in plain Keras."""
    whole = with_preprocessing(found.model, known)
    answers = whole.predict(known.raw(part), verbose=0).astype(np.float64)
    return known.raw_targets(part).reshape(answers.shape), answers


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("way", ["program", "graph"])
def test_every_number_is_that_of_the_exported_model(targets: int, way: str, tmp_path: Path) -> None:
    """Whichever way it is trained, with a last batch that is smaller."""
    known = data(tmp_path, targets)
    (tmp_path / "own.py").write_text(STOCK)
    watched = [f"{tmp_path}/own.py:None_"] if way == "graph" else []
    found = fit(known, BASE, metrics=METRICS, objective=Objective.of("mape"), own_callbacks=watched)
    assert found.path.startswith(way)
    assert found.result is not None
    for part in ("validation", "test"):
        scores = found.result.score(getattr(known, part))
        y, p = predicted(found, known, part)
        for name in METRICS:
            assert scores[name] == pytest.approx(EXPECTED[name](y, p), rel=2e-3), name
        scaled = (p - y) / (1 if targets == 1 else known.target_scaler.spread)
        assert scores["loss"] == pytest.approx(np.square(scaled).mean(), rel=2e-3)
    best = found.epochs[found.result.best_epoch - 1]
    assert found.result.best_value == best["val_mape"]
    mape = EXPECTED["mape"](*predicted(found, known, "validation"))
    assert best["val_mape"] == pytest.approx(mape, rel=1e-3)


@pytest.mark.parametrize("way", ["program", "graph"])
def test_relative_errors_of_large_targets_are_told(way: str, tmp_path: Path) -> None:
    """1.7e9 +- 7 is one number in float32: trials would all have a MAPE and an MSLE of 0.

    So does a metric of the user's own that takes their difference.
    """
    x = np.random.default_rng(0).normal(size=(301, 2))
    np.savez(tmp_path / "a.npz", x=x, y=1.7e9 + x @ [5, 5])
    known = load(DataSpec(source=str(tmp_path / "a.npz")))
    (tmp_path / "own.py").write_text(f"{STOCK}{GAP}")
    watched = [f"{tmp_path}/own.py:None_"] if way == "graph" else []
    metrics = ("mape", "msle", f"{tmp_path}/own.py:gap")
    found = fit(known, {**BASE, "loss": "mape"}, metrics=metrics, own_callbacks=watched)
    assert found.path.startswith(way)
    assert found.result is not None
    whole = with_preprocessing(found.model, known)
    answers = np.asarray(whole(known.raw("test"))).astype(np.float64).ravel()
    scores, y = found.result.score(known.test), known.raw_targets("test")
    assert scores["mape"] == pytest.approx(EXPECTED["mape"](y, answers), rel=1e-4)
    assert scores["msle"] == pytest.approx(np.square(np.log1p(y) - np.log1p(answers)).mean(), 1e-4)
    assert scores["loss"] == pytest.approx(scores["mape"], rel=1e-4)
    assert scores["gap"] == pytest.approx(sk.mean_absolute_error(y, answers), rel=1e-4)


@pytest.mark.parametrize("loss", ["mae", "mape", "msle", "poisson", "own"])
def test_a_loss_is_told_in_the_unit_of_the_targets(loss: str, tmp_path: Path) -> None:
    """Learned by so, too, where it is another one of scaled targets."""
    known = data(tmp_path)
    text = f"import keras\ndef own(t, p): return keras.ops.mean({HUBER}, axis=-1)\n"
    (tmp_path / "own.py").write_text(text)
    name = f"{tmp_path}/own.py:own" if loss == "own" else loss
    found = fit(known, {**BASE, "loss": name, "epochs": 2})
    assert found.result is not None
    y, p = predicted(found, known, "test")
    errors = np.abs(y - p)
    expected = {
        "mae": errors.mean(),
        "mape": 100 * (errors / y).mean(),
        "msle": np.square(np.log1p(y) - np.log1p(p)).mean(),
        "poisson": (p - y * np.log(p)).mean(),
        "own": np.where(errors > 30, 30 * errors - 450, errors**2 / 2).mean(),
    }[loss]
    assert found.result.score(known.test)["loss"] == pytest.approx(expected, rel=1e-3)
    assert found.epochs[-1]["val_loss"] < found.epochs[0]["val_loss"]


def test_studies_of_earlier_versions_are_measured_as_they_were(tmp_path: Path) -> None:
    """On scaled targets, with Keras's own metrics: their trials stay comparable."""
    old, new = data(tmp_path, in_unit=False), data(tmp_path)
    before, now = (fit(one, BASE, metrics=("mae", "mape")) for one in (old, new))
    spread = float(new.target_scaler.spread)
    for told, later in zip(before.epochs, now.epochs, strict=True):
        assert told["val_loss"] * spread**2 == pytest.approx(later["val_loss"], rel=1e-5)
        assert told["val_mae"] * spread == pytest.approx(later["val_mae"], rel=1e-4)
    y, p = old.test.y, before.model.predict(old.test.x, verbose=0)[:, 0]
    assert before.result is not None
    expected = 100 * (np.abs(y - p) / np.abs(y)).mean()
    assert before.result.score(old.test)["mape"] == pytest.approx(expected, rel=1e-3)


def test_a_plateau_is_as_flat_in_any_unit(tmp_path: Path) -> None:
    """What counts as better grows with the objective: 1e-4 of scaled targets."""
    known, point = data(tmp_path), {**BASE, "schedule": "plateau"}
    point |= {"plateau_factor": 0.5, "plateau_patience": 1}
    size = goal_factor(Objective(), point, known.outputs)
    assert size == pytest.approx(float(known.target_scaler.spread) ** 2)
    (plateau,) = make(point, epoch_patience=None, objective=Objective(), size=size)
    assert plateau.min_delta == pytest.approx(1e-4 * size)


def test_rows_that_are_learned_are_measured_in_their_own_unit(tmp_path: Path) -> None:
    """An autoencoder's MAE is that between raw rows and what the whole model makes of them."""
    known = data(tmp_path, learns="rows")
    assert known.loss_unit == "scaled"
    space = catalog.load("autoencoder", ["epochs=1"])
    found = fit(known, space.starting_points()[0], build=space.build, metrics=("mae",))
    whole = with_preprocessing(found.model, known)
    assert isinstance(whole, keras.Model)
    raw = known.raw("test")
    expected = np.abs(whole.predict(raw, verbose=0) - raw).mean()
    assert found.result is not None
    assert found.result.score(known.test)["mae"] == pytest.approx(expected, rel=1e-3)

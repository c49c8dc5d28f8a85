"""Trials whose data follow from their hyperparameters: what they train on, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from search_spaces.errors import SpaceError
from tests.support import series
from tests.support.fits import BASE, HeldData, fit, stock_fit
from tuner.datasets import DataSpec, load
from tuner.datasets.cache_folder import FOLDER_VARIABLE
from tuner.datasets.prepared_data import Part
from tuner.errors import UserError
from tuner.studies.study_data import StudyData
from tuner.study_setup.validation import validate
from tuner.study_setup.validation_plan import ValidationPlan

pytestmark = pytest.mark.keras

NET = """
import keras

def build(trial, inputs, outputs):
    x = keras.Input(inputs.shape)
    hidden = keras.layers.Conv1D(trial.suggest_int("{name}", 4, 8), 3)(x)
    hidden = keras.layers.Flatten()(hidden)
    return keras.Model(x, keras.layers.Dense(outputs.units, outputs.activation)(hidden))

def objective(trial, data):
    return 0.0
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))


def test_losses_are_those_of_keras_on_windows_made_by_hand(tmp_path: Path) -> None:
    """Cut with a loop, scaled with scikit-learn, trained with one call of `fit`."""
    spec = DataSpec(source=series.write_function(tmp_path), arguments={"window": 4})
    study_data = StudyData(spec, load(spec))
    data = study_data.of({"window": 7})
    rows, targets = series.by_hand(7)
    where = {
        part: [int(np.flatnonzero(targets == y)[0]) for y in study_data.default.raw_targets(part)]
        for part in ("train", "validation")
    }
    of_rows = StandardScaler().fit(rows[where["train"]].reshape(-1, 1))  # all in one unit
    of_targets = StandardScaler().fit(targets[where["train"], None])
    parts = {
        part: Part(
            x=of_rows.transform(rows[which].reshape(-1, 1)).reshape(-1, 7, 2).astype(np.float32),
            y=of_targets.transform(targets[which, None])[:, 0].astype(np.float32),
        )
        for part, which in where.items()
    }
    by_hand = HeldData(inputs=data.inputs, outputs=data.outputs, **parts)
    square = of_targets.var_[0]  # ours are told in the unit of the targets
    for ours, stock in zip(fit(data, BASE).epochs, stock_fit(by_hand, BASE).epochs, strict=True):
        for name in ("loss", "val_loss"):
            assert ours[name] == pytest.approx(stock[name] * square, rel=1e-5)


def plan(
    folder: Path, space: str, body: str | None = None, *, name: str = "filters"
) -> ValidationPlan:
    (folder / "net.py").write_text(NET.format(name=name))
    source = series.write_function(folder)
    if body is not None:
        (folder / "series.py").write_text(f"{series.FUNCTION}\n{body}\n")
    return ValidationPlan(
        space=f"{folder / space}" if ":" in space else space,
        own_training=space.endswith("objective"),
        overrides=(),
        data=DataSpec(source=source),
        metrics=(),
    )


def test_a_study_has_the_defaults_and_the_ends_are_tried(tmp_path: Path) -> None:
    """What trials will ask for first is prepared then."""
    result = validate(plan(tmp_path, "mlp"))
    assert result.data.arguments == {"window": 4, "columns": "both"}
    assert result.code_fingerprint is not None
    tried = ["4 both", "2 both", "12 both", "4 first"]
    assert list(dict.fromkeys(series.calls(tmp_path))) == tried
    data = StudyData(result.data, load(result.data))
    before = len(series.calls(tmp_path))
    assert data.of({"window": 12}).inputs.shape == (12, 2)
    assert len(series.calls(tmp_path)) == before, "the process that tried it has kept it"


@pytest.mark.parametrize(
    ("space", "body", "name", "line"),
    [
        ("mlp", "def load(window): ...", "n", "Expected a range for the argument 'window' of"),
        (
            "mlp",
            "def load(units=Int(1, 2)): ...",
            "n",
            "Expected other names for parameters of the data",
        ),
        ("net.py:build", None, "window", "Received: window: rename them in the space"),
        ("net.py:build", None, "filters", "With window=2: build() of net-build raised"),
        ("net.py:objective", None, "n", "Expected data without arguments to search"),
        ("autoencoder", None, "n", "to validate and test on the same rows as the defaults"),
        (
            "mlp",
            "def load(w=Int(1, 5)): x = np.ones((40, 1)).cumsum(0); return x[w:], x[w:, 0]",
            "n",
            "series.py:load(w=1) to validate and test on the same rows as the defaults",
        ),
        (
            "mlp",
            "def load(w=Int(1, 5)): return (np.ones((40, 2)), np.arange(40.0)) if w < 5 else None",
            "n",
            "Expected series.py:load(w=5) to return",
        ),
        (
            "mlp",
            "def load(w=Int(0, 5)): "
            "return np.random.default_rng(None if w else 0).random((40, 2)), np.arange(40.0)",
            "n",
            "Expected series.py:load with w=5 to return the same rows whenever it is asked",
        ),
    ],
)
def test_what_cannot_be_is_one_line_at_launch(
    tmp_path: Path, space: str, body: str | None, name: str, line: str
) -> None:
    """Also where only the ends of a range show it: windows that are too short for a layer."""
    with pytest.raises((SpaceError, UserError)) as caught:
        validate(plan(tmp_path, space, body, name=name))
    message = str(caught.value)
    assert line in message
    assert len(message.splitlines()) == 1
    assert len(message) <= 300

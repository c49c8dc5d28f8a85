"""The loss of weighted rows is scikit-learn's weighted mean, however the rows come in batches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics as sk

from search_spaces import Inputs, Outputs
from tests.support.fits import BASE, SPACE, fit
from tuner.datasets import DataSpec, load
from tuner.datasets.array_store import write

pytestmark = pytest.mark.keras


def _with_noise(hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs) -> Any:
    """A model that Keras's own steps train."""
    rows = keras.Input(inputs.shape)
    hidden = keras.layers.GaussianNoise(0.1)(keras.layers.Dense(8, "tanh")(rows))
    return keras.Model(rows, keras.layers.Dense(outputs.units, outputs.activation)(hidden))


@pytest.mark.parametrize("weighted", ["train,val,test", "train", "val", "test"])
@pytest.mark.parametrize("build", [SPACE.build, _with_noise], ids=["shared graph", "Keras"])
def test_the_loss_is_the_weighted_mean(tmp_path: Path, build: Any, weighted: str) -> None:
    """Of validation rows in several batches, and of test rows with weights of another scale.

    The loss of a part without weights is the mean, whichever others have some.
    """
    random = np.random.default_rng(0)
    parts = {"train": 200, "val": 2100, "test": 300}
    arrays = {}
    for scale, (name, rows) in zip((1.0, 40.0, 0.01), parts.items(), strict=True):
        x = random.normal(size=(rows, 3)).astype(np.float32)
        arrays[f"x_{name}"] = x
        arrays[f"y_{name}"] = (x[:, 0] + random.normal(size=rows) > 0).astype(np.int64)
        if name in weighted.split(","):
            arrays[f"w_{name}"] = scale * random.uniform(0, 3, rows)
    data = load(DataSpec(source=str(write(arrays, str(tmp_path))), scaling="none"))
    trained = fit(data, {**BASE, "epochs": 1}, build=build)
    measured = {
        "val": trained.epochs[0]["val_loss"],
        "test": trained.result.score(data.test)["loss"],  # type: ignore[union-attr]
    }
    for name, loss in measured.items():
        p = trained.model.predict(arrays[f"x_{name}"], verbose=0)[:, 0].astype(np.float64)
        y, weights = arrays[f"y_{name}"], arrays.get(f"w_{name}")
        assert loss == pytest.approx(sk.log_loss(y, p, sample_weight=weights), rel=1e-5)
        if weights is not None:
            assert loss != pytest.approx(sk.log_loss(y, p), rel=1e-5)

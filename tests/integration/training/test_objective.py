"""Epochs are compared by the study's objective, whichever way it is better."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.fits import BASE, fit, small_data
from tuner.studies.objective import Objective

pytestmark = pytest.mark.keras

# Few rows for much learning: accuracy and loss are best at different epochs.
DATA = small_data("classes", 3, rows=40)
EAGER = {**BASE, "learning_rate": 0.3, "epochs": 12}


@pytest.mark.parametrize("name", ["accuracy", "loss", "sparse_top_k_categorical_accuracy"])
def test_the_weights_of_the_best_epoch_are_kept(name: str) -> None:
    """They score the best value again."""
    objective = Objective.of(name)
    metrics = (name,) if objective.metric else ()
    fitted = fit(DATA, EAGER, metrics=metrics, objective=objective)
    values = [epoch[objective.name] for epoch in fitted.epochs]
    best = np.argmax(values) if objective.maximize else np.argmin(values)
    result: Any = fitted.result
    assert (result.best_epoch, result.best_value) == (best + 1, values[best])
    assert result.score(DATA.validation)[name] == pytest.approx(values[best], abs=1e-6)


def test_a_trial_stops_early_by_its_objective() -> None:
    """After so many epochs that were not better."""
    objective = Objective.of("accuracy")
    values = [
        e["val_accuracy"] for e in fit(DATA, EAGER, objective=objective, epoch_patience=2).epochs
    ]
    assert len(values) < EAGER["epochs"]
    assert max(values[-2:]) <= max(values[:-2])
    whole = [e["val_accuracy"] for e in fit(DATA, EAGER, objective=objective).epochs]
    assert whole[: len(values)] == values

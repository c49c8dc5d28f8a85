"""What a training measures, of answers at hand: those of a saved model, or of several averaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from search_spaces.shapes import Outputs
from search_spaces.training_parameters import are_ours
from tuner.datasets.prepared_data import Part
from tuner.training.compilation import compile_model
from tuner.training.keras_epochs import VALIDATION_BATCH
from tuner.training.unscaled_targets import loss_factor


def measure_answers(
    answers: NDArray[Any],
    part: Part,
    hyperparameters: Mapping[str, Any],
    outputs: Outputs,
    *,
    metrics: Sequence[str],
    build: Callable[[], keras.Model],
    penalty: float = 0.0,
) -> tuple[str, dict[str, float]]:
    """Measures answers by the loss and the metrics of a trial, under the names that it has them.

    Args:
        answers: To the rows of the part, as models give them while they train: scaled, those of
            several outputs side by side, float32 ``(rows, *outputs.shape)``.
        metrics: Their names, beside those that are always measured.
        build: Builds the trial's model, which is asked for its loss where it comes compiled.
        penalty: Of the weights, which training adds to the loss.

    Returns:
        The name of the loss, and all values in the unit of the targets as trials have them.
    """
    rows = keras.Input(outputs.shape)
    answering = keras.Model(rows, keras.layers.Identity()(rows))
    compiled = compile_model(
        answering if are_ours(hyperparameters) else build(),
        {"learning_rate": 0.0, **hyperparameters},  # of phases each has one; nothing is trained
        outputs,
        metrics=metrics,
        target=answering,
    )
    logs = answering.evaluate(
        np.asarray(answers, np.float32),
        part.y,
        sample_weight=part.weights,
        batch_size=VALIDATION_BATCH,
        verbose=0,
        return_dict=True,
    )
    factor = loss_factor({**hyperparameters, "loss": compiled.loss}, outputs)
    values = {name: float(value) for name, value in logs.items()}
    return compiled.loss, {**values, "loss": (values["loss"] + penalty) * factor}

"""Saved models, loaded and scored on raw rows."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from storage.studies import Study
from storage.trials import TrialRecord
from tuner.datasets import heads
from tuner.errors import UserError, one_line
from tuner.loading import load_data, load_space
from tuner.results.choice import model_file
from tuner.results.scores import Answers, score
from tuner.silence import silence
from tuner.study import StudySpec

if TYPE_CHECKING:
    import keras

ROWS_AT_ONCE = 1024
TEXT = "OSU"  # NumPy's kinds


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A trial's model on the test part.

    Attributes:
        scores: See ``tuner.results.scores``.
        unit: The unit of a regression's loss, in words; None for class labels.
        units: The same for each of several outputs.
    """

    trial: int
    rows: int
    scores: dict[str, Any]
    unit: str | None
    units: Mapping[str, str | None] = field(default_factory=dict)


def evaluate(study: Study, trial: TrialRecord) -> Evaluation:
    """Scores the saved model of a trial on the test part.

    Raises:
        SpaceError: The study's space cannot be loaded here: it may bring layers of its own.
        StoreError: Space or data are not what they were.
        UserError: The model's file is not there or cannot be loaded, or the data cannot.
    """
    spec = StudySpec.from_dict(study.spec)
    data = load_data(spec)
    with model_file(study, trial) as path:
        import_keras()
        load_space(spec)
        answers = predict(load(path), data.raw("test"))
    return Evaluation(
        trial=trial.number,
        rows=len(data.test),
        scores=score(data, "test", answers),
        unit=data.target_unit,
        units={name: one.target_unit for name, one in heads.every(data).items()},
    )


def import_keras() -> None:
    """Imports Keras and what is below it, in silence."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with silence():
        import keras  # noqa: F401
        import tensorflow as tf

        tf.config.list_physical_devices()


def load(path: Path) -> keras.Model:
    """Loads a model file.

    Raises:
        UserError: Keras cannot.
    """
    import keras

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an optimizer's state is of no use here
            return keras.saving.load_model(path, compile=False)
    except Exception as e:  # whatever is in the file
        raise UserError(
            f"Expected a model file that Keras can load. Received: {path} ({one_line(e)}): layers "
            "of your own need keras.saving.register_keras_serializable, and their file has to be "
            "run before (tuner predict --code FILE.py)."
        ) from e


def predict(model: keras.Model, rows: NDArray[Any] | Mapping[str, NDArray[Any]]) -> Answers:
    """The answers of a model that takes raw rows, ``(rows, outputs)``, or those of each output.

    Args:
        rows: ``(rows, *shape)``, by column ``(rows, 1)``, or by input ``(rows, *shape)``.

    The model is called as it is: a graph for each of several models would cost more.
    """
    count = len(next(iter(rows.values()))) if isinstance(rows, Mapping) else len(rows)
    pieces = [
        model(_tensors(rows, slice(start, start + ROWS_AT_ONCE)), training=False)
        for start in range(0, count, ROWS_AT_ONCE)
    ]
    if isinstance(pieces[0], Mapping):
        return {name: _joined([piece[name] for piece in pieces]) for name in pieces[0]}
    return _joined(pieces)


def _joined(pieces: list[Any]) -> NDArray[np.floating[Any]]:
    return np.concatenate([np.asarray(piece) for piece in pieces])


def _tensors(rows: NDArray[Any] | Mapping[str, NDArray[Any]], which: slice) -> Any:
    import tensorflow as tf

    if not isinstance(rows, Mapping):
        return rows[which].astype(np.float32)
    named = {name: values[which] for name, values in rows.items()}
    return {  # Keras itself makes tensors of numbers only
        name: tf.constant(values if values.dtype.kind in TEXT else values.astype(np.float32))
        for name, values in named.items()
    }

"""Saved models, loaded and scored on raw rows."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.user_code.isolation import isolated, original
from storage.database.engine import Store
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.errors import UserError, one_line
from tuner.models.retrain import Retraining
from tuner.models.scores import Answers
from tuner.models.trial_choice import model_file
from tuner.models.trial_scores import TrialScores, penalty_of, score_answers
from tuner.studies.loading import require_trained_here
from tuner.suppress_output import suppress_output

if TYPE_CHECKING:
    import keras

ROWS_AT_ONCE = 1024
TEXT = "OSU"  # NumPy's kinds


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A trial's model on the test part.

    Attributes:
        scores: See ``tuner.models.trial_scores``.
        explained: What their loss is, a line for people.
    """

    trial: int
    rows: int
    scores: dict[str, Any]
    explained: str


def evaluate(store: Store, study: Study, trial: TrialRecord) -> Evaluation:
    """Scores the saved model of a trial on the test part.

    Raises:
        SpaceError: The study's space cannot be loaded here: it may bring layers of its own.
        StoreError: Space or data are not what they were.
        UserError: The model's file is not there, damaged or cannot be loaded, or the data cannot.
    """
    require_trained_here(study)
    context, _, scores = answer_test_part(store, study, trial)
    return Evaluation(
        trial=trial.number,
        rows=len(context.data_of(trial).test),
        scores=scores.values,
        explained=scores.explained,
    )


def answer_test_part(
    store: Store, study: Study, trial: TrialRecord
) -> tuple[Retraining, Answers, TrialScores]:
    """What the saved model of a trial answers to the test part; raises as ``evaluate``."""
    with model_file(store, study, trial) as path:
        import_keras()  # in silence, before code of the user's own does it
        context = Retraining.of(study)
        model = load(path)
        answers = predict(model, context.data_of(trial).raw("test"))
        penalty = penalty_of(model)
    return context, answers, score_answers(context, trial, "test", answers, penalty=penalty)


def import_keras() -> None:
    """Imports Keras and what is below it, in silence."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with suppress_output():
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
        with isolated("loading a model"), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an optimizer's state is of no use here
            return keras.saving.load_model(path, compile=False)
    except Exception as e:  # whatever is in the file
        reason = one_line(original(e))
        raise UserError(
            f"Expected a model file that Keras can load. Received: {path} ({reason}): layers "
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
    with isolated("asking a model"):
        pieces = [
            model(_tensors(model, rows, slice(start, start + ROWS_AT_ONCE)), training=False)
            for start in range(0, count, ROWS_AT_ONCE)
        ]
    if isinstance(pieces[0], Mapping):
        return {name: _joined([piece[name] for piece in pieces]) for name in pieces[0]}
    return _joined(pieces)


def _joined(pieces: list[Any]) -> NDArray[np.floating[Any]]:
    return np.concatenate([np.asarray(piece) for piece in pieces])


def _tensors(
    model: keras.Model, rows: NDArray[Any] | Mapping[str, NDArray[Any]], which: slice
) -> Any:
    """Some rows in the types that a model takes them in: numbers may be float64."""
    import tensorflow as tf

    if not isinstance(rows, Mapping):
        return rows[which].astype(model.inputs[0].dtype)
    kinds = {name: tensor.dtype for name, tensor in model.input.items()}
    named = {name: values[which] for name, values in rows.items()}
    return {  # Keras itself makes tensors of numbers only
        name: tf.constant(values if values.dtype.kind in TEXT else values.astype(kinds[name]))
        for name, values in named.items()
    }

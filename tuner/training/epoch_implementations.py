"""The implementations of an epoch, and which of them trains a model.

The shared graph is the fastest and supports the fewest models; Keras's own steps in a graph are
next; stock ``fit`` trains everything.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import keras

from tuner.datasets.prepared_data import Data
from tuner.training.keras_epochs import GraphEpochs, StockEpochs
from tuner.training.shared_graph import SharedGraphEpochs, Unsupported
from tuner.training.stream_epochs import StreamEpochs
from tuner.training.training_state import TrainingState

Epochs = SharedGraphEpochs | GraphEpochs | StockEpochs | StreamEpochs

KERAS_WAYS = {
    GraphEpochs.way,
    StockEpochs.way,
    StreamEpochs.way,
}  # their checkpoints are interchangeable

logger = logging.getLogger(__name__)


def choose_epochs(
    model: keras.Model,
    data: Data,
    metrics: Sequence[str],
    resume: TrainingState | None,
    *,
    why_keras: str | None,
) -> tuple[Epochs, TrainingState | None]:
    """Chooses the implementation and the state to resume from.

    The shared graph and Keras have different optimizer variables: a state is resumed by the kind of
    implementation that made it.

    Args:
        why_keras: See ``fastest_epochs``.
    """
    fastest = fastest_epochs(model, data, metrics, why_keras=why_keras)
    if resume is None:
        return fastest, None
    epochs = fastest
    if resume.scalars.get("way") in KERAS_WAYS and isinstance(fastest, SharedGraphEpochs):
        why = "an earlier attempt was trained this way"
        epochs = GraphEpochs(model, data.train, data.validation, why=why)
    if _matches(resume, epochs):
        return epochs, resume
    logger.warning("the trial starts again: its checkpoint is of another version of this program")
    return fastest_epochs(model, data, metrics, why_keras=why_keras), None


def _matches(state: TrainingState, epochs: Epochs) -> bool:
    """Whether a state can be resumed: of the same kind, with arrays of the same shapes."""
    ways = {epochs.way} if epochs.way not in KERAS_WAYS else KERAS_WAYS
    current = {"model": epochs.model_arrays(), "optimizer": epochs.optimizer_arrays()}
    return state.scalars.get("way") in ways and all(
        [array.shape for array in state.group(group)] == [array.shape for array in arrays]
        for group, arrays in current.items()
    )


def fastest_epochs(
    model: keras.Model, data: Data, metrics: Sequence[str], *, why_keras: str | None = None
) -> Epochs:
    """The fastest implementation that can train a compiled model.

    Args:
        model: Compiled.
        data: Prepared.
        metrics: Names of Keras metrics beside the loss.
        why_keras: Why Keras's own steps have to train it; None if they do not.

    Returns:
        The shared graph if it supports the model, else Keras's own steps in a graph; stock ``fit``
        for a model that was compiled to run eagerly.
    """
    if data.stream is not None:
        return StreamEpochs(model, data.stream, data.train, data.validation)
    if model.run_eagerly:
        return StockEpochs(model, data.train, data.validation, why="run_eagerly")
    try:
        if why_keras is not None:
            raise Unsupported(why_keras)
        return SharedGraphEpochs(
            model,
            data.train,
            data.validation,
            outputs=data.outputs,
            metrics=metrics,
            scored=[data.test],
        )
    except Unsupported as e:
        return GraphEpochs(model, data.train, data.validation, why=str(e))

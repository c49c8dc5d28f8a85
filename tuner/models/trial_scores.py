"""How good a trial's answers are: what its training measured, and what scikit-learn does.

One name means one number: the loss is the one that the trial learned by, as its metrics in the
store have it, and the study's metrics are there under their names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.loss_parameters import LOSS, is_of_loss
from search_spaces.parameters.loss_choice import USUAL
from search_spaces.training_parameters import are_ours
from search_spaces.user_code.source_files import short_name
from storage.trials import TrialRecord
from tuner import formatting
from tuner.datasets import Data, multi_output
from tuner.metrics import UNWEIGHTED_LOSS
from tuner.models.retrain import Retraining
from tuner.models.scores import Answers, score

if TYPE_CHECKING:
    import keras

CLOSE = 1e-5  # as a share: as near come two ways to compute one loss in float32


@dataclass(frozen=True, kw_only=True)
class TrialScores:
    """Scores of answers to a part.

    Attributes:
        values: ``loss``, the study's metrics, what ``tuner.models.scores`` measures, and the usual
            loss of the task under its own name where that is another number than the loss.
        explained: What the loss is, a line for people.
    """

    values: dict[str, Any]
    explained: str


def score_answers(
    context: Retraining, trial: TrialRecord, part: str, answers: Answers, *, penalty: float = 0.0
) -> TrialScores:
    """Scores answers to the raw rows of a part.

    Args:
        context: Of the trial's study.
        trial: By whose loss they are measured.
        part: ``validation`` or ``test``.
        answers: As ``tuner.models.scores.score`` takes them.
        penalty: Of the weights of the model that gave them, see ``penalty_of``.
    """
    from tuner import training

    data = context.data_of(trial)
    values, metrics = score(data, part, answers), context.spec.metrics
    usual = [name for name in _usual_names(data) if name not in metrics]
    name, measured = training.measure_answers(
        _scaled(data, answers),
        {"validation": data.validation, "test": data.test}[part],
        trial.hyperparameters,
        data.outputs,
        metrics=(*metrics, *usual),
        build=lambda: context.build(trial, data, trial.seed or 0),
        penalty=penalty,
    )
    for usual_name in usual:
        if math.isclose(measured[usual_name], measured["loss"], rel_tol=CLOSE):
            del measured[usual_name]
    return TrialScores(
        values=_merged(data, measured, values),
        explained=_explained(data, name, trial.hyperparameters, penalty),
    )


def _explained(data: Data, loss: str, hyperparameters: Mapping[str, Any], penalty: float) -> str:
    usual = loss in (USUAL, data.outputs.loss)
    told = data.outputs.loss if usual else short_name(loss).removeprefix("own_")
    square = f", a square in the {data.target_unit}" if usual and data.target_unit else ""
    added = ", with a penalty of the weights" if penalty else ""
    of_loss = {name: hyperparameters[name] for name in hyperparameters if is_of_loss(name)}
    chosen = formatting.settings({n: v for n, v in of_loss.items() if n != LOSS})
    options = f" with {chosen}" if chosen and are_ours(hyperparameters) else ""
    return f"The loss is what the trial learned by: {told}{options}{square}{added}."


def value_of(scores: Mapping[str, Any], metric: str) -> float | None:
    """The value of a metric among ``TrialScores.values``; None where it is not there.

    Args:
        metric: Of several outputs behind the name of one of them: ``digit_accuracy``.
    """
    if metric in scores:
        value: float | None = scores[metric]
        return value
    for output, of_output in scores.get("outputs", {}).items():
        if metric.removeprefix(f"{output}_") in of_output and metric.startswith(f"{output}_"):
            return value_of(of_output, metric.removeprefix(f"{output}_"))
    return None


def penalty_of(model: keras.Model) -> float:
    """What a model's regularizers add to its loss."""
    return float(sum(map(float, model.losses)))


def _usual_names(data: Data) -> list[str]:
    """The metric that is the usual loss of the task, if there is one."""
    if data.heads is not None or data.outputs.as_trained:
        return []
    return ["mse" if data.outputs.task == "regression" else "log_loss"]


def _scaled(data: Data, answers: Answers) -> NDArray[Any]:
    """Answers as models give them while they train, ``(rows, *outputs.shape)``."""
    if isinstance(answers, Mapping):
        each = multi_output.every(data).items()
        return np.concatenate([_scaled(one, answers[name]) for name, one in each], axis=1)
    values = answers.reshape(len(answers), *data.outputs.shape)
    scaler = data.target_scaler
    return values if scaler is None else scaler.transform(values).astype(np.float32)


def _merged(data: Data, measured: Mapping[str, float], values: Mapping[str, Any]) -> dict[str, Any]:
    """What training measured comes first; of several outputs each has its own."""
    if data.heads is None:
        return {**measured, **values, "loss": measured["loss"]}
    from tuner.training.multi_output_losses import output_of

    outputs: dict[str, dict[str, Any]] = {name: {} for name in data.heads}
    of_all = {name: measured[name] for name in ("loss", UNWEIGHTED_LOSS) if name in measured}
    for name, value in measured.items():
        if name not in of_all:
            output, metric = output_of(name, data.outputs)
            outputs[output][metric] = value
    merged = {
        name: {**of_output, **values["outputs"][name], "loss": of_output["loss"]}
        for name, of_output in outputs.items()
    }
    return {**of_all, "outputs": merged}

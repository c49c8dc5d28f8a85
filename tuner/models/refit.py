"""The best hyperparameters, trained on training and validation rows together.

Which epoch is best can not be seen any more: it is the trial's own best one whose number is
trained, and the weights of the last epoch are kept. Scalings stay those of the training rows, so
that the loss keeps its unit. What the validation loss steers (a plateau's learning rate) is now
steered by rows that were trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from storage.database.engine import Store
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.datasets import Data
from tuner.errors import UserError
from tuner.models import card
from tuner.models.output_files import ModelFiles
from tuner.models.rerun import write_model
from tuner.models.retrain import RetrainedModel, Retraining, device_of, require_ended
from tuner.resources.device import Device


@dataclass(frozen=True, kw_only=True)
class Refit:
    """A model that has seen the validation rows.

    Attributes:
        before: Metrics of the trial's own model on the test part; empty where it was not scored.
        after: Those of the new model.
        card: See ``tuner.models.card``.
    """

    trial: TrialRecord
    rows: int
    before: dict[str, float]
    after: dict[str, float]
    card: dict[str, Any]


def refit(
    store: Store,
    study: Study,
    trial: TrialRecord,
    files: ModelFiles,
    *,
    threads: int | None = None,
) -> Refit:
    """Trains a trial's hyperparameters on all rows but the test part's, and writes the model.

    Args:
        threads: CPU threads; None takes as many as the trial's worker had.

    Raises:
        SpaceError: The study's space cannot be loaded here.
        StoreError: Space or data are not what they were.
        UserError: The trial cannot be trained again.
    """
    if study.spec["data"].get("stream"):
        raise UserError(
            "Expected a study whose training rows are held. Received one that streams them: stream "
            "the validation rows too, in another study."
        )
    require_ended(study, trial)
    device = device_of(store, study, trial) if threads is None else Device(threads=threads)
    device.take()
    context = Retraining.of(study)
    data = context.data.with_validation_rows(trial.hyperparameters)
    epochs = _epochs(trial, context)
    trained = context.train(trial, epochs=epochs, data=data, keep_last=True)
    before, after = card.by_part(trial.metrics)["test"], trained.result.score(data.test)
    document = _card(study, trial, data, trained, before=before, after=after)
    write_model(trained.model, data, files, document)
    return Refit(trial=trial, rows=len(data.train), before=before, after=after, card=document)


def _epochs(trial: TrialRecord, context: Retraining) -> int:
    """The trial's best epoch; of several rounds, the mean of theirs."""
    if context.spec.rounds > 1:
        return max(1, round(trial.metrics["epochs"]))
    return trial.best_epoch or trial.epoch


def _card(
    study: Study,
    trial: TrialRecord,
    data: Data,
    trained: RetrainedModel,
    *,
    before: dict[str, float],
    after: dict[str, float],
) -> dict[str, Any]:
    document = card.begin("refit", study, data, trial)
    document["data"]["rows"] = {"train": len(data.train), "test": len(data.test)}
    return {
        **document,
        "trial": trial.number,
        "hyperparameters": trial.hyperparameters,
        "seed": trial.seed,
        "metrics": {"test": after},
        "metrics_before": {"test": before},
        "epochs": len(trained.curve),
        "seconds": trained.result.seconds,
        "path": trained.result.path,
        "learning_curve": [
            {name: value for name, value in epoch.items() if not name.startswith("val_")}
            for epoch in trained.curve
        ],
    }

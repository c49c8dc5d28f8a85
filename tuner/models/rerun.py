"""A trial trained again: does it come out the same, and where shall its model go?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces.user_code.isolation import isolated
from storage import trials
from storage.database.engine import Store
from storage.files.scratch import scratch
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.models import card
from tuner.models.evaluate import load
from tuner.models.output_files import ModelFiles
from tuner.models.retrain import (
    RetrainedModel,
    Retraining,
    RetrainingComparison,
    compare,
    device_of,
    require_ended,
)
from tuner.resources.device import Device
from tuner.studies.objective import objective_of

if TYPE_CHECKING:
    import keras

    from tuner.datasets import Data


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """What training a trial again brought.

    Attributes:
        objective: What trials are compared by, for people.
        value: The best objective this time; None where none was finite.
        device: What it was trained on this time.
    """

    trial: TrialRecord
    comparison: RetrainingComparison
    objective: str
    value: float | None
    device: Device
    seconds: float


def rerun(
    store: Store,
    study: Study,
    trial: TrialRecord,
    *,
    threads: int | None = None,
    files: ModelFiles | None = None,
) -> Rerun:
    """Trains a trial again, up to the epoch at which it ended.

    Args:
        threads: CPU threads; None takes as many as its worker had.
        files: Where the model goes; None drops it.

    Raises:
        SpaceError: The study's space cannot be loaded here.
        StoreError: Space or data are not what they were.
        UserError: The trial cannot be trained again.
    """
    require_ended(study, trial)
    device = device_of(store, study, trial)
    if threads is not None:
        device = Device(threads=threads)
    device.take()
    context = Retraining.of(study)
    trained = context.repeat(trial)
    from tuner.training.unscaled_targets import loss_factor

    unit = loss_factor(trial.hyperparameters, trained.data.outputs)
    comparison = compare(trials.curve(store, trial.trial_id), trained.curve, unit=unit)
    if files is not None:
        document = _card(store, study, trial, trained.data, trained)
        document["rerun"] = {**vars(comparison), "device": str(device)}
        write_model(trained.model, trained.data, files, document)
    return Rerun(
        trial=trial,
        comparison=comparison,
        objective=context.spec.main_objective.text,
        value=trained.result.best_value,
        device=device,
        seconds=trained.result.seconds,
    )


def write_model(
    model: keras.Model, data: Data, files: ModelFiles, document: dict[str, Any]
) -> None:
    """Writes a model that takes scaled rows as one that takes raw rows, with its card."""
    from tuner.datasets import with_preprocessing

    write_deployable(with_preprocessing(model, data), files, document)


def write_deployable(model: keras.Model, files: ModelFiles, document: dict[str, Any]) -> None:
    """Writes a model that takes raw rows, with its card; ``document`` gets a ``model`` entry."""
    with scratch() as folder:
        path = folder / "model.keras"
        with isolated("saving a model"):
            model.save(path)
        load(path)  # or nobody could
        document["model"] = card.of_file(path)
        files.write(path, document)


def measured(trained: RetrainedModel, data: Data) -> dict[str, float]:
    """The metrics of a trained model's best epoch, and those on the test part."""
    scores = trained.result.score(data.test)
    return {**trained.result.metrics, **{f"test_{name}": v for name, v in scores.items()}}


def _card(
    store: Store, study: Study, trial: TrialRecord, data: Data, trained: RetrainedModel
) -> dict[str, Any]:
    result = trained.result
    return {
        **card.of_trial(store, study, trial, data, metrics=measured(trained, data)),
        "objective": {
            "name": objective_of(study).name,
            "value": result.best_value,
            "epoch": result.best_epoch,
        },
        "seconds": result.seconds,
        "path": result.path,
        "learning_curve": trained.curve,
    }

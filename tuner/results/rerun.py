"""A trial trained again: does it come out the same, and where shall its model go?"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import trials
from storage.engine import Store
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.device import Device
from tuner.goal import goal_of
from tuner.results import card
from tuner.results.again import Bench, Comparison, Trained, compare, device_of, require_ended
from tuner.results.files import ModelFiles

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
    comparison: Comparison
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
    bench = Bench.of(study)
    trained = bench.repeat(trial)
    comparison = compare(trials.curve(store, trial.trial_id), trained.curve)
    if files is not None:
        document = _card(store, study, trial, trained.data, trained)
        document["rerun"] = {**vars(comparison), "device": str(device)}
        write_model(trained.model, trained.data, files, document)
    return Rerun(
        trial=trial,
        comparison=comparison,
        objective=bench.spec.goal.text,
        value=trained.result.best_value,
        device=device,
        seconds=trained.result.seconds,
    )


def write_model(
    model: keras.Model, data: Data, files: ModelFiles, document: dict[str, Any]
) -> None:
    """Writes a model that takes scaled rows as one that takes raw rows, with its card."""
    from tuner.datasets import deployable

    write_deployable(deployable(model, data), files, document)


def write_deployable(model: keras.Model, files: ModelFiles, document: dict[str, Any]) -> None:
    """Writes a model that takes raw rows, with its card; ``document`` gets a ``model`` entry."""
    with tempfile.TemporaryDirectory(prefix="tuner-") as folder:
        path = Path(folder) / files.model.name
        model.save(path)
        document["model"] = card.of_file(path)
        files.write(path, document)


def measured(trained: Trained, data: Data) -> dict[str, float]:
    """The metrics of a trained model's best epoch, and those on the test part."""
    scores = trained.result.score(data.test)
    return {**trained.result.metrics, **{f"test_{name}": v for name, v in scores.items()}}


def _card(
    store: Store, study: Study, trial: TrialRecord, data: Data, trained: Trained
) -> dict[str, Any]:
    result = trained.result
    return {
        **card.of_trial(store, study, trial, data, metrics=measured(trained, data)),
        "objective": {
            "name": goal_of(study).name,
            "value": result.best_value,
            "epoch": result.best_epoch,
        },
        "seconds": result.seconds,
        "path": result.path,
        "learning_curve": trained.curve,
    }

"""The card of an exported model: what it is, how it came about, how good it is.

A card is JSON. Keys that are there are kept, more may come. Its kinds are ``trial`` (a model as a
trial left it), ``refit`` and ``ensemble``.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import time
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import trials
from storage.database.engine import Store
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.datasets import multi_output, target_axes
from tuner.studies.objective import objective_of, values_of
from tuner.studies.study_spec import StudySpec

if TYPE_CHECKING:
    from tuner.datasets import Data

PACKAGES = {
    "keras": "keras",
    "tensorflow": "tensorflow",
    "numpy": "numpy",
    "scikit_learn": "scikit-learn",
    "optuna": "optuna",
    "keras_trial_tuner": "keras-trial-tuner",
}
PARTS = {"validation": "val_", "test": "test_"}  # prefixes of a trial's metrics


def of_trial(
    store: Store,
    study: Study,
    trial: TrialRecord,
    data: Data | None,
    *,
    metrics: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """The card of a trial's model.

    Args:
        data: None where they cannot be loaded here: less is told of them.
        metrics: Of the model at hand, where it was trained anew.
    """
    return {
        **begin("trial", study, data, trial),
        "trial": trial.number,
        "hyperparameters": trial.hyperparameters,
        "seed": trial.seed,
        "objective": {
            "name": objective_of(study).name,
            "value": trial.value,
            "epoch": trial.best_epoch,
        },
        **({"objectives": values_of(study, trial)} if study.further else {}),
        "metrics": by_part(trial.metrics if metrics is None else metrics),
        "epochs": trial.epoch,
        "seconds": trial.seconds,
        "path": trial.path,
        "learning_curve": trials.curve(store, trial.trial_id),
    }


def begin(kind: str, study: Study, data: Data | None, trial: TrialRecord) -> dict[str, Any]:
    """What every card begins with.

    Args:
        trial: Whose data these are.
    """
    spec = StudySpec.from_dict(study.spec)
    return {
        "kind": kind,
        "study": study.name,
        "written_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": versions(),
        "data": of_data(spec, data, trial.hyperparameters),
        "predictions": None if data is None else of_predictions(data),
        "definition": _definition(spec),
    }


def of_file(path: Path) -> dict[str, Any]:
    """What a model file was written with; ``ModelFiles`` adds what tells it from others."""
    with zipfile.ZipFile(path) as archive:
        written = json.loads(archive.read("metadata.json"))
    return {
        "keras_version": written.get("keras_version"),
        "saved_at": written.get("date_saved"),
    }


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that matter, as they are here and now."""
    return {"python": platform.python_version()} | {
        key: _version(package) for key, package in PACKAGES.items()
    }


def of_data(
    spec: StudySpec, data: Data | None, hyperparameters: Mapping[str, Any]
) -> dict[str, Any]:
    """What the model was trained on, and what a row is."""
    named = spec.data.of_trial(hyperparameters).to_dict()
    if data is None:
        return {
            **named,
            "fingerprint": None if spec.data.of_rows.searched else spec.data_fingerprint,
        }
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    return {
        **named,
        "fingerprint": data.fingerprint,
        "task": data.outputs.task,
        "rows": {**{name: len(part) for name, part in parts.items()}, "train": data.training_rows},
        "shape": data.raw_shape,
        "shapes": data.inputs.shapes,
        "columns": data.columns,
        "dropped": data.dropped,
        "columns_of": data.columns_of,
        "kinds": None if data.encoder is None else data.encoder.kinds,
        "vocabularies": None if data.encoder is None else data.encoder.vocabularies,
        "classes": data.classes,
        "targets": data.targets,
        "target_unit": data.target_unit,
        "axes": data.outputs.axes,
        "outputs": _of_outputs(data),
    }


def _of_outputs(data: Data) -> dict[str, dict[str, Any]] | None:
    """The same of each of several outputs; None where there is a single one."""
    each = multi_output.every(data)
    return {
        name: {
            "task": one.outputs.task,
            "classes": one.classes,
            "targets": one.targets,
            "target_unit": one.target_unit,
        }
        for name, one in each.items()
    } or None


def of_predictions(data: Data, where: str = "data") -> str:
    """What the numbers are that the model answers with, in words.

    Args:
        where: The part of the card that tells of their classes.
    """
    if data.heads is not None:
        each = multi_output.every(data).items()
        outputs = (
            f"{name}: {of_predictions(one, f'{where}.outputs.{name}')}" for name, one in each
        )
        return f"a dict of outputs ({'; '.join(outputs)})"
    if data.outputs.axes:
        plain = dataclasses.replace(data, outputs=dataclasses.replace(data.outputs, axes=()))
        where_each = target_axes.shown_axes(data.outputs.axes)
        return f"for each of {where_each}: {of_predictions(plain, where)}"
    if data.outputs.task == "labels":
        return f"the probability of each label, in the order of {where}.targets"
    if data.classes is None:
        return "the targets, in their own unit"
    if data.outputs.units == 1:
        return f"the probability of class {data.classes[1]!r}"
    return f"the probability of each class, in the order of {where}.classes"


def by_part(metrics: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """The metrics of a trial, those of each part of the data together."""
    by_name = {
        part: {
            name.removeprefix(prefix): value
            for name, value in metrics.items()
            if name.startswith(prefix)
        }
        for part, prefix in PARTS.items()
    }
    others = {
        name: value
        for name, value in metrics.items()
        if not name.startswith(tuple(PARTS.values())) and name != "learning_rate"
    }
    return {"train": others, **by_name}


def _definition(spec: StudySpec) -> dict[str, Any]:
    """How to launch the study again; where its files lay is nobody else's affair."""
    return {name: value for name, value in spec.to_dict().items() if name != "artifacts"}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None

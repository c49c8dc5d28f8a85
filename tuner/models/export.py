"""A trial's model leaves the store: a copy of its file, and a card.

TensorFlow is needed for spaces of the user's own alone, whose layers may be lacking elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.errors import SpaceError
from search_spaces.user_code.source_files import load_file
from storage.database.engine import Store
from storage.errors import StoreError
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.datasets import Data
from tuner.errors import UserError
from tuner.models import card
from tuner.models.output_files import ModelFiles
from tuner.models.trial_choice import model_file
from tuner.studies.loading import load_data, load_space
from tuner.studies.study_data import StudyData
from tuner.studies.study_spec import StudySpec


@dataclass(frozen=True, kw_only=True)
class Exported:
    """An exported model.

    Attributes:
        card: See ``tuner.models.card``.
        missing: Why the card tells less of the data than it could; None where it tells all.
        untried: Why nobody knows whether its layers can be loaded; None where that is known.
    """

    files: ModelFiles
    card: dict[str, Any]
    missing: str | None
    untried: str | None = None


def export(
    store: Store,
    study: Study,
    trial: TrialRecord,
    files: ModelFiles,
    *,
    code: Sequence[str] = (),
) -> Exported:
    """Copies the model of a trial out of the study's folder and writes its card.

    A model of the user's own space is loaded before, as whoever gets it will.

    Args:
        code: Files that register the layers of the model, in place of the study's own.

    Raises:
        SpaceError: Such a file cannot be run.
        UserError: The trial's model file was not kept or is damaged, its layers cannot be loaded,
            or the output cannot be written.
    """
    with model_file(store, study, trial) as path:
        untried = _try(study, path, code)
        data, missing = _data_or_why(study, trial)
        document = card.of_trial(store, study, trial, data)
        document["model"] = card.of_file(path)
        files.write(path, document)
    return Exported(files=files, card=document, missing=missing, untried=untried)


def _try(study: Study, path: Path, code: Sequence[str]) -> str | None:
    """Loads a model whose layers may be the user's own; returns why not, where their file is away.

    Raises:
        SpaceError, UserError: As ``export``.
    """
    spec = StudySpec.from_dict(study.spec)
    if ":" not in spec.space and not code:
        return None
    from tuner.models.evaluate import import_keras, load

    import_keras()
    try:
        for file in code:
            load_file(Path(file))
        if not code:
            load_space(spec)
    except (SpaceError, StoreError) as e:
        if code:
            raise
        return str(e)
    load(path)
    return None


def _data_or_why(study: Study, trial: TrialRecord) -> tuple[Data | None, str | None]:
    """The model can be had without the data: they may lie on another machine."""
    try:
        spec = StudySpec.from_dict(study.spec)
        return StudyData(spec.data, load_data(spec)).of_model(trial.hyperparameters), None
    except (SpaceError, StoreError, UserError) as e:
        return None, str(e)

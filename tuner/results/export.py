"""A trial's model leaves the store: a copy of its file, and a card. No TensorFlow is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from search_spaces.errors import SpaceError
from storage.engine import Store
from storage.errors import StoreError
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.datasets import Data
from tuner.errors import UserError
from tuner.loading import load_data
from tuner.results import card
from tuner.results.choice import model_file
from tuner.results.files import ModelFiles
from tuner.study import StudySpec


@dataclass(frozen=True, kw_only=True)
class Exported:
    """An exported model.

    Attributes:
        card: See ``tuner.results.card``.
        missing: Why the card tells less of the data than it could; None where it tells all.
    """

    files: ModelFiles
    card: dict[str, Any]
    missing: str | None


def export(store: Store, study: Study, trial: TrialRecord, files: ModelFiles) -> Exported:
    """Copies the model of a trial out of the study's folder and writes its card.

    Raises:
        UserError: The trial's model file was not kept, or the output cannot be written.
    """
    with model_file(study, trial) as path:
        data, missing = _data_or_why(study)
        document = card.of_trial(store, study, trial, data)
        document["model"] = {**card.of_file(path), "file": files.model.name}
        files.write(path, document)
    return Exported(files=files, card=document, missing=missing)


def _data_or_why(study: Study) -> tuple[Data | None, str | None]:
    """The model can be had without the data: they may lie on another machine."""
    try:
        return load_data(StudySpec.from_dict(study.spec)), None
    except (SpaceError, StoreError, UserError) as e:
        return None, str(e)

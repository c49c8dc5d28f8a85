"""Which trial of a study is meant, and whether its model file is still there."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

from storage import trials
from storage.database.engine import Store
from storage.files.artifacts import Artifacts, DamagedFile
from storage.files.containment import OutsideFolder
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.errors import UserError

logger = logging.getLogger(__name__)


def best(store: Store, study: Study) -> TrialRecord:
    """The best complete trial; with several objectives, of the front the best by the first.

    Raises:
        UserError: There is none yet.
    """
    best_trials = trials.best(store, study)
    if not best_trials:
        raise UserError(
            f"Expected a study with a complete trial. Received: {study.name!r}, which has none "
            f"yet: see how far it is with: tuner status {study.typed}"
        )
    return best_trials[0]


def front(store: Store, study: Study) -> list[TrialRecord]:
    """With several objectives, the complete trials that no other one dominates; else nothing."""
    return trials.front(store, study) if study.further else []


def chosen_trial(store: Store, study: Study, number: int | None) -> TrialRecord:
    """The trial of this number, or the best one.

    Raises:
        UserError: There is no complete trial.
        StoreError: There is no trial of this number.
    """
    return best(store, study) if number is None else trials.find(store, study, number)


@contextmanager
def model_file(store: Store, study: Study, trial: TrialRecord) -> Iterator[Path]:
    """A local copy of a trial's model file, for as long as the block lasts.

    Raises:
        UserError: It was not kept, is not there any more, or is damaged: the line names the next
            best trial whose file is whole.
        StoreError: The place of the study's files cannot be read.
    """
    if trial.model is None:
        keep = study.spec["keep"]
        raise UserError(
            f"Expected a trial whose model file is kept, as those of the best {keep} are. "
            f"Received: trial {trial.number}, which is {trial.state}: {_again(study, trial)}"
        )
    with ExitStack() as opened:
        try:
            path = opened.enter_context(_whole(study, trial))
        except (OSError, DamagedFile) as e:
            raise UserError(_useless(store, study, trial, e)) from e
        yield path


@contextmanager
def _whole(study: Study, trial: TrialRecord) -> Iterator[Path]:
    """A local copy whose bytes are those that were saved, as far as that is known."""
    assert trial.model is not None
    artifacts = Artifacts(study.spec["artifacts"], study)
    with artifacts.local(trial.model, trial.model_sha256) as path:
        if trial.model_sha256 is None:
            _check_archive(path)
            _tell_unchecked(study.uuid)
        yield path


def _check_archive(path: Path) -> None:
    """Checks a model without a known checksum by those that its parts have.

    Raises:
        DamagedFile: One of them is another one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except Exception as e:  # whatever stands where an archive's directory should be
        raise DamagedFile(f"{path.name} is no model file.") from e
    if damaged is not None:
        raise DamagedFile(f"{damaged} in {path.name} is not what was written there.")


@cache
def _tell_unchecked(uuid: str) -> None:
    """Says so once for each study."""
    logger.warning(
        "An older version saved models of this study, without a checksum: they are used as they are"
    )


def _useless(store: Store, study: Study, trial: TrialRecord, error: Exception) -> str:
    """Why a trial's model file cannot be used, and what can be done."""
    name = (trial.model or "").rpartition("/")[2]
    why = {
        DamagedFile: "which is damaged",
        OutsideFolder: "which does not lie in the study's folder",
    }.get(type(error), "which cannot be read any more")
    others = next_best(store, study, trial)
    offered = (
        ""
        if others is None
        else f"the next best is trial {others.number}: --trial {others.number}; or "
    )
    return (
        f"Expected the model file of trial {trial.number} as it was saved. Received: {name}, "
        f"{why}: {offered}{_again(study, trial)}"
    )


def damage(store: Store, study: Study, trial: TrialRecord) -> str | None:
    """Why the model file of a trial cannot be used, and what can be done; None where it can.

    A file that would have to be downloaded is not looked at.
    """
    artifacts = Artifacts(study.spec["artifacts"], study)
    if trial.model is None or not artifacts.is_local:
        return None
    try:
        with _whole(study, trial):
            return None
    except (OSError, DamagedFile) as e:
        return _useless(store, study, trial, e)


def next_best(store: Store, study: Study, trial: TrialRecord) -> TrialRecord | None:
    """The best other trial whose model file is whole; None where there is none."""
    for other in trials.best(store, study, count=study.spec["keep"] + 1):
        if other.number != trial.number and other.model is not None:
            with suppress(OSError, DamagedFile), _whole(study, other):
                return other
    return None


def _again(study: Study, trial: TrialRecord) -> str:
    if study.spec.get("own_training"):
        return (
            "its code trains by itself: there are models that it handed to trial.log_model(), or "
            "that fit() of a HyperModel trained and that can be saved"
        )
    return (
        f"train it again with: tuner rerun {study.typed} {trial.number} "
        f"--output trial-{trial.number}.keras"
    )

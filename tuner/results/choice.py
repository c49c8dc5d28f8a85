"""Which trial of a study is meant, and whether its model file is still there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from storage import trials
from storage.artifacts import Artifacts
from storage.engine import Store
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.errors import UserError


def best(store: Store, study: Study) -> TrialRecord:
    """The best complete trial; with several objectives, of the front the best by the first.

    Raises:
        UserError: There is none yet.
    """
    found = trials.best(store, study)
    if not found:
        raise UserError(
            f"Expected a study with a complete trial. Received: {study.name!r}, which has none "
            f"yet: see how far it is with: tuner status {study.name}"
        )
    return found[0]


def front(store: Store, study: Study) -> list[TrialRecord]:
    """With several objectives, the complete trials that no other one dominates; else nothing."""
    return trials.front(store, study) if study.further else []


def chosen(store: Store, study: Study, number: int | None) -> TrialRecord:
    """The trial of this number, or the best one.

    Raises:
        UserError: There is no complete trial.
        StoreError: There is no trial of this number.
    """
    return best(store, study) if number is None else trials.find(store, study, number)


@contextmanager
def model_file(study: Study, trial: TrialRecord) -> Iterator[Path]:
    """A local copy of a trial's model file, for as long as the block lasts.

    Raises:
        UserError: It was not kept, or is not there any more.
        StoreError: The place of the study's files cannot be read.
    """
    if trial.model is None:
        keep = study.spec["keep"]
        raise UserError(
            f"Expected a trial whose model file is kept, as those of the best {keep} are. "
            f"Received: trial {trial.number}, which is {trial.state}: {_again(study, trial)}"
        )
    artifacts = Artifacts(study.spec["artifacts"], study)
    with ExitStack() as opened:
        try:
            path = opened.enter_context(artifacts.local(trial.model))
        except OSError as e:
            raise UserError(
                f"Expected the model file of trial {trial.number}. Received: {trial.model}, "
                f"which cannot be read any more: {_again(study, trial)}"
            ) from e
        yield path


def _again(study: Study, trial: TrialRecord) -> str:
    return (
        f"train it again with: tuner rerun {study.name} {trial.number} "
        f"--output trial-{trial.number}.keras"
    )

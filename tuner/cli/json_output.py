"""The JSON that commands print: keys that are there are kept, more may come.

Strict JSON: what is not a finite number becomes null.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any

import click

from tuner import strict_json
from tuner.search.auto_choice import choice_line
from tuner.studies.objective import values_of

if TYPE_CHECKING:
    from storage.overview import Counts, Status
    from storage.studies import Study
    from storage.trials import TrialRecord
    from storage.workers import WorkerRecord


def echo(document: object, *, indent: int | None = 2) -> None:
    """Prints a document on standard output; ``indent=None`` keeps it on one line."""
    click.echo(strict_json.text(document, indent=indent))


def of_status(status: Status) -> dict[str, Any]:
    """What ``tuner status`` prints."""
    return {
        **of_study(status.study, status.trials),
        "failures": status.failures,
        "promotions": status.promotions,
        "best": None if status.best is None else of_best(status.best, status.study),
        **({"front": of_front(status.front, status.study)} if status.study.further else {}),
        "workers": [of_worker(worker) for worker in status.workers],
    }


def of_files(study: Study) -> dict[str, Any] | None:
    """How many files of each kind a study has, and their bytes; None where they are not seen."""
    from tuner.monitoring.disk_usage import disk_usage

    usage = disk_usage(study)
    return None if usage is None else {kind: vars(files) for kind, files in usage.items()}


def of_study(study: Study, counts: Counts) -> dict[str, Any]:
    """A study without its best trial and its workers."""
    return {
        "study": study.name,
        "state": study.state,
        "reason": study.reason,
        "space": study.spec["space"],
        "data": study.spec["data"]["source"],
        "sampler": study.spec.get("sampler"),
        "auto": choice_line(study.spec, study.budget - counts.unstarted),
        "past": study.spec.get("past", []),
        "budget": study.budget,
        "trials": vars(counts),
        "created_at": study.created_at,
        "deadline": study.deadline,
    }


def of_front(front: Sequence[TrialRecord], study: Study) -> list[dict[str, Any]]:
    """With several objectives: the trials that no other one dominates."""
    return [of_best(trial, study) for trial in front]


def of_values(trial: TrialRecord, study: Study) -> dict[str, Any]:
    """With several objectives: what a trial came to by each; null for what it has not."""
    return {"values": values_of(study, trial)} if study.further else {}


def of_best(trial: TrialRecord, study: Study) -> dict[str, Any]:
    """What ``tuner best`` prints."""
    return {
        "number": trial.number,
        "value": trial.value,
        **of_values(trial, study),
        "params": trial.hyperparameters,
        "metrics": trial.metrics,
        "model": trial.model,
        "best_epoch": trial.best_epoch,
        "epochs": trial.epoch,
        "seconds": trial.seconds,
        "seed": trial.seed,
    }


def of_trial(trial: TrialRecord, study: Study, front: Container[int] = ()) -> dict[str, Any]:
    """One element of what ``tuner trials`` prints.

    Args:
        front: Ids of the trials that no other one dominates.
    """
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        **of_values(trial, study),
        **({"front": trial.trial_id in front} if study.further else {}),
        "params": trial.hyperparameters,
        "epochs": trial.epoch,
        "seconds": trial.seconds,
        "worker": trial.worker,
        "failure": None if trial.failure is None else vars(trial.failure),
        "best_epoch": trial.best_epoch,
        "attempt": trial.attempt,
        "retry_of": trial.retry_of,
        "metrics": trial.metrics,
        "model": trial.model,
        "path": trial.path,
        "seed": trial.seed,
        "begun_at": trial.begun_at,
        "ended_at": trial.ended_at,
    }


def of_worker(worker: WorkerRecord) -> dict[str, Any]:
    """A worker."""
    return dict(vars(worker))

"""A study's note in Optuna's dashboard: how far it is, kept up to date by whoever works on it.

What users write below the line stays. The note's version does not grow with our updates, or a user
who edits it meanwhile could never save.
"""

from __future__ import annotations

import logging
import time

from storage import overview
from storage.database.engine import Store
from storage.overview import Status
from storage.studies import Study
from storage.trials import TrialRecord
from tuner import formatting
from tuner.control_characters import escape
from tuner.studies.objective import objective_of, objectives_of

INTERVAL = 5.0  # seconds between two writes
MARK = "*Kept up to date by tuner. What you write below this line stays.*\n\n---\n"
NAMES = 8  # workers that are listed
MEMBERS = 10  # trials of a Pareto front that are listed

logger = logging.getLogger(__name__)


class Notes:
    """Writes the note of a study where it has changed, every few seconds at most."""

    def __init__(self, store: Store, study: Study) -> None:
        self._store, self._study = store, study
        self._written = ""
        self._next = 0.0

    def update(self, status: Status, *, now: bool = False) -> None:
        """Writes what has changed if that is due, or ``now``.

        Whatever prevents it is passed by: a note is not worth an error.
        """
        if not now and time.monotonic() < self._next:
            return
        try:
            self._update(status)
        except Exception as e:
            logger.debug("the note was not written: %s", e)

    def _update(self, status: Status) -> None:
        head = note(status)
        if head != self._written:
            self._next = time.monotonic() + INTERVAL
            _save(self._store, self._study, head)
            self._written = head


def renew(store: Store, study: Study) -> None:
    """Writes the note of a study that was just changed; see ``Notes.update``."""
    try:
        status = overview.status(store, study)
    except Exception as e:
        logger.debug("the note was not written: %s", e)
        return
    Notes(store, study).update(status, now=True)


def _save(store: Store, study: Study, head: str) -> None:
    from optuna_dashboard import _note  # takes a while, and most processes never write a note

    attributes = store.optuna.get_study_system_attrs(study.study_id)
    before = _note.get_note_from_system_attrs(attributes, None)
    body = head + users_part(before["body"])
    if body != before["body"]:
        version = max(1, before["version"])
        _note.save_note_with_version(store.optuna, study.study_id, None, version, body)


def users_part(body: str) -> str:
    """What a user has written: all that is below our line, or the whole note without one."""
    _, line, below = body.partition(MARK)
    return below if line else body


def note(status: Status) -> str:
    """Our part of the note, in Markdown, with the line that ends it."""
    study, best = status.study, status.best
    reason = f" ({study.reason})" if study.reason else ""
    lines = [f"**{study.state}{safe(reason)}**: {formatting.progress(status.trials, study.budget)}"]
    if status.front:
        lines.append(_front(status))
    elif best is not None:
        lines.append(
            f"**Best**: trial {best.number}, {objective_of(study).text} "
            f"{formatting.number(best.value)} "
            f"{formatting.place(study, best)}"
        )
        lines.append(_settings(best))
    searched = " ".join([study.spec["space"], *study.spec.get("overrides", ())])
    lines.append(f"**Searched**: {safe(searched)} on {safe(study.spec['data']['source'])}")
    if status.promotions:
        lines.append(f"**Promotions**: {formatting.promotions(status.promotions)}")
    if status.failures:
        kinds = ", ".join(f"{count} {safe(kind)}" for kind, count in status.failures.items())
        lines.append(f"**Failures**: {kinds}")
    alive = [worker.name for worker in status.workers if worker.state == "alive"]
    more = ", ..." if len(alive) > NAMES else ""
    names = f" ({', '.join(map(safe, alive[:NAMES]))}{more})" if alive else ""
    lines.append(f"**Workers alive**: {len(alive)}{names}")
    lines.append(f"[Workers, failures, files, buttons](/tuner/studies/{study.study_id})")
    return "\n\n".join([*lines, MARK])


def _settings(trial: TrialRecord) -> str:
    settings = formatting.settings(trial.hyperparameters).replace("`", "")
    return f"`{' '.join(escape(settings).split())}`"


def _front(status: Status) -> str:
    """The trials that no other one dominates, the best by the first objective first."""
    objectives = objectives_of(status.study)
    titles = ["trial", *(safe(objective.text) for objective in objectives), "hyperparameters"]
    rows = [titles, ["---:"] * (1 + len(objectives)) + ["---"]]
    for trial in status.front[:MEMBERS]:
        rows.append([str(trial.number), *formatting.values(trial, objectives), _settings(trial)])
    more = len(status.front) - MEMBERS
    paragraphs = [
        f"**Pareto front**: {formatting.count(len(status.front))} that no other one dominates"
    ]
    paragraphs.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return "\n\n".join([*paragraphs, f"and {more} more"] if more > 0 else paragraphs)


def safe(text: str) -> str:
    """Text that is no Markdown."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>#|~" else char for char in escape(text))

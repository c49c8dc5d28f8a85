"""What ``launch`` and ``worker`` share: workers are kept at a study, and it is watched."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import conclusion, trials
from storage.engine import Store
from storage.overview import Status
from storage.studies import FINISHED, Study
from tuner.cli.interrupts import Interrupts
from tuner.errors import UserError
from tuner.monitor import Monitor
from tuner.notes import Notes
from tuner.supervisor import Supervisor, cores

if TYPE_CHECKING:
    from rich.console import Console

PAUSE = 0.2  # seconds between two looks at the workers
USERS_MISTAKE = 2  # exit code
MOST_WORKERS = 4  # by default; more processes cost memory and start slowly


@dataclass(frozen=True, kw_only=True)
class Crew:
    """The workers asked for.

    Attributes:
        threads: CPU threads of each; None shares the cores.
    """

    workers: int
    threads: int | None = None


def default_workers() -> int:
    """One for each core, up to four."""
    return min(cores(), MOST_WORKERS)


def work(store: Store, study: Study, crew: Crew, console: Console) -> tuple[Status, int]:
    """Keeps workers at a study until it is over or a signal comes.

    Returns:
        The study at the end, and the exit code.

    Raises:
        UserError: No worker could go on.
        StudyGone: The study was deleted.
    """
    supervisor = Supervisor(store, study, workers=crew.workers, threads=crew.threads)
    notes = Notes(store, study)
    with Interrupts(again=supervisor.insist) as asked, Monitor(store, study, console) as monitor:
        with supervisor:
            _watch(supervisor, monitor, notes, asked)
            if asked.received is not None:
                _announce(asked, monitor)
        monitor.update(now=True)
        notes.update(monitor.status, now=True)
    if asked.received is None and supervisor.failures and monitor.status.study.state != FINISHED:
        raise UserError(supervisor.failures[-1])
    if conclusion.is_broken(monitor.status.study):
        _show_failure(store, study, console)
        return monitor.status, USERS_MISTAKE
    return monitor.status, asked.exit_code if asked.received is not None else 0


def _show_failure(store: Store, study: Study, console: Console) -> None:
    """Prints the traceback that the first trials have in common."""
    failures = (trial.failure for trial in trials.list_trials(store, study))
    first = next(failure for failure in failures if failure is not None)
    console.print(first.traceback or first.message, markup=False, highlight=False, end="")


def _watch(supervisor: Supervisor, monitor: Monitor, notes: Notes, asked: Interrupts) -> None:
    while supervisor.watch() and asked.received is None:
        for failure in supervisor.failures:
            monitor.say_once(f"A worker cannot go on: {failure}")
        monitor.update()
        notes.update(monitor.status)
        asked.wait(PAUSE)


def _announce(asked: Interrupts, monitor: Monitor) -> None:
    if asked.received is signal.SIGHUP:
        monitor.mute()
    monitor.say("Stopping: trials at hand are given back. Ctrl-C again ends the workers at once.")

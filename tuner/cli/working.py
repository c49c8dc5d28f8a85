"""What ``launch`` and ``worker`` share: workers are kept at a study, and it is watched."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from storage import conclusion, overview, trials
from storage.engine import Store
from storage.overview import Status
from storage.studies import FINISHED, Study
from tuner import calibration
from tuner.cli.interrupts import Interrupts
from tuner.cli.screen import busy
from tuner.crew import Crew
from tuner.errors import UserError
from tuner.monitor import Monitor
from tuner.notes import Notes
from tuner.study import StudySpec
from tuner.supervisor import Supervisor

if TYPE_CHECKING:
    from rich.console import Console

    from tuner.standby import Standby

PAUSE = 0.2  # seconds between two looks at the workers
USERS_MISTAKE = 2  # exit code


class _Interrupted(Exception):
    """A signal came before there were workers."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def work(
    store: Store, study: Study, crew: Crew, console: Console, standby: Standby | None = None
) -> tuple[Status, int]:
    """Keeps workers at a study until it is over or a signal comes.

    Args:
        standby: Processes that wait for an order.

    Returns:
        The study at the end, and the exit code.

    Raises:
        UserError: No worker could go on, or there are too few GPUs.
        StudyGone: The study was deleted.
    """
    crew.check()
    try:
        count = _count(store, study, crew, console)
    except _Interrupted as e:
        return overview.status(store, study), e.exit_code
    supervisor = Supervisor(store, study, workers=count, threads=crew.threads, standby=standby)
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


def _count(store: Store, study: Study, crew: Crew, console: Console) -> int:
    """How many workers to start: as many as were asked for, or as get most done here.

    Raises:
        _Interrupted: A signal came while that was measured.
    """
    if crew.count is not None:
        return crew.count
    most = max(1, study.budget - overview.count(store, study).ended)
    spec = StudySpec.from_dict(study.spec)
    with Interrupts(again=lambda: None) as asked, busy("Measuring how many workers pay ..."):
        try:
            found = calibration.measure(
                spec, most=most, threads=crew.threads, go_on=lambda: asked.received is None
            )
        except calibration.Stopped as e:
            raise _Interrupted(asked.exit_code) from e
    console.print(str(found))
    return found.workers


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

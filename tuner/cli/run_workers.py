"""What ``launch`` and ``worker`` share: workers are kept at a study, and it is watched."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from storage import overview, stopping, trials
from storage.database.engine import Store
from storage.overview import Status
from storage.studies import FINISHED, RUNNING, Study
from tuner.cli.console import busy
from tuner.cli.interrupts import Interrupts
from tuner.errors import UserError
from tuner.monitoring.live_view import INTERVAL, Monitor
from tuner.monitoring.study_notes import Notes
from tuner.resources.cores_and_gpus import cores
from tuner.studies.study_spec import StudySpec
from tuner.workers import calibration
from tuner.workers.supervisor import Supervisor
from tuner.workers.worker_count import MOST_WORKERS, WorkerPlan

if TYPE_CHECKING:
    from rich.console import Console

    from tuner.workers.process_pool import ProcessPool

PAUSE = 0.2  # seconds between two looks at the workers
LAST_WAIT = 60.0  # seconds that a store may be away when the work is done
USERS_MISTAKE = 2  # exit code


class _Interrupted(Exception):
    """A signal came before there were workers."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def run_workers(
    store: Store,
    study: Study,
    worker_plan: WorkerPlan,
    console: Console,
    process_pool: ProcessPool | None = None,
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
    worker_plan.check()
    try:
        count = _count(store, study, worker_plan, console)
    except _Interrupted as e:
        return overview.status(store, study), e.exit_code
    supervisor = Supervisor(
        store, study, workers=count, threads=worker_plan.threads, process_pool=process_pool
    )
    notes = Notes(store, study)
    with (
        Interrupts(again=supervisor.insist) as interrupts,
        Monitor(store, study, console) as monitor,
    ):
        with supervisor:
            _watch(supervisor, monitor, notes, interrupts)
            if interrupts.received is not None:
                _announce(interrupts, monitor)
        _look_at_the_end(monitor, interrupts)
        notes.update(monitor.status, now=True)
    if (
        interrupts.received is None
        and supervisor.failures
        and monitor.status.study.state != FINISHED
    ):
        raise UserError(supervisor.failures[-1])
    if interrupts.received is None and monitor.status.study.state == RUNNING:
        raise UserError(
            "Expected workers here that go on until the study is over. Received: a signal that "
            "asked them to stop, from somebody else or from code of your own. "
            f"Go on with: tuner worker {study.name}"
        )
    if stopping.is_broken(monitor.status.study):
        _show_failure(store, study, console)
        return monitor.status, USERS_MISTAKE
    return monitor.status, interrupts.exit_code if interrupts.received is not None else 0


def _count(store: Store, study: Study, worker_plan: WorkerPlan, console: Console) -> int:
    """How many workers to start: as many as were asked for, or as get most done here.

    Raises:
        _Interrupted: A signal came while that was measured.
    """
    if worker_plan.count is not None:
        return worker_plan.count
    most = max(1, study.budget - overview.count(store, study).ended)
    spec = StudySpec.from_dict(study.spec)
    if spec.own_training:
        count = min(cores(), MOST_WORKERS, most)
        console.print(f"Workers: {count}, by the cores: an objective function cannot be measured.")
        return count
    with Interrupts(again=lambda: None) as interrupts, busy("Measuring how many workers pay ..."):
        try:
            measurement = calibration.measure(
                spec,
                most=most,
                threads=worker_plan.threads,
                go_on=lambda: interrupts.received is None,
            )
        except calibration.CalibrationStopped as e:
            raise _Interrupted(interrupts.exit_code) from e
    console.print(str(measurement))
    return measurement.workers


def _show_failure(store: Store, study: Study, console: Console) -> None:
    """Prints the traceback that the first trials have in common."""
    failures = (trial.failure for trial in trials.list_trials(store, study))
    first = next(failure for failure in failures if failure is not None)
    text = first.traceback or f"{first.message}\n"
    console.print(text, markup=False, highlight=False, end="")


def _watch(supervisor: Supervisor, monitor: Monitor, notes: Notes, interrupts: Interrupts) -> None:
    while supervisor.watch() and interrupts.received is None:
        for failure in supervisor.failures:
            monitor.say_once(f"A worker cannot go on: {failure}")
        for reason in supervisor.waiting:
            monitor.say_once(f"A worker waits: {reason}")
        monitor.update()
        notes.update(monitor.status)
        interrupts.wait(PAUSE)


def _look_at_the_end(monitor: Monitor, interrupts: Interrupts) -> None:
    """Looks once more, so that what is told is how it ended; waits for a store that is away."""
    deadline = time.monotonic() + LAST_WAIT
    monitor.update(now=True)
    while monitor.away and interrupts.received is None and time.monotonic() < deadline:
        interrupts.wait(INTERVAL)
        monitor.update()


def _announce(interrupts: Interrupts, monitor: Monitor) -> None:
    if interrupts.received is signal.SIGHUP:
        monitor.mute()
    monitor.say("Stopping: trials at hand are given back. Ctrl-C again ends the workers at once.")

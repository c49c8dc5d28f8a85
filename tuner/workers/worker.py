"""One process: claim, train, repeat, until the study is done or a signal comes."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from search_spaces.errors import SpaceError
from search_spaces.keras_tuner.hypermodel_with_fit import HyperModelWithFit
from search_spaces.user_code import vital_state
from search_spaces.user_code.isolation import isolated
from search_spaces.user_code.process_state import CONFIGURATION
from storage import claiming, studies, workers
from storage.claiming import NoTrialYet, StudyOver
from storage.database import engine
from storage.database.availability import patiently
from storage.database.engine import Store
from storage.errors import LeaseLost, StoreError, StoreUnreachable, StudyGone
from storage.files.artifacts import Artifacts
from storage.leases import Claim
from storage.studies import Study
from tuner.errors import LONGEST_LINE, UserError, shorten
from tuner.resources import memory
from tuner.resources.device import Device
from tuner.studies import garbage_collection
from tuner.studies.loading import load_data, load_space
from tuner.studies.study_spec import StudySpec
from tuner.trials.output_capture import OutputCapture
from tuner.trials.runner import TrialAttempt, TrialRunner
from tuner.trials.study_context import StudyContext
from tuner.workers import exit_codes, process_pool
from tuner.workers.exit_codes import (
    CANNOT_WORK,
    CRASHED,
    DONE,
    MUTILATED,
    REPLACE,
    URL_VARIABLE,
    WAITING,
)
from tuner.workers.heartbeat import Heartbeat
from tuner.workers.watchdog import Watchdog, end_as_orphan, end_hard

MAX_GROWTH = 0.4  # of the machine's memory; a larger worker is replaced between two trials
PATIENCE = 3600.0  # seconds that a store may be away before a worker gives up
WAIT_PAUSE = 1.0  # seconds between two claims when there is nothing to do
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # they ask to stop

logger = logging.getLogger("tuner")

Answer = TypeVar("Answer")


class Worker:
    """Works on one study.

    Args:
        store: Open.
        study: In that store.
        worker_id: A UUID; its supervisor knows it too.
        device: That trials are trained on.
        output: File that this process prints to; its text is kept with the trials.
        stopping: Set when the worker is asked to exit.
        hung: Called when a trial hangs; ends this process.

    Attributes:
        outgrown: Whether it ended to be replaced, because it holds too much memory.
    """

    def __init__(
        self,
        store: Store,
        study: Study,
        *,
        worker_id: str,
        device: Device,
        output: Path | None = None,
        stopping: threading.Event | None = None,
        hung: Callable[[], None] = end_hard,
    ) -> None:
        self._store, self._study = store, study
        self._id, self._device, self._output = worker_id, device, output
        self._reached_at = time.monotonic()
        self._stopping = stopping or threading.Event()
        self._hung = hung
        self.outgrown = False
        self._output_capture = OutputCapture(output)
        self._memory_limit = MAX_GROWTH * (memory.total() or sys.maxsize)
        self._runner: TrialRunner | None = None

    def run(self) -> None:
        """Works until the study is over or the worker is asked to exit.

        Raises:
            StoreError: The store or the artifacts cannot be used.
            SpaceError: The search space cannot be loaded here.
            UserError: The data cannot be loaded here.
            StudyGone: The study was deleted.
        """
        spec = StudySpec.from_dict(self._study.spec)
        artifacts = Artifacts(spec.artifacts, self._study)
        artifacts.check()
        with isolated(spec.space, keep=CONFIGURATION, passing=(Exception,)):
            space = load_space(spec)
            data = load_data(spec) if spec.has_data else None
        _patiently(self._enter, self._stopping)
        shared = {
            "store": self._store,
            "study": self._study,
            "spec": spec,
            "space": space,
            "data": data,
            "artifacts": artifacts,
            "stopping": self._stopping,
        }
        with isolated(spec.space):  # a space of the user's may name its starting points
            context, attempt = self._training(spec, shared)
        self._runner = TrialRunner(
            context=context,
            attempt=partial(attempt, context),
            hung=self._hung,
            output_capture=self._output_capture,
        )
        lease = self._study.lease_seconds
        try:
            with Heartbeat(self._beat, file=self._output, lease_seconds=lease):
                self._work(self._runner)
        finally:
            self._leave()

    def _training(
        self, spec: StudySpec, shared: Mapping[str, Any]
    ) -> tuple[StudyContext, Callable[..., TrialAttempt]]:
        """What runs the trials: our training, or code of the user's own without TensorFlow."""
        if spec.own_training:
            from tuner.objective_functions.objective_attempt import ObjectiveAttempt
            from tuner.objective_functions.objective_context import ObjectiveContext

            context = ObjectiveContext(device=self._device, **shared)
            if not isinstance(context.space, HyperModelWithFit):
                return context, ObjectiveAttempt
            from tuner.keras.hypermodel_attempt import HyperModelAttempt

            return context, HyperModelAttempt
        from tuner.trials.attempt import Attempt
        from tuner.trials.study_context import TrainingContext

        return TrainingContext(**shared), Attempt

    def _enter(self) -> None:
        workers.enter(
            self._store,
            self._study,
            worker_id=self._id,
            host=socket.gethostname(),
            pid=os.getpid(),
            device=str(self._device),
        )

    def _work(self, runner: TrialRunner) -> None:
        try:
            self._claim_and_run(runner)
        finally:
            runner.finalizer.wait()

    def _claim_and_run(self, runner: TrialRunner) -> None:
        while not self._stopping.is_set():
            match self._claim(runner):
                case StudyOver() | NoTrialYet() if runner.finalizer.wait():
                    continue  # the end of our last trial may allow another one, or end the study
                case StudyOver():
                    self._sweep()
                    return
                case NoTrialYet():
                    self._stopping.wait(WAIT_PAUSE)
                case Claim() as claim:
                    self._run(runner, claim)
                    if (memory.resident() or 0) > self._memory_limit:
                        self.outgrown = True
                        return

    def _sweep(self) -> None:
        try:
            garbage_collection.sweep(self._store, self._study)
        except (StoreUnreachable, OSError) as e:
            logger.info("files of dead workers were not removed: %s", e)

    def _claim(self, runner: TrialRunner) -> Claim | NoTrialYet | StudyOver:
        """Claims a trial; waits for up to an hour for a store that cannot be reached."""
        try:
            runner.context.end_if_flat()
            answer = claiming.claim(self._store, self._study, self._id)
        except StoreUnreachable as e:
            if time.monotonic() - self._reached_at > PATIENCE:
                raise
            return NoTrialYet(reason=str(e))
        self._reached_at = time.monotonic()
        return answer

    def _run(self, runner: TrialRunner, claim: Claim) -> None:
        logger.info("trial %d, attempt %d", claim.number, claim.token)
        try:
            runner.run(claim)
        except LeaseLost as e:
            logger.warning("the lease on trial %d is lost: %s", claim.number, e)
        self._reached_at = time.monotonic()

    def _beat(self) -> None:
        workers.seen(self._store, self._id, busy_seconds=self._busy())

    def _leave(self) -> None:
        try:
            workers.leave(self._store, self._id, busy_seconds=self._busy())
        except StoreError:
            logger.info("the store cannot be reached: this worker's exit was not recorded")

    def _busy(self) -> float:
        return self._runner.context.training_time.seconds if self._runner else 0.0


class _ExitRequested(Exception):
    """The worker was asked to exit while it waited for the store."""


def _patiently(call: Callable[[], Answer], stopping: threading.Event) -> Answer:
    def wait(seconds: float) -> None:
        if stopping.wait(seconds):
            raise _ExitRequested

    def say(why: str) -> None:
        logger.warning("%s%s", WAITING, why)

    return patiently(call, seconds=PATIENCE, wait=wait, say=say)


@click.command()
@click.argument("study")
@click.option("--id", "worker_id", required=True)
@click.option("--threads", type=int, default=1)
@click.option("--gpu")
@click.option("--parent", type=int)
@click.option("--output", type=click.Path(path_type=Path))
@click.option("--word", "exit_code_fd", type=int, help="Descriptor of the exit code's file.")
def main(
    study: str, threads: int, gpu: str | None, exit_code_fd: int | None, **options: Any
) -> None:
    """Work on STUDY in this one process; ``tuner worker`` starts such processes."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logger.setLevel(logging.INFO)  # libraries stay at WARNING
    sys.path.append(os.getcwd())  # last: a user's folder may hold a storage/ of its own
    gc.freeze()  # a full collection of imported modules takes 0.2 s
    code = CRASHED
    try:
        code = work(
            study, device=Device(threads=threads, gpu=gpu), exit_code_fd=exit_code_fd, **options
        )
    except Exception:
        traceback.print_exc()
    exit_codes.announce(exit_code_fd, code)
    sys.exit(code)


def work(
    study: str, *, parent: int | None = None, exit_code_fd: int | None = None, **options: Any
) -> int:
    """Works on a study of the store in ``TUNER_STORAGE`` until it is over or a signal comes.

    Args:
        study: Its name.
        parent: Process id of the supervisor: a worker exits when it is gone.
        exit_code_fd: Descriptor of the file that the supervisor reads the exit code from.
        options: See ``Worker``.

    Returns:
        The exit code: 0; 2 when this machine cannot work on the study; 3 to be replaced.
    """
    stopping = threading.Event()
    for name in SIGNALS:
        signal.signal(name, lambda *_: stopping.set())
    os.register_at_fork(after_in_child=_forget_signals)
    vital_state.watch([] if exit_code_fd is None else [exit_code_fd], _end_mutilated)
    hung = partial(end_hard, exit_code_fd)
    Watchdog(stopping, parent, end=hung)
    if parent is not None:
        end_as_orphan()
    try:
        return _work(study, stopping, hung=hung, **options)
    finally:
        stopping.set()  # starts the watchdog's grace: a hanging thread may keep the process alive


def _work(study: str, stopping: threading.Event, **options: Any) -> int:
    url = os.environ[URL_VARIABLE]
    try:
        store = _patiently(lambda: engine.open_store(url, create=False), stopping)
        loaded = _patiently(lambda: studies.load(store, study), stopping)
        _use_device(options["device"], own_training=StudySpec.from_dict(loaded.spec).own_training)
        worker = Worker(store, loaded, stopping=stopping, **options)
        worker.run()
        return REPLACE if worker.outgrown else DONE
    except _ExitRequested:
        return DONE
    except StudyGone as e:
        logger.warning("%s", e)
        return DONE
    except (StoreError, SpaceError, UserError) as e:
        logger.error("%s", shorten(f"Error: {e}", LONGEST_LINE))
        return CANNOT_WORK


def _end_mutilated(what: str) -> None:
    """Ends this process at once: what it wrote could land in a file of the user's."""
    logger.error("Error: the user's code %s: this worker is replaced", what)
    os._exit(MUTILATED)


def _use_device(device: Device, *, own_training: bool) -> None:
    """Limits TensorFlow to its share; where only the user's code may import it, by variables."""
    if own_training:
        os.environ |= {
            "TF_NUM_INTRAOP_THREADS": str(device.threads),
            "TF_NUM_INTEROP_THREADS": "1",
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        }
        return
    from tuner.resources.tensorflow_device import use_device

    use_device(threads=device.threads)


def _forget_signals() -> None:
    """Restores default signals in forked children: multiprocessing ends its own by SIGTERM."""
    for name in SIGNALS:
        signal.signal(name, signal.SIG_DFL)


if __name__ == "__main__":
    main(process_pool.command_arguments())

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
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import click

from search_spaces.errors import SpaceError
from storage import engine, leases, studies, workers
from storage.artifacts import Artifacts
from storage.engine import Store
from storage.errors import LeaseLost, StoreError, StoreUnreachable, StudyGone
from storage.leases import Claim, Over, Wait
from storage.studies import Study
from tuner import memory, standby, training
from tuner.device import Device
from tuner.errors import UserError
from tuner.exits import CANNOT_WORK, REPLACE, URL_VARIABLE
from tuner.loading import load_data, load_space
from tuner.results import cleaning
from tuner.study import StudySpec
from tuner.trial.objective import Objective
from tuner.trial.transcript import Transcript
from tuner.trial.workbench import Workbench

MAX_GROWTH = 0.4  # of the machine's memory; a larger worker is replaced between two trials
START_PATIENCE = 30.0  # seconds that a worker waits for a store when it begins
WAIT_PAUSE = 1.0  # seconds between two claims when there is nothing to do

logger = logging.getLogger("tuner")

Answer = TypeVar("Answer")


class Worker:
    """Works on one study.

    Args:
        worker_id: A UUID; its supervisor knows it too.
        parent: Process id of the supervisor: a worker that lost it exits.
        output: File that this process prints to: kept with the trials.

    Attributes:
        stopping: Set when the worker is asked to exit.
        outgrown: Whether it ended because it holds too much memory.
    """

    def __init__(
        self,
        store: Store,
        study: Study,
        *,
        worker_id: str,
        device: Device,
        parent: int | None = None,
        output: Path | None = None,
    ) -> None:
        self._store, self._study, self._parent = store, study, parent
        self._id, self._device = worker_id, device
        self._reached = time.monotonic()
        self.stopping = threading.Event()
        self.outgrown = False
        self._transcript = Transcript(output)
        self._memory_limit = MAX_GROWTH * (memory.total() or sys.maxsize)
        self._objective: Objective | None = None

    def run(self) -> None:
        """Works until nothing is left or somebody asks to stop.

        Raises:
            StoreError: This machine cannot work on the study.
            StudyGone: The study was deleted.
        """
        spec = StudySpec.from_dict(self._study.spec)
        artifacts = Artifacts(spec.artifacts, self._study)
        artifacts.check()
        space = load_space(spec)
        data = load_data(spec)
        _patiently(self._enter)
        bench = Workbench(
            store=self._store,
            study=self._study,
            spec=spec,
            space=space,
            data=data,
            artifacts=artifacts,
            stopping=self.stopping,
        )
        self._objective = Objective(bench=bench, beat=self._beat, transcript=self._transcript)
        try:
            self._work(self._objective)
        finally:
            self._leave()

    def _enter(self) -> None:
        workers.enter(
            self._store,
            self._study,
            worker_id=self._id,
            host=socket.gethostname(),
            pid=os.getpid(),
            device=str(self._device),
        )

    def _work(self, objective: Objective) -> None:
        try:
            self._claim_and_run(objective)
        finally:
            objective.afterwork.settle()

    def _claim_and_run(self, objective: Objective) -> None:
        while not self.stopping.is_set():
            self._watch_parent()
            match self._claim():
                case Over() | Wait() if objective.afterwork.settle():
                    continue  # the end of our last trial may be what others and we wait for
                case Over():
                    self._sweep()
                    return
                case Wait():
                    self._pause()
                case Claim() as claim:
                    self._run(objective, claim)
            if (memory.resident() or 0) > self._memory_limit:
                self.outgrown = True
                return

    def _sweep(self) -> None:
        with suppress(StoreUnreachable, OSError):
            cleaning.sweep(self._store, self._study)

    def _claim(self) -> Claim | Wait | Over:
        """Claims; a store that is away is waited for as long as a lease lasts."""
        try:
            answer = leases.claim(self._store, self._study, self._id)
        except StoreUnreachable as e:
            if time.monotonic() - self._reached > self._study.lease_seconds:
                raise
            return Wait(reason=str(e))
        self._reached = time.monotonic()
        return answer

    def _run(self, objective: Objective, claim: Claim) -> None:
        logger.info("trial %d, attempt %d", claim.number, claim.token)
        try:
            objective.run(claim)
        except LeaseLost as e:
            logger.warning("trial %d is not ours any more: %s", claim.number, e)
        self._reached = time.monotonic()

    def _pause(self) -> None:
        self._beat()
        self.stopping.wait(WAIT_PAUSE)

    def _beat(self) -> None:
        """Says that this worker is alive; a store that is away will hear it next time."""
        self._watch_parent()
        try:
            workers.seen(self._store, self._id, busy_seconds=self._busy())
        except StoreUnreachable:
            logger.info("the store is away")

    def _watch_parent(self) -> None:
        if self._parent is not None and os.getppid() != self._parent:
            self.stopping.set()

    def _leave(self) -> None:
        try:
            workers.leave(self._store, self._id, busy_seconds=self._busy())
        except StoreError:
            logger.info("the store is away")

    def _busy(self) -> float:
        return self._objective.bench.effort.seconds if self._objective else 0.0


def _patiently(call: Callable[[], Answer]) -> Answer:
    """Calls until the store answers: one that is restarted must not cost a worker."""
    deadline = time.monotonic() + START_PATIENCE
    while True:
        try:
            return call()
        except StoreUnreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(WAIT_PAUSE)


@click.command()
@click.argument("study")
@click.option("--id", "worker_id", required=True)
@click.option("--threads", type=int, default=1)
@click.option("--gpu")
@click.option("--parent", type=int)
@click.option("--output", type=click.Path(path_type=Path))
def main(study: str, threads: int, gpu: str | None, **options: Any) -> None:
    """Work on STUDY in this one process; ``tuner worker`` starts such processes."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logger.setLevel(logging.INFO)  # what libraries say below a warning is not for people
    sys.path.append(os.getcwd())  # last: a user's folder may hold a storage/ of its own
    training.use_device(threads=threads)
    gc.freeze()  # what was imported stays: looking through it for garbage takes 0.2 s each time
    sys.exit(work(study, device=Device(threads=threads, gpu=gpu), **options))


def work(study: str, **options: Any) -> int:
    """Works on a study of the store in ``TUNER_STORAGE`` until it is over or a signal comes.

    Args:
        options: See ``Worker``.

    Returns:
        The exit code: 0; 2 when this machine cannot work on the study; 3 to be replaced.
    """
    try:
        url = os.environ[URL_VARIABLE]
        store = _patiently(lambda: engine.open_store(url, create=False))
        worker = Worker(store, studies.load(store, study), **options)
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, lambda *_: worker.stopping.set())
        worker.run()
        return REPLACE if worker.outgrown else 0
    except StudyGone as e:
        logger.warning("%s", e)
        return 0
    except (StoreError, SpaceError, UserError) as e:
        logger.error("Error: %s", e)
        return CANNOT_WORK


if __name__ == "__main__":
    main(standby.words())

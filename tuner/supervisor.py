"""Starts workers, each a process with its share of the machine, and replaces those that die.

Never imports TensorFlow: it must start at once and outlive whatever its workers do.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

from storage import leases, workers
from storage import url as urls
from storage.engine import Store
from storage.errors import StoreError, StudyGone
from storage.outcomes import Failure
from storage.studies import Study
from tuner import memory
from tuner.exits import CANNOT_WORK, REPLACE, URL_VARIABLE
from tuner.machine import environment, output_file, shares

if TYPE_CHECKING:
    from tuner.standby import Standby

GRACE = 15.0  # seconds between asking a worker to exit and killing it
EARLY_DEATH = 60.0  # seconds; a worker that dies sooner has not worked for long
MAX_EARLY_DEATHS = 3  # in a row, then it is not started again
POLL = 0.05  # seconds
LOOK_EVERY = 10.0  # seconds between two looks for workers that hang


@dataclass
class _Seat:
    """A worker's place: its device, and the process that has it now."""

    threads: int
    gpu: str | None
    process: subprocess.Popen[bytes] | None = None
    output: Any = None  # the file that it prints to
    started: float = 0.0
    worker_id: str = ""
    early_deaths: int = 0
    left: bool = False


@dataclass
class Supervisor:
    """Keeps a number of workers at one study.

    Args:
        store: Where the deaths of workers are told.
        study: What they work on.
        workers: How many processes.
        threads: CPU threads of each; None shares the machine's cores.
        standby: Processes that were started before there was a study.

    Attributes:
        failures: Why workers could not go on, one line each, in the order in which it happened.
        restarts: How many workers were replaced.
    """

    store: Store
    study: Study
    workers: int = 1
    threads: int | None = None
    standby: Standby | None = None
    failures: list[str] = field(default_factory=list)
    restarts: int = 0

    def __post_init__(self) -> None:
        self._kills = memory.RecentKills()
        self._silent: set[str] = set()
        self._next_look = time.monotonic() + LOOK_EVERY
        self._seats = [
            _Seat(threads=threads, gpu=gpu) for threads, gpu in shares(self.workers, self.threads)
        ]

    def __enter__(self) -> Supervisor:
        for seat in self._seats:
            self._start(seat)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def watch(self) -> bool:
        """Replaces workers that died or hang; whether any is still at work."""
        self._kills.look(time.monotonic())
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_EVERY
            self._kill_silent()
        for seat in self._seats:
            if not seat.left and seat.process is not None and seat.process.poll() is not None:
                self._ended(seat, seat.process.returncode)
        return any(not seat.left for seat in self._seats)

    def stop(self) -> None:
        """Asks all workers to give their trials back and exit; kills those that do not."""
        running = list(self._running())
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and any(p.poll() is None for p in running):
            time.sleep(POLL)
        self.kill()

    def kill(self) -> None:
        """Ends all workers now; their trials are taken over once their leases run out."""
        for process in self._running():
            process.kill()
            process.wait()
        for seat in self._seats:
            seat.left = True

    def insist(self) -> None:
        """Kills all workers without waiting for them, as a signal handler must.

        Waiting there would wait forever if the handler came in the middle of a look at the
        same process.
        """
        for process in self._running():
            process.kill()

    def _running(self) -> Iterator[subprocess.Popen[bytes]]:
        for seat in self._seats:
            if seat.process is not None and seat.process.poll() is None:
                yield seat.process

    def _start(self, seat: _Seat) -> None:
        if seat.output is not None:
            seat.output.close()
        waiting = self.standby and self.standby.take(threads=seat.threads, gpu=seat.gpu)
        seat.output = waiting.output if waiting else output_file()
        seat.worker_id = str(uuid.uuid4())
        options = {
            "--id": seat.worker_id,
            "--threads": str(seat.threads),
            "--parent": str(os.getpid()),
            "--output": seat.output.name,
        }
        words = [word for option in options.items() for word in option]
        if seat.gpu is not None:
            words += ["--gpu", seat.gpu]
        words += ["--", self.study.name]
        place = {URL_VARIABLE: urls.reveal(self.store.url)}
        seat.started = time.monotonic()
        if waiting:
            waiting.order(words, place)
            seat.process = waiting.process
            return
        seat.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tuner.worker", *words],
            env={**environment(threads=seat.threads, gpu=seat.gpu), **place},
            stdin=subprocess.DEVNULL,
            stdout=seat.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the supervisor alone
        )

    def _ended(self, seat: _Seat, code: int) -> None:
        """Decides whether a worker that ended is to be replaced."""
        if code == 0:
            seat.left = True
            return
        if code == REPLACE:
            self._start(seat)
            return
        if code == CANNOT_WORK:
            self._give_up(seat, code)
            return
        self._bury(seat, code)
        early = time.monotonic() - seat.started < EARLY_DEATH
        seat.early_deaths = seat.early_deaths + 1 if early else 1
        if seat.early_deaths >= MAX_EARLY_DEATHS and not self._begun(seat):
            self._give_up(seat, code)
            return
        self.restarts += 1
        self._start(seat)

    def _give_up(self, seat: _Seat, code: int) -> None:
        seat.left = True
        self.failures.append(_reason(seat, code))

    def _kill_silent(self) -> None:
        """Kills workers that have been silent for longer than a lease, at two looks in a row."""
        try:
            known = workers.list_workers(self.store, self.study)
        except StoreError:
            self._silent = set()
            return
        silent = {worker.worker_id for worker in known if worker.state == "lost"}
        for seat in self._seats:
            if seat.process is not None and seat.worker_id in silent & self._silent:
                seat.process.kill()
        self._silent = silent

    def _bury(self, seat: _Seat, code: int) -> None:
        """Tells the store, so that nobody waits for the dead worker's lease to run out."""
        failure = None
        if code == -signal.SIGKILL and self._kills.explain(time.monotonic()):
            failure = Failure(
                kind="out_of_memory", message="the kernel killed the worker: memory ran out"
            )
        try:
            leases.bury(self.store, self.study, seat.worker_id, failure)
            workers.lost(self.store, self.study, seat.worker_id)
        except (StoreError, StudyGone):
            pass  # its lease will run out

    def _begun(self, seat: _Seat) -> bool:
        """Whether the worker got as far as the store."""
        try:
            known = workers.list_workers(self.store, self.study)
        except StoreError:
            return True
        return any(worker.worker_id == seat.worker_id for worker in known)


def _reason(seat: _Seat, code: int) -> str:
    lines = _tail(seat)
    for line in reversed(lines):
        if line.startswith("Error: "):
            return line.removeprefix("Error: ")
    last = lines[-1] if lines else "it printed nothing"
    return f"a worker ended with exit code {code}: {last}"


def _tail(seat: _Seat, size: int = 8192) -> list[str]:
    end = seat.output.seek(0, os.SEEK_END)
    seat.output.seek(max(0, end - size))
    text = seat.output.read().decode(errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip()]

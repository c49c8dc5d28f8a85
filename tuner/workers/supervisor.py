"""Starts workers, each a process with its share of the machine, and replaces those that die.

Never imports TensorFlow: it must start at once and survive whatever its workers do.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import attempts, lost_workers, workers
from storage.database import url as urls
from storage.database.engine import Store
from storage.errors import StoreError, StudyGone
from storage.outcomes import Failure
from storage.studies import Study
from storage.workers import WorkerRecord
from tuner.errors import exit_cause
from tuner.resources import memory
from tuner.resources.cores_and_gpus import environment, output_file, shares
from tuner.workers import exit_codes
from tuner.workers.exit_codes import URL_VARIABLE, WAITING
from tuner.workers.liveness import LifeSigns

if TYPE_CHECKING:
    from tuner.workers.process_pool import ProcessPool

GRACE = 15.0  # seconds between asking a worker to exit and killing it
MAX_FRUITLESS = 3  # workers in a row that ended without a trial, then no other one is started
POLL = 0.05  # seconds
LOOK_EVERY = 10.0  # seconds between two looks for workers that hang
SILENT_LOOKS = 2  # in a row, then a worker is killed
CRASHES = (exit_codes.CRASHED, exit_codes.HUNG)  # not to be blamed on the trial by exit code


@dataclass
class _Slot:
    """A place for a worker: its device, and the process that has it now."""

    threads: int
    gpu: str | None
    process: subprocess.Popen[bytes] | None = None
    output: Any = None  # the file that it prints to
    exit_code_file: Any = None  # see ``exit_codes``
    worker_id: str = ""
    fruitless: int = 0  # workers in a row that ended before they claimed a trial
    finished: bool = False
    signs: LifeSigns | None = None
    silent_looks: int = 0


@dataclass
class Supervisor:
    """Keeps a number of workers running on one study.

    Args:
        store: Where the deaths of workers are recorded.
        study: That they work on.
        workers: Number of processes.
        threads: CPU threads of each; None shares the machine's cores.
        process_pool: Processes that were started before the study was made.

    Attributes:
        failures: Why workers were given up, one line each, in order.
        waiting: Why workers cannot reach the store yet, one line each.
        restarts: How many workers were replaced.
    """

    store: Store
    study: Study
    workers: int = 1
    threads: int | None = None
    process_pool: ProcessPool | None = None
    failures: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    restarts: int = 0

    def __post_init__(self) -> None:
        self._kills = memory.RecentKills()
        self._next_look = time.monotonic() + LOOK_EVERY
        self._slots = [
            _Slot(threads=threads, gpu=gpu) for threads, gpu in shares(self.workers, self.threads)
        ]

    def __enter__(self) -> Supervisor:
        for slot in self._slots:
            self._start(slot)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def watch(self) -> bool:
        """Replaces dead workers and kills hanging ones; to be called again and again.

        Returns:
            Whether any worker is still running.
        """
        self._kills.look(time.monotonic())
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_EVERY
            self._check_workers()
        for slot in self._slots:
            if not slot.finished and slot.process is not None and slot.process.poll() is not None:
                self._handle_exit(slot, slot.process.returncode)
        return any(not slot.finished for slot in self._slots)

    def stop(self) -> None:
        """Asks all workers to give their trials back and exit; kills the others after ``GRACE``."""
        running = list(self._running())
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and any(p.poll() is None for p in running):
            time.sleep(POLL)
        self.kill()

    def kill(self) -> None:
        """Kills all workers; their trials are taken over when their leases expire."""
        for process in self._running():
            process.kill()
            process.wait()
        for slot in self._slots:
            slot.finished = True

    def insist(self) -> None:
        """Kills all workers without waiting for them, as a signal handler must.

        ``Popen`` locks while it waits: a handler that interrupts that and waits would deadlock.
        """
        for process in self._running():
            process.kill()

    def _running(self) -> Iterator[subprocess.Popen[bytes]]:
        for slot in self._slots:
            if slot.process is not None and slot.process.poll() is None:
                yield slot.process

    def _start(self, slot: _Slot) -> None:
        if slot.output is not None:
            slot.output.close()
            slot.exit_code_file.close()
        slot.silent_looks = 0
        pooled = self.process_pool and self.process_pool.take(threads=slot.threads, gpu=slot.gpu)
        slot.output = pooled.output if pooled else output_file()
        slot.exit_code_file = pooled.exit_code_file if pooled else exit_codes.open_file()
        slot.worker_id = str(uuid.uuid4())
        options = {
            "--id": slot.worker_id,
            "--threads": str(slot.threads),
            "--parent": str(os.getpid()),
            "--output": slot.output.name,
            "--word": str(slot.exit_code_file.fileno()),
        }
        arguments = [word for option in options.items() for word in option]
        if slot.gpu is not None:
            arguments += ["--gpu", slot.gpu]
        arguments += ["--", self.study.name]
        variables = {URL_VARIABLE: urls.reveal(self.store.url)}
        if pooled:
            pooled.start_work(arguments, variables)
            slot.process = pooled.process
        else:
            slot.process = self._spawn(slot, arguments, variables)
        slot.signs = LifeSigns(slot.process.pid, Path(slot.output.name))

    def _spawn(
        self, slot: _Slot, arguments: list[str], variables: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "tuner.workers.worker", *arguments],
            env={**environment(threads=slot.threads, gpu=slot.gpu), **variables},
            stdin=subprocess.DEVNULL,
            stdout=slot.output,
            stderr=subprocess.STDOUT,
            pass_fds=(slot.exit_code_file.fileno(),),
            start_new_session=True,  # Ctrl-C is for the supervisor alone
        )

    def _handle_exit(self, slot: _Slot, code: int) -> None:
        """Decides by the announced exit code whether a worker that ended is replaced.

        The real exit code may come from the user's code.
        """
        announced = exit_codes.read(slot.exit_code_file)
        if announced == exit_codes.DONE:
            slot.finished = True
            return
        if announced == exit_codes.REPLACE:
            self._start(slot)
            return
        if announced == exit_codes.CANNOT_WORK:
            self._give_up(slot, code)
            return
        self._release_trials(
            slot,
            code,
            None if announced in CRASHES else exit_codes.death_cause(code),
        )
        # A crash after a claim counts against the trial, which fails at the second: see ``leases``.
        slot.fruitless = 0 if self._has_claimed(slot) else slot.fruitless + 1
        if slot.fruitless >= MAX_FRUITLESS:
            self._give_up(slot, code)
            return
        self.restarts += 1
        self._start(slot)

    def _give_up(self, slot: _Slot, code: int) -> None:
        slot.finished = True
        self.failures.append(_reason(slot, code))

    def _check_workers(self) -> None:
        """Looks for workers that hang or that wait for the store."""
        try:
            records = {w.worker_id: w for w in workers.list_workers(self.store, self.study)}
        except StoreError:  # signs of life cannot be read: nobody counts as silent
            for slot in self._slots:
                slot.silent_looks = 0
            return
        for slot in self._slots:
            if slot.process is None or slot.finished:
                continue
            if slot.worker_id in records:
                self._kill_silent(slot, records[slot.worker_id])
            else:
                self._note_waiting(slot)

    def _kill_silent(self, slot: _Slot, record: WorkerRecord) -> None:
        """Kills a worker without any of three signs of life in ``SILENT_LOOKS`` looks in a row.

        The signs are its heartbeat in the store, a renewed lease, and activity on this machine. A
        healthy worker may miss one of them: a blocked thread, no trial, a long call of a library.
        """
        assert slot.process is not None
        assert slot.signs is not None
        active = slot.signs.silent() < self.study.lease_seconds
        beats, renews = record.state == "alive", record.trial is not None
        slot.silent_looks = 0 if beats or renews or active else slot.silent_looks + 1
        if slot.silent_looks >= SILENT_LOOKS:
            slot.process.kill()

    def _note_waiting(self, slot: _Slot) -> None:
        lines = _tail(slot)
        if lines and lines[-1].startswith(WAITING):
            line = lines[-1].removeprefix(WAITING)
            if line not in self.waiting:
                self.waiting.append(line)

    def _release_trials(self, slot: _Slot, code: int, cause: str | None) -> None:
        """Releases the leases of a dead worker, so that nobody waits until they expire.

        Args:
            code: Of the process.
            cause: What the process died of, unless it was ended from outside.
        """
        failure = None
        if code == -signal.SIGKILL and self._kills.explain(time.monotonic()):
            failure = Failure(
                kind="out_of_memory", message="the kernel killed the worker: memory ran out"
            )
        try:
            lost_workers.release_dead_worker(self.store, self.study, slot.worker_id, failure, cause)
            workers.lost(self.store, self.study, slot.worker_id)
        except (StoreError, StudyGone):
            pass  # its lease will expire

    def _has_claimed(self, slot: _Slot) -> bool:
        """Whether the worker has claimed a trial; True where the store cannot be asked."""
        try:
            history = attempts.list_attempts(self.store, self.study)
        except StoreError:
            return True
        return any(attempt.worker_id == slot.worker_id for attempt in history)


def _reason(slot: _Slot, code: int) -> str:
    lines = _tail(slot)
    for line in reversed(lines):
        if line.startswith("Error: "):
            return line.removeprefix("Error: ")
    last = lines[-1] if lines else "it printed nothing"
    return (
        f"{slot.fruitless} workers in a row ended before their first trial, the last one with "
        f"{exit_cause(code)}: {last}"
    )


def _tail(slot: _Slot, size: int = 8192) -> list[str]:
    end = slot.output.seek(0, os.SEEK_END)
    slot.output.seek(max(0, end - size))
    text = slot.output.read().decode(errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip()]

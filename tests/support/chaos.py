"""A monkey that torments supervisors, their workers, their store and its files, by a seeded plan.

Workers are children of ``tuner worker``, each of one of its own. Trials may run bad code besides:
see ``bad_code``. What became of it all is counted from the store, the processes and the files that
are left: see ``Tally``.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import psutil

from storage import overview, studies, study_states, trials, workers
from storage.database.availability import patiently
from storage.files import scratch
from storage.files.artifacts import Artifacts
from storage.lost_workers import MAX_LOSSES
from storage.studies import Study
from tests.support.bad_code import BadCode
from tests.support.fork_server import Child
from tests.support.polling import poll
from tests.support.trouble import Trouble
from tests.support.working import Workplace, attempts, epochs, lease

POLL = 0.05  # seconds
PATIENCE = 60.0  # seconds that the store may be away for the monkey itself
LAST_END = 90.0  # seconds until an orphan must have ended
SENT_AWAY = 143  # exit code of a command after SIGTERM

KILL, STOP = "killed worker", "stopped worker"
SEND_AWAY, KILL_SUPERVISOR = "supervisor sent away", "killed supervisor"
DEEDS = (KILL, KILL, KILL, STOP, STOP, SEND_AWAY, KILL_SUPERVISOR)

Answer = TypeVar("Answer")


@dataclass
class Tally:
    """What happened to a study.

    Attributes:
        trials: How many there are, and how many ended in each state.
        deeds: What the monkey did to processes, by name.
        troubles: What it did to the store and its files, by name.
        bad_code: What trials did, by name.
        failures: Failed trials by the kind of their failure.
        take_overs: Attempts that went on with a trial of another worker's.
        returns: Attempts whose worker was sent away and left its last epoch behind.
        epochs: That were written.
        lost: Epochs missing in the curve of a trial.
        doubled: Attempts at one trial that overlapped, or epochs written by a worker that had
            lost its lease.
        given_up: Trials that lost as many workers in a row as a trial may, and ended so.
        processes: Workers that there ever were.
        seconds: From the first worker's start to the last one's end.
        faults: What broke a promise, one line each.
    """

    trials: Counter[str] = field(default_factory=Counter)
    deeds: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    bad_code: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    take_overs: int = 0
    returns: int = 0
    epochs: int = 0
    lost: int = 0
    doubled: int = 0
    given_up: int = 0
    processes: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def events(self) -> int:
        """All that was done."""
        return self.deeds.total() + self.troubles.total() + self.bad_code.total()


@dataclass
class Monkey:
    """Torments the workers of a study, and extends the study until it has had enough.

    Args:
        workers: How many there are at a time, each with a supervisor.
        seed: Of everything it does.
        pause: Mean seconds between two deeds.
        events: After so many it does no harm any more; bad trials count.
        take_overs: So many trials must have been taken over besides: a deed may come between two.
        troubles: What it does to the store and its files; one at a time.
        bad_code: Which trials are bad.
        ahead: How many trials must be left while there are events to come.
    """

    place: Workplace
    study: Study
    workers: int = 4
    seed: int = 0
    pause: float = 1.2
    events: int = 0
    take_overs: int = 0
    troubles: Sequence[Trouble] = ()
    bad_code: BadCode | None = None
    ahead: int = 20
    tally: Tally = field(default_factory=Tally)

    def run(self, timeout: float) -> Tally:
        """Torment until the study has ended, then count."""
        begun = time.monotonic()
        self._random = random.Random(self.seed)
        self._stopped: dict[int, float] = {}  # until when, by process id
        self._bag: list[str | Trouble] = []
        self._harmed: set[Child] = set()
        self._trouble, self._trouble_ends = ExitStack(), 0.0
        self._supervisors = [self._start() for _ in range(self.workers)]
        try:
            self._torment(begun, timeout)
        finally:
            self._trouble.close()
            self._continue(float("inf"))
        for supervisor in self._supervisors:
            self._check_end(supervisor, supervisor.wait())
        self.tally.seconds = time.monotonic() - begun
        return self._count()

    def _start(self) -> Child:
        return self.place.supervisor(self.study)

    def _torment(self, begun: float, timeout: float) -> None:
        """Do deeds until the study has ended."""
        next_deed = begun + self.pause
        while self._state() == studies.RUNNING:
            now = time.monotonic()
            assert now < begun + timeout, f"not finished after {timeout} s: {self.tally}"
            self._continue(now)
            self._end_trouble(now)
            self._replace_dead()
            self._prolong()
            if now >= next_deed and not self._sated() and self._do():
                next_deed = now + self._random.expovariate(1 / self.pause)
            time.sleep(POLL)

    def _state(self) -> str:
        return self._ask(lambda: studies.refresh(self.place.store, self.study).state)

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        """The monkey's own questions wait for the store that it troubles."""

        def wait(seconds: float) -> None:
            self._end_trouble(time.monotonic())
            time.sleep(seconds)

        return patiently(call, seconds=PATIENCE, wait=wait)

    def _end_trouble(self, now: float) -> None:
        if now >= self._trouble_ends:
            self._trouble.close()

    @property
    def _troubled(self) -> bool:
        return time.monotonic() < self._trouble_ends

    def _prolong(self) -> None:
        """The study lasts until all is done."""
        store, study = self.place.store, self.study
        if self._troubled:
            return
        unstarted = self._ask(lambda: overview.count(store, study)).unstarted
        if self.bad_code is not None:
            self.tally.bad_code = Counter(self.bad_code.among(study.budget - unstarted))
        if unstarted < self.ahead and not self._sated():
            self.study = self._ask(lambda: study_states.extend(store, study, by=self.ahead))

    def _sated(self) -> bool:
        if self.tally.events < self.events:
            return False
        if not self.take_overs:
            return True
        every = self._ask(lambda: attempts(self.place.store, self.study))
        return sum(a.ended_as == "lost" for a in every) >= self.take_overs

    def _do(self) -> bool:
        """The next deed, if there is somebody to do it to; whether it was done."""
        deeds = (*DEEDS, *self.troubles)
        self._bag = self._bag or self._random.sample(deeds, len(deeds))
        deed = self._bag[-1]
        if isinstance(deed, Trouble):
            done = self._begin_trouble(deed)
        elif deed in (KILL, STOP):
            done = self._harm_worker(deed)
        else:
            done = self._harm_supervisor(deed)
        if done:
            self._bag.pop()
        return done

    def _begin_trouble(self, trouble: Trouble) -> bool:
        """A supervisor that starts needs its store: trouble comes when all have a worker."""
        if not all(self._workers_of(supervisor) for supervisor in self._supervisors):
            return False
        self._trouble.close()
        self.tally.troubles[trouble.name] += 1
        self._trouble.enter_context(trouble.begin(self.place, self.study))
        lasts = self._random.uniform(0.2, 1.5 * self.study.lease_seconds)
        self._trouble_ends = time.monotonic() + lasts
        return True

    def _harm_worker(self, deed: str) -> bool:
        """Kill or stop a worker that has had a trial: of those that had none, three end it all."""
        busy = {a.worker_id for a in self._ask(lambda: attempts(self.place.store, self.study))}
        there = [
            pid for s in self._supervisors for pid, name in self._workers_of(s) if name in busy
        ]
        if not there:
            return False
        pid = self._random.choice(there)
        self.tally.deeds[deed] += 1
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL if deed == KILL else signal.SIGSTOP)
        if deed == STOP:
            asleep = self._random.uniform(0.2, 2 * self.study.lease_seconds)
            self._stopped[pid] = time.monotonic() + asleep
        return True

    def _harm_supervisor(self, deed: str) -> bool:
        there = [s for s in self._supervisors if s not in self._harmed and self._workers_of(s)]
        if not there:
            return False
        supervisor = self._random.choice(there)
        self.tally.deeds[deed] += 1
        self._harmed.add(supervisor)
        supervisor.send(signal.SIGKILL if deed == KILL_SUPERVISOR else signal.SIGTERM)
        return True

    def _workers_of(self, supervisor: Child) -> list[tuple[int, str]]:
        """Process ids and names of a supervisor's workers that have reached the store."""
        records = self._ask(lambda: workers.list_workers(self.place.store, self.study))
        known = {record.pid: record.worker_id for record in records}
        try:
            children = psutil.Process(supervisor.pid).children()
        except psutil.NoSuchProcess:
            return []
        return [(child.pid, known[child.pid]) for child in children if child.pid in known]

    def _continue(self, now: float) -> None:
        for pid in [pid for pid, until in self._stopped.items() if until <= now]:
            del self._stopped[pid]
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _replace_dead(self) -> None:
        if self._troubled:
            return
        for place, supervisor in enumerate(self._supervisors):
            code = supervisor.poll()
            if code is not None and self._state() == studies.RUNNING:
                self._check_end(supervisor, code)
                self._supervisors[place] = self._start()

    def _check_end(self, supervisor: Child, code: int) -> None:
        """Only who was harmed may end before the study does."""
        harmed = supervisor in self._harmed
        over = self._state() != studies.RUNNING
        allowed = (SENT_AWAY, -signal.SIGKILL) if harmed else ()
        if code not in allowed and not (over and code == 0):
            self.tally.faults.append(f"a supervisor ended with {code}: {supervisor}")

    def _count(self) -> Tally:
        """Check every promise, from what is left."""
        store, tally, study = self.place.store, self.tally, self.study
        records = trials.list_trials(store, study)
        tally.trials = Counter(t.state for t in records)
        tally.failures = Counter(t.failure.kind for t in records if t.failure)
        if [t.number for t in records] != list(range(study.budget)):
            tally.faults.append(f"numbers {[t.number for t in records]}")
        if self.bad_code is not None:
            tally.bad_code = Counter(self.bad_code.among(study.budget))
        every, written = attempts(store, study), epochs(store, study)
        if not self._sated():
            tally.faults.append(f"only {tally.events} events took place")
        for t in records:
            mine = [a for a in every if a.number == t.number]
            self._count_trial(t, mine, [e for e in written if e.number == t.number])
        self._count_processes()
        self._count_files(records)
        return tally

    def _count_trial(self, record: Any, mine: list[Any], written: list[Any]) -> None:
        tally, number = self.tally, record.number
        tally.epochs += len(written)
        tally.returns += sum(a.ended_as == "returned" for a in mine)
        tally.take_overs += sum(a.ended_as == "lost" for a in mine)
        fault = self._judge(record)
        if fault and _was_given_up(record, mine):
            tally.given_up += 1
        elif fault:
            tally.faults.append(fault)
        elif record.state == "complete":
            length = record.hyperparameters["epochs"]
            tally.lost += len(set(range(1, length + 1)) - {e.epoch for e in written})
            if [e.epoch for e in written] != list(range(1, length + 1)):
                tally.faults.append(f"trial {number} has epochs {[e.epoch for e in written]}")
        if [a.token for a in mine] != list(range(1, len(mine) + 1)):
            tally.faults.append(f"trial {number} has tokens {[a.token for a in mine]}")
        for fault in _double_runs(mine, written):
            tally.doubled += 1
            tally.faults.append(f"trial {number}: {fault}")
        if lease(self.place.store, self.study, number).state != "ended":
            tally.faults.append(f"the lease of trial {number} has not ended")

    def _judge(self, record: Any) -> str | None:
        if self.bad_code is not None:
            return self.bad_code.fault(record)
        fine = record.state == "complete" and record.value is not None and record.failure is None
        return None if fine else f"trial {record.number} is {record.state}: {record.failure}"

    def _count_processes(self) -> None:
        """No worker is left, whatever happened to its supervisor."""
        records = workers.list_workers(self.place.store, self.study)
        self.tally.processes = len(records)
        with suppress(AssertionError):
            poll(lambda: not any(map(_lives, records)), LAST_END)
        self.tally.faults += [f"worker {r.pid} still lives" for r in records if _lives(r)]

    def _count_files(self, records: list[Any]) -> None:
        """Models that trials point to are left; of the rest, what `tuner gc` will remove."""
        artifacts = Artifacts(self.study.spec["artifacts"], self.study)
        left = {*artifacts.files(older_than=0.0), *map(str, artifacts.drafts(older_than=0.0))}
        left -= {t.model for t in records}
        moments = self.place.folder / "moments"
        unknown = {str(path) for path in moments.iterdir()} if moments.exists() else set()
        unknown -= {str(path) for path in scratch.left(moments, older_than=0.0)}
        self.tally.faults += [f"left behind: {Path(name).name}" for name in sorted(left | unknown)]


def _was_given_up(record: Any, mine: list[Any]) -> bool:
    """Whether a trial lost all the workers that it may lose: a slow machine may see to that."""
    if record.failure is None or record.failure.kind != "lost":
        return False
    return [a.ended_as for a in mine[-MAX_LOSSES:]] == ["lost"] * MAX_LOSSES


def _lives(record: Any) -> bool:
    """Whether a worker's process is there, and no later one of its number."""
    try:
        process = psutil.Process(record.pid)
        return process.status() != psutil.STATUS_ZOMBIE and (
            process.create_time() <= record.started_at
        )
    except psutil.NoSuchProcess:
        return False


def _double_runs(mine: list[Any], written: list[Any]) -> list[str]:
    faults = []
    for one, other in pairwise(mine):
        if one.ended_at is None or one.ended_at > other.started_at:
            faults.append(f"attempt {other.token} began before attempt {one.token} had ended")
        if one.ended_as not in ("lost", "returned"):
            faults.append(f"attempt {one.token} ended as {one.ended_as}, and there is another")
    spans = {a.token: (a.started_at, a.ended_at) for a in mine}
    for epoch in written:
        start, end = spans.get(epoch.token, (1.0, 0.0))
        if not start <= epoch.recorded_at <= (end or start):
            faults.append(f"epoch {epoch.epoch} was written outside of attempt {epoch.token}")
    return faults

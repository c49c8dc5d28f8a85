"""A monkey that kills, stops, terminates and starts workers at random until a study has ended.

What it did and what became of it is counted from the store alone: see ``Tally``.
"""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from storage import overview, studies, trials
from storage.leases import MAX_LOSSES
from storage.studies import Study
from tests.support.nursery import Child
from tests.support.working import Workplace, attempts, epochs, lease

POLL = 0.02  # seconds
AHEAD = 20  # trials that must be left while there are kills to do
DEEDS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP)


@dataclass
class Tally:
    """What happened to a study.

    Attributes:
        trials: How many there are, and how many ended in each state.
        signals: What the monkey sent, by name.
        take_overs: Attempts that went on with a trial of another worker's.
        returns: Attempts whose worker was sent away and left its last epoch behind.
        epochs: That were written.
        repeated: Epochs that had been reported and were trained again.
        lost: Epochs missing in the curve of a trial.
        doubled: Attempts at one trial that overlapped, or epochs written by a worker that had
            lost its lease.
        given_up: Trials that lost as many workers in a row as a trial may, and ended so.
        seconds: From the first worker's start to the last one's end.
        faults: What broke a promise, one line each.
    """

    trials: Counter[str] = field(default_factory=Counter)
    signals: Counter[str] = field(default_factory=Counter)
    take_overs: int = 0
    returns: int = 0
    epochs: int = 0
    repeated: int = 0
    lost: int = 0
    doubled: int = 0
    given_up: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


@dataclass
class Monkey:
    """Torments the workers of a study.

    Args:
        workers: How many there are at a time.
        seed: Of everything it does.
        pause: Mean seconds between two deeds.
        kills: After so many it does no harm any more, and until then the study is extended;
            None for as many as the study lasts.
    """

    place: Workplace
    study: Study
    workers: int = 4
    seed: int = 0
    pause: float = 1.2
    kills: int | None = None
    tally: Tally = field(default_factory=Tally)

    def run(self, timeout: float) -> Tally:
        """Torment until the study has ended, then count."""
        begun = time.monotonic()
        self._random = random.Random(self.seed)
        self._stopped: dict[Child, float] = {}
        self._bag: list[signal.Signals] = []
        living = [self.place.worker(self.study) for _ in range(self.workers)]
        next_deed = begun + self.pause
        while studies.refresh(self.place.store, self.study).state == studies.RUNNING:
            now = time.monotonic()
            assert now < begun + timeout, f"not finished after {timeout} s: {self.tally}"
            self._continue(now)
            living = [self._replace_dead(worker) for worker in living]
            if now >= next_deed and not self._sated():
                self._do(self._random.choice(living))
                self._prolong()
                next_deed = now + self._random.expovariate(1 / self.pause)
            time.sleep(POLL)
        self._continue(float("inf"))
        for worker in living:
            assert worker.wait() in (0, -signal.SIGKILL, -signal.SIGTERM), worker
        self.tally.seconds = time.monotonic() - begun
        return self._count()

    def _prolong(self) -> None:
        """Where kills were asked for, the study lasts until they are done."""
        store, study = self.place.store, self.study
        unstarted = overview.status(store, study).trials.unstarted
        if self.kills is not None and not self._sated() and unstarted < AHEAD:
            self.study = studies.extend(store, study, by=AHEAD)

    def _sated(self) -> bool:
        return self.kills is not None and self.tally.signals["SIGKILL"] >= self.kills

    def _do(self, worker: Child) -> None:
        """One deed: every other one kills."""
        self._bag = self._bag or self._random.sample(DEEDS, len(DEEDS))
        number = signal.SIGKILL if worker in self._stopped else self._bag.pop()
        worker.send(number)
        self.tally.signals[number.name] += 1
        if number is signal.SIGSTOP:
            asleep = self._random.uniform(0.2, 2 * self.study.lease_seconds)
            self._stopped[worker] = time.monotonic() + asleep
        if number is signal.SIGKILL:
            self._stopped.pop(worker, None)
            worker.wait()
            self._note_repeats(worker)

    def _note_repeats(self, worker: Child) -> None:
        """What a dead worker reported after its last checkpoint will be trained again."""
        for row in _leased(self.place, self.study, worker.name):
            kept = json.loads(row.checkpoints or "[]")
            self.tally.repeated += row.epoch - (kept[0]["epoch"] if kept else 0)

    def _continue(self, now: float) -> None:
        for worker in [w for w, until in self._stopped.items() if until <= now]:
            del self._stopped[worker]
            worker.send(signal.SIGCONT)

    def _replace_dead(self, worker: Child) -> Child:
        if worker.poll() is None:
            return worker
        # 0: sent away, or the study has just ended. Before it could listen, SIGTERM kills.
        assert worker.returncode in (0, -signal.SIGKILL, -signal.SIGTERM), (
            worker.returncode,
            worker,
        )
        return self.place.worker(self.study)

    def _count(self) -> Tally:
        """Check every promise, from the store alone."""
        store, tally, study = self.place.store, self.tally, self.study
        records = trials.list_trials(store, study)
        tally.trials = Counter(t.state for t in records)
        if [t.number for t in records] != list(range(study.budget)):
            tally.faults.append(f"numbers {[t.number for t in records]}")
        for t in records:
            if self._was_given_up(t):
                tally.given_up += 1
                continue
            if not _ended(t):
                tally.faults.append(f"trial {t.number} is {t.state}: {t.failure}")
            self._count_trial(t.number, t.hyperparameters.get("epochs", 0))
        tally.faults += [f"left behind: {name}" for name in self.place.files(study, "checkpoints")]
        pointed = {t.model.rpartition("/")[2] for t in records if t.model}
        strays = set(self.place.files(study, "models")) - pointed
        tally.faults += [f"a model of nobody's: {name}" for name in strays]
        return tally

    def _was_given_up(self, record: Any) -> bool:
        """Whether a trial lost all the workers that it may lose: a slow machine may see to that."""
        if record.failure is None or record.failure.kind != "lost":
            return False
        mine = [a for a in attempts(self.place.store, self.study) if a.number == record.number]
        return [a.ended_as for a in mine[-MAX_LOSSES:]] == ["lost"] * MAX_LOSSES

    def _count_trial(self, number: int, length: int) -> None:
        tally = self.tally
        mine = [a for a in attempts(self.place.store, self.study) if a.number == number]
        written = [e for e in epochs(self.place.store, self.study) if e.number == number]
        tally.epochs += len(written)
        tally.returns += sum(a.ended_as == "returned" for a in mine)
        tally.take_overs += sum(a.ended_as == "lost" for a in mine)
        missing = set(range(1, length + 1)) - {e.epoch for e in written}
        tally.lost += len(missing)
        if missing or len(written) != length:
            tally.faults.append(f"trial {number} has epochs {[e.epoch for e in written]}")
        if [a.token for a in mine] != list(range(1, len(mine) + 1)):
            tally.faults.append(f"trial {number} has tokens {[a.token for a in mine]}")
        for fault in _double_runs(mine, written):
            tally.doubled += 1
            tally.faults.append(f"trial {number}: {fault}")
        if lease(self.place.store, self.study, number).state != "ended":
            tally.faults.append(f"the lease of trial {number} has not ended")


def _ended(record: Any) -> bool:
    return record.state == "complete" and record.value is not None and record.failure is None


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


def _leased(place: Workplace, study: Study, worker_id: str) -> list[Any]:
    """The leases that a worker had when it died."""
    rows = [lease(place.store, study, t.number) for t in trials.list_trials(place.store, study)]
    return [row for row in rows if row.worker_id == worker_id and row.state == "leased"]

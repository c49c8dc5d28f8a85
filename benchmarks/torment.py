"""A server that is tormented while `tuner launch` works on a study and a dashboard shows it.

    python -m benchmarks.torment
    python -m benchmarks.torment --cut 20 --read-only 20 --workers 2

Every connection to PostgreSQL is terminated in a loop, then the database is read-only, then the
server crashes and starts again. Prints what became of it; exits with 1 if a process died or a
trial is not as it should be.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil

from storage import overview, studies, study_states, trials, workers
from storage.database import url as urls
from storage.database.engine import Store, open_store
from storage.errors import StoreError
from storage.studies import Study
from tests.support.polling import poll
from tests.support.postgresql import postgresql_server
from tests.support.servers import DatabaseServer, free_port
from tests.support.trouble import make_read_only, terminate
from tests.support.working import attempts, epochs
from tuner.workers.exit_codes import URL_VARIABLE

NAME, EPOCHS = "tormented", 20
AHEAD = 40
START = 300.0  # seconds
END = 600.0  # seconds for the trials that are left
PAUSE = 0.02  # seconds between two rounds of terminations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cut", type=float, default=120.0, help="seconds of cut connections")
    parser.add_argument("--read-only", type=float, default=60.0, help="seconds")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--trials", type=int, default=AHEAD, help="left while the torment lasts")
    parser.add_argument("--smoke", action="store_true", help="a second of each, one worker")
    options = parser.parse_args()
    if options.smoke:
        options.cut = options.read_only = 1.0
        options.workers, options.trials = 1, 4
    with (
        tempfile.TemporaryDirectory(prefix="torment-") as name,
        postgresql_server() as server,
        server.database() as url,
    ):
        faults = Torment(Path(name), server, url, options).run()
    for fault in faults:
        print(f"BROKEN: {fault}")
    sys.exit(1 if faults else 0)


class Torment:
    """One study, its processes, and what is done to its server."""

    def __init__(
        self, folder: Path, server: DatabaseServer, url: str, options: argparse.Namespace
    ) -> None:
        self._folder, self._server, self._url, self._options = folder, server, url, options
        self._port = free_port()
        self._rounds = 0
        self._faults: list[str] = []

    def run(self) -> list[str]:
        size = ("--trials", str(self._options.trials), "--set", f"epochs={EPOCHS}")
        launch = self._start(
            *("launch", "mlp", "--data", "digits", "--study", NAME, *size),
            *("--workers", str(self._options.workers), "--threads", "1", "--pruner", "none"),
        )
        with closing(self._opened()) as store:
            study = poll(lambda: studies.find(store, NAME), START)
            dashboard = self._start("dashboard", "--port", str(self._port))
            poll(lambda: len(self._alive(store, study)) == self._options.workers, START)
            poll(self._answers, START)
            before = self._processes(launch, dashboard)
            self._for(self._options.cut, store, study, self._cut)
            make_read_only(store.url)
            self._for(self._options.read_only, store, study, lambda: time.sleep(1))
            make_read_only(store.url, False)
            self._server.restart(crash=True)
            poll(lambda: self._alive(store, study), START)
            after = self._processes(launch, dashboard)
            if after != before:
                self._faults.append(f"processes {before} became {after}")
            code = launch.wait(END)
            if code:
                self._faults.append(f"launch ended with {code}: {self._said('launch')}")
            if not self._answers():
                self._faults.append("the dashboard does not answer")
            dashboard.terminate()
            dashboard.wait(30)
            self._count(store, studies.refresh(store, study))
        return self._faults

    def _start(self, *words: str) -> subprocess.Popen[Any]:
        with (self._folder / words[0]).open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "tuner", *words],
                env={**os.environ, URL_VARIABLE: self._url},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _opened(self) -> Store:
        return open_store(self._url)

    def _said(self, name: str) -> str:
        return (self._folder / name).read_text(errors="replace")[-500:]

    def _alive(self, store: Store, study: Study) -> list[str]:
        known = workers.list_workers(store, study)
        return [w.worker_id for w in known if w.state == "alive" and w.trial is not None]

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/api/studies") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _processes(self, *started: subprocess.Popen[Any]) -> list[int]:
        found = [psutil.Process(p.pid) for p in started if p.poll() is None]
        children = [c for p in found for c in p.children() if c.status() != psutil.STATUS_ZOMBIE]
        return sorted(p.pid for p in (*found, *children))

    def _for(self, seconds: float, store: Store, study: Study, do: Callable[[], object]) -> None:
        """Does something again and again; the study is prolonged as long as that lasts."""
        over = time.monotonic() + seconds
        looked = 0.0
        while time.monotonic() < over:
            do()
            if time.monotonic() > looked + 2:
                looked = time.monotonic()
                self._answers()
                try:
                    if overview.status(store, study).trials.unstarted < self._options.trials:
                        study_states.extend(store, study, by=self._options.trials)
                except StoreError:
                    continue

    def _cut(self) -> None:
        terminate(urls.parse(self._url))
        self._rounds += 1
        time.sleep(PAUSE)

    def _count(self, store: Store, study: Study) -> None:
        """Looks at every promise, from the store alone."""
        records = trials.list_trials(store, study)
        if [t.number for t in records] != list(range(study.budget)):
            self._faults.append(f"numbers {[t.number for t in records]}")
        states = Counter(t.state for t in records)
        if set(states) - {"complete"}:
            self._faults.append(f"trials ended as {states}: {[t.failure for t in records]}")
        written = [(e.number, e.epoch) for e in epochs(store, study)]
        if written != [(n, e) for n in range(study.budget) for e in range(1, EPOCHS + 1)]:
            self._faults.append(f"{len(written)} epochs of {study.budget} trials of {EPOCHS}")
        ended = Counter(a.ended_as for a in attempts(store, study))
        known = len(workers.list_workers(store, study))
        print(f"rounds of terminations {self._rounds}")
        print(f"trials                 {study.budget} {dict(states)}")
        print(f"attempts               {dict(ended)}")
        print(f"epochs                 {len(written)}")
        print(f"worker processes       {known} of {self._options.workers}")


if __name__ == "__main__":
    main()

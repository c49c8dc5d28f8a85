"""What an open page costs: our dashboard beside the stock command, on one store, at one time.

    python -m benchmarks.dashboard
    python -m benchmarks.dashboard --trials 1000 --polls 2 --no-browser

Both are asked as their own page asks them, every ten seconds: while nothing happens, while trials
end, and while trials end behind one that was begun first and will never end. Prints the server's
CPU time and bytes of content for each poll and for opening the study, and, of Chromium, how long
until all learning curves are drawn.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa
from optuna.trial import TrialState

from storage import studies
from storage.database import schema
from storage.database.engine import Store, open_store
from storage.studies import Study
from tests.support import bulk_studies, study_history
from tests.support.browser import Page, chromium
from tests.support.trials import begin, complete, enter

EPOCHS = 20  # of every trial
BETWEEN = 10.5  # seconds from poll to poll; the stock dashboard reads the store every ten
WORKERS = {"past": "the worker of past", "zombie": "the worker of zombie"}
PATIENCE = 600.0  # seconds for a page to draw
NOT_MODIFIED = 304
GOALS = {"CPU": 10.0, "bytes": 5.0}  # how many times less than the stock command
CURVES = "document.querySelectorAll('#graph-intermediate-values .scatterlayer .trace').length"
TICKS = os.sysconf("SC_CLK_TCK")  # a second


@dataclass
class Server:
    """A dashboard, and what its page knows."""

    name: str
    pid: int
    url: str
    cursor: str = ""
    cached: tuple[str, str, str] = ("", "", "")  # by the browser: path, cursor, tag
    unended: int = 0  # number of the first trial that had not ended
    trials: dict[int, str] = field(default_factory=dict)  # states

    def cpu(self) -> float:
        """Seconds of CPU that the process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def forget(self) -> None:
        """As a page that was just opened."""
        self.cursor, self.cached, self.unended, self.trials = "", ("", "", ""), 0, {}

    def poll(self, study: Study) -> tuple[float, int]:
        """Asks as the page does; returns seconds of CPU and bytes on the wire."""
        before = self.cpu()
        headers = {"Accept-Encoding": "gzip"}
        if self.cursor:
            headers["Tuner-Cursor"] = self.cursor
        path = f"/api/studies/{study.study_id}?after={self.unended}"
        if self.cached[:2] == (path, self.cursor) and self.cached[2]:
            headers["If-None-Match"] = self.cached[2]
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        self.cached = path, self.cursor, answer.getheader("ETag") or ""
        if answer.status == NOT_MODIFIED:
            return self.cpu() - before, len(body)
        self._take_in(body, packed=answer.getheader("Content-Encoding") == "gzip")
        return self.cpu() - before, len(body)

    def _take_in(self, body: bytes, *, packed: bool) -> None:
        detail = json.loads(gzip.decompress(body) if packed else body)
        self.trials |= {trial["number"]: trial["state"] for trial in detail["trials"]}
        self.cursor = detail.get("tuner", {}).get("cursor", "")
        going = [n for n, state in self.trials.items() if state in ("Running", "Waiting")]
        self.unended = min(going, default=len(self.trials))


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--polls", type=int, default=4, help="in each situation")
    parser.add_argument("--no-browser", action="store_true")
    parser.add_argument("--between", type=float, default=BETWEEN, help="seconds between two polls")
    parser.add_argument("--smoke", action="store_true", help="few trials, one poll, no waiting")
    options = parser.parse_args(words)
    if options.smoke:
        options.trials, options.polls, options.between = 5, 1, 0.0
    with tempfile.TemporaryDirectory(prefix="dashboard-") as name:
        url = f"sqlite:///{name}/store.db"
        store = open_store(url)
        study, other = (past(store, name, options.trials) for name in ("past", "zombie"))
        revive(store, other)
        print(f"{options.trials} trials of {EPOCHS} epochs; stock and ours: CPU and bytes")
        with ExitStack() as stack:
            servers = [stack.enter_context(serving(kind, url)) for kind in ("stock", "ours")]
            compare("open", [[server.poll(study)] for server in servers], goals={})
            quiet = situation(store, study, servers, options, ends=False)
            compare("nothing happens", quiet)
            compare("a trial ends", situation(store, study, servers, options))
            for server in servers:
                server.forget()
                server.poll(other)
            compare("and trial 0 never does", situation(store, other, servers, options))
            if not options.no_browser:
                draw(servers, study, Path(name))
        store.close()


def past(store: Store, name: str, trials: int) -> Study:
    """A study with so many trials that have ended, and a worker."""
    bulk_studies.EPOCHS = EPOCHS
    study = studies.create(store, name=name, spec=study_history.SPEC, budget=trials + 1000)
    bulk_studies.fill(store, study, finished=trials)
    enter(store, study, WORKERS[name])
    return study


def revive(store: Store, study: Study) -> None:
    """Makes the first trial one that never ends."""
    optuna, lease = schema.optuna_trials, schema.leases
    first = sa.select(sa.func.min(optuna.c.trial_id)).where(optuna.c.study_id == study.study_id)
    with store.write() as c:
        trial_id = c.execute(first).scalar_one()
        c.execute(
            optuna.update()
            .where(optuna.c.trial_id == trial_id)
            .values(state=TrialState.RUNNING, datetime_complete=None)
        )
        c.execute(
            lease.update()
            .where(lease.c.trial_id == trial_id)
            .values(state="leased", expires_at=store.now + 3600.0)
        )


def situation(
    store: Store,
    study: Study,
    servers: list[Server],
    options: argparse.Namespace,
    *,
    ends: bool = True,
) -> list[list[tuple[float, int]]]:
    """Polls all servers a few times; with ``ends`` one trial ends between two polls."""
    costs: list[list[tuple[float, int]]] = [[] for _ in servers]
    for _ in range(options.polls):
        time.sleep(options.between)
        if ends:
            losses = [1.0 / epoch for epoch in range(2, EPOCHS + 2)]
            complete(store, begin(store, study, WORKERS[study.name]), losses)
        for server, found in zip(servers, costs, strict=True):
            found.append(server.poll(study))
    return costs


def compare(
    what: str, costs: list[list[tuple[float, int]]], goals: Mapping[str, float] = GOALS
) -> None:
    """Prints the means and their ratios."""
    (cpu, size), (our_cpu, our_size) = (
        [sum(column) / len(found) for column in zip(*found, strict=True)] for found in costs
    )
    our_cpu = max(our_cpu, 1 / TICKS / len(costs[1]))  # cannot be seen finer
    print(
        f"{what:24} CPU {cpu:7.3f} s {our_cpu:7.3f} s  {told(cpu / our_cpu, goals.get('CPU'))}"
        f"   bytes {size:10.0f} {our_size:8.0f}  {told(size / our_size, goals.get('bytes'))}",
        flush=True,
    )


def told(ratio: float, goal: float | None) -> str:
    """A ratio, and whether it is as good as was asked."""
    text = f"1/{ratio:<7.1f}"
    if goal is None:
        return f"{text} {'':12}"
    return f"{text} {'reached' if ratio >= goal else 'missed'} 1/{goal:<3.0f}"


def draw(servers: list[Server], study: Study, folder: Path) -> None:
    """Prints how long a fresh browser takes until every curve is drawn."""
    seconds = []
    for server in servers:
        with chromium(folder / server.name) as browser, browser.tab() as page:
            seconds.append(drawn(page, server, study))
    print(
        f"curves drawn after        {seconds[0]:7.1f} s {seconds[1]:7.1f} s  "
        f"1/{seconds[0] / seconds[1]:.1f}"
    )


def drawn(page: Page, server: Server, study: Study) -> float:
    begun = time.monotonic()
    ended = sum(state in ("Complete", "Pruned") for state in server.trials.values())
    page.open(f"{server.url}dashboard/studies/{study.study_id}")
    while page.evaluate(CURVES) < ended:
        if time.monotonic() > begun + PATIENCE:
            raise TimeoutError(f"{server.name}: {page.evaluate(CURVES)} of {ended} curves")
        time.sleep(0.2)
    return time.monotonic() - begun


@contextmanager
def serving(kind: str, url: str) -> Iterator[Server]:
    """A dashboard in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    programs = {
        "stock": ["optuna-dashboard", url, "--port", str(port), "--quiet"],
        "ours": ["tuner", "dashboard", "--storage", url, "--port", str(port)],
    }
    command = [str(Path(sys.executable).with_name(programs[kind][0])), *programs[kind][1:]]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(port, process)
        yield Server(kind, process.pid, f"http://127.0.0.1:{port}/")
    finally:
        process.terminate()
        process.wait()


def wait(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"Expected a dashboard on port {port}. Received: it ended.")


if __name__ == "__main__":
    main()

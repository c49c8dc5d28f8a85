"""What a trial costs in the store, beside what Optuna's own storage costs in the same run.

    python -m benchmarks.store
    python -m benchmarks.store --quick

Prints medians in milliseconds as "Optuna / ours" and their ratio (above 1: ours is faster) for
studies with a long past and with trials that never ended, with one process and with four; once for
trials that we train, and once for those that an objective function asks and reports to.
PostgreSQL is the server of TEST_DATABASE_URL, else a private one. The sampler is the random one,
except for a new worker's first trial: there TPE has to read the whole study.
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import statistics
import tempfile
import time
import uuid
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import optuna
from rich.console import Console
from rich.table import Table

from benchmarks.storing import CONTENDERS, Contender
from tests.support.postgresql import postgresql_server
from tests.support.servers import Unavailable

FIRST, BEGIN, MEDIAN, ASHA, END = (
    "first trial of a worker",
    "begin",
    "epoch, median",
    "epoch, asha",
    "end",
)
EPOCHS = 10
OURS = ("ours", "our objective")  # among the contenders
GROWTH = 1.5  # what 10,000 finished and 500 dead trials may cost beside none, at most
FIRST_LIMIT = 2000.0  # milliseconds until a new worker has its first trial

Times = dict[str, list[float]]  # milliseconds of every call, by step
Urls = Callable[[], str]

_gate: Any = None  # all processes begin to measure together


@dataclass(frozen=True, kw_only=True)
class Case:
    """A study's past, and how many work on it."""

    store: str
    finished: int
    dead: int
    processes: int


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small part of it, in a minute")
    parser.add_argument("--trials", type=int, default=12, help="of each process")
    parser.add_argument("--storage", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--smoke", action="store_true", help="two trials beside hardly a past")
    options = parser.parse_args(words)
    kinds = options.storage or ["sqlite", "postgresql"]
    sizes = (
        ((0, 1_000), (0, 500), (1,)) if options.quick else ((0, 1_000, 10_000), (0, 500), (1, 4))
    )
    pasts = list(product(*sizes))
    if options.smoke:
        pasts, options.trials = [(0, 0, 1), (3, 2, 1)], 2
    results: dict[Case, dict[str, Times]] = {}
    with ExitStack() as stack:
        for kind in kinds:
            try:
                urls = stack.enter_context(databases(kind))
            except Unavailable as e:
                print(f"{kind} is not measured: {e}")
                continue
            for finished, dead, processes in pasts:
                case = Case(store=kind, finished=finished, dead=dead, processes=processes)
                results[case] = measure(case, urls, options.trials)
                print(f"{case} measured", flush=True)
    show(results)


@contextmanager
def databases(kind: str) -> Iterator[Urls]:
    """Gives URLs of empty databases."""
    with ExitStack() as stack:
        if kind == "postgresql":
            server = stack.enter_context(postgresql_server())
            yield lambda: stack.enter_context(server.database())
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="store-")))
            yield lambda: f"sqlite:///{folder / uuid.uuid4().hex}.db"


def measure(case: Case, urls: Urls, trials: int) -> dict[str, Times]:
    """Lets both contenders work in turns, each on a new database."""
    addresses = {name: urls() for name in CONTENDERS}
    for name, url in addresses.items():
        CONTENDERS[name].prepare(url, finished=case.finished, dead=case.dead)
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.storing"])
    times: dict[str, Times] = {name: defaultdict(list) for name in CONTENDERS}
    with ProcessPoolExecutor(
        case.processes,
        mp_context=context,
        initializer=_meet,
        initargs=(context.Barrier(case.processes),),
    ) as pool:
        for run in [pool.submit(work, addresses, trials) for _ in range(case.processes)]:
            for name, spent in run.result().items():
                for step, milliseconds in spent.items():
                    times[name][step] += milliseconds
    return times


def _meet(gate: Any) -> None:
    global _gate
    _gate = gate
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def work(addresses: dict[str, str], trials: int) -> dict[str, Times]:
    """One process: trial by trial, in turns, together with the other processes."""
    times: dict[str, Times] = {name: defaultdict(list) for name in CONTENDERS}
    contenders = {}
    for name, url in addresses.items():
        _gate.wait()
        contenders[name] = first(CONTENDERS[name], url, times[name])
    for number in range(trials):
        # One rule after the other: a study has one, and ours remembers where it decides.
        rule = ("median", MEDIAN) if number < trials / 2 else ("asha", ASHA)
        for name, contender in contenders.items():
            _gate.wait()
            trial(contender, number, times[name], *rule)
    return {name: dict(spent) for name, spent in times.items()}


def first(contender: type[Contender], url: str, times: Times) -> Contender:
    """What a new worker does until its first trial may begin."""
    with timed(times, FIRST):
        opened = contender(url)
        opened.begin(optuna.samplers.TPESampler(seed=1, group=True))
    opened.end(0.5)
    return opened


def trial(contender: Contender, number: int, times: Times, pruner: str, step: str) -> None:
    """One trial with ten epochs."""
    with timed(times, BEGIN):
        contender.begin(optuna.samplers.RandomSampler(seed=number))
    for epoch in range(1, EPOCHS + 1):
        with timed(times, step):
            contender.epoch(epoch, 1 / epoch, pruner)
    with timed(times, END):
        contender.end(1 / EPOCHS)


@contextmanager
def timed(times: Times, step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    times[step].append(1000 * (time.perf_counter() - start))


def show(results: dict[Case, dict[str, Times]]) -> None:
    console = Console(width=150)
    table = Table(title="milliseconds: Optuna / ours (ratio)", title_justify="left")
    steps = (FIRST, BEGIN, MEDIAN, ASHA, END)
    for column in ("store", "finished", "dead", "processes", "who", *steps):
        table.add_column(column, justify="left" if column in ("store", "who") else "right")
    for case, times in results.items():
        for name in OURS:
            cells = [cell(times, step, name) for step in steps]
            table.add_row(*map(str, vars(case).values()), name, *cells)
    console.print(table)
    for line in verdicts(results):
        console.print(line)


def cell(times: dict[str, Times], step: str, name: str) -> str:
    theirs, ours = (statistics.median(times[who][step]) for who in ("Optuna", name))
    return f"{theirs:.1f} / {ours:.1f} ({theirs / ours:.1f})"


def verdicts(results: dict[Case, dict[str, Times]]) -> Iterator[str]:
    """What was measured beside what was promised."""
    for name in OURS:
        ratio, step, case = min(
            (
                statistics.median(times["Optuna"][step]) / statistics.median(times[name][step]),
                step,
                case,
            )
            for case, times in results.items()
            if not case.finished + case.dead
            for step in (BEGIN, MEDIAN, ASHA, END)
        )
        yield f"Empty study, {name}: at worst {ratio:.2f} times as fast as Optuna ({step}, {case})"
    for case, times in results.items():
        empty = Case(store=case.store, finished=0, dead=0, processes=case.processes)
        if case.finished == max(c.finished for c in results) and case.dead:
            for step in (BEGIN, MEDIAN, ASHA, END):
                now = statistics.median(times["ours"][step])
                then = statistics.median(results[empty]["ours"][step])
                verdict = "within" if now <= GROWTH * then else "ABOVE"
                yield f"{case}, {step}: {now / then:.2f} of its cost at none, {verdict} {GROWTH}"
            first = max(times["ours"][FIRST])
            verdict = "within" if first < FIRST_LIMIT else "ABOVE"
            yield f"{case}, {FIRST}: {first:.0f} ms, {verdict} {FIRST_LIMIT:.0f}"


if __name__ == "__main__":
    main()

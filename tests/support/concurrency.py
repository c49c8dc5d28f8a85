"""Let several processes do the same thing at the same moment."""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any

from tests.support import crash_worker
from tests.support.polling import PATIENCE


def forked(*modules: str) -> ForkServerContext:
    """Processes that need not import what most of ours do: forked from one that has.

    Args:
        modules: What it imports besides, where it is not there yet.
    """
    context = mp.get_context("forkserver")
    context.set_forkserver_preload([crash_worker.__name__, *modules])
    return context


def race(function: Callable[..., Any], *arguments: Any, processes: int) -> list[str | None]:
    """Call a function in new processes which all start it together.

    Args:
        function: importable by name, so that a fresh process finds it.
        arguments: what each of them passes to it; must pickle.
        processes: how many.

    Returns:
        For each process ``None``, or the exception that the function raised, as text.
    """
    fresh = forked(function.__module__)
    gate = fresh.Barrier(processes)
    results: Queue[str | None] = fresh.Queue()
    runners = [
        fresh.Process(target=_run, args=(gate, results, function, arguments), daemon=True)
        for _ in range(processes)
    ]
    for runner in runners:
        runner.start()
    outcomes = [results.get(timeout=PATIENCE) for _ in runners]
    for runner in runners:
        runner.join()
    return outcomes


def _run(
    gate: Barrier,
    results: Queue[str | None],
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> None:
    try:
        gate.wait(PATIENCE)
        function(*arguments)
    except BaseException as error:  # whatever it is, the test shall see it
        results.put(f"{type(error).__name__}: {error}")
    else:
        results.put(None)

"""What checkpoints cost a trial: the same trial with and without them, in turns, in one process.

    python -m benchmarks.checkpoints --pairs 8

A worker's own code trains an MLP on the digits for some 15 seconds, with a checkpoint every five
(the default) or with none. Prints the medians of the ratios of their times, by the clock and by
the processor, and how much of a trial's time is spent on taking and writing checkpoints, on any
thread: on a machine that others use the last one is the steadiest.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from storage.leases import Claim
from tests.support.fork_server import nursery
from tests.support.working import STEADY, Workplace, workplace
from tuner import training
from tuner.resources.device import Device
from tuner.studies.study_spec import StudySpec
from tuner.training import loop
from tuner.training.training_state import TrainingState
from tuner.trials.checkpoints import Checkpointer
from tuner.workers.worker import Worker

GOAL = 1.02
NEVER = 1e9  # seconds
SETS = {
    "2 x 128 units": ("layers=2", "units=128", "batch_size=32", "epochs=250"),
    "3 x 512 units": ("layers=3", "units=512", "batch_size=64", "epochs=80"),
}

_sizes: list[int] = []  # bytes of the checkpoints that were begun
_spent: list[float] = []  # seconds that each took to be taken, and to be written


class Driven(Worker):
    """A worker that trains one trial when it is told to."""

    objective: Any

    def _work(self, objective: Any) -> None:
        self.objective = objective

    def train(self) -> tuple[float, float]:
        """Claims a trial and trains it to its end; seconds by the clock and of the processor."""
        claim = self._claim(self.objective)
        assert isinstance(claim, Claim), claim
        began, used = time.perf_counter(), time.process_time()
        self._run(self.objective, claim)
        self.objective.finalizer.wait()
        return time.perf_counter() - began, time.process_time() - used


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--smoke", action="store_true", help="a pair of trials of a few epochs")
    options = parser.parse_args(words)
    pairs, interval, more = options.pairs, StudySpec.checkpoint_interval, ()
    if options.smoke:
        pairs, interval, more = 1, 0.01, ("epochs=3",)
    training.use_device(threads=1)
    _watch()
    with tempfile.TemporaryDirectory(prefix="checkpoints-") as name, nursery(Path(name)) as nest:
        url = f"sqlite:///{Path(name) / 'store.db'}"
        with workplace(url, Path(name), nest) as place:
            for kind, overrides in SETS.items():
                measure(place, kind, replaced(overrides, more), pairs, interval)


def _watch() -> None:
    """Notes what checkpoints take."""
    offer = Checkpointer.offer

    def noted(self: Checkpointer, state: TrainingState) -> None:
        _sizes.append(sum(array.nbytes for array in state.arrays.values()))
        offer(self, state)

    Checkpointer.offer = noted  # type: ignore[method-assign]
    Checkpointer._write = _timed(Checkpointer._write)  # type: ignore[method-assign]
    loop._Training._snapshot = _timed(loop._Training._snapshot)  # type: ignore[method-assign]


def _timed(function: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            _spent.append(time.perf_counter() - began)

    return timed


def measure(
    place: Workplace, kind: str, overrides: tuple[str, ...], pairs: int, interval: float
) -> None:
    """Prints how long trials take with checkpoints, beside how long without."""
    on = driven(place, f"{kind}, on", overrides, interval)
    off = driven(place, f"{kind}, off", overrides, NEVER)
    for worker in (on, off):
        worker.train()  # traces
    _sizes.clear()
    _spent.clear()
    times: dict[Driven, list[tuple[float, float]]] = {on: [], off: []}
    for pair in range(pairs):
        for worker in (on, off) if pair % 2 else (off, on):
            times[worker].append(worker.train())
    seconds = statistics.median(clock for clock, _ in times[off])
    size = statistics.median(_sizes) / 2**20
    print(f"{kind}: {seconds:.1f} s, {len(_sizes) / pairs:.1f} checkpoints of {size:.1f} MB each")
    share = 1 + sum(_spent) / sum(clock for clock, _ in times[on])
    print(f"  spent on them: {share - 1:.4f} of the time, {_verdict(share)}", flush=True)
    for index, name in enumerate(("clock", "processor")):
        ratios = [a[index] / b[index] for a, b in zip(times[on], times[off], strict=True)]
        ratio = statistics.median(ratios)
        spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
        print(f"  by the {name}: {ratio:.4f} of without ({spread}), {_verdict(ratio)}", flush=True)


def _verdict(ratio: float) -> str:
    return f"{'within' if ratio <= GOAL else 'ABOVE'} {GOAL}"


def replaced(overrides: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """Overrides, of which some give way to others of the same parameters."""
    names = {override.partition("=")[0] for override in others}
    return (*(o for o in overrides if o.partition("=")[0] not in names), *others)


def driven(place: Workplace, name: str, overrides: tuple[str, ...], interval: float) -> Driven:
    """A worker, in this process, of a study whose trials are all the same."""
    study = place.study(
        name,
        budget=1000,
        overrides=replaced(STEADY, overrides),
        lease=30.0,
        checkpoint_interval=interval,
    )
    worker = Driven(place.store, study, worker_id=str(uuid.uuid4()), device=Device(threads=1))
    worker.run()
    return worker


if __name__ == "__main__":
    main()

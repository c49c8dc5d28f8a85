"""How much memory one worker holds after 12, 40, 80, ... of many tiny trials of changing shapes.

    python -m benchmarks.memory --trials 200

Goals: at the end at most 5 % more than after 12, when most that a worker keeps may still be to
come, and no more than after 40.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from storage import overview
from tests.support.fork_server import nursery
from tests.support.working import workplace

FIRST, EVERY = 12, 40  # trials until the first look, and between the next ones
GOAL = 1.05
TINY = ("epochs=2", "batch_size=64,128,256", "units=16..64")


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--smoke", action="store_true", help="looks after 1, 2 and 4 trials")
    options = parser.parse_args(words)
    first, every, most = FIRST, EVERY, options.trials
    if options.smoke:
        first, every, most = 1, 2, 4
    sizes: dict[int, int] = {}
    for trials, size in measure(most, first, every):
        sizes[trials] = size
        ratio = size / sizes[first]
        print(f"after {trials:4} trials {size / 2**20:6.0f} MB  {ratio:5.2f}x", flush=True)
    for early in (first, every):
        verdict = "within" if size <= GOAL * sizes[early] else "ABOVE"
        print(f"{size / sizes[early]:.2f} of after {early} trials: {verdict} {GOAL}")


def measure(trials: int, first: int, every: int) -> Iterator[tuple[int, int]]:
    """Trials that a worker has ended, and its resident bytes then."""
    with tempfile.TemporaryDirectory(prefix="memory-") as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'store.db'}"
        with nursery(folder) as processes, workplace(url, folder, processes) as place:
            budget = trials + every  # the worker must still be there at the last look
            study = place.study("memory", budget=budget, overrides=TINY, lease=30.0)
            worker = place.worker(study)
            for goal in (first, *range(every, trials + 1, every)):
                while overview.count(place.store, study).ended < goal:
                    assert worker.poll() is None, worker
                    time.sleep(0.2)
                yield goal, resident(worker.pid)


def resident(pid: int) -> int:
    """Bytes that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise ProcessLookupError(pid)


if __name__ == "__main__":
    main()

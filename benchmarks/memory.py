"""How much memory one worker holds after 40, 80, ... of many tiny trials of changing shapes.

python -m benchmarks.memory --trials 200
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from storage import overview
from storage.pruning import PruningRule
from tests.support.nursery import nursery
from tests.support.working import workplace

EVERY = 40  # trials between two looks
TINY = ("epochs=2", "batch_size=64,128,256", "units=16..64")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    held = measure(parser.parse_args().trials)
    first = held[min(held)]
    for trials, size in held.items():
        print(f"after {trials:4} trials {size / 2**20:6.0f} MB  {size / first:5.2f}x", flush=True)


def measure(trials: int) -> dict[int, int]:
    """Resident bytes of a worker by how many trials it has ended."""
    held: dict[int, int] = {}
    with tempfile.TemporaryDirectory(prefix="memory-") as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'store.db'}"
        with nursery(folder) as processes, workplace(url, folder, processes) as place:
            study = place.study(
                "memory",
                budget=trials,
                overrides=TINY,
                lease=30.0,
                pruner=PruningRule(kind="none"),
            )
            worker = place.worker(study)
            while worker.poll() is None:
                ended = overview.count(place.store, study).ended
                if ended >= EVERY * (len(held) + 1):
                    held[ended] = resident(worker.pid)
                time.sleep(0.05)
            assert worker.returncode == 0, worker
    return held


def resident(pid: int) -> int:
    """Bytes that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise ProcessLookupError(pid)


if __name__ == "__main__":
    main()

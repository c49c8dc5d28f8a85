"""Kills workers until so many have died, then checks every promise from the store alone.

    python -m benchmarks.chaos --kills 200
    python -m benchmarks.chaos --kills 200 --storage postgresql
    python -m benchmarks.chaos --kills 200 --storage mariadb

Prints what happened; exits with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.chaos import Monkey, Tally
from tests.support.mariadb import mariadb_server
from tests.support.nursery import nursery
from tests.support.postgresql import postgresql_server
from tests.support.working import STEADY, workplace

SERVERS = {"postgresql": postgresql_server, "mariadb": mariadb_server}
TRIALS = 40  # at least; the monkey extends the study until it has done its kills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=1.2, help="mean seconds between two deeds")
    parser.add_argument("--storage", choices=["sqlite", *SERVERS], default="sqlite")
    options = parser.parse_args()
    tally = torment(options)
    show(tally)
    sys.exit(1 if tally.faults else 0)


def torment(options: argparse.Namespace) -> Tally:
    """Let a monkey loose on a study."""
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as name,
        store_url(options.storage, Path(name)) as url,
        nursery(Path(name)) as processes,
        workplace(url, Path(name), processes) as place,
    ):
        study = place.study("chaos", budget=TRIALS, overrides=(*STEADY, "epochs=3..6"), lease=3.0)
        monkey = Monkey(
            place,
            study,
            workers=options.workers,
            seed=options.seed,
            pause=options.pause,
            kills=options.kills,
        )
        return monkey.run(timeout=60 + 20 * options.kills)


@contextmanager
def store_url(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'store.db'}"
        return
    with SERVERS[kind]() as server, server.database() as url:
        yield url


def show(tally: Tally) -> None:
    sent = ", ".join(f"{count} {name}" for name, count in sorted(tally.signals.items()))
    ended = ", ".join(f"{count} {state}" for state, count in sorted(tally.trials.items()))
    rows = {
        "trials": f"{tally.trials.total()} ({ended})",
        "kills": f"{tally.signals['SIGKILL']} ({sent})",
        "take-overs": f"{tally.take_overs} of lost workers, {tally.returns} of sent-away ones",
        "epochs": tally.epochs,
        "epochs repeated": tally.repeated,
        "epochs lost": tally.lost,
        "double runs": tally.doubled,
        "given up": f"{tally.given_up} for the workers that they lost in a row",
        "seconds": f"{tally.seconds:.0f}",
    }
    for name, value in rows.items():
        print(f"{name:16} {value}")
    for fault in tally.faults:
        print(f"BROKEN: {fault}")


if __name__ == "__main__":
    main()

"""Does so many bad things to a study at work, then checks every promise from what is left.

A seeded plan: workers and supervisors are killed, stopped and sent away; connections are cut, the
store is read-only, locked or its disk full; checkpoints and models are damaged or deleted; and the
user's code exits, crashes, hangs, forks and changes the state of its process.

    python -m benchmarks.chaos --events 200
    python -m benchmarks.chaos --events 200 --storage postgresql
    python -m benchmarks.chaos --events 200 --storage mariadb

Prints what happened; exits with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.bad_code import BadCode
from tests.support.chaos import Monkey, Tally
from tests.support.fork_server import nursery
from tests.support.limits import tiny_disk
from tests.support.mariadb import mariadb_server
from tests.support.polling import PATIENCE
from tests.support.postgresql import PrivatePostgresql, postgresql_server
from tests.support.servers import Unavailable
from tests.support.trouble import DISK, FILES, FULL, POSTGRESQL, SQLITE, Trouble
from tests.support.working import STEADY, workplace

SERVERS = {"postgresql": postgresql_server, "mariadb": mariadb_server}
SIZE = "64m"  # of the disk of a database that is to have no room now and then
STALL = 8.0  # seconds after which code that does not come back counts as hung
TRIALS = 40  # at least; the monkey extends the study until it has done all it wants
OF_MLP = ("layers", "units", "dropout", "normalization", "activation", "penalty")
OVERRIDES = (*(o for o in STEADY if not o.startswith(OF_MLP)), "epochs=3..6")


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--trials", type=int, default=TRIALS, help="at least so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=1.2, help="mean seconds between two deeds")
    parser.add_argument("--storage", choices=["sqlite", *SERVERS], default="sqlite")
    parser.add_argument("--smoke", action="store_true", help="four trials that are left in peace")
    options = parser.parse_args(words)
    if options.smoke:
        options.trials, options.events, options.workers = 4, 0, 2
    tally = torment(options)
    show(tally)
    if tally.faults:
        sys.exit(1)


def torment(options: argparse.Namespace) -> Tally:
    """Let a monkey loose on a study."""
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as name,
        store_url(options.storage, Path(name)) as (url, troubles),
        nursery(Path(name)) as processes,
        workplace(url, Path(name), processes) as place,
    ):
        bad_code = BadCode(options.seed)
        study = place.study(
            "chaos",
            budget=options.trials,
            space=bad_code.write(place.folder),
            overrides=OVERRIDES,
            lease=3.0,
            stall_timeout=STALL,
        )
        monkey = Monkey(
            place,
            study,
            workers=options.workers,
            seed=options.seed,
            pause=options.pause,
            events=options.events,
            troubles=troubles,
            bad_code=bad_code,
        )
        return monkey.run(timeout=PATIENCE + 20 * options.events)


@contextmanager
def store_url(kind: str, folder: Path) -> Iterator[tuple[str, tuple[Trouble, ...]]]:
    """An empty store, and what may happen to it."""
    with ExitStack() as stack:
        if kind == "sqlite":
            disk = small_disk(stack, folder / DISK)
            yield f"sqlite:///{(disk or folder) / 'store.db'}", (*SQLITE, *([FULL] * bool(disk)))
            return
        server = stack.enter_context(SERVERS[kind]())
        troubles = POSTGRESQL if kind == "postgresql" else FILES
        if isinstance(server, PrivatePostgresql):
            disk = small_disk(stack, server.folder / DISK)  # where the server's account may go
            if disk is not None:
                (folder / DISK).symlink_to(disk)
                yield stack.enter_context(server.database_on(disk)), (*troubles, FULL)
                return
        yield stack.enter_context(server.database()), troubles


def small_disk(stack: ExitStack, folder: Path) -> Path | None:
    """A disk that may be filled; None where we may not have one."""
    try:
        return stack.enter_context(tiny_disk(folder, size=SIZE))
    except Unavailable as e:
        print(f"No disk is filled: {e}")
        return None


def show(tally: Tally) -> None:
    def counted(what: Counter[str]) -> str:
        return f"{what.total()} ({', '.join(f'{n} {name}' for name, n in sorted(what.items()))})"

    rows = {
        "events": tally.events,
        "trials": counted(tally.trials),
        "failures": counted(tally.failures),
        "processes": counted(tally.deeds),
        "troubles": counted(tally.troubles),
        "bad code": counted(tally.bad_code),
        "take-overs": f"{tally.take_overs} of lost workers, {tally.returns} of sent-away ones",
        "workers": tally.processes,
        "epochs": tally.epochs,
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

"""What administrators, other programs and full disks do to a store that is in use."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from storage.studies import Study
from tests.support.limits import fill_up
from tests.support.working import Workplace

OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def administer(url: sa.URL, *statements: str) -> None:
    """Run statements on PostgreSQL over a connection of its own, to which nothing happens."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as c:
        c.exec_driver_sql("SET default_transaction_read_only = off")
        for statement in statements:
            c.exec_driver_sql(statement)


def terminate(url: sa.URL) -> None:
    """End every connection to a PostgreSQL database."""
    administer(url, OTHERS)


def make_read_only(url: sa.URL, whether: bool = True) -> None:
    """Let all transactions of a PostgreSQL database read only, or no longer."""
    value = "on" if whether else "off"
    name = url.database
    administer(url, f"ALTER DATABASE {name} SET default_transaction_read_only = {value}", OTHERS)


DISK = "disk"  # a small one, in the folder of a place


@dataclass(frozen=True)
class Trouble:
    """Something that happens to a store for a while, or to what lies beside it once.

    Attributes:
        begin: Makes it happen; what it yields ends when the trouble does.
    """

    name: str
    begin: Callable[[Workplace, Study], AbstractContextManager[object]]


@contextmanager
def _cut(place: Workplace, _: Study) -> Iterator[None]:
    terminate(place.store.url)
    yield


@contextmanager
def _read_only(place: Workplace, _: Study) -> Iterator[None]:
    make_read_only(place.store.url)
    try:
        yield
    finally:
        make_read_only(place.store.url, False)


@contextmanager
def _locked(place: Workplace, _: Study) -> Iterator[None]:
    """Another program holds the write lock of the file."""
    with closing(sqlite3.connect(str(place.store.url.database), isolation_level=None)) as other:
        with suppress(sqlite3.OperationalError):  # a busy one is spared
            other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def _full(place: Workplace, _: Study) -> Iterator[None]:
    """The disk of the database, one of its own, has no room."""
    filler = place.folder / DISK / "filler"
    fill_up(filler)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def _damaged_checkpoint(place: Workplace, study: Study) -> Iterator[None]:
    """A byte of the newest checkpoint is another one."""
    with suppress(OSError, IndexError):
        _damage(_files(study, "checkpoints")[-1])
    yield


@contextmanager
def _deleted_checkpoints(place: Workplace, study: Study) -> Iterator[None]:
    for file in _files(study, "checkpoints"):
        file.unlink(missing_ok=True)
    yield


@contextmanager
def _damaged_model(place: Workplace, study: Study) -> Iterator[None]:
    with suppress(OSError, IndexError):
        _damage(_files(study, "models")[-1])
    yield


@contextmanager
def _deleted_models(place: Workplace, study: Study) -> Iterator[None]:
    for file in _files(study, "models"):
        file.unlink(missing_ok=True)
    yield


def _damage(file: Path) -> None:
    """A byte in the middle is another one."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def _files(study: Study, kind: str) -> list[Path]:
    folder = Path(study.spec["artifacts"]) / study.uuid / kind
    return sorted(folder.glob("*"), key=lambda file: file.name)


FILES = (
    Trouble("damaged checkpoint", _damaged_checkpoint),
    Trouble("deleted checkpoints", _deleted_checkpoints),
    Trouble("damaged model", _damaged_model),
    Trouble("deleted models", _deleted_models),
)
POSTGRESQL = (Trouble("cut connections", _cut), Trouble("read-only", _read_only), *FILES)
SQLITE = (Trouble("locked file", _locked), *FILES)
FULL = Trouble("full disk", _full)

"""Opens a store: one SQLAlchemy engine, shared by Optuna's storage and our own tables."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import URL, Connection, Engine

from storage.database import connection, migrate
from storage.database import url as urls
from storage.database.availability import reachable
from storage.database.origin import Origin
from storage.errors import StoreError
from storage.optuna import frozen_trials, tables

CLOCKS = {
    # Seconds since 1970 by the database's own clock. now() stands still within a transaction of
    # PostgreSQL; unixepoch('subsec') is NULL before SQLite 3.42.
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "extract(epoch from clock_timestamp())::float8",
    "mysql": "(unix_timestamp(sysdate(6)) + 0e0)",
}


# Methods of ``RDBStorage`` that only read: on SQLite their transactions take no write lock.
READS = frozenset(
    {
        "get_study_id_from_name",
        "get_study_name_from_id",
        "get_study_directions",
        "get_study_user_attrs",
        "get_study_system_attrs",
        "get_all_studies",
        "get_trial_id_from_study_id_trial_number",
        "get_trial_number_from_id",
        "get_trial_param",
        "get_trial",
        "get_all_trials",
        "get_n_trials",
        "get_best_trial",
        "get_trial_params",
        "get_trial_user_attrs",
        "get_trial_system_attrs",
        "_get_best_trial_id",
    }
)
INTERNAL = frozenset({"_get_stale_trial_ids"})  # private, but called by Optuna from outside


def _entry_points() -> Iterator[str]:
    """Names of the methods by which Optuna, a sampler or the dashboard accesses the database."""
    for name in dir(RDBStorage):
        called_outside = name in READS | INTERNAL or not name.startswith("_")
        if called_outside and inspect.isfunction(inspect.getattr_static(RDBStorage, name)):
            yield name


def _guarded(name: str) -> Callable[..., Any]:
    """Optuna's method of this name, with database errors translated: see ``reachable``."""
    method = getattr(RDBStorage, name)
    lock = connection.reading if name in READS else nullcontext

    @functools.wraps(method)
    def guarded(self: RDBStorage, *args: Any, **kwargs: Any) -> Any:
        with lock(), reachable(self.engine.url):
            return method(self, *args, **kwargs)

    return guarded


class OptunaStorage(RDBStorage):
    """Optuna's storage on an engine that is safe with many processes.

    On SQLite a write transaction takes the write lock when it begins (``BEGIN IMMEDIATE``).
    Otherwise two processes could read the same waiting trial and both run it. A read transaction
    takes no lock. Otherwise one slow read of a large study would block all reports for seconds.
    """

    def __init__(self, url: URL) -> None:
        # Optuna fills a template into the URL with str.format: a brace in a password breaks it.
        text = urls.reveal(url).replace("{", "{{").replace("}", "}}")
        super().__init__(
            text,
            engine_kwargs=connection.options(url),
            skip_compatibility_check=True,
            skip_table_creation=True,
        )
        connection.listen(self.engine)
        # Optuna's check reads all its migrations: as long as the rest of opening a store.
        with connection.reading():
            with self.engine.connect() as opened:
                made_by_this_version = tables.library_version(opened) == optuna.__version__
            if not made_by_this_version:
                self._version_manager.check_table_schema_compatibility()

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        connection.listen(self.engine)  # listeners do not survive pickling

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        # Replaces Optuna's, which loads each trial as an object of its ORM: see ``frozen_trials``.
        with reachable(self.engine.url), self.engine.connect() as c:
            with connection.reading():
                c.begin()
            return frozen_trials.read_trials(
                c, study_id, states, included_trial_ids, trial_id_greater_than
            )

    # In the class body, so that subclasses and ``super()`` find ordinary methods.
    for _name in _entry_points():
        locals()[_name] = _guarded(_name)


class Store:
    """An open database.

    Attributes:
        url: Its address.
        engine: The engine under everything.
        dialect: ``"sqlite"``, ``"postgresql"`` or ``"mysql"`` (MariaDB too).
        optuna: Optuna's storage over the same engine.
        now: SQL expression, seconds since 1970 by the database's clock.
        surveyed: Cache of ``storage.allocation``, by the study's UUID: the id of the last trial
            that was counted, and the number of trials up to it.
        origin: Cache of ``storage.database.store_identity.of_store``.
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self.optuna = OptunaStorage(url)
        self.engine: Engine = self.optuna.engine
        self.dialect: str = self.engine.dialect.name
        self.surveyed: dict[str, tuple[int, int]] = {}
        self.origin: Origin | None = None
        self.now: sa.ColumnElement[float] = sa.literal_column(CLOCKS[self.dialect], sa.Double)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Returns a connection in a transaction that only reads.

        Raises:
            StoreUnreachable, StoreLost: See ``storage.database.availability``.
        """
        with reachable(self.url), self.engine.connect() as opened:
            with connection.reading():
                opened.begin()  # only this: the caller may ``write()`` in its block
            yield opened

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Returns a connection in a transaction: committed at the end, rolled back on an exception.

        Raises:
            StoreUnreachable, StoreLost: See ``storage.database.availability``.
        """
        with reachable(self.url), self.engine.begin() as opened:
            yield opened

    def close(self) -> None:
        """Closes all connections."""
        self.optuna.remove_session()
        self.engine.dispose()


def open_store(text: str, *, create: bool = True) -> Store:
    """Opens a database; creates or checks its tables.

    Args:
        text: A database URL, see ``storage.database.url``.
        create: Whether to create missing tables, and a missing SQLite file.

    Returns:
        The open store; the caller closes it.

    Raises:
        StoreError: The URL is wrong, a driver is missing, the tables are missing with ``create``
            false, or they belong to another version.
        StoreUnreachable: The database does not answer.
    """
    url = urls.parse(text)
    if not create:
        _require_file(url)
    with one_line_errors(url):
        with _engine(url) as engine:
            migrate.prepare(engine, create=create)
        return Store(url)


def open_if_there(text: str) -> Store | None:
    """Opens a database like ``open_store``, or returns None if its tables do not exist yet.

    Args:
        text: A database URL.

    Raises:
        StoreError, StoreUnreachable: As ``open_store``.
    """
    url = urls.parse(text)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        _require_writable_folder(url)
        return None
    with one_line_errors(url):
        with _engine(url) as engine:
            exist = migrate.are_made(engine)
        return Store(url) if exist else None


def upgrade(text: str) -> tuple[str, str]:
    """Migrates the tables of the database at a URL to this version; see ``migrate.upgrade``."""
    url = urls.parse(text)
    _require_file(url)
    with one_line_errors(url), _engine(url) as engine:
        return migrate.upgrade(engine)


@contextmanager
def _engine(url: URL) -> Iterator[Engine]:
    """An engine for creating, checking or migrating the tables; closed at the end of the block."""
    engine = sa.create_engine(url, **connection.options(url))
    connection.listen(engine, making=True)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def one_line_errors(url: URL) -> Iterator[None]:
    """Turns exceptions of drivers into a ``StoreError`` of one line."""
    try:
        with reachable(url):
            yield
    except ImportError as e:
        extra = "postgresql" if url.get_backend_name() == "postgresql" else "mysql"
        raise StoreError(
            f"Expected the driver of {url.drivername} to be installed ({e.name} is missing). "
            f"Install it: pip install 'keras-trial-tuner[{extra}]'"
        ) from e
    except (sa.exc.DatabaseError, RuntimeError) as e:
        reason = " ".join(str(getattr(e, "orig", e)).split())
        raise StoreError(
            f"Expected a usable database at {urls.redact(url)}. Received: {reason}."
        ) from e


def _require_writable_folder(url: URL) -> None:
    """Checks that SQLite can create its file; ``url.parse`` has checked that the folder exists."""
    folder = Path(url.database or "").absolute().parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreError(
            f"Expected a writable folder for the store. Received: {folder}: choose another one "
            "with --storage."
        )


def _require_file(url: URL) -> None:
    """Checks that the SQLite file exists: SQLite would create it, even just to read it."""
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise StoreError(
            f"Expected a store that holds studies. Received {urls.redact(url)}, where there is no "
            "file: launch a study first, or check --storage and TUNER_STORAGE."
        )

"""One SQLAlchemy engine per database, shared by Optuna's storage and by our own tables."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import URL, Connection, Engine

from storage import bulk, connection, migrate
from storage import url as urls
from storage.errors import StoreError, StoreUnreachable

CLOCKS = {
    # Seconds since 1970 by the database's own clock. now() stands still within a transaction of
    # PostgreSQL; unixepoch('subsec') is NULL before SQLite 3.42.
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "extract(epoch from clock_timestamp())::float8",
    "mysql": "(unix_timestamp(sysdate(6)) + 0e0)",
}


def _deferred(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def read(self: RDBStorage, *args: Any, **kwargs: Any) -> Any:
        with connection.reading(), _reachable(self.engine.url):
            return method(self, *args, **kwargs)

    return read


class OptunaStorage(RDBStorage):
    """Optuna's storage on an engine that is safe with many processes.

    On SQLite a write transaction takes the lock when it begins (``BEGIN IMMEDIATE``; otherwise
    two processes read the same waiting trial and both run it) and a read takes none (otherwise
    one cold read of a large study blocks every report for seconds).
    """

    def __init__(self, url: URL) -> None:
        # Optuna fills a template into the URL with str.format: a brace in a password breaks it.
        text = urls.reveal(url).replace("{", "{{").replace("}", "}}")
        super().__init__(text, engine_kwargs=connection.options(url), skip_table_creation=True)
        connection.listen(self.engine)

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
        with _reachable(self.engine.url), self.engine.connect() as c:
            with connection.reading():
                c.begin()
            return bulk.read(c, study_id, states, included_trial_ids, trial_id_greater_than)

    for _name in (
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
    ):
        locals()[_name] = _deferred(getattr(RDBStorage, _name))


class Store:
    """An open database.

    Attributes:
        url: Its address.
        engine: The engine under everything.
        dialect: ``"sqlite"``, ``"postgresql"`` or ``"mysql"`` (MariaDB too).
        optuna: Optuna's storage over the same engine.
        now: SQL expression, seconds since 1970 by the database's clock.
        surveyed: The last trial that was looked at and how many there were by then, by the UUID
            of their study: see ``storage.places``.
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self.optuna = OptunaStorage(url)
        self.engine: Engine = self.optuna.engine
        self.dialect: str = self.engine.dialect.name
        self.surveyed: dict[str, tuple[int, int]] = {}
        self.now: sa.ColumnElement[float] = sa.literal_column(CLOCKS[self.dialect], sa.Double)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with _reachable(self.url), self.engine.connect() as opened:
            with connection.reading():
                opened.begin()  # here, so that a write within the block begins as a write
            yield opened

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes: committed at the end, rolled back on an exception."""
        with _reachable(self.url), self.engine.begin() as opened:
            yield opened

    def close(self) -> None:
        """Closes all connections."""
        self.optuna.remove_session()
        self.engine.dispose()


@contextmanager
def _reachable(url: URL) -> Iterator[None]:
    """Tells a database that does not answer from every other error."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as e:
        raise unreachable(url, e) from e
    except StorageInternalError as e:  # as Optuna wraps them
        if isinstance(e.__cause__, (sa.exc.OperationalError, sa.exc.InterfaceError)):
            raise unreachable(url, e.__cause__) from e
        raise


def unreachable(url: URL, error: sa.exc.DBAPIError) -> StoreUnreachable:
    """One line, without the password and without SQLAlchemy's link to its manual."""
    reason = " ".join(str(error.orig).split())
    if url.password:
        reason = reason.replace(f":{url.password}@", ":***@")
    return StoreUnreachable(
        f"Expected the store at {urls.redact(url)} to answer. Received: {reason}. "
        "Check that it is up and that the address is right (--storage or TUNER_STORAGE)."
    )


def open_store(text: str, *, create: bool = True) -> Store:
    """Opens a database and makes or checks the tables.

    Args:
        text: A database URL, see ``storage.url``.
        create: Makes the tables (and the SQLite file) where they are missing.

    Raises:
        StoreError: The address is wrong, a driver is missing, the tables are missing and may
            not be made, or they belong to another version.
        StoreUnreachable: The database does not answer.
    """
    url = urls.parse(text)
    if not create:
        _require_file(url)
    with _explained(url):
        with _engine(url) as engine:
            migrate.prepare(engine, create=create)
        return Store(url)


def upgrade(text: str) -> tuple[str, str]:
    """Brings the tables of a database to this version; see ``migrate.upgrade``."""
    url = urls.parse(text)
    _require_file(url)
    with _explained(url), _engine(url) as engine:
        return migrate.upgrade(engine)


@contextmanager
def _engine(url: URL) -> Iterator[Engine]:
    """An engine for as long as the tables are looked after."""
    engine = sa.create_engine(url, **connection.options(url))
    connection.listen(engine)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _explained(url: URL) -> Iterator[None]:
    """Turns what drivers raise into one line."""
    try:
        yield
    except ImportError as e:
        extra = "postgresql" if url.get_backend_name() == "postgresql" else "mysql"
        raise StoreError(
            f"Expected the driver of {url.drivername} to be installed ({e.name} is missing). "
            f"Install it with the extra [{extra}]."
        ) from e
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as e:
        raise unreachable(url, e) from e
    except (sa.exc.DatabaseError, RuntimeError) as e:
        reason = " ".join(str(getattr(e, "orig", e)).split())
        raise StoreError(
            f"Expected a usable database at {urls.redact(url)}. Received: {reason}."
        ) from e


def _require_file(url: URL) -> None:
    """SQLite makes the file of whoever only wants to read it."""
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise StoreError(
            f"Expected a store that holds studies. Received {urls.redact(url)}, where there is no "
            "file: launch a study first, or check --storage and TUNER_STORAGE."
        )

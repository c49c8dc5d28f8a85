"""Fixtures for every test: empty databases on real servers.

A server is started once for all tests, at the first test that wants it, and every test gets an
empty database of its own. Where a server cannot be had, its tests are skipped and the summary
carries a warning; on CI a missing PostgreSQL is a failure.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from optuna.storages._rdb.storage import _VersionManager

from storage.database.engine import Store, open_store
from tests.support import warm
from tests.support.browser import Browser, Page, chromium
from tests.support.fork_server import Nursery, nursery
from tests.support.mariadb import mariadb_server as start_mariadb
from tests.support.postgresql import postgresql_server as start_postgresql
from tests.support.servers import DatabaseServer, Unavailable

Server = TypeVar("Server")

pytest.register_assert_rewrite("optuna.testing.pytest_storages")

# As workers do: operations at once sum up in an order that hangs on who is done first.
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

# A shell ignores Ctrl-C for what it starts in the background; tests and what they start take it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast the machine is says nothing about the code: beside other tests everything is slow.
# The same examples in every run: whether a change passes must not hang on luck. New ones are looked
# for by `HYPOTHESIS_PROFILE=search python -m pytest tests/property tests/unit`.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", settings.get_profile("search"), derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported is no garbage: to look it through again and again takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `store_url` once on every kind of store."""
    if "store_url" not in metafunc.fixturenames:
        return
    kinds = ["sqlite", "postgresql"]
    if metafunc.definition.get_closest_marker("mariadb"):
        kinds.append("mariadb")
    metafunc.parametrize("store_url", kinds, indirect=True)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Data that tests keep go with them."""
    os.environ["TUNER_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", autouse=True)
def optuna_revision() -> Iterator[None]:
    """Optuna reads all its migrations whenever a storage is opened; they stay the same here."""
    with pytest.MonkeyPatch.context() as patch:
        read = _VersionManager.get_head_version
        patch.setattr(_VersionManager, "get_head_version", cache_of_all(read))
        yield


def cache_of_all(method: Callable[[Any], str]) -> Callable[[Any], str]:
    """A method that is called once for all objects."""
    known: list[str] = []

    def cached(instance: Any) -> str:
        if not known:
            known.append(method(instance))
        return known[0]

    return cached


@pytest.fixture(scope="session", autouse=True)
def tuner_processes() -> Iterator[None]:
    """Workers, rehearsals and commands that our code starts do not import TensorFlow each time."""
    with warm.started(warm.TunerPopen):
        yield


@pytest.fixture
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database: SQLite, PostgreSQL and, if marked so, MariaDB."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store on every kind of database."""
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Where workers come from; those that a file's tests leave are killed."""
    with nursery(tmp_path_factory.mktemp("nursery")) as made:
        yield made


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet, except for `store`."""
    file = tmp_path / "store.db"
    if "store" in request.fixturenames:
        shutil.copy(request.getfixturevalue("empty_sqlite_store"), file)
    return f"sqlite:///{file.as_posix()}"


@pytest.fixture
def postgresql_url(
    request: pytest.FixtureRequest, postgresql_server: DatabaseServer
) -> Iterator[str]:
    """The URL of a PostgreSQL database, empty except for `store`, dropped after the test."""
    has_store = "store" in request.fixturenames
    source = request.getfixturevalue("empty_postgresql_store") if has_store else ""
    with postgresql_server.database(source) as url:
        yield url


@pytest.fixture(scope="session")
def empty_sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the tables of a store: making them takes longer than most tests."""
    file = tmp_path_factory.mktemp("store") / "store.db"
    open_store(f"sqlite:///{file.as_posix()}").close()
    return file


@pytest.fixture(scope="session")
def empty_postgresql_store(postgresql_server: DatabaseServer) -> Iterator[str]:
    """The name of a database with the tables of a store."""
    with postgresql_server.database() as url:
        open_store(url).close()
        yield str(sa.make_url(url).database)


@pytest.fixture
def mariadb_url(mariadb_server: DatabaseServer) -> Iterator[str]:
    """The URL of an empty MariaDB database, dropped after the test."""
    with mariadb_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[DatabaseServer]:
    """The PostgreSQL that tests share; a test that stops it must start it again."""
    yield from serve("PostgreSQL", start_postgresql, required="CI" in os.environ)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[DatabaseServer]:
    """The MariaDB that tests share; a test that stops it must start it again."""
    yield from serve("MariaDB", start_mariadb, required=False)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The Chromium that tests share: to start one takes longer than what most do with it."""
    profile = tmp_path_factory.mktemp("profile")
    yield from serve("What a browser shows", lambda: chromium(profile), required=False)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab that knows nothing of earlier ones."""
    with browser.tab() as opened:
        yield opened


def serve(
    name: str, start: Callable[[], AbstractContextManager[Server]], *, required: bool
) -> Iterator[Server]:
    """Run a server as long as the tests last, or skip the tests that need it, loudly."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(start())
        except Unavailable as error:
            refuse(f"{name} is not tested: {error}", required=required)
        yield server


def refuse(reason: str, *, required: bool) -> NoReturn:
    """Fail, or skip with a warning that nobody overlooks in the summary."""
    if required:
        pytest.fail(reason, pytrace=False)
    warnings.warn(pytest.PytestWarning(reason), stacklevel=2)
    pytest.skip(reason)

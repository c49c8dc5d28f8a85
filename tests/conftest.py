"""Fixtures for every test: empty databases on real servers.

A server is started once for all tests, at the first test that wants it, and every test gets an
empty database of its own. Where a server cannot be had, its tests are skipped and the summary
carries a warning; on CI a missing PostgreSQL is a failure.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.mariadb import mariadb_server as start_mariadb
from tests.support.postgresql import postgresql_server as start_postgresql
from tests.support.servers import DatabaseServer, Unavailable

pytest.register_assert_rewrite("optuna.testing.pytest_storages")

# As workers do: operations at once sum up in an order that hangs on who is done first.
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")


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


@pytest.fixture
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database: SQLite, PostgreSQL and, if marked so, MariaDB."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{(tmp_path / 'store.db').as_posix()}"


@pytest.fixture
def postgresql_url(postgresql_server: DatabaseServer) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, dropped after the test."""
    with postgresql_server.database() as url:
        yield url


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


def serve(
    name: str,
    start: Callable[[], AbstractContextManager[DatabaseServer]],
    *,
    required: bool,
) -> Iterator[DatabaseServer]:
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

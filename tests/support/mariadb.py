"""A real MariaDB for tests, from the programs of the system."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import sqlalchemy as sa

from tests.support.accounts import unprivileged
from tests.support.servers import PrivateServer, Unavailable

ACCOUNTS = ("mysql", "nobody")
USER = "tester"


class PrivateMariadb(PrivateServer):
    """A server of our own, with one user who may do everything."""

    name = "mariadb"
    stop_signal = signal.SIGTERM
    crash_signal = signal.SIGKILL

    @property
    def admin_url(self) -> sa.URL:
        return sa.URL.create(
            "mysql+pymysql",
            username=USER,
            password=USER,
            host="127.0.0.1",
            port=self.port,
            database="mysql",
            query={"ssl_disabled": "true"},  # or each connection reads all certificates first
        )

    def initialise(self) -> None:
        self._server = find_program("mariadbd", "mysqld")
        installer = find_program("mariadb-install-db", "mysql_install_db")
        folders = [f"--datadir={self.folder / 'data'}", f"--tmpdir={self.folder}"]
        self.run(installer, "--no-defaults", *folders, "--skip-test-db")
        self._first_statements.write_text(
            f"CREATE USER IF NOT EXISTS {USER}@'%' IDENTIFIED BY '{USER}';\n"
            f"GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;\n"
        )
        self._first_statements.chmod(0o644)

    def command(self) -> list[str]:
        settings = {
            "datadir": self.folder / "data",
            # A server that starts deletes the temporary tables in this folder, whoever uses them.
            "tmpdir": self.folder,
            "socket": self.folder / "socket",
            "pid-file": self.folder / "pid",
            "init-file": self._first_statements,
            "port": self.port,
            "bind-address": "127.0.0.1",
            "character-set-server": "utf8mb4",
            "innodb-buffer-pool-size": "64M",
            # Commits must outlive a crash of the server, which tests provoke, but not a power cut.
            "innodb-flush-log-at-trx-commit": 2,
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(self._server), "--no-defaults", "--skip-name-resolve", *options]

    def drop_statement(self, name: str) -> str:
        return f"DROP DATABASE IF EXISTS {name}"

    @property
    def _first_statements(self) -> Path:
        return self.folder / "init.sql"


def mariadb_server() -> PrivateMariadb:
    """A private MariaDB, as a context manager.

    Raises:
        Unavailable: its programs or an account to run it as are missing.
    """
    find_program("mariadbd", "mysqld")
    try:
        return PrivateMariadb(unprivileged(*ACCOUNTS))
    except LookupError as error:
        raise Unavailable(str(error)) from error


def find_program(*names: str) -> Path:
    """The first of the programs on the path or in the folders for administrators.

    Raises:
        Unavailable: there is none of them.
    """
    folders = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    for name in names:
        if found := shutil.which(name, path=folders):
            return Path(found)
    raise Unavailable(f"expected the program {names[0]}, found none; install MariaDB's server")

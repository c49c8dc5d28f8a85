"""Database servers of the tests' own: a private port, a private folder, nothing left behind."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import sqlalchemy as sa

from tests.support.accounts import Identity, private_folder
from tests.support.polling import poll

STOP_TIMEOUT = 120.0  # seconds


class Unavailable(Exception):
    """This server cannot be had on this machine; the message says what is missing."""


class DatabaseServer(ABC):
    """A server that hands out empty databases."""

    @property
    @abstractmethod
    def admin_url(self) -> sa.URL:
        """Where databases can be created and dropped."""

    @abstractmethod
    def start(self) -> None:
        """Start and wait until the server answers; again on the same port and data."""

    @abstractmethod
    def stop(self, *, crash: bool = False) -> None:
        """Stop; with ``crash``, at once and without a word to the clients."""

    @abstractmethod
    def drop_statement(self, name: str) -> str:
        """The SQL that drops a database although somebody may still be connected."""

    def restart(self, *, crash: bool = False) -> None:
        """Stop, then start: every connection breaks, the data stay."""
        self.stop(crash=crash)
        self.start()

    @contextmanager
    def database(self, source: str = "") -> Iterator[str]:
        """Create a database and give its URL; drop it in the end.

        Args:
            source: The database that it is a copy of, on servers that copy; else it is empty.
        """
        name = f"test_{uuid.uuid4().hex[:16]}"
        self._administer(f"CREATE DATABASE {name} {source and f'TEMPLATE {source}'}")
        try:
            yield self.url_of(name)
        finally:
            self.start()  # a test may have left it stopped
            self._administer(self.drop_statement(name))

    def url_of(self, name: str) -> str:
        """Where a database is."""
        return self.admin_url.set(database=name).render_as_string(hide_password=False)

    def answers(self) -> bool:
        """Whether a client can connect now."""
        try:
            self._administer("SELECT 1")
        except sa.exc.DBAPIError:
            return False
        return True

    def _administer(self, statement: str) -> None:
        engine = sa.create_engine(
            self.admin_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.execute(sa.text(statement))


class PrivateServer(DatabaseServer):
    """A server process that we start, on a free port of the loopback address.

    Use it as a context manager: it starts on entry; on exit it stops and its folder goes.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    crash_signal: ClassVar[signal.Signals]

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.port = free_port()
        self.folder = private_folder(f"{self.name}-", identity)
        self._process: subprocess.Popen[Any] | None = None

    @abstractmethod
    def initialise(self) -> None:
        """Make the data folder; raise `Unavailable` where programs are missing."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command that runs the server in the foreground."""

    def __enter__(self) -> Self:
        try:
            self.initialise()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        if self._running():
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop it in order
                **self.identity,
            )
        poll(self._answers_or_failed, waiting_for=f"{self.name} to start")

    def stop(self, *, crash: bool = False) -> None:
        if self._process is None:
            return
        self._process.send_signal(self.crash_signal if crash else self.stop_signal)
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "log"

    def run(self, *command: str | Path) -> None:
        """Run a program of the server under its account.

        Raises:
            Unavailable: it failed; the message holds what it said.
        """
        answer = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, **self.identity
        )
        if answer.returncode:
            raise Unavailable(f"{command[0]} failed: {(answer.stderr or answer.stdout).strip()}")

    def _running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _answers_or_failed(self) -> bool:
        if not self._running():
            raise Unavailable(f"{self.name} did not start: {_tail(self.log)}")
        return self.answers()


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(log: Path, lines: int = 5) -> str:
    return " | ".join(log.read_text(errors="replace").splitlines()[-lines:])

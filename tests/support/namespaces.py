"""Hosts of their own on this machine: network namespaces, joined by a cable that can be cut."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from tests.support.accounts import Identity
from tests.support.postgresql import PrivatePostgresql
from tuner.workers import worker

CLONE_NEWNET = 0x40000000  # of setns(2)
NEAR, FAR = "10.213.77.1", "10.213.77.2"  # of a private network; both ends are in namespaces


@dataclass(frozen=True)
class Host:
    """A network namespace.

    Attributes:
        address: Its end of the cable.
    """

    name: str
    address: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """What to put before a command that is to run there."""
        return ("ip", "netns", "exec", self.name)

    def plug(self, state: str) -> None:
        """Put the cable in (``up``) or pull it out (``down``): packets vanish silently."""
        _ip("-n", self.name, "link", "set", "cable", state)


def available() -> bool:
    """Whether this machine lets us make namespaces and cables."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "setpriv"))):
        return False
    name = f"probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode == 0
    if made:
        _ip("netns", "delete", name)
    return made


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts that reach each other and nothing else."""
    hosts = (Host(f"near-{os.getpid()}", NEAR), Host(f"far-{os.getpid()}", FAR))
    try:
        for host in hosts:
            _ip("netns", "add", host.name)
            _ip("-n", host.name, "link", "set", "lo", "up")
        near, far = (host.name for host in hosts)
        _ip("-n", near, "link", "add", "cable", "type", "veth", "peer", "cable", "netns", far)
        for host in hosts:
            _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", "cable")
            host.plug("up")
        yield hosts
    finally:
        for host in hosts:
            subprocess.run(["ip", "netns", "delete", host.name], capture_output=True)


def work_on_host(name: str, words: list[str]) -> None:
    """Makes this process, a single thread yet, a worker on a host; ``words`` are its command line.

    Raises:
        OSError: There is no such host, or we may not enter it.
    """
    library = ctypes.CDLL(None, use_errno=True)
    with open(f"/var/run/netns/{name}") as namespace:
        if library.setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns to {name}")
    worker.main(words)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class FarPostgresql(PrivatePostgresql):
    """A server on a host of its own: over the network it is reached by the cable alone.

    The tests themselves reach it through a socket in the file system.
    """

    def __init__(self, identity: Identity, host: Host) -> None:
        super().__init__(identity)
        self._host, self._account = host, identity

    @property
    def admin_url(self) -> sa.URL:
        query = {"host": str(self.folder), "port": str(self.port)}
        return sa.URL.create(
            "postgresql+psycopg", username="postgres", database="postgres", query=query
        )

    def initialise(self) -> None:
        super().initialise()
        with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {self._host.address}/24 trust\n")
        self.identity = {}  # only root may enter a namespace; the command changes accounts

    def command(self) -> list[str]:
        account = (f"--reuid={self._account['user']}", f"--regid={self._account['group']}")
        places = {
            "listen_addresses": self._host.address,
            "unix_socket_directories": str(self.folder),
        }
        options = [word for name, value in places.items() for word in ("-c", f"{name}={value}")]
        change = ("setpriv", *account, "--clear-groups")
        return [*self._host.prefix, *change, *super().command(), *options]

    def remote(self, url: str) -> str:
        """The address of a database as other hosts use it."""
        there = sa.make_url(url).set(host=self._host.address, port=self.port, query={})
        return there.render_as_string(hide_password=False)

"""The names that a dashboard answers to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
DEFAULT_PORTS = (80, 443)  # browsers leave these out of the Host header


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """What may stand in a request's Host header.

    A hostile page can give its own name the address of this machine (DNS rebinding); to the
    browser, page and dashboard are then one origin. But the request still carries the page's
    name in its Host header.

    Attributes:
        names: As they stand in the header, with the port, in lower case.
        any_address: Every bare IP address is accepted too. Rebinding needs a name, so this
            gives nothing away where the addresses of this machine are not known beforehand.
    """

    names: frozenset[str]
    any_address: bool = False

    @classmethod
    def of(cls, host: str, port: int, also: Iterable[str] = ()) -> Hosts:
        """The names for a server that listens on a host and a port.

        Args:
            host: A name or an address.
            port: The real one, not 0.
            also: Further names, such as that of a proxy; each counts as given and with our port.
        """
        literal = bracketed(host)
        names = [*LOOPBACK, literal]
        if not is_loopback(host):
            names.append(socket.gethostname())
        names = [*names, *also]
        accepted = {f"{name}:{port}".lower() for name in names} | {name.lower() for name in also}
        if port in DEFAULT_PORTS:
            accepted |= {name.lower() for name in names}
        return cls(names=frozenset(accepted), any_address=not is_loopback(host))

    def include(self, header: str) -> bool:
        """Tells whether a Host header names this dashboard."""
        return header.lower() in self.names or (self.any_address and _is_address(header))


def is_loopback(host: str) -> bool:
    """Tells whether only this machine reaches a host; ``localhost`` is taken as 127.0.0.1."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bracketed(host: str) -> str:
    """Writes an IPv6 address as URLs do, and everything else as it is."""
    return f"[{host}]" if ":" in host else host


def _is_address(header: str) -> bool:
    host = header
    if header.count(":") == 1 or "]:" in header:
        host = header.rpartition(":")[0]
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True

"""Serves the dashboard: one process with threads, over HTTP or TLS.

The server is uvicorn, whose event loop holds all connections, so that clients that connect and
say nothing, or stall within a request or a TLS handshake, take no thread away from the others.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
import uvicorn
from starlette.types import ASGIApp

from tuner.control_characters import SafeStderr
from tuner.dashboard.app import application
from tuner.dashboard.client_timeouts import Connection
from tuner.dashboard.hosts import Hosts, bracketed, is_loopback
from tuner.dashboard.password import VARIABLE, checked
from tuner.errors import UserError

if TYPE_CHECKING:
    from optuna.artifacts._protocol import ArtifactStore
    from optuna.storages import BaseStorage

    from storage.database.engine import Store

KEEP_ALIVE = 20  # seconds; pages ask every 10, so a connection (and its TLS) lasts
LAST_REQUESTS = 2  # seconds that requests get to finish once the server is told to stop
LARGEST_PORT = 65535
ANY_ADDRESS = ("0.0.0.0", "::")
UNPROTECTED = (
    "Warning: listening on {host} without TLS: the password crosses the network in the clear. "
    "Give --certfile and --keyfile, or let a proxy that speaks https stand in front.\n"
)


def serve(
    storage: BaseStorage,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    password: str | None = None,
    read_only: bool = False,
    certfile: Path | None = None,
    keyfile: Path | None = None,
    also_known_as: Iterable[str] = (),
    artifacts: ArtifactStore | None = None,
    store: Store | None = None,
    on_ready: Callable[[str], object] | None = None,
) -> None:
    """Serves the dashboard until SIGINT or SIGTERM.

    Args:
        storage: Wrapped in Optuna's cache, see `application`.
        host: Where to listen. Addresses that other machines reach need a password.
        port: 0 takes any free one.
        password: Asked of everybody, except where None.
        read_only: Refuses everything that would write to the store.
        certfile: Certificate chain in PEM; makes it https.
        keyfile: Its private key, where that is not in `certfile` too.
        also_known_as: Further names that may stand in the Host header, such as a proxy's.
        artifacts: Where the files lie that were uploaded with Optuna.
        store: Makes the dashboard ours, see `application`.
        on_ready: Called with the dashboard's URL once it answers there.

    Raises:
        UserError: The password is missing or short, the port is taken, the host is not ours, or
            the certificate cannot be used.
    """
    if password is not None:
        checked(password, VARIABLE)
    elif not is_loopback(host):
        raise UserError(
            "Expected a password for an address that other machines can reach. "
            f"Received: host {host} without one. Set {VARIABLE}, or listen on 127.0.0.1."
        )
    with _listening(host, port) as listener:
        port = listener.getsockname()[1]
        app = application(
            storage,
            hosts=Hosts.of(host, port, also_known_as),
            password=password,
            read_only=read_only,
            artifacts=artifacts,
            store=store,
        )
        settings = _settings(app, certfile, keyfile)
        if not settings.is_ssl and not is_loopback(host):
            sys.stderr.write(UNPROTECTED.format(host=bracketed(host)))
        _log_safely()
        url = _url(host, port, tls=settings.is_ssl)
        server = _Server(settings, lambda: on_ready and on_ready(url))
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Tells when it answers: from then on a signal ends it in order."""

    def __init__(self, settings: uvicorn.Config, on_ready: Callable[[], object]) -> None:
        super().__init__(settings)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._on_ready()


def _listening(host: str, port: int) -> socket.socket:
    """Opens the port: connections wait there until the server takes them."""
    if not 0 <= port <= LARGEST_PORT:
        raise UserError(
            f"Expected a port from 0 (any free one) to {LARGEST_PORT}. Received: {port}. "
            "Give another --port."
        )
    try:
        # `localhost` can mean ::1 first, where not every machine listens.
        addresses = socket.getaddrinfo(
            "127.0.0.1" if host == "localhost" else host,
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
        family, _, _, _, address = addresses[0]
        return socket.create_server(address[:2], family=family)
    except OSError as e:
        reason = str(e.strerror).partition(" (while")[0]  # the rest repeats the address
        raise UserError(
            f"Expected to listen on {bracketed(host)}:{port}. Received: {reason}. "
            "Give another --port (0 takes any free one) or --host."
        ) from e


def _settings(app: ASGIApp, certfile: Path | None, keyfile: Path | None) -> uvicorn.Config:
    """Uvicorn's settings, with the certificate loaded."""
    if keyfile is not None and certfile is None:
        raise UserError(
            f"Expected a certificate for the private key {keyfile}. Received: none. "
            "Name it with --certfile."
        )
    settings = uvicorn.Config(
        app,
        interface="asgi3",
        loop="asyncio",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        # Whoever connects could claim any address otherwise, and try as many passwords.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=LAST_REQUESTS,
        ssl_certfile=certfile,
        ssl_keyfile=keyfile,
    )
    try:
        settings.load()
    except OSError as e:  # ssl.SSLError too
        files = " and ".join(str(file) for file in (certfile, keyfile) if file)
        raise UserError(
            f"Expected a certificate and its private key in PEM. Received: {files} "
            f"({getattr(e, 'strerror', None) or e}). Check --certfile and --keyfile."
        ) from e
    return settings


def _log_safely() -> None:
    """What libraries say, and what goes wrong, is told on standard error without escapes.

    Optuna names studies, which whoever writes to the store has named, through a handler of its own.
    """
    optuna.logging.disable_default_handler()
    optuna.logging.enable_propagation()
    logging.basicConfig(handlers=[logging.StreamHandler(SafeStderr())], format="%(message)s")


def _url(host: str, port: int, *, tls: bool) -> str:
    name = socket.gethostname() if host in ANY_ADDRESS else bracketed(host)
    return f"{'https' if tls else 'http'}://{name}:{port}/"

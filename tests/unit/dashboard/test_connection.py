"""Connections of clients that stall, on a real server with short deadlines."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.responses import Response

from tests.support.polling import poll
from tuner.dashboard import client_timeouts
from tuner.dashboard.client_timeouts import Connection

LARGE = bytes(32 << 20)


@contextmanager
def serving() -> Iterator[uvicorn.Server]:
    """A server that answers with many bytes."""
    settings = uvicorn.Config(
        Response(LARGE), http=Connection, ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        poll(lambda: server.started)
        yield server
        server.should_exit = True
        thread.join()


def connect(server: uvicorn.Server) -> socket.socket:
    (listener,) = server.servers[0].sockets
    return socket.create_connection(listener.getsockname(), timeout=60)


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf",
    ],
    ids=["nothing", "headers", "body"],
)
def test_half_a_request_ends(monkeypatch: pytest.MonkeyPatch, begun: bytes):
    """The server closes the connection, whether it has answered or not."""
    monkeypatch.setattr(client_timeouts, "REQUEST_SECONDS", 0.1)
    with serving() as server, connect(server) as client:
        client.sendall(begun)
        try:
            while client.recv(1 << 20):
                pass
        except ConnectionResetError:
            pass


def test_an_answer_that_nobody_takes_ends(monkeypatch: pytest.MonkeyPatch):
    """What is not taken is let go of."""
    monkeypatch.setattr(client_timeouts, "RESPONSE_SECONDS", 0.1)
    with serving() as server, connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        poll(lambda: broken(client))


def broken(client: socket.socket) -> bool:
    """Whether what is sent meets nobody any more."""
    try:
        client.send(b"\r\n")
    except OSError:
        return True
    return False


def test_whole_requests_go_on():
    """No deadline is left of a request that is there as a whole."""
    with serving() as server, connect(server) as client:
        for _ in range(3):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            received = 0
            while received < len(LARGE):
                chunk = client.recv(1 << 20)
                assert chunk
                received += len(chunk)
            (held,) = server.server_state.connections
            assert isinstance(held, Connection)
            assert held._sending is None

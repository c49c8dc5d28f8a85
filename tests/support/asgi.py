"""Asks ASGI applications in this process, as a program on this machine does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather stand on httpx2 than on httpx
    from starlette.testclient import TestClient

HOST = "localhost:8080"


@contextmanager
def client(app: ASGIApp) -> Iterator[TestClient]:
    """A client that follows no redirects."""
    with TestClient(app, base_url=f"http://{HOST}", follow_redirects=False) as opened:
        opened.headers["Accept-Encoding"] = "identity"
        yield opened

"""A dashboard in a process of its own, on a free port of this machine."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from tests.support import warm
from tests.support.polling import PATIENCE
from tests.support.sources import ROOT

PROGRAM = """
import json, sys
from pathlib import Path
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import get_storage
from optuna.storages._cached_storage import _CachedStorage
from storage.database.engine import open_store
from tuner.dashboard import serve

options = json.loads(sys.argv[2])
artifacts = options.pop("artifacts", None)
ours = options.pop("ours", False)
store = open_store(sys.argv[1]) if ours else None
serve(
    _CachedStorage(store.optuna) if ours else get_storage(sys.argv[1]),
    store=store,
    artifacts=FileSystemArtifactStore(artifacts) if artifacts else None,
    on_ready=lambda url: print(url, flush=True),
    port=0,
    **options,
)
"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server sent.

    Attributes:
        body: As it came, compressed or not.
    """

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A running dashboard."""

    url: str

    @property
    def host(self) -> str:
        """Name and port, as in a Host header."""
        return urlsplit(self.url).netloc

    @property
    def port(self) -> int:
        """Where it listens."""
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def connect(self) -> http.client.HTTPConnection:
        """Returns a connection of its own, which trusts any certificate."""
        if not self.url.startswith("https"):
            return http.client.HTTPConnection(self.host, timeout=PATIENCE)
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(self.host, timeout=PATIENCE, context=trusting)

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Makes one request as a program does; redirects are not followed."""
        connection = self.connect()
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(status=response.status, headers=response.msg, body=response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """Asks with GET; header names are written with underscores."""
        return self.ask(
            "GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )


@contextmanager
def dashboard(store_url: str, **options: Any) -> Iterator[Dashboard]:
    """Serves a store as `tuner.dashboard.serve` does with these options.

    With `ours` as `tuner dashboard` does it, else as a store that Optuna alone has made.

    In the end, standard output must hold the URL and nothing else.
    """
    process = warm.Popen(
        [sys.executable, "-c", PROGRAM, store_url, json.dumps(options)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        assert url, "the dashboard ended before it was ready"
        yield Dashboard(url=url)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)
        rest = process.stdout.read()
        process.stdout.close()
    assert rest == ""

"""The dashboard as one WSGI application, to be served by one process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import optuna_dashboard
from optuna.storages._cached_storage import _CachedStorage

from tuner.dashboard import wsgi
from tuner.dashboard.compression import Compression
from tuner.dashboard.desk import Desk
from tuner.dashboard.files import NoUploads, TrialFiles
from tuner.dashboard.guard import Guard
from tuner.dashboard.headers import SecurityHeaders
from tuner.dashboard.hosts import Hosts
from tuner.dashboard.login import Login
from tuner.dashboard.polls import Polls
from tuner.dashboard.removal import Removal
from tuner.dashboard.restrictions import ReadOnly, Restrictions

if TYPE_CHECKING:
    from optuna.artifacts._protocol import ArtifactStore
    from optuna.storages import BaseStorage

    from storage.engine import Store


def application(
    storage: BaseStorage,
    *,
    hosts: Hosts,
    password: str | None = None,
    read_only: bool = False,
    artifacts: ArtifactStore | None = None,
    metrics: WSGIApplication | None = None,
    store: Store | None = None,
) -> WSGIApplication:
    """Builds the guarded dashboard.

    Sessions, the limit on failed log-ins and optuna-dashboard's own cache live in this process:
    serve the application from one process with threads.

    Args:
        storage: Wrapped in Optuna's cache, as ``optuna.storages.get_storage`` wraps it: with a
            bare one, every poll reads every trial again, and pages are not told what changed.
        hosts: The names that the dashboard answers to.
        password: Asked of everybody, except where None.
        read_only: Refuses everything that would write to the store.
        artifacts: Where the files lie that were uploaded with Optuna; None takes no uploads.
        metrics: Answers at ``/metrics``, behind the password; see ``tuner.metrics``.
        store: The same store as ours: shows what workers did with each trial, its learning
            curve and its model, and serves the pages below ``/tuner``.
    """
    app: WSGIApplication = optuna_dashboard.wsgi(storage, artifact_store=artifacts or NoUploads())
    if isinstance(storage, _CachedStorage):
        app = Polls(app, storage, store)
    if store is not None:
        app = TrialFiles(Desk(Removal(app, store), store, read_only=read_only), store)
    app = Restrictions(Compression(app), uploads=artifacts is not None)
    if metrics is not None:
        app = _mounted(app, "/metrics", metrics)
    if read_only:
        app = ReadOnly(app)
    if password is not None:
        app = Login(app, password)
    return SecurityHeaders(Guard(app, hosts))


def _mounted(app: WSGIApplication, path: str, other: WSGIApplication) -> WSGIApplication:
    """One application with another one at a path."""

    def chosen(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return (other if wsgi.path(environ) == path else app)(environ, start_response)

    return chosen

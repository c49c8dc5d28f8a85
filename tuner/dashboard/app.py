"""The dashboard as one ASGI application, to be served by one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from anyio.to_thread import current_default_thread_limiter
from optuna.exceptions import StorageInternalError
from optuna.storages._cached_storage import _CachedStorage
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from storage.errors import StoreError
from tuner.dashboard.canonical_paths import Canonical
from tuner.dashboard.csrf import OwnPagesOnly
from tuner.dashboard.delete_study import delete_route
from tuner.dashboard.entity_tags import EntityTags
from tuner.dashboard.hosts import Hosts
from tuner.dashboard.login import Login, PasswordRequired
from tuner.dashboard.optuna_app import OptunaApp
from tuner.dashboard.refusal import away, gone, refused
from tuner.dashboard.request_body import BodyLimits
from tuner.dashboard.route_policy import RoutePolicy
from tuner.dashboard.security_headers import SecurityHeaders
from tuner.dashboard.study_pages import StudyPages
from tuner.dashboard.trial_files import TrialFiles
from tuner.dashboard.updates import Updates
from tuner.monitoring import prometheus

if TYPE_CHECKING:
    from optuna.artifacts._protocol import ArtifactStore
    from optuna.storages import BaseStorage

    from storage.database.engine import Store

THREADS = 8  # that answer from the store, beside those of optuna-dashboard
# 1,000 trials with 20 values each are 2.2 MB of JSON. Level 1 makes 354 kB of them in 8 ms,
# level 3 317 kB in 10 ms, level 6 273 kB in 20 ms; building them takes 146 ms.
GZIP_LEVEL = 3
SMALLEST_GZIP = 1024  # bytes; less is not worth the call
FOUND = 302


def application(
    storage: BaseStorage,
    *,
    hosts: Hosts,
    password: str | None = None,
    read_only: bool = False,
    artifacts: ArtifactStore | None = None,
    store: Store | None = None,
) -> ASGIApp:
    """Builds the guarded dashboard.

    Sessions, guesses of the password and optuna-dashboard's own cache live in this process:
    serve the application from one process with threads.

    Args:
        storage: Wrapped in Optuna's cache, as ``optuna.storages.get_storage`` wraps it: with a
            bare one, every poll reads every trial again, and pages are not told what changed.
        hosts: The names that the dashboard answers to.
        password: Asked of everybody, except where None.
        read_only: Refuses everything that would write to the store.
        artifacts: Where the files lie that were uploaded with Optuna; None takes no uploads.
        store: The same store as ours: shows what workers did with each trial, its learning
            curve and its model, and serves the pages below ``/tuner`` and ``/metrics``.
    """
    login = None if password is None else Login(password)
    uploads = artifacts is not None
    guards = [] if login is None else [Middleware(PasswordRequired, login=login)]
    app = Starlette(
        routes=[
            *([] if login is None else login.routes()),
            *_routes(storage, artifacts, store, read_only=read_only),
        ],
        # The first one is the outermost. Bodies are read before anything waits for them; whoever
        # asks is known before the policy looks at what is asked; tags are of plain answers, so
        # that they do not depend on how an answer is compressed.
        middleware=[
            Middleware(BodyLimits, uploads=uploads),
            Middleware(OwnPagesOnly, hosts=hosts),
            *guards,
            Middleware(RoutePolicy, uploads=uploads, read_only=read_only),
            Middleware(GZipMiddleware, minimum_size=SMALLEST_GZIP, compresslevel=GZIP_LEVEL),
            Middleware(EntityTags),
        ],
        exception_handlers={
            HTTPException: refused,
            StoreError: away,
            StorageInternalError: away,
            ClientDisconnect: gone,
        },
        lifespan=_threads,
    )
    app.state.store = store
    return Canonical(SecurityHeaders(app))


def _routes(
    storage: BaseStorage,
    artifacts: ArtifactStore | None,
    store: Store | None,
    *,
    read_only: bool,
) -> list[BaseRoute]:
    """Ours, then optuna-dashboard's."""
    cached = isinstance(storage, _CachedStorage)
    stock = OptunaApp(storage, artifacts, script=cached)
    routes: list[BaseRoute] = [Route("/", _start, methods=["GET"])]
    if store is not None:
        routes += [
            Route("/metrics", _Metrics),
            *StudyPages(store, read_only=read_only).routes(),
            *TrialFiles(store, stock).routes(),
            delete_route(store, stock),
        ]
    if isinstance(storage, _CachedStorage):
        routes += Updates(stock, storage, store).routes()
    return [*routes, Mount("/", stock)]


def _start(_request: Request) -> Response:
    return RedirectResponse("/dashboard", FOUND)


class _Metrics(HTTPEndpoint):
    """What Prometheus asks for."""

    def get(self, request: Request) -> Response:
        text = prometheus.text(request.app.state.store)
        return Response(text, headers={"Content-Type": prometheus.CONTENT_TYPE})


@asynccontextmanager
async def _threads(_app: Starlette) -> AsyncIterator[None]:
    """Each thread may hold a connection to the store: there are no more than it has."""
    current_default_thread_limiter().total_tokens = THREADS
    yield

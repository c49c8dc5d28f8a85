"""Answers what every open page asks every few seconds: what has changed in its study.

optuna-dashboard sends everything from the first unfinished trial on. Here a page that says what
it has (``poll.js``) gets what has changed since; others get what optuna-dashboard would send,
from JSON that is made once for each trial.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from wsgiref.headers import Headers
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from optuna.study._frozen import FrozenStudy
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects
from optuna_dashboard._serializer import serialize_study_detail
from optuna_dashboard.preferential._study import _SYSTEM_ATTR_PREFERENTIAL_STUDY

from storage import captions, overview, studies
from storage.errors import StudyGone
from storage.schema import UUID_ATTRIBUTE
from tuner import notes
from tuner.dashboard import wsgi
from tuner.dashboard.ledger import Ledger, compact

if TYPE_CHECKING:
    from optuna.storages._cached_storage import _CachedStorage

    from storage.engine import Store
    from storage.studies import Study

DETAIL = re.compile(r"/api/studies/(\d{1,10})")
SCRIPT = "/tuner/poll.js"
STOCK_SCRIPT = b'<script defer src="/static/bundle.js">'
OF_A_TRIAL = re.compile(r"dashboard:(?:artifacts:)?(\d+):")
NOTE_SECONDS = 5.0  # for which a study's note is good


@dataclass
class _Watched:
    """A study that pages look at.

    Attributes:
        uuid: Of ours, or of its name, in short: SQLite gives the id of a deleted study to the
            next one.
        note: Our part of its note, written at ``noted``.
    """

    uuid: str
    ledger: Ledger
    lock: threading.Lock = field(default_factory=threading.Lock)
    note: str = ""
    noted: float = -NOTE_SECONDS


class Polls:
    """Answers for studies with one objective; everything else is left to the application.

    Args:
        app: optuna-dashboard.
        storage: Its storage.
        store: Where trials have their captions; None shows them as Optuna has them.
    """

    def __init__(self, app: WSGIApplication, storage: _CachedStorage, store: Store | None) -> None:
        self._app, self._storage, self._store = app, storage, store
        self._watched: dict[int, _Watched] = {}
        self._lock = threading.Lock()
        self._nonce = secrets.token_hex(4)  # versions begin anew with this process
        self._script = Path(__file__).with_name("poll.js").read_text()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = wsgi.path(environ)
        if wsgi.method(environ) not in wsgi.SAFE_METHODS:
            return self._app(environ, start_response)
        if path == SCRIPT:
            return wsgi.respond(start_response, "200 OK", "text/javascript", self._script)
        if path.startswith("/dashboard"):
            return _with_script(self._app, environ, start_response)
        found = DETAIL.fullmatch(path)
        body = self._detail(int(found[1]), environ) if found else None
        if body is None:
            return self._app(environ, start_response)
        headers = [("Content-Type", "application/json"), ("Vary", "Tuner-Cursor")]
        start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _detail(self, study_id: int, environ: WSGIEnvironment) -> bytes | None:
        """A study as JSON; None where it is gone or of a kind that is not known here."""
        after = parse_qs(environ.get("QUERY_STRING", "")).get("after", ["0"])[0]
        study = self._frozen(study_id) if after.isdecimal() else None
        if study is None:
            return None
        watched = self._watch(study)
        with watched.lock:
            return self._answer(study, watched, int(after), environ.get("HTTP_TUNER_CURSOR", ""))

    def _frozen(self, study_id: int) -> FrozenStudy | None:
        storage = self._storage._backend
        try:
            study = FrozenStudy(
                storage.get_study_name_from_id(study_id),
                None,
                storage.get_study_user_attrs(study_id),
                storage.get_study_system_attrs(study_id),
                study_id,
                directions=storage.get_study_directions(study_id),
            )
        except KeyError:
            return None
        special = study.system_attrs.get(_SYSTEM_ATTR_PREFERENTIAL_STUDY, False)
        return None if special else study

    def _watch(self, study: FrozenStudy) -> _Watched:
        uuid = str(study.user_attrs.get(UUID_ATTRIBUTE, study.study_name))
        uuid = hashlib.blake2b(uuid.encode(), digest_size=4).hexdigest()  # it goes with each poll
        with self._lock:
            watched = self._watched.get(study._study_id)
            if watched is None or watched.uuid != uuid:
                if watched is not None:
                    self._forget(study._study_id)
                watched = _Watched(uuid, Ledger(study._study_id, study.directions))
                self._watched[study._study_id] = watched
            return watched

    def _forget(self, study_id: int) -> None:
        """Optuna's cache would show the trials of the study that had this id before."""
        with self._storage._lock:
            self._storage._studies.pop(study_id, None)

    def _answer(self, study: FrozenStudy, watched: _Watched, after: int, cursor: str) -> bytes:
        ledger, ours = watched.ledger, self._ours(study, watched)
        trials = self._storage.get_all_trials(study._study_id, deepcopy=False)
        ledger.update(
            trials,
            _extras(study.system_attrs),
            frozenset() if ours is None else captions.with_model(self._must(), ours),
            lambda ids: {} if ours is None else captions.captions(self._must(), ours, ids),
        )
        ledger.head({**self._head(study, watched, ours), "best_trials": ledger.best()})
        since = _version(cursor, f"{self._nonce}.{watched.uuid}")
        about = {
            "uuid": watched.uuid,
            "cursor": f"{self._nonce}.{watched.uuid}.{ledger.newest}",
            "delta": since is not None,
        }
        head = ledger.head_since(since or 0)
        told = ledger.after(after) if since is None else ledger.since(since)
        return b'{"tuner":%s,%s"trials":[%s]}' % (
            compact(about),
            head + b"," if head else b"",
            told,
        )

    def _ours(self, study: FrozenStudy, watched: _Watched) -> Study | None:
        if self._store is None or UUID_ATTRIBUTE not in study.user_attrs:
            return None
        return studies.find(self._store, study.study_name)

    def _must(self) -> Store:
        assert self._store is not None
        return self._store

    def _head(self, study: FrozenStudy, watched: _Watched, ours: Study | None) -> dict[str, Any]:
        """Everything but the trials."""
        extra = watched.ledger.extra
        head: dict[str, Any] = serialize_study_detail(
            study,
            [],
            [],
            extra.intersection_search_space,
            extra.union_search_space,
            extra.union_user_attrs,
            extra.has_intermediate_values,
            get_plotly_graph_objects(study.system_attrs),
            [],
        )
        del head["trials"], head["best_trials"]
        if ours is not None:
            head["note"]["body"] = self._note(watched, ours) + notes.users_part(
                head["note"]["body"]
            )
            if all(item["key"] != "worker" for item in head["union_user_attrs"]):
                head["union_user_attrs"].append({"key": "worker", "sortable": False})
        return head

    def _note(self, watched: _Watched, study: Study) -> str:
        if time.monotonic() >= watched.noted + NOTE_SECONDS:
            try:
                watched.note = notes.note(overview.status(self._must(), study))
            except StudyGone:
                return watched.note
            watched.noted = time.monotonic()
        return watched.note


def _extras(attributes: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """A study's attributes that belong to its trials, by trial id."""
    found: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        if of_trial := OF_A_TRIAL.match(key):
            found.setdefault(int(of_trial[1]), {})[key] = value
    return found


def _version(cursor: str, mine: str) -> int | None:
    """The version that a page has; None where it has none of ours."""
    known, _, version = cursor.rpartition(".")
    return int(version) if known == mine and version.isdecimal() else None


def _with_script(
    app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """The stock page, with our script before its own."""
    for conditional in ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH", "HTTP_RANGE"):
        environ.pop(conditional, None)
    answer: list[Any] = []

    def start(status: str, headers: list[wsgi.Header], exc_info: Any = None, /) -> Any:
        answer[:] = [status, Headers(list(headers)), exc_info]

    chunks = app(environ, start)
    try:
        page = b"".join(chunks)
    finally:
        getattr(chunks, "close", lambda: None)()
    status, headers, exc_info = answer
    page = page.replace(
        STOCK_SCRIPT, f'<script defer src="{SCRIPT}"></script>'.encode() + STOCK_SCRIPT
    )
    for name in ("Last-Modified", "Accept-Ranges", "ETag"):
        del headers[name]
    headers["Content-Length"] = str(len(page))
    start_response(status, headers.items(), exc_info)
    return [page]

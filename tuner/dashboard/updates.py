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
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.study._frozen import FrozenStudy
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects
from optuna_dashboard._serializer import serialize_study_detail
from optuna_dashboard.preferential._study import _SYSTEM_ATTR_PREFERENTIAL_STUDY
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from storage import overview, studies, trial_annotations
from storage.database.schema import UUID_ATTRIBUTE
from storage.errors import StudyGone
from tuner.dashboard.optuna_app import SCRIPT
from tuner.dashboard.trial_json import TrialCache, compact
from tuner.monitoring import study_notes

if TYPE_CHECKING:
    from optuna.storages._cached_storage import _CachedStorage

    from storage.database.engine import Store
    from storage.studies import Study

SCRIPT_FILE = Path(__file__).with_name("static") / "poll.js"
OF_A_TRIAL = re.compile(r"dashboard:(?:artifacts:)?(\d+):")
NUMBER = re.compile(r"[0-9]{1,9}")  # of a trial
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
    trials: TrialCache
    lock: threading.Lock = field(default_factory=threading.Lock)
    note: str = ""
    noted: float = -NOTE_SECONDS


class Updates:
    """Answers for studies that are known here; others are left to optuna-dashboard.

    Args:
        stock: optuna-dashboard.
        storage: Its storage.
        store: Where trials have their captions; None shows them as Optuna has them.
    """

    def __init__(self, stock: ASGIApp, storage: _CachedStorage, store: Store | None) -> None:
        self._stock, self._storage, self._store = stock, storage, store
        self._watched: dict[int, _Watched] = {}
        self._lock = threading.Lock()
        self._nonce = secrets.token_hex(4)  # versions begin anew with this process

    def routes(self) -> list[Route]:
        """A study's details, and the script that asks for them."""
        return [
            Route("/api/studies/{study_id:int}", self._study, methods=["GET"]),
            Route(SCRIPT, _script, methods=["GET"]),
        ]

    def _study(self, request: Request) -> ASGIApp:
        body = self._detail(request.path_params["study_id"], request)
        if body is None:
            return self._stock
        return Response(body, media_type="application/json", headers={"Vary": "Tuner-Cursor"})

    def _detail(self, study_id: int, request: Request) -> bytes | None:
        """A study as JSON; None where it is gone or of a kind that is not known here."""
        after = request.query_params.get("after", "0")
        study = self._frozen(study_id) if NUMBER.fullmatch(after) else None
        if study is None:
            return None
        watched = self._watch(study)
        cursor = request.headers.get("Tuner-Cursor", "")
        with watched.lock:
            return self._answer(study, watched, int(after), cursor)

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
                watched = _Watched(uuid, TrialCache(study._study_id, study.directions))
                self._watched[study._study_id] = watched
            return watched

    def _forget(self, study_id: int) -> None:
        """Optuna's cache would show the trials of the study that had this id before."""
        with self._storage._lock:
            self._storage._studies.pop(study_id, None)

    def _answer(self, study: FrozenStudy, watched: _Watched, after: int, cursor: str) -> bytes:
        cache, ours = watched.trials, self._ours(study, watched)
        trials = self._storage.get_all_trials(study._study_id, deepcopy=False)
        cache.update(
            trials,
            _extras(study.system_attrs),
            frozenset() if ours is None else trial_annotations.with_model(self._must(), ours),
            lambda ids: (
                {} if ours is None else trial_annotations.list_annotations(self._must(), ours, ids)
            ),
        )
        cache.head({**self._head(study, watched, ours), "best_trials": cache.best()})
        since = _version(cursor, f"{self._nonce}.{watched.uuid}")
        about = {
            "uuid": watched.uuid,
            "cursor": f"{self._nonce}.{watched.uuid}.{cache.newest}",
            "delta": since is not None,
        }
        head = cache.head_since(since or 0)
        changed = cache.after(after) if since is None else cache.since(since)
        return b'{"tuner":%s,%s"trials":[%s]}' % (
            compact(about),
            head + b"," if head else b"",
            changed,
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
        extra = watched.trials.extra
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
            head["note"]["body"] = self._note(watched, ours) + study_notes.users_part(
                head["note"]["body"]
            )
            if all(item["key"] != "worker" for item in head["union_user_attrs"]):
                head["union_user_attrs"].append({"key": "worker", "sortable": False})
        return head

    def _note(self, watched: _Watched, study: Study) -> str:
        if time.monotonic() >= watched.noted + NOTE_SECONDS:
            try:
                watched.note = study_notes.note(overview.status(self._must(), study))
            except StudyGone:
                return watched.note
            watched.noted = time.monotonic()
        return watched.note


def _extras(attributes: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """A study's attributes that belong to its trials, by trial id."""
    extras: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        if of_trial := OF_A_TRIAL.match(key):
            extras.setdefault(int(of_trial[1]), {})[key] = value
    return extras


def _version(cursor: str, mine: str) -> int | None:
    """The version that a page has; None where it has none of ours."""
    identity, _, version = cursor.rpartition(".")
    return int(version) if identity == mine and version.isdecimal() else None


def _script(_request: Request) -> Response:
    return FileResponse(SCRIPT_FILE, media_type="text/javascript")

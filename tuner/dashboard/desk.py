"""Pages of our own beside Optuna's: workers, budget, failures, files, and buttons.

    /tuner                        all studies
    /tuner/studies/ID             one of them
    /tuner/studies/ID/ACTION      POST: pause, stop, resume, extend

Plain HTML without scripts. Whose request it is, and whether it may write, was decided before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from storage import captions, overview, studies
from storage.errors import StoreError, StudyGone
from tuner import extending
from tuner.dashboard import desk_pages, wsgi
from tuner.errors import UserError
from tuner.notes import Notes
from tuner.usage import usage

if TYPE_CHECKING:
    from storage.engine import Store
    from storage.studies import Study

STUDY = re.compile(r"/tuner/studies/(?P<study_id>\d{1,10})(?:/(?P<action>[a-z]+))?")
LARGEST_FORM = 1024  # bytes
MOST_MORE = 100_000  # trials that a study is given at once
FAILURES = 20  # that are shown

Action = Callable[["Store", "Study"], "Study"]
ACTIONS: dict[str, Action] = {
    "pause": studies.pause,
    "stop": studies.stop,
    "resume": studies.resume,
}


class Desk:
    """Serves the pages below ``/tuner``; everything else is the application's affair.

    Args:
        read_only: Shows no buttons.
    """

    def __init__(self, app: WSGIApplication, store: Store, *, read_only: bool) -> None:
        self._app, self._store, self._read_only = app, store, read_only

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = wsgi.path(environ)
        safe = wsgi.method(environ) in wsgi.SAFE_METHODS
        if path == "/tuner" and safe:
            return _answer(start_response, "200 OK", self._all())
        found = STUDY.fullmatch(path)
        if found is None or (found["action"] is None) != safe:
            return self._app(environ, start_response)
        study = studies.by_id(self._store, int(found["study_id"]))
        if study is None:
            return wsgi.refuse(environ, start_response, "404 Not Found", "No such study.")
        try:
            if safe:
                return _answer(start_response, "200 OK", self._one(study))
            return self._act(environ, start_response, study, found["action"])
        except StudyGone as e:
            return wsgi.refuse(environ, start_response, "404 Not Found", str(e))

    def _all(self) -> str:
        return desk_pages.studies(list(self._statuses()))

    def _statuses(self) -> Iterable[overview.Status]:
        for study in reversed(studies.list_studies(self._store)):
            try:
                yield overview.status(self._store, study)
            except StudyGone:
                continue

    def _one(self, study: Study, problem: str = "") -> str:
        return desk_pages.study(
            overview.status(self._store, study),
            captions.failures(self._store, study, count=FAILURES),
            usage(study),
            problem=problem,
            read_only=self._read_only,
        )

    def _act(
        self, environ: WSGIEnvironment, start_response: StartResponse, study: Study, name: str
    ) -> Iterable[bytes]:
        try:
            action = _extend(environ) if name == "extend" else ACTIONS.get(name)
            if action is None:
                return wsgi.refuse(environ, start_response, "404 Not Found", "No such button.")
            changed = action(self._store, study)
        except (StoreError, UserError) as e:
            return _answer(start_response, "409 Conflict", self._one(study, problem=str(e)))
        Notes(self._store, changed).update(overview.status(self._store, changed), now=True)
        return wsgi.redirect(start_response, f"/tuner/studies/{study.study_id}")


def _extend(environ: WSGIEnvironment) -> Action:
    length = environ.get("CONTENT_LENGTH") or "0"
    short = length.isdecimal() and int(length) <= LARGEST_FORM
    form = environ["wsgi.input"].read(int(length)).decode("latin-1") if short else ""
    given = parse_qs(form).get("trials", [""])[0].strip().removeprefix("+")
    if not (given.isascii() and given.isdecimal() and 1 <= int(given) <= MOST_MORE):
        raise StoreError(f"Expected 1 to {MOST_MORE} more trials. Received: {given[:20]!r}.")
    return lambda store, study: extending.extend(store, study, by=int(given))


def _answer(start_response: StartResponse, status: str, page: str) -> Iterable[bytes]:
    headers = [("Content-Security-Policy", desk_pages.POLICY), ("Cache-Control", "no-store")]
    return wsgi.respond(start_response, status, "text/html", page, headers)

"""The files of trials: learning curves, drawn when they are asked for, and models.

Models lie where their study keeps them; nothing is copied, and nothing can be uploaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from storage import captions, studies, trials
from storage.artifacts import Artifacts
from storage.errors import StoreError
from tuner.dashboard import wsgi
from tuner.dashboard.captions import CURVE, KERAS, OURS, SVG
from tuner.dashboard.drawing import learning_curve

if TYPE_CHECKING:
    from storage.captions import Caption
    from storage.engine import Store
    from storage.studies import Study

FILE = re.compile(r"/artifacts/(?P<study_id>\d{1,10})/\d+/(?P<artifact_id>[\da-fA-F-]+)")
CHUNK = 1 << 16  # bytes sent at once


class TrialFiles:
    """Serves what ``captions.artifacts`` lists; every other file is the application's affair."""

    def __init__(self, app: WSGIApplication, store: Store) -> None:
        self._app, self._store = app, store

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        found = FILE.fullmatch(wsgi.path(environ))
        ours = OURS.fullmatch(found["artifact_id"]) if found else None
        if found is None or ours is None or wsgi.method(environ) not in wsgi.SAFE_METHODS:
            return self._app(environ, start_response)
        trial_id = int(ours["trial_id"])
        study = studies.by_id(self._store, int(found["study_id"]))
        known = {} if study is None else captions.captions(self._store, study, [trial_id])
        if study is None or trial_id not in known:
            return wsgi.refuse(environ, start_response, "404 Not Found", "No such trial.")
        caption = known[trial_id]
        if ours["kind"] == CURVE:
            return self._curve(start_response, trial_id, caption)
        return _model(environ, start_response, study, caption)

    def _curve(
        self, start_response: StartResponse, trial_id: int, caption: Caption
    ) -> Iterable[bytes]:
        curve = trials.curve(self._store, trial_id)
        picture = learning_curve(curve, f"trial {caption.number}")
        return wsgi.respond(start_response, "200 OK", SVG, picture)


def _model(
    environ: WSGIEnvironment, start_response: StartResponse, study: Study, caption: Caption
) -> Iterable[bytes]:
    if caption.model is None:
        reason = f"The model of trial {caption.number} is not kept (any more)."
        return wsgi.refuse(environ, start_response, "404 Not Found", reason)
    try:
        file, size = Artifacts(study.spec["artifacts"], study).open(caption.model)
    except (OSError, StoreError) as e:
        reason = f"The model of trial {caption.number} cannot be read from here: {e}"
        return wsgi.refuse(environ, start_response, "404 Not Found", reason)
    name = f"{study.name}-trial-{caption.number}.keras"
    headers = [
        ("Content-Type", KERAS),
        ("Content-Length", str(size)),
        ("Content-Disposition", f'attachment; filename="{re.sub(r"[^A-Za-z0-9._-]", "-", name)}"'),
    ]
    start_response("200 OK", headers)
    return _Chunks(file) if wsgi.method(environ) == "GET" else []


class _Chunks:
    """A file, piece by piece; closed by the server."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._file.read(CHUNK):
            yield chunk

    def close(self) -> None:
        self._file.close()


class NoUploads:
    """What optuna-dashboard is given as its store of files, so that it lists ours.

    An artifact store as ``optuna.artifacts`` describes it.
    """

    def open_reader(self, artifact_id: str) -> BinaryIO:
        from optuna.artifacts.exceptions import ArtifactNotFound

        raise ArtifactNotFound(artifact_id)

    def write(self, artifact_id: str, content_body: Any) -> None:
        raise NotImplementedError("Nothing is uploaded through the dashboard.")

    def remove(self, artifact_id: str) -> None:
        """A deleted study's files go with its folder."""

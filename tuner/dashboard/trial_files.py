"""The files of trials: learning curves, drawn when they are asked for, and models.

Models lie where their study keeps them; a copy that is whole is sent. Nothing can be uploaded.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from storage import studies, trial_annotations, trials
from storage.errors import StoreError
from storage.files.artifacts import Artifacts, DamagedFile
from storage.trial_writes import LoggedFile
from tuner.dashboard.curve_svg import LINES, learning_curve, line_of
from tuner.dashboard.refusal import refuse
from tuner.dashboard.trial_captions import CURVE, FILE, KERAS, OURS, SVG, media_type

if TYPE_CHECKING:
    from storage.database.engine import Store
    from storage.studies import Study
    from storage.trial_annotations import TrialAnnotation

CHUNK = 1 << 16  # bytes sent at once
NOT_FOUND = 404


class TrialFiles:
    """Serves what ``trial_captions.artifacts`` lists; other files are optuna-dashboard's affair.

    Args:
        stock: optuna-dashboard.
    """

    def __init__(self, store: Store, stock: ASGIApp) -> None:
        self._store, self._stock = store, stock

    def routes(self) -> list[Route]:
        """Where the files are found."""
        path = "/artifacts/{study_id:int}/{trial_id:int}/{artifact_id}"
        return [Route(path, self._file, methods=["GET"])]

    def _file(self, request: Request) -> ASGIApp:
        ours = OURS.fullmatch(request.path_params["artifact_id"])
        if ours is None:
            return self._stock
        trial_id = int(ours["trial_id"])
        study = studies.by_id(self._store, request.path_params["study_id"])
        by_id = (
            {}
            if study is None
            else trial_annotations.list_annotations(self._store, study, [trial_id])
        )
        if study is None or trial_id not in by_id:
            return refuse(request.scope, NOT_FOUND, "No such trial.")
        caption = by_id[trial_id]
        if ours["kind"] == CURVE:
            curve = trials.curve(self._store, trial_id)
            own = study.spec.get("own_training")
            lines = line_of(study.spec["objective"]) if own else LINES
            drawn = learning_curve(curve, f"trial {caption.number}", lines)
            return Response(drawn, media_type=SVG)
        if ours["kind"] == FILE:
            return _logged_file(request, study, caption, int(ours["place"] or 0))
        return _model(request, study, caption)


def _model(request: Request, study: Study, caption: TrialAnnotation) -> Response:
    if caption.model is None:
        reason = f"The model of trial {caption.number} is not kept (any more)."
        return refuse(request.scope, NOT_FOUND, reason)
    file = LoggedFile(
        name=f"{study.name}-trial-{caption.number}.keras",
        path=caption.model,
        sha256=caption.model_sha256 or "",
    )
    what = f"The model of trial {caption.number}"
    return _sent(request, study, file, media=KERAS, what=what)


def _logged_file(request: Request, study: Study, caption: TrialAnnotation, index: int) -> Response:
    if index >= len(caption.files):
        return refuse(request.scope, NOT_FOUND, "No such file.")
    file = caption.files[index]
    what = f"The file {file.name} of trial {caption.number}"
    return _sent(request, study, file, media=media_type(file.name), what=what)


def _sent(request: Request, study: Study, logged: LoggedFile, *, media: str, what: str) -> Response:
    """A copy of a file that is whole; without a checksum any."""
    with ExitStack() as opened:
        try:
            local = Artifacts(study.spec["artifacts"], study).local
            path = opened.enter_context(local(logged.path, logged.sha256 or None))
            file = opened.enter_context(path.open("rb"))
        except (OSError, StoreError, DamagedFile) as e:
            reason = f"{what} cannot be read from here: {e}"
            return refuse(request.scope, NOT_FOUND, reason)
        copy = opened.pop_all()
    name = re.sub(r"[^A-Za-z0-9._-]", "-", logged.name)
    headers = {
        "Content-Length": str(path.stat().st_size),
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    if request.method == "HEAD":
        copy.close()
        return Response(media_type=media, headers=headers)
    return StreamingResponse(_chunks(file, copy), media_type=media, headers=headers)


async def _chunks(file: BinaryIO, copy: ExitStack) -> AsyncIterator[bytes]:
    """A file, piece by piece: no thread waits while its client takes one.

    Args:
        copy: Closes the file, and removes it where it is a copy of one elsewhere.
    """
    with copy:
        while chunk := await run_in_threadpool(file.read, CHUNK):
            yield chunk

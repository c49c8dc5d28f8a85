"""Pages of our own beside Optuna's: workers, budget, failures, files, and buttons.

    /tuner                        all studies
    /tuner/studies/ID             one of them
    /tuner/studies/ID/ACTION      POST: pause, stop, resume, extend

Whose request it is, and whether it may write, was decided before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from storage import overview, studies, study_states, trial_annotations
from storage.errors import StoreError, StudyGone
from tuner.dashboard.pages import OK, page
from tuner.dashboard.refusal import refuse
from tuner.errors import UserError
from tuner.monitoring import study_notes
from tuner.monitoring.disk_usage import disk_usage, format_usage
from tuner.studies.objective import objective_of, objectives_of
from tuner.study_setup import extend_study

if TYPE_CHECKING:
    from storage.database.engine import Store
    from storage.files.artifacts import Usage
    from storage.studies import Study
    from storage.trial_annotations import TrialAnnotation
    from storage.workers import WorkerRecord

LARGEST_FORM = 1024  # bytes
MOST_MORE = 100_000  # trials that a study is given at once
FAILURES = 20  # that are shown
WORKERS = 100  # that are listed
MEMBERS = 50  # trials of a Pareto front that are listed
SEE_OTHER, NOT_FOUND, CONFLICT = 303, 404, 409

Action = Callable[["Store", "Study"], "Study"]
ACTIONS: dict[str, Action] = {
    "pause": study_states.pause,
    "stop": study_states.stop,
    "resume": study_states.resume,
}
BUTTONS = {  # by the state of a study
    "running": ("pause", "stop"),
    "paused": ("resume", "stop"),
    "stopped": ("resume",),
    "finished": (),
}


class StudyPages:
    """Serves the pages below ``/tuner``.

    Args:
        read_only: Shows no buttons.
    """

    def __init__(self, store: Store, *, read_only: bool) -> None:
        self._store, self._read_only = store, read_only

    def routes(self) -> list[Route]:
        """The pages and their buttons."""
        one = "/tuner/studies/{study_id:int}"
        return [
            Route("/tuner", self._all, methods=["GET"]),
            Route(one, self._one, methods=["GET"]),
            Route(one + "/{action}", self._press, methods=["POST"]),
        ]

    def _all(self, _request: Request) -> Response:
        return page("studies.html", statuses=list(self._statuses()))

    def _statuses(self) -> Iterable[overview.Status]:
        for study in reversed(studies.list_studies(self._store)):
            try:
                yield overview.status(self._store, study)
            except StudyGone:
                continue

    def _one(self, request: Request) -> Response:
        study = studies.by_id(self._store, request.path_params["study_id"])
        if study is None:
            return refuse(request.scope, NOT_FOUND, "No such study.")
        try:
            return self._page(study)
        except StudyGone as e:
            return refuse(request.scope, NOT_FOUND, str(e))

    def _page(self, study: Study, status: int = OK, problem: str = "") -> Response:
        context = study_context(
            overview.status(self._store, study),
            trial_annotations.failures(self._store, study, count=FAILURES),
            disk_usage(study),
            problem=problem,
            read_only=self._read_only,
        )
        return page("study.html", status, **context)

    async def _press(self, request: Request) -> Response:
        return await run_in_threadpool(self._act, request, await request.body())

    def _act(self, request: Request, form: bytes) -> Response:
        study = studies.by_id(self._store, request.path_params["study_id"])
        if study is None:
            return refuse(request.scope, NOT_FOUND, "No such study.")
        name = request.path_params["action"]
        try:
            action = _extend(form) if name == "extend" else ACTIONS.get(name)
            if action is None:
                return refuse(request.scope, NOT_FOUND, "No such button.")
            changed = action(self._store, study)
            study_notes.renew(self._store, changed)
        except StudyGone as e:
            return refuse(request.scope, NOT_FOUND, str(e))
        except (StoreError, UserError) as e:
            return self._page(study, CONFLICT, str(e))
        return RedirectResponse(f"/tuner/studies/{study.study_id}", SEE_OTHER)


def _extend(form: bytes) -> Action:
    text = form.decode("latin-1") if len(form) <= LARGEST_FORM else ""
    typed = parse_qs(text).get("trials", [""])[0].strip().removeprefix("+")
    if not (typed.isascii() and typed.isdecimal() and 1 <= int(typed) <= MOST_MORE):
        raise StoreError(f"Expected 1 to {MOST_MORE} more trials. Received: {typed[:20]!r}.")
    return lambda store, study: extend_study.extend(store, study, by=int(typed))


def study_context(
    status: overview.Status,
    failures: Sequence[TrialAnnotation],
    files: Mapping[str, Usage] | None,
    *,
    problem: str = "",
    read_only: bool = False,
) -> dict[str, Any]:
    """What stands in ``study.html``.

    Args:
        failures: Its last failures, the newest first.
        files: Its files by kind; None where they cannot be seen.
        problem: Why what was asked for was not done.
        read_only: Shows no buttons.
    """
    study = status.study
    return {
        "status": status,
        "study": study,
        "problem": problem,
        "buttons": () if read_only else BUTTONS.get(study.state, ()),
        "read_only": read_only,
        "objective": objective_of(study),
        "objectives": objectives_of(study),
        "members": status.front[:MEMBERS],
        "workers": _by_state(status.workers)[:WORKERS],
        "failures": [caption for caption in failures if caption.failure is not None],
        "searched": " ".join([study.spec["space"], *study.spec.get("overrides", ())]),
        "disk": format_usage(files),
    }


def _by_state(workers: Sequence[WorkerRecord]) -> list[WorkerRecord]:
    """Those that are alive, then the others, seen last first."""
    alive = [worker for worker in workers if worker.state == "alive"]
    others = [worker for worker in workers if worker.state != "alive"]
    return [*alive, *sorted(others, key=lambda worker: -worker.seen_at)]

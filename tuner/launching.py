"""From what a user typed to a study in the store: everything is checked before anything is made."""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from search_spaces import overrides, sources
from storage import engine, overview, studies
from storage import url as urls
from storage.artifacts import Artifacts, check_place
from storage.engine import Store
from storage.errors import StoreError
from storage.pruning import PruningRule
from storage.studies import FINISHED, RUNNING, Limits, Study
from tuner import rehearsal
from tuner.datasets import DataSpec
from tuner.errors import UserError
from tuner.goal import Goal
from tuner.pruners import PRUNERS
from tuner.rehearsal import Findings, Plan
from tuner.study import StudySpec

TRIALS = 20  # unless the user says otherwise
LEASE = 30.0  # seconds, unless the user says otherwise
LONGEST_NAME = 100
FOLDER = "tuner-artifacts"
How = Literal["launched", "goes on", "resumed", "finished before"]
FINGERPRINTS = {
    "space_fingerprint": "the source of the search space was changed",
    "code_fingerprint": "the source of a metric or callback was changed",
    "data_fingerprint": "the data were changed",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user asks for.

    What is None takes the value of the study where there is one already, else the default.
    The attributes are those of ``StudySpec`` and ``Limits``, and:

    Attributes:
        name: Of the study; None puts it together from the space and the data.
        trials: The budget.
        lease: Seconds for which a worker may be silent.
    """

    space: str
    data: DataSpec
    overrides: tuple[str, ...] = ()
    name: str | None = None
    goal: Goal = field(default_factory=Goal)
    further: tuple[Goal, ...] = ()
    metrics: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    repeats: int = 1
    sampler: str = "tpe"
    pruner: str = "median"
    seed: int = 0
    precision: str = "float32"
    trials: int | None = None
    target: float | None = None
    patience: int | None = None
    timeout: float | None = None
    lease: float | None = None
    epoch_patience: int | None = None
    trial_timeout: float | None = None
    stall_timeout: float = 600.0
    max_parameters: int | None = None
    max_memory: int | None = None
    synchronous_reports: bool = False
    keep: int = 3
    artifacts: str | None = None

    @property
    def plan(self) -> Plan:
        """What has to be tried before there is a study."""
        return Plan(
            space=sources.absolute(self.space),
            overrides=tuple(map(overrides.absolute, self.overrides)),
            data=self.data.resolve(),
            metrics=tuple(map(sources.absolute, self.measured)),
            callbacks=tuple(map(sources.absolute, self.callbacks)),
            sampler=self.sampler,
            precision=self.precision,
        )

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics, with those of the objectives."""
        asked = (goal.metric for goal in (self.goal, *self.further))
        named = [sources.short(name) for name in self.metrics]
        lacking = (name for name in asked if name is not None and name not in named)
        return (*lacking, *self.metrics)

    @property
    def study(self) -> str:
        """The name of the study.

        Raises:
            UserError: It would be hard to type or to show.
        """
        if self.name is None:
            data = _short(self.data.source) if self.data.is_path else self.data.source
            return _typeable(f"{_short(self.space)}-{data}")
        if not self.name.isprintable() or self.name[:1] in ("", "-", " "):
            raise UserError(
                f"Expected a study name that can be typed. Received: {self.name!r}: begin it "
                "with a letter or a number."
            )
        if len(self.name) > LONGEST_NAME:
            raise UserError(
                f"Expected a study name of at most {LONGEST_NAME} characters. "
                f"Received: {len(self.name)}: shorten it."
            )
        return self.name


def launch(storage: str, request: Request) -> tuple[Store, Study, How]:
    """Makes a study, or finds the one of the same name and definition.

    Returns:
        The open store, which the caller closes; the study; and what became of it.

    Raises:
        SpaceError: The space or an override cannot be used.
        UserError: Something else of the request cannot be used, or differs from the study's.
        StoreError: The store or the folder of artifacts cannot be used.
    """
    made = draft(storage, request)
    store = engine.open_store(storage)
    try:
        return store, *_find_or_make(store, request, made)
    except BaseException:
        store.close()
        raise


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A study that could be made: everything of it was checked."""

    name: str
    spec: StudySpec
    budget: int


def draft(storage: str, request: Request) -> Draft:
    """Checks all of a request, and makes nothing.

    Raises:
        SpaceError, UserError, StoreError: As ``launch``.
    """
    _check_several(request)
    folder = _absolute(request.artifacts or default_folder(storage))
    _check_folder(folder)
    name, plan = request.study, request.plan
    findings = rehearsal.rehearse(plan)
    budget = _budget(request, findings)
    return Draft(name=name, spec=_spec(request, plan, findings, folder), budget=budget)


def _check_several(request: Request) -> None:
    """Refuses what makes no sense with several objectives."""
    if not request.further:
        return
    refused = {
        "--target-loss": request.target is not None,
        "--study-patience": request.patience is not None,
        "--sampler cmaes": request.sampler == "cmaes",
    }
    for option, given in refused.items():
        if given:
            names = ", ".join(goal.name for goal in (request.goal, *request.further))
            raise UserError(
                f"Expected one --objective with {option}. Received: {names}: leave {option} out, "
                "or name one objective."
            )


def _spec(request: Request, plan: Plan, findings: Findings, folder: str) -> StudySpec:
    (goal, *further), metrics = (request.goal, *request.further), plan.metrics
    loss = Goal().name
    if loss in {g.name for g in (goal, *further)} and findings.shared_metric is not None:
        shared = Goal.of(findings.shared_metric)
        goal, *further = dict.fromkeys(shared if g.name == loss else g for g in (goal, *further))
        metrics = tuple(dict.fromkeys((findings.shared_metric, *metrics)))
    return StudySpec(
        space=plan.space,
        overrides=plan.overrides,
        space_fingerprint=findings.space_fingerprint,
        data=findings.data,
        data_fingerprint=findings.data_fingerprint,
        objective=goal.name,
        maximize=goal.maximize,
        further=tuple(further),
        metrics=metrics,
        callbacks=plan.callbacks,
        code_fingerprint=findings.code_fingerprint,
        repeats=request.repeats,
        sampler=request.sampler,
        points=findings.points,
        pruner=_pruner(request),
        seed=request.seed,
        precision=plan.precision,
        epoch_patience=request.epoch_patience,
        trial_timeout=request.trial_timeout,
        stall_timeout=request.stall_timeout,
        max_parameters=request.max_parameters,
        max_memory=request.max_memory,
        synchronous_reports=request.synchronous_reports,
        keep=request.keep,
        artifacts=folder,
    )


def _pruner(request: Request) -> PruningRule:
    """The rule of that name; where trials are rounds, a step is one of them, and all may prune."""
    rule = PRUNERS[request.pruner]
    several = request.repeats * request.data.folds > 1
    return dataclasses.replace(rule, warmup=1) if several else rule


def _budget(request: Request, findings: Findings) -> int:
    """The trials of a new study: as many as were asked for, or as the sampler has to offer."""
    if findings.points is None:
        return request.trials or TRIALS
    if request.trials is not None and request.trials > findings.points:
        raise UserError(
            f"Expected at most --trials {findings.points}, the points of the grid. "
            f"Received: {request.trials}."
        )
    return request.trials or findings.points


def _find_or_make(store: Store, request: Request, made: Draft) -> tuple[Study, How]:
    found = studies.find(store, made.name)
    if found is None:
        try:
            return _make(store, request, made)
        except StoreError:
            found = studies.find(store, made.name)  # by somebody who launched it at this moment
            if found is None:
                raise
    return _go_on(store, found, request, made.spec)


def _make(store: Store, request: Request, made: Draft) -> tuple[Study, How]:
    study = studies.create(
        store,
        name=made.name,
        spec=made.spec.to_dict(),
        budget=made.budget,
        lease_seconds=request.lease or LEASE,
        limits=Limits(target=request.target, patience=request.patience, timeout=request.timeout),
        maximize=made.spec.maximize,
        further=[goal.maximize for goal in made.spec.further],
        names=[goal.name for goal in made.spec.goals] if made.spec.further else (),
    )
    try:
        Artifacts(made.spec.artifacts, study).mark()
    except BaseException:
        studies.delete(store, study)
        raise
    return study, "launched"


def _go_on(store: Store, study: Study, request: Request, spec: StudySpec) -> tuple[Study, How]:
    _check_same(study, request, spec)
    counts = overview.count(store, study)
    if counts.ended + counts.running + counts.waiting == 0:
        Artifacts(study.spec["artifacts"], study).mark()  # its maker may have died before
    if study.state == FINISHED:
        return study, "finished before"
    if study.state == RUNNING:
        return study, "goes on"
    return studies.resume(store, study), "resumed"


def _check_same(study: Study, request: Request, spec: StudySpec) -> None:
    there = StudySpec.from_dict(study.spec)
    differences = dict(
        line.split(": ", maxsplit=1)
        for line in spec.differences(there)
        if request.artifacts is not None or not line.startswith("artifacts: ")
    )
    told = {name: text for name, text in differences.items() if name not in FINGERPRINTS}
    shown = [f"{name.replace('_', '-')}: {text}" for name, text in told.items()]
    shown = shown or [FINGERPRINTS[name] for name in differences]
    shown += _other_numbers(study, request)
    if shown:
        raise UserError(
            f"Expected the definition that study {study.name!r} was launched with. Received "
            f"another one ({'; '.join(shown)}): give it another name with --study."
        )
    if request.trials not in (None, study.budget):
        raise UserError(
            f"Expected --trials {study.budget}, which study {study.name!r} was launched with or "
            f"extended to. Received: {request.trials}. For more trials: "
            f"tuner extend {study.name} --trials +{TRIALS}"
        )


def _other_numbers(study: Study, request: Request) -> list[str]:
    """What was asked for beside the definition and is otherwise in the study."""
    limits = study.limits
    pairs = {
        "target-loss": (request.target, limits.target),
        "study-patience": (request.patience, limits.patience),
        "study-timeout": (request.timeout, limits.timeout),
        "lease": (request.lease, study.lease_seconds),
    }
    return [
        f"{name}: {asked:g} instead of {'none' if there is None else format(there, 'g')}"
        for name, (asked, there) in pairs.items()
        if asked is not None and asked != there
    ]


def _short(name: str) -> str:
    """``net`` of ``path/net.py:build`` and ``net/:64x64``, ``Net`` of ``package.module:Net``."""
    place, _, attribute = name.rpartition(":")
    if place and not place.endswith(".py") and not re.fullmatch(r"\d+x\d+", attribute):
        return attribute
    return Path(place or name).stem


def _typeable(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-")[:LONGEST_NAME]


def default_folder(storage: str) -> str:
    """Beside the SQLite file; for a server the current folder."""
    url = urls.parse(storage)
    beside = Path(url.database or "").parent if url.get_backend_name() == "sqlite" else Path.cwd()
    return str(beside / FOLDER)


def _is_url(folder: str) -> bool:
    return "://" in folder or "::" in folder


def _absolute(folder: str) -> str:
    return folder if _is_url(folder) else str(Path(folder).expanduser().resolve())


def _check_folder(folder: str) -> None:
    """Refuses a folder that cannot be made, before anything else is."""
    check_place(folder)
    if _is_url(folder):
        return
    path = Path(folder)
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UserError(
            f"Expected a folder for models and checkpoints that can be written. "
            f"Received: {path}. Choose another with --artifacts."
        )

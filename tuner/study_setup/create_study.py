"""From what a user typed to a study in the store: everything is checked before anything is made."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from search_spaces.optimizers import OPTIMIZERS
from search_spaces.parameters import overrides
from search_spaces.user_code import source_files
from storage import overview, studies, study_attributes, study_states, trial_actions
from storage.database import engine
from storage.database.engine import Store
from storage.errors import StoreError
from storage.files.artifacts import Artifacts
from storage.pruning import PromotionRule, PruningRule
from storage.studies import FINISHED, RUNNING, Limits, Study
from tuner import datasets
from tuner.datasets.sources.user_files import check_kind
from tuner.errors import UserError, shorten
from tuner.metrics import METRICS, ending
from tuner.search.pruners import PRUNERS
from tuner.search.samplers import SAMPLERS
from tuner.studies.objective import Objective
from tuner.studies.study_spec import StudySpec
from tuner.study_setup import past_sources, similar_studies, validation
from tuner.study_setup.artifacts_folder import (
    absolute_folder,
    check_folder,
    check_no_password,
    default_folder,
)
from tuner.study_setup.launch_request import TRIALS, LaunchRequest
from tuner.study_setup.past_sources import AUTO, NONE
from tuner.study_setup.past_study import MOST_TAKEN, PastKnowledge, PastStudy, best_first
from tuner.study_setup.same_definition import check_same
from tuner.study_setup.similar_studies import MOST_SIMILAR, only_similar
from tuner.study_setup.validation_plan import ValidationPlan, ValidationResult

LEASE = 30.0  # seconds, unless the user says otherwise
How = Literal["launched", "goes on", "resumed", "finished before"]
AS_MADE = (
    "drop_index",
    "drop_frame_index",
    "exact",
    "weighted_mean",
    "lenient",
)  # not in older ones


def create_study(
    storage: str, request: LaunchRequest, draft: StudyDraft | None = None
) -> tuple[Store, Study, How]:
    """Makes a study, or finds the one of the same name and definition.

    Args:
        draft: The request's draft, where there is one already.

    Returns:
        The open store, which the caller closes; the study; and what became of it.

    Raises:
        SpaceError: The space or an override cannot be used.
        UserError: Something else of the request cannot be used, or differs from the study's.
        StoreError: The store or the folder of artifacts cannot be used.
    """
    draft = draft or check_launch(storage, request)
    store = engine.open_store(storage)
    try:
        return store, *_find_or_make(store, request, draft)
    except BaseException:
        store.close()
        raise


@dataclass(frozen=True, kw_only=True)
class StudyDraft:
    """A study that could be made: everything of it was checked.

    Attributes:
        outline: What the data were taken for.
        notes: What a user should know of how they were read, one line each.
        exists: Whether it was made before, so that a launch goes on with it; None where nobody has
            looked.
        past: What it takes from past studies; None where none is named.
    """

    name: str
    spec: StudySpec
    budget: int
    outline: str = ""
    notes: tuple[str, ...] = ()
    exists: bool | None = None
    past: PastKnowledge | None = None


def check_launch(storage: str, request: LaunchRequest) -> StudyDraft:
    """Goes through every check of ``launch``, and makes nothing.

    Raises:
        SpaceError, UserError, StoreError: As ``launch``.
    """
    draft = draft_study(storage, request)
    store = engine.open_if_there(storage)
    if store is None:
        return dataclasses.replace(draft, exists=False)
    with contextlib.closing(store):
        existing = studies.find(store, draft.name)
        if existing is not None:
            check_same(existing, request, draft.spec)
    return dataclasses.replace(draft, exists=existing is not None)


def draft_study(storage: str, request: LaunchRequest) -> StudyDraft:
    """Checks all of a request, and makes nothing.

    Raises:
        SpaceError, UserError, StoreError: As ``launch``.
    """
    _check_several(request)
    rule = _pruning_rule(request)
    existing = _existing(storage, request)
    if existing is not None:
        request = _as_before(existing, request)
    folder = absolute_folder(request.artifacts or default_folder(storage))
    if existing is None:
        check_no_password(folder)
    check_folder(folder)
    name, plan = request.study, request.plan
    _check_files(plan)
    past = _past_studies(storage, request, plan)
    named = request.like != (AUTO,)
    ranked = best_first(past, MOST_TAKEN if named else MOST_SIMILAR)
    if ranked:
        values = tuple(one.trial.hyperparameters for one in ranked)
        plan = dataclasses.replace(plan, past=values, past_named=named)
    findings = validation.validate(plan)
    spec = _spec(request, plan, findings, rule, folder)
    knowledge = None
    if findings.past is not None:
        knowledge = PastKnowledge(
            studies=past, ranked=ranked, points=findings.past, objective=spec.main_objective
        )
        if not plan.past_named:
            knowledge = only_similar(knowledge, spec)
    if knowledge is not None:
        sources = tuple(study.source for study in knowledge.studies)
        spec = dataclasses.replace(spec, past=sources)
    return StudyDraft(
        name=name,
        spec=spec,
        budget=_budget(request, findings),
        outline=findings.outline,
        notes=findings.notes,
        past=knowledge,
    )


def _past_studies(storage: str, request: LaunchRequest, plan: ValidationPlan) -> list[PastStudy]:
    like = request.like
    if like in ((), (NONE,)):
        return []
    if SAMPLERS[request.sampler].plan is not None:
        raise UserError(
            f"Expected a sampler that chooses freely with --like. Received: --sampler "
            f"{request.sampler}, which plans all trials: name another one, or leave --like out."
        )
    if like == (AUTO,):
        several = bool(request.further)
        return [] if several else similar_studies.read_candidates(storage, plan.space)
    if {NONE, AUTO} & {*like}:
        raise UserError(
            f"Expected --like {NONE} or --like {AUTO} alone, or past studies. Received: "
            f"{shorten(', '.join(like), 100)}."
        )
    objectives = (request.objective, *request.further)
    return [past_sources.read(text, objectives, storage) for text in like]


def _check_files(plan: ValidationPlan) -> None:
    """Refuses what is no file before a process is started that would read it."""
    values = [part for text in plan.overrides for part in text.partition("=")[2].split(",")]
    source_files.check_files((plan.space, *plan.metrics, *plan.callbacks, *values))
    for path in (plan.data.source, *plan.data.given.values()):
        check_kind(path)


def _existing(storage: str, request: LaunchRequest) -> Study | None:
    """The study of that name, if there is one."""
    try:
        store = engine.open_store(storage, create=False)
    except StoreError:  # which is told when the store is opened to make the study
        return None
    with contextlib.closing(store):
        return studies.find(store, request.study)


def _as_before(existing: Study, request: LaunchRequest) -> LaunchRequest:
    """The request for a study that there is already, as its own version understood it.

    One that was made before columns that count the rows were left out has them as features; it
    also rounds numbers and weighs rows as it began. Rows are streamed or held as they were then,
    whatever memory there is now.
    """
    made = existing.spec["data"]
    as_made: dict[str, Any] = {name: False for name in AS_MADE if name not in made}
    if request.data.stream is None:  # which was chosen when it was made
        as_made["stream"] = made.get("stream", False)
    data = dataclasses.replace(request.data, **as_made)
    return dataclasses.replace(request, data=data, like=())  # which were taken when it was made


def _check_several(request: LaunchRequest) -> None:
    """Refuses what makes no sense with several objectives."""
    if not request.further:
        return
    refused = {
        "--target-loss": request.target is not None,
        "--study-patience": request.patience is not None,
        "--stop-when-flat": request.stop_when_flat,
        f"--sampler {request.sampler}": not SAMPLERS[request.sampler].several_objectives,
    }
    for option, is_given in refused.items():
        if is_given:
            names = ", ".join(objective.name for objective in (request.objective, *request.further))
            raise UserError(
                f"Expected one --objective with {option}. Received: {names}: leave {option} out, "
                "or name one objective."
            )


def _spec(
    request: LaunchRequest,
    plan: ValidationPlan,
    findings: ValidationResult,
    rule: PruningRule,
    folder: str,
) -> StudySpec:
    (objective, *further), metrics = (request.objective, *request.further), plan.metrics
    loss = Objective().name
    if loss in {g.name for g in (objective, *further)} and findings.shared_metric is not None:
        shared = Objective.of(findings.shared_metric)
        objective, *further = dict.fromkeys(
            shared if g.name == loss else g for g in (objective, *further)
        )
        metrics = tuple(dict.fromkeys((findings.shared_metric, *metrics)))
    return StudySpec(
        space=plan.space,
        own_training=plan.own_training,
        arguments=plan.arguments,
        overrides=plan.overrides,
        space_fingerprint=findings.space_fingerprint,
        data=findings.data,
        data_fingerprint=findings.data_fingerprint,
        objective=objective.name,
        maximize=objective.maximize,
        further=tuple(further),
        loss_unit=findings.loss_unit,
        metrics=metrics,
        callbacks=plan.callbacks,
        code_fingerprint=findings.code_fingerprint,
        packages=_packages(plan, rule.kind),
        repeats=request.repeats,
        sampler=request.sampler,
        points=findings.points,
        tiny_points=findings.tiny_points,
        pruner=rule.to_dict(),
        seed=request.seed,
        precision=plan.precision,
        epoch_patience=request.epoch_patience,
        stop_when_flat=request.stop_when_flat,
        trial_timeout=request.trial_timeout,
        stall_timeout=request.stall_timeout,
        max_parameters=request.max_parameters,
        max_memory=request.max_memory,
        constraints=request.constraints,
        synchronous_reports=request.synchronous_reports,
        keep=request.keep,
        artifacts=folder,
    )


def _packages(plan: ValidationPlan, pruner_kind: str) -> tuple[str, ...]:
    """Those with their versions that parts of the study come from, where not from here."""
    optimizers = overrides.parse(plan.overrides).get("optimizer", "")
    named = (
        *map(OPTIMIZERS.package_of, optimizers.split(",")),
        SAMPLERS.package_of(plan.sampler),
        PRUNERS.package_of(pruner_kind),
        datasets.package_of(plan.data.source) if plan.data.source != datasets.NO_DATA else None,
        *(METRICS.package_of(ending(name) or "") for name in plan.metrics if ":" not in name),
    )
    return tuple(sorted({package for package in named if package is not None}))


def _pruning_rule(request: LaunchRequest) -> PruningRule:
    """The rule of that name; where trials are rounds, a step is one of them, and all may prune."""
    rule = PRUNERS[request.pruner]
    if type(PRUNERS.get(rule.kind)) is not type(rule):
        raise UserError(
            f"Expected the package of the pruner {request.pruner!r} to register one by the name of "
            f"its kind (tuner.pruners). Received: {rule.kind!r}: update that package."
        )
    has_rounds = request.repeats * request.data.folds > 1
    rule = dataclasses.replace(rule, warmup=1) if has_rounds else rule
    if rule.most_resting and request.own_training:
        raise UserError(
            f"Expected a pruner that ends trials: {request.space} trains by itself, and is not "
            f"resumed where it stopped. Received: --pruner {request.pruner}: use --pruner asha."
        )
    if request.rest is None:
        return rule
    if not isinstance(rule, PromotionRule):
        raise UserError(
            f"Expected --pruner asha-promotion with --rest: only its trials rest. Received: "
            f"--pruner {request.pruner}: name that pruner, or leave --rest out."
        )
    return dataclasses.replace(rule, rest=request.rest)


def _budget(request: LaunchRequest, findings: ValidationResult) -> int:
    """The trials of a new study: as many as were asked for, or as the sampler has to offer."""
    if findings.points is None:
        return request.trials or TRIALS
    if request.trials is not None and request.trials > findings.points:
        raise UserError(
            f"Expected at most --trials {findings.points}, the points of the grid. "
            f"Received: {request.trials}."
        )
    return request.trials or findings.points


def _find_or_make(store: Store, request: LaunchRequest, draft: StudyDraft) -> tuple[Study, How]:
    existing = studies.find(store, draft.name)
    if existing is None:
        try:
            return _make(store, request, draft)
        except StoreError:
            existing = studies.find(store, draft.name)  # by somebody who launched it at this moment
            if existing is None:
                raise
    return _go_on(store, existing, request, draft.spec)


def _make(store: Store, request: LaunchRequest, draft: StudyDraft) -> tuple[Study, How]:
    study = studies.create(
        store,
        name=draft.name,
        spec=draft.spec.to_dict(),
        budget=draft.budget,
        lease_seconds=request.lease or LEASE,
        limits=Limits(target=request.target, patience=request.patience, timeout=request.timeout),
        maximize=draft.spec.maximize,
        further=[objective.maximize for objective in draft.spec.further],
        names=[objective.name for objective in draft.spec.objectives] if draft.spec.further else (),
    )
    try:
        Artifacts(draft.spec.artifacts, study).mark()
        if draft.spec.stop_when_flat:
            study_attributes.write(store, study, study_attributes.STOP_WHEN_FLAT, True)
        if draft.past is not None:
            trial_actions.enqueue_past(store, study, draft.past.tried_first(draft.budget))
            scores = draft.past.scores.to_dict()
            study_attributes.write(store, study, study_attributes.PAST, scores)
    except BaseException:
        studies.delete(store, study)
        raise
    return study, "launched"


def _go_on(
    store: Store, study: Study, request: LaunchRequest, spec: StudySpec
) -> tuple[Study, How]:
    check_same(study, request, spec)
    counts = overview.count(store, study)
    if counts.ended + counts.running + counts.waiting + counts.resting == 0:
        Artifacts(study.spec["artifacts"], study).mark()  # its maker may have died before
    if study.state == FINISHED:
        return study, "finished before"
    if study.state == RUNNING:
        return study, "goes on"
    return study_states.resume(store, study), "resumed"

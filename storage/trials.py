"""Trials: writes their hyperparameters, and reads their records and learning curves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.trial import TrialState
from sqlalchemy.engine import Row

from storage import leases
from storage import pareto as fronts
from storage.database import schema
from storage.database.engine import Store
from storage.database.insert import insert_once
from storage.errors import StoreError
from storage.leases import Claim
from storage.outcomes import Failure
from storage.studies import Study


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What a sampler chose for a trial.

    Attributes:
        hyperparameters: Real values by name, from which the model is built.
        params: Values that Optuna sampled; for a parameter that is an ordered list, an index.
        distributions: Optuna's distribution of every entry of ``params``.
        attributes: System attributes that the sampler wrote to the trial.
        seed: Seed of all random choices of the training.
    """

    hyperparameters: Mapping[str, Any]
    params: Mapping[str, Any]
    distributions: Mapping[str, BaseDistribution]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    seed: int


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """A trial as it is shown to users.

    Attributes:
        state: ``"complete"``, ``"pruned"``, ``"failed"``, ``"running"`` (a live worker has it),
            ``"resting"`` (see ``storage.resting``) or ``"waiting"`` (begun or enqueued, without a
            live worker).
        value: Its best objective so far, in every state.
        epoch: Finished epochs.
        best_epoch: The epoch of ``value``.
        seconds: Training time once it has ended; time since its begin while it runs.
        worker: The id of the worker that has or had it last.
        attempt: How often it was claimed.
        model: Path or URL of its model file.
        model_sha256: SHA-256 of its bytes; None if an older version saved it.
        path: Which training path was taken, and why.
        retry_of: Number of the failed trial that it repeats.
        begun_at: Seconds since 1970; so is ``ended_at``.
        further: Values of the study's further objectives, in their order; of complete trials only.
    """

    trial_id: int
    number: int
    state: str
    value: float | None
    hyperparameters: dict[str, Any]
    epoch: int
    best_epoch: int | None
    seconds: float | None
    worker: str | None
    attempt: int
    metrics: dict[str, float]
    model: str | None
    path: str | None
    retry_of: int | None
    seed: int | None
    failure: Failure | None
    begun_at: float | None
    ended_at: float | None
    further: tuple[float, ...] = ()
    model_sha256: str | None = None


def begin(store: Store, claim: Claim, suggestion: Suggestion) -> None:
    """Writes what the sampler chose, in one transaction.

    Args:
        store: The database.
        claim: The worker's lease on the trial.
        suggestion: What the sampler chose.

    Raises:
        LeaseLost: The worker no longer holds the trial; nothing was written.
    """
    trial_id = claim.trial_id
    with store.write() as c:
        leases.hold(store, c, claim)
        params = [
            {
                "trial_id": trial_id,
                "param_name": name,
                "param_value": distribution.to_internal_repr(suggestion.params[name]),
                "distribution_json": distribution_to_json(distribution),
            }
            for name, distribution in suggestion.distributions.items()
        ]
        insert_once(c, schema.optuna_params, params)
        # User attributes, so that Optuna's dashboard shows real values beside sampled indices.
        real_values = {
            name: value
            for name, value in suggestion.hyperparameters.items()
            if suggestion.params.get(name) != value
        }
        insert_once(c, schema.optuna_trial_attributes, _attributes(trial_id, real_values))
        insert_once(
            c,
            schema.optuna_trial_system_attributes,
            _attributes(trial_id, suggestion.attributes),
        )
        c.execute(
            schema.trials.update()
            .where(schema.trials.c.trial_id == trial_id)
            .values(
                hyperparameters=json.dumps(dict(suggestion.hyperparameters)),
                seed=suggestion.seed,
                begun_at=store.now,
            )
        )


def _attributes(trial_id: int, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        for key, value in values.items()
    ]


def list_trials(store: Store, study: Study) -> list[TrialRecord]:
    """Returns all trials of a study, by number."""
    with store.read() as c:
        rows = c.execute(_select(store, study).order_by(schema.optuna_trials.c.number)).all()
    return [_record(row, study) for row in rows]


def find(store: Store, study: Study, number: int) -> TrialRecord:
    """Returns the trial of this number.

    Raises:
        StoreError: The study has no trial of this number.
    """
    with store.read() as c:
        row = c.execute(
            _select(store, study).where(schema.optuna_trials.c.number == number)
        ).first()
    if row is None:
        raise StoreError(
            f"Expected the number of a trial of {study.name!r}. Received: {number}. "
            f"See: tuner trials {study.typed}"
        )
    return _record(row, study)


def best(
    store: Store, study: Study, *, count: int = 1, first_alone: bool = False
) -> list[TrialRecord]:
    """Returns the best complete trials, best first; at most ``count``.

    With several objectives: first the Pareto front, then the others, both by the first objective.

    Args:
        store: The database.
        study: The study.
        count: Number of trials.
        first_alone: Whether to rank by the first objective alone.
    """
    if study.further and not first_alone:
        return _of(store, study, fronts.ranked(store, study)[:count])
    query = (
        _select(store, study)
        .where(schema.optuna_trials.c.state == TrialState.COMPLETE)
        .where(schema.leases.c.best_value.is_not(None))
        .order_by(schema.leases.c.best_value, schema.optuna_trials.c.number)
        .limit(count)
    )
    with store.read() as c:
        return [_record(row, study) for row in c.execute(query).all()]


def front(store: Store, study: Study) -> list[TrialRecord]:
    """Returns the trials on the Pareto front, best by the first objective first."""
    return _of(store, study, fronts.members(store, study))


def _of(store: Store, study: Study, trial_ids: Sequence[int]) -> list[TrialRecord]:
    """These trials, in this order."""
    query = _select(store, study).where(schema.trials.c.trial_id.in_(trial_ids))
    with store.read() as c:
        records = {row.trial_id: _record(row, study) for row in c.execute(query).all()}
    return [records[trial_id] for trial_id in trial_ids if trial_id in records]


def ended(store: Store, study: Study, *, since: float = 0.0, count: int) -> list[TrialRecord]:
    """Returns the last ``count`` trials that ended since a time, oldest first.

    Args:
        store: The database.
        study: The study.
        since: Seconds since 1970, by the database's clock.
        count: Number of trials.
    """
    ended_at = schema.trials.c.ended_at
    query = (
        _select(store, study)
        .where(ended_at >= since)
        .order_by(ended_at.desc(), schema.optuna_trials.c.number.desc())
        .limit(count)
    )
    with store.read() as c:
        return [_record(row, study) for row in c.execute(query).all()][::-1]


def with_model(store: Store, study: Study) -> list[TrialRecord]:
    """Returns the trials that have a model file, by number."""
    query = _select(store, study).where(schema.trials.c.model.is_not(None))
    with store.read() as c:
        rows = c.execute(query.order_by(schema.optuna_trials.c.number)).all()
    return [_record(row, study) for row in rows]


def curve(store: Store, trial_id: int) -> list[dict[str, float]]:
    """Returns the metrics of each finished epoch, in order, with the key ``epoch`` added."""
    epoch = schema.epochs.c
    query = sa.select(epoch.epoch, epoch.metrics).where(epoch.trial_id == trial_id)
    with store.read() as c:
        rows = c.execute(query.order_by(epoch.epoch)).all()
    return [{"epoch": row.epoch, **json.loads(row.metrics)} for row in rows]


def set_model(store: Store, trial_ids: Sequence[int], model: str | None) -> None:
    """Sets the path of the model file of these trials; None if it was removed.

    Clears the checksum, which is unknown for the other file.
    """
    if not trial_ids:
        return
    with store.write() as c:
        c.execute(
            schema.trials.update()
            .where(schema.trials.c.trial_id.in_(trial_ids))
            .values(model=model, model_sha256=None)
        )


def _select(store: Store, study: Study) -> sa.Select[Any]:
    optuna, lease, trial = schema.optuna_trials.c, schema.leases.c, schema.trials.c
    live = sa.and_(lease.state == "leased", lease.expires_at > store.now)
    return (
        sa.select(
            schema.trials,
            optuna.number,
            optuna.state.label("optuna_state"),
            study.own_sign(lease.best_value).label("value"),
            lease.best_epoch,
            lease.epoch,
            lease.token,
            lease.worker_id,
            sa.case(
                (live, "running"), (lease.state == "resting", "resting"), else_="waiting"
            ).label("unended_state"),
            store.now.label("now"),
            *_further(study),
        )
        .select_from(schema.trials)
        .join(schema.optuna_trials, optuna.trial_id == trial.trial_id)
        .join(schema.leases, lease.trial_id == trial.trial_id)
        .where(optuna.study_id == study.study_id)
    )


def _further(study: Study) -> list[sa.Label[float]]:
    """Columns for the values of further objectives."""
    value = schema.optuna_values.c
    return [
        sa.select(value.value)
        .where(value.trial_id == schema.trials.c.trial_id, value.objective == objective)
        .scalar_subquery()
        .label(f"objective_{objective}")
        for objective in range(1, 1 + len(study.further))
    ]


_ENDED = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


def _record(row: Row[Any], study: Study) -> TrialRecord:
    state = _ENDED.get(row.optuna_state) or row.unended_state
    seconds = row.seconds
    if state == "running" and row.begun_at is not None:
        seconds = row.now - row.begun_at
    further = [row._mapping[f"objective_{i}"] for i in range(1, 1 + len(study.further))]
    failure = None
    if row.failure_kind is not None:
        failure = Failure(
            kind=row.failure_kind,
            message=row.failure_message,
            traceback=row.failure_traceback,
        )
    return TrialRecord(
        trial_id=row.trial_id,
        number=row.number,
        state=state,
        value=row.value,
        hyperparameters=json.loads(row.hyperparameters) if row.hyperparameters else {},
        epoch=row.epoch,
        best_epoch=row.best_epoch,
        seconds=seconds,
        worker=row.worker_id,
        attempt=row.token,
        metrics=json.loads(row.metrics) if row.metrics else {},
        model=row.model,
        model_sha256=row.model_sha256,
        path=row.path,
        retry_of=row.retry_of,
        seed=row.seed,
        failure=failure,
        begun_at=row.begun_at,
        ended_at=row.ended_at,
        further=tuple(value for value in further if value is not None),
    )

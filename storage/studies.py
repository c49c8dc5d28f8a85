"""Studies: made, found, paused, stopped, resumed, extended, deleted."""

from __future__ import annotations

import difflib
import itertools
import json
import uuid as uuids
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from optuna.study import StudyDirection
from optuna.study.study import _SYSTEM_ATTR_METRIC_NAMES
from sqlalchemy.engine import Connection, Row

from storage import progress, schema
from storage.engine import Store
from storage.errors import StoreError, StudyGone, UnknownStudy
from storage.insert import insert_row

RUNNING, PAUSED, STOPPED, FINISHED = "running", "paused", "stopped", "finished"
MAX_NAME = 512  # characters, as many as Optuna's table takes
BUDGET_USED = "all trials have ended"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What ends a study before its budget is used.

    Attributes:
        target: Finished once a trial's value is as good.
        patience: Finished after so many ended trials without a better one.
        timeout: Seconds from launch, resume or extend.
    """

    target: float | None = None
    patience: int | None = None
    timeout: float | None = None


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study as the store has it.

    Attributes:
        study_id: Optuna's id. SQLite may give it to a later study: ``uuid`` tells them apart.
        spec: Its definition, JSON-able; what is in it is the caller's affair.
        state: ``"running"``, ``"paused"``, ``"stopped"`` or ``"finished"``.
        reason: Why it is in that state, for people.
        budget: Trials asked for.
        lease_seconds: How long a worker may be silent before its trial is taken over.
        created_at: Seconds since 1970.
        deadline: When ``limits.timeout`` runs out, seconds since 1970.
        sign: 1 where lower values of the objective are better, else -1. Our own tables hold values
            times it, the lower the better; Optuna's hold them as they are.
        further: The same for each further objective: only Optuna's tables hold their values.
    """

    study_id: int
    uuid: str
    name: str
    spec: dict[str, Any]
    state: str
    reason: str | None
    budget: int
    lease_seconds: float
    limits: Limits
    created_at: float
    deadline: float | None
    sign: int = 1
    further: tuple[int, ...] = ()


def create(
    store: Store,
    *,
    name: str,
    spec: dict[str, Any],
    budget: int,
    lease_seconds: float = 30.0,
    limits: Limits | None = None,
    maximize: bool = False,
    further: Sequence[bool] = (),
    names: Sequence[str] = (),
) -> Study:
    """Makes a study, in Optuna's tables and ours, in one transaction.

    Args:
        maximize: Whether higher values of the objective are better.
        further: The same for each further objective. By the first one alone trials are pruned,
            and their best epochs found.
        names: Of all objectives, for Optuna's views; where there are several.

    Raises:
        StoreError: The name is taken, empty or too long.
    """
    if not 0 < len(name) <= MAX_NAME:
        raise StoreError(
            f"Expected a name of a study of 1 to {MAX_NAME} characters. "
            f"Received one of {len(name)}: choose another with --study."
        )
    limits = limits or Limits()
    uuid = str(uuids.uuid4())
    try:
        with store.write() as c:
            study_id = _insert_optuna_study(c, name, uuid, (maximize, *further))
            if names:
                _name_objectives(c, study_id, names)
            c.execute(
                schema.studies.insert().values(
                    study_id=study_id,
                    uuid=uuid,
                    spec=json.dumps(spec),
                    state=RUNNING,
                    budget=budget,
                    lease_seconds=lease_seconds,
                    target=_signed(limits.target, -1 if maximize else 1),
                    patience=limits.patience,
                    timeout=limits.timeout,
                    deadline=_deadline(store, limits.timeout),
                    created_at=store.now,
                )
            )
    except sa.exc.IntegrityError as e:
        raise StoreError(
            f"Expected a new name for the study. Received {name!r}, which is taken: "
            "choose another with --study."
        ) from e
    return load(store, name)


def _signed(value: float | None, sign: int) -> float | None:
    return None if value is None else sign * value


def _insert_optuna_study(c: Connection, name: str, uuid: str, maximize: Sequence[bool]) -> int:
    study_id = insert_row(c, schema.optuna_studies, study_name=name)
    # A study that another program deleted on SQLite, where its foreign keys are off, leaves our
    # rows behind, and SQLite gives its id again.
    purge(c, study_id)
    for objective, higher in enumerate(maximize):
        direction = StudyDirection.MAXIMIZE if higher else StudyDirection.MINIMIZE
        c.execute(
            schema.optuna_directions.insert().values(
                study_id=study_id, objective=objective, direction=direction
            )
        )
    c.execute(
        schema.optuna_study_attributes.insert().values(
            study_id=study_id, key=schema.UUID_ATTRIBUTE, value_json=json.dumps(uuid)
        )
    )
    return study_id


def _name_objectives(c: Connection, study_id: int, names: Sequence[str]) -> None:
    """What Optuna's own ``Study.set_metric_names`` does."""
    c.execute(
        schema.optuna_study_system_attributes.insert().values(
            study_id=study_id, key=_SYSTEM_ATTR_METRIC_NAMES, value_json=json.dumps(list(names))
        )
    )


def purge(c: Connection, study_id: int) -> None:
    """Removes every row of ours for this id."""
    of_study = sa.select(schema.leases.c.trial_id).where(schema.leases.c.study_id == study_id)
    for table in (schema.epochs, schema.logs):
        c.execute(table.delete().where(table.c.trial_id.in_(of_study)))
    for table in (
        schema.rungs,
        schema.ranks,
        schema.attempts,
        schema.trials,
        schema.leases,
        schema.workers,
        schema.studies,
    ):
        c.execute(table.delete().where(table.c.study_id == study_id))


def purge_trial(c: Connection, trial_id: int) -> None:
    """Removes every row of ours for this id."""
    for table in (
        schema.epochs,
        schema.logs,
        schema.rungs,
        schema.attempts,
        schema.trials,
        schema.leases,
    ):
        c.execute(table.delete().where(table.c.trial_id == trial_id))


def _deadline(store: Store, timeout: float | None) -> sa.ColumnElement[float] | None:
    return None if timeout is None else store.now + timeout


def genuine(study_id: int, uuid: str) -> sa.ColumnElement[bool]:
    """SQL condition: Optuna's study of this id is still the one that we made."""
    attribute = schema.optuna_study_attributes.c
    return sa.exists().where(
        attribute.study_id == study_id,
        attribute.key == schema.UUID_ATTRIBUTE,
        attribute.value_json == json.dumps(uuid),
    )


def _select() -> sa.Select[Any]:
    """Studies, a row for each of their objectives."""
    attribute, direction = schema.optuna_study_attributes.c, schema.optuna_directions.c
    return (
        sa.select(
            schema.studies,
            schema.optuna_studies.c.study_name,
            attribute.value_json,
            direction.direction,
        )
        .join(
            schema.optuna_studies,
            schema.optuna_studies.c.study_id == schema.studies.c.study_id,
        )
        .join(
            schema.optuna_study_attributes,
            sa.and_(
                attribute.study_id == schema.studies.c.study_id,
                attribute.key == schema.UUID_ATTRIBUTE,
            ),
        )
        .join(schema.optuna_directions, direction.study_id == schema.studies.c.study_id)
        .order_by(schema.studies.c.created_at, schema.studies.c.study_id, direction.objective)
    )


def _studies(c: Connection, query: sa.Select[Any]) -> list[Study]:
    """Those of a query whose row of ours is not stale, oldest first."""
    rows = [row for row in c.execute(query).all() if json.loads(row.value_json) == row.uuid]
    of_one = itertools.groupby(rows, key=lambda row: row.study_id)
    return [_study(list(objectives)) for _, objectives in of_one]


def _study(objectives: Sequence[Row[Any]]) -> Study:
    row = objectives[0]
    sign, *further = (
        -1 if found.direction is StudyDirection.MAXIMIZE else 1 for found in objectives
    )
    return Study(
        study_id=row.study_id,
        uuid=row.uuid,
        name=row.study_name,
        spec=json.loads(row.spec),
        state=row.state,
        reason=row.reason,
        budget=row.budget,
        lease_seconds=row.lease_seconds,
        limits=Limits(target=_signed(row.target, sign), patience=row.patience, timeout=row.timeout),
        created_at=row.created_at,
        deadline=row.deadline,
        sign=sign,
        further=tuple(further),
    )


def list_studies(store: Store) -> list[Study]:
    """All studies that were made here, oldest first."""
    with store.read() as c:
        return _studies(c, _select())


def find(store: Store, name: str) -> Study | None:
    """The study of this name, if there is one."""
    with store.read() as c:
        found = _studies(c, _select().where(schema.optuna_studies.c.study_name == name))
    return found[0] if found else None


def by_id(store: Store, study_id: int) -> Study | None:
    """The study that has this id of Optuna's now, if it was made here."""
    with store.read() as c:
        found = _studies(c, _select().where(schema.studies.c.study_id == study_id))
    return found[0] if found else None


def load(store: Store, name: str) -> Study:
    """The study of this name.

    Raises:
        UnknownStudy: There is none; close names are suggested.
    """
    study = find(store, name)
    if study is None:
        known = [other.name for other in list_studies(store)]
        close = difflib.get_close_matches(name, known, n=3)
        hint = f"Did you mean {' or '.join(close)}?" if close else "See: tuner list"
        raise UnknownStudy(f"Expected the name of a study. Received: {name!r}. {hint}")
    return study


def refresh(store: Store, study: Study) -> Study:
    """The study as it is now.

    Raises:
        StudyGone: It was deleted, or another one has its name.
    """
    with store.read() as c:
        found = _studies(
            c,
            _select().where(
                schema.studies.c.uuid == study.uuid, genuine(study.study_id, study.uuid)
            ),
        )
    if not found:
        raise StudyGone(f"The study {study.name!r} was deleted.")
    return found[0]


def lock(c: Connection, study: Study) -> Row[Any]:
    """The study's row, locked until the transaction ends.

    Whoever changes how many trials there are, or what state the study is in, takes this lock
    first. SQLite's write transaction holds a lock on everything already.

    Raises:
        StudyGone: It was deleted.
    """
    row = c.execute(
        sa.select(schema.studies)
        .where(schema.studies.c.uuid == study.uuid, genuine(study.study_id, study.uuid))
        .with_for_update()
    ).first()
    if row is None:
        raise StudyGone(f"The study {study.name!r} was deleted.")
    return row


def set_state(c: Connection, study: Study, state: str, reason: str | None) -> None:
    """Changes the state inside a transaction that holds the study's lock."""
    c.execute(
        schema.studies.update()
        .where(schema.studies.c.study_id == study.study_id)
        .values(state=state, reason=reason)
    )


def pause(store: Store, study: Study) -> Study:
    """Running trials are given back with their checkpoints; workers stay and wait."""
    return _change(store, study, PAUSED, "paused by hand")


def stop(store: Store, study: Study) -> Study:
    """Running trials are given back with their checkpoints; workers exit."""
    return _change(store, study, STOPPED, "stopped by hand")


def _change(store: Store, study: Study, state: str, reason: str) -> Study:
    with store.write() as c:
        row = lock(c, study)
        if row.state == FINISHED:
            raise StoreError(
                f"Expected a study that is not finished. Received {study.name!r} "
                f"({row.reason}): extend it with: tuner extend {study.name} --trials +10"
            )
        set_state(c, study, state, reason)
    return refresh(store, study)


def resume(store: Store, study: Study) -> Study:
    """Goes on with a paused or stopped study, with its whole time limit again.

    Raises:
        StoreError: It is finished, so that nothing is left to go on with.
    """
    with store.write() as c:
        row = lock(c, study)
        if row.state == FINISHED:
            raise StoreError(
                f"Expected a study with trials left. Received {study.name!r}, which is "
                f"finished ({row.reason}): extend it with: tuner extend {study.name} --trials +10"
            )
        reopen(store, c, study, row)
    return refresh(store, study)


def extend(store: Store, study: Study, *, by: int) -> Study:
    """Raises the budget by ``by`` trials and goes on, also after the study had finished.

    A limit that would finish it again at once is lifted: see ``reopen``.
    """
    with store.write() as c:
        reopen(store, c, study, lock(c, study), by=by)
    return refresh(store, study)


def reopen(store: Store, c: Connection, study: Study, row: Row[Any], *, by: int = 0) -> None:
    """Lets workers go on, in a transaction that holds the study's lock.

    A target that was reached and a patience that ran out are dropped; the time limit begins anew.

    Args:
        row: The study's row, locked.
        by: Trials to add to the budget.
    """
    reached = row.target is not None and progress.best(c, row.study_id) <= row.target
    tried = row.patience is not None and progress.stale(c, row.study_id) >= row.patience
    c.execute(
        schema.studies.update()
        .where(schema.studies.c.study_id == study.study_id)
        .values(
            state=RUNNING,
            reason=None,
            budget=row.budget + by,
            target=None if reached else row.target,
            patience=None if tried else row.patience,
            deadline=_deadline(store, row.timeout),
        )
    )


def delete(store: Store, study: Study) -> None:
    """Removes the study, its trials and everything of ours, set by set.

    Workers that are at it find their rows gone and stop.

    Raises:
        StudyGone: It was deleted already.
    """
    with store.write() as c:
        lock(c, study)
        purge(c, study.study_id)
        trial_ids = sa.select(schema.optuna_trials.c.trial_id).where(
            schema.optuna_trials.c.study_id == study.study_id
        )
        for table in (
            schema.optuna_reports,
            schema.optuna_params,
            schema.optuna_values,
            schema.optuna_trial_attributes,
            schema.optuna_trial_system_attributes,
            schema.optuna_heartbeats,
        ):
            c.execute(table.delete().where(table.c.trial_id.in_(trial_ids)))
        for table in (
            schema.optuna_trials,
            schema.optuna_directions,
            schema.optuna_study_attributes,
            schema.optuna_study_system_attributes,
            schema.optuna_studies,
        ):
            c.execute(table.delete().where(table.c.study_id == study.study_id))

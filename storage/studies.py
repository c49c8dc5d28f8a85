"""Studies: create, find, lock, delete."""

from __future__ import annotations

import difflib
import itertools
import json
import shlex
import uuid as uuids
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from optuna.study import StudyDirection
from sqlalchemy.engine import Connection, Row

from storage.database import schema, store_identity, study_rows
from storage.database.engine import Store
from storage.database.origin import Origin
from storage.errors import StoreError, StudyGone, UnknownStudy

RUNNING, PAUSED, STOPPED, FINISHED = "running", "paused", "stopped", "finished"
MAX_NAME = 512  # characters, as many as Optuna's table takes
BUDGET_USED = "all trials have ended"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What ends a study before its budget is used; None for no limit.

    Attributes:
        target: The study ends when a trial reaches this value.
        patience: The study ends after this many trials without a better one.
        timeout: The study ends this many seconds after launch, resume or extend.
    """

    target: float | None = None
    patience: int | None = None
    timeout: float | None = None


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study as the store has it.

    Attributes:
        study_id: Optuna's id. SQLite may give it to a later study: ``uuid`` tells them apart.
        spec: Its definition, as values for JSON; this package does not look into it.
        state: ``"running"``, ``"paused"``, ``"stopped"`` or ``"finished"``.
        reason: Why it is in that state, a text for users.
        budget: Number of trials asked for.
        lease_seconds: How long a worker may be silent before its trial is taken over.
        created_at: Seconds since 1970.
        deadline: When ``limits.timeout`` runs out, seconds since 1970.
        sign: 1 if lower values of the objective are better, else -1. Our own tables hold values
            times the sign, so that lower is always better; Optuna's tables hold the values.
        further: The signs of further objectives, whose values are in Optuna's tables only.
        origin: The store that it is in.
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
    origin: Origin | None = None

    @property
    def typed(self) -> str:
        """Its name quoted for a shell, for suggested commands."""
        return shlex.quote(self.name)

    def own_sign(self, stored: Any) -> Any:
        """Returns what stands in our tables, a number or a column, in the objective's own sign.

        A zero is never -0: SQLite keeps -0 as 0, whose opposite it would be.
        """
        return self.sign * stored + 0.0


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
    """Creates a study, in Optuna's tables and ours, in one transaction.

    Args:
        store: The database.
        name: Name of the study, unique in the store.
        spec: Its definition, as values for JSON.
        budget: Number of trials.
        lease_seconds: How long a worker may be silent before its trial is taken over.
        limits: What ends the study before its budget is used; None for nothing.
        maximize: Whether higher values of the objective are better.
        further: The same for each further objective. Only the first objective decides about
            pruning and the best epoch of a trial.
        names: Names of all objectives for Optuna's dashboard, if there are several.

    Returns:
        The new study.

    Raises:
        StoreError: The name is taken, empty or too long.
    """
    if not 0 < len(name) <= MAX_NAME:
        raise StoreError(
            f"Expected a study name of 1 to {MAX_NAME} characters. "
            f"Received {len(name)} characters: choose another name with --study."
        )
    limits = limits or Limits()
    uuid = str(uuids.uuid4())
    try:
        with store.write() as c:
            study_id = study_rows.insert_into_optuna(c, name, uuid, (maximize, *further))
            if names:
                study_rows.name_objectives(c, study_id, names)
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
                    deadline=deadline(store, limits.timeout),
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


def deadline(store: Store, timeout: float | None) -> sa.ColumnElement[float] | None:
    """When a time limit that starts now runs out, by the database's clock; None without one."""
    return None if timeout is None else store.now + timeout


def same_study(study_id: int, uuid: str) -> sa.ColumnElement[bool]:
    """Returns the SQL condition that Optuna's study of this id is still the one that we created."""
    attribute = schema.optuna_study_attributes.c
    return sa.exists().where(
        attribute.study_id == study_id,
        attribute.key == schema.UUID_ATTRIBUTE,
        attribute.value_json == json.dumps(uuid),
    )


def _select() -> sa.Select[Any]:
    """Selects studies, with a row for each of their objectives."""
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


def _studies(store: Store, c: Connection, query: sa.Select[Any]) -> list[Study]:
    """Returns the studies of a query, oldest first, without those whose id Optuna has reused."""
    rows = [row for row in c.execute(query).all() if json.loads(row.value_json) == row.uuid]
    by_study = itertools.groupby(rows, key=lambda row: row.study_id)
    origin = store_identity.of_store(store, c) if rows else None
    return [_study(list(objectives), origin) for _, objectives in by_study]


def _study(objectives: Sequence[Row[Any]], origin: Origin | None) -> Study:
    row = objectives[0]
    sign, *further = (
        -1 if objective.direction is StudyDirection.MAXIMIZE else 1 for objective in objectives
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
        origin=origin,
    )


def list_studies(store: Store) -> list[Study]:
    """Returns all studies, oldest first, without those that other programs created."""
    with store.read() as c:
        return _studies(store, c, _select())


def find(store: Store, name: str) -> Study | None:
    """Returns the study of this name, or None."""
    with store.read() as c:
        matches = _studies(store, c, _select().where(schema.optuna_studies.c.study_name == name))
    return matches[0] if matches else None


def by_id(store: Store, study_id: int) -> Study | None:
    """Returns the study that has this Optuna id now; None if it is not one of ours."""
    with store.read() as c:
        matches = _studies(store, c, _select().where(schema.studies.c.study_id == study_id))
    return matches[0] if matches else None


def load(store: Store, name: str) -> Study:
    """Returns the study of this name.

    Raises:
        UnknownStudy: There is none; the message suggests similar names.
    """
    study = find(store, name)
    if study is None:
        names = [other.name for other in list_studies(store)]
        close = difflib.get_close_matches(name, names, n=3)
        hint = f"Did you mean {' or '.join(close)}?" if close else "See: tuner list"
        raise UnknownStudy(f"Expected the name of a study. Received: {name!r}. {hint}")
    return study


def refresh(store: Store, study: Study) -> Study:
    """Returns the study as it is now.

    Raises:
        StudyGone: It was deleted, or another one has its name.
    """
    with store.read() as c:
        matches = _studies(
            store,
            c,
            _select().where(
                schema.studies.c.uuid == study.uuid, same_study(study.study_id, study.uuid)
            ),
        )
    if not matches:
        raise StudyGone(f"The study {study.name!r} was deleted.")
    return matches[0]


def lock(c: Connection, study: Study) -> Row[Any]:
    """Locks the study's row until the transaction ends, and returns it.

    Every change of the number of trials or of the study's state needs this lock. On SQLite every
    write transaction has locked the whole database already.

    Raises:
        StudyGone: It was deleted.
    """
    row = c.execute(
        sa.select(schema.studies)
        .where(schema.studies.c.uuid == study.uuid, same_study(study.study_id, study.uuid))
        .with_for_update()
    ).first()
    if row is None:
        raise StudyGone(f"The study {study.name!r} was deleted.")
    return row


def delete(store: Store, study: Study) -> None:
    """Deletes a study with its trials and all our rows, one statement per table.

    Its workers find their rows gone and stop.

    Raises:
        StudyGone: It was deleted already.
    """
    with store.write() as c:
        lock(c, study)
        study_rows.delete_own(c, study.study_id)
        study_rows.delete_of_optuna(c, study.study_id)

"""What code that trains by itself writes about its trial while it runs: every write is fenced.

Each function is one short transaction behind the lease's token, see ``storage.leases.hold``, and
may be repeated: after a lost connection the caller cannot know whether it was committed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json
from sqlalchemy.engine import Connection

from storage import leases, stopping, studies
from storage.database import schema
from storage.database.engine import Store
from storage.database.insert import insert_once
from storage.leases import Claim
from storage.studies import Study

FILES = "tuner_files"  # system attribute of a trial: the files that its code has logged


@dataclass(frozen=True, kw_only=True)
class LoggedFile:
    """A file that a trial's code has logged: its name, its path or URL, its SHA-256."""

    name: str
    path: str
    sha256: str


def write_param(
    store: Store,
    claim: Claim,
    name: str,
    internal_value: float,
    distribution: BaseDistribution,
    *,
    hyperparameters: Mapping[str, Any],
    attributes: Mapping[str, Any],
) -> None:
    """Writes a suggested value, once.

    Args:
        store: The database.
        claim: The worker's lease on the trial.
        name: Of the parameter.
        internal_value: As Optuna stores it.
        distribution: That it was sampled from.
        hyperparameters: All values of the trial so far, this one among them.
        attributes: System attributes that the sampler wrote to the trial since the last write.

    Raises:
        LeaseLost: The worker no longer holds the trial; nothing was written.
    """
    row = {
        "trial_id": claim.trial_id,
        "param_name": name,
        "param_value": internal_value,
        "distribution_json": distribution_to_json(distribution),
    }
    with store.write() as c:
        leases.hold(store, c, claim)
        insert_once(c, schema.optuna_params, [row])
        _insert_attributes(c, claim, attributes)
        c.execute(
            schema.trials.update()
            .where(schema.trials.c.trial_id == claim.trial_id)
            .values(hyperparameters=json.dumps(dict(hyperparameters)))
        )


def write_attributes(store: Store, claim: Claim, attributes: Mapping[str, Any]) -> None:
    """Writes system attributes of the trial, such as its constraints; those there stay.

    Raises:
        LeaseLost: The worker no longer holds the trial; nothing was written.
    """
    with store.write() as c:
        leases.hold(store, c, claim)
        _insert_attributes(c, claim, attributes)


def _insert_attributes(c: Connection, claim: Claim, attributes: Mapping[str, Any]) -> None:
    rows = [
        {"trial_id": claim.trial_id, "key": key, "value_json": json.dumps(value)}
        for key, value in attributes.items()
    ]
    insert_once(c, schema.optuna_trial_system_attributes, rows)


def write_user_attribute(store: Store, claim: Claim, key: str, value: Any) -> None:
    """Writes a user attribute of the trial; a newer value replaces an older one.

    Raises:
        LeaseLost: The worker no longer holds the trial; nothing was written.
        TypeError, ValueError: JSON cannot hold the value.
    """
    text = json.dumps(value)
    table = schema.optuna_trial_attributes
    with store.write() as c:
        leases.hold(store, c, claim)
        _replace(c, table, table.c.trial_id, claim.trial_id, key, text)


def write_study_attribute(store: Store, claim: Claim, key: str, value: Any) -> None:
    """Writes a user attribute of the trial's study; a newer value replaces an older one.

    Raises:
        LeaseLost: The worker no longer holds the trial; nothing was written.
        StudyGone: The study was deleted.
        TypeError, ValueError: JSON cannot hold the value, or the attribute is ours.
    """
    if key == schema.UUID_ATTRIBUTE:
        raise ValueError(f"Expected an attribute of your own. Received: {key!r}: rename it.")
    text = json.dumps(value)
    table = schema.optuna_study_attributes
    with store.write() as c:
        studies.lock(c, claim.study)
        leases.hold(store, c, claim)
        _replace(c, table, table.c.study_id, claim.study.study_id, key, text)


def _replace(
    c: Connection, table: sa.Table, owner: sa.Column[Any], owner_id: int, key: str, text: str
) -> None:
    c.execute(table.delete().where(owner == owner_id, table.c.key == key))
    c.execute(table.insert().values({owner.name: owner_id, "key": key, "value_json": text}))


def stop_study(store: Store, claim: Claim) -> None:
    """Finishes the study, as ``Study.stop`` asks for: no worker begins another trial.

    Raises:
        LeaseLost: The worker no longer holds the trial; nothing was written.
        StudyGone: The study was deleted.
    """
    with store.write() as c:
        row = studies.lock(c, claim.study)
        leases.hold(store, c, claim)
        if row.state != studies.FINISHED:
            reason = f"trial {claim.number} called study.stop()"
            stopping.finish(store, c, claim.study, reason)


def add_file(store: Store, claim: Claim, file: LoggedFile) -> LoggedFile | None:
    """Adds a file to those that the trial's code has logged.

    Returns:
        The one of the same name that it replaces; None where there is none.

    Raises:
        LeaseLost: The worker no longer holds the trial; nothing was written.
    """
    table = schema.optuna_trial_system_attributes
    with store.write() as c:
        leases.hold(store, c, claim)
        by_name = {logged.name: logged for logged in _files_of(c, claim.trial_id)}
        replaced = by_name.pop(file.name, None)
        text = json.dumps([asdict(logged) for logged in (*by_name.values(), file)])
        _replace(c, table, table.c.trial_id, claim.trial_id, FILES, text)
    return None if replaced == file else replaced


def files(store: Store, study: Study) -> dict[int, list[LoggedFile]]:
    """The files that the code of a study's trials has logged, by Optuna's id of the trial."""
    attribute, trial = schema.optuna_trial_system_attributes.c, schema.trials.c
    query = (
        sa.select(attribute.trial_id, attribute.value_json)
        .join(schema.trials, trial.trial_id == attribute.trial_id)
        .where(trial.study_id == study.study_id, attribute.key == FILES)
    )
    with store.read() as c:
        return {row.trial_id: _parse(row.value_json) for row in c.execute(query)}


def _files_of(c: Connection, trial_id: int) -> list[LoggedFile]:
    attribute = schema.optuna_trial_system_attributes.c
    query = sa.select(attribute.value_json).where(
        attribute.trial_id == trial_id, attribute.key == FILES
    )
    return [file for text in c.execute(query).scalars() for file in _parse(text)]


def _parse(text: str) -> list[LoggedFile]:
    return [LoggedFile(**fields) for fields in json.loads(text)]

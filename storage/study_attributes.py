"""Values that belong to a study from its launch on, among Optuna's attributes of it."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage.database import schema
from storage.database.engine import Store
from storage.studies import Study

PAST = "tuner_past_scores"  # what past studies found
STOP_WHEN_FLAT = "tuner_stop_when_flat"  # there while the study may end for this reason


def write(store: Store, study: Study, key: str, value: Any) -> None:
    """Writes a value, of at most 65,535 bytes as JSON, of a study that has none by this key."""
    with store.write() as c:
        c.execute(
            schema.optuna_study_system_attributes.insert().values(
                study_id=study.study_id, key=key, value_json=json.dumps(value)
            )
        )


def read(store: Store, study: Study, key: str) -> Any:
    """Returns a value; None where there is none."""
    with store.read() as c:
        return find(c, study.study_id, key)


def find(c: Connection, study_id: int, key: str) -> Any:
    """Returns a value as ``read`` does, within a transaction."""
    attribute = schema.optuna_study_system_attributes.c
    query = sa.select(attribute.value_json).where(
        attribute.study_id == study_id, attribute.key == key
    )
    text = c.execute(query).scalar()
    return None if text is None else json.loads(text)


def remove(c: Connection, study_id: int, key: str) -> None:
    """Removes a value, within a transaction."""
    attribute = schema.optuna_study_system_attributes.c
    c.execute(
        schema.optuna_study_system_attributes.delete().where(
            attribute.study_id == study_id, attribute.key == key
        )
    )

"""Studies of Optuna in any database, whoever made them: they are read, and nothing is written.

Studies of this program are among them; their hyperparameters are in a table of ours, because Optuna
has indices of lists.
"""

from __future__ import annotations

import difflib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from optuna.study import StudyDirection
from optuna.trial import TrialState
from sqlalchemy.engine import URL, Connection

from storage.database import connection, engine, schema
from storage.database import url as urls
from storage.errors import StoreError, UnknownStudy
from storage.optuna import trial_rows

MOST_NAMES = 5  # of studies in a message


@dataclass(frozen=True, kw_only=True)
class ForeignStudy:
    """A study in some database.

    Attributes:
        maximize: Whether higher is better, for each objective.
        trials: How many it has, in all states.
        complete: The complete ones: the values of their objectives, and their hyperparameters.
    """

    maximize: tuple[bool, ...]
    trials: int
    complete: list[tuple[tuple[float, ...], dict[str, Any]]]


def read(text: str, name: str) -> ForeignStudy:
    """Reads a study.

    Args:
        text: The URL of its database.
        name: Of the study.

    Raises:
        UnknownStudy: The database has none of this name.
        StoreError: The URL is wrong, the database does not answer, or is none of Optuna's.
    """
    url = urls.parse(text)
    with engine.one_line_errors(url), _read_only(url) as c:
        study_id = _find(c, url, name)
        direction = schema.optuna_directions.c
        directions = c.execute(
            sa.select(direction.direction)
            .where(direction.study_id == study_id)
            .order_by(direction.objective)
        ).scalars()
        trial = schema.optuna_trials.c
        of_study = trial.study_id == study_id
        complete = of_study & (trial.state == TrialState.COMPLETE)
        ids = sa.select(trial.trial_id).where(complete)
        values, own = trial_rows.values(c, ids), _hyperparameters(c, study_id)
        params = {
            trial_id: {parameter: value for parameter, (value, _) in sampled.items()}
            for trial_id, sampled in trial_rows.params(c, ids).items()
        }
        return ForeignStudy(
            maximize=tuple(one == StudyDirection.MAXIMIZE for one in directions),
            trials=c.execute(sa.select(sa.func.count()).where(of_study)).scalar_one(),
            complete=[
                (tuple(values[trial_id]), own.get(trial_id, params.get(trial_id, {})))
                for trial_id in c.execute(ids.order_by(trial.trial_id)).scalars()
                if trial_id in values
            ],
        )


@contextmanager
def _read_only(url: URL) -> Iterator[Connection]:
    """A connection that changes nothing, not even the journal of a SQLite file."""
    options = connection.options(url)
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        if not path.is_file():
            raise StoreError(f"Expected a SQLite file. Received: {path}, where there is no file.")
        address = f"file:{quote(str(path))}?mode=ro"
        options = {"creator": lambda: sqlite3.connect(address, uri=True)}
    opened = sa.create_engine(url, **options)
    try:
        with opened.connect() as c:
            yield c
    finally:
        opened.dispose()


def _find(c: Connection, url: URL, name: str) -> int:
    study = schema.optuna_studies.c
    study_id: int | None = c.execute(
        sa.select(study.study_id).where(study.study_name == name)
    ).scalar()
    if study_id is None:
        names = c.execute(sa.select(study.study_name).order_by(study.study_id)).scalars().all()
        near = difflib.get_close_matches(name, names, n=MOST_NAMES) or names[:MOST_NAMES]
        raise UnknownStudy(
            f"Expected a study in {urls.redact(url)}. Received: {name!r}; it has "
            f"{', '.join(map(repr, near)) or 'none'}."
        )
    return study_id


def _hyperparameters(c: Connection, study_id: int) -> Mapping[int, dict[str, Any]]:
    """Those of trials of this program, by the trial's id."""
    attribute = schema.optuna_study_attributes.c
    is_ours = sa.select(attribute.study_id).where(
        attribute.study_id == study_id, attribute.key == schema.UUID_ATTRIBUTE
    )
    if c.execute(is_ours).first() is None:
        return {}
    trial = schema.trials.c
    rows = c.execute(
        sa.select(trial.trial_id, trial.hyperparameters).where(trial.study_id == study_id)
    )
    return {row.trial_id: json.loads(row.hyperparameters) for row in rows if row.hyperparameters}

"""What may follow ``--like``: a study, a project of KerasTuner, or a study of Optuna."""

from __future__ import annotations

import contextlib
import difflib
import math
from collections.abc import Sequence
from urllib.parse import unquote

from storage import foreign_studies, studies
from storage.database import engine
from storage.database import url as urls
from storage.errors import StoreError
from tuner.errors import UserError, quoted
from tuner.studies.objective import Objective
from tuner.study_setup import keras_tuner_project, similar_studies
from tuner.study_setup.past_study import PastStudy, PastTrial

KERAS_TUNER, OPTUNA = "kerastuner", "optuna"
NONE, AUTO = "none", "auto"  # nothing, and what is similar in the store
MOST_NAMES = 3  # of studies in a message
OF_STORE = "(--storage or TUNER_STORAGE)"  # what messages of the store advise


def read(text: str, objectives: Sequence[Objective], storage: str) -> PastStudy:
    """Reads a past study.

    Args:
        text: A study of the store, ``kerastuner:FOLDER`` or ``optuna:URL/STUDY``; a slash in the
            name of a study is written as ``%2F``.
        objectives: Of the study that is to learn from it.
        storage: The address of the store.

    Raises:
        UserError: It cannot be read, has no finished trial, or had other objectives.
    """
    kind, _, place = text.partition(":")
    if kind == KERAS_TUNER and place:
        past = keras_tuner_project.read(place)
    elif kind == OPTUNA and place:
        past = _of_optuna(place)
    else:
        past = _of_store(text, storage)
    if not past.finished:
        raise UserError(
            f"Expected finished trials in {past.source}. Received: {past.trials} trials, none of "
            "which is finished: leave --like out."
        )
    directions = tuple(objective.maximize for objective in objectives)
    if past.maximize != directions:
        raise UserError(
            f"Expected past trials that were compared in the direction {_shown(directions)}, as "
            f"{', '.join(objective.name for objective in objectives)} is. Received: {past.source}, "
            f"whose direction is {_shown(past.maximize)}: leave --like out, or name another "
            "--objective."
        )
    return past


def _of_store(name: str, storage: str) -> PastStudy:
    store = engine.open_if_there(storage)
    with contextlib.closing(store) if store is not None else contextlib.nullcontext():
        study = None if store is None else studies.find(store, name)
        if store is not None and study is not None:
            return similar_studies.read_study(store, study)
        names = [] if store is None else [study.name for study in studies.list_studies(store)]
    near = difflib.get_close_matches(name, names, n=MOST_NAMES) or names[:MOST_NAMES]
    raise UserError(
        f"Expected --like STUDY, {KERAS_TUNER}:FOLDER, {OPTUNA}:URL/STUDY, {NONE} or {AUTO}. "
        f"Received: {quoted(urls.without_user(name))}; the store has the studies "
        f"{', '.join(map(quoted, near)) or 'none'}."
    )


def _of_optuna(place: str) -> PastStudy:
    url, _, name = place.rpartition("/")
    name = unquote(name)
    if not name or url.endswith(("/", ":")):
        raise UserError(
            f"Expected --like {OPTUNA}:URL/STUDY, such as {OPTUNA}:sqlite:///old.db/my-study. "
            f"Received: {quoted(urls.without_user(place))}."
        )
    try:
        study = foreign_studies.read(url, name)
        source = f"{name} in {urls.redact(urls.parse(url))}"
    except StoreError as e:
        raise UserError(str(e).replace(OF_STORE, "(--like)")) from e
    return PastStudy(
        source=source,
        trials=study.trials,
        maximize=study.maximize,
        finished=[
            PastTrial(values=values, hyperparameters=hyperparameters)
            for values, hyperparameters in study.complete
            if all(map(math.isfinite, values))
        ],
    )


def _shown(maximize: Sequence[bool]) -> str:
    return " ".join("max" if one else "min" for one in maximize) or "none"

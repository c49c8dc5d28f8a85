"""Past studies of the store that a new one begins with although nobody named them.

They searched the same space for the same objective on the same rows, divided in the same way: then
losses compare, and nothing of the new study's test part has been looked at. They are over, so that
what is taken does not depend on the moment.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence

from storage import studies, trials
from storage.database import engine
from storage.database.engine import Store
from storage.studies import FINISHED, STOPPED, Study
from tuner.search.past_scores import normal_scores
from tuner.studies.study_spec import StudySpec
from tuner.study_setup.past_study import PastKnowledge, PastStudy, PastTrial, RankedTrial

LEAST = 8  # complete trials: fewer show little
MOST_STUDIES = 5  # the newest
MOST_SIMILAR = 500  # trials, the best ones: nobody asked to wait for more


def read_candidates(storage: str, space: str) -> list[PastStudy]:
    """Returns the newest studies of a space that are over and have one objective.

    Args:
        storage: The address of the store, which need not exist.
        space: Its absolute name.
    """
    store = engine.open_if_there(storage)
    if store is None:
        return []
    with contextlib.closing(store):
        candidates: list[PastStudy] = []
        for study in reversed(studies.list_studies(store)):
            if len(candidates) < MOST_STUDIES and _may_serve(study, space):
                past = read_study(store, study, definition=study.spec)
                candidates += [past] if len(past.finished) >= LEAST else []
        return candidates


def _may_serve(study: Study, space: str) -> bool:
    same = study.spec["space"] == space and not study.further
    return same and study.state in (FINISHED, STOPPED) and not study.spec.get("own_training")


def read_study(
    store: Store, study: Study, *, definition: dict[str, object] | None = None
) -> PastStudy:
    """Returns a study of the store as a past one.

    Args:
        definition: See ``PastStudy``.
    """
    records = trials.list_trials(store, study)
    return PastStudy(
        source=study.name,
        trials=len(records),
        maximize=(study.sign < 0, *(sign < 0 for sign in study.further)),
        finished=[
            PastTrial(values=(t.value, *t.further), hyperparameters=t.hyperparameters)
            for t in records
            if t.state == "complete" and t.value is not None
        ],
        definition=definition,
    )


def only_similar(past: PastKnowledge, spec: StudySpec) -> PastKnowledge | None:
    """Leaves out studies of other rows or another objective; None where none is left.

    Args:
        past: What was read with ``read_candidates``.
        spec: Of the new study.
    """
    similar = [
        index
        for index, study in enumerate(past.studies)
        if study.definition is not None
        and _is_similar(StudySpec.from_dict({**study.definition}), spec)
    ]
    kept = [
        i for i, one in enumerate(past.ranked) if one.study in similar and past.points.points[i]
    ]
    if not kept:
        return None
    sign = spec.main_objective.sign
    # Their losses compare, so that all of them are ranked together.
    scores = normal_scores([sign * past.ranked[i].trial.values[0] for i in kept])
    order = sorted(range(len(kept)), key=lambda place: scores[place])
    return dataclasses.replace(
        past,
        studies=[past.studies[index] for index in similar],
        ranked=[
            RankedTrial(study=0, trial=past.ranked[kept[place]].trial, score=scores[place])
            for place in order
        ],
        points=past.points.only([kept[place] for place in order]),
    )


def _is_similar(there: StudySpec, spec: StudySpec) -> bool:
    def known_by(one: StudySpec) -> Sequence[object]:
        return one.data_fingerprint, one.data.learns, one.objectives, one.loss_unit, one.rounds

    return known_by(there) == known_by(spec)

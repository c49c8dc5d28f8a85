"""The Pareto front of a study: the complete trials that no other trial dominates.

A point dominates another one if it is lower or equal in all coordinates and lower in at least one.
Values are multiplied by the sign of their objective, so lower is always better.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from optuna.trial import TrialState

from storage.database import schema
from storage.database.engine import Store
from storage.studies import Study

Point = Sequence[float]


def members(store: Store, study: Study) -> list[int]:
    """The ids of the trials on the front, the best by the first objective first."""
    points = _read(store, study)
    ids = list(points)
    return [ids[i] for i in front(list(points.values()))]


def ranked(store: Store, study: Study) -> list[int]:
    """The ids of all complete trials: the front, then the others by the first objective."""
    points = _read(store, study)
    ids = list(points)
    return [ids[i] for i in ranking(list(points.values()))]


def place(store: Store, study: Study, values: Sequence[float]) -> int:
    """Returns how many complete trials would rank before one with these values, see ``ranked``."""
    points = list(_read(store, study).values())
    new = [sign * value for sign, value in zip(_signs(study), values, strict=True)]
    return ranking([*points, new]).index(len(points))


def front(points: Sequence[Point]) -> list[int]:
    """Returns indices of the points that no other dominates, lowest first coordinate first."""
    members: list[int] = []
    # In this order a point comes after all that dominate it, and most often the last member does.
    for i in sorted(range(len(points)), key=lambda i: (tuple(points[i]), i)):
        if not any(dominates(points[member], points[i]) for member in reversed(members)):
            members.append(i)
    return members


def ranking(points: Sequence[Point]) -> list[int]:
    """Returns indices of all points, best first: the front, then the others by first coordinate."""
    first = front(points)
    others = set(range(len(points))).difference(first)
    return [*first, *sorted(others, key=lambda i: (points[i][0], i))]


def dominates(one: Point, other: Point) -> bool:
    """Whether a point is nowhere higher than the other one and lower in some coordinate."""
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def _read(store: Store, study: Study) -> dict[int, Point]:
    """The values of each complete trial by its id, in the order of the objectives."""
    value, optuna, signs = schema.optuna_values.c, schema.optuna_trials.c, _signs(study)
    query = (
        sa.select(value.trial_id, value.objective, value.value)
        .join(schema.optuna_trials, optuna.trial_id == value.trial_id)
        .join(schema.trials, schema.trials.c.trial_id == value.trial_id)  # those made here
        .where(optuna.study_id == study.study_id, optuna.state == TrialState.COMPLETE)
        .order_by(value.trial_id, value.objective)
    )
    points: dict[int, list[float]] = {}
    with store.read() as c:
        for trial_id, objective, stored in c.execute(query):
            points.setdefault(trial_id, []).append(signs[objective] * stored)
    return dict(points)


def _signs(study: Study) -> tuple[int, ...]:
    return study.sign, *study.further

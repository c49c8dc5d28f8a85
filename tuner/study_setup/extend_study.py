"""More trials for a study, as far as its sampler has any."""

from __future__ import annotations

from storage import study_states
from storage.database.engine import Store
from storage.studies import Study
from tuner.errors import UserError


def extend(store: Store, study: Study, *, by: int) -> Study:
    """Gives a study more trials.

    Raises:
        UserError: Its sampler has no more to offer.
    """
    points = study.spec.get("points")
    if points is not None and study.budget + by > points:
        raise UserError(
            f"Expected at most {points - study.budget} more trials: the grid of study "
            f"{study.name!r} has {points} points. Received: {by}."
        )
    return study_states.extend(store, study, by=by)

"""Studies that were run before, here or by another tuner, and what ``--like`` takes from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces.past_points import PastPoints
from tuner import formatting
from tuner.errors import shorten
from tuner.studies.objective import Objective

TRIED_FIRST, SHARE = 5, 4  # at most so many of the best points, and one in so many of the budget
MOST_TAKEN = 2_000  # trials, the best ones: to look at 1,000 takes up to a second
MOST_NAMES, LONGEST = 5, 200  # names, and characters of hyperparameters, in a line


@dataclass(frozen=True, kw_only=True)
class PastTrial:
    """A finished trial.

    Attributes:
        values: Of its objectives.
        hyperparameters: By name.
    """

    values: tuple[float, ...]
    hyperparameters: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PastStudy:
    """A study of any tuner.

    Attributes:
        source: For people, without a password.
        trials: How many it has, finished or not.
        maximize: Whether higher is better, for each objective; empty where nothing is finished.
        finished: Its finished trials.
    """

    source: str
    trials: int
    maximize: tuple[bool, ...]
    finished: Sequence[PastTrial]


def best_first(past: Sequence[PastStudy]) -> list[PastTrial]:
    """Returns the finished trials of studies with the same objectives, the best one first."""
    sign = -1 if past and past[0].maximize[0] else 1
    trials = [trial for study in past for trial in study.finished]
    return sorted(trials, key=lambda trial: sign * trial.values[0])


@dataclass(frozen=True, kw_only=True)
class PastKnowledge:
    """What a new study takes from past ones.

    Attributes:
        studies: As they were read.
        points: Their finished trials in the new space, the best one first.
        objective: By which they are compared.
    """

    studies: Sequence[PastStudy]
    points: PastPoints
    objective: Objective

    def tried_first(self, budget: int) -> list[dict[str, Any]]:
        """Returns the best points that differ, as Optuna stores them.

        Args:
            budget: Of the new study.
        """
        most, different = max(1, min(TRIED_FIRST, budget // SHARE)), list[dict[str, Any]]()
        for point in self.points.points:
            if point and point not in different and len(different) < most:
                different.append(point)
        return different

    def line(self, budget: int) -> str:
        """Returns in one line what was read, and what becomes of it."""
        best, points = best_first(self.studies)[0], self.points
        count = sum(len(study.finished) for study in self.studies)
        total = sum(study.trials for study in self.studies)
        where = " and ".join(study.source for study in self.studies)
        tried = len(self.tried_first(budget))
        parts = [
            f"Past: {count} finished of {total} trials of {where}, best {self.objective.name} "
            f"{formatting.number(best.values[0])} with "
            f"{shorten(formatting.settings(best.hyperparameters), LONGEST)}; the best {tried} "
            f"{'is' if tried == 1 else 'are'} tried first",
            f"values outside of their range: {points.outside}" if points.outside else "",
            _names("unknown here", points.unknown),
            _names("sampled, for they have none", points.missing),
        ]
        return "; ".join(part for part in parts if part) + "."


def _names(what: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{what}: {', '.join(names[:MOST_NAMES])}{more}"

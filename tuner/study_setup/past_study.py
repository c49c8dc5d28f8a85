"""Studies that were run before, here or by another tuner, and what a new one takes from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces.past_points import PastPoints
from tuner import formatting
from tuner.errors import shorten
from tuner.search.past_scores import PastScores, normal_scores, tried_first
from tuner.studies.objective import Objective

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
        definition: Of a study of this store that nobody named: see ``StudySpec.to_dict``.
    """

    source: str
    trials: int
    maximize: tuple[bool, ...]
    finished: Sequence[PastTrial]
    definition: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class RankedTrial:
    """A past trial among those of its study.

    Attributes:
        study: The index of its study.
        score: See ``PastScores``.
    """

    study: int
    trial: PastTrial
    score: float


def best_first(past: Sequence[PastStudy], most: int = MOST_TAKEN) -> list[RankedTrial]:
    """Returns the finished trials of studies, the best one first.

    Losses are compared within a study alone: another one may have had other data.

    Args:
        most: How many at most.
    """
    ranked: list[RankedTrial] = []
    for index, study in enumerate(past):
        sign = -1 if study.maximize[0] else 1
        scores = normal_scores([sign * trial.values[0] for trial in study.finished])
        ranked += [
            RankedTrial(study=index, trial=trial, score=score)
            for trial, score in zip(study.finished, scores, strict=True)
        ]
    return sorted(ranked, key=lambda one: one.score)[:most]


@dataclass(frozen=True, kw_only=True)
class PastKnowledge:
    """What a new study takes from past ones.

    Attributes:
        studies: As they were read.
        ranked: Their finished trials, the best one first.
        points: The same trials in the new space.
        objective: By which they are compared.
    """

    studies: Sequence[PastStudy]
    ranked: Sequence[RankedTrial]
    points: PastPoints
    objective: Objective

    def tried_first(self, budget: int) -> list[dict[str, Any]]:
        """Returns the best points that differ, as Optuna stores them.

        Args:
            budget: Of the new study.
        """
        return tried_first(self.points.points, budget)

    @property
    def scores(self) -> PastScores:
        """What samplers learn: points that lie in the new space as a whole."""
        inside = [
            (point, one.score)
            for point, outside, one in zip(
                self.points.points, self.points.values_outside, self.ranked, strict=True
            )
            if point and not outside
        ]
        return PastScores(
            points=tuple(point for point, _ in inside), scores=tuple(score for _, score in inside)
        ).thinned()

    def line(self, budget: int) -> str:
        """Returns in one line what was read, and what becomes of it."""
        best, points = self.ranked[0].trial, self.points
        count = sum(len(study.finished) for study in self.studies)
        total = sum(study.trials for study in self.studies)
        where = " and ".join(study.source for study in self.studies)
        tried = len(self.tried_first(budget))
        nobody_named = any(study.definition is not None for study in self.studies)
        parts = [
            f"Past: {count} finished of {total} trials of {where}, best {self.objective.name} "
            f"{formatting.number(best.values[0])} with "
            f"{shorten(formatting.settings(best.hyperparameters), LONGEST)}; the best {tried} "
            f"{'is' if tried == 1 else 'are'} tried first",
            f"sampled, for they are outside of their range: {points.outside}"
            if points.outside
            else "",
            _names("unknown here", points.unknown),
            _names("sampled, for they have none", points.missing),
            "--like none begins without" if nobody_named else "",
        ]
        return "; ".join(part for part in parts if part) + "."


def _names(what: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{what}: {', '.join(names[:MOST_NAMES])}{more}"

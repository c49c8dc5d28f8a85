"""How good points of past studies were, as samplers of a new study learn it."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

LARGEST = 60_000  # characters as JSON: what MySQL keeps in a text
MOST = 120  # points: a Gaussian process of them takes about as long as one of the study's own
TRIED_FIRST, SHARE = 5, 4  # at most so many of the best points, and one in so many of the budget


@dataclass(frozen=True, kw_only=True)
class PastScores:
    """Points of past studies with their scores, the best one first.

    Attributes:
        points: Values of parameters by name, as Optuna's ``suggest_*`` returns them.
        scores: See ``normal_scores``.
    """

    points: tuple[Mapping[str, Any], ...]
    scores: tuple[float, ...]

    def thinned(self) -> PastScores:
        """Returns at most ``MOST`` of them: the best ones, and others from all of the rest."""
        if len(self.points) <= MOST:
            return self
        best = MOST // 3
        others = MOST - best
        rest = (best + i * (len(self.points) - best) // others for i in range(others))
        kept = [*range(best), *rest]
        return PastScores(
            points=tuple(self.points[i] for i in kept), scores=tuple(self.scores[i] for i in kept)
        )

    def to_dict(self) -> dict[str, Any]:
        """As values for JSON, at most ``LARGEST`` characters: of too many points every second."""
        names = list(dict.fromkeys(name for point in self.points for name in point))
        values = {
            "names": names,
            # A value that may be None itself stands in a list of its own.
            "points": [[[p[n]] if n in p else None for n in names] for p in self.points],
            "scores": [round(score, 4) for score in self.scores],
        }
        if len(json.dumps(values)) <= LARGEST or len(self.points) < 2:
            return values
        return PastScores(points=self.points[::2], scores=self.scores[::2]).to_dict()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PastScores:
        """The opposite of ``to_dict``."""
        return cls(
            points=tuple(dict(_there(values["names"], row)) for row in values["points"]),
            scores=tuple(values["scores"]),
        )


def _there(names: Sequence[str], row: Sequence[list[Any] | None]) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(names, row, strict=True):
        if cell is not None:
            yield name, cell[0]


def normal_scores(losses: Sequence[float]) -> list[float]:
    """Returns the quantiles of a normal distribution that the ranks of losses stand for.

    By them the losses of several studies compare, each ranked among those of its own: Salinas, Shen
    and Perrone, "A Quantile-Based Approach for Hyperparameter Transfer Learning", 2020.

    Args:
        losses: Finite, lower is better; equal ones have equal scores.
    """
    ordered = sorted(losses)
    middles = [(bisect_left(ordered, x) + bisect_right(ordered, x)) / 2 for x in losses]
    return [NormalDist().inv_cdf(middle / len(losses)) for middle in middles]


def tried_first(points: Iterable[Mapping[str, Any]], budget: int) -> list[dict[str, Any]]:
    """Returns the first points that differ and are not empty, as many as a new study tries first.

    Args:
        points: The best one first.
        budget: Trials of the new study.
    """
    most, different = max(1, min(TRIED_FIRST, budget // SHARE)), list[dict[str, Any]]()
    for point in points:
        if point and point not in different and len(different) < most:
            different.append(dict(point))
    return different


class LearnsFromPast:
    """A sampler that uses what past studies found, until its own study has shown enough.

    Attributes:
        past: What they found; None where there is nothing.
    """

    past: PastScores | None = None

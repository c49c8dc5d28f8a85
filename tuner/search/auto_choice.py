"""Which samplers `auto` takes for a study, and why, in one line."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from search_spaces.errors import SpaceError
from search_spaces.space import SearchSpace

TPE_TURN = 4  # every which trial is TPE's
MANY = 1000  # trials; a process over more takes longer than it is worth
TINY = 16  # points; a model of them would come too late


@dataclass(frozen=True)
class AutoChoice:
    """What `auto` is for the next trial of a study.

    Attributes:
        samplers: By name, the one that has most turns first.
        reason: For people, in a few words.
    """

    samplers: tuple[str, ...]
    reason: str

    @property
    def line(self) -> str:
        """The samplers with the reason."""
        turns = f", every {TPE_TURN}th trial {self.samplers[1]}" if len(self.samplers) > 1 else ""
        return f"{self.samplers[0]}{turns} ({self.reason})"


def auto_choice(*, objectives: int, trials: int, tiny_points: int | None = None) -> AutoChoice:
    """Returns what `auto` is for the next trial of a study.

    Args:
        objectives: How many the study has.
        trials: How many there are so far.
        tiny_points: See ``StudySpec``.
    """
    if tiny_points is not None and trials < tiny_points:
        return AutoChoice(("grid",), f"the space has {tiny_points} points: all are tried in turn")
    if objectives > 1:
        return AutoChoice(("tpe",), f"the study has {objectives} objectives")
    if trials >= MANY:
        return AutoChoice(("tpe",), f"from {MANY:,} trials on a Gaussian process takes too long")
    return AutoChoice(("gp", "tpe"), f"one objective and fewer than {MANY:,} trials")


def choice_line(spec: Mapping[str, Any], trials: int) -> str | None:
    """Returns what `auto` is for a study, with the reason; None for a study of another sampler.

    Args:
        spec: The study's definition as it is in the store.
        trials: How many there are so far.
    """
    if spec.get("sampler") != "auto":
        return None
    objectives, tiny_points = 1 + len(spec.get("further", ())), spec.get("tiny_points")
    return auto_choice(objectives=objectives, trials=trials, tiny_points=tiny_points).line


def count_tiny(space: SearchSpace) -> int | None:
    """Returns how many points a space has if they are few; None for others."""
    if not space.declared_whole or len(list(islice(space.grid(), TINY + 1))) > TINY:
        return None
    try:
        return space.grid_size()
    except SpaceError:  # a range
        return None


def shuffled_grid(space: SearchSpace, seed: int) -> list[dict[str, Any]]:
    """Returns all points of a tiny space, in an order that follows from a seed."""
    points = list(space.grid())
    random.Random(seed).shuffle(points)
    return points

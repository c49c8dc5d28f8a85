"""What a sampler is: a name on the command line, and how it chooses hyperparameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from search_spaces.space import SearchSpace


class Plan(Protocol):
    """Says which point a trial is by its number alone."""

    def __call__(self, space: SearchSpace, *, seed: int, number: int) -> dict[str, Any] | None:
        """Returns the point of a trial, in [0, ...) by number; None where there is none."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """How the hyperparameters of a study's trials are chosen.

    Attributes:
        summary: One line for users.
        make: Returns a fresh sampler of Optuna for one trial, from a seed in [0, 2**31). Of a
            plan: None, or what chooses where the plan says nothing; by default at random.
        plan: Which point a trial is; None for a sampler that is asked each time.
        size: How many points a plan has in a space; None where there is no end.
        learns_slowly: Whether choosing takes longer the more trials there are, so that it is done
            beside the training of the trial before.
        several_objectives: Whether it can choose where trials have several objectives.
    """

    summary: str
    make: Callable[[int], BaseSampler] | None = None
    plan: Plan | None = None
    size: Callable[[SearchSpace], int] | None = None
    learns_slowly: bool = False
    several_objectives: bool = True

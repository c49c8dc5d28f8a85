"""What trials are compared by: metrics on the validation part, or what a model costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.errors import UserError

if TYPE_CHECKING:
    from storage.studies import Study
    from storage.trials import TrialRecord

PREFIX = "val_"
LOSS = "loss"
DIRECTIONS = ("min", "max")

# What a finished model costs, and how people read it: see ``tuner.training.costs``.
COSTS = {"parameters": "parameters", "latency": "latency in ms"}

# Parts of the names of Keras's metrics that say which way they are better.
_HIGHER = ("accuracy", "auc", "precision", "recall", "f1", "fbeta", "r2", "iou", "cosine", "true_")
_LOWER = ("loss", "error", "entropy", "divergence", "kld", "poisson", "hinge", "cosh", "false_")
_LOWER_SHORT = ("mse", "mae", "mape", "msle")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """An objective of a study.

    Attributes:
        name: Among the logs of an epoch, with ``val_``; or one of ``COSTS``.
        maximize: Whether higher is better.
    """

    name: str = PREFIX + LOSS
    maximize: bool = False

    @classmethod
    def of(cls, name: str, direction: str | None = None) -> Goal:
        """Returns the objective that a user names.

        Args:
            name: A metric of Keras, with or without ``val_``; ``loss``; or one of ``COSTS``.
            direction: ``min`` or ``max``; None finds it from the name.

        Raises:
            UserError: The direction is none of these, or cannot be told from the name.
        """
        metric = name.removeprefix(PREFIX)
        if direction is None:
            direction = "min" if name in COSTS else _direction(metric)
        if direction not in DIRECTIONS:
            raise UserError(
                f"Expected --direction to be min or max for the objective {name!r}. "
                f"Received: {direction or 'none'}."
            )
        known = name if name in COSTS else PREFIX + metric
        return cls(name=known, maximize=direction == "max")

    @property
    def metric(self) -> str | None:
        """What is measured beside the loss, by its Keras name; None for the loss and for costs."""
        metric = self.name.removeprefix(PREFIX)
        return None if metric == LOSS or self.name in COSTS else metric

    @property
    def sign(self) -> int:
        """1, or -1 where higher is better: times a value it is the better the lower."""
        return -1 if self.maximize else 1

    @property
    def mode(self) -> str:
        """As Keras's callbacks call the direction."""
        return "max" if self.maximize else "min"

    @property
    def text(self) -> str:
        """For people: ``validation loss``."""
        if self.name in COSTS:
            return COSTS[self.name]
        return f"validation {(self.metric or LOSS).replace('_', ' ')}"

    @property
    def extreme(self) -> str:
        """``lowest`` or ``highest``."""
        return "highest" if self.maximize else "lowest"


def goal_of(study: Study) -> Goal:
    """What the trials of a study in the store are compared by; its first objective."""
    return Goal(name=study.spec.get("objective", Goal().name), maximize=study.sign < 0)


def goals_of(study: Study) -> tuple[Goal, ...]:
    """All objectives of a study in the store."""
    named = zip(study.spec.get("further", {}), study.further, strict=True)
    return goal_of(study), *(Goal(name=name, maximize=sign < 0) for name, sign in named)


def values_of(study: Study, trial: TrialRecord) -> dict[str, float | None]:
    """What a trial came to by each objective of its study; None for what it has not."""
    known = (trial.value, *(trial.further or [None] * len(study.further)))
    return {goal.name: value for goal, value in zip(goals_of(study), known, strict=True)}


def goals(names: Sequence[str], directions: Sequence[str] = ()) -> tuple[Goal, ...]:
    """Returns the objectives that a user names.

    Args:
        directions: Of the first ones, in the same order; those of others are found from the names.

    Raises:
        UserError: They cannot be the objectives of one study.
    """
    if len(directions) > len(names):
        raise UserError(
            f"Expected --direction at most {len(names)} times, once for each --objective. "
            f"Received: {len(directions)} times."
        )
    given = [*directions, *[None] * (len(names) - len(directions))]
    found = tuple(Goal.of(name, way) for name, way in zip(names, given, strict=True))
    twice = {goal.name for goal in found if [g.name for g in found].count(goal.name) > 1}
    if twice:
        raise UserError(
            f"Expected each --objective once. Received: {', '.join(sorted(twice))} more than once."
        )
    if found[0].name in COSTS:
        raise UserError(
            "Expected the first --objective to be known after each epoch: pruning and the best "
            f"epoch go by it. Received: {found[0].name!r}: name the loss or a metric before it."
        )
    return found


def _direction(metric: str) -> str | None:
    name = metric.lower()
    higher = any(part in name for part in _HIGHER)
    last = name.rpartition("_")[2]  # behind the name of one of several outputs
    lower = last in _LOWER_SHORT or any(part in name for part in _LOWER)
    if higher == lower:
        return None
    return "max" if higher else "min"

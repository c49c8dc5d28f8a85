"""What trials are compared by: a metric on the validation part, and which way it is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.errors import UserError

if TYPE_CHECKING:
    from storage.studies import Study

PREFIX = "val_"
LOSS = "loss"
DIRECTIONS = ("min", "max")

# Parts of the names of Keras's metrics that say which way they are better.
_HIGHER = ("accuracy", "auc", "precision", "recall", "f1", "fbeta", "r2", "iou", "cosine", "true_")
_LOWER = ("loss", "error", "entropy", "divergence", "kld", "poisson", "hinge", "cosh", "false_")
_LOWER_SHORT = ("mse", "mae", "mape", "msle")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A study's objective.

    Attributes:
        name: Among the logs of an epoch, with ``val_``.
        maximize: Whether higher is better.
    """

    name: str = PREFIX + LOSS
    maximize: bool = False

    @classmethod
    def of(cls, name: str, direction: str | None = None) -> Goal:
        """Returns the objective that a user names.

        Args:
            name: A metric of Keras, with or without ``val_``; or ``loss``.
            direction: ``min`` or ``max``; None finds it from the name.

        Raises:
            UserError: The direction is none of these, or cannot be told from the name.
        """
        metric = name.removeprefix(PREFIX)
        if direction is None:
            direction = _direction(metric)
        if direction not in DIRECTIONS:
            raise UserError(
                f"Expected --direction to be min or max for the objective {name!r}. "
                f"Received: {direction or 'none'}."
            )
        return cls(name=PREFIX + metric, maximize=direction == "max")

    @property
    def metric(self) -> str | None:
        """What has to be measured beside the loss, by its Keras name; None for the loss."""
        metric = self.name.removeprefix(PREFIX)
        return None if metric == LOSS else metric

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
        return f"validation {(self.metric or LOSS).replace('_', ' ')}"

    @property
    def extreme(self) -> str:
        """``lowest`` or ``highest``."""
        return "highest" if self.maximize else "lowest"


def goal_of(study: Study) -> Goal:
    """What the trials of a study in the store are compared by."""
    return Goal(name=study.spec.get("objective", Goal().name), maximize=study.sign < 0)


def _direction(metric: str) -> str | None:
    name = metric.lower()
    higher = any(part in name for part in _HIGHER)
    lower = name in _LOWER_SHORT or any(part in name for part in _LOWER)
    if higher == lower:
        return None
    return "max" if higher else "min"

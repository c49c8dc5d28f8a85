"""What trials are compared by: metrics on the validation part, or what a model costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.errors import UserError, quoted
from tuner.metrics import METRICS, ending

if TYPE_CHECKING:
    from storage.studies import Study
    from storage.trials import TrialRecord

PREFIX = "val_"
LOSS = "loss"
VALUE = "value"  # what an objective function returns, unless it has a name
DIRECTIONS = ("min", "max")
DIRECTION_WORDS = (*DIRECTIONS, "minimize", "maximize")
SCALED = " of scaled targets"  # behind the loss where it is

# What a finished model costs, and how people read it: see ``tuner.training.model_cost``.
COSTS = {"parameters": "parameters", "latency": "latency in ms"}

# Parts of the names of Keras's metrics that say which way they are better.
_HIGHER = ("accuracy", "auc", "precision", "recall", "f1", "fbeta", "r2", "iou", "cosine", "true_")
_LOWER = ("loss", "error", "entropy", "divergence", "kld", "poisson", "hinge", "cosh", "false_")
_LOWER_SHORT = ("mse", "mae", "rmse", "mape", "msle")


@dataclass(frozen=True, kw_only=True)
class Objective:
    """An objective of a study.

    Attributes:
        name: Among the logs of an epoch, with ``val_``; or one of ``COSTS``.
        maximize: Whether higher is better.
        loss_unit: What the loss of a regression is told in, see ``StudySpec``.
    """

    name: str = PREFIX + LOSS
    maximize: bool = False
    loss_unit: str | None = None

    @classmethod
    def of(cls, name: str, direction: str | None = None) -> Objective:
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
                f"Expected --direction to be min or max for the objective {quoted(name)}. "
                f"Received: {direction or 'none'}."
            )
        full_name = name if name in COSTS else PREFIX + metric
        return cls(name=full_name, maximize=direction == "max")

    @property
    def metric(self) -> str | None:
        """What is measured beside the loss, by its Keras name; None for the loss and for costs."""
        metric = self.name.removeprefix(PREFIX)
        return None if metric == LOSS or self.name in COSTS else metric

    @property
    def is_loss(self) -> bool:
        """Whether it is what models learn by, all outputs together or one of several."""
        name = self.name.removeprefix(PREFIX)
        return self.name not in COSTS and name.endswith(LOSS) and ending(name) is None

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
        if not self.name.startswith(PREFIX):  # of an objective function
            return self.name.replace("_", " ")
        return f"validation {self.measured}"

    @property
    def measured(self) -> str:
        """What is measured, on whatever rows: ``loss``."""
        return measured(self.metric or LOSS, self.loss_unit).replace("_", " ")

    @property
    def extreme(self) -> str:
        """``lowest`` or ``highest``."""
        return "highest" if self.maximize else "lowest"


def measured(name: str, loss_unit: str | None) -> str:
    """A metric's name, with what the loss is of where that is not the targets themselves.

    Args:
        loss_unit: See ``StudySpec``.
    """
    return name + SCALED if name == LOSS and loss_unit == "scaled" else name


def objective_of(study: Study) -> Objective:
    """What the trials of a study in the store are compared by; its first objective."""
    return Objective(
        name=study.spec.get("objective", Objective().name),
        maximize=study.sign < 0,
        loss_unit=study.spec.get("loss_unit"),
    )


def objectives_of(study: Study) -> tuple[Objective, ...]:
    """All objectives of a study in the store."""
    named = zip(study.spec.get("further", {}), study.further, strict=True)
    unit = study.spec.get("loss_unit")
    further = (Objective(name=name, maximize=sign < 0, loss_unit=unit) for name, sign in named)
    return objective_of(study), *further


def values_of(study: Study, trial: TrialRecord) -> dict[str, float | None]:
    """What a trial came to by each objective of its study; None for what it has not."""
    values = (trial.value, *(trial.further or [None] * len(study.further)))
    return {
        objective.name: value for objective, value in zip(objectives_of(study), values, strict=True)
    }


def make_objectives(names: Sequence[str], directions: Sequence[str] = ()) -> tuple[Objective, ...]:
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
    padded = [*directions, *[None] * (len(names) - len(directions))]
    objectives = tuple(Objective.of(name, way) for name, way in zip(names, padded, strict=True))
    twice = {
        objective.name
        for objective in objectives
        if [g.name for g in objectives].count(objective.name) > 1
    }
    if twice:
        raise UserError(
            f"Expected each --objective once. Received: {', '.join(sorted(twice))} more than once."
        )
    if objectives[0].name in COSTS:
        raise UserError(
            "Expected the first --objective to be known after each epoch: pruning and the best "
            f"epoch go by it. Received: {objectives[0].name!r}: name the loss or a metric before "
            "it."
        )
    return objectives


def name_objectives(names: Sequence[str], directions: Sequence[str] = ()) -> tuple[Objective, ...]:
    """Returns the objectives of an objective function, which returns their values in this order.

    Args:
        names: As the user calls them; none for ``value``, or one for each direction.
        directions: ``min`` or ``max`` each; what is not said is to be as low as possible.

    Raises:
        UserError: There are more directions than names, or a name comes twice or has a direction
            behind it.
    """
    for name in names:
        base, _, direction = name.rpartition(":")
        if direction in DIRECTION_WORDS:
            raise UserError(
                f"Expected a direction by --direction. Received: --objective {quoted(name)}: write "
                f"--objective {base or VALUE} --direction {direction[:3]}."
            )
    if not names:
        count = max(1, len(directions))
        names = [VALUE] if count == 1 else [f"{VALUE}_{number}" for number in range(count)]
    if len(directions) > len(names) or len(set(names)) < len(names):
        raise UserError(
            "Expected --objective once for each value, each with another name, and at most as many "
            f"times --direction. Received: {', '.join(names)}; {', '.join(directions)}."
        )
    ways = [*directions, *["min"] * (len(names) - len(directions))]
    return tuple(
        Objective(name=name, maximize=way == "max") for name, way in zip(names, ways, strict=True)
    )


def _direction(metric: str) -> str | None:
    """By what the name means or ends in behind an output's, else by what is in it."""
    metric_name = ending(metric)
    if metric_name is not None:
        return "max" if METRICS[metric_name].higher else "min"
    name = metric.lower()
    higher = any(part in name for part in _HIGHER)
    last = name.rpartition("_")[2]  # behind the name of one of several outputs
    lower = last in _LOWER_SHORT or any(part in name for part in _LOWER)
    if higher == lower:
        return None
    return "max" if higher else "min"

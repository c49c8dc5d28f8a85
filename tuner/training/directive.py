"""Between a training loop and whoever watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Protocol

from tuner.training.training_state import TrainingState


class Directive(Enum):
    """What a training loop is told to do next."""

    CONTINUE = "continue"
    PRUNE = "prune"  # others are better
    REST = "rest"  # others are better now: stop with a state to go on from
    INTERRUPT = "interrupt"  # stop now and drop the unfinished epoch: somebody will go on
    END = "end"  # stop now with the best so far


class Observer(Protocol):
    """Watches a trial."""

    def epoch_end(
        self, epoch: int, metrics: Mapping[str, float], snapshot: Callable[[], TrainingState]
    ) -> Directive:
        """An epoch is finished.

        Args:
            epoch: Finished epochs, from 1.
            metrics: ``loss``, ``val_loss``, ``learning_rate`` and the compiled metrics with
                and without ``val_``.
            snapshot: Copies the state to go on from; costs a copy of all weights.
        """
        ...

    def poll(self) -> Directive:
        """Asked between two graph calls; cheap."""
        ...

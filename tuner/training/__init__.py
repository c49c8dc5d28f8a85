"""Training: the only place, with the spaces' ``build``, where Keras is imported."""

from tuner.training.callbacks import check as check_callbacks
from tuner.training.compiling import check_metrics
from tuner.training.costs import cost
from tuner.training.device import use_device
from tuner.training.exhaustion import OutOfMemory, exhaustion
from tuner.training.loop import TrainingResult, train
from tuner.training.losses import check_loss
from tuner.training.observing import Directive, Observer
from tuner.training.pacing import Pacer
from tuner.training.precision import check_head, precision
from tuner.training.seeding import seeded
from tuner.training.state import TrainingState

__all__ = [
    "Directive",
    "Observer",
    "OutOfMemory",
    "Pacer",
    "TrainingResult",
    "TrainingState",
    "check_callbacks",
    "check_head",
    "check_loss",
    "check_metrics",
    "cost",
    "exhaustion",
    "precision",
    "seeded",
    "train",
    "use_device",
]

"""Training: the only place, with the spaces' ``build``, where Keras is imported."""

from tuner.resources.tensorflow_device import use_device
from tuner.training.answer_metrics import measure_answers
from tuner.training.callbacks import check as check_callbacks
from tuner.training.compilation import check_metrics
from tuner.training.directive import Directive, Observer
from tuner.training.loop import TrainingResult, train
from tuner.training.losses import check_loss
from tuner.training.model_cost import measure_cost
from tuner.training.out_of_memory import OutOfMemory, raise_out_of_memory
from tuner.training.own_compilation import check_compiled
from tuner.training.precision import check_head, precision
from tuner.training.seeding import seeded
from tuner.training.throughput import ThroughputMeter
from tuner.training.training_state import TrainingState

__all__ = [
    "Directive",
    "Observer",
    "OutOfMemory",
    "ThroughputMeter",
    "TrainingResult",
    "TrainingState",
    "check_callbacks",
    "check_compiled",
    "check_head",
    "check_loss",
    "check_metrics",
    "measure_answers",
    "measure_cost",
    "precision",
    "raise_out_of_memory",
    "seeded",
    "train",
    "use_device",
]

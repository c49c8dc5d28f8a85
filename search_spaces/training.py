"""The parameters that every space shares: how the model is trained.

The learning rate follows its schedule over the steps ``i`` of a trial, from ``lr`` at the start:

============  ==============================================================================
constant      lr
inverse_time  lr / (1 + decay * i)
exponential   lr * decay_rate ** (i / steps of an epoch)
cosine        lr * (1 + cos(pi * i / steps of the trial)) / 2
plateau       multiplied by plateau_factor after plateau_patience epochs without progress
============  ==============================================================================

With a warm-up the rate of step ``i`` is multiplied by ``(i + 1) / steps of the warm-up`` until it
is over (Goyal et al., Accurate, Large Minibatch SGD, 2017). Clipping: Pascanu et al., On the
difficulty of training recurrent neural networks, 2013.
"""

from __future__ import annotations

from search_spaces.choices import Choice
from search_spaces.losses import LOSSES, USUAL, LossChoice
from search_spaces.parameters import Parameter
from search_spaces.ranges import Float, Int
from search_spaces.values import Limits

OPTIMIZERS = ("adam", "adamw", "nadam", "rmsprop", "sgd", "adagrad", "adadelta", "adamax")
SCHEDULES = ("constant", "inverse_time", "exponential", "cosine", "plateau")

CLIPPINGS = ("value", "norm", "global_norm")

_ADAM_FAMILY = ("adam", "adamw", "nadam", "adamax")
_POSITIVE = Limits(above=0)
_FRACTION = Limits(at_least=0, below=1)
_COUNT = Limits(at_least=1)

PARAMETERS: dict[str, Parameter] = {
    # Off unless they are asked for: loss, clipping, warmup.
    "loss": LossChoice(
        [USUAL],
        known=(USUAL, *LOSSES),
        off=USUAL,
        help="what is made small; the usual one is that of the task",
    ),
    "optimizer": Choice(
        ["adam", "adamw", "nadam", "rmsprop", "sgd"],
        known=OPTIMIZERS,
        help="how gradients become steps",
    ),
    "momentum": Float(
        0.0,
        0.99,
        default=0.9,
        limits=_FRACTION,
        when={"optimizer": ("sgd", "rmsprop")},
        help="share of the last step that goes into the next",
    ),
    "nesterov": Choice(
        [False, True],
        when={"optimizer": "sgd"},
        help="take the gradient after the momentum's step",
    ),
    "rho": Float(
        0.8,
        0.99,
        default=0.9,
        limits=_FRACTION,
        when={"optimizer": ("rmsprop", "adadelta")},
        help="decay of the mean squared gradient",
    ),
    "beta_1": Choice(
        [0.8, 0.9, 0.95],
        default=0.9,
        limits=_FRACTION,
        when={"optimizer": _ADAM_FAMILY},
        help="decay of the mean gradient",
    ),
    "beta_2": Choice(
        [0.99, 0.999],
        default=0.999,
        limits=_FRACTION,
        when={"optimizer": _ADAM_FAMILY},
        help="decay of the mean squared gradient",
    ),
    "amsgrad": Choice(
        [False],
        known=[False, True],
        when={"optimizer": ("adam", "adamw")},
        help="never let the mean squared gradient shrink",
    ),
    "weight_decay": Float(
        1e-4,
        1e-1,
        log=True,
        default=4e-3,
        limits=Limits(at_least=0),
        when={"optimizer": "adamw"},
        help="share of each weight taken off a step, times the learning rate",
    ),
    "clipping": Choice(
        ["none"],
        known=("none", *CLIPPINGS),
        off="none",
        help="what of gradients is limited: values, the norm of each, or of all together",
    ),
    "clip_at": Float(
        0.1,
        10.0,
        log=True,
        default=1.0,
        limits=_POSITIVE,
        when={"clipping": CLIPPINGS},
        help="the largest value or norm of a gradient",
    ),
    "learning_rate": Float(
        1e-4,
        1e-1,
        log=True,
        default=1e-3,
        limits=_POSITIVE,
        help="length of the first steps",
    ),
    "schedule": Choice(SCHEDULES, help="how the learning rate falls"),
    "decay": Float(
        1e-4,
        1e-1,
        log=True,
        default=1e-3,
        limits=Limits(at_least=0),
        when={"schedule": "inverse_time"},
        help="learning rate / (1 + decay * step)",
    ),
    "decay_rate": Float(
        0.8,
        0.99,
        default=0.95,
        limits=Limits(above=0, at_most=1),
        when={"schedule": "exponential"},
        help="factor on the learning rate an epoch",
    ),
    "plateau_factor": Choice(
        [0.1, 0.2, 0.5],
        default=0.5,
        limits=Limits(above=0, below=1),
        when={"schedule": "plateau"},
        help="factor on the learning rate when progress stops",
    ),
    "plateau_patience": Int(
        2,
        5,
        default=3,
        limits=_COUNT,
        when={"schedule": "plateau"},
        help="epochs without progress before the learning rate falls",
    ),
    "warmup": Int(
        0,
        0,
        limits=Limits(at_least=0),
        off=0,
        help="epochs over which the learning rate rises to its schedule's",
    ),
    "batch_size": Choice(
        [16, 32, 64, 128, 256],
        default=32,
        limits=_COUNT,
        help="rows a step",
    ),
    "epochs": Int(
        5,
        30,
        step=5,
        default=20,
        limits=_COUNT,
        help="passes over the training data",
    ),
}

"""The parameters that every space shares: how the model is trained.

The learning rate follows its schedule over the steps ``i`` of a trial, from ``lr`` at the start:

============  ==============================================================================
constant      lr
inverse_time  lr / (1 + decay * i)
exponential   lr * decay_rate ** (i / steps of an epoch)
cosine        lr * (1 + cos(pi * i / steps of the trial)) / 2
plateau       lr multiplied by plateau_factor after plateau_patience epochs without progress
============  ==============================================================================

During a warm-up the rate of step ``i`` is multiplied by ``(i + 1) / steps of the warm-up``
(Goyal et al., Accurate, Large Minibatch SGD, 2017). Clipping: Pascanu et al., On the difficulty of
training recurrent neural networks, 2013.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from search_spaces.errors import SpaceError
from search_spaces.optimizers import OPTIMIZERS, OURS
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.conditions import OneOf
from search_spaces.parameters.literals import Limits
from search_spaces.parameters.loss_choice import LOSSES, USUAL, LossChoice
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Float, Int

SCHEDULES = ("constant", "inverse_time", "exponential", "cosine", "plateau")

CLIPPINGS = ("value", "norm", "global_norm")

_POSITIVE = Limits(above=0)
_FRACTION = Limits(at_least=0, below=1)
_COUNT = Limits(at_least=1)


def are_ours(hyperparameters: Collection[str]) -> bool:
    """Whether a trial trains with these parameters, not with what its model came compiled with.

    Where a trial has phases, each has a learning rate and epochs of its own.
    """
    has_rate = "learning_rate" in hyperparameters or "epochs" not in hyperparameters
    return has_rate and all(name in hyperparameters for name in ("optimizer", "schedule"))


def _optimizers_with(option: str) -> dict[str, tuple[str, ...]]:
    return {"optimizer": tuple(name for name, entry in OURS.items() if option in entry.options)}


PARAMETERS: dict[str, Parameter] = {
    # Not searched by default, only when set: loss, clipping, warmup.
    "loss": LossChoice(
        [USUAL],
        allowed=(USUAL, *LOSSES),
        disabled_value=USUAL,
        help="loss function; usual: the one that fits the task",
    ),
    "optimizer": Choice(
        ["adam", "adamw", "nadam", "rmsprop", "sgd"],
        allowed=tuple(OURS),
        help="optimizer",
    ),
    "momentum": Float(
        0.0,
        0.99,
        default=0.9,
        limits=_FRACTION,
        when=_optimizers_with("momentum"),
        help="momentum",
    ),
    "nesterov": Choice(
        [False, True],
        when=_optimizers_with("nesterov"),
        help="Nesterov momentum",
    ),
    "rho": Float(
        0.8,
        0.99,
        default=0.9,
        limits=_FRACTION,
        when=_optimizers_with("rho"),
        help="decay rate of the squared gradient's average",
    ),
    "beta_1": Choice(
        [0.8, 0.9, 0.95],
        default=0.9,
        limits=_FRACTION,
        when=_optimizers_with("beta_1"),
        help="decay rate of the first moment",
    ),
    "beta_2": Choice(
        [0.99, 0.999],
        default=0.999,
        limits=_FRACTION,
        when=_optimizers_with("beta_2"),
        help="decay rate of the second moment",
    ),
    "amsgrad": Choice(
        [False],
        allowed=[False, True],
        when=_optimizers_with("amsgrad"),
        help="AMSGrad variant",
    ),
    "weight_decay": Float(
        1e-4,
        1e-1,
        log=True,
        default=4e-3,
        limits=Limits(at_least=0),
        when=_optimizers_with("weight_decay"),
        help="weight decay (decoupled)",
    ),
    "clipping": Choice(
        ["none"],
        allowed=("none", *CLIPPINGS),
        disabled_value="none",
        help="gradient clipping: by value, by norm of each gradient, or by global norm",
    ),
    "clip_at": Float(
        0.1,
        10.0,
        log=True,
        default=1.0,
        limits=_POSITIVE,
        when={"clipping": CLIPPINGS},
        help="clipping threshold: largest value or norm",
    ),
    "learning_rate": Float(
        1e-4,
        1e-1,
        log=True,
        default=1e-3,
        limits=_POSITIVE,
        help="initial learning rate",
    ),
    "schedule": Choice(SCHEDULES, help="learning rate schedule"),
    "decay": Float(
        1e-4,
        1e-1,
        log=True,
        default=1e-3,
        limits=Limits(at_least=0),
        when={"schedule": "inverse_time"},
        help="decay of learning_rate / (1 + decay * step)",
    ),
    "decay_rate": Float(
        0.8,
        0.99,
        default=0.95,
        limits=Limits(above=0, at_most=1),
        when={"schedule": "exponential"},
        help="factor on the learning rate per epoch",
    ),
    "plateau_factor": Choice(
        [0.1, 0.2, 0.5],
        default=0.5,
        limits=Limits(above=0, below=1),
        when={"schedule": "plateau"},
        help="factor on the learning rate at a plateau",
    ),
    "plateau_patience": Int(
        2,
        5,
        default=3,
        limits=_COUNT,
        when={"schedule": "plateau"},
        help="epochs without progress before the learning rate is reduced",
    ),
    "warmup": Int(
        0,
        0,
        limits=Limits(at_least=0),
        disabled_value=0,
        help="epochs of linear learning rate warm-up",
    ),
    "batch_size": Choice(
        [16, 32, 64, 128, 256],
        default=32,
        limits=_COUNT,
        help="batch size",
    ),
    "epochs": Int(
        5,
        30,
        step=5,
        default=20,
        limits=_COUNT,
        help="epochs: passes over the training data",
    ),
}

# What a model that comes compiled has decided already.
OF_COMPILE = tuple(name for name in PARAMETERS if name not in ("batch_size", "epochs"))


def allow_packages_optimizers(declared: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Lets an override name the optimizers that packages bring, where it may name all of ours."""
    optimizer = declared.get("optimizer")
    if not isinstance(optimizer, Choice) or not set(OURS).issubset(map(str, optimizer.allowed)):
        return dict(declared)
    allowed = (*optimizer.allowed, *(name for name in OPTIMIZERS if name not in OURS))
    return {**declared, "optimizer": replace(optimizer, allowed=allowed)}


def with_packages_options(narrowed: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Lets the options exist of those optimizers that a space offers and packages bring.

    Others stay out: a package that is merely installed must not change the fingerprint of a space.

    Raises:
        SpaceError: a package's optimizer has an option that is no parameter of training.
    """
    complete = dict(narrowed)
    offered = complete["optimizer"].options if "optimizer" in complete else None
    for name in offered or ():
        package = OPTIMIZERS.package_of(name) if isinstance(name, str) else None
        for option in OPTIMIZERS[str(name)].options if package else ():
            if option not in PARAMETERS:
                raise SpaceError(
                    f"Expected the options of {name!r} of {package} to be parameters of training. "
                    f"Received: {option!r}: update or uninstall that package."
                )
            parameter = complete.get(option)
            condition = parameter.conditions.get("optimizer") if parameter else None
            if parameter is not None and isinstance(condition, OneOf):
                when = {**parameter.when, "optimizer": OneOf((*condition.values, name))}
                complete[option] = replace(parameter, when=when)
    return complete

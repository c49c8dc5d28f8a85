"""Optimizers by name: the parameters that each has, and where training finds it."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.registry import Registry


@dataclass(frozen=True, kw_only=True)
class OptimizerEntry:
    """An optimizer as search spaces know it, without importing Keras.

    Attributes:
        options: Its options, by the names of Keras, that are parameters of training; see
            ``training_parameters``.
        implementation: ``module:attribute`` of its ``tuner.training.optimizers.Optimizer``, which
            is imported where a model is trained.
    """

    options: tuple[str, ...]
    implementation: str


def _ours(place: str, *options: str) -> OptimizerEntry:
    return OptimizerEntry(options=options, implementation=f"tuner.training.optimizers.{place}")


# Their order is that in which conditions list them, which the fingerprints of spaces are made of.
OURS = {
    "adam": _ours("adam:ADAM", "beta_1", "beta_2", "amsgrad"),
    "adamw": _ours("adam:ADAMW", "beta_1", "beta_2", "amsgrad", "weight_decay"),
    "nadam": _ours("nadam:NADAM", "beta_1", "beta_2"),
    "sgd": _ours("sgd:SGD", "momentum", "nesterov"),
    "rmsprop": _ours("rmsprop:RMSPROP", "rho", "momentum"),
    "adagrad": _ours("adagrad:ADAGRAD"),
    "adadelta": _ours("adadelta:ADADELTA", "rho"),
    "adamax": _ours("adamax:ADAMAX", "beta_1", "beta_2"),
}
OPTIMIZERS: Registry[OptimizerEntry] = Registry("tuner.optimizers", OURS, kind=OptimizerEntry)

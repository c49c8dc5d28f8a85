"""Optimizers as they train: ``search_spaces.optimizers`` registers them and their options."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import keras

from search_spaces.optimizers import OPTIMIZERS
from tuner.training.optimizers.clipping import CLIPPINGS
from tuner.training.optimizers.optimizer import Optimizer


@cache
def load(name: str) -> Optimizer:
    """The optimizer of this name.

    Raises:
        SpaceError: It is of a package that is not installed, or cannot be imported.
    """
    return OPTIMIZERS.resolve(name, OPTIMIZERS[name].implementation, Optimizer)


def name_of(optimizer: keras.optimizers.Optimizer) -> str | None:
    """The name of an instance's class, of Keras; None where no optimizer has it."""
    return next((name for name in OPTIMIZERS if load(name).keras_class is type(optimizer)), None)


def make_optimizer(hyperparameters: Mapping[str, Any]) -> keras.optimizers.Optimizer:
    """The optimizer that hyperparameters name, with those of its options that they hold."""
    name = hyperparameters["optimizer"]
    options = {
        option: hyperparameters[option]
        for option in OPTIMIZERS[name].options
        if option in hyperparameters
    }
    clipping = hyperparameters.get("clipping", "none")
    if clipping in CLIPPINGS:
        argument, _ = CLIPPINGS[clipping]
        options[argument] = hyperparameters["clip_at"]
    return load(name).keras_class(learning_rate=hyperparameters["learning_rate"], **options)

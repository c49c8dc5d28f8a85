"""Splits a Keras optimizer into a plan, which is traced, and values, which are not."""

from __future__ import annotations

import keras

from search_spaces.optimizers import OPTIMIZERS
from tuner.training import optimizers
from tuner.training.optimizers.clipping import CLIPPINGS
from tuner.training.optimizers.optimizer import UpdatePlan
from tuner.training.shared_graph.model_reader import Unsupported


def extract_optimizer(optimizer: keras.optimizers.Optimizer) -> tuple[UpdatePlan, list[float]]:
    """Extracts an optimizer.

    Args:
        optimizer: As the model was compiled with.

    Returns:
        Its plan, and the values of its scalars in the order of the plan.

    Raises:
        Unsupported: It has an option that the shared graph does not implement.
    """
    name = optimizers.name_of(optimizer)
    if name is None:
        raise Unsupported(f"the optimizer {type(optimizer).__name__}")
    _check_options(optimizer, name)
    slots, flags, scalars = optimizers.load(name).read(optimizer)
    for argument, _ in CLIPPINGS.values():
        limit = getattr(optimizer, argument, None)
        if limit:
            flags, scalars = (*flags, argument), {**scalars, "clip_at": limit}
    plan = UpdatePlan(name=name, slots=slots, flags=flags, scalars=tuple(scalars))
    return plan, [float(value) for value in scalars.values()]


def _check_options(optimizer: keras.optimizers.Optimizer, name: str) -> None:
    if optimizer.gradient_accumulation_steps is not None:
        raise Unsupported("an optimizer that accumulates gradients")
    if optimizer.use_ema or optimizer.loss_scale_factor is not None:
        raise Unsupported("an averaging or scaling optimizer")
    decays = "weight_decay" in OPTIMIZERS[name].options
    if optimizer.weight_decay is not None and not decays:
        raise Unsupported("weight decay outside adamw")
    for option in optimizers.load(name).lacks:
        if getattr(optimizer, option):
            raise Unsupported(f"a {option} {name}")

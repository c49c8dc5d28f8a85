"""Trainings on tiny data: with this project's loop, and with stock Keras on the same batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from search_spaces import Inputs, Outputs, catalog
from tuner.datasets.prepared_data import Part
from tuner.training import Directive, TrainingResult, seeded, train
from tuner.training.compilation import compile_model
from tuner.training.seeding import batch_order

SPACE = catalog.load("mlp")
COLUMNS = 5
BASE = {
    "layers": 2,
    "units_0": 8,
    "units_1": 6,
    "activation": "tanh",  # relu may give rows of zeros, whose classes are a matter of rounding
    "dropout": 0.0,
    "normalization": "none",
    "penalty": 0.0,
    "optimizer": "adam",
    "learning_rate": 0.01,
    "schedule": "constant",
    "batch_size": 16,
    "epochs": 3,
}


class HeldData(SimpleNamespace):
    """What trainings ask of `Data`: inputs, outputs and parts; rows are held."""

    stream = None

    @property
    def training_rows(self) -> int:
        return len(self.train)


def small_data(
    task: str = "classes",
    units: int = 3,
    *,
    rows: int = 50,
    shape: tuple[int, ...] = (COLUMNS,),
    weighted: Collection[str] = (),
) -> Any:
    """Rows that can be learned; 50 of them leave 2 for the last batch of 16.

    Args:
        weighted: The parts whose rows count differently.
    """
    outputs = Outputs.for_task(task, units)  # type: ignore[arg-type]

    def part(name: str, count: int, seed: int) -> Part:
        random = np.random.default_rng(seed)
        x = random.normal(size=(count, *shape)).astype(np.float32)
        weights = random.uniform(0, 3, count).astype(np.float32) if name in weighted else None
        return Part(x=x, y=_targets(x.reshape(count, -1), outputs), weights=weights)

    return HeldData(
        inputs=Inputs(shape=shape),
        outputs=outputs,
        train=part("train", rows, 1),
        validation=part("validation", 21, 2),
        test=part("test", 19, 3),
    )


def _targets(x: np.ndarray, outputs: Outputs) -> np.ndarray:
    if outputs.task == "regression":
        values = np.stack([np.sin(x[:, i]) for i in range(outputs.units)], axis=1)
        return values[:, 0] if outputs.units == 1 else values
    if outputs.task == "labels":
        return (x[:, : outputs.units] + x[:, [0]] > 0).astype(np.float32)
    classes = max(2, outputs.units)
    return (np.abs(x[:, 0] * 3 + x[:, 1]) % classes).astype(np.int32)


@dataclass
class Recorder:
    """An observer that keeps what it is told, and may order something."""

    order: Callable[[int], Directive] = lambda epoch: Directive.CONTINUE
    rows: list[dict[str, float]] = field(default_factory=list)

    def epoch_end(self, epoch: int, metrics: Mapping[str, float], snapshot: Any) -> Directive:
        self.rows.append(dict(metrics))
        return self.order(epoch)

    def poll(self) -> Directive:
        return Directive.CONTINUE


class Interrupting(Recorder):
    """Interrupts a training after its first epoch, and keeps where it left off."""

    state: Any = None

    def epoch_end(self, epoch: int, metrics: Any, snapshot: Any) -> Directive:
        super().epoch_end(epoch, metrics, snapshot)
        self.state = snapshot()
        return Directive.INTERRUPT


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A training that is over: its model and what each epoch brought."""

    model: keras.Model
    epochs: list[dict[str, float]]
    result: TrainingResult | None = None

    @property
    def path(self) -> str:
        assert self.result is not None
        return self.result.path

    def distance(self, other: Fit) -> float:
        """The largest difference between any two numbers that both were told."""
        assert len(self.epochs) == len(other.epochs)
        return max(
            abs(mine[name] - theirs[name])
            for mine, theirs in zip(self.epochs, other.epochs, strict=True)
            for name in mine.keys() | theirs.keys()
        )


Build = Callable[[Mapping[str, Any], Inputs, Outputs], keras.Model]


def fit(
    data: Any,
    hyperparameters: Mapping[str, Any],
    *,
    seed: int = 5,
    build: Build = SPACE.build,
    metrics: Sequence[str] = (),
    observer: Recorder | None = None,
    **options: Any,
) -> Fit:
    """Trains with this project's loop."""
    with seeded(seed):
        model = build(hyperparameters, data.inputs, data.outputs)
    observer = observer or Recorder()
    result = train(
        model, hyperparameters, data, seed=seed, observer=observer, metrics=metrics, **options
    )
    return Fit(model=model, epochs=observer.rows, result=result)


def stock_fit(
    data: Any,
    hyperparameters: Mapping[str, Any],
    *,
    seed: int = 5,
    build: Build = SPACE.build,
    metrics: Sequence[str] = (),
    change: Callable[[keras.Model], None] = lambda model: None,
) -> Fit:
    """Trains with one call of Keras's ``fit``, its own schedules and callbacks.

    The rows come in the order that the seed gives; nothing else is shared with this project's
    way to train.

    Args:
        change: Done to the compiled model before it trains.
    """
    with seeded(seed):
        model = build(hyperparameters, data.inputs, data.outputs)
    compile_model(model, hyperparameters, data.outputs, metrics=metrics)
    change(model)
    epochs = hyperparameters["epochs"]
    steps = math.ceil(len(data.train) / hyperparameters["batch_size"])
    rate = _stock_schedule(hyperparameters, steps)
    if rate is not None:
        model.optimizer.learning_rate = rate
    callbacks: list[keras.callbacks.Callback] = [_LearningRate()]
    if hyperparameters["schedule"] == "plateau":
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                factor=hyperparameters["plateau_factor"],
                patience=hyperparameters["plateau_patience"],
            )
        )
    history = model.fit(
        batches(data.train, hyperparameters, seed),
        epochs=epochs,
        steps_per_epoch=steps,
        shuffle=False,
        validation_data=tuple(data.validation.arrays.values()),
        validation_batch_size=1024,
        callbacks=callbacks,
        verbose=0,
    ).history
    return Fit(
        model=model,
        epochs=[{name: float(history[name][i]) for name in history} for i in range(epochs)],
    )


def batches(part: Part, hyperparameters: Mapping[str, Any], seed: int) -> tf.data.Dataset:
    """The batches of all epochs, in the order that the seed gives."""
    size = hyperparameters["batch_size"]

    def each() -> Iterator[tuple[np.ndarray, ...]]:
        for epoch in range(hyperparameters["epochs"]):
            order = batch_order(seed, epoch, len(part))
            for start in range(0, len(part), size):
                rows = order[start : start + size]
                yield tuple(array[rows] for array in part.arrays.values())

    signature = tuple(
        tf.TensorSpec([None, *values.shape[1:]], values.dtype) for values in part.arrays.values()
    )
    return tf.data.Dataset.from_generator(each, output_signature=signature)


def _stock_schedule(
    hyperparameters: Mapping[str, Any], steps: int
) -> keras.optimizers.schedules.LearningRateSchedule | None:
    schedules = keras.optimizers.schedules
    rate = hyperparameters["learning_rate"]
    match hyperparameters["schedule"]:
        case "inverse_time":
            return schedules.InverseTimeDecay(rate, 1, hyperparameters["decay"])
        case "exponential":
            return schedules.ExponentialDecay(rate, steps, hyperparameters["decay_rate"])
        case "cosine":
            return schedules.CosineDecay(rate, steps * hyperparameters["epochs"])
    return None


class _LearningRate(keras.callbacks.Callback):
    """Tells the learning rate of the epoch's last step, before a callback changes it."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        schedule = self.model.optimizer._learning_rate
        last = self.model.optimizer.iterations - 1
        is_schedule = isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule)
        logs["learning_rate"] = float(schedule(last) if is_schedule else schedule)

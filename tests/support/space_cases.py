"""Points of our families: spread over all that they know, and models of them on a few rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from search_spaces import Inputs, Outputs, SearchSpace, catalog
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import format_value
from search_spaces.parameters.loss_choice import BY_TASK, NOT_NEGATIVE, LossChoice
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Int, Range

# Of each family: shapes of rows, and what keeps its models small.
SHAPES: dict[str, Sequence[tuple[int, ...]]] = {
    "mlp": [(5,), (4, 4)],
    "cnn": [(8, 8), (6, 5, 3)],
    "cnn1d": [(9,), (7, 2)],
    "rnn": [(5,), (4, 3)],
    "autoencoder": [(5,), (4, 3)],
    "stacked-autoencoder": [(5,), (4, 3)],
    "lvq": [(5,), (4, 3)],
    "gan": [(5,), (4, 3)],
    "rbm": [(5,), (4, 3)],
    "dbn": [(5,), (4, 3)],
    "boltzmann": [(5,), (4, 3)],
    "hopfield": [(5,), (4, 3)],
    "jordan": [(5,), (4, 3)],
    "pretrained": [(32, 32), (32, 32, 3)],
    "unet": [(8, 8), (5, 6, 3)],
    "seq2seq": [(5,), (4, 3)],
}
SMALL: dict[str, Sequence[str]] = {
    "mlp": ("units=1..8",),
    "cnn": ("filters=1..4", "units=1..8"),
    "cnn1d": ("filters=1..4", "units=1..8"),
    "rnn": ("units=1..8",),
    "autoencoder": ("units=1..8", "code=1..4"),
    "stacked-autoencoder": ("units=1..8",),
    "lvq": ("prototypes=1..4",),
    "gan": ("units=1..8", "opponent_units=1..8"),
    "rbm": ("hidden=1..8",),
    "dbn": ("units=1..8",),
    "boltzmann": ("hidden=1..8",),
    "hopfield": ("patterns=1..16", "groups=2..8", "corruption=0..0.5", "threshold=0.2..0.8"),
    "jordan": ("units=1..8",),
    "pretrained": (
        "backbone=MobileNetV2",
        "weights=none",
        "alpha=0.35",
        "image_size=0",
        "units=0,8",
    ),
    "unet": ("filters=1..4", "depth=1..3"),
    "seq2seq": ("units=1..8",),
}
FEW = {"pretrained": 2}  # models that are tried of families whose models are large
HEADS = {"binary": 1, "classes": 3, "labels": 3, "regression": 2}
ROWS = 6


@dataclass(frozen=True, kw_only=True)
class Case:
    """A point of a family, and what its model is to learn."""

    space: SearchSpace
    point: Mapping[str, Any]
    inputs: Inputs
    outputs: Outputs


def cases(family: str, count: int, *, seed: int = 0) -> Iterator[Case]:
    """Returns points, first both ends of all ranges, then evenly spread; shapes and tasks in turn.

    The first points are the same, however many are asked for.
    """
    from scipy.stats.qmc import Sobol

    shapes, tasks = SHAPES[family], tasks_of(catalog.load(family))
    spaces = {task: widened(family, task) for task in tasks}
    names = list(dict.fromkeys(name for space in spaces.values() for name in space.parameters))
    spread = Sobol(len(names), seed=seed).random(max(2, 2 ** math.ceil(math.log2(count))))
    spread[:2] = np.array([[0.0], [np.nextafter(1.0, 0.0)]])
    for number in range(count):
        task = tasks[number % len(tasks)]
        shape = shapes[number // len(tasks) % len(shapes)]
        units = math.prod(shape) if spaces[task].learns == "rows" else HEADS[task]
        yield Case(
            space=spaces[task],
            point=spaces[task].spread(dict(zip(names, spread[number], strict=True))),
            inputs=Inputs(shape=shape),
            outputs=Outputs.for_task(task, units, axes_of(spaces[task], shape)),  # type: ignore[arg-type]
        )


def axes_of(space: SearchSpace, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The places of a row that models of a space answer; of those that may answer the row, none."""
    return () if () in space.output_axes else shape[: len(space.output_axes[0])]


def tasks_of(space: SearchSpace) -> Sequence[str]:
    """The tasks that models of a space can be taught; of those that learn rows there is one."""
    return ("regression",) if space.learns == "rows" else space.tasks or tuple(HEADS)


def widened(family: str, task: str) -> SearchSpace:
    """The family with all that it knows: each category, and numbers that it does not search."""
    taken = {override.partition("=")[0] for override in SMALL[family]}
    declared = catalog.load(family).declared()
    wide = {name: _wide(p, task) for name, p in declared.items() if name not in taken}
    overrides = (f"{name}={text}" for name, text in wide.items() if text is not None)
    return catalog.load(family, [*SMALL[family], *overrides])


def _wide(parameter: Parameter, task: str) -> str | None:
    """More values for a parameter, as they are typed; None where its own will do."""
    if isinstance(parameter, Choice) and not parameter.ordered:
        return ",".join(format_value(value) for value in _known(parameter, task))
    if isinstance(parameter, Range) and parameter.fixed:
        return f"{parameter.low}..{parameter.low + (2 if isinstance(parameter, Int) else 0.2)}"
    return None


def _known(parameter: Choice, task: str) -> Sequence[Any]:
    if isinstance(parameter, LossChoice):
        fit = [name for name in BY_TASK[task] if task != "regression" or name not in NOT_NEGATIVE]
        return [*parameter.values, *fit]
    return parameter.allowed


def rows(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """A few rows in [0, 1], which every family takes, and what they shall be."""
    random = np.random.default_rng(0)
    x = random.uniform(size=(ROWS, *case.inputs.shape)).astype("float32")
    if case.space.learns == "rows":
        return x, x.reshape(ROWS, -1)
    units, axes = case.outputs.units, case.outputs.axes
    if case.outputs.task == "labels":
        return x, random.integers(0, 2, (ROWS, *axes, units)).astype("float32")
    if case.outputs.task == "regression":
        return x, random.normal(size=(ROWS, *axes, units)).astype("float32")
    classes = np.arange(ROWS, dtype="int32") % max(2, units)
    if not axes:
        return x, classes
    return x, np.broadcast_to(classes.reshape(-1, *(1,) * (1 + len(axes))), (ROWS, *axes, 1))


def check_model(case: Case, folder: Path) -> None:
    """Builds the model of a point, trains it for one step, saves it and opens it again."""
    import keras

    from tuner.training import seeded
    from tuner.training.compilation import compile_model
    from tuner.training.graph_cleanup import release_graphs

    release_graphs()
    with seeded(1):
        model = case.space.build(case.point, case.inputs, case.outputs)
    compile_model(model, case.point, case.outputs)
    model.run_eagerly = True  # a trace of every point would take long
    x, y = rows(case)
    trained = model.train_on_batch(x, y, return_dict=True)
    assert np.isfinite(trained["loss"]), trained
    assert model.output_shape == (None, *case.outputs.shape)
    assert all(np.isfinite(weights).all() for weights in model.get_weights())
    model.save(folder / "model.keras")
    opened = keras.saving.load_model(folder / "model.keras", compile=False)
    answers = np.asarray(model(x, training=False))
    assert np.isfinite(answers).all()
    np.testing.assert_allclose(opened(x, training=False), answers, atol=1e-6)
    for ours, theirs in zip(model.get_weights(), opened.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)

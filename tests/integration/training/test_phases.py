"""Phases of a training: each is what stock Keras does when a user freezes, compiles and fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import pytest

from search_spaces import Choice, Inputs, Outputs, Phase, SearchSpace, SpaceError
from search_spaces.model_inputs import wrap_for_matrix
from search_spaces.phases import attach, phases_of, set_trainable
from tests.support.fits import BASE, Fit, Interrupting, batches, fit, small_data
from tuner.training import seeded
from tuner.training.compilation import compile_model

pytestmark = pytest.mark.keras

CLASSES = small_data()
ADAM = {name: BASE[name] for name in ("optimizer", "batch_size")} | {"schedule": "constant"}
COSINE = {**ADAM, "schedule": "cosine"}
HEAD = Phase(trainable="head", learning_rate=0.05, epochs=2)
WHOLE = Phase(trainable="all", learning_rate=0.005, epochs=3)
SEED = 5


def network(inputs: Inputs, outputs: Outputs) -> keras.Model:
    """A model with a model in it, whose layers behave otherwise while they are frozen."""
    rows = keras.Input(inputs.shape)
    body = keras.Sequential(
        [
            keras.Input(inputs.shape),
            keras.layers.Dense(6, activation="tanh", name="first"),
            keras.layers.BatchNormalization(name="normal"),
        ],
        name="body",
    )
    answers = keras.layers.Dense(outputs.units, outputs.activation, name="head")(body(rows))
    return keras.Model(rows, answers)


def phased(*phases: Phase, finish: Callable[[keras.Model], None] = lambda model: None) -> Any:
    """A ``build`` whose models carry phases."""

    def build(_: Mapping[str, Any], inputs: Inputs, outputs: Outputs) -> keras.Model:
        model = network(inputs, outputs)
        finish(model)
        return attach(wrap_for_matrix(model, inputs, outputs), phases)

    return build


def cosine(phase: Phase) -> keras.optimizers.schedules.LearningRateSchedule:
    """A schedule that falls to nothing at the end of the phase."""
    steps = math.ceil(len(CLASSES.train) / ADAM["batch_size"])
    return keras.optimizers.schedules.CosineDecay(phase.learning_rate, steps * phase.epochs)


def stock(
    frozen: list[list[str]],
    phases: list[Phase],
    optimizer: Callable[[Phase], keras.optimizers.Optimizer],
    loss: Any = "sparse_categorical_crossentropy",
) -> Fit:
    """One call of ``fit`` for each phase, on the same batches; by hand, as users write it.

    Args:
        frozen: Names of the layers that do not learn, for each phase.
    """
    with seeded(SEED):
        model = network(CLASSES.inputs, CLASSES.outputs)
    steps = math.ceil(len(CLASSES.train) / ADAM["batch_size"])
    epochs: list[dict[str, float]] = []
    whole = {**ADAM, "epochs": sum(phase.epochs for phase in phases)}
    layers = [*model.get_layer("body").layers, model.get_layer("head")]
    for phase, names in zip(phases, frozen, strict=True):
        for layer in layers:
            layer.trainable = layer.name not in names
        model.compile(optimizer(phase), loss, metrics=["accuracy"])
        history = model.fit(
            batches(CLASSES.train, whole, SEED).skip(len(epochs) * steps),
            epochs=phase.epochs,
            steps_per_epoch=steps,
            shuffle=False,
            validation_data=tuple(CLASSES.validation.arrays.values()),
            verbose=0,
        ).history
        epochs += [{name: history[name][i] for name in history} for i in range(phase.epochs)]
    return Fit(model=model, epochs=epochs)


def without_rates(ours: Fit) -> Fit:
    """The same without the learning rates, which stock ``fit`` does not tell."""
    epochs = [{n: v for n, v in epoch.items() if n != "learning_rate"} for epoch in ours.epochs]
    return Fit(model=ours.model, epochs=epochs, result=ours.result)


BODY = ["first", "normal"]
WAYS: dict[str, tuple[list[Phase], list[list[str]]]] = {
    "a name, then all": ([HEAD, WHOLE], [BODY, []]),
    "a function": (
        [
            Phase(
                trainable=lambda layer: isinstance(layer, keras.layers.Dense),
                learning_rate=0.05,
                epochs=2,
            ),
            WHOLE,
        ],
        [["normal"], []],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_phases_are_those_of_stock_fit(way: str) -> None:
    """The same losses in every epoch, the same weights, one curve, each phase at its own rate."""
    phases, frozen = WAYS[way]
    ours = fit(CLASSES, COSINE, build=phased(*phases), seed=SEED)
    theirs = stock(frozen, phases, lambda phase: keras.optimizers.Adam(cosine(phase)))
    assert ours.path == "graph of Keras's steps: phases"
    assert without_rates(ours).distance(theirs) < 1e-5
    assert ours.result is not None
    assert ours.result.epochs == sum(phase.epochs for phase in phases)


def test_a_model_that_comes_compiled_begins_each_phase_with_its_optimizer_anew() -> None:
    """Its loss and its momentum are kept, the learning rate is that of the phase."""
    loss = keras.losses.SparseCategoricalCrossentropy

    def finish(model: keras.Model) -> None:
        model.compile(keras.optimizers.SGD(7.0, momentum=0.8), loss(), metrics=["accuracy"])

    ours = fit(CLASSES, {"batch_size": 16}, build=phased(HEAD, WHOLE, finish=finish), seed=SEED)
    theirs = stock(
        [BODY, []],
        [HEAD, WHOLE],
        lambda phase: keras.optimizers.SGD(phase.learning_rate, momentum=0.8),
        loss(),
    )
    assert without_rates(ours).distance(theirs) < 1e-5


def test_layers_of_a_model_with_several_outputs_are_found_by_their_names() -> None:
    """What stands around it for training has no say."""
    heads = {"one": Outputs.for_task("binary"), "two": Outputs.for_task("regression")}
    outputs = Outputs.for_heads(heads)
    inputs = Inputs(shape=(4,))
    rows = keras.Input((4,))
    shared = keras.layers.Dense(3, name="shared")(rows)
    model = keras.Model(
        rows,
        {
            name: keras.layers.Dense(1, head.activation, name=name)(shared)
            for name, head in heads.items()
        },
    )
    whole = attach(wrap_for_matrix(model, inputs, outputs), (HEAD_OF_TWO, WHOLE))
    for phase, expected in enumerate((2, 6)):
        compile_model(whole, ADAM, outputs, phase=phase)
        assert len(whole.trainable_variables) == expected


HEAD_OF_TWO = Phase(trainable="two", learning_rate=0.1, epochs=1)


def test_a_plateau_and_patience_are_of_a_phase() -> None:
    """A rate that was reduced is that of the phase again; a trial stops early in the last one."""
    flat = Phase(trainable="head", learning_rate=1e-12, epochs=4)
    plateau = {"schedule": "plateau", "plateau_factor": 0.5, "plateau_patience": 2}
    falls = fit(CLASSES, {**ADAM, **plateau}, build=phased(flat, flat), epoch_patience=2)
    rates = [epoch["learning_rate"] / 1e-12 for epoch in falls.epochs]
    assert rates == pytest.approx([1, 1, 1, 0.5, 1, 1, 1])


CHOSEN: dict[str, tuple[Any, set[str]]] = {
    "names": (["head", "normal"], {"head", "normal"}),
    "a model in it": (("body",), {"first", "normal"}),
    "all": ("all", {"first", "normal", "head"}),
    "a function": (lambda layer: "r" in layer.name, {"first", "normal"}),
}


@pytest.mark.parametrize("way", CHOSEN)
def test_what_learns_is_said_by_names_or_a_function(way: str) -> None:
    """Layer by layer, whatever learned before."""
    trainable, learns = CHOSEN[way]
    model = network(CLASSES.inputs, CLASSES.outputs)
    set_trainable(model, HEAD)
    set_trainable(model, Phase(trainable=trainable, learning_rate=1, epochs=1))
    layers = [*model.get_layer("body").layers, model.get_layer("head")]
    assert {layer.name for layer in layers if layer.trainable_variables} == learns
    assert len(model.trainable_variables) == 2 * len(learns)


def test_a_state_of_another_version_begins_with_the_first_phase() -> None:
    """Even where it is of a later one."""

    class Late(Interrupting):
        def epoch_end(self, epoch: int, metrics: Any, snapshot: Any) -> Any:
            order = super().epoch_end(epoch, metrics, snapshot)
            return order if epoch == 4 else self.order(epoch)

    late = Late()
    fit(CLASSES, ADAM, build=phased(HEAD, WHOLE), observer=late)
    late.state.scalars["way"] = "of the future"
    again = fit(CLASSES, ADAM, build=phased(HEAD, WHOLE), resume=late.state)
    assert [epoch["learning_rate"] for epoch in again.epochs[:4]] == [
        epoch["learning_rate"] for epoch in late.rows
    ]
    assert again.epochs[0]["val_loss"] == pytest.approx(late.rows[0]["val_loss"], abs=1e-6)


class Phased(SearchSpace):
    """A space with whatever phases a test wants."""

    which = Choice(
        ["head"], allowed=["head", "hed", "dropped", "nothing", "none", "no list", "raises"]
    )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        model = network(inputs, outputs)
        x = keras.layers.Dropout(0.1, name="dropped")(model.layers[1].output)
        return keras.Model(model.inputs, model.get_layer("head")(x))

    def phases(self, hyperparameters: Mapping[str, Any]) -> Any:
        which = hyperparameters["which"]
        if which == "no list":
            return "head"
        if which == "raises":
            raise KeyError("fine")
        return [
            HEAD,
            Phase(trainable=[] if which == "nothing" else which, learning_rate=1, epochs=1),
        ]


@pytest.mark.parametrize(
    ("which", "told"),
    [
        ("hed", r"names of layers in phases\(\) of phased\. Received: 'hed'.*head"),
        ("dropped", r"some layer with weights learns\. Received: trainable='dropped'"),
        ("nothing", r"some layer with weights learns\. Received: trainable=\[\]"),
        ("none", r"some layer with weights learns\. Received: trainable='none'"),
        ("no list", r"phases\(\) of phased to return a list of search_spaces.Phase.*'head'"),
        ("raises", r"phases\(\) of phased raised KeyError: 'fine' \(.*test_phases.py:\d+\)"),
    ],
)
def test_phases_that_cannot_be_are_told_before_there_is_a_study(which: str, told: str) -> None:
    """In one line that names the space."""
    with pytest.raises(SpaceError, match=told) as raised:
        Phased([f"which={which}"]).build_default(CLASSES.inputs, CLASSES.outputs)
    assert "\n" not in str(raised.value)


def test_the_phases_of_a_space_travel_on_its_models() -> None:
    """Those of its hyperparameters."""
    model = Phased().construct({"which": "head"}, CLASSES.inputs, CLASSES.outputs)
    assert [phase.epochs for phase in phases_of(model)] == [2, 1]
    compile_model(model, ADAM, CLASSES.outputs)
    assert len(model.trainable_variables) == 2

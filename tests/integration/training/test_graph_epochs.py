"""Models that the program does not know: Keras's steps in one graph call, or its own ``fit``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf

from search_spaces.user_code.isolation import UserCodeError
from tests.support.fits import BASE, fit, small_data, stock_fit
from tuner.training import phase_compiler
from tuner.training.compilation import compile_model

pytestmark = pytest.mark.keras

CLASSES = small_data()


class Doubled(keras.layers.Layer):
    """A layer of a user's own."""

    def call(self, x: Any) -> Any:
        return 2.0 * x


class OwnModel(keras.Model):
    """A model class of a user's own."""

    def __init__(self, units: int, activation: str) -> None:
        super().__init__()
        self.hidden = keras.layers.Dense(8, "tanh")
        self.head = keras.layers.Dense(units, activation)

    def call(self, x: Any) -> Any:
        return self.head(self.hidden(x))


class NotInLoops(keras.layers.Layer):
    """Stands for whatever can be traced, but not inside a loop."""

    def call(self, x: Any, training: bool | None = None) -> Any:
        if training and "while" in getattr(tf.compat.v1.get_default_graph(), "name", ""):
            raise TypeError("not inside a loop")
        return x


class Sequential(keras.Sequential):
    """A model class of a user's own, by a name that Keras has too."""

    def compute_loss(self, *args: Any, **options: Any) -> Any:
        return 3.0 * super().compute_loss(*args, **options)


def own_activation(x: Any) -> Any:
    return keras.ops.tanh(x) + 0.1 * x


def chain(*layers: Callable[[], Any]) -> Any:
    """A function that builds a model of these layers and the task's head."""

    def build(hyperparameters: Any, inputs: Any, outputs: Any) -> keras.Model:
        head = keras.layers.Dense(outputs.units, outputs.activation)
        hidden = [keras.layers.Dense(8, "relu"), *(make() for make in layers)]
        return keras.Sequential([keras.Input(inputs.shape), *hidden, head])

    return build


def branches(hyperparameters: Any, inputs: Any, outputs: Any) -> keras.Model:
    rows = keras.Input(inputs.shape)
    sides = [keras.layers.Dense(6, activation)(rows) for activation in ("relu", "tanh")]
    x = keras.layers.Add()(sides)
    return keras.Model(rows, keras.layers.Dense(outputs.units, outputs.activation)(x))


def shared(hyperparameters: Any, inputs: Any, outputs: Any) -> keras.Model:
    """One layer at two places."""
    rows = keras.Input(inputs.shape)
    layer = keras.layers.Dense(inputs.shape[0], "tanh")
    x = layer(layer(rows))
    return keras.Model(rows, keras.layers.Dense(outputs.units, outputs.activation)(x))


def own_model(hyperparameters: Any, inputs: Any, outputs: Any) -> keras.Model:
    return OwnModel(outputs.units, outputs.activation)


def own_sequential(hyperparameters: Any, inputs: Any, outputs: Any) -> keras.Model:
    head = keras.layers.Dense(outputs.units, outputs.activation)
    return Sequential([keras.Input(inputs.shape), head])


def too_wide(hyperparameters: Any, inputs: Any, outputs: Any) -> keras.Model:
    head = keras.layers.Dense(outputs.units + 2, outputs.activation)
    return keras.Sequential([keras.Input(inputs.shape), head])


def penalised(kind: type[keras.layers.Layer], *args: Any) -> Callable[[], keras.layers.Layer]:
    return lambda: kind(*args, activity_regularizer=keras.regularizers.L2(0.1))


def of_channels_first(kind: type[keras.layers.Layer]) -> Any:
    pieces = [lambda: keras.layers.Reshape((2, 4)), lambda: kind(data_format="channels_first")]
    return chain(*pieces)


def frozen() -> keras.layers.Layer:
    layer = keras.layers.Dense(8, "tanh")
    layer.trainable = False
    return layer


dilated = chain(
    lambda: keras.layers.Reshape((4, 2)),
    lambda: keras.layers.Conv1D(3, 2, dilation_rate=2),
    keras.layers.Flatten,
)


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (chain(Doubled), "the layer Doubled"),
        (chain(lambda: keras.layers.Dense(4, own_activation)), "the activation 'own_activation'"),
        (chain(lambda: keras.layers.GaussianNoise(0.1)), "the layer GaussianNoise"),
        (chain(frozen), "a frozen layer"),
        (branches, "not a single chain"),
        (shared, "not a single chain"),
        (own_model, "a model class of its own, OwnModel"),
        (own_sequential, "a model class of its own, Sequential"),
        (too_wide, "a head of 5 units where the task has 3"),
        (chain(penalised(keras.layers.Activation, "tanh")), "activity_regularizer"),
        (chain(penalised(keras.layers.BatchNormalization)), "activity_regularizer"),
        (of_channels_first(keras.layers.Flatten), "data_format of the layer Flatten"),
        (of_channels_first(keras.layers.GlobalMaxPooling1D), "data_format"),
        (dilated, "dilation_rate of the layer Conv1D"),
    ],
    ids=[
        *("layer", "activation", "noise", "frozen", "branches", "shared", "class", "same-name"),
        *(
            "too-wide",
            "penalised-activation",
            "penalised-normalisation",
            "flatten",
            "global-max",
            "dilated",
        ),
    ],
)
def test_models_that_the_program_does_not_know_are_trained_as_keras_does(
    build: Any, reason: str
) -> None:
    """The reason is told, and losses and weights are those of stock fit."""
    ours = fit(CLASSES, BASE, build=build)
    assert ours.path.startswith("graph of Keras's steps: ")
    assert reason in ours.path
    assert ours.distance(stock_fit(CLASSES, BASE, build=build)) < 1e-5


@pytest.mark.parametrize("build", [chain(Doubled), chain(NotInLoops)], ids=["graph", "stock"])
@pytest.mark.parametrize("weighted", [["train"], ["train", "validation"]], ids=len)
def test_rows_may_count_differently(build: Any, weighted: list[str]) -> None:
    """With weights of training rows, and of validation rows as well."""
    data = small_data(weighted=weighted)
    ours = fit(data, BASE, build=build)
    assert ours.distance(stock_fit(data, BASE, build=build)) < 1e-5


def test_metrics_that_depend_on_the_task_are_left_to_keras() -> None:
    """Only Keras knows which accuracy is meant by acc."""
    ours = fit(CLASSES, BASE, metrics=("acc",))
    assert ours.path == "graph of Keras's steps: the metric acc"
    assert ours.distance(stock_fit(CLASSES, BASE, metrics=("acc",))) < 1e-5


def test_accuracy_asked_for_by_name_costs_nothing() -> None:
    """The fast program measures it anyway."""
    assert fit(CLASSES, BASE, metrics=("accuracy",)).path.startswith("program: ")


def test_accuracy_of_a_regression_is_refused() -> None:
    """It says nothing of numbers."""
    with pytest.raises(UserCodeError, match="task 'regression', one of mse, "):
        fit(small_data("regression", 1), BASE, metrics=("accuracy",))


def test_an_optimizer_that_decays_is_left_to_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adam decays by no hyperparameter; whatever a later one brings must not be passed over."""

    def decay(model: keras.Model) -> None:
        model.optimizer.weight_decay = 0.1

    def compile_decaying(model: keras.Model, *args: Any, **options: Any) -> Any:
        compiled = compile_model(model, *args, **options)
        decay(model)
        return compiled

    with monkeypatch.context() as patch:
        patch.setattr(phase_compiler, "compile_model", compile_decaying)
        ours = fit(CLASSES, BASE)
    assert ours.path == "graph of Keras's steps: weight decay outside adamw"
    assert ours.distance(stock_fit(CLASSES, BASE, change=decay)) < 1e-5
    assert ours.distance(fit(CLASSES, BASE)) > 1e-3


def test_a_model_that_goes_into_no_loop_is_trained_by_fit() -> None:
    """With the same losses and weights, and the reason is told."""
    ours = fit(CLASSES, BASE, build=chain(NotInLoops))
    assert ours.path.startswith("stock fit: TypeError: ")
    assert "not inside a loop" in ours.path
    assert ours.distance(stock_fit(CLASSES, BASE, build=chain(NotInLoops))) < 1e-5


def test_what_is_wrong_with_the_model_itself_is_said_as_keras_says_it() -> None:
    """No other way hides it."""

    class Broken(keras.layers.Layer):
        def call(self, x: Any, training: bool | None = None) -> Any:
            if training:
                raise RuntimeError("this layer is broken")
            return x

    with pytest.raises(UserCodeError, match=r"raised RuntimeError: .*this layer is broken"):
        fit(CLASSES, BASE, build=chain(Broken))


@pytest.mark.parametrize("build", [chain(Doubled), chain(NotInLoops)], ids=["graph", "stock"])
def test_the_model_holds_the_weights_of_the_best_epoch(build: Any) -> None:
    """Keras's own evaluate gives the best loss."""
    result, model = (
        (trained := fit(CLASSES, {**BASE, "learning_rate": 0.1, "epochs": 8}, build=build)).result,
        trained.model,
    )
    assert result is not None
    assert result.best_value == min(epoch["val_loss"] for epoch in trained.epochs)
    assert result.score(CLASSES.validation)["loss"] == pytest.approx(result.best_value, abs=1e-6)
    part = CLASSES.validation
    loss = model.evaluate(part.x, part.y, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(result.best_value, abs=1e-6)

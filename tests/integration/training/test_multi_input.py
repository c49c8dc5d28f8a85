"""Models with several inputs train as in plain Keras, and leave as models that take a dict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import optuna
import pytest

from search_spaces import Choice, Inputs, Int, Outputs, SearchSpace, SpaceError, catalog
from search_spaces.model_inputs import unwrap
from tests.support.fits import BASE, Interrupting, Recorder, stock_fit
from tests.support.plain_keras import run_without_project
from tuner.datasets import Data, DataSpec, load, with_preprocessing
from tuner.models.evaluate import predict
from tuner.training import (
    ThroughputMeter,
    measure_cost,
    model_size,
    precision,
    seeded,
    train,
)
from tuner.training.seeding import batch_order

pytestmark = pytest.mark.keras

EXAMPLE = Path(__file__).parents[3] / "examples" / "two_inputs.py"
POINT = {"seen": 16, "compared": 8, "activation": "tanh", "dropout": 0.2}
TRAINING = {name: BASE[name] for name in ("optimizer", "learning_rate", "schedule", "epochs")}
HYPERPARAMETERS = {**POINT, **TRAINING, "batch_size": 48}  # 1200 rows: 25 batches
AS_PLAIN_KERAS = """
import sys
import keras
import numpy as np

model = keras.saving.load_model(sys.argv[1])
rows = np.load(sys.argv[2])
answers = model.predict({name: rows[name] for name in rows.files}, verbose=0)
np.save(sys.argv[3], answers)
"""


@pytest.fixture(scope="module")
def data() -> Data:
    return load(DataSpec(source=f"{EXAMPLE}:pairs"))


@pytest.fixture(scope="module")
def space() -> SearchSpace:
    return catalog.load(f"{EXAMPLE}:Siamese")


@pytest.fixture(scope="module")
def trained(space: SearchSpace, data: Data) -> Any:
    """A model that takes rows as they are kept, and what its training told."""
    with seeded(5):
        model = space.construct(HYPERPARAMETERS, data.inputs, data.outputs)
    recorder = Recorder()
    result = train(model, HYPERPARAMETERS, data, seed=5, observer=recorder)
    return model, recorder.rows, result


def as_dict(data: Data, part: str) -> dict[str, np.ndarray]:
    """The scaled inputs of a part, as a user would feed them to Keras."""
    assert data.inputs_encoder is not None
    raw: Any = data.raw(part)
    return {
        each.name: each.encode(raw[each.name]).reshape(-1, *each.shape)
        for each in data.inputs_encoder.inputs
    }


def test_losses_are_those_of_stock_fit(space: SearchSpace, data: Data, trained: Any) -> None:
    """Epoch by epoch."""
    _, epochs, result = trained
    assert result.path.startswith("graph of Keras's steps")
    other = stock_fit(data, HYPERPARAMETERS, build=space.construct)
    for mine, theirs in zip(epochs, other.epochs, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-5)


def test_losses_are_those_of_the_users_own_model_in_plain_keras(
    space: SearchSpace, data: Data, trained: Any
) -> None:
    """On a dict of arrays, in the same order: what stands in front changes nothing."""
    hyperparameters = {**HYPERPARAMETERS, "dropout": 0.0, "epochs": 1}
    recorder = Recorder()
    with seeded(5):
        model = space.construct(hyperparameters, data.inputs, data.outputs)
    train(model, hyperparameters, data, seed=5, observer=recorder)
    with seeded(5):
        own: Any = space.build(hyperparameters, data.inputs, data.outputs)
    own.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    order, size = batch_order(5, 0, len(data.train)), hyperparameters["batch_size"]
    rows = {name: values[order] for name, values in as_dict(data, "train").items()}
    validation = as_dict(data, "validation"), data.validation.y
    told = own.fit(
        rows, data.train.y[order], size, shuffle=False, validation_data=validation, verbose=0
    ).history
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert recorder.rows[0][name] == pytest.approx(told[name][0], abs=1e-5)


def test_a_training_goes_on_where_it_left_off(space: SearchSpace, data: Data, trained: Any) -> None:
    """Bit for bit, as a trial does that another worker takes over."""
    _, epochs, _ = trained
    told = []
    observer, state = Interrupting(), None
    for watching in (observer, Recorder()):
        with seeded(5):
            model = space.construct(HYPERPARAMETERS, data.inputs, data.outputs)
        train(model, HYPERPARAMETERS, data, seed=5, observer=watching, resume=state)
        told += watching.rows
        state = observer.state
    assert told == epochs


def test_the_users_own_model_gives_the_same_loss_on_a_dict(data: Data, trained: Any) -> None:
    """It shares its weights with what was trained, and knows nothing of a matrix."""
    model, _, result = trained
    own = unwrap(model)
    assert set(own.input) == {"first", "second"}
    own.compile(loss="binary_crossentropy", metrics=["accuracy"])
    scores = own.evaluate(as_dict(data, "test"), data.test.y, verbose=0, return_dict=True)
    assert result.score(data.test)["loss"] == pytest.approx(scores["loss"], abs=1e-6)
    assert len(own.get_layer("look").weights) == 2  # shared: one kernel, one bias


def test_the_file_takes_a_dict_of_raw_arrays_in_plain_keras(
    data: Data, trained: Any, tmp_path: Path
) -> None:
    """In a process without this project; scaling is inside, random layers are not."""
    model, _, _ = trained
    expected = model.predict(data.test.x, verbose=0)
    whole = with_preprocessing(model, data)
    np.testing.assert_allclose(predict(whole, data.raw("test")), expected, atol=1e-5)
    whole.save(tmp_path / "model.keras")
    rows: Any = data.raw("test")
    np.savez(tmp_path / "rows.npz", **rows)
    files = ("model.keras", "rows.npz", "answers.npy")
    run_without_project(AS_PLAIN_KERAS, *files, folder=tmp_path)
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), expected, atol=1e-5)


def test_layers_that_change_rows_at_random_stay_behind(data: Data) -> None:
    """The model that is kept has none of them, and still answers."""

    class Turning(SearchSpace):
        def build(self, hyperparameters: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
            images = [keras.Input(shape, name=name) for name, shape in inputs.shapes.items()]
            turned = keras.layers.RandomFlip()(keras.layers.Reshape((8, 8, 1))(images[0]))
            both = [keras.layers.Flatten()(x) for x in (turned, images[1])]
            x = keras.layers.Concatenate()(both)
            return keras.Model(images, keras.layers.Dense(1, "sigmoid")(x))

    whole = with_preprocessing(Turning().construct({}, data.inputs, data.outputs), data)
    core = next(layer for layer in whole.layers if isinstance(layer, keras.Model))
    assert not [layer for layer in core.layers if "Random" in type(layer).__name__]
    assert predict(whole, data.raw("test")).shape == (len(data.test), 1)


@pytest.mark.parametrize("listed", ["dict", "list"])
def test_inputs_may_be_a_dict_or_a_list(data: Data, listed: str) -> None:
    """In a list their order is free: names tell which is which."""

    class Net(SearchSpace):
        def build(self, hyperparameters: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
            named = {name: keras.Input(shape, name=name) for name, shape in inputs.shapes.items()}
            only = keras.layers.Flatten()(named["second"])
            x = keras.layers.Dense(1, "sigmoid", kernel_initializer="ones")(only)
            x = keras.ops.add(x, 0 * keras.ops.mean(named["first"]))
            order = [named["second"], named["first"]]
            return keras.Model(named if listed == "dict" else order, x)

    model = Net().construct({}, data.inputs, data.outputs)
    second = as_dict(data, "test")["second"].reshape(len(data.test), -1)
    expected = 1 / (1 + np.exp(-second.sum(axis=1)))
    np.testing.assert_allclose(model.predict(data.test.x, verbose=0)[:, 0], expected, atol=1e-5)


def flat(trial: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
    """A model for a single array."""
    x = keras.Input(inputs.shape)
    return keras.Model(x, keras.layers.Dense(outputs.units, outputs.activation)(x))


def two_outputs(trial: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
    named = {name: keras.Input(shape, name=name) for name, shape in inputs.shapes.items()}
    return keras.Model(named, [keras.layers.Flatten()(x) for x in named.values()])


def own_class(trial: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
    class Mine(keras.Model):
        def call(self, x: Any) -> Any:
            return x["first"]

    return Mine()


@pytest.mark.parametrize(
    ("build", "received"),
    [(flat, "(128,): make"), (two_outputs, "Functional: make"), (own_class, "Mine: make")],
)
def test_models_that_do_not_take_them_are_refused(data: Data, build: Any, received: str) -> None:
    """Before a study is made, and whoever builds one."""
    from search_spaces.define_by_run import FunctionSpace

    space = FunctionSpace(build, "net")
    trial = optuna.create_study().ask()
    for made in (
        lambda: space.build_default(data.inputs, data.outputs),
        lambda: space.sample_and_build(trial, data.inputs, data.outputs),
        lambda: space.construct({}, data.inputs, data.outputs),
    ):
        with pytest.raises(SpaceError) as caught:
            made()
        assert "with the inputs first (8, 8) and second (8, 8). Received: " in str(caught.value)
        assert received in str(caught.value)
        assert "keras.Input((8, 8), name='first')" in str(caught.value)


def test_a_function_is_a_space_for_them(data: Data) -> None:
    """As a class is."""

    def build(trial: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
        named = {name: keras.Input(shape, name=name) for name, shape in inputs.shapes.items()}
        x = keras.layers.Concatenate()([keras.layers.Flatten()(x) for x in named.values()])
        x = keras.layers.Dense(trial.suggest_int("width", 4, 8), "relu")(x)
        return keras.Model(named, keras.layers.Dense(outputs.units, outputs.activation)(x))

    from search_spaces.define_by_run import FunctionSpace

    chosen, model = FunctionSpace(build, "net").sample_and_build(
        optuna.create_study().ask(), data.inputs, data.outputs
    )
    assert 4 <= chosen["width"] <= 8
    assert model.predict(data.test.x[:3], verbose=0).shape == (3, 1)


def test_what_looks_at_models_takes_them(space: SearchSpace, data: Data) -> None:
    """Their sizes, their speed, what they cost; half precision too."""
    with precision("mixed_float16"), seeded(1):
        model = space.construct(HYPERPARAMETERS, data.inputs, data.outputs)
    assert unwrap(model).get_layer("look").compute_dtype == "float16"
    model = space.construct(HYPERPARAMETERS, data.inputs, data.outputs)
    alone = model_size.training_bytes(unwrap(model), 32)
    assert model_size.training_bytes(model, 32) >= alone > 4 * 4 * model.count_params()
    assert measure_cost("parameters", model, data.validation) == model.count_params()
    assert measure_cost("latency", model, data.validation) > 0
    assert ThroughputMeter(model, HYPERPARAMETERS, data).run(2) == 96


def test_one_input_is_left_as_it_is() -> None:
    """The model that was built is the one that is trained."""

    class Net(SearchSpace):
        width = Int(4, 8)
        kind = Choice(["a"])

        def build(self, hyperparameters: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
            self.built = flat(None, inputs, outputs)
            return self.built

    space, outputs = Net(), Outputs.for_task("binary")
    assert space.construct({}, Inputs(shape=(3,)), outputs) is space.built

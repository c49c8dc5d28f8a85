"""Models with several outputs train as in plain Keras, and leave as models that answer by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import optuna
import pytest

from search_spaces import Inputs, Outputs, SearchSpace, SpaceError, catalog
from search_spaces.define_by_run import FunctionSpace
from search_spaces.model_inputs import unwrap
from tests.support.fits import BASE, Interrupting, Recorder
from tests.support.plain_keras import run_without_project
from tuner.datasets import Data, DataSpec, load, multi_output, with_preprocessing
from tuner.errors import UserError
from tuner.models.evaluate import predict
from tuner.models.scores import score
from tuner.studies.study_data import StudyData
from tuner.training import ThroughputMeter, check_metrics, precision, seeded, train
from tuner.training.seeding import batch_order

pytestmark = pytest.mark.keras

EXAMPLE = Path(__file__).parents[3] / "examples" / "two_outputs.py"
POINT = {"shared": 16, "own": 8, "activation": "tanh", "dropout": 0.0}
TRAINING = {name: BASE[name] for name in ("optimizer", "learning_rate", "schedule", "epochs")}
HYPERPARAMETERS = {**POINT, **TRAINING, "batch_size": 48}
LOSSES = {"digit": "sparse_categorical_crossentropy", "ink": "mse"}
AS_PLAIN_KERAS = """
import sys
import keras
import numpy as np

model = keras.saving.load_model(sys.argv[1])
np.savez(sys.argv[3], **model.predict(np.load(sys.argv[2]), verbose=0))
"""


@pytest.fixture(scope="module")
def data() -> Data:
    return load(DataSpec(source=f"{EXAMPLE}:digits"))


@pytest.fixture(scope="module")
def space() -> SearchSpace:
    return catalog.load(f"{EXAMPLE}:Shared")


@pytest.fixture(scope="module")
def trained(space: SearchSpace, data: Data) -> Any:
    """A model that answers as targets are kept, and what its training told."""
    return trained_on(data, space)


def trained_on(data: Data, space: SearchSpace, **changed: Any) -> Any:
    hyperparameters = {**HYPERPARAMETERS, **changed}
    with seeded(5):
        model = space.construct(hyperparameters, data.inputs, data.outputs)
    recorder = Recorder()
    result = train(model, hyperparameters, data, seed=5, observer=recorder)
    return model, recorder.rows, result


def by_output(data: Data, part: str) -> dict[str, np.ndarray]:
    """The targets of a part, as a user would feed them to Keras."""
    return {name: getattr(one, part).y for name, one in multi_output.every(data).items()}


def stock(
    data: Data,
    own: keras.Model,
    weights: dict[str, float] | None = None,
    of_rows: Any = None,
    **changed: Any,
) -> list[dict[str, float]]:
    """What stock Keras tells of each epoch of the user's own model, on the same batches.

    Args:
        weights: Of the losses of its outputs.
        of_rows: What training rows weigh in each output, by its name; by default as in the data.
    """
    hyperparameters = {**HYPERPARAMETERS, **changed}
    own.compile(
        keras.optimizers.Adam(hyperparameters["learning_rate"]),
        loss=LOSSES,
        loss_weights=weights,
        metrics={"digit": ["accuracy"]},
    )
    told = []
    if of_rows is None and data.train.weights is not None:
        of_rows = dict.fromkeys(LOSSES, data.train.weights)
    for epoch in range(hyperparameters["epochs"]):
        order = batch_order(5, epoch, len(data.train))
        validation = (data.validation.x, by_output(data, "validation"))
        history = own.fit(
            data.train.x[order],
            {name: y[order] for name, y in by_output(data, "train").items()},
            hyperparameters["batch_size"],
            sample_weight=of_rows and {name: of_one[order] for name, of_one in of_rows.items()},
            shuffle=False,
            validation_data=validation,
            validation_batch_size=1024,
            verbose=0,
        ).history
        told.append({name: values[0] for name, values in history.items()})
    return told


def as_trained(epochs: list[dict[str, float]], data: Data) -> list[dict[str, float]]:
    """The same with the losses of single outputs of scaled targets, as Keras sees them."""
    heads = (data.outputs.heads or {}).items()
    squares = {f"{n}_loss": head.unit.size**2 for n, head in heads if head.unit and head.units == 1}
    return [
        {name: value / squares.get(name.removeprefix("val_"), 1) for name, value in row.items()}
        for row in epochs
    ]


def agree(
    epochs: list[dict[str, float]], others: list[dict[str, float]], *, but: tuple[str, ...] = ()
) -> None:
    assert len(epochs) == len(others)
    for mine, theirs in zip(epochs, others, strict=True):
        assert mine.keys() - {"learning_rate"} == theirs.keys()
        for name in theirs.keys() - set(but):
            assert mine[name] == pytest.approx(theirs[name], abs=1e-5), name


def test_losses_are_those_of_stock_keras_with_a_loss_for_each_output(
    space: SearchSpace, data: Data, trained: Any
) -> None:
    """All that Keras tells of several outputs, by the same names.

    In its means of single losses a last batch of a few rows counts as much as others; not here.
    """
    _, epochs, result = trained
    epochs = as_trained(epochs, data)
    assert result.path == "graph of Keras's steps: several outputs"
    with seeded(5):
        own = space.build(HYPERPARAMETERS, data.inputs, data.outputs)
    agree(epochs, stock(data, own), but=("digit_loss", "ink_loss"))
    for told in epochs:
        assert told["loss"] == pytest.approx(told["digit_loss"] + told["ink_loss"], abs=1e-5)
    assert epochs[-1]["loss"] < epochs[0]["loss"] / 1.5


def test_losses_of_outputs_are_multiplied_as_keras_multiplies_them(
    space: SearchSpace, data: Data
) -> None:
    """The loss is the sum with the weights; trials are compared by the one without them."""
    weights = {"ink": 4.0, "digit": 0.5}
    of_loss = {f"loss_weights.{name}": weight for name, weight in weights.items()}
    hyperparameters = {**HYPERPARAMETERS, **of_loss, "epochs": 2}
    with seeded(5):
        model = space.construct(hyperparameters, data.inputs, data.outputs)
    recorder = Recorder()
    metrics = ["unweighted_loss"]
    train(model, hyperparameters, data, seed=5, observer=recorder, metrics=metrics)
    with seeded(5):
        own = space.build(HYPERPARAMETERS, data.inputs, data.outputs)
    epochs = as_trained(recorder.rows, data)
    theirs = stock(data, own, weights, epochs=2)
    for mine, stocks in zip(epochs, theirs, strict=True):
        for part in ("", "val_"):
            plain = mine.pop(f"{part}unweighted_loss")
            single = mine[f"{part}digit_loss"] + mine[f"{part}ink_loss"]
            assert plain == pytest.approx(single, abs=1e-5)
            assert stocks[f"{part}loss"] != pytest.approx(single, rel=0.01)
    agree(epochs, theirs, but=("digit_loss", "ink_loss"))


@pytest.mark.parametrize("searched", [False, True])
def test_classes_of_one_output_weigh_as_in_stock_keras(
    space: SearchSpace, data: Data, *, searched: bool
) -> None:
    """In training alone, and in that output alone: as with a ``sample_weight`` for each output."""
    spec = DataSpec(source=f"{EXAMPLE}:digits", class_weights="digit:3=5,digit:4=0.5")
    weighed = load(spec)
    if searched:
        spec = DataSpec(source=spec.source, arguments={"class_weights.digit": "balanced"})
        weighed = StudyData(spec, data).of({})
    _, epochs, _ = trained_on(weighed, space, epochs=2)
    digits = by_output(data, "train")["digit"]
    counts = np.bincount(digits)
    of_class = len(digits) / (len(counts) * counts)
    if not searched:
        of_class = np.ones(10)
        of_class[3], of_class[4] = 5, 0.5
    of_rows = of_class[digits] / of_class[digits].mean()
    weights = {"digit": of_rows, "ink": np.ones(len(digits))}
    with seeded(5):
        own = space.build(HYPERPARAMETERS, data.inputs, data.outputs)
    theirs = stock(data, own, of_rows=weights, epochs=2)
    agree(as_trained(epochs, data), theirs, but=("digit_loss", "ink_loss"))
    assert multi_output.one(weighed, "digit").train.weights == pytest.approx(of_rows, rel=1e-6)


def test_rows_weigh_as_in_stock_keras(space: SearchSpace, data: Data) -> None:
    """The loss of each output is weighted."""
    whole = data.train.first(20 * HYPERPARAMETERS["batch_size"])
    weights = np.random.default_rng(0).uniform(0, 3, len(whole)).astype(np.float32)
    weighted = dataclasses.replace(data, train=dataclasses.replace(whole, weights=weights))
    _, epochs, _ = trained_on(weighted, space, epochs=2)
    with seeded(5):
        own = space.build(HYPERPARAMETERS, data.inputs, data.outputs)
    agree(as_trained(epochs, data), stock(weighted, own, epochs=2))


def test_the_loss_of_sure_answers_is_not_cut_off(data: Data) -> None:
    """As in stock Keras, which computes it from what stands before a softmax."""

    class Sure(SearchSpace):
        def build(self, hyperparameters: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
            rows, wide = keras.Input(inputs.shape), keras.initializers.RandomNormal(stddev=50)
            digit = keras.layers.Dense(10, "softmax", kernel_initializer=wide, name="digit")
            return keras.Model(rows, [keras.layers.Dense(1, name="ink")(rows), digit(rows)])

    with seeded(5):
        model = Sure().construct({}, data.inputs, data.outputs)
        own = Sure().build({}, data.inputs, data.outputs)
    hyperparameters = {**HYPERPARAMETERS, "learning_rate": 1e-9, "epochs": 1}
    recorder = Recorder()
    train(model, hyperparameters, data, seed=5, observer=recorder)
    own.compile(loss=LOSSES)
    for name in LOSSES:
        own.get_layer(name).set_weights(unwrap(model).get_layer(name).get_weights())
    rows, expected = data.validation.x, by_output(data, "validation")
    told = own.evaluate(rows, expected, batch_size=1024, verbose=0, return_dict=True)
    assert told["digit_loss"] > 100  # a probability that is cut off costs 16 at most
    assert recorder.rows[0]["val_digit_loss"] == pytest.approx(told["digit_loss"], rel=1e-5)


def test_a_training_goes_on_where_it_left_off(space: SearchSpace, data: Data, trained: Any) -> None:
    """Bit for bit, as a trial does that another worker takes over."""
    told: list[dict[str, float]] = []
    observer, state = Interrupting(), None
    for watching in (observer, Recorder()):
        with seeded(5):
            model = space.construct(HYPERPARAMETERS, data.inputs, data.outputs)
        train(model, HYPERPARAMETERS, data, seed=5, observer=watching, resume=state)
        told += watching.rows
        state = observer.state
    assert told == trained[1]


def test_the_file_answers_by_name_in_plain_keras(data: Data, trained: Any, tmp_path: Path) -> None:
    """In a process without this project; scalings are inside, what lay side by side is not."""
    model, _, result = trained
    whole = with_preprocessing(model, data)
    assert not [layer for layer in whole.layers if "side_by_side" in layer.name]
    whole.save(tmp_path / "model.keras")
    np.save(tmp_path / "rows.npy", data.raw("test"))
    files = ("model.keras", "rows.npy", "answers.npz")
    run_without_project(AS_PLAIN_KERAS, *files, folder=tmp_path)
    answers = dict(np.load(tmp_path / "answers.npz"))
    scaled = model.predict(data.test.x, verbose=0)
    np.testing.assert_allclose(answers["digit"], scaled[:, :10], atol=1e-5)
    ink, known = multi_output.one(data, "ink"), data.raw_targets("test")["ink"]
    assert ink.target_scaler is not None
    unscaled = scaled[:, 10] * ink.target_scaler.spread + ink.target_scaler.centre
    np.testing.assert_allclose(answers["ink"][:, 0], unscaled, rtol=1e-5)
    assert np.corrcoef(answers["ink"][:, 0], known)[0, 1] > 0.7
    scores, expected = score(data, "test", answers), result.score(data.test)
    for name, of_one in scores["outputs"].items():
        assert of_one["loss"] == pytest.approx(expected[f"{name}_loss"], rel=1e-5)
    assert scores["outputs"]["digit"]["accuracy"] == pytest.approx(expected["digit_accuracy"])


def pairs(folder: Path) -> Data:
    """Two inputs, and outputs of every task."""
    (folder / "pairs.py").write_text(
        "import numpy as np\n\ndef load():\n"
        "    x = np.random.default_rng(0).normal(size=(300, 4))\n"
        "    y = {'above': x[:, 0] > 0, 'most': x.argmax(axis=1), 'signs': x[:, :3] > 0,\n"
        "         'sum': x.sum(axis=1), 'sums': x[:, :2] + x[:, 2:]}\n"
        "    return {'left': x[:, :2], 'right': x[:, 2:]}, y\n"
    )
    return load(DataSpec(source=f"{folder / 'pairs.py'}:load"))


def named(trial: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
    """For inputs and outputs of any names."""
    rows = {name: keras.Input(shape, name=name) for name, shape in inputs.shapes.items()}
    x = keras.layers.Concatenate()(list(rows.values()))
    x = keras.layers.Dense(trial.suggest_int("width", 8, 16), "tanh")(x)
    made = [
        keras.layers.Dense(head.units, head.activation, name=name)(x)
        for name, head in reversed(outputs.heads.items())  # in a list their order is free
    ]
    return keras.Model(rows, made)


def test_several_inputs_and_outputs_of_every_task(tmp_path: Path) -> None:
    """Are trained together, and their answers come apart again."""
    data = pairs(tmp_path)
    space = FunctionSpace(named, "net")
    chosen, model = space.sample_and_build(optuna.create_study().ask(), data.inputs, data.outputs)
    recorder = Recorder()
    hyperparameters = {**HYPERPARAMETERS, **chosen, "learning_rate": 0.05, "epochs": 20}
    result = train(model, {**hyperparameters, "optimizer": "adam", "schedule": "constant",
                           "batch_size": 32}, data, seed=1, observer=recorder)  # fmt: skip
    (last,) = as_trained(recorder.rows[-1:], data)
    assert {"above_accuracy", "most_accuracy", "signs_accuracy", "val_sums_loss"} <= last.keys()
    assert last["loss"] == pytest.approx(sum(last[f"{n}_loss"] for n in data.heads), abs=1e-5)
    answers = predict(with_preprocessing(model, data), data.raw("test"))
    scores, expected = score(data, "test", answers), result.score(data.test)
    for name in data.heads:
        loss = pytest.approx(expected[f"{name}_loss"], abs=1e-4)
        assert scores["outputs"][name]["loss"] == loss
    for name in ("above", "most", "signs"):
        accuracy = scores["outputs"][name]["accuracy"]
        assert accuracy == pytest.approx(expected[f"{name}_accuracy"], abs=1e-6)
        assert accuracy > 0.6
    assert scores["outputs"]["sums"]["r2"] > 0.6


def test_layers_that_change_rows_at_random_stay_behind(data: Data) -> None:
    """The model that is kept has none of them, and still answers."""

    class Turning(SearchSpace):
        def build(self, hyperparameters: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
            rows = keras.Input(inputs.shape)
            turned = keras.layers.RandomFlip()(keras.layers.Reshape((8, 8, 1))(rows))
            x = keras.layers.Flatten()(turned)
            return keras.Model(
                rows,
                {
                    name: keras.layers.Dense(head.units, head.activation)(x)
                    for name, head in outputs.heads.items()
                },
            )

    whole = with_preprocessing(Turning().construct({}, data.inputs, data.outputs), data)
    core = next(layer for layer in whole.layers if isinstance(layer, keras.Model))
    assert not [layer for layer in core.layers if "Random" in type(layer).__name__]
    assert {name: answer.shape for name, answer in predict(whole, data.raw("test")).items()} == {
        "digit": (len(data.test), 10), "ink": (len(data.test), 1),
    }  # fmt: skip


def unnamed(trial: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
    rows = keras.Input(inputs.shape)
    return keras.Model(rows, [keras.layers.Dense(head.units)(rows) for head in
                              outputs.heads.values()])  # fmt: skip


def single(trial: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
    rows = keras.Input(inputs.shape)
    return keras.Model(
        rows, keras.layers.Dense(outputs.units, outputs.activation, name="all")(rows)
    )


def too_narrow(trial: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
    rows = keras.Input(inputs.shape)
    return keras.Model(rows, {name: keras.layers.Dense(1)(rows) for name in outputs.heads})


def own_class(trial: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
    class Mine(keras.Model):
        def call(self, x: Any) -> Any:
            return {"digit": x, "ink": x}

    return Mine()


@pytest.mark.parametrize(
    ("build", "received"),
    [
        (unnamed, "and dense"),
        (single, "all (11,): make"),
        (too_narrow, "digit (1,) and ink (1,): make"),
        (own_class, "Mine: make"),
    ],
)
def test_models_that_do_not_have_them_are_refused(data: Data, build: Any, received: str) -> None:
    """Before a study is made, and whoever builds one."""
    space = FunctionSpace(build, "net")
    trial = optuna.create_study().ask()
    for made in (
        lambda: space.build_default(data.inputs, data.outputs),
        lambda: space.sample_and_build(trial, data.inputs, data.outputs),
        lambda: space.construct({}, data.inputs, data.outputs),
    ):
        with pytest.raises(SpaceError) as caught:
            made()
        assert "with the outputs digit (10,) and ink (1,). Received: " in str(caught.value)
        assert received in str(caught.value)
        assert "keras.layers.Dense(10, 'softmax', name='digit')" in str(caught.value)


def test_losses_cannot_be_chosen(data: Data) -> None:
    """Each output has that of its task."""
    space = catalog.load(f"{EXAMPLE}:Shared", ["loss=mse"])
    with pytest.raises(SpaceError, match="Expected no loss beside several outputs"):
        space.check(data.inputs, data.outputs)


def test_metrics_are_of_one_output(space: SearchSpace, data: Data) -> None:
    """By the name of the output before that of Keras; they may be what trials are compared by."""
    check_metrics(["ink_mae", "digit_accuracy", "digit_loss"], data.outputs)
    for name, message in (
        ("mae", "a metric of one of the outputs digit, ink, such as digit_loss"),
        ("digit_blub", "Expected the name of a metric of Keras"),
    ):
        with pytest.raises(UserError, match=message):
            check_metrics([name], data.outputs)
    with seeded(5):
        model = space.construct(HYPERPARAMETERS, data.inputs, data.outputs)
    result = train(
        model, {**HYPERPARAMETERS, "epochs": 1}, data, seed=5, observer=Recorder(),
        metrics=["ink_mae", "digit_loss", "digit_mse"],
    )  # fmt: skip
    answers, known = (
        predict(with_preprocessing(model, data), data.raw("test")),
        data.raw_targets("test"),
    )
    scores = result.score(data.test)
    mae = np.abs(answers["ink"][:, 0] - known["ink"]).mean()
    assert scores["ink_mae"] == pytest.approx(mae, 1e-4)
    digits = np.eye(10)[known["digit"]]
    assert scores["digit_mse"] == pytest.approx(np.square(answers["digit"] - digits).mean(), 1e-4)


def test_what_looks_at_models_takes_them(space: SearchSpace, data: Data) -> None:
    """Half precision, whose answers are laid together in float32; and how fast they train."""
    with precision("mixed_float16"), seeded(1):
        model = space.construct(HYPERPARAMETERS, data.inputs, data.outputs)
    assert model.outputs[0].dtype == "float32"
    assert {answer.dtype for answer in unwrap(model).outputs} == {"float32"}
    assert model.get_layer("side_by_side").compute_dtype == "float32"
    model = space.construct(HYPERPARAMETERS, data.inputs, data.outputs)
    assert ThroughputMeter(model, HYPERPARAMETERS, data).run(2) == 96


def test_one_output_is_left_as_it_is() -> None:
    """The model that was built is the one that is trained."""

    class Net(SearchSpace):
        def build(self, hyperparameters: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
            rows = keras.Input(inputs.shape)
            self.built = keras.Model(rows, keras.layers.Dense(1, "sigmoid")(rows))
            return self.built

    space = Net()
    made = space.construct({}, Inputs(shape=(3,)), Outputs.for_task("binary"))
    assert made is space.built

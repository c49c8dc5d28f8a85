"""Models that come compiled train as stock Keras trains them, by their own optimizer and loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics as sk

from search_spaces import Inputs, Outputs
from search_spaces.model_inputs import wrap_for_matrix
from tests.support.fits import Fit, HeldData, Recorder, batches, fit, small_data
from tuner.datasets import DataSpec, load, with_preprocessing
from tuner.datasets.prepared_data import Part
from tuner.studies.objective import Objective
from tuner.training import Directive

pytestmark = pytest.mark.keras

OWN = {"batch_size": 16, "epochs": 3}


class Keeper(Recorder):
    """An observer that keeps the state after the last epoch."""

    def epoch_end(self, epoch: int, metrics: Any, snapshot: Any) -> Directive:
        self.state = snapshot()
        return super().epoch_end(epoch, metrics, snapshot)


def soft(y_true: Any, y_pred: Any) -> Any:
    """A loss of the user's own."""
    return keras.ops.mean(keras.ops.log(1 + keras.ops.square(y_true - y_pred)), axis=-1)


def layers(inputs: Inputs, outputs: Outputs) -> keras.Model:
    """The same model each time, not compiled."""
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input(inputs.shape),
            keras.layers.Dense(8, activation="tanh"),
            keras.layers.Dense(outputs.units, activation=outputs.activation),
        ]
    )


def stock(model: keras.Model, data: Any, change: Callable[[Any], Any] = lambda y: y) -> Fit:
    """The epochs of Keras's own ``fit`` on the same batches, with targets of the user's own."""
    history = model.fit(
        batches(data.train, OWN, 5).map(lambda x, y: (x, change(y))),
        epochs=OWN["epochs"],
        steps_per_epoch=math.ceil(len(data.train) / OWN["batch_size"]),
        shuffle=False,
        validation_data=(data.validation.x, change(data.validation.y)),
        validation_batch_size=1024,
        verbose=0,
    ).history
    epochs = [{name: history[name][i] for name in history} for i in range(OWN["epochs"])]
    return Fit(model=model, epochs=epochs)


def one_hot(y: Any) -> Any:
    return keras.ops.one_hot(y, 3)


COMPILED = {
    "sparse": {
        "optimizer": lambda: keras.optimizers.SGD(0.1, momentum=0.8),
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "path": "program",
    },
    "one-hot": {
        "optimizer": lambda: "adam",
        "loss": lambda: keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        "metrics": ["accuracy"],
        "change": one_hot,
        "path": "program",
    },
    "metrics of class numbers": {
        "optimizer": lambda: keras.optimizers.Adam(0.01),
        "loss": lambda: keras.losses.SparseCategoricalCrossentropy(name="own"),
        "metrics": lambda: [
            "accuracy",
            keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2"),
        ],
        "path": "graph",
    },
    "metric objects": {
        "optimizer": lambda: keras.optimizers.RMSprop(0.01),
        "loss": "categorical_crossentropy",
        "metrics": lambda: ["accuracy", keras.metrics.AUC(), keras.metrics.CategoricalHinge()],
        "change": one_hot,
        "path": "graph",
    },
    "schedule": {
        "optimizer": lambda: keras.optimizers.Adam(
            keras.optimizers.schedules.ExponentialDecay(0.05, 4, 0.5)
        ),
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "path": "graph",
    },
    "eager": {
        "optimizer": lambda: "sgd",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "run_eagerly": True,
        "path": "stock",
    },
}


def compiled(case: dict[str, Any], model: keras.Model) -> keras.Model:
    """The model, compiled as the case says."""
    options = {
        name: value() if callable(value) else value
        for name, value in case.items()
        if name not in ("path", "change")
    }
    model.compile(**options)
    return model


@pytest.mark.parametrize("name", COMPILED)
def test_it_trains_as_in_stock_keras(name: str) -> None:
    """Loss and metrics of every epoch; plain ones at the speed of our spaces."""
    case, data = COMPILED[name], small_data()
    ours = fit(data, OWN, build=lambda _, i, o: compiled(case, layers(i, o)))
    theirs = stock(
        compiled(case, layers(data.inputs, data.outputs)), data, case.get("change", lambda y: y)
    )
    assert ours.path.startswith(case["path"])
    for mine, expected in zip(ours.epochs, theirs.epochs, strict=True):
        for metric, value in expected.items():
            key = metric.replace("auc_1", "auc").replace("auc_2", "auc")
            assert mine[key] == pytest.approx(value, abs=1e-5), metric


def regression(folder: Path) -> Any:
    """Targets of about 1000 +- 54."""
    x = np.random.default_rng(0).normal(size=(151, 2))
    np.savez(folder / "a.npz", x=x, y=1000 + x @ [50, 20])
    return load(DataSpec(source=str(folder / "a.npz")))


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", soft])
def test_a_regressions_numbers_are_in_the_unit_of_its_targets(tmp_path: Path, loss: Any) -> None:
    """As computed from the exported model, whatever the loss and the metrics are."""
    data = regression(tmp_path)

    def build(_: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
        model = layers(inputs, outputs)
        model.compile("adam", loss, metrics=[keras.metrics.MeanAbsoluteError(), soft])
        return model

    ours = fit(data, OWN, build=build)
    whole = with_preprocessing(ours.model, data)
    y = data.raw_targets("validation").reshape(-1, 1)
    answers = whole.predict(data.raw("validation"), verbose=0).astype(np.float64)
    assert ours.result is not None
    best = ours.epochs[ours.result.best_epoch - 1]  # type: ignore[operator]
    expected = keras.losses.get(loss)(y, answers)
    assert best["val_loss"] == pytest.approx(float(np.mean(expected)), rel=1e-3)
    assert best["val_mean_absolute_error"] == pytest.approx(np.abs(y - answers).mean(), rel=1e-3)
    assert best["val_soft"] == pytest.approx(float(np.mean(soft(y, answers))), rel=1e-3)


def test_metrics_of_large_targets_are_those_of_scikit_learn(tmp_path: Path) -> None:
    """In float32 the squares of 1.7e9 leave nothing of what differs: R2 was 0, or 1."""
    x = np.random.default_rng(0).normal(size=(151, 2))
    np.savez(tmp_path / "a.npz", x=x, y=1.7e9 + x @ [5, 2])
    data = load(DataSpec(source=str(tmp_path / "a.npz")))
    measured = [keras.metrics.R2Score(), keras.metrics.MeanAbsoluteError(), "mse",
                keras.metrics.RootMeanSquaredError(name="root"), keras.losses.huber]  # fmt: skip

    def build(_: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
        model = layers(inputs, outputs)
        model.compile(keras.optimizers.Adam(0.05), "mse", metrics=measured)
        return model

    ours = fit(data, OWN, build=build)
    y = data.raw_targets("validation").reshape(-1, 1)
    scaled = ours.model.predict(data.validation.x, verbose=0).astype(np.float64)
    answers = scaled * data.target_scaler.spread + data.target_scaler.centre
    assert ours.result is not None
    best = ours.epochs[ours.result.best_epoch - 1]  # type: ignore[operator]
    assert best["val_r2_score"] == pytest.approx(sk.r2_score(y, answers), abs=1e-3)
    assert best["val_root"] == pytest.approx(sk.root_mean_squared_error(y, answers), rel=1e-3)
    mae = sk.mean_absolute_error(y, answers)
    assert best["val_mean_absolute_error"] == pytest.approx(mae, rel=1e-3)
    assert best["val_huber"] == pytest.approx(
        float(np.mean(keras.losses.huber(y, answers))), rel=1e-3
    )


def test_rows_weigh_in_weighted_metrics_alone(tmp_path: Path) -> None:
    """By names that say so; each is what scikit-learn measures with the weights of rows."""
    random = np.random.default_rng(1)
    x, w = random.normal(size=(120, 3)), random.uniform(0.1, 4, 120)
    np.savez(tmp_path / "rows.npz", x=x, y=50 + 9 * x.sum(axis=1), w=w)
    data = load(DataSpec(source=str(tmp_path / "rows.npz")))

    def build(_: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
        model = layers(inputs, outputs)
        squares = keras.metrics.MeanSquaredError(name="squares")
        model.compile("adam", "mse", metrics=["mae"], weighted_metrics=["mae", squares])
        return model

    ours = fit(data, OWN, build=build)
    assert ours.result is not None
    last = ours.epochs[ours.result.best_epoch - 1]  # type: ignore[operator]
    answers = with_preprocessing(ours.model, data).predict(data.raw("validation"), verbose=0)
    y, weights = data.raw_targets("validation"), w[data.selections["validation"].indices]
    assert last["val_mae"] == pytest.approx(sk.mean_absolute_error(y, answers), rel=1e-5)
    for name, measure in (("mae", sk.mean_absolute_error), ("squares", sk.mean_squared_error)):
        expected = measure(y, answers, sample_weight=weights)
        assert last[f"val_weighted_{name}"] == pytest.approx(expected, rel=1e-5)
    assert "squares" not in last


@pytest.mark.parametrize("objective", ["top2", "auc"])
def test_a_metric_of_its_own_may_be_the_objective(objective: str) -> None:
    """By the name that it was given; where we know the name, it means what scikit-learn means."""
    measured = [keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2"), keras.metrics.AUC()]

    def build(_: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
        model = layers(inputs, outputs)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=measured)
        return model

    data = small_data()
    aim = Objective.of(objective, "max")
    ours = fit(data, OWN, build=build, metrics=(objective,), objective=aim)
    assert ours.result is not None
    answers = ours.model.predict(data.validation.x, verbose=0)
    expected = {
        "top2": sk.top_k_accuracy_score(data.validation.y, answers, k=2),
        "auc": sk.roc_auc_score(data.validation.y, answers, multi_class="ovr"),
    }
    assert ours.result.best_value == pytest.approx(expected[objective], abs=1e-6)


def test_losses_and_weights_of_outputs_are_kept() -> None:
    """The sum is weighed as it was compiled; each output's loss and metric is measured."""
    heads = {"kind": Outputs.for_task("classes", 3), "size": Outputs.for_task("regression", 1)}
    outputs = Outputs.for_heads(heads)
    data = small_data()

    def part(rows: Part) -> Part:
        sizes = np.sin(rows.x[:, :1])
        y = np.concatenate([rows.y.reshape(-1, 1).astype(np.float32), sizes], axis=1)
        return Part(x=rows.x, y=y, weights=None)

    data = HeldData(
        inputs=data.inputs,
        outputs=outputs,
        train=part(data.train),
        validation=part(data.validation),
        test=part(data.test),
    )

    def named() -> keras.Model:
        keras.utils.set_random_seed(3)
        rows = keras.Input(data.inputs.shape)
        hidden = keras.layers.Dense(8, activation="tanh")(rows)
        kind = keras.layers.Dense(3, activation="softmax", name="kind")(hidden)
        size = keras.layers.Dense(1, name="size")(hidden)
        model = keras.Model(rows, {"kind": kind, "size": size})
        model.compile(
            keras.optimizers.Adam(0.02),
            {"kind": "sparse_categorical_crossentropy", "size": "mae"},
            loss_weights={"kind": 0.25, "size": 2.0},
            metrics={"kind": ["accuracy"], "size": [keras.metrics.MeanSquaredError()]},
        )
        return model

    ours = fit(data, OWN, build=lambda _, i, o: wrap_for_matrix(named(), i, o))
    theirs = stock(named(), data, lambda y: {"kind": y[:, :1], "size": y[:, 1:]})
    for mine, expected in zip(ours.epochs, theirs.epochs, strict=True):
        for name, value in expected.items():
            if name in ("kind_loss", "size_loss"):
                continue  # Keras's mean of batches; ours is of rows, also of a smaller last batch
            assert mine[name] == pytest.approx(value, abs=1e-5), name


@pytest.mark.parametrize("name", ["sparse", "schedule"])
def test_a_resumed_trial_goes_on_as_if_nothing_had_happened(name: str) -> None:
    """The state of its own optimizer, and of its own schedule, is in the checkpoint."""
    case, data = COMPILED[name], small_data()

    def build(_: Any, inputs: Inputs, outputs: Outputs) -> keras.Model:
        return compiled(case, layers(inputs, outputs))

    undisturbed = fit(data, OWN, build=build)
    observer = Keeper(order=lambda _: Directive.INTERRUPT)
    fit(data, OWN, build=build, observer=observer)
    resumed = fit(data, OWN, build=build, resume=observer.state)
    assert resumed.epochs == undisturbed.epochs[1:]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"loss": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True)},
            "with from_logits=True: give its last layer activation='softmax'",
        ),
        ({"loss": "sparse_categorical_crossentropy", "metrics": ["r2"]}, "Received: 'r2'"),
    ],
)
def test_what_would_mean_something_else_is_refused(options: dict[str, Any], message: str) -> None:
    """Answers that are no probabilities, and metrics that say nothing of classes."""
    case = {"optimizer": "adam", **options}
    with pytest.raises(Exception, match="Expected") as error:
        fit(small_data(), OWN, build=lambda _, i, o: compiled(case, layers(i, o)))
    assert message in str(error.value)

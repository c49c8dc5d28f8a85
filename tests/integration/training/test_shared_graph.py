"""One trace for all models of an architecture: it computes what Keras computes, and keeps nothing.

Everything runs in one process and on one set of tiny data, so that architectures are traced once
for the whole file, as in a worker.
"""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest

from search_spaces import Outputs, catalog
from search_spaces.families import common_layers
from search_spaces.optimizers import OURS
from search_spaces.parameters.loss_choice import BY_TASK, OF_BATCH
from tests.support.fits import BASE, Fit, Recorder, fit, small_data, stock_fit
from tuner.training import Directive
from tuner.training.losses import TaskLoss, named
from tuner.training.shared_graph import traced_graph as programs
from tuner.training.shared_graph.model_reader import Unsupported
from tuner.training.shared_graph.optimizer_reader import extract_optimizer

pytestmark = pytest.mark.keras

CLASSES = small_data()
PROGRAM = "program: one trace for every width and value"
OPTIONS: dict[str, dict[str, Any]] = {
    "adam": {"beta_1": 0.8, "beta_2": 0.99},
    "adamw": {"weight_decay": 0.05},
    "nadam": {"beta_1": 0.95},
    "adamax": {"beta_2": 0.99},
    "rmsprop": {"rho": 0.8, "momentum": 0.5},
    "sgd": {"momentum": 0.9, "nesterov": True, "learning_rate": 0.05},
    "adagrad": {"learning_rate": 0.1},
    "adadelta": {"rho": 0.8, "learning_rate": 0.5},
}


def assert_as_stock(hyperparameters: dict[str, Any], data: Any = CLASSES, **options: Any) -> None:
    """Losses, metrics and learning rates of every epoch are those of Keras's own ``fit``."""
    tolerance = options.pop("tolerance", 1e-5)
    ours = fit(data, {**BASE, **hyperparameters}, **options)
    assert ours.path == PROGRAM
    assert ours.distance(stock_fit(data, {**BASE, **hyperparameters}, **options)) < tolerance


@pytest.mark.parametrize(
    "options",
    [
        *({"optimizer": name, **options} for name, options in OPTIONS.items()),
        {"optimizer": "adam"},
        {"optimizer": "adam", "amsgrad": True},
        {"optimizer": "adamw", "amsgrad": True, "weight_decay": 0.01, "beta_1": 0.8},
        {"optimizer": "rmsprop"},
        {"optimizer": "sgd", "learning_rate": 0.1},
        {"optimizer": "sgd", "momentum": 0.5},
    ],
    ids=str,
)
def test_every_optimizer_with_its_options(options: dict[str, Any]) -> None:
    """Losses and weights are those of stock fit."""
    assert_as_stock(options)


@pytest.mark.parametrize("weighted", [["train"], ["validation"], ["train", "validation"]], ids=str)
@pytest.mark.parametrize(
    ("task", "units"), [("binary", 1), ("classes", 3), ("labels", 3), ("regression", 2)]
)
def test_rows_that_count_differently(task: str, units: int, weighted: list[str]) -> None:
    """In the loss, not in metrics; a part without weights counts as always."""
    data = small_data(task, units, weighted=weighted)
    metrics = () if task != "regression" else ("mean_absolute_error",)
    assert_as_stock({"dropout": 0.0, "penalty": 0.01}, data, metrics=metrics)


@pytest.mark.parametrize(
    "schedule",
    [
        {"schedule": "inverse_time", "decay": 0.05},
        {"schedule": "exponential", "decay_rate": 0.6},
        {"schedule": "cosine"},
        {
            "schedule": "plateau",
            "plateau_factor": 0.5,
            "plateau_patience": 1,
            "learning_rate": 0.1,
            "epochs": 8,
        },
    ],
    ids=lambda schedule: schedule["schedule"],
)
def test_every_schedule(schedule: dict[str, Any]) -> None:
    """Losses and weights are those of stock fit."""
    assert_as_stock(schedule)


@pytest.mark.parametrize(
    "activations",
    [
        common_layers.ACTIVATIONS[first : first + 4]
        for first in range(0, len(common_layers.ACTIVATIONS), 4)
    ],
    ids="-".join,
)
def test_every_activation(activations: tuple[str, ...]) -> None:
    """Four to a model, to trace less."""

    def build(hyperparameters: Any, inputs: Any, outputs: Any) -> keras.Model:
        x = rows = common_layers.rows(inputs)
        for activation in activations:
            x = common_layers.dense(x, 8, activation, activation=activation)
        return keras.Model(rows, common_layers.head(x, outputs))

    assert_as_stock({}, build=build)


@pytest.mark.parametrize(
    "hidden",
    [
        {"dropout": 0.3},
        {"penalty": 0.01},
        {"normalization": "before", "optimizer": "sgd"},
        {"normalization": "after", "optimizer": "sgd", "dropout": 0.2, "penalty": 0.001},
    ],
    ids=str,
)
def test_dropout_penalties_and_normalisation(hidden: dict[str, Any]) -> None:
    """Losses and weights are those of stock fit."""
    assert_as_stock(hidden)


@pytest.mark.parametrize("normalization", ["before", "after"])
def test_normalisation_with_adam(normalization: str) -> None:
    """To 1e-4 only, because rounding is amplified.

    A weight before a normalisation has next to no gradient along itself, and Adam divides each
    gradient by its own size: what remains of one that should be zero is rounding, and makes a
    step as long as any other.
    """
    assert_as_stock({"normalization": normalization}, tolerance=1e-4)


@pytest.mark.parametrize(
    ("family", "shape", "overrides"),
    [
        ("cnn", (5, 6, 2), ("convolutions=2", "penalty=0.01")),
        ("cnn", (6, 5), ("pooling=average", "normalization=after", "reduction=global_average")),
        ("cnn", (6, 6), ("pooling=stride", "normalization=before", "block_dropout=0.2")),
        ("cnn1d", (7,), ("pooling=max", "normalization=before", "reduction=global_max")),
        ("cnn1d", (7, 2), ("pooling=average", "kernel=2", "reduction=global_average")),
        ("cnn1d", (9, 2), ("pooling=stride", "activation=elu")),
    ],
)
def test_convolutions(family: str, shape: tuple[int, ...], overrides: tuple[str, ...]) -> None:
    """Losses and weights are those of stock fit, in one and two dimensions."""
    space = catalog.load(family, ("filters=3..8", "units=6", *overrides))
    point = {**space.starting_points()[0], **BASE, "optimizer": "sgd", "filters_0": 4}
    assert_as_stock(point, small_data(shape=shape), build=space.build)


def test_convolutions_of_other_sizes_share_a_trace() -> None:
    """Filters, kernels and units are values; what is pooled, and how, is not."""
    space, images = catalog.load("cnn", ("activation=tanh",)), small_data(shape=(6, 6))
    first = {**space.starting_points()[0], **BASE, "filters_0": 3, "filters_1": 4}
    fit(images, first, build=space.build)
    before = _traces()
    other = {"filters_0": 6, "filters_1": 2, "units_0": 9, "kernel": 5}
    fit(images, {**first, **other}, build=space.build)
    assert _traces() == before
    fit(images, {**first, "pooling": "average"}, build=space.build)
    assert _traces() != before


def test_penalties_of_both_kinds_and_a_layer_without_bias() -> None:
    """Losses and weights are those of stock fit."""

    def build(hyperparameters: Any, inputs: Any, outputs: Any) -> keras.Model:
        layers = keras.layers
        return keras.Sequential(
            [
                keras.Input(inputs.shape),
                layers.Dense(7, "tanh", kernel_regularizer=keras.regularizers.L1L2(0.01, 0.02)),
                layers.Dense(6, "elu", use_bias=False, kernel_regularizer="l1"),
                layers.Dense(outputs.units, outputs.activation),
            ]
        )

    assert_as_stock({}, build=build)


@pytest.mark.parametrize(
    ("task", "units"),
    [("binary", 1), ("classes", 4), ("labels", 3), ("regression", 1), ("regression", 2)],
)
def test_every_task(task: str, units: int) -> None:
    """Losses and weights are those of stock fit."""
    assert_as_stock({}, small_data(task, units))


@pytest.mark.parametrize(
    ("task", "units", "metrics"),
    [
        ("binary", 1, ("AUC", "Precision", "mae", "Recall")),
        ("classes", 4, ("sparse_top_k_categorical_accuracy", "accuracy")),
        ("labels", 3, ("AUC", "Precision", "Recall", "accuracy")),
        ("regression", 1, ("mae", "RootMeanSquaredError", "R2Score")),
        ("regression", 2, ("mean_absolute_error", "R2Score")),
    ],
)
def test_further_metrics(task: str, units: int, metrics: tuple[str, ...]) -> None:
    """They are those of stock fit."""
    assert_as_stock({}, small_data(task, units), metrics=metrics)


def test_further_metrics_of_an_epoch_know_nothing_of_another() -> None:
    """Neither of one that was cut short, nor of another trial, nor of rows scored since."""
    data, metrics = small_data("binary", 1), ("AUC",)
    first = fit(data, BASE, metrics=metrics)
    assert first.result is not None
    scores = first.result.score(data.test)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tuner.training.shared_graph.graph_epochs.CALL_SECONDS", 0.0)
        cut = fit(data, BASE, metrics=metrics, observer=Impatient(calls=6)).result
    assert cut is not None
    assert (cut.status, cut.epochs) == ("interrupted", 1)
    again = fit(data, BASE, metrics=metrics)
    assert again.distance(first) == 0.0
    assert again.result is not None
    assert again.result.score(data.test) == again.result.score(data.test) == scores


@dataclass
class Impatient(Recorder):
    """Gives the trial back after some calls."""

    calls: int = 0

    def poll(self) -> Directive:
        self.calls -= 1
        return Directive.CONTINUE if self.calls >= 0 else Directive.INTERRUPT


@pytest.mark.parametrize("batch_size", [7, 25, 50, 64])
def test_batches_that_divide_the_rows_or_leave_some(batch_size: int) -> None:
    """The last batch has 1 row, all of them, or there is one batch larger than the data."""
    assert_as_stock({"batch_size": batch_size})


@pytest.mark.parametrize("optimizer", OURS)
def test_nothing_leaks_from_one_trial_into_the_next(optimizer: str) -> None:
    """Other widths, batches and values on the same trace leave nothing behind: not a bit."""
    one = {
        **BASE,
        "optimizer": optimizer,
        **OPTIONS[optimizer],
        "dropout": 0.2,
        "normalization": "before",
        "penalty": 0.01,
    }
    other = {
        **one,
        "units_0": 5,
        "units_1": 12,
        "batch_size": 32,
        "learning_rate": 0.03,
        "dropout": 0.4,
        "penalty": 0.1,
        "beta_1": 0.7,
        "rho": 0.7,
        "schedule": "cosine",
    }
    first = fit(CLASSES, one)
    before = _traces()
    assert fit(CLASSES, other, seed=6).distance(first) > 0.0
    again = fit(CLASSES, one)
    assert _traces() == before, "a trial was traced although its architecture was known"
    assert again.distance(first) == 0.0
    for mine, theirs in zip(first.model.weights, again.model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))


def _traces() -> set[tuple[programs.SharedGraph, int]]:
    """The programs that are kept, and how often each was traced."""
    kept = programs.cached_graphs().values()
    return {(program, program.steps.experimental_get_tracing_count()) for program in kept}


def test_many_calls_an_epoch_are_one() -> None:
    """An epoch that is cut for the sake of signals gives what it gives in one piece, to the bit."""
    whole = fit(CLASSES, BASE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tuner.training.shared_graph.graph_epochs.CALL_SECONDS", 0.0)
        cut = fit(CLASSES, BASE)
    assert whole.distance(cut) == 0.0
    for mine, theirs in zip(whole.model.weights, cut.model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))


def test_the_model_holds_the_weights_of_the_best_epoch() -> None:
    """Which is not the last one here, and scores again as it did."""
    overfit = fit(CLASSES, {**BASE, "learning_rate": 0.1, "epochs": 12})
    losses = [epoch["val_loss"] for epoch in overfit.epochs]
    result = overfit.result
    assert result is not None
    assert (result.best_value, result.best_epoch) == (min(losses), np.argmin(losses) + 1)
    assert result.best_epoch < len(losses), "the last epoch shall not be the best one here"
    assert result.metrics == overfit.epochs[result.best_epoch - 1]
    assert _loss_of(overfit.model) == pytest.approx(result.best_value, abs=1e-6)
    scores = result.score(CLASSES.validation)
    assert scores["loss"] == pytest.approx(result.best_value, abs=1e-6)
    assert scores["accuracy"] == result.metrics["val_accuracy"]


def _loss_of(model: keras.Model) -> float:
    part = CLASSES.validation
    probabilities = model.predict(part.x, verbose=0)
    return float(-np.log(probabilities[np.arange(len(part)), part.y]).mean())


def test_training_stops_early_when_nothing_improves() -> None:
    """After as many epochs as patience allows."""
    patient = {**BASE, "learning_rate": 0.1, "epochs": 40}
    result = fit(CLASSES, patient, epoch_patience=3).result
    assert result is not None
    assert result.best_epoch is not None
    assert result.epochs == result.best_epoch + 3 < 40


@pytest.mark.parametrize(
    ("order", "status"), [(Directive.PRUNE, "pruned"), (Directive.END, "ended")]
)
def test_orders_are_obeyed_after_an_epoch(order: Directive, status: str) -> None:
    """To prune and to end."""
    observer = Recorder(order=lambda epoch: order if epoch == 2 else Directive.CONTINUE)
    result = fit(CLASSES, BASE, observer=observer).result
    assert result is not None
    assert (result.status, result.epochs) == (status, 2)


def test_a_loss_that_is_not_finite_ends_the_trial() -> None:
    """As diverged."""
    result = fit(CLASSES, {**BASE, "activation": "linear", "learning_rate": 1e30}).result
    assert result is not None
    assert result.status == "diverged"


def test_few_programs_are_kept_and_no_model() -> None:
    """Memory stays flat: an old graph goes, whatever is in it, and a model with its trial."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programs, "CACHED_GRAPHS", 2)
        seen = [_passing(activation) for activation in ("silu", "tanh", "elu")]
        assert len(programs.cached_graphs()) == 2
        gc.collect()
        assert [model() for model, _ in seen] == [None] * 3
        assert [graph() is None for _, graph in seen] == [True, False, False]


def _passing(activation: str) -> tuple[weakref.ref[Any], weakref.ref[Any]]:
    trained: Fit = fit(CLASSES, {**BASE, "activation": activation, "dropout": 0.2, "epochs": 1})
    newest = next(reversed(programs.cached_graphs().values()))
    return weakref.ref(trained.model), weakref.ref(newest.steps.get_concrete_function().graph)


@pytest.mark.parametrize(
    ("optimizer", "reason"),
    [
        (keras.optimizers.Adam(gradient_accumulation_steps=2), "accumulates"),
        (keras.optimizers.SGD(use_ema=True), "averaging"),
        (keras.optimizers.Adam(weight_decay=0.1), "weight decay outside adamw"),
        (keras.optimizers.RMSprop(centered=True), "centered"),
        (keras.optimizers.Lion(), "Lion"),
    ],
    ids=["accumulating", "ema", "decay", "centered", "lion"],
)
def test_optimizers_that_do_more_are_left_to_keras(optimizer: Any, reason: str) -> None:
    """With the reason: accumulation, averages, clipping and the like."""
    with pytest.raises(Unsupported, match=reason):
        extract_optimizer(optimizer)


@pytest.mark.parametrize(
    ("task", "units", "losses"),
    [
        ("classes", 4, ("categorical_crossentropy", "categorical_hinge", "cosine_similarity")),
        ("binary", 1, ("hinge", "kld")),
        ("labels", 3, ("huber",)),
        ("regression", 2, ("mape", "log_cosh")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_losses_of_a_task(task: str, units: int, losses: tuple[str, ...]) -> None:
    """By name, and as Keras computes them from targets in the shape of the answers."""
    data = small_data(task, units, weighted=["train"])
    for name in losses:
        percent = 100 if name == "mape" else 1
        assert_as_stock({"loss": name, "epochs": 2}, data, tolerance=1e-5 * percent)


def test_every_loss_that_is_offered_is_one_of_rows_or_of_a_batch() -> None:
    """Keras has it by that name, and it is what its place in the list says."""
    for task, names in BY_TASK.items():
        units = 1 if task == "binary" else 3
        outputs = Outputs.for_task(task, units)  # type: ignore[arg-type]
        for name in names:
            loss = named(name, outputs)
            if name in OF_BATCH:
                assert isinstance(loss, TaskLoss)
                assert loss.is_of_batch
            else:
                assert isinstance(loss, str) or loss.is_of_rows


@pytest.mark.parametrize("clipping", ["value", "norm", "global_norm"])
def test_clipped_gradients(clipping: str) -> None:
    """At limits that are reached and not; the limit itself is a value of the trace."""
    for limit in (0.01, 100.0):
        descent = {"optimizer": "sgd", "learning_rate": 0.05, "momentum": 0.9}
        assert_as_stock({**descent, "clipping": clipping, "clip_at": limit})

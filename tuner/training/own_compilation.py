"""Models that come compiled keep their optimizer, loss, metrics and weights of outputs.

Rows are prepared as for every model: classes are indices, the targets of a regression are scaled.
What the user compiled sees them as it would without this program:

- Of classes, losses and metrics of Keras that are not called sparse get rows of zeros and a one.
- Of a regression, losses and metrics get targets and answers in the unit of the targets. Only
  ``mse`` and ``mae``, which are the same but for a factor, are computed on scaled ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np

from search_spaces.compiled_models import compile_arguments
from search_spaces.errors import SpaceError, quoted
from search_spaces.model_inputs import OF_MATRIX, unwrap, wrap_for_matrix
from search_spaces.model_outputs import named_outputs
from search_spaces.shapes import Outputs, shown_task
from search_spaces.training_parameters import are_ours
from tuner.datasets.prepared_data import Data
from tuner.errors import UserError, one_line, shorten
from tuner.metrics import find
from tuner.training import unscaled_targets
from tuner.training.compiled_metrics import Fitted, made, metric_of
from tuner.training.learning_rate_schedules import has_own_schedule
from tuner.training.losses import TaskLoss
from tuner.training.multi_output_losses import (
    ACCURACY,
    OutputMetric,
    SumOfLosses,
    losses_of,
    usual_metrics,
)

FULL_NAMES = {"mse": "mean_squared_error", "mae": "mean_absolute_error"}
SHORT_NAMES = {full: short for short, full in FULL_NAMES.items()}
Loss: TypeAlias = str | keras.losses.Loss
Metric: TypeAlias = str | keras.metrics.Metric
ROWS = 4  # that a check takes
WEIGHTED = "weighted_"  # before the names of metrics in which rows weigh
ACCURACIES = (ACCURACY, "acc")  # what Keras makes a metric of only when it compiles
COUNTED = re.compile(r"_\d+$")  # Keras numbers the metrics of a process


@dataclass(frozen=True, kw_only=True)
class Compilation:
    """What a compiled model measures.

    Attributes:
        loss: Its name, which says how it is brought back to the unit of the targets.
        metrics: Those beside the loss that have names of ours.
        own_metrics: Those that only the model itself knows, by their names.
        why_keras: Why Keras's own steps have to train it; None if they do not.
    """

    loss: str
    metrics: tuple[str, ...]
    own_metrics: frozenset[str] = frozenset()
    why_keras: str | None = None


def comes_compiled(model: keras.Model, hyperparameters: Mapping[str, Any]) -> bool:
    """Whether ``build`` compiled the model, and no training parameters of ours were chosen."""
    return bool(_built(model).compiled) and not are_ours(hyperparameters)


def came_with_of(model: keras.Model) -> dict[str, Any]:
    """The arguments that the model which ``build`` returned was compiled with."""
    return compile_arguments(_built(model))


def recompile(
    model: keras.Model,
    outputs: Outputs,
    metrics: Iterable[str] = (),
    *,
    target: keras.Model | None = None,
    came_with: Mapping[str, Any] | None = None,
) -> Compilation:
    """Compiles a model as it came, for prepared rows.

    Args:
        model: What ``build`` returned, or a model around it (``model_inputs.wrap_for_matrix``).
        outputs: The head of the task.
        metrics: Names of the study's metrics, measured beside its own.
        target: The model that is compiled in its place.
        came_with: In place of what it is compiled with now.

    Returns:
        What it measures.

    Raises:
        SpaceError: Its loss is computed from logits, or is of other outputs.
        UserError: A metric of its own means nothing for the task.
    """
    built = _built(model)
    came_with = came_with or compile_arguments(built)
    own = _metrics_of(came_with["metrics"], built, outputs)
    weighted = _metrics_of(came_with["weighted_metrics"], built, outputs, weighted=True)
    losses = _losses_of(came_with["loss"], built, outputs)
    objects = _named_once(metric for metric in (*own, *weighted) if not isinstance(metric, str))
    own_metrics = frozenset(one.name for one in objects if find(one.name) is None)
    asked = [name for name in metrics if name not in own_metrics]
    names = tuple(dict.fromkeys([*asked, *(metric for metric in own if isinstance(metric, str))]))
    objects = [metric for metric in objects if metric.name not in names]  # ours are scikit-learn's
    unweighted = [metric for metric in objects if metric not in weighted]
    if outputs.heads is None:
        loss = losses[""]
    else:
        weights = _by_output(came_with["loss_weights"], built, outputs)
        loss = SumOfLosses(outputs, losses, weights)
    measured = [metric_of(name, outputs) for name in dict.fromkeys([*_usual(outputs), *names])]
    (target or model).compile(
        optimizer=came_with["optimizer"],
        loss=loss,
        metrics=[*measured, *unweighted],
        weighted_metrics=[*weighted, *losses_of(outputs, losses)] or None,
        run_eagerly=came_with["run_eagerly"],
        jit_compile=False,
    )
    name = loss if isinstance(loss, str) else getattr(loss, "name", "own")
    why_keras = "metrics of the model's own" if objects else None
    if has_own_schedule(model):
        why_keras = "a learning rate schedule of the model's own"
    return Compilation(loss=name, metrics=names, own_metrics=own_metrics, why_keras=why_keras)


def check_compiled(model: keras.Model, data: Data, name: str) -> frozenset[str]:
    """Measures a few rows with a model that came compiled, as a trial would.

    Args:
        model: What ``build`` returned.
        data: Prepared.
        name: Of the space, for messages.

    Returns:
        The names of metrics that only the model itself knows.

    Raises:
        SpaceError: See ``recompile``.
        UserError: See ``recompile``; or loss and metrics cannot be computed, or are no number.
    """
    whole = wrap_for_matrix(model, data.inputs, data.outputs)
    compiled = recompile(whole, data.outputs)
    rows = data.validation.first(ROWS)
    try:
        measured = whole.test_on_batch(rows.x, rows.y, return_dict=True)
        for metric, value in measured.items():
            if np.size(value) != 1:
                raise ValueError(f"{metric} is {np.size(value)} numbers")
    except Exception as e:
        raise UserError(
            f"Expected {name} to compile a loss and metrics that can be computed for the task "
            f"{shown_task(data.outputs.task)}. Received: {shorten(one_line(e), 120)}"
        ) from e
    return compiled.own_metrics


def _built(model: keras.Model) -> keras.Model:
    """The model that ``build`` returned: one with several inputs or outputs stands in another."""
    return unwrap(model) if model.name.endswith(OF_MATRIX) else model


def _usual(outputs: Outputs) -> list[str]:
    if outputs.heads is not None:
        return usual_metrics(outputs)
    return [] if outputs.task == "regression" else [ACCURACY]


def _losses_of(loss: Any, built: keras.Model, outputs: Outputs) -> dict[str, Loss]:
    """The loss of each output by its name; of a single one by an empty name."""
    if outputs.heads is None:
        return {"": _fitted_loss(next(iter(_each(loss)), None), outputs)}
    losses = _by_output(loss, built, outputs)
    return {name: _fitted_loss(losses.get(name), head) for name, head in outputs.heads.items()}


def _fitted_loss(loss: Any, outputs: Outputs) -> Loss:
    """A loss that takes prepared targets and means what the user's means."""
    if loss is None:
        return outputs.loss
    loss = keras.losses.get(loss)
    function, name, options = _parts(loss)
    if options.get("from_logits"):
        raise SpaceError(
            f"Expected a model that answers with probabilities. Received: {name} with "
            f"from_logits=True: give its last layer activation={outputs.activation!r} and the loss "
            "from_logits=False."
        )
    plain = not options
    if plain and name in (outputs.loss, FULL_NAMES.get(outputs.loss)):
        return outputs.loss
    if name.startswith("sparse_") or (outputs.task == "classes" and not _is_keras(loss)):
        return loss  # of classes as they are: indices
    if outputs.unit is None or (plain and name == FULL_NAMES["mae"]):
        return TaskLoss(function, outputs, SHORT_NAMES.get(name, name))
    bring = unscaled_targets.exact if _is_keras(loss) else unscaled_targets.own
    return TaskLoss(function, outputs, f"own_{name}", bring=bring)


def _parts(loss: Any) -> tuple[Callable[[Any, Any], Any], str, dict[str, Any]]:
    """The function of a loss for each row, its name, and the options that it has."""
    if not isinstance(loss, keras.losses.Loss):
        return loss, getattr(loss, "__name__", type(loss).__name__), {}
    return loss.call, _snake(type(loss).__name__), _options(loss) if _is_keras(loss) else {}


def _options(loss: keras.losses.Loss) -> dict[str, Any]:
    """What was said about a loss of Keras beside its name."""
    config, usual = loss.get_config(), type(loss)().get_config()
    said = {name for name in config if config[name] != usual.get(name)}
    return {name: config[name] for name in said - {"name", "dtype"}}


def _metrics_of(
    metrics: Any, built: keras.Model, outputs: Outputs, *, weighted: bool = False
) -> list[Metric]:
    if outputs.heads is None:
        return [_of_rows(metric, outputs, weighted=weighted) for metric in _each(metrics)]
    return [
        _of_output(metric, name, outputs, weighted=weighted)
        for name, of_output in _by_output(metrics, built, outputs).items()
        for metric in _each(of_output)
    ]


def _of_rows(metric: Any, outputs: Outputs, *, weighted: bool) -> Metric:
    """A metric; one in which rows weigh is Keras's own, and has a name that says so."""
    if not weighted:
        return _fitted_metric(metric, outputs)
    known = (
        metric if not isinstance(metric, str) or metric in ACCURACIES else keras.metrics.get(metric)
    )
    fitted = _fitted_metric(known, outputs)
    weighing = made(ACCURACY, outputs) if isinstance(fitted, str) else fitted
    weighing.name = f"{WEIGHTED}{metric if isinstance(metric, str) else weighing.name}"
    return weighing


def _of_output(metric: Any, name: str, outputs: Outputs, *, weighted: bool) -> Metric:
    fitted = _of_rows(metric, (outputs.heads or {})[name], weighted=weighted)
    if isinstance(fitted, str):
        return f"{name}_{fitted}"
    return OutputMetric(fitted, name, outputs, f"{name}_{fitted.name}")


def _fitted_metric(metric: Any, outputs: Outputs) -> Metric:
    """A name of ours, or what gives a metric of the user's the targets that it expects."""
    if isinstance(metric, str):
        return metric
    name, kind = _name_of(metric), _snake(getattr(metric, "__name__", type(metric).__name__))
    made_of_function = type(metric) in (keras.metrics.Mean, keras.metrics.MeanMetricWrapper)
    is_own = not _is_keras(metric) or made_of_function
    if isinstance(metric, type):
        metric = metric()
    if not isinstance(metric, keras.metrics.Metric):
        metric = keras.metrics.MeanMetricWrapper(metric)
    if is_own or outputs.unit is None:
        indices = kind.startswith("sparse_") or (outputs.task == "classes" and is_own)
        return Fitted(metric, outputs, name, reshape=not indices)
    # In float32, sums of large targets or of their squares leave nothing of a difference.
    metric = type(metric).from_config({**metric.get_config(), "dtype": "float64"})
    meaning = find(kind)
    shifts = meaning is not None and meaning.of_differences
    bring = unscaled_targets.spans if shifts else unscaled_targets.exact
    return Fitted(metric, outputs, name, bring=bring)


def _name_of(metric: Any) -> str:
    if not isinstance(metric, keras.metrics.Metric):
        return _snake(getattr(metric, "__name__", type(metric).__name__))
    plain = COUNTED.sub("", metric.name)
    return plain if plain == _snake(type(metric).__name__) else metric.name


def _named_once(metrics: Iterable[keras.metrics.Metric]) -> list[keras.metrics.Metric]:
    """Metrics with names that differ, the same ones in every process."""
    counts: dict[str, int] = {}
    listed = list(metrics)
    for metric in listed:
        counts[metric.name] = counts.get(metric.name, 0) + 1
        if counts[metric.name] > 1:
            metric.name = f"{metric.name}_{counts[metric.name]}"
    return listed


def _each(values: Any) -> list[Any]:
    """What was given alone, in a list, or by the only output's name."""
    if values is None:
        return []
    if isinstance(values, Mapping):
        values = list(values.values())
    if not isinstance(values, list | tuple):
        return [values]
    return [item for value in values for item in (value if isinstance(value, list) else [value])]


def _by_output(values: Any, built: keras.Model, outputs: Outputs) -> dict[str, Any]:
    """What was given by output: as a dict, in the order of the model, or one for all."""
    names = list(named_outputs(built))
    if values is None:
        return {}
    if isinstance(values, Mapping):
        unknown = [name for name in values if name not in (outputs.heads or {})]
        if unknown:
            raise SpaceError(
                f"Expected what is compiled to be of the outputs {', '.join(names)}. "
                f"Received: {quoted(unknown[0])}."
            )
        return dict(values)
    if not isinstance(values, list | tuple):
        return dict.fromkeys(names, values)
    return dict(zip(names, values, strict=True))


def _is_keras(item: Any) -> bool:
    module: str = getattr(item, "__module__", None) or type(item).__module__
    return module.partition(".")[0] == "keras"


def _snake(name: str) -> str:
    return keras.src.utils.naming.to_snake_case(name)

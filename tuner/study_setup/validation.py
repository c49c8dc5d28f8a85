"""Whether a study can work at all, found out before it is made.

Code of the user's own may do anything, import TensorFlow for example: it is tried in a process
of its own, which builds one model and hands one line back.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from search_spaces import catalog, loss_parameters
from search_spaces.errors import SpaceError
from search_spaces.keras_tuner.hypermodel_with_fit import HyperModelWithFit
from search_spaces.objective_function import ObjectiveFunction
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import format_value
from search_spaces.parameters.loss_choice import OF_BATCH, LossChoice
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Range
from search_spaces.past_points import PastPoints, map_points
from search_spaces.shapes import shown_task
from search_spaces.space import SearchSpace
from search_spaces.training_parameters import are_ours
from search_spaces.user_code import source_files, vital_state
from search_spaces.user_code.isolation import isolated
from tuner import datasets, formatting
from tuner.datasets import DataSpec
from tuner.datasets.target_units import LossUnit
from tuner.errors import UserError, exit_cause, shorten
from tuner.metrics import UNWEIGHTED_LOSS
from tuner.search.samplers import SAMPLERS
from tuner.studies.loading import code_names, space_and_data
from tuner.studies.study_data import StudyData, at_the_ends, ends
from tuner.study_setup.target_checks import check_loss_fits, check_metric_fits
from tuner.trials.reload_check import ROWS, check_reload

if TYPE_CHECKING:
    from tuner.datasets import Data


@dataclass(frozen=True, kw_only=True)
class ValidationPlan:
    """What is to be tried: the parts of a study that may not fit together.

    Attributes:
        space: A name that can be loaded from any folder.
        own_training: Whether it seems to be an objective function, which trains by itself.
        arguments: Of a class or function that makes one.
        overrides: Parameters narrowed on the command line, each ``name=values``.
        metrics: Measured beside the loss, by their Keras names or ``path/file.py:NAME``.
        callbacks: Of the user's own, each ``path/file.py:NAME``.
        sampler: How hyperparameters are chosen.
        precision: Keras's policy that models are built under.
        past: Hyperparameters of past trials, the best ones first.
    """

    space: str
    own_training: bool = False
    arguments: tuple[str, ...] = ()
    overrides: tuple[str, ...]
    data: DataSpec
    metrics: tuple[str, ...]
    callbacks: tuple[str, ...] = ()
    sampler: str = "tpe"
    precision: str = "float32"
    past: tuple[dict[str, Any], ...] = ()

    @property
    def needs_keras(self) -> bool:
        """Whether code must run that we did not write, or Keras be asked."""
        return (
            _is_foreign(self.space)
            or bool(self.metrics or self.callbacks)
            or any(".py:" in override for override in self.overrides)
            or datasets.needs_keras(self.data.source)
        )

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON-able values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ValidationPlan:
        """The opposite of ``to_dict``."""
        return cls(
            space=values["space"],
            own_training=values["own_training"],
            arguments=tuple(values["arguments"]),
            overrides=tuple(values["overrides"]),
            data=DataSpec.from_dict(values["data"]),
            metrics=tuple(values["metrics"]),
            callbacks=tuple(values["callbacks"]),
            sampler=values["sampler"],
            precision=values["precision"],
            past=tuple(values["past"]),
        )


@dataclass(frozen=True, kw_only=True)
class ValidationResult:
    """What goes into the study's definition, see ``StudySpec``.

    Attributes:
        data: Where the data come from, with what the space learns from them.
        points: All that the sampler has to offer; None where there is no end.
        code_fingerprint: Of the files of metrics and callbacks; None where there are none.
        shared_metric: What all trials can be compared by where their losses differ; None where
            they do not.
        loss_unit: See ``StudySpec``.
        outline: What the data were taken for, see ``tuner.datasets.outline_data``.
        notes: What a user should know of how they were read, one line each.
        past: Past trials as points of the space; None where there are none.
    """

    space_fingerprint: str
    data: DataSpec
    data_fingerprint: str
    points: int | None = None
    code_fingerprint: str | None = None
    shared_metric: str | None = None
    loss_unit: LossUnit = None
    outline: str = ""
    notes: tuple[str, ...] = ()
    past: PastPoints | None = None


def validate(plan: ValidationPlan) -> ValidationResult:
    """Tries a plan, in this process where that cannot import TensorFlow.

    Raises:
        SpaceError: The space or an override cannot be used, or its model cannot be built.
        UserError: The data cannot be used, or do not fit the space; a metric does not exist.
    """
    return _in_own_process(plan) if plan.needs_keras else examine(plan)


def examine(plan: ValidationPlan) -> ValidationResult:
    """Tries a plan in this process; raises as ``build_default`` does."""
    space, spec = space_and_data(plan.space, plan.overrides, plan.arguments, plan.data)
    if plan.own_training or isinstance(space, ObjectiveFunction):
        return _examine_objective(space, plan)
    if plan.arguments:
        raise UserError(
            f"Expected --argument with code that trains by itself. Received: --argument "
            f"{shorten(plan.arguments[0], 60)} with {source_files.brief(plan.space)}: "
            "leave it out, or narrow a parameter with --set."
        )
    spec = dataclasses.replace(spec, learns=space.learns)
    data = datasets.load_shared(spec)  # which workers here will find
    _check_rows(space, data, plan.data.source)
    loss = space.parameters.get("loss")
    if isinstance(loss, LossChoice):
        _check_losses(loss, space, data, is_weighed=_is_weighed(data, spec))
    own_metrics = _try_model(space, data, plan) if _is_foreign(plan.space) else frozenset()
    if plan.metrics or plan.callbacks:
        from tuner.training import check_callbacks, check_metrics

        metrics = [name for name in plan.metrics if name not in own_metrics]
        check_metrics(metrics, data.outputs)
        for name in metrics:
            check_metric_fits(name, data)
        check_callbacks(plan.callbacks)
    _check_combinations(space, data, spec, plan)
    size = SAMPLERS[plan.sampler].size
    shared_metric = _shared_metric(space, data)
    return ValidationResult(
        space_fingerprint=space.fingerprint(),
        data=spec,
        data_fingerprint=data.fingerprint,
        points=None if size is None else size(space),
        code_fingerprint=source_files.fingerprint(code_names(plan.metrics, plan.callbacks, spec)),
        shared_metric=shared_metric,
        loss_unit=data.loss_unit,
        outline=datasets.outline_data(data, spec),
        notes=(*data.notes, *_notes_of_weights(data, shared_metric)),
        past=_past_points(space, plan, data),
    )


def _past_points(space: SearchSpace, plan: ValidationPlan, data: Data | None) -> PastPoints | None:
    if not plan.past:
        return None
    inputs, outputs = (None, None) if data is None else (data.inputs, data.outputs)
    mapped = map_points(space, plan.past, inputs, outputs)
    if not any(mapped.points):
        names = ", ".join(dict.fromkeys(name for values in plan.past for name in values))
        raise UserError(
            f"Expected past trials that have a parameter of {space.name} with a value in its "
            f"range. Received: {shorten(names, 100) or 'no parameter'}: leave --like out."
        )
    return mapped


def _check_rows(space: SearchSpace, data: Data, source: str) -> None:
    space.check(data.inputs, data.outputs)
    space.check_values(data.train.x)
    _check_batch_size(space, data, source)


def _check_combinations(
    space: SearchSpace, default: Data, spec: DataSpec, plan: ValidationPlan
) -> None:
    """Tries the data function at the ends of the ranges of its arguments, as trials will."""
    study_data = StudyData(spec, default)
    study_data.of({})  # whose rows may weigh by their class
    for chosen in at_the_ends(spec, space.parameters):
        data = study_data.of(chosen)
        try:
            _check_rows(space, data, plan.data.source)
            if _is_foreign(plan.space) and data.inputs != default.inputs:
                _try_model(space, data, plan)
        except (SpaceError, UserError) as e:
            raise UserError(f"With {formatting.settings(chosen)}: {e}") from e


def _examine_objective(space: SearchSpace, plan: ValidationPlan) -> ValidationResult:
    """Checks what can be checked of an objective function without training."""
    if not isinstance(space, ObjectiveFunction) or not plan.own_training:
        raise UserError(
            f"Expected {source_files.brief(plan.space)} to be defined or assigned in that file, so "
            "that it can be read what it is. Received a name that comes from elsewhere."
        )
    has_data = plan.data.source != datasets.NO_DATA
    space.check_data(given=has_data)
    data = datasets.load_shared(plan.data) if has_data else None
    if isinstance(space, HyperModelWithFit):
        space.build_once()
        if data is not None and (data.inputs.shapes or data.outputs.heads):
            raise UserError(
                f"Expected data with one input and one output for {space.name}.fit(). Received "
                f"{plan.data.source} with several: load them within fit(), and leave out --data."
            )
    return ValidationResult(
        space_fingerprint=space.fingerprint(),
        data=plan.data,
        data_fingerprint="" if data is None else data.fingerprint,
        outline="" if data is None else datasets.outline_data(data, plan.data),
        notes=() if data is None else data.notes,
        past=_past_points(space, plan, data),
    )


def _notes_of_weights(data: Data, shared_metric: str | None) -> tuple[str, ...]:
    if shared_metric is None or data.validation.weights is None:
        return ()
    return (
        f"Several losses are searched, so trials are compared by {shared_metric}, in which all "
        "rows count the same: their weights count in what each trial learns by.",
    )


def _is_foreign(space: str) -> bool:
    """Whether a space is code that we did not write."""
    return ":" in space or catalog.FAMILIES.package_of(space) is not None


def _shared_metric(space: SearchSpace, data: Data) -> str | None:
    """What all trials can be compared by; None where they all learn by one loss."""
    ranges = space.ranges((), data.inputs, data.outputs)
    if not are_ours(ranges) or space.own_loss or not loss_parameters.are_searched(ranges):
        return None
    return data.outputs.loss if data.outputs.heads is None else UNWEIGHTED_LOSS


def _is_weighed(data: Data, spec: DataSpec) -> bool:
    parts = (data.train, data.validation, data.test)
    return spec.unweighed != spec or any(part.weights is not None for part in parts)


def _check_losses(losses: LossChoice, space: SearchSpace, data: Data, *, is_weighed: bool) -> None:
    """Refuses losses that cannot be computed, or say nothing of these targets."""
    for value in losses.values:
        name = format_value(value)
        check_loss_fits(name, data)
        is_of_batch = name in OF_BATCH
        if source_files.file_of(name) is not None:
            from tuner.training import check_loss

            for point in _points_of_loss(space.parameters):
                arguments = loss_parameters.arguments_of(point, name)
                is_of_batch = check_loss(name, data.outputs, arguments)
        if is_of_batch and is_weighed:
            raise UserError(
                "Expected rows that all count the same with a loss that is one number for a whole "
                f"batch. Received {source_files.brief(name)} with weights of rows or classes: "
                "leave them out, or take a loss of rows."
            )


def _points_of_loss(parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
    """The parameters of the loss at their defaults, and all at each end of their ranges."""
    of_loss = {name: one for name, one in parameters.items() if loss_parameters.is_of_loss(name)}
    points = [{name: one.default for name, one in of_loss.items()}]
    for end in (0, -1):
        point = {name: ends(one)[end] for name, one in of_loss.items()}
        points += [point] if point not in points else []
    return points


def _try_model(space: SearchSpace, data: Data, plan: ValidationPlan) -> frozenset[str]:
    """Builds one model, under the precision of the study, and loads it again from a file.

    Returns:
        The names of metrics that it was compiled with, and that nobody else knows.
    """
    if plan.precision == "float32":  # without importing more than the user's code does
        model = space.build_default(data.inputs, data.outputs)
    else:
        from tuner import training

        with training.precision(plan.precision):
            model = space.build_default(data.inputs, data.outputs)
        training.check_head(model, plan.space)
    name = source_files.brief(plan.space)
    single = data.inputs_encoder is None and data.heads is None
    if single and space.learns == "targets" and not space.own_loss:
        _check_shapes(model, data, name)
    # With several inputs or outputs, rows are cut up in front of the model.
    check_reload(model, name, data.validation.x[:ROWS] if single else None)
    if not model.compiled:
        return frozenset()
    from tuner import training

    return training.check_compiled(model, data, name)


def _check_shapes(model: Any, data: Data, name: str) -> None:
    """Refuses a model that takes other rows, or answers with another number of values."""
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs or len(inputs) > 1 or len(outputs) > 1:
        return
    takes, rows = tuple(inputs[0].shape[1:]), data.inputs.shape
    if len(takes) != len(rows) or any(a not in (None, b) for a, b in zip(takes, rows, strict=True)):
        raise UserError(
            f"Expected {name} to build a model for rows of shape {rows}. Received one for rows of "
            f"shape {takes}: change its input, or the data."
        )
    answers, units = outputs[0].shape[-1], data.outputs.units
    if answers not in (None, units):
        two = " For a softmax over two classes add --task multiclass."
        raise UserError(
            f"Expected {name} to build a model that answers a row of the task "
            f"{shown_task(data.outputs.task)} with {units} value{'s' * (units > 1)}. Received "
            f"{answers}: change its last layer.{two if data.outputs.task == 'binary' else ''}"
        )


def _check_batch_size(space: SearchSpace, data: Data, source: str) -> None:
    parameter = space.parameters["batch_size"]
    assert isinstance(parameter, (Choice, Range))
    smallest = parameter.values[0] if isinstance(parameter, Choice) else parameter.low
    rows = len(data.train)
    if isinstance(smallest, (int, float)) and rows < smallest:
        raise UserError(
            f"{source}: expected at least {smallest} training rows, the smallest batch_size. "
            f"Received: {rows}: add rows, or make batches smaller with --set batch_size={rows}."
        )


def _in_own_process(plan: ValidationPlan) -> ValidationResult:
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "tuner.study_setup.validation"],
        input=json.dumps(plan.to_dict()),
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        errors="replace",
    )
    if not ended.stdout:
        last = (ended.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        use = "be loaded" if plan.own_training else f"build a model from {plan.data.source}"
        raise UserError(
            f"Expected {plan.space} to {use}. "
            f"Received: its process ended with {exit_cause(ended.returncode)}: {last}"
        )
    answer = json.loads(ended.stdout)
    if "refused" in answer:
        raise UserError(answer["refused"])
    if "defect" in answer:
        raise RuntimeError(answer["defect"])
    data, notes = DataSpec.from_dict(answer["data"]), tuple(answer["notes"])
    past = None if answer["past"] is None else PastPoints(**answer["past"])
    return ValidationResult(**{**answer, "data": data, "notes": notes, "past": past})


def main() -> None:
    """The process's entry: a plan on standard input, the answer on standard output."""
    answer = private_output()
    try:
        plan = ValidationPlan.from_dict(json.load(sys.stdin))
        with isolated(plan.space, passing=(Exception,)):
            findings = examine(plan)
        document = dataclasses.asdict(findings)
    except (SpaceError, UserError) as e:
        document = {"refused": str(e)}
    except Exception as e:
        document = {"defect": "".join(traceback.format_exception(e))}
    with answer:
        json.dump(document, answer)


def private_output() -> IO[str]:
    """Standard output for the answer alone: what the user's code prints goes elsewhere."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    vital_state.watch([answer.fileno()], _end)
    return answer


def _end(what: str) -> None:
    os.write(2, f"its code {what}\n".encode())
    os._exit(1)


if __name__ == "__main__":
    main()

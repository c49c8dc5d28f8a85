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
from typing import TYPE_CHECKING

from search_spaces.errors import SpaceError
from search_spaces.keras_tuner.hypermodel_with_fit import HyperModelWithFit
from search_spaces.objective_function import ObjectiveFunction
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Value, format_value
from search_spaces.parameters.ranges import Range
from search_spaces.past_points import PastPoints, map_points
from search_spaces.space import SearchSpace
from search_spaces.user_code import source_files
from search_spaces.user_code.isolation import isolated
from tuner import datasets, formatting
from tuner.datasets import DataSpec, resampling
from tuner.datasets.data_spec import RESAMPLING
from tuner.errors import UserError, exit_cause, shorten
from tuner.search.auto_choice import count_tiny
from tuner.search.samplers import SAMPLERS
from tuner.studies.loading import code_names, space_and_data
from tuner.studies.study_data import StudyData, at_the_ends
from tuner.study_setup.constraint_checks import check_constraints
from tuner.study_setup.loss_checks import check_losses, find_shared_metric, notes_of_weights
from tuner.study_setup.model_checks import try_model
from tuner.study_setup.private_output import private_output
from tuner.study_setup.target_checks import check_metric_fits
from tuner.study_setup.validation_plan import ValidationPlan, ValidationResult, is_tried

if TYPE_CHECKING:
    from tuner.datasets import Data


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
    spec = dataclasses.replace(spec.as_read(data.found), stream=data.stream is not None)
    _check_repeatable(data, spec)
    _check_rows(space, data, plan.data.source)
    check_constraints(space, plan.constraints)
    check_losses(space, data, spec)
    own_metrics = try_model(space, data, plan) if is_tried(plan.space) else frozenset()
    if plan.metrics or plan.callbacks:
        from tuner.training import check_callbacks, check_metrics

        metrics = [name for name in plan.metrics if name not in own_metrics]
        check_metrics(metrics, data.outputs)
        for name in metrics:
            check_metric_fits(name, data)
        if plan.callbacks:
            defaults = space.defaults(data.inputs, data.outputs)
            check_callbacks(plan.callbacks, defaults, plan.study)
    study_data = StudyData(spec, data)
    _check_combinations(space, study_data, spec, plan)
    size = SAMPLERS[plan.sampler].size
    shared_metric = find_shared_metric(space, data)
    return ValidationResult(
        space_fingerprint=space.fingerprint(),
        data=spec,
        data_fingerprint=data.fingerprint,
        points=None if size is None else size(space),
        tiny_points=count_tiny(space) if plan.sampler == "auto" else None,
        code_fingerprint=source_files.fingerprint(code_names(plan.metrics, plan.callbacks, spec)),
        shared_metric=shared_metric,
        loss_unit=data.loss_unit,
        outline=datasets.outline_data(study_data.unprepared, spec),
        notes=(
            *data.notes,
            *notes_of_weights(data, shared_metric),
            *_notes_of_resampling(space, data, spec),
        ),
        past=_past_points(space, plan, data),
    )


def _past_points(space: SearchSpace, plan: ValidationPlan, data: Data | None) -> PastPoints | None:
    if not plan.past:
        return None
    inputs, outputs = (None, None) if data is None else (data.inputs, data.outputs)
    try:
        mapped = map_points(space, plan.past, inputs, outputs)
    except Exception:  # of code that is built with points of a time when it was other code
        if plan.past_named:
            raise
        return None
    if plan.past_named and not any(mapped.points):
        names = ", ".join(dict.fromkeys(name for values in plan.past for name in values))
        raise UserError(
            f"Expected past trials that have a parameter of {space.name} with a value in its "
            f"range. Received: {shorten(names, 100) or 'no parameter'}: leave --like out."
        )
    return mapped


def _check_repeatable(
    data: Data, spec: DataSpec, chosen: Mapping[str, Value] | None = None
) -> None:
    """Asks code that makes or changes rows a second time.

    What a function makes by default is not asked for: each worker compares that with the study.
    """
    if spec.space is None and chosen is None:
        return
    if datasets.load(spec).fingerprint != data.fingerprint:
        code = source_files.brief(spec.source if spec.space is None else spec.space)
        where = code if spec.space is None else f"data() of {code}"
        settings = f" with {formatting.settings(chosen)}" if chosen else ""
        raise UserError(
            f"Expected {where}{settings} to return the same rows whenever it is asked. Received "
            "others the second time: draw with np.random.default_rng(0), for example."
        )


def _check_rows(space: SearchSpace, data: Data, source: str) -> None:
    space.check(data.inputs, data.outputs)
    space.check_values(data.train.x)
    _check_batch_size(space, data, source)


def _check_combinations(
    space: SearchSpace, study_data: StudyData, spec: DataSpec, plan: ValidationPlan
) -> None:
    """Tries data and preparation at the ends of their ranges, as trials will."""
    default = study_data.default
    study_data.of({})  # whose rows may weigh by their class
    for chosen in at_the_ends(spec, space.parameters):
        data = study_data.of(chosen)
        if chosen.keys() & spec.of_rows.searched.keys():
            _check_repeatable(data, spec.of_trial(chosen).unweighed, chosen)
        try:
            _check_rows(space, data, plan.data.source)
            if is_tried(plan.space) and data.inputs != default.inputs:
                try_model(space, data, plan)
        except (SpaceError, UserError) as e:
            raise UserError(f"With {formatting.settings(chosen)}: {e}") from e


def _notes_of_resampling(space: SearchSpace, data: Data, spec: DataSpec) -> tuple[str, ...]:
    if RESAMPLING not in spec.preparation:
        return ()
    asked = map(format_value, space.parameters[RESAMPLING].options or ())
    return tuple(note for one in asked for note in resampling.notes(data, one))


def _examine_objective(space: SearchSpace, plan: ValidationPlan) -> ValidationResult:
    """Checks what can be checked of an objective function without training."""
    if not isinstance(space, ObjectiveFunction) or not plan.own_training:
        raise UserError(
            f"Expected {source_files.brief(plan.space)} to be defined or assigned in that file, so "
            "that it can be read what it is. Received a name that comes from elsewhere."
        )
    if plan.data.stream:
        raise UserError(
            f"Expected no --stream with {space.name}, which trains by itself. Received both: "
            "stream within its code, and leave --stream out."
        )
    has_data = plan.data.source != datasets.NO_DATA
    space.check_data(given=has_data)
    spec = dataclasses.replace(plan.data, stream=False)
    data = datasets.load_shared(spec) if has_data else None
    if isinstance(space, HyperModelWithFit):
        space.build_once()
        if data is not None and (data.inputs.shapes or data.outputs.heads):
            raise UserError(
                f"Expected data with one input and one output for {space.name}.fit(). Received "
                f"{plan.data.source} with several: load them within fit(), and leave out --data."
            )
    return ValidationResult(
        space_fingerprint=space.fingerprint(),
        data=spec.as_read({} if data is None else data.found),
        data_fingerprint="" if data is None else data.fingerprint,
        outline="" if data is None else datasets.outline_data(data, spec),
        notes=() if data is None else data.notes,
        past=_past_points(space, plan, data),
    )


def _check_batch_size(space: SearchSpace, data: Data, source: str) -> None:
    parameter = space.parameters["batch_size"]
    assert isinstance(parameter, (Choice, Range))
    smallest = parameter.values[0] if isinstance(parameter, Choice) else parameter.low
    rows = data.training_rows
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


if __name__ == "__main__":
    main()

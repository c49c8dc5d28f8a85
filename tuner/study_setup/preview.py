"""What a study would be, before it is made: a few models, their sizes, and the time it takes.

Models are built and trained for a moment in a process of its own: a study that is only looked at
shall cost no more than seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

from search_spaces.phases import epochs_of
from search_spaces.user_code.isolation import isolated, original
from tuner.errors import UserError, exit_cause, one_line
from tuner.resources.cores_and_gpus import cores, environment
from tuner.studies.loading import load_data, load_space
from tuner.studies.study_data import StudyData
from tuner.studies.study_spec import StudySpec
from tuner.study_setup.private_output import private_output

if TYPE_CHECKING:
    from tuner.datasets import Data

POINTS = 5  # models that are looked at: what is tried first, then points at random
SLICE = 0.3  # seconds that each is trained for, once it is traced


@dataclass(frozen=True, kw_only=True)
class ModelPreview:
    """One model of a study.

    Attributes:
        hyperparameters: Real values by name.
        parameters: Numbers in its weights.
        memory: Bytes that its training needs by estimate.
        seconds: That all its epochs would take one worker, validation left out.
    """

    hyperparameters: dict[str, Any]
    parameters: int
    memory: int
    seconds: float


def preview(spec: StudySpec) -> list[ModelPreview]:
    """The first models of a study.

    Raises:
        UserError: A model could not be built or trained; why.
    """
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "tuner.study_setup.preview"],
        input=json.dumps(spec.to_dict()),
        env=environment(threads=1),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if not ended.stdout:
        last = (ended.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise UserError(
            f"Expected {spec.space} to build models. Received: a process that ended with "
            f"{exit_cause(ended.returncode)}: {last}"
        )
    answer = json.loads(ended.stdout)
    if "refused" in answer:
        raise UserError(f"Expected {spec.space} to build models. Received: {answer['refused']}")
    return [ModelPreview(**model) for model in answer["models"]]


def whole_time(models: list[ModelPreview], *, trials: int, workers: int | None) -> float:
    """Seconds that a study takes by estimate if nothing is pruned, with one core a worker."""
    at_once = min(workers or cores(), cores(), trials)
    return trials * mean(model.seconds for model in models) / at_once


def main() -> None:
    """The process's entry: a definition on standard input, the models on standard output."""
    answer = private_output()
    sys.path.append(os.getcwd())  # last, as for workers
    try:
        spec = StudySpec.from_dict(json.load(sys.stdin))
        with isolated(spec.space, passing=(Exception,)):
            document: dict[str, Any] = {"models": _look(spec)}
    except Exception as e:
        document = {"refused": one_line(original(e))}
    with answer:
        json.dump(document, answer)


def _look(spec: StudySpec) -> list[dict[str, Any]]:
    import optuna

    from tuner import training

    training.use_device(threads=1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space, study_data = load_space(spec), StudyData(spec.data, load_data(spec))
    drawn = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=spec.seed))
    for point in space.starting_points()[: POINTS // 2 + 1]:
        drawn.enqueue_trial(space.encode(point))
    models = []
    for _ in range(POINTS):
        trial = drawn.ask()
        data = study_data.of(space.suggest_some(trial, spec.data.searched))
        with training.seeded(spec.seed), training.precision(spec.precision):
            chosen, model = space.sample_and_build(trial, data.inputs, data.outputs)
            models.append(asdict(_measured(chosen, model, data, spec)))
    return models


def _measured(chosen: dict[str, Any], model: Any, data: Data, spec: StudySpec) -> ModelPreview:
    from tuner import training
    from tuner.training import model_size

    pacer = training.ThroughputMeter(model, chosen, data, metrics=spec.metrics)
    pacer.run(1)  # is traced
    steps, rows, spent = 1, 0, 0.0
    while spent < SLICE:
        began = time.perf_counter()
        rows += pacer.run(steps)
        spent += time.perf_counter() - began
        steps = min(2 * steps, pacer.steps)
    return ModelPreview(
        hyperparameters=chosen,
        parameters=int(model.count_params()),
        memory=model_size.training_bytes(model, chosen["batch_size"]),
        seconds=spec.rounds * epochs_of(model, chosen) * data.training_rows * spent / rows,
    )


if __name__ == "__main__":
    main()

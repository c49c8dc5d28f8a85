"""Studies of the same data side by side: which search found more, and how soon."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from search_spaces.loss_parameters import LOSS, is_of_loss
from search_spaces.parameters.loss_choice import USUAL
from search_spaces.training_parameters import are_ours
from search_spaces.user_code.source_files import short_name
from storage import trials
from storage.database.engine import Store
from storage.studies import Study
from storage.trials import TrialRecord
from tuner import formatting
from tuner.errors import UserError
from tuner.studies.objective import Objective, objective_of, objectives_of

LONGEST = 40  # characters of a space's name
# The usual losses of tasks, which no other task has; mse is that of a regression.
_USUAL = (
    USUAL,
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
)
CLOSE = 0.05  # of the best of all: a study that comes so near counts as there


@dataclass(frozen=True, kw_only=True)
class Step:
    """A complete trial that was better than all before it.

    Attributes:
        trials: How many trials of the study had ended by then, itself among them.
        seconds: Since the study's first trial began.
    """

    trials: int
    seconds: float
    value: float


@dataclass(frozen=True, kw_only=True)
class StudyRow:
    """How one study did.

    Attributes:
        ended: Its trials that are over.
        best: Its best value; None without a complete trial.
        last_quarter: Median value of the last quarter of its complete and pruned trials: where
            its sampler has got to.
        close_trials: Ended trials until it came within 5 % of the best of all studies.
        close_seconds: The same in seconds.
        seconds: From its first trial's begin to its last one's end.
        steps: How its best value got better.
        objective: What all of them are compared by.
    """

    study: str
    space: str
    sampler: str
    ended: int
    best: float | None
    best_trial: int | None
    last_quarter: float | None
    close_trials: int | None
    close_seconds: float | None
    seconds: float
    steps: list[Step]
    objective: Objective


def compare_studies(store: Store, studies: Sequence[Study]) -> list[StudyRow]:
    """Compares studies, in the order in which they are given.

    Raises:
        UserError: They are fewer than two, have several objectives, or their data or objectives
            differ: losses on other rows say nothing.
    """
    _check(studies)
    aim = objective_of(studies[0])
    with_trials = [(study, _ended(trials.list_trials(store, study))) for study in studies]
    if aim.is_loss:
        _check_losses(with_trials)
    steps = [_steps(ended, aim.sign) for _, ended in with_trials]
    best = min((aim.sign * step.value for path in steps for step in path), default=math.inf)
    near = best + CLOSE * abs(best)
    return [
        _row(study, ended, path, near, aim)
        for (study, ended), path in zip(with_trials, steps, strict=True)
    ]


def _check(studies: Sequence[Study]) -> None:
    names = [study.name for study in studies]
    if len(set(names)) < 2:
        raise UserError(
            f"Expected two studies or more. Received: {', '.join(map(repr, names)) or 'none'}. "
            "See: tuner list"
        )
    for study in studies:
        if study.further:
            listed = ", ".join(objective.name for objective in objectives_of(study))
            raise UserError(
                f"Expected studies with one objective. Received: {study.name!r}, with {listed}: "
                f"see its Pareto front with: tuner best {study.typed}"
            )
    first = studies[0]
    for other in studies[1:]:
        if objective_of(other) != objective_of(first):
            raise UserError(
                f"Expected studies of the same objective. Received: {first.name!r}, by its "
                f"{objective_of(first).text}, and {other.name!r}, by its "
                f"{_told(objective_of(other), first)}."
            )
        if other.spec["data_fingerprint"] != first.spec["data_fingerprint"]:
            raise UserError(
                f"Expected studies of the same data, split alike. Received: {first.name!r} on "
                f"{first.spec['data']['source']} and {other.name!r} on "
                f"{other.spec['data']['source']}, which differ: losses on other rows cannot be "
                "compared."
            )


def _check_losses(found: Sequence[tuple[Study, Sequence[TrialRecord]]]) -> None:
    """Refuses studies whose trials are compared by losses that are different functions."""
    first: tuple[Study, str] | None = None
    for study, ended in found:
        for loss in dict.fromkeys(_loss(study, trial) for trial in ended):
            if first is not None and first[1] != loss:
                raise UserError(
                    f"Expected studies that learn by the same loss, as they are compared by it. "
                    f"Received: {first[0].name!r}, by {first[1]}, and {study.name!r}, by {loss}: "
                    "launch them with an --objective that both measure, such as mae or accuracy."
                )
            first = first or (study, loss)


def _loss(study: Study, trial: TrialRecord) -> str:
    """What a trial learned by, in words that are equal for equal functions."""
    data = study.spec["data"]
    if trial.hyperparameters and not are_ours(trial.hyperparameters):
        name = f"what {study.spec['space'][-LONGEST:]} compiles"
    else:
        name = str(trial.hyperparameters.get("loss", USUAL))
        usual = [*_USUAL, *(() if "val_accuracy" in trial.metrics else ("mse",))]
        name = f"the {USUAL} one" if name in usual else short_name(name)
        chosen = {n: v for n, v in trial.hyperparameters.items() if is_of_loss(n) and n != LOSS}
        name += f" with {formatting.settings(chosen)}" if chosen else ""
    if data.get("weights") and not data.get("weighted_mean"):
        name += ", weighted as in earlier versions"
    return name


def _told(objective: Objective, first: Study) -> str:
    same = objective.name == objective_of(first).name
    return f"{objective.text} in another unit, as versions differ" if same else objective.text


def _ended(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The trials that are over, in the order in which they ended."""
    over = [trial for trial in records if trial.ended_at is not None]
    return sorted(over, key=lambda trial: (trial.ended_at or 0.0, trial.number))


def _steps(ended: Sequence[TrialRecord], sign: int) -> list[Step]:
    zero = _begin(ended)
    steps: list[Step] = []
    for count, trial in enumerate(ended, start=1):
        if trial.state != "complete" or trial.value is None:
            continue
        if not steps or sign * trial.value < sign * steps[-1].value:
            seconds = (trial.ended_at or zero) - zero
            steps.append(Step(trials=count, seconds=seconds, value=trial.value))
    return steps


def _begin(ended: Sequence[TrialRecord]) -> float:
    return min((trial.begun_at for trial in ended if trial.begun_at is not None), default=0.0)


def _row(
    study: Study, ended: Sequence[TrialRecord], steps: list[Step], near: float, objective: Objective
) -> StudyRow:
    values = [t.value for t in ended if t.state in ("complete", "pruned") and t.value is not None]
    close = next((step for step in steps if objective.sign * step.value <= near), None)
    best = steps[-1] if steps else None
    return StudyRow(
        study=study.name,
        space=study.spec["space"],
        sampler=study.spec["sampler"],
        ended=len(ended),
        best=best.value if best else None,
        best_trial=ended[best.trials - 1].number if best else None,
        last_quarter=median(values[-math.ceil(len(values) / 4) :]) if values else None,
        close_trials=close.trials if close else None,
        close_seconds=close.seconds if close else None,
        seconds=(ended[-1].ended_at or 0.0) - _begin(ended) if ended else 0.0,
        steps=steps,
        objective=objective,
    )

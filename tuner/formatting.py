"""Numbers, times and trials in few words, for people."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces.parameters.literals import format_value
from storage.overview import Counts
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.studies.objective import Objective, measured, objective_of

TEST, VALIDATION = "test_", "val_"  # prefixes of a trial's metrics


def number(value: float | None) -> str:
    """Four significant digits."""
    return "-" if value is None else f"{value:.4g}"


def count(trials: int) -> str:
    """``1 trial``, ``1,200 trials``."""
    return "1 trial" if trials == 1 else f"{trials:,} trials"


def values(trial: TrialRecord, objectives: Sequence[Objective]) -> list[str]:
    """What a trial came to by each of its study's objectives."""
    known = (trial.value, *trial.further, *[None] * len(objectives))
    return [_value(objective, value) for objective, value in zip(objectives, known, strict=False)]


def _value(objective: Objective, value: float | None) -> str:
    return number(value) if value is None or objective.name != "parameters" else f"{value:,.0f}"


def objectives(trial: TrialRecord, objectives: Sequence[Objective]) -> str:
    """``validation loss 0.1234, parameters 2,410``."""
    told = zip(objectives, values(trial, objectives), strict=True)
    return ", ".join(f"{objective.text} {value}" for objective, value in told)


def duration(seconds: float | None) -> str:
    """``3.4 s``, ``12 min``, ``2 h 5 min``."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def moment(seconds: float) -> str:
    """A time of day in the local zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def setting(value: Any) -> str:
    """The value of a hyperparameter."""
    return f"{value:.4g}" if isinstance(value, float) else format_value(value)


def place(study: Study, trial: TrialRecord) -> str:
    """``at epoch 7 of 12``; of a trial of several trainings ``on average of 5, spread 0.01``."""
    objective = objective_of(study).name
    if f"{objective}_std" in trial.metrics:
        spread = number(trial.metrics[f"{objective}_std"])
        return f"on average of {trial.epoch} trainings, spread {spread}"
    if trial.best_epoch is None:  # of an objective function, whose value none of its reports is
        return f"after {trial.epoch} reports" if trial.epoch else ""
    return f"at epoch {of_epochs(trial.best_epoch, trial.epoch)}"


def of_epochs(best: int | None, epochs: int) -> str:
    """``7 of 12``; where the value is that of no epoch, how many there were."""
    return str(epochs) if best is None else f"{best} of {epochs}"


def rounds(study: Study) -> int:
    """Trainings that a trial of a study consists of."""
    folds = int(study.spec.get("data", {}).get("folds", 1))
    return folds * int(study.spec.get("repeats", 1))


def steps(study: Study, count: int) -> str:
    """``1 epoch``, ``12 epochs``; where trials are several trainings ``5 trainings``."""
    word = step(study)
    return f"1 {word}" if count == 1 else f"{count:,} {word}s"


def step(study: Study) -> str:
    """What a trial's ``epoch`` counts: ``epoch``, or ``training`` where there are several."""
    return "training" if rounds(study) > 1 else "epoch"


def best_step(study: Study, trial: TrialRecord) -> str:
    """``7 of 12``, the best epoch; of several trainings, which all count, ``all 5``."""
    if rounds(study) > 1:
        return f"all {trial.epoch}"
    return of_epochs(trial.best_epoch, trial.epoch)


def test_part(study: Study) -> str:
    """What was scored on the test part, where that is not plain."""
    return "Test, by the model of the last training" if rounds(study) > 1 else "Test"


def settings(hyperparameters: Mapping[str, Any]) -> str:
    """All hyperparameters on one line."""
    return " ".join(f"{name}={setting(value)}" for name, value in hyperparameters.items())


def measures(metrics: Mapping[str, float], prefix: str, study: Study | None = None) -> str:
    """The metrics of one part of the data, the loss first: ``loss 0.11, accuracy 0.97``.

    Args:
        study: That they are of: it knows what the loss is of.
    """
    unit = None if study is None else study.spec.get("loss_unit")
    chosen = {n.removeprefix(prefix): v for n, v in metrics.items() if n.startswith(prefix)}
    names = sorted(chosen, key=lambda name: (name != "loss", name))
    return ", ".join(f"{measured(name, unit)} {number(chosen[name])}" for name in names)


def promotions(count: int) -> str:
    """``a resting trial was resumed 3 times``."""
    return f"a resting trial was resumed {f'{count:,} times' if count > 1 else 'once'}"


def progress(counts: Counts, budget: int) -> str:
    """``12 of 20 trials: 9 complete, 2 pruned, 1 failed; 5 resting``."""
    kinds = {"complete": counts.complete, "pruned": counts.pruned, "failed": counts.failed}
    ended = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
    resting = f"; {counts.resting} resting" if counts.resting else ""
    return f"{counts.ended} of {budget} trials{': ' if ended else ''}{ended}{resting}"


def ended(study: Study, trial: TrialRecord, best: float | None) -> str:
    """``trial 7 complete 0.1234 (12 epochs, 3.4 s) best 0.1102``."""
    value = "" if trial.value is None else f" {number(trial.value)}"
    trained = f"{steps(study, trial.epoch)}, {duration(trial.seconds)}"
    line = f"trial {trial.number} {trial.state}{value} ({trained})"
    if trial.state != "failed" and trial.failure is not None:
        line += f" {trial.failure.kind}"
    return line if best is None else f"{line} best {number(best)}"


def failure(trial: TrialRecord) -> str:
    """``error: ValueError: ...``, or nothing."""
    return "" if trial.failure is None else f"{trial.failure.kind}: {trial.failure.message}"

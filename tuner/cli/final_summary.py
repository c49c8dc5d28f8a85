"""What a person wants to know at the end: the best trial, its model, and what to type next."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from storage.overview import Status
from storage.studies import BUDGET_USED, FINISHED, Study
from storage.trials import TrialRecord
from tuner import formatting
from tuner.cli.console import table
from tuner.cli.pareto_choice import print_front
from tuner.studies.objective import objective_of


def print_summary(console: Console, status: Status, *, storage: str, interrupted: bool) -> None:
    """Prints where the study stands, its best trial, and the commands that go on from here.

    Args:
        storage: `` --storage URL`` where it has to be typed, else nothing.
        interrupted: Workers here were asked to stop before the study was over.
    """
    study = status.study
    line = formatting.progress(status.trials, study.budget)
    if study.reason not in (None, BUDGET_USED):
        line += f"; {study.reason}"
    console.print(Text(f"Study {study.name} is {study.state}: {line}.", style="bold"))
    if status.front:
        print_front(console, study, status.front)
    elif status.best is not None:
        print_best(console, study, status.best)
    for what, command in _next(status, interrupted).items():
        console.print(f"{what}: {command}{storage}", soft_wrap=True)


def print_best(console: Console, study: Study, trial: TrialRecord) -> None:
    """Prints a trial with its hyperparameters, scores and model."""
    headline = (
        f"Best: trial {trial.number}, {objective_of(study).text} {formatting.number(trial.value)}"
    )
    console.print(f"{headline} {formatting.place(study, trial)}")
    rows = table("hyperparameter", "value")
    for name, value in trial.hyperparameters.items():
        rows.add_row(f"  {name}", formatting.setting(value))
    console.print(rows)
    for part, prefix in (
        ("Validation", formatting.VALIDATION),
        (formatting.test_part(study), formatting.TEST),
    ):
        if measured := formatting.measures(trial.metrics, prefix, study):
            console.print(f"{part}: {measured}")
    if trial.model is not None:
        console.print(f"Model: {trial.model}", soft_wrap=True)  # one line, to be copied


def _take(status: Status) -> dict[str, str]:
    """How to get the best model; an objective function may hand out none."""
    name, best = status.study.typed, status.best
    if any(trial.model is not None for trial in status.front or [best] if trial is not None):
        return {"Take it": f"tuner export {name} model.keras"}
    if best is None or status.study.spec.get("own_training"):
        return {}
    again = f"tuner rerun {name} {best.number} --output model.keras"
    return {"Its model is not there, see tuner logs; train it again": again}


def _next(status: Status, interrupted: bool) -> dict[str, str]:
    name, study = status.study.typed, status.study
    if study.state == FINISHED:
        more = {"More trials": f"tuner extend {name} --trials +20", "Dashboard": "tuner dashboard"}
        return _take(status) | more
    if study.state == "running":
        go_on = {"Go on": f"tuner worker {name}"}
        return go_on if interrupted else {**go_on, "Watch": f"tuner status {name} --watch"}
    return {"Go on": f"tuner resume {name}"}

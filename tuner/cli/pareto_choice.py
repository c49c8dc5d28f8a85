"""Studies with several objectives: their Pareto front, and which of its trials a command takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuner.cli.printing import say

if TYPE_CHECKING:
    from rich.console import Console

    from storage.database.engine import Store
    from storage.studies import Study
    from storage.trials import TrialRecord


def choose_trial(store: Store, study: Study, number: int | None) -> TrialRecord:
    """Returns the trial of a number, or the best one; with several objectives it says which.

    Raises:
        UserError, StoreError: As ``results.choice.chosen``.
    """
    from tuner.models.trial_choice import chosen_trial
    from tuner.studies.objective import objective_of

    trial = chosen_trial(store, study, number)
    if number is None and study.further:
        objective = objective_of(study)
        say(
            f"Trial {trial.number} is taken, of the Pareto front the one with the "
            f"{objective.extreme} "
            f"{objective.text}; another with --trial N, see: tuner best {study.typed}",
            err=True,
        )
    return trial


def print_front(console: Console, study: Study, front: Sequence[TrialRecord]) -> None:
    """Prints the trials of the front, the best by the first objective first."""
    from rich.text import Text

    from tuner import formatting
    from tuner.cli.console import table
    from tuner.studies.objective import objectives_of

    objectives = objectives_of(study)
    titles = tuple(objective.text for objective in objectives)
    right = ("trial", *titles, formatting.step(study))
    rows = table(*right, "model", "hyperparameters", right=right, whole=("model",))
    for trial in front:
        rows.add_row(
            str(trial.number),
            *formatting.values(trial, objectives),
            formatting.best_step(study, trial),
            "kept" if trial.model else "-",
            # Cut short where there is no room: --json has them all.
            Text(formatting.settings(trial.hyperparameters), no_wrap=True, overflow="ellipsis"),
        )
    console.print(f"Pareto front: {formatting.count(len(front))} that no other one dominates.")
    console.print(rows)

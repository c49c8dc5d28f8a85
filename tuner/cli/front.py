"""Studies with several objectives: their Pareto front, and which of its trials a command takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from storage.engine import Store
    from storage.studies import Study
    from storage.trials import TrialRecord


def choose(store: Store, study: Study, number: int | None) -> TrialRecord:
    """Returns the trial of a number, or the best one; with several objectives it says which.

    Raises:
        UserError, StoreError: As ``results.choice.chosen``.
    """
    from tuner.goal import goal_of
    from tuner.results.choice import chosen

    trial = chosen(store, study, number)
    if number is None and study.further:
        goal = goal_of(study)
        click.echo(
            f"Trial {trial.number} is taken, of the Pareto front the one with the {goal.extreme} "
            f"{goal.text}; another with --trial N, see: tuner best {study.name}",
            err=True,
        )
    return trial


def print_front(console: Console, study: Study, front: Sequence[TrialRecord]) -> None:
    """Prints the trials of the front, the best by the first objective first."""
    from rich.text import Text

    from tuner import words
    from tuner.cli.screen import table
    from tuner.goal import goals_of

    goals = goals_of(study)
    titles = tuple(goal.text for goal in goals)
    right = ("trial", *titles, "epoch")
    rows = table(*right, "model", "hyperparameters", right=right, whole=("model",))
    for trial in front:
        rows.add_row(
            str(trial.number),
            *words.values(trial, goals),
            f"{trial.best_epoch} of {trial.epoch}",
            "kept" if trial.model else "-",
            # Cut short where there is no room: --json has them all.
            Text(words.settings(trial.hyperparameters), no_wrap=True, overflow="ellipsis"),
        )
    console.print(f"Pareto front: {words.count(len(front))} that no other one dominates.")
    console.print(rows)

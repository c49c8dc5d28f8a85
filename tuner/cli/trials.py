"""Commands that show trials: trials and best."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.models import force_option
from tuner.cli.options import command, json_option, opened, storage_option, study_argument

if TYPE_CHECKING:
    from storage.studies import Study
    from storage.trials import TrialRecord


@command(
    "tuner trials mlp-digits",
    "tuner trials mlp-digits --json",
    "tuner trials mlp-digits --csv trials.csv",
)
@study_argument
@click.option(
    "--csv",
    "table",
    metavar="FILE",
    is_flag=False,
    flag_value="-",
    help="Write a table with a column for each hyperparameter; without a name, or - for one, "
    "to standard output.",
)
@force_option
@storage_option
@json_option
def trials(study: str, table: str | None, force: bool, storage: str, as_json: bool) -> None:
    """List the trials of a study.

    The value is the best that a trial's objective was, by default its lowest validation loss. With
    several objectives those of the Pareto front are marked.
    """
    from storage import front, studies
    from storage.trials import list_trials
    from tuner.cli import documents
    from tuner.results.files import check_output

    if table is not None and as_json:
        raise click.UsageError("--csv and --json cannot be had at once.")
    file = None if table in (None, "-") else check_output(table or "", force=force)
    with opened(storage) as store:
        known = studies.load(store, study)
        found = list_trials(store, known)
        members = front.members(store, known) if known.further else []
    if table is not None:
        _write_csv(found, known, file)
    elif as_json:
        documents.echo([documents.of_trial(trial, known, members) for trial in found])
    else:
        _print_trials(found, known, members)


@command("tuner best mlp-digits", "tuner best mlp-digits --json")
@study_argument
@storage_option
@json_option
def best(study: str, storage: str, as_json: bool) -> None:
    """Show the best trial, its scores, and where its model lies.

    With several objectives: the Pareto front, the trials that no other one dominates.
    """
    from storage import studies
    from tuner.cli import documents
    from tuner.cli.front import print_front
    from tuner.cli.screen import output
    from tuner.cli.summary import print_best
    from tuner.results.choice import best as best_trial
    from tuner.results.choice import front

    with opened(storage) as store:
        known = studies.load(store, study)
        found = best_trial(store, known)
        members = front(store, known)
    if as_json:
        more = {"front": documents.of_front(members, known)} if members else {}
        documents.echo({**documents.of_best(found, known), **more})
    elif members:
        print_front(output(), known, members)
    else:
        print_best(output(), known, found)


def _write_csv(found: list[TrialRecord], study: Study, file: Path | None) -> None:
    from tuner.goal import goals_of
    from tuner.results.files import replace_file
    from tuner.results.table import csv_text

    text = csv_text(found, [goal.name for goal in goals_of(study)[1:]])
    if file is None:
        click.echo(text, nl=False)
        return
    replace_file(file, text.encode())
    click.echo(f"Trials: {file}")


def _print_trials(found: list[TrialRecord], study: Study, front: Container[int]) -> None:
    from rich.text import Text

    from tuner import words
    from tuner.cli.screen import output, table
    from tuner.goal import goals_of

    goals = goals_of(study)
    names = tuple(goal.text for goal in goals) if study.further else ("value",)
    right = ("trial", *names, "epochs", "time")
    rows = table("trial", "state", *right[1:], "hyperparameters", right=right, whole=("state",))
    for trial in found:
        failed = trial.state == "failed" and trial.failure is not None
        last = words.failure(trial) if failed else words.settings(trial.hyperparameters)
        rows.add_row(
            str(trial.number),
            f"{trial.state} *" if trial.trial_id in front else trial.state,
            *words.values(trial, goals),
            str(trial.epoch),
            words.duration(trial.seconds),
            # Cut short where there is no room: --json has them all.
            Text(last, no_wrap=True, overflow="ellipsis"),
        )
    output().print(rows if found else "No trials yet.")
    if study.further and found:
        output().print("* on the Pareto front")

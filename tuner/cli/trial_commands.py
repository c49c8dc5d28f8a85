"""Commands that show trials: trials and best."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.common_options import command, json_option, opened, storage_option, study_argument
from tuner.cli.model_commands import force_option
from tuner.cli.printing import say

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
    from storage import pareto, studies
    from storage.trials import list_trials
    from tuner.cli import json_output
    from tuner.models.output_files import check_output

    if table is not None and as_json:
        raise click.UsageError("--csv and --json cannot be had at once.")
    file = None if table in (None, "-") else check_output(table or "", force=force)
    with opened(storage) as store:
        stored_study = studies.load(store, study)
        records = list_trials(store, stored_study)
        members = pareto.members(store, stored_study) if stored_study.further else []
    if table is not None:
        _write_csv(records, stored_study, file)
    elif as_json:
        json_output.echo([json_output.of_trial(trial, stored_study, members) for trial in records])
    else:
        _print_trials(records, stored_study, members)


@command("tuner best mlp-digits", "tuner best mlp-digits --json")
@study_argument
@storage_option
@json_option
def best(study: str, storage: str, as_json: bool) -> None:
    """Show the best trial, its scores, and where its model lies.

    With several objectives: the Pareto front, the trials that no other one dominates.
    """
    from storage import studies
    from tuner.cli import json_output
    from tuner.cli.console import output
    from tuner.cli.final_summary import print_best
    from tuner.cli.pareto_choice import print_front
    from tuner.models.trial_choice import best as best_trial
    from tuner.models.trial_choice import damage, front

    with opened(storage) as store:
        stored_study = studies.load(store, study)
        record = best_trial(store, stored_study)
        members = front(store, stored_study)
        flaw = damage(store, stored_study, record)
    if as_json:
        more = {"front": json_output.of_front(members, stored_study)} if members else {}
        json_output.echo({**json_output.of_best(record, stored_study), **more})
    elif members:
        print_front(output(), stored_study, members)
    else:
        print_best(output(), stored_study, record)
    if flaw is not None:
        say(flaw, err=True)


def _write_csv(records: list[TrialRecord], study: Study, file: Path | None) -> None:
    from tuner.models.output_files import replace_file
    from tuner.report.trials_table import csv_text
    from tuner.studies.objective import objectives_of

    text = csv_text(records, [objective.name for objective in objectives_of(study)[1:]])
    if file is None:
        say(text.removesuffix("\n"))
        return
    replace_file(file, text.encode())
    say(f"Trials: {file}")


def _print_trials(records: list[TrialRecord], study: Study, front: Container[int]) -> None:
    from rich.text import Text

    from tuner import formatting
    from tuner.cli.console import output, table
    from tuner.studies.objective import objectives_of

    objectives = objectives_of(study)
    names = tuple(objective.text for objective in objectives) if study.further else ("value",)
    right = ("trial", *names, f"{formatting.step(study)}s", "time")
    rows = table("trial", "state", *right[1:], "hyperparameters", right=right, whole=("state",))
    for trial in records:
        failed = trial.state == "failed" and trial.failure is not None
        last = formatting.failure(trial) if failed else formatting.settings(trial.hyperparameters)
        rows.add_row(
            str(trial.number),
            f"{trial.state} *" if trial.trial_id in front else trial.state,
            *formatting.values(trial, objectives),
            str(trial.epoch),
            formatting.duration(trial.seconds),
            # Cut short where there is no room: --json has them all.
            Text(last, no_wrap=True, overflow="ellipsis"),
        )
    output().print(rows if records else "No trials yet.")
    if study.further and records:
        output().print("* on the Pareto front")

"""Commands that show trials: trials and best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.models import force_option
from tuner.cli.options import command, json_option, opened, storage_option, study_argument

if TYPE_CHECKING:
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

    The value is the best that a trial's objective was, by default its lowest validation loss.
    """
    from storage import studies
    from storage.trials import list_trials
    from tuner.cli import documents
    from tuner.results.files import check_output

    if table is not None and as_json:
        raise click.UsageError("--csv and --json cannot be had at once.")
    file = None if table in (None, "-") else check_output(table or "", force=force)
    with opened(storage) as store:
        found = list_trials(store, studies.load(store, study))
    if table is not None:
        _write_csv(found, file)
    elif as_json:
        documents.echo([documents.of_trial(trial) for trial in found])
    else:
        _print_trials(found)


@command("tuner best mlp-digits", "tuner best mlp-digits --json")
@study_argument
@storage_option
@json_option
def best(study: str, storage: str, as_json: bool) -> None:
    """Show the best trial, its scores, and where its model lies."""
    from storage import studies
    from tuner.cli import documents
    from tuner.cli.screen import output
    from tuner.cli.summary import print_best
    from tuner.results.choice import best as best_trial

    with opened(storage) as store:
        known = studies.load(store, study)
        found = best_trial(store, known)
    if as_json:
        documents.echo(documents.of_best(found))
    else:
        print_best(output(), known, found)


def _write_csv(found: list[TrialRecord], file: Path | None) -> None:
    from tuner.results.files import replace_file
    from tuner.results.table import csv_text

    text = csv_text(found)
    if file is None:
        click.echo(text, nl=False)
        return
    replace_file(file, text.encode())
    click.echo(f"Trials: {file}")


def _print_trials(found: list[TrialRecord]) -> None:
    from rich.text import Text

    from tuner import words
    from tuner.cli.screen import output, table

    right = ("trial", "value", "epochs", "time")
    rows = table("trial", "state", *right[1:], "hyperparameters", right=right, whole=("state",))
    for trial in found:
        failed = trial.state == "failed" and trial.failure is not None
        last = words.failure(trial) if failed else words.settings(trial.hyperparameters)
        rows.add_row(
            str(trial.number),
            trial.state,
            words.number(trial.value),
            str(trial.epoch),
            words.duration(trial.seconds),
            # Cut short where there is no room: --json has them all.
            Text(last, no_wrap=True, overflow="ellipsis"),
        )
    output().print(rows if found else "No trials yet.")

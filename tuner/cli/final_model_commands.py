"""Commands that make one last model of a study: refit and ensemble."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from tuner.cli.common_options import (
    command,
    json_option,
    opened,
    storage_option,
    study_argument,
)
from tuner.cli.model_commands import force_option, trial_option
from tuner.cli.printing import say
from tuner.cli.sectioned_options import Command

if TYPE_CHECKING:
    from storage.studies import Study
    from tuner.models.ensemble import Ensemble
    from tuner.models.output_files import ModelFiles
    from tuner.models.refit import Refit

FEWEST = 2  # models that can be averaged


def _output_options(function: Command) -> Command:
    """Where the model goes, and how many threads make it."""
    function = click.option(
        "--threads", type=click.IntRange(min=1), help="CPU threads.  [default: as its worker had]"
    )(function)
    function = force_option(function)
    return click.option(
        "--output",
        "-o",
        metavar="MODEL.keras",
        type=click.Path(),
        default="model.keras",
        show_default=True,
        help="File of the model; its card is written beside it.",
    )(function)


@command("tuner refit mlp-digits", "tuner refit mlp-digits --output final.keras")
@study_argument
@_output_options
@trial_option
@storage_option
@json_option
def refit(
    study: str,
    output: str,
    force: bool,
    threads: int | None,
    trial: int | None,
    storage: str,
    as_json: bool,
) -> None:
    """Train the best hyperparameters on training and validation rows together.

    As many epochs are trained as the trial took to its lowest validation loss. The test part
    stays unseen and tells how good the model is.
    """
    from storage import studies
    from tuner.cli import json_output
    from tuner.cli.console import busy
    from tuner.cli.pareto_choice import choose_trial
    from tuner.models.output_files import ModelFiles
    from tuner.models.refit import refit as train_on_all

    files = ModelFiles(output, force=force)
    with opened(storage) as store, contextlib.redirect_stdout(sys.stderr):
        stored_study = studies.load(store, study)
        record = choose_trial(store, stored_study, trial)
        with busy(f"Training trial {record.number} on more rows ..."):
            done = train_on_all(store, stored_study, record, files, threads=threads)
    if as_json:
        json_output.echo(done.card)
    else:
        _print_refit(done, files, stored_study)


@command("tuner ensemble mlp-digits --top 5", "tuner ensemble mlp-digits -o mean.keras")
@study_argument
@click.option(
    "--top", type=click.IntRange(min=FEWEST), default=5, show_default=True, help="How many models."
)
@_output_options
@storage_option
@json_option
def ensemble(
    study: str,
    top: int,
    output: str,
    force: bool,
    threads: int | None,
    storage: str,
    as_json: bool,
) -> None:
    """Average the best models into one, and say whether that helps on validation data.

    It helps where the average is better than each of them by the objective of the study. Models
    that were not kept are trained again.
    """
    from storage import studies
    from tuner.cli import json_output
    from tuner.cli.console import busy
    from tuner.models.ensemble import ensemble as average
    from tuner.models.output_files import ModelFiles

    files = ModelFiles(output, force=force)
    with opened(storage) as store, contextlib.redirect_stdout(sys.stderr):
        stored_study = studies.load(store, study)
        with busy("Averaging models ..."):
            done = average(store, stored_study, files, top=top, threads=threads, tell=print)
    if as_json:
        json_output.echo({**done.card, "helps": done.helps})
    else:
        _print_ensemble(done, files)


def _print_refit(done: Refit, files: ModelFiles, study: Study) -> None:
    from tuner import formatting

    say(f"Trial {done.trial.number} trained on {done.rows} rows for {done.card['epochs']} epochs.")
    if done.before:
        say(f"{formatting.test_part(study)}, before: {formatting.measures(done.before, '', study)}")
    say(f"Test: {formatting.measures(done.after, '', study)}")
    _print_files(files)


def _print_ensemble(done: Ensemble, files: ModelFiles) -> None:
    from tuner import formatting
    from tuner.cli.console import output, table
    from tuner.models.trial_scores import value_of

    names = _measures(done)
    columns = [f"{part} {name}" for part in done.scores for name in names]
    rows = table("model", *columns, right=tuple(columns))
    models = [(f"trial {trial.number}", scores) for trial, scores in done.members]
    for model, scores in [*models, ("average", done.scores)]:
        values = (value_of(of_part, name) for of_part in scores.values() for name in names)
        rows.add_row(model, *map(formatting.number, values))
    output().print(rows)
    verdict = "helps" if done.helps else "does not help"
    say(
        f"Averaging {verdict} on validation data: {done.objective.measured} "
        f"{formatting.number(done.value)}, "
        f"best single model {formatting.number(done.best_single)}."
    )
    _print_files(files)


def _measures(done: Ensemble) -> list[str]:
    """What a line has room for, the objective first."""
    names = (done.objective.metric, "loss", "accuracy", "rmse")
    there = {name: None for name in names if name == names[0] or name in done.scores["test"]}
    return [name for name in there if name is not None]


def _print_files(files: ModelFiles) -> None:
    say(f"Model: {files.model}")
    say(f"Card: {files.card}")

"""Commands that make one last model of a study: refit and ensemble."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from tuner.cli.models import force_option, trial_option
from tuner.cli.options import Command, command, json_option, opened, storage_option, study_argument

if TYPE_CHECKING:
    from tuner.results.ensemble import Ensemble, Scores
    from tuner.results.files import ModelFiles
    from tuner.results.refit import Refit

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
        help="Where the model goes; its card goes beside it.",
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
    from tuner.cli import documents
    from tuner.cli.front import choose
    from tuner.cli.screen import busy
    from tuner.results.files import ModelFiles
    from tuner.results.refit import refit as train_on_all

    files = ModelFiles(output, force=force)
    with opened(storage) as store, contextlib.redirect_stdout(sys.stderr):
        found = studies.load(store, study)
        record = choose(store, found, trial)
        with busy(f"Training trial {record.number} on more rows ..."):
            done = train_on_all(store, found, record, files, threads=threads)
    if as_json:
        documents.echo(done.card)
    else:
        _print_refit(done, files)


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

    Models that were not kept are trained again.
    """
    from storage import studies
    from tuner.cli import documents
    from tuner.cli.screen import busy
    from tuner.results.ensemble import ensemble as average
    from tuner.results.files import ModelFiles

    files = ModelFiles(output, force=force)
    with opened(storage) as store, contextlib.redirect_stdout(sys.stderr):
        found = studies.load(store, study)
        with busy("Averaging models ..."):
            done = average(store, found, files, top=top, threads=threads, tell=print)
    if as_json:
        documents.echo({**done.card, "helps": done.helps})
    else:
        _print_ensemble(done, files)


def _print_refit(done: Refit, files: ModelFiles) -> None:
    from tuner import words

    click.echo(
        f"Trial {done.trial.number} trained on {done.rows} rows for {done.card['epochs']} epochs."
    )
    if done.before:
        click.echo(f"Test, before: {words.measures(done.before, '')}")
    click.echo(f"Test: {words.measures(done.after, '')}")
    _print_files(files)


def _print_ensemble(done: Ensemble, files: ModelFiles) -> None:
    from tuner import words
    from tuner.cli.screen import output, table

    names = _measures(done.scores)
    columns = [f"{part} {name}" for part in done.scores for name in names]
    rows = table("model", *columns, right=tuple(columns))
    models = [(f"trial {trial.number}", scores) for trial, scores in done.members]
    for model, scores in [*models, ("average", done.scores)]:
        values = (words.number(of_part[name]) for of_part in scores.values() for name in names)
        rows.add_row(model, *values)
    output().print(rows)
    verdict = "helps" if done.helps else "does not help"
    click.echo(
        f"Averaging {verdict} on validation data: loss "
        f"{words.number(done.scores['validation']['loss'])}, "
        f"best single model {words.number(done.best_single)}."
    )
    _print_files(files)


def _measures(scores: Scores) -> list[str]:
    """What a line has room for."""
    return [name for name in ("loss", "accuracy", "rmse") if name in scores["test"]]


def _print_files(files: ModelFiles) -> None:
    click.echo(f"Model: {files.model}")
    click.echo(f"Card: {files.card}")

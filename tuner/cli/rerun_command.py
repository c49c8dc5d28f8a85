"""Commands that train outside a study: rerun."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from tuner.cli.common_options import command, json_option, opened, storage_option, study_argument
from tuner.cli.model_commands import force_option
from tuner.cli.printing import say

if TYPE_CHECKING:
    from tuner.models.rerun import Rerun

DIFFERENT = 1  # exit code


@command("tuner rerun mlp-digits 7", "tuner rerun mlp-digits 7 --output trial-7.keras")
@study_argument
@click.argument("trial", type=click.IntRange(min=0))
@click.option(
    "--output", "-o", metavar="MODEL.keras", type=click.Path(), help="Keep the model, with a card."
)
@force_option
@click.option(
    "--threads", type=click.IntRange(min=1), help="CPU threads.  [default: as its worker had]"
)
@storage_option
@json_option
def rerun(
    study: str,
    trial: int,
    output: str | None,
    force: bool,
    threads: int | None,
    storage: str,
    as_json: bool,
) -> None:
    """Train a trial again from the store alone, and say whether its loss comes out the same.

    Exits with 0 where the validation loss of every epoch is the same within 0.000001, else
    with 1. The study is left as it is.
    """
    from storage import studies, trials
    from tuner.cli import json_output
    from tuner.cli.console import busy
    from tuner.models.output_files import ModelFiles
    from tuner.models.rerun import rerun as train_again

    files = None if output is None else ModelFiles(output, force=force)
    with opened(storage) as store, contextlib.redirect_stdout(sys.stderr):
        stored_study = studies.load(store, study)
        record = trials.find(store, stored_study, trial)
        with busy(f"Training trial {trial} again ..."):
            done = train_again(store, stored_study, record, threads=threads, files=files)
    if as_json:
        json_output.echo(_document(done))
    else:
        say(_verdict(done))
        if files is not None:
            say(f"Model: {files.model}")
            say(f"Card: {files.card}")
    if not done.comparison.same:
        sys.exit(DIFFERENT)


def _document(done: Rerun) -> dict[str, object]:
    comparison = done.comparison
    return {
        "trial": done.trial.number,
        "same": comparison.same,
        **vars(comparison),
        "value": done.value,
        "value_before": done.trial.value,
        "device": str(done.device),
        "seconds": done.seconds,
    }


def _verdict(done: Rerun) -> str:
    """One line."""
    from tuner import formatting

    comparison, number = done.comparison, done.trial.number
    epochs = "1 epoch" if comparison.epochs == 1 else f"{comparison.epochs} epochs"
    trained = f"{epochs} on {done.device}, {done.objective} {formatting.number(done.value)}"
    if comparison.identical:
        return f"Trial {number} came out the same, bit for bit: {trained}."
    apart = f"up to {comparison.difference:.2g} apart (epoch {comparison.epoch})"
    if comparison.same:
        return f"Trial {number} came out the same but for rounding, {apart}: {trained}."
    return (
        f"Trial {number} came out different: validation losses are {apart}: {trained}, before "
        f"{formatting.number(done.trial.value)}. Versions, threads or the device may differ."
    )

"""Commands for finished models: export."""

from __future__ import annotations

import contextlib
import sys

import click

from tuner.cli.options import command, json_option, opened, storage_option, study_argument

trial_option = click.option(
    "--trial", type=click.IntRange(min=0), metavar="N", help="Its number.  [default: the best]"
)
force_option = click.option("--force", is_flag=True, help="Replace files that exist.")


@command("tuner export mlp-digits model.keras", "tuner export mlp-digits other.keras --trial 7")
@study_argument
@click.argument("output", metavar="MODEL.keras", type=click.Path())
@trial_option
@force_option
@storage_option
@json_option
def export(
    study: str, output: str, trial: int | None, force: bool, storage: str, as_json: bool
) -> None:
    """Copy a trial's model to a file that plain Keras loads, with a card beside it.

    The model takes raw rows. The card, MODEL.json, holds its hyperparameters, metrics and
    learning curve, and what it was trained on.
    """
    from storage import studies
    from tuner.cli import documents
    from tuner.results.choice import chosen
    from tuner.results.export import export as export_model
    from tuner.results.files import ModelFiles

    files = ModelFiles(output, force=force)
    with opened(storage) as store, contextlib.redirect_stdout(sys.stderr):
        found = studies.load(store, study)
        exported = export_model(store, found, chosen(store, found, trial), files)
    if exported.missing is not None:
        click.echo(f"The card says little of the data: {exported.missing}", err=True)
    if as_json:
        documents.echo(exported.card)
        return
    click.echo(f"Model: {files.model} (trial {exported.card['trial']})")
    click.echo(f"Card: {files.card}")

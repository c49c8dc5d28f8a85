"""Commands for finished models: export, evaluate and predict."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuner.cli.options import command, json_option, opened, storage_option, study_argument

if TYPE_CHECKING:
    import pandas as pd

    from tuner.results.evaluation import Evaluation

MOST_CLASSES = 20  # whose confusions fit on a screen
MOST_LINES = 20  # of classes, labels or targets; the others are in the JSON
ROWS_SHOWN = 20

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
    from tuner.cli.front import choose
    from tuner.results.export import export as export_model
    from tuner.results.files import ModelFiles

    files = ModelFiles(output, force=force)
    with opened(storage) as store, contextlib.redirect_stdout(sys.stderr):
        found = studies.load(store, study)
        exported = export_model(store, found, choose(store, found, trial), files)
    if exported.missing is not None:
        click.echo(f"The card says little of the data: {exported.missing}", err=True)
    if as_json:
        documents.echo(exported.card)
        return
    click.echo(f"Model: {files.model} (trial {exported.card['trial']})")
    click.echo(f"Card: {files.card}")


@command("tuner evaluate mlp-digits", "tuner evaluate mlp-digits --trial 7 --json")
@study_argument
@trial_option
@storage_option
@json_option
def evaluate(study: str, trial: int | None, storage: str, as_json: bool) -> None:
    """Score a trial's saved model on the test part, from raw rows.

    For classes and labels: accuracy, AUC, and precision, recall and F1 as means over the classes
    or labels and for each; for labels also the share of rows whose labels are all right. For a
    regression: MAE, RMSE and R2 in the unit of the targets. Of several outputs all of this for
    each.
    """
    from storage import studies
    from tuner.cli import documents
    from tuner.cli.front import choose
    from tuner.cli.screen import busy
    from tuner.results.evaluation import evaluate as score

    with opened(storage) as store, contextlib.redirect_stdout(sys.stderr):
        found = studies.load(store, study)
        record = choose(store, found, trial)
        with busy("Scoring the model ..."):
            done = score(found, record)
    if as_json:
        documents.echo({"trial": done.trial, "part": "test", "rows": done.rows, **done.scores})
    else:
        _print_scores(done)


@command(
    "tuner predict model.keras rows.csv",
    "tuner predict model.keras rows.csv -o out.csv",
    "tuner predict model.keras images.npz",
)
@click.argument("model", metavar="MODEL.keras", type=click.Path())
@click.argument("rows", metavar="ROWS", type=click.Path())
@click.option("--output", "-o", metavar="OUT.csv", type=click.Path(), help="Write them all here.")
@click.option(
    "--code",
    metavar="FILE.py",
    type=click.Path(),
    multiple=True,
    help="Is run before, as it defines layers of your own that the model has.",
)
@force_option
@json_option
def predict(
    model: str, rows: str, output: str | None, code: tuple[str, ...], force: bool, as_json: bool
) -> None:
    """Show what an exported model predicts for the rows of a table, or of arrays.

    ROWS is a .csv, .parquet or .tfrecord, or a .npz of x, or of each of several inputs by its name.

    The card beside the model says which columns it takes and what its classes or labels are called.
    """
    from search_spaces.sources import load_file
    from tuner.cli import documents
    from tuner.cli.screen import busy
    from tuner.results.files import check_output
    from tuner.results.prediction import predict_table

    file = None if output is None else check_output(output, force=force)
    with busy("Loading the model ..."):
        for path in code:
            load_file(Path(path))
        predicted = predict_table(model, rows)
    if file is not None:
        predicted.to_csv(file, index=False)
    if as_json:
        documents.echo(predicted.to_dict("records"))
    elif file is not None:
        click.echo(f"{len(predicted)} predictions: {file}")
    else:
        _print_predictions(predicted)


def _print_scores(done: Evaluation) -> None:
    from tuner.cli.screen import output

    console = output()
    console.print(f"Trial {done.trial} on the {done.rows} rows of the test part:")
    _print_measures(done.scores, done.unit)
    for name, scores in done.scores.get("outputs", {}).items():
        console.print(f"Output {name}:")
        _print_measures(scores, done.units[name])


def _print_measures(scores: dict[str, Any], unit: str | None) -> None:
    from tuner import words
    from tuner.cli.screen import output, table

    rows = table("metric", "value", right=("value",))
    for name, value in scores.items():
        if not isinstance(value, (list, dict)):
            rows.add_row(f"  {name}", words.number(value))
    output().print(rows)
    if unit is not None:
        output().print(f"The loss is a square in {unit}.")
    for kind in ("classes", "labels", "targets"):
        if kind in scores:
            _print_each(scores[kind])
    if "confusion" in scores:
        _print_confusion([row["class"] for row in scores["classes"]], scores["confusion"])


def _print_each(scores: list[dict[str, Any]]) -> None:
    """A line for each class or label, or for each of several targets."""
    from tuner import words
    from tuner.cli.screen import output, table

    key = next((name for name in ("class", "label") if name in scores[0]), "target")
    names = [name for name in scores[0] if name != key]
    rows = table(key, *names, right=tuple(names))
    for position, row in enumerate(scores[:MOST_LINES]):
        rows.add_row(f"  {row.get(key, position)}", *(words.number(row[name]) for name in names))
    output().print(rows)
    if len(scores) > MOST_LINES:
        output().print(f"  and {len(scores) - MOST_LINES} more: --json")


def _print_confusion(classes: list[Any], confusion: list[list[int]]) -> None:
    from tuner.cli.screen import output, table

    if len(classes) > MOST_CLASSES:
        output().print("Which classes were taken for which: --json")
        return
    predicted = tuple(f"as {label}" for label in classes)
    rows = table("true class", *predicted, right=predicted)
    for label, counts in zip(classes, confusion, strict=True):
        rows.add_row(f"  {label}", *map(str, counts))
    output().print(rows)


def _print_predictions(predicted: pd.DataFrame) -> None:
    from tuner import words
    from tuner.cli.screen import output, table

    names = tuple(map(str, predicted.columns))
    rows = table("row", *names, right=("row", *names))
    for number, *values in predicted.head(ROWS_SHOWN).itertuples():
        rows.add_row(str(number), *(v if isinstance(v, str) else words.number(v) for v in values))
    output().print(rows)
    if len(predicted) > ROWS_SHOWN:
        click.echo(f"{len(predicted) - ROWS_SHOWN} more rows: write them with --output OUT.csv")

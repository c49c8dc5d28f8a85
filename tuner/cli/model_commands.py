"""Commands for finished models: export, evaluate and predict."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuner.cli.common_options import command, json_option, opened, storage_option, study_argument
from tuner.cli.printing import say

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from tuner.models.evaluate import Evaluation

MOST_CLASSES = 20  # whose confusions fit on a screen
MOST_LINES = 20  # of classes, labels or targets; the others are in the JSON
ROWS_SHOWN = 20

trial_option = click.option(
    "--trial",
    type=click.IntRange(min=0),
    metavar="N",
    help="Number of the trial.  [default: the best]",
)
code_option = click.option(
    "--code",
    metavar="FILE.py",
    type=click.Path(),
    multiple=True,
    help="A file that is run before: it defines custom layers of the model.",
)
force_option = click.option("--force", is_flag=True, help="Replace files that exist.")


@command("tuner export mlp-digits model.keras", "tuner export mlp-digits other.keras --trial 7")
@study_argument
@click.argument("output", metavar="MODEL.keras", type=click.Path())
@trial_option
@code_option
@force_option
@storage_option
@json_option
def export(
    study: str,
    output: str,
    trial: int | None,
    code: tuple[str, ...],
    force: bool,
    storage: str,
    as_json: bool,
) -> None:
    """Copy a trial's model to a file that plain Keras loads, with a card beside it.

    The model takes raw rows. The card, MODEL.json, holds its hyperparameters, metrics and
    learning curve, and what it was trained on. One of a space of your own is loaded before it
    leaves: its layers come from the study's file, or from those of --code. Installed packages
    may add formats other than .keras, by the ending of MODEL.
    """
    from storage import studies
    from tuner.cli import json_output
    from tuner.cli.pareto_choice import choose_trial
    from tuner.models.export import export as export_model
    from tuner.models.output_files import ModelFiles

    files = ModelFiles(output, force=force)
    with opened(storage) as store, contextlib.redirect_stdout(sys.stderr):
        stored_study = studies.load(store, study)
        exported = export_model(
            store, stored_study, choose_trial(store, stored_study, trial), files, code=code
        )
    if exported.untried is not None:
        click.echo(f"Whether it can be loaded was not tried: {exported.untried}", err=True)
    if exported.missing is not None:
        say(f"The card says little of the data: {exported.missing}", err=True)
    if as_json:
        json_output.echo(exported.card)
        return
    say(f"Model: {files.model} (trial {exported.card['trial']})")
    say(f"Card: {files.card}")


@command("tuner evaluate mlp-digits", "tuner evaluate mlp-digits --trial 7 --json")
@study_argument
@trial_option
@storage_option
@json_option
def evaluate(study: str, trial: int | None, storage: str, as_json: bool) -> None:
    """Score a trial's saved model on the test part, from raw rows.

    The loss is the one that the trial learned by, and metrics mean what they mean elsewhere; where
    the usual loss of the task is another number, it is there too, as mse or log_loss. For classes
    and labels: accuracy, AUC, and precision, recall and F1 as means over the classes or labels
    (macro), of two classes those of the second one as well, and for each; for labels also the share
    of rows whose labels are all right. For a regression: MAE, RMSE and R2 in the unit of the
    targets. Of several outputs all of this for each.
    """
    from storage import studies
    from tuner.cli import json_output
    from tuner.cli.console import busy
    from tuner.cli.pareto_choice import choose_trial
    from tuner.models.evaluate import evaluate as score

    with opened(storage) as store, contextlib.redirect_stdout(sys.stderr):
        stored_study = studies.load(store, study)
        record = choose_trial(store, stored_study, trial)
        with busy("Scoring the model ..."):
            done = score(store, stored_study, record)
    if as_json:
        json_output.echo({"trial": done.trial, "part": "test", "rows": done.rows, **done.scores})
    else:
        _print_scores(done)


@command(
    "tuner predict model.keras rows.csv",
    "tuner predict model.keras rows.csv -o out.csv",
    "tuner predict model.keras images.npz",
    "tuner predict unet.keras images.npz -o masks.npz",
)
@click.argument("model", metavar="MODEL.keras", type=click.Path())
@click.argument("rows", metavar="ROWS", type=click.Path())
@click.option(
    "--output",
    "-o",
    metavar="OUT.csv",
    type=click.Path(),
    help="Write all predictions to this file: a table, or arrays to an OUT.npz.",
)
@code_option
@click.option(
    "--header/--no-header",
    default=None,
    help="Whether the first line of a .csv names its columns.  [default: found from the file]",
)
@force_option
@json_option
def predict(
    model: str,
    rows: str,
    output: str | None,
    code: tuple[str, ...],
    header: bool | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show what an exported model predicts for the rows of a table, or of arrays.

    ROWS is a table (.csv, .json, .parquet, ...), whose values are written as those of the training
    rows, a .tfrecord, or a .npz of x, or of each of several inputs by its name.

    The card beside the model says which columns it takes and what its classes or labels are called.
    What is predicted of each pixel or step goes to a .npz, as the arrays prediction and
    probability.
    """
    from search_spaces.user_code.source_files import load_file
    from tuner.cli import json_output
    from tuner.cli.console import busy, warn
    from tuner.models.output_files import check_output
    from tuner.models.predict import predict_rows

    file = None if output is None else check_output(output, force=force)
    with busy("Loading the model ..."):
        for path in code:
            load_file(Path(path))
        predicted = predict_rows(model, rows, header=header, tell=warn)
    if file is not None:
        _write(predicted, file)
    if as_json:
        json_output.echo(
            predicted.to_dict("records")
            if not isinstance(predicted, dict)
            else {name: array.tolist() for name, array in predicted.items()}
        )
    elif file is not None:
        rows_of = predicted["prediction"] if isinstance(predicted, dict) else predicted
        say(f"{len(rows_of)} predictions: {file}")
    elif isinstance(predicted, dict):
        for name, array in predicted.items():
            say(f"{name}: {array.dtype} of shape {array.shape}")
        say("Write them with --output OUT.npz")
    else:
        _print_predictions(predicted)


def _write(predicted: pd.DataFrame | dict[str, NDArray[Any]], file: Path) -> None:
    """A table as .csv, arrays as .npz.

    Raises:
        UserError: Arrays were asked for as a table.
    """
    import numpy as np

    from tuner.errors import UserError

    if file.suffix == ".npz":
        named = predicted if isinstance(predicted, dict) else predicted.to_dict("series")
        arrays: dict[str, Any] = {str(name): np.asarray(one) for name, one in named.items()}
        np.savez(file, **arrays)
    elif isinstance(predicted, dict):
        raise UserError(
            f"Expected --output OUT.npz with a model that answers each pixel or step. "
            f"Received: {file}: write {file.stem}.npz."
        )
    else:
        predicted.to_csv(file, index=False)


def _print_scores(done: Evaluation) -> None:
    from tuner.cli.console import output

    console = output()
    console.print(f"Trial {done.trial} on the {done.rows} rows of the test part:")
    _print_measures(done.scores)
    console.print(done.explained)
    for name, scores in done.scores.get("outputs", {}).items():
        console.print(f"Output {name}:")
        _print_measures(scores)


def _print_measures(scores: dict[str, Any]) -> None:
    from tuner import formatting
    from tuner.cli.console import output, table
    from tuner.models.scores import spelt

    rows = table("metric", "value", right=("value",))
    for name, value in spelt(scores).items():
        rows.add_row(f"  {name}", formatting.number(value))
    output().print(rows)
    if "average" in scores:
        output().print(_explained(scores))
    for kind in ("classes", "labels", "targets"):
        if kind in scores:
            _print_each(scores[kind])
    if "confusion" in scores:
        _print_confusion([row["class"] for row in scores["classes"]], scores["confusion"])


def _explained(scores: dict[str, Any]) -> str:
    if "labels" in scores:
        return "macro: the mean over the labels, each of which counts the same."
    line = "macro: the mean over the classes, each of which counts the same"
    if scores["average"] == "binary":
        line += f"; without that word: of class {scores['classes'][1]['class']!r}"
    return f"{line}."


def _print_each(scores: list[dict[str, Any]]) -> None:
    """A line for each class or label, or for each of several targets."""
    from tuner import formatting
    from tuner.cli.console import output, table

    key = next((name for name in ("class", "label") if name in scores[0]), "target")
    names = [name for name in scores[0] if name != key]
    rows = table(key, *names, right=tuple(names))
    for position, row in enumerate(scores[:MOST_LINES]):
        rows.add_row(
            f"  {row.get(key, position)}", *(formatting.number(row[name]) for name in names)
        )
    output().print(rows)
    if len(scores) > MOST_LINES:
        output().print(f"  and {len(scores) - MOST_LINES} more: --json")


def _print_confusion(classes: list[Any], confusion: list[list[int]]) -> None:
    from tuner.cli.console import output, table

    if len(classes) > MOST_CLASSES:
        output().print("Which classes were taken for which: --json")
        return
    predicted = tuple(f"as {label}" for label in classes)
    rows = table("true class", *predicted, right=predicted)
    for label, counts in zip(classes, confusion, strict=True):
        rows.add_row(f"  {label}", *map(str, counts))
    output().print(rows)


def _print_predictions(predicted: pd.DataFrame) -> None:
    from tuner import formatting
    from tuner.cli.console import output, table

    names = tuple(map(str, predicted.columns))
    rows = table("row", *names, right=("row", *names))
    for number, *values in predicted.head(ROWS_SHOWN).itertuples():
        rows.add_row(
            str(number), *(v if isinstance(v, str) else formatting.number(v) for v in values)
        )
    output().print(rows)
    if len(predicted) > ROWS_SHOWN:
        say(f"{len(predicted) - ROWS_SHOWN} more rows: write them with --output OUT.csv")

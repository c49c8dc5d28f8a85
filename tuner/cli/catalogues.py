"""Commands that show what can be tuned: spaces and datasets."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tuner.cli.options import command, json_option

if TYPE_CHECKING:
    from tuner.datasets import Description
    from tuner.datasets.portrait import Portrait, Predicted

WIDE_ENOUGH = 100  # columns of a terminal that has room for explanations
MOST_CLASSES = 30
MOST_COLUMNS = 40
ROWS_SHOWN = 2
LONGEST = 16  # letters of a value


@command("tuner spaces", "tuner spaces mlp --set units=32..512:log")
@click.argument("name", required=False)
@click.option("--set", "overrides", metavar="NAME=VALUES", multiple=True, help="As in launch.")
@json_option
def spaces(name: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """List the search spaces, or the parameters of one."""
    if name is None:
        _show_families(as_json)
    else:
        _show_space(name, overrides, as_json)


def _show_families(as_json: bool) -> None:
    from search_spaces import catalog
    from tuner.cli import documents
    from tuner.cli.screen import output, table

    families = catalog.describe_families()
    if as_json:
        documents.echo([vars(family) for family in families])
        return
    rows = table("space", "what it is")
    for family in families:
        rows.add_row(family.name, family.summary)
    output().print(rows)


def _show_space(name: str, overrides: tuple[str, ...], as_json: bool) -> None:
    from tuner.cli import documents
    from tuner.cli.loading import load_space
    from tuner.cli.screen import output, table

    space = load_space(name, overrides)
    if as_json:
        documents.echo({"name": space.name, "parameters": [vars(row) for row in space.describe()]})
        return
    console = output()
    explained = console.width >= WIDE_ENOUGH
    rows = table(
        "parameter", "range", "exists if", *(("default", "what it is") if explained else ())
    )
    for row in space.describe():
        more = (row.default, row.help) if explained else ()
        rows.add_row(row.name, row.range, row.condition, *more)
    console.print(rows)


@command("tuner datasets", "tuner datasets digits", "tuner datasets house.csv --target price")
@click.argument("name", required=False)
@click.option("--target", metavar="COLUMN", help="As in launch, of a table.")
@click.option("--task", help="As in launch.")
@click.option("--impute", is_flag=True, help="As in launch, of a table.")
@click.option("--text", metavar="COLUMN", multiple=True, help="As in launch, of a table.")
@json_option
def datasets(
    name: str | None,
    target: str | None,
    task: str | None,
    impute: bool,
    text: tuple[str, ...],
    as_json: bool,
) -> None:
    """List the data sets that come with the project, or show one.

    NAME may be all that launch takes after --data.
    """
    if name is None:
        _list_datasets(as_json)
    else:
        _show_dataset(name, as_json, target=target, task=task, impute=impute, text=text)


def _list_datasets(as_json: bool) -> None:
    from tuner.cli import documents
    from tuner.cli.screen import output, table
    from tuner.datasets import describe_all

    if as_json:
        documents.echo([vars(row) for row in describe_all()])
        return
    rows = table("data set", "rows", "shape", "task", "what it is", right=("rows",))
    for row in describe_all():
        rows.add_row(row.name, str(row.rows), _shape(row), _task(row), row.source)
    output().print(rows)


def _show_dataset(name: str, as_json: bool, **options: Any) -> None:
    from tuner.cli import documents
    from tuner.cli.screen import busy, output
    from tuner.datasets import NAMES, DataError, DataSpec, describe
    from tuner.datasets.portrait import portray

    spec = DataSpec(source=name, **options)
    with busy("Reading the data ..."):
        described = describe(spec)
        try:
            portrait = portray(spec)
        except DataError as e:
            if name not in NAMES:
                raise
            portrait = None  # such as a set of Keras's where there is no network
            click.echo(f"Little is known of it: {e}", err=True)
    if as_json:
        documents.echo({**vars(described), **(dataclasses.asdict(portrait) if portrait else {})})
        return
    console = output()
    console.print(f"{described.name}: {described.source}")
    console.print(f"{described.rows} rows of {_row(described)}, {_task(described)}")
    if portrait is not None:
        _show_targets(portrait, described)
        if portrait.columns:
            _show_columns(portrait)


def _shape(row: Description) -> str:
    return _sides(row.shape)


def _row(row: Description) -> str:
    if row.inputs is None:
        return f"shape {_shape(row)}"
    return ", ".join(f"{name} {_sides(shape)}" for name, shape in row.inputs.items())


def _sides(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _task(row: Description) -> str:
    if row.task == "several":
        return "several outputs"
    return row.task if row.classes is None else f"{row.task} ({row.classes})"


def _show_targets(portrait: Portrait, described: Description) -> None:
    from tuner.datasets.portrait import Predicted

    if len(portrait.parts) > 1:
        brought = ", ".join(f"{part} {rows}" for part, rows in portrait.parts.items())
        click.echo(f"It brings its parts: {brought}")
    for name, one in (portrait.outputs or {}).items():
        click.echo(f"Output {name}: {one.task}")
        _show_predicted(one, described.rows)
    if portrait.outputs is None:
        whole = Predicted(task=described.task, counts=portrait.counts, targets=portrait.targets)
        _show_predicted(whole, described.rows)


def _show_predicted(predicted: Predicted, whole: int) -> None:
    from tuner import words
    from tuner.cli.screen import output, table

    if predicted.targets is not None:
        spread = ", ".join(f"{name} {words.number(v)}" for name, v in predicted.targets.items())
        click.echo(f"Targets: {spread}")
        return
    counts = predicted.counts or {}
    kind = "label" if predicted.task == "labels" else "class"
    rows = table(kind, "rows", "share", right=("rows", "share"))
    for label, count in list(counts.items())[:MOST_CLASSES]:
        rows.add_row(label, str(count), f"{count / whole:.1%}")
    click.echo()
    output().print(rows)
    if len(counts) > MOST_CLASSES:
        click.echo(f"{len(counts) - MOST_CLASSES} more: --json")


def _show_columns(portrait: Portrait) -> None:
    """The columns one below the other, each with its values in the first rows."""
    from tuner.cli.screen import output, table

    rows = table(
        "column",
        "kind",
        "missing",
        "distinct",
        "values",
        "first rows",
        right=("missing", "distinct"),
    )
    for column in portrait.columns[:MOST_COLUMNS]:
        values = (
            f"{_value(column.low)} .. {_value(column.high)}"
            if column.high is not None
            else f"mostly {_value(column.low)}"
        )
        first = ", ".join(_value(row[column.name]) for row in portrait.sample[:ROWS_SHOWN])
        rows.add_row(
            column.name, column.kind, str(column.missing), str(column.distinct), values, first
        )
    click.echo()
    output().print(rows)
    if len(portrait.columns) > MOST_COLUMNS:
        click.echo(f"{len(portrait.columns) - MOST_COLUMNS} more columns: --json")


def _value(value: object) -> str:
    from tuner import words

    if isinstance(value, float):
        return "-" if value != value else words.number(value)
    text = str(value) or "-"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."

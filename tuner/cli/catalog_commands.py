"""Commands that show what can be tuned: spaces and datasets."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from search_spaces.shapes import shown_task
from tuner.cli import completion
from tuner.cli.common_options import command, json_option
from tuner.cli.launch_options import dropping, writing
from tuner.cli.other_words import Task, YesNo
from tuner.cli.printing import say

if TYPE_CHECKING:
    from tuner.datasets import Description
    from tuner.datasets.dataset_profile import DatasetProfile, TargetSummary

WIDE_ENOUGH = 100  # columns of a terminal that has room for explanations
MOST_CLASSES = 30
MOST_COLUMNS = 40
ROWS_SHOWN = 2
LONGEST = 16  # letters of a value
WRITTEN = ("separator", "decimal", "encoding", "na_values", "date_order")


@command("tuner spaces", "tuner spaces mlp --set units=32..512:log")
@click.argument("name", required=False, shell_complete=completion.spaces)
@click.option(
    "--set",
    "overrides",
    metavar="NAME=VALUES",
    multiple=True,
    shell_complete=completion.overrides,
    help="As in launch.",
)
@json_option
def spaces(name: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """List the search spaces, or the parameters of one."""
    if name is None:
        _show_families(as_json)
    else:
        _show_space(name, overrides, as_json)


def _show_families(as_json: bool) -> None:
    from search_spaces import catalog
    from tuner.cli import json_output
    from tuner.cli.console import output, table, warn

    families = catalog.describe_families()
    warn(family.problem for family in families if family.problem)
    if as_json:
        json_output.echo([vars(family) for family in families])
        return
    rows = table("space", "what it is")
    for family in families:
        rows.add_row(family.name, "cannot be used" if family.problem else family.summary)
    output().print(rows)


def _show_space(name: str, overrides: tuple[str, ...], as_json: bool) -> None:
    from search_spaces.objective_function import ObjectiveFunction
    from tuner.cli import json_output
    from tuner.cli.console import output, table
    from tuner.cli.quiet_loading import load_space

    space = load_space(name, overrides)
    if as_json:
        json_output.echo(
            {"name": space.name, "parameters": [vars(row) for row in space.describe()]}
        )
        return
    console = output()
    if isinstance(space, ObjectiveFunction):
        kind = "a HyperModel with fit()" if hasattr(space, "fit") else "an objective function"
        console.print(f"{space.name} is {kind}: it alone knows its parameters.")
        return
    explained = console.width >= WIDE_ENOUGH
    rows = table(
        "parameter", "range", "exists if", *(("default", "what it is") if explained else ())
    )
    for row in space.describe():
        more = (row.default, row.help) if explained else ()
        rows.add_row(row.name, row.range, row.condition, *more)
    console.print(rows)


@command("tuner datasets", "tuner datasets digits", "tuner datasets house.csv --target price")
@click.argument("name", required=False, shell_complete=completion.data_sets)
@click.option("--target", metavar="COLUMN", help="As in launch, of a table.")
@click.option("--task", type=Task(), shell_complete=completion.tasks, help="As in launch.")
@click.option("--separator", metavar="SIGN", help="As in launch.")
@click.option("--decimal", type=click.Choice([".", ","]), help="As in launch.")
@click.option("--encoding", metavar="NAME", help="As in launch.")
@click.option("--na-values", metavar="TEXT,...", multiple=True, help="As in launch.")
@click.option("--date-order", type=click.Choice(["day-first", "month-first"]), help="As in launch.")
@click.option(
    "--impute",
    type=YesNo(),
    is_flag=False,
    flag_value="yes",
    default="auto",
    help="As in launch, of a table.",
)
@click.option("--text", metavar="COLUMN", multiple=True, help="As in launch, of a table.")
@click.option("--categories", metavar="COLUMN,...", multiple=True, help="As in launch.")
@click.option("--drop", metavar="COLUMN,...", multiple=True, help="As in launch.")
@json_option
def datasets(name: str | None, drop: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """List the data sets that come with the project, or show one.

    NAME may be all that launch takes after --data.
    """
    if name is None:
        _list_datasets(as_json)
    else:
        written = {key: options.pop(key) for key in WRITTEN}
        _show_dataset(name, as_json, **options, **writing(**written), **dropping(drop))


def _list_datasets(as_json: bool) -> None:
    from tuner.cli import json_output
    from tuner.cli.console import output, table
    from tuner.datasets import describe_all

    if as_json:
        json_output.echo([vars(row) for row in describe_all()])
        return
    rows = table("data set", "rows", "shape", "task", "what it is", right=("rows",))
    for row in describe_all():
        rows.add_row(row.name, str(row.rows), _shape(row), _task(row), row.source)
    output().print(rows)


def _show_dataset(name: str, as_json: bool, **options: Any) -> None:
    from tuner.cli import json_output
    from tuner.cli.console import busy, output, warn
    from tuner.datasets import NAMES, DataError, DataSpec, describe
    from tuner.datasets.dataset_profile import profile_dataset
    from tuner.datasets.sources import user_function

    spec = DataSpec(source=name, stream=None, **options)
    with busy("Reading the data ..."):
        described = describe(spec)
        try:
            profile = profile_dataset(spec)
        except DataError as e:
            if name not in NAMES:
                raise
            profile = None  # such as a set of Keras's where there is no network
            say(f"Little is known of it: {e}", err=True)
        searched = user_function.searched_arguments(name) if user_function.accepts(name) else {}
    ranges = {argument: one.text for argument, one in searched.items() if one is not None}
    warn(described.notes)
    if as_json:
        facts = dataclasses.asdict(profile) if profile else {}
        json_output.echo({**vars(described), **facts, "arguments": ranges})
        return
    console = output()
    console.print(f"{described.name}: {described.source}")
    console.print(f"{described.rows} rows of {_row(described)}, {_task(described)}")
    if ranges:
        listed = " ".join(f"{argument}={text}" for argument, text in ranges.items())
        console.print(f"Rows of the defaults; trials search {listed}", soft_wrap=True)
    if profile is not None:
        _show_targets(profile, described)
        if profile.columns:
            _show_columns(profile)


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
    task = shown_task(row.task)
    if row.axes:
        from tuner.datasets.target_axes import shown_axes

        task = f"{task} for each of {shown_axes(row.axes)}"
    return task if row.classes is None else f"{task} ({row.classes})"


def _show_targets(profile: DatasetProfile, described: Description) -> None:
    from tuner.datasets.dataset_profile import TargetSummary

    if len(profile.parts) > 1:
        brought = ", ".join(f"{part} {rows}" for part, rows in profile.parts.items())
        say(f"It brings its parts: {brought}")
    for name, one in (profile.outputs or {}).items():
        say(f"Output {name}: {shown_task(one.task)}")
        _show_predicted(one, described.rows)
    if profile.outputs is None:
        whole = TargetSummary(task=described.task, counts=profile.counts, targets=profile.targets)
        places = described.rows * math.prod(described.axes)
        _show_predicted(whole, places, ("rows", "steps", "pixels")[len(described.axes)])


def _show_predicted(predicted: TargetSummary, whole: int, counted: str = "rows") -> None:
    from tuner import formatting
    from tuner.cli.console import output, table

    if predicted.targets is not None:
        spread = ", ".join(
            f"{name} {formatting.number(v)}" for name, v in predicted.targets.items()
        )
        say(f"Targets: {spread}")
        return
    counts = predicted.counts or {}
    kind = "label" if predicted.task == "labels" else "class"
    rows = table(kind, counted, "share", right=(counted, "share"))
    for label, count in list(counts.items())[:MOST_CLASSES]:
        rows.add_row(label, str(count), f"{count / whole:.1%}")
    say()
    output().print(rows)
    if len(counts) > MOST_CLASSES:
        say(f"{len(counts) - MOST_CLASSES} more: --json")


def _show_columns(profile: DatasetProfile) -> None:
    """The columns one below the other, each with its values in the first rows."""
    from tuner.cli.console import output, table

    rows = table(
        "column",
        "kind",
        "missing",
        "distinct",
        "values",
        "first rows",
        right=("missing", "distinct"),
    )
    for column in profile.columns[:MOST_COLUMNS]:
        values = (
            f"{_value(column.low)} .. {_value(column.high)}"
            if column.high is not None
            else f"mostly {_value(column.low)}"
        )
        first = ", ".join(_value(row[column.name]) for row in profile.sample[:ROWS_SHOWN])
        rows.add_row(
            column.name, column.kind, str(column.missing), str(column.distinct), values, first
        )
    say()
    output().print(rows)
    if len(profile.columns) > MOST_COLUMNS:
        say(f"{len(profile.columns) - MOST_COLUMNS} more columns: --json")


def _value(value: object) -> str:
    from tuner import formatting

    if isinstance(value, float):
        return "-" if value != value else formatting.number(value)
    text = str(value) or "-"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."

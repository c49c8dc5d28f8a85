"""Commands that show what can be tuned: spaces and datasets."""

from __future__ import annotations

import click

from tuner.cli.options import command, json_option

WIDE_ENOUGH = 100  # columns of a terminal that has room for explanations


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


@command("tuner datasets", "tuner datasets digits")
@click.argument("name", required=False)
@json_option
def datasets(name: str | None, as_json: bool) -> None:
    """List the data sets that come with the project, or describe one.

    NAME may be the path of a .npz file too.
    """
    from tuner.cli import documents
    from tuner.cli.screen import output, table
    from tuner.datasets import describe, describe_all

    described = list(describe_all()) if name is None else [describe(name)]
    if as_json:
        shown = [vars(row) for row in described]
        documents.echo(shown if name is None else shown[0])
        return
    rows = table("data set", "rows", "shape", "task", "what it is", right=("rows",))
    for row in described:
        task = row.task if row.classes is None else f"{row.task} ({row.classes})"
        rows.add_row(row.name, str(row.rows), "x".join(map(str, row.shape)), task, row.source)
    output().print(rows)

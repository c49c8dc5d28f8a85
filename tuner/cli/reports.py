"""Commands that picture studies: report and compare."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.models import force_option
from tuner.cli.options import (
    command,
    json_option,
    opened,
    storage_option,
    study_argument,
)

if TYPE_CHECKING:
    from storage.engine import Store
    from storage.studies import Study
    from tuner.results.comparison import Row
    from tuner.results.report.document import Section

ENDINGS = {"html": ".html", "md": ".md"}


@command(
    "tuner report mlp-digits",
    "tuner report mlp-digits -o digits.html --force",
    "tuner report mlp-digits --format md",
)
@study_argument
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(), help="[default: report.html or report.md]"
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(list(ENDINGS)),
    help="A page, or Markdown with pictures.  [default: by the ending of the file, else html]",
)
@click.option(
    "--evaluate/--no-evaluate",
    default=True,
    show_default=True,
    help="Let the best model predict the test part; takes TensorFlow.",
)
@force_option
@storage_option
def report(
    study: str, output: str | None, kind: str | None, evaluate: bool, force: bool, storage: str
) -> None:
    """Write a study on one page: what it found, how, and what went wrong.

    The page is one file that needs no network. Markdown has its pictures in a folder beside it,
    which takes Chromium to draw.
    """
    from storage import studies
    from tuner.cli.screen import busy
    from tuner.results.files import check_output, replace_file
    from tuner.results.report import compose, gather, page, write_markdown

    kind = kind or ("md" if Path(output or "").suffix == ENDINGS["md"] else "html")
    file = check_output(output or f"report{ENDINGS[kind]}", force=force)
    with busy("Reading the study"), opened(storage) as store:
        found = studies.load(store, study)
        facts = gather(store, found)
        scoring = _scoring(store, found) if evaluate and facts.ranking else None
    with busy("Drawing"):
        document = compose(facts, scoring=scoring, written=_written())
        if kind == "md":
            write_markdown(document, file)
        else:
            replace_file(file, page(document).encode())
    click.echo(f"Report: {file}")


@command(
    "tuner compare mlp-digits wide",
    "tuner compare tpe random -o comparison.html",
)
@click.argument("names", metavar="STUDY STUDY...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE.html", type=click.Path(), help="Write a page too.")
@force_option
@storage_option
@json_option
def compare(
    names: tuple[str, ...], output: str | None, force: bool, storage: str, as_json: bool
) -> None:
    """Compare studies of the same data: other spaces, samplers or pruners.

    Last quarter is the median loss of their last trials; "to 5 %" is how long each took to come
    within 5 % of the best loss of all.
    """
    from storage import studies
    from tuner.cli import documents
    from tuner.results.comparison import compare as compare_studies
    from tuner.results.files import check_output

    file = None if output is None else check_output(output, force=force)
    with opened(storage) as store:
        found = [studies.load(store, name) for name in dict.fromkeys(names)]
        rows = compare_studies(store, found)
    if file is not None:
        _write_comparison(rows, file, found[0].spec["data"]["source"])
    if as_json:
        documents.echo([dataclasses.asdict(row) for row in rows])
        return
    _print_comparison(rows)
    if file is not None:
        click.echo(f"Page: {file}")


def _write_comparison(rows: list[Row], file: Path, data: str) -> None:
    from tuner.results.files import replace_file
    from tuner.results.report import page
    from tuner.results.report.versus import versus

    replace_file(file, page(versus(rows, data, written=_written())).encode())


def _print_comparison(rows: list[Row]) -> None:
    from tuner.cli.screen import output, table
    from tuner.results.report.versus import NUMBERS, cells

    shown = table("study", "space", "sampler", *NUMBERS, right=NUMBERS)
    for row in rows:
        shown.add_row(*cells(row))
    output().print(shown)


def _scoring(store: Store, study: Study) -> Section:
    from tuner.results.report.scoring import scoring

    return scoring(store, study)


def _written() -> str:
    from importlib import metadata

    version = metadata.version("keras-trial-tuner")
    return f"Written {time.strftime('%Y-%m-%d %H:%M')} by tuner {version}."

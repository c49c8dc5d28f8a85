"""Commands that picture studies: report and compare."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli import completion
from tuner.cli.common_options import command, json_option, opened, storage_option, study_argument
from tuner.cli.model_commands import force_option
from tuner.cli.printing import say

if TYPE_CHECKING:
    from storage.database.engine import Store
    from storage.studies import Study
    from tuner.report.comparison import StudyRow
    from tuner.report.document import Section

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
    from tuner.cli.console import busy
    from tuner.models.output_files import check_output, replace_file
    from tuner.report import compose, gather, page, write_markdown

    kind = kind or ("md" if Path(output or "").suffix == ENDINGS["md"] else "html")
    file = check_output(output or f"report{ENDINGS[kind]}", force=force)
    with busy("Reading the study"), opened(storage) as store:
        stored_study = studies.load(store, study)
        facts = gather(store, stored_study)
        scoring = _scoring(store, stored_study) if evaluate and facts.ranking else None
    with busy("Drawing"):
        document = compose(facts, scoring=scoring, written=_written())
        if kind == "md":
            write_markdown(document, file)
        else:
            replace_file(file, page(document).encode())
    say(f"Report: {file}")


@command(
    "tuner compare mlp-digits wide",
    "tuner compare tpe random -o comparison.html",
)
@click.argument(
    "names",
    metavar="STUDY STUDY...",
    nargs=-1,
    required=True,
    shell_complete=completion.studies,
)
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
    from tuner.cli import json_output
    from tuner.models.output_files import check_output
    from tuner.report.comparison import compare_studies

    file = None if output is None else check_output(output, force=force)
    with opened(storage) as store:
        compared = [studies.load(store, name) for name in dict.fromkeys(names)]
        rows = compare_studies(store, compared)
    if file is not None:
        _write_comparison(rows, file, compared[0].spec["data"]["source"])
    if as_json:
        json_output.echo([dataclasses.asdict(row) for row in rows])
        return
    _print_comparison(rows)
    if file is not None:
        say(f"Page: {file}")


def _write_comparison(rows: list[StudyRow], file: Path, data: str) -> None:
    from tuner.models.output_files import replace_file
    from tuner.report import page
    from tuner.report.comparison_page import compose_comparison

    replace_file(file, page(compose_comparison(rows, data, written=_written())).encode())


def _print_comparison(rows: list[StudyRow]) -> None:
    from tuner.cli.console import output, table
    from tuner.report.comparison_page import NUMBERS, cells

    comparison = table("study", "space", "sampler", *NUMBERS, right=NUMBERS)
    for row in rows:
        comparison.add_row(*cells(row))
    output().print(comparison)


def _scoring(store: Store, study: Study) -> Section:
    from tuner.report.sections.best_model_scores import scoring

    return scoring(store, study)


def _written() -> str:
    from importlib import metadata

    version = metadata.version("keras-trial-tuner")
    return f"Written {time.strftime('%Y-%m-%d %H:%M')} by tuner {version}."

"""Commands that work on a study: launch and worker."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from tuner.cli.options import (
    Workers,
    command,
    json_option,
    opened,
    storage_option,
    study_argument,
    typed_storage,
)
from tuner.cli.request import make_request, request_options
from tuner.cli.studyfile import read_study

if TYPE_CHECKING:
    from rich.console import Console

    from storage.engine import Store
    from storage.studies import Study
    from tuner.crew import Count, Crew
    from tuner.standby import Standby

per_gpu_option = click.option(
    "--workers-per-gpu",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many may share a GPU.",
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="CPU threads of each worker.  [default: the cores, shared]",
)


@command(
    "tuner launch mlp --data digits --trials 20 --workers 2",
    "tuner launch mlp --data house.csv --target price --set units=32..512:log",
    "tuner launch path/net.py:build --data digits --study mine --sampler random",
    "tuner launch mlp --data digits --study small --objective loss --objective parameters",
    "tuner launch study.toml --workers 2 --dry-run",
)
@click.argument("space", is_eager=True, callback=read_study)
@request_options
@click.option(
    "--workers",
    type=Workers(least=0),
    help="Processes here; 0 only makes the study, auto measures how many pay.  "
    "[default: one a GPU, else one a core, up to 4]",
)
@threads_option
@per_gpu_option
@click.option(
    "--dry-run",
    is_flag=True,
    help="Make nothing: show the study, its first models, and about how long it takes.",
)
@storage_option
@json_option
def launch(
    storage: str,
    workers: Count,
    threads: int | None,
    workers_per_gpu: int,
    dry_run: bool,
    as_json: bool,
    **typed: Any,
) -> None:
    """Make a study, or go on with one, and run workers here.

    SPACE is a family (see: tuner spaces), package.module:Class, path/file.py:Class, or
    path/file.py:FUNCTION, which takes a trial, the inputs and the outputs; or a .toml file that
    names the space and says what the options say.

    Launching again under the same name with the same definition goes on.
    """
    from tuner.cli.screen import messages
    from tuner.crew import Crew
    from tuner.standby import Standby

    crew = Crew(workers=workers, threads=threads, per_gpu=workers_per_gpu)
    crew.check()
    if dry_run:
        from tuner.cli.dryrun import show

        show(storage, make_request(typed), messages(as_json), workers, as_json)
        return
    with Standby(crew.count or 0, threads) as standby:
        _launch(storage, crew, typed, messages(as_json), as_json, standby)


def _launch(
    storage: str,
    crew: Crew,
    typed: dict[str, Any],
    console: Console,
    as_json: bool,
    standby: Standby,
) -> None:
    from tuner.cli.screen import busy
    from tuner.launching import launch as find_or_make

    request = make_request(typed)
    with busy("Building one model ..." if request.plan.needs_keras else "Loading the data ..."):
        store, study, how = find_or_make(storage, request)
    try:
        console.print(f"Study {study.name}: {how}, {study.budget} trials.")
        if study.spec["objective"] != request.goal.name:
            told = study.spec["objective"]
            console.print(f"Losses differ from trial to trial: trials are compared by {told}.")
        _work(store, study, crew, console, as_json, standby)
    finally:
        store.close()


@command("tuner worker mlp-digits", "tuner worker mlp-digits --workers 4 --threads 2")
@study_argument
@click.option(
    "--workers",
    type=Workers(),
    default=1,
    show_default=True,
    help="Processes; auto measures how many pay.",
)
@threads_option
@per_gpu_option
@storage_option
@json_option
def worker(
    study: str,
    workers: Count,
    threads: int | None,
    workers_per_gpu: int,
    storage: str,
    as_json: bool,
) -> None:
    """Join a study from this terminal.

    All that is needed is the address of its store.
    """
    from storage import studies
    from tuner.cli.screen import messages
    from tuner.crew import Crew
    from tuner.errors import UserError

    crew = Crew(workers=workers, threads=threads, per_gpu=workers_per_gpu)
    crew.check()

    with opened(storage) as store:
        found = studies.load(store, study)
        if found.state == studies.STOPPED:
            raise UserError(
                f"Expected a study that is not stopped. Received: {study!r}: go on with: "
                f"tuner resume {study}"
            )
        _work(store, found, crew, messages(as_json), as_json)


def _work(
    store: Store,
    study: Study,
    crew: Crew,
    console: Console,
    as_json: bool,
    standby: Standby | None = None,
) -> None:
    """Works on a study that is not finished, then shows where it stands."""
    from storage import overview
    from tuner.cli import documents
    from tuner.cli.summary import print_summary
    from tuner.cli.working import work

    code = 0
    if crew.count != 0 and study.state != "finished":
        status, code = work(store, study, crew, console, standby)
    else:
        status = overview.status(store, study)
    if as_json:
        documents.echo(documents.of_status(status))
    print_summary(console, status, storage=typed_storage(), interrupted=code != 0)
    if code:
        sys.exit(code)

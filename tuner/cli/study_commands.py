"""Commands that show studies: list and status."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from tuner.cli.common_options import command, json_option, opened, storage_option, study_argument

if TYPE_CHECKING:
    from rich.console import Console

    from storage.database.engine import Store
    from storage.overview import Status
    from storage.studies import Study

WATCH_PAUSE = 1.0  # seconds between two looks into the store
UNENDED = ("running", "paused")  # states in which trials may still end


@command("tuner list", name="list")
@storage_option
@json_option
def list_studies(storage: str, as_json: bool) -> None:
    """List the studies of a store."""
    from storage import overview, studies
    from tuner.cli import json_output

    with opened(storage) as store:
        statuses = [overview.status(store, study) for study in studies.list_studies(store)]
    if as_json:
        json_output.echo([json_output.of_status(status) for status in statuses])
    else:
        _print_list(statuses)


@command("tuner status mlp-digits", "tuner status mlp-digits --watch")
@study_argument
@click.option("--watch", is_flag=True, help="Show changes until the study is over.")
@storage_option
@json_option
def status(study: str, watch: bool, storage: str, as_json: bool) -> None:
    """Show how far a study is and what its workers do.

    With --watch and --json, one line is printed for each change.
    """
    from storage import studies

    with opened(storage) as store:
        stored_study = studies.load(store, study)
        if as_json:
            _print_json(store, stored_study, watch=watch)
        else:
            _print_status(store, stored_study, watch=watch)


def _print_json(store: Store, study: Study, *, watch: bool) -> None:
    from storage import overview
    from tuner.cli import json_output

    printed = None
    while True:
        current = json_output.of_status(overview.status(store, study))
        if not watch:
            current["files"] = json_output.of_files(study)
        if current != printed:
            json_output.echo(current, indent=None if watch else 2)
        if not watch or current["state"] not in UNENDED:
            return
        printed = current
        time.sleep(WATCH_PAUSE)


def _print_status(store: Store, study: Study, *, watch: bool) -> None:
    from storage import overview
    from tuner.cli.console import output
    from tuner.monitoring.disk_usage import disk_usage, format_usage

    console = output()
    if watch:
        _watch(store, study, console)
    status = overview.status(store, study)
    _print_study(console, status)
    console.print(f"Files: {format_usage(disk_usage(status.study))}")
    _print_workers(console, status)


def _watch(store: Store, study: Study, console: Console) -> None:
    from tuner.monitoring.live_view import Monitor

    with Monitor(store, study, console) as monitor:
        while monitor.status.study.state in UNENDED:
            time.sleep(WATCH_PAUSE)
            monitor.update(now=True)


def _print_list(statuses: list[Status]) -> None:
    from tuner import formatting
    from tuner.cli.console import output, table

    rows = table("study", "state", "ended", "best", "launched", right=("ended", "best"))
    for status in statuses:
        study, best = status.study, status.best
        rows.add_row(
            study.name,
            study.state,
            f"{status.trials.ended}/{study.budget}",
            formatting.number(None if best is None else best.value),
            formatting.moment(study.created_at),
        )
    output().print(rows if statuses else "No studies yet. See: tuner launch --help")


def _print_study(console: Console, status: Status) -> None:
    from tuner import formatting
    from tuner.cli.pareto_choice import print_front
    from tuner.studies.objective import objective_of

    study, counts = status.study, status.trials
    reason = f" ({study.reason})" if study.reason else ""
    console.print(f"Study {study.name} is {study.state}{reason}")
    console.print(formatting.progress(counts, study.budget))
    others = {
        "running": counts.running,
        "waiting": counts.waiting,
        "not started": counts.unstarted,
    }
    if any(others.values()):
        console.print(", ".join(f"{count} {state}" for state, count in others.items() if count))
    if status.promotions:
        console.print(formatting.promotions(status.promotions).capitalize())
    if status.failures:
        kinds = ", ".join(f"{count} {kind}" for kind, count in status.failures.items())
        console.print(f"Failed: {kinds}; why: tuner logs {study.typed}")
    if status.front:
        print_front(console, study, status.front)
    elif status.best is not None:
        best = status.best
        objective = objective_of(study).text
        console.print(f"Best: trial {best.number}, {objective} {formatting.number(best.value)}")
        console.print(f"  {formatting.settings(best.hyperparameters)}")


def _print_workers(console: Console, status: Status) -> None:
    from tuner import formatting
    from tuner.cli.console import table

    here = [worker for worker in status.workers if worker.state != "left"]
    if not here:
        console.print("No worker is at it.")
        return
    right = ("trial", "epoch", "loss", "busy")
    rows = table("worker", "state", *right, right=right)
    for worker in here:
        rows.add_row(
            worker.name,
            worker.state,
            "-" if worker.trial is None else str(worker.trial),
            "-" if worker.epoch is None else str(worker.epoch),
            formatting.number(worker.value),
            "-" if worker.busy is None else f"{worker.busy:.0%}",
        )
    console.print(rows)

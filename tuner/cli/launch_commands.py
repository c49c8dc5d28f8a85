"""Commands that work on a study: launch and worker."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tuner.cli import completion
from tuner.cli.common_options import (
    Workers,
    command,
    json_option,
    opened,
    storage_option,
    study_argument,
    typed_storage,
)
from tuner.cli.launch_flags import (
    WORKER_HINTS,
    launch_options,
    per_gpu_option,
    threads_option,
    worker_option,
)
from tuner.cli.launch_options import LaunchOptions
from tuner.cli.sectioned_options import SectionedCommand, add_options, option
from tuner.cli.study_file import read_study

if TYPE_CHECKING:
    from rich.console import Console

    from storage.database.engine import Store
    from storage.overview import Status
    from storage.studies import Study
    from tuner.study_setup.create_study import How, StudyDraft
    from tuner.workers.process_pool import ProcessPool
    from tuner.workers.worker_count import Count, WorkerPlan

ALL_FAILED = 1  # exit code
MESSAGE = 120  # characters
NOTHING_TO_DO = "`rerun`, `refit`, `evaluate` and `ensemble` have nothing to work on, and `export`"
OWN_TRAINING = (
    f"An objective function trains by itself: {NOTHING_TO_DO} the models that it hands to "
    "log_model()."
)
OWN_FIT = (
    f"fit() of the HyperModel trains by itself: {NOTHING_TO_DO} models that take prepared rows. "
    "It is given"
)


@command(
    "tuner launch mlp --data digits --trials 20 --workers 2",
    "tuner launch mlp --data house.csv --target price --set units=32..512:log",
    "tuner launch path/net.py:build --data digits --study mine --sampler random",
    "tuner launch train.py:objective --trials 50 --direction max",
    "tuner launch mlp --data digits --study small --objective loss --objective parameters",
    "tuner launch study.toml --workers 2 --dry-run",
    cls=SectionedCommand,
)
@click.argument("space", is_eager=True, callback=read_study, shell_complete=completion.spaces)
@launch_options
@option(
    "--dry-run",
    is_flag=True,
    help="Make nothing: show the study, its first models, and about how long it takes.",
)
@storage_option
@json_option
def launch(options: LaunchOptions, storage: str, dry_run: bool, as_json: bool) -> None:
    """Make a study, or resume one, and run workers here.

    SPACE is a family (see: tuner spaces), package.module:Class, path/file.py:Class, or
    path/file.py:FUNCTION, which takes a trial, the inputs and the outputs; or one that takes a
    trial alone, trains by itself and returns a number, as Optuna's do; or build(hp) or a HyperModel
    of KerasTuner; or a .toml file with the space and the options. The command line overrides the
    file.

    Launching again under the same name with the same definition resumes the study.
    """
    from tuner.cli.console import messages
    from tuner.workers.process_pool import ProcessPool

    worker_plan = options.worker_plan()
    if dry_run:
        from tuner.cli.dry_run import show

        show(storage, options.request(), messages(as_json), options.workers, as_json)
        return
    # Processes of the pool import TensorFlow, which other people's training may not need.
    early = 0 if options.own_training else worker_plan.count or 0
    with ProcessPool(early, options.threads) as process_pool:
        _launch(storage, worker_plan, options, messages(as_json), as_json, process_pool)


def _launch(
    storage: str,
    worker_plan: WorkerPlan,
    options: LaunchOptions,
    console: Console,
    as_json: bool,
    process_pool: ProcessPool,
) -> None:
    from tuner.cli.console import busy, warn
    from tuner.study_setup.create_study import check_launch
    from tuner.study_setup.create_study import create_study as find_or_make

    request = options.request()
    with busy("Building one model ..." if request.plan.needs_keras else "Loading the data ..."):
        draft = check_launch(storage, request)
        store, study, how = find_or_make(storage, request, draft)
    try:
        warn(draft.notes)
        console.print(f"Study {study.name}: {how}, {study.budget} trials.")
        if options.is_hypermodel_with_fit:
            console.print(f"{OWN_FIT} {_handed_to_fit(options)}.", soft_wrap=True)
        elif draft.spec.own_training:
            console.print(OWN_TRAINING, soft_wrap=True)
        if draft.outline:
            console.print(f"Data: {draft.outline}.", soft_wrap=True)
        _say_past(draft, how, options, console)
        if study.spec["objective"] != request.objective.name:
            objective = study.spec["objective"]
            console.print(f"Losses differ from trial to trial: trials are compared by {objective}.")
        _work(store, study, worker_plan, console, as_json, process_pool)
    finally:
        store.close()


def _say_past(draft: StudyDraft, how: How, options: LaunchOptions, console: Console) -> None:
    if draft.past is not None and how == "launched":
        console.print(draft.past.line(draft.budget), soft_wrap=True, markup=False)
    elif options.like:
        console.print("Past trials were taken, or not, when the study was launched first.")


def _handed_to_fit(options: LaunchOptions) -> str:
    """What ``fit`` of a ``HyperModel`` gets, by which it is seen what was forgotten."""
    rows = ["x", "y", "validation_data"]
    if options.data is None:
        rows = ["no data, which it has to load itself (or: --data NAME)"]
    elif options.scaling != "none":
        rows[-1] += " (scaled, unless you add --scaling none)"
    epochs = any(text.partition("=")[0].strip() == "epochs" for text in options.arguments)
    hint = "" if epochs else ", and chooses its epochs (or: --argument epochs=10)"
    return ", ".join([*rows, "callbacks", *options.arguments]) + hint


@command(
    "tuner worker mlp-digits",
    "tuner worker mlp-digits --workers 4 --threads 2",
    cls=SectionedCommand,
)
@study_argument
@worker_option(
    "--workers",
    type=Workers(),
    default=1,
    show_default=True,
    help="Processes; auto measures how many pay.",
)
@threads_option
@per_gpu_option
@add_options(*WORKER_HINTS)
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
    from tuner.cli.console import messages
    from tuner.errors import UserError
    from tuner.workers.worker_count import WorkerPlan

    worker_plan = WorkerPlan(workers=workers, threads=threads, per_gpu=workers_per_gpu)
    worker_plan.check()

    with opened(storage) as store:
        stored_study = studies.load(store, study)
        if stored_study.state == studies.STOPPED:
            raise UserError(
                f"Expected a study that is not stopped. Received: {study!r}: go on with: "
                f"tuner resume {stored_study.typed}"
            )
        _work(store, stored_study, worker_plan, messages(as_json), as_json)


def _work(
    store: Store,
    study: Study,
    worker_plan: WorkerPlan,
    console: Console,
    as_json: bool,
    process_pool: ProcessPool | None = None,
) -> None:
    """Works on a study that is not finished, then shows where it stands."""
    from storage import overview
    from tuner.cli import json_output
    from tuner.cli.final_summary import print_summary
    from tuner.cli.run_workers import run_workers

    code = 0
    if worker_plan.count != 0 and study.state != "finished":
        status, code = run_workers(store, study, worker_plan, console, process_pool)
    else:
        status = overview.status(store, study)
    if as_json:
        json_output.echo(json_output.of_status(status))
    print_summary(console, status, storage=typed_storage(), interrupted=code != 0)
    if not code and status.all_failed:
        _say_all_failed(store, status)
        code = ALL_FAILED
    if code:
        sys.exit(code)


def _say_all_failed(store: Store, status: Status) -> None:
    from storage import trials

    name, count = status.study.name, status.trials.failed
    first = next(t for t in trials.list_trials(store, status.study) if t.failure is not None)
    assert first.failure is not None
    click.echo(
        f"Error: Expected a trial that succeeds. Received: {count} that failed, trial "
        f"{first.number} with: {first.failure.message[:MESSAGE]}. See: tuner logs {name}",
        err=True,
    )

"""The command line: parse, call, print. One file a group of commands."""

from __future__ import annotations

import click

from tuner.cli.admin_commands import dashboard, doctor, migrate, upgrade
from tuner.cli.catalog_commands import datasets, spaces
from tuner.cli.error_handling import ErrorHandlingGroup
from tuner.cli.final_model_commands import ensemble, refit
from tuner.cli.gc_command import gc
from tuner.cli.launch_commands import launch, worker
from tuner.cli.model_commands import evaluate, export, predict
from tuner.cli.report_commands import compare, report
from tuner.cli.rerun_command import rerun
from tuner.cli.study_commands import list_studies, status
from tuner.cli.study_control_commands import delete, extend, pause, resume, stop
from tuner.cli.trial_action_commands import end, enqueue, logs, retry
from tuner.cli.trial_commands import best, trials

__all__ = ["main"]

WIDEST = 120  # columns of help


@click.group(
    cls=ErrorHandlingGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDEST},
    epilog="\b\nExample:\n  tuner launch mlp --data digits --trials 20 --workers 2\n\n"
    "\b\nCompletion of commands, options, studies and parameters, for bash (or zsh, fish):\n"
    '  eval "$(_TUNER_COMPLETE=bash_source tuner)"',
)
@click.version_option(package_name="keras-trial-tuner", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Tune the hyperparameters of Keras models."""


for _command in (
    launch,
    worker,
    list_studies,
    status,
    trials,
    best,
    report,
    compare,
    export,
    evaluate,
    predict,
    rerun,
    refit,
    ensemble,
    pause,
    stop,
    resume,
    extend,
    delete,
    end,
    enqueue,
    retry,
    logs,
    gc,
    spaces,
    datasets,
    dashboard,
    migrate,
    upgrade,
    doctor,
):
    main.add_command(_command)

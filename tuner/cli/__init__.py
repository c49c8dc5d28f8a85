"""The command line: parse, call, print. One file a group of commands."""

from __future__ import annotations

import click

from tuner.cli.again import rerun
from tuner.cli.catalogues import datasets, spaces
from tuner.cli.cleaning import gc
from tuner.cli.final import ensemble, refit
from tuner.cli.launch import launch, worker
from tuner.cli.models import evaluate, export, predict
from tuner.cli.program import Program
from tuner.cli.reports import compare, report
from tuner.cli.requests import end, enqueue, logs, retry
from tuner.cli.service import dashboard, doctor, upgrade
from tuner.cli.states import delete, extend, pause, resume, stop
from tuner.cli.studies import list_studies, status
from tuner.cli.trials import best, trials

__all__ = ["main"]


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExample:\n  tuner launch mlp --data digits --trials 20 --workers 2",
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
    upgrade,
    doctor,
):
    main.add_command(_command)

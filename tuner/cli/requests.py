"""Commands that act on single trials: end, enqueue, retry and logs."""

from __future__ import annotations

import click

from tuner.cli.options import command, json_option, opened, storage_option, study_argument


@command("tuner end mlp-digits 7")
@study_argument
@click.argument("trial", type=click.IntRange(min=0))
@storage_option
@json_option
def end(study: str, trial: int, storage: str, as_json: bool) -> None:
    """End a trial now.

    It counts as pruned with its best value, and as failed where it has none.
    """
    from storage import requests, studies
    from tuner.cli import documents

    with opened(storage) as store:
        answer = requests.end(store, studies.load(store, study), trial)
    if as_json:
        documents.echo({"study": study, "trial": trial, "answer": answer})
    elif answer == "asked":
        click.echo(f"Trial {trial} will be ended by its worker in a moment.")
    else:
        click.echo(f"Trial {trial} is ended.")


@command("tuner enqueue mlp-digits --set units=64 --set dropout=0.2")
@study_argument
@click.option(
    "--set",
    "values",
    metavar="NAME=VALUE",
    multiple=True,
    required=True,
    help="A value of the next trial; what is not set is sampled.",
)
@storage_option
@json_option
def enqueue(study: str, values: tuple[str, ...], storage: str, as_json: bool) -> None:
    """Make the next trial one with values of your own.

    It counts against the budget.
    """
    from storage import requests, studies
    from tuner.cli import documents
    from tuner.cli.loading import load_space
    from tuner.errors import UserError
    from tuner.study import StudySpec

    with opened(storage) as store:
        found = studies.load(store, study)
        spec = StudySpec.from_dict(found.spec)
        if spec.sampler == "grid":
            raise UserError(
                f"Expected a study whose sampler chooses freely. Received: {study!r}: "
                "each of its trials is a point of its grid."
            )
        space = load_space(spec.space, spec.overrides)
        chosen = space.read(values)
        number = requests.enqueue(store, found, space.encode(chosen))
    if as_json:
        documents.echo({"study": study, "number": number, "params": chosen})
    else:
        click.echo(f"Trial {number} of {study} has these values and waits for a worker.")


@command("tuner retry mlp-digits", "tuner retry mlp-digits --trial 7")
@study_argument
@click.option(
    "--trial", "trials", type=click.IntRange(min=0), multiple=True, help="Only this failed trial."
)
@storage_option
@json_option
def retry(study: str, trials: tuple[int, ...], storage: str, as_json: bool) -> None:
    """Train failed trials again, each as a new one beyond the budget.

    Without --trial: all failed ones that were not tried again yet.
    """
    from storage import requests, studies
    from tuner.cli import documents

    with opened(storage) as store:
        numbers = requests.retry(store, studies.load(store, study), list(trials) or None)
    if as_json:
        documents.echo({"study": study, "numbers": numbers})
    elif numbers:
        told = ", ".join(map(str, numbers))
        click.echo(f"To be trained again as trial {told}; for workers: tuner worker {study}")
    else:
        click.echo("No failed trial is left to be tried again.")


@command("tuner logs mlp-digits 7")
@study_argument
@click.argument("trial", type=click.IntRange(min=0), required=False)
@storage_option
@json_option
def logs(study: str, trial: int | None, storage: str, as_json: bool) -> None:
    """Show what workers printed for a trial, wherever they ran.

    Without a trial: for all of the study, in order. Failures end with their traceback.
    """
    from storage import logs as store_logs
    from storage import studies, trials, workers
    from tuner.cli import documents

    with opened(storage) as store:
        found = studies.load(store, study)
        records = trials.list_trials(store, found)
        if trial is not None:
            records = [trials.find(store, found, trial)]
        entries = store_logs.read(store, found, trial)
        names = {worker.worker_id: worker.name for worker in workers.list_workers(store, found)}
    failures = [(t, t.failure) for t in records if t.failure is not None]
    if as_json:
        documents.echo([vars(entry) for entry in entries])
        return
    for entry in entries:
        click.echo(f"--- trial {entry.trial}, attempt {entry.attempt}")
        click.echo(entry.text.rstrip("\n"))
    for record, failure in failures:
        worker = names.get(record.worker or "")
        where = f"attempt {record.attempt}" + (f" on {worker}" if worker else "")
        click.echo(f"--- trial {record.number}, {where}: {failure.kind}: {failure.message}")
        if failure.traceback:
            click.echo(failure.traceback.rstrip("\n"))
    if not entries and not failures:
        click.echo("Nothing was printed.")

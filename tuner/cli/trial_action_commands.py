"""Commands that act on single trials: end, enqueue, retry and logs."""

from __future__ import annotations

import click

from tuner.cli.common_options import command, json_option, opened, storage_option, study_argument
from tuner.cli.printing import say


@command("tuner end mlp-digits 7")
@study_argument
@click.argument("trial", type=click.IntRange(min=0))
@storage_option
@json_option
def end(study: str, trial: int, storage: str, as_json: bool) -> None:
    """End a trial now.

    It counts as pruned with its best value, and as failed where it has none.
    """
    from storage import studies, trial_actions
    from tuner.cli import json_output

    with opened(storage) as store:
        answer = trial_actions.end_trial(store, studies.load(store, study), trial)
    if as_json:
        json_output.echo({"study": study, "trial": trial, "answer": answer})
    elif answer == "asked":
        say(f"Trial {trial} was asked to end: its worker ends it, or is ended if its code hangs.")
    else:
        say(f"Trial {trial} is ended.")


@command("tuner enqueue mlp-digits --set units=64 --set dropout=0.2")
@study_argument
@click.option(
    "--set",
    "values",
    metavar="NAME=VALUE",
    multiple=True,
    required=True,
    help="A hyperparameter of the next trial; others are sampled.",
)
@storage_option
@json_option
def enqueue(study: str, values: tuple[str, ...], storage: str, as_json: bool) -> None:
    """Make the next trial one with values of your own.

    It counts against the budget.
    """
    from storage import studies, trial_actions
    from tuner.cli import json_output
    from tuner.errors import UserError
    from tuner.search.samplers import SAMPLERS
    from tuner.studies.loading import unchecked_space
    from tuner.studies.study_spec import StudySpec
    from tuner.suppress_output import suppress_output

    with opened(storage) as store:
        stored_study = studies.load(store, study)
        spec = StudySpec.from_dict(stored_study.spec)
        if SAMPLERS[spec.sampler].size is not None:
            raise UserError(
                f"Expected a study whose sampler chooses freely. Received: {study!r}: "
                "each of its trials is a point of its grid."
            )
        with suppress_output():  # its files may print, or import TensorFlow
            space = unchecked_space(spec)
        chosen = space.read(values)
        number = trial_actions.enqueue(store, stored_study, space.encode(chosen))
    if as_json:
        json_output.echo({"study": study, "number": number, "params": chosen})
    else:
        say(f"Trial {number} of {study} has these values and waits for a worker.")


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
    from storage import studies, trial_actions
    from tuner.cli import json_output

    with opened(storage) as store:
        stored_study = studies.load(store, study)
        numbers = trial_actions.retry(store, stored_study, list(trials) or None)
    if as_json:
        json_output.echo({"study": study, "numbers": numbers})
    elif numbers:
        listed = ", ".join(map(str, numbers))
        say(
            f"To be trained again as trial {listed}; for workers: tuner worker {stored_study.typed}"
        )
    else:
        say("No failed trial is left to be tried again.")


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
    from tuner.cli import json_output
    from tuner.control_characters import lines

    with opened(storage) as store:
        stored_study = studies.load(store, study)
        records = trials.list_trials(store, stored_study)
        if trial is not None:
            records = [trials.find(store, stored_study, trial)]
        entries = store_logs.read(store, stored_study, trial)
        names = {
            worker.worker_id: worker.name for worker in workers.list_workers(store, stored_study)
        }
    failures = [(t, t.failure) for t in records if t.failure is not None]
    if as_json:
        json_output.echo([vars(entry) for entry in entries])
        return
    for entry in entries:
        say(f"--- trial {entry.trial}, attempt {entry.attempt}")
        say(lines(entry.text.rstrip("\n")))
    for record, failure in failures:
        worker = names.get(record.worker or "")
        where = f"attempt {record.attempt}" + (f" on {worker}" if worker else "")
        say(f"--- trial {record.number}, {where}: {failure.kind}: {failure.message}")
        if failure.traceback:
            say(lines(failure.traceback.rstrip("\n")))
    if not entries and not failures:
        say("Nothing was printed.")
